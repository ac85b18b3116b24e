"""Handwritten digits in spikes: accuracy over neurons of the trained network that comes with the package.

    python -m lmu_hw.experiments.spiking_digits --plot out/spiking_digits.svg

The network is `digits_linear`, as `lmu-hw train digits` made it: 64 states that see 64 pixels in a random order, 64
hidden units, 10 classes. Each pixel lasts 50 ms of simulated time, the synapse's time constant is 100 ms; the
ensembles are scaled by what happens in the trained network on training digits. Either the memory alone is in spikes,
or the hidden units too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from lmu_hw.artifacts import write_text
from lmu_hw.cli.output import answer, grid
from lmu_hw.experiments.start import command
from lmu_hw.networks import load
from lmu_hw.reference.classifier import accuracy
from lmu_hw.reference.digits import load_digits
from lmu_hw.reference.network import FloatNetwork
from lmu_hw.spiking.network import NetworkOptions, Scope, SpikingNetwork
from lmu_hw.spiking.neurons import NeuronKind

NETWORK = "digits_linear"
PER_STATE = (12, 25, 50, 100, 200)
SAMPLE_SECONDS = 0.05
_CALIBRATION = 200


def measure(
    per_state: int,
    scope: Scope,
    *,
    kind: NeuronKind = NeuronKind.POISSON_LIF,
    sample_seconds: float = SAMPLE_SECONDS,
    digits: int | None = None,
    seed: int = 0,
) -> tuple[int, float, float]:
    """Neurons, accuracy in spikes and accuracy in float64 on held-out digits.

    Args:
        per_state: neurons for each state, and for each hidden unit.
        scope: what is in spikes.
        kind: of neuron.
        sample_seconds: how long a pixel lasts.
        digits: how many of the held-out digits; all by default.
        seed: of tuning curves and spikes.

    Raises:
        MissingToolError: scikit-learn is not installed.
    """
    network, data = load(NETWORK), load_digits(0)
    x, labels = data.test.sequences[:digits, :, None], data.test.labels[:digits]
    options = NetworkOptions(per_state, per_state, scope, sample_seconds, kind, seed=seed)
    spiking = SpikingNetwork(network, options, data.train.sequences[:_CALIBRATION, :, None])
    ideal = accuracy(FloatNetwork(network).classify(x), labels)
    return spiking.neurons, accuracy(spiking.classify(x), labels), ideal


@click.command(context_settings={"show_default": True})
@click.option("--per-state", default=",".join(map(str, PER_STATE)), help="Neurons for each state and hidden unit.")
@click.option("--sample-seconds", default=SAMPLE_SECONDS, help="How long a pixel lasts, s.")
@click.option("--kind", type=click.Choice([str(k) for k in NeuronKind]), default="poisson-lif", help="Of neuron.")
@click.option("--digits", type=int, help="Held-out digits; all by default.")
@click.option("--seeds", default=1, help="Runs of each, with tuning curves and spikes of their own.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write a plot of the accuracies, SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    per_state: str, sample_seconds: float, kind: str, digits: int | None, seeds: int, plot: Path | None, as_json: bool
) -> None:
    """Print the accuracy over neurons."""
    counts = [int(word) for word in per_state.split(",")]
    curves: dict[str, Any] = {}
    ideal = 0.0
    for scope in Scope:
        neurons, scores = [], []
        for n in counts:
            runs = [
                measure(n, scope, kind=NeuronKind(kind), sample_seconds=sample_seconds, digits=digits, seed=s)
                for s in range(max(1, seeds))
            ]
            neurons.append(runs[0][0])
            scores.append([score for _, score, _ in runs])
            ideal = runs[0][2]
        curves[str(scope)] = {"neurons": neurons, "accuracy": scores}
    result = {"network": NETWORK, "sample_seconds": sample_seconds, "kind": kind, "float": ideal, "spiking": curves}
    if plot is not None:
        from lmu_hw.cli.spiking_plots import accuracy_plot

        shown = {name: (np.array(c["neurons"]), np.array(c["accuracy"])) for name, c in curves.items()}
        write_text(plot, accuracy_plot(shown, ideal))
    answer(result, [_table(name, c["neurons"], c["accuracy"], ideal) for name, c in curves.items()], as_json=as_json)


def _table(scope: str, neurons: Sequence[int], scores: Sequence[Sequence[float]], ideal: float) -> Any:
    title = {"memory": "The memory in spikes", "all": "Everything in spikes"}[scope]
    rows = [(str(n), " ".join(f"{s:.1%}" for s in score)) for n, score in zip(neurons, scores, strict=True)]
    return grid(f"{title}; float64 {ideal:.1%}", ["neurons", "accuracy"], rows)


if __name__ == "__main__":
    command(main)
