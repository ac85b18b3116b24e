"""Handwritten digits in spikes: accuracy over neurons of the trained network that comes with the package.

    python -m lmu_hw.experiments.spiking_digits --plot lmu_hw/experiments/figures/spiking_digits.svg
    python -m lmu_hw.experiments.spiking_digits --part training --per-state 25,50 --sample-seconds 0.01,0.02,0.03,0.05

The network is `digits_linear`, as `lmu-hw train digits` made it: 64 states that see 64 pixels in a random order, 64
hidden units, 10 classes. The synapse's time constant is 100 ms; the ensembles are scaled by what happens in the
trained network on the first training digits. Either the memory alone is in spikes, or the hidden units too.

How long a pixel lasts is chosen on the other training digits, by the second command: the longer the better, up to
half the synapse's time constant, beyond which a step is too coarse for it. So it is 50 ms, before any held-out digit
is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, format_number, grid, progress
from lmu_hw.cli.parameters import Fractions, Wholes
from lmu_hw.experiments.start import command
from lmu_hw.io.files import write_text
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.classifier import accuracy
from lmu_hw.reference.digits import LabelledSequences, load_digits
from lmu_hw.spiking.network import NetworkOptions, Scope, SpikingNetwork
from lmu_hw.spiking.neurons import NeuronKind

NETWORK = "digits_linear"
PER_STATE = (12, 25, 50, 100, 200, 400)
SAMPLE_SECONDS = 0.05
_CALIBRATION = 200
_TITLES = {Scope.MEMORY: "the memory in spikes", Scope.ALL: "everything in spikes"}


def digits_of(part: str) -> tuple[LabelledSequences, LabelledSequences]:
    """Digits that ensembles are scaled by, and others to classify.

    Args:
        part: "test" for the held-out digits, "training" for training digits.

    Raises:
        MissingToolError: scikit-learn is not installed.
    """
    data = load_digits(0)
    known, rest = (
        LabelledSequences(data.train.sequences[part], data.train.labels[part])
        for part in (slice(_CALIBRATION), slice(_CALIBRATION, None))
    )
    return known, data.test if part == "test" else rest


def measure(
    per_state: int,
    scope: Scope,
    *,
    kind: NeuronKind = NeuronKind.POISSON_LIF,
    sample_seconds: float = SAMPLE_SECONDS,
    part: str = "test",
    digits: int | None = None,
    seed: int = 0,
) -> tuple[int, float, float]:
    """Neurons, accuracy in spikes and accuracy in float64.

    Args:
        per_state: neurons for each state, and for each hidden unit.
        scope: what is in spikes.
        kind: of neuron.
        sample_seconds: how long a pixel lasts.
        part: which digits; see `digits_of`.
        digits: how many of them; all by default.
        seed: of tuning curves and spikes.

    Raises:
        MissingToolError: scikit-learn is not installed.
    """
    network, (known, asked) = load(NETWORK), digits_of(part)
    x, labels = asked.sequences[:digits, :, None], asked.labels[:digits]
    options = NetworkOptions(per_state, per_state, scope, sample_seconds, kind, seed=seed)
    spiking = SpikingNetwork(network, options, known.sequences[..., None])
    ideal = accuracy(FloatNetwork(network).classify(x), labels)
    return spiking.neurons, accuracy(spiking.classify(x), labels), ideal


@click.command(context_settings={"show_default": True})
@click.option(
    "--per-state", type=Wholes(), default=PER_STATE, metavar="N,N,...", help="For each state and hidden unit."
)
@click.option("--sample-seconds", type=Fractions(), default=(SAMPLE_SECONDS,), metavar="S,...", help="Of a pixel.")
@click.option("--part", type=click.Choice(["test", "training"]), default="test", help="Which digits.")
@click.option("--kind", type=click.Choice([str(k) for k in NeuronKind]), default="poisson-lif", help="Of neuron.")
@click.option("--digits", type=int, help="How many of the part; all by default.")
@click.option("--seeds", default=1, help="Runs of each, with tuning curves and spikes of their own.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write a plot of the accuracies, SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    per_state: tuple[int, ...],
    sample_seconds: tuple[float, ...],
    part: str,
    kind: str,
    digits: int | None,
    seeds: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Print the accuracy over neurons."""
    count = len(digits_of(part)[1].labels[:digits])
    result: dict[str, Any] = {"network": NETWORK, "kind": kind, "part": part, "digits": count, "seeds": max(1, seeds)}
    result["curves"] = []
    with progress() as bar:
        task = bar.add_task("digits", total=len(Scope) * len(sample_seconds) * len(per_state) * result["seeds"])
        for scope in Scope:
            for seconds in sample_seconds:
                neurons, scores = [], []
                for n in per_state:
                    runs = []
                    for seed in range(result["seeds"]):
                        runs.append(
                            measure(
                                n,
                                scope,
                                kind=NeuronKind(kind),
                                sample_seconds=seconds,
                                part=part,
                                digits=digits,
                                seed=seed,
                            )
                        )
                        bar.advance(task)
                    neurons.append(runs[0][0])
                    scores.append([score for _, score, _ in runs])
                    result["float"] = runs[0][2]
                curve = {"scope": str(scope), "sample_seconds": seconds, "neurons": neurons, "accuracy": scores}
                result["curves"].append(curve)
    if plot is not None:
        write_text(plot, _plot(result))
    answer(result, [_table(scope, result) for scope in Scope], as_json=as_json)


def _plot(result: dict[str, Any]) -> str:
    from lmu_hw.cli.spiking_plots import Curve, accuracy_plot

    several = len({curve["sample_seconds"] for curve in result["curves"]}) > 1
    curves = [
        Curve(
            _TITLES[Scope(c["scope"])] + (f", {format_number(c['sample_seconds'])} s a pixel" if several else ""),
            np.array(c["neurons"], dtype=np.float64),
            np.array(c["accuracy"]),
        )
        for c in result["curves"]
    ]
    what = {"test": "held-out", "training": "training"}[result["part"]]
    title = f"{result['digits']} {what} digits, pixel by pixel: accuracy in spikes"
    return accuracy_plot(curves, result["float"], title)


def _table(scope: Scope, result: dict[str, Any]) -> Any:
    curves: Sequence[dict[str, Any]] = [c for c in result["curves"] if c["scope"] == scope]
    heads = ["neurons", *(f"{format_number(c['sample_seconds'])} s a pixel" for c in curves)]
    rows = [
        (str(neurons), *(_percent(c["accuracy"][k]) for c in curves)) for k, neurons in enumerate(curves[0]["neurons"])
    ]
    digits = f"{result['digits']} {result['part']} digits"
    title = f"{_TITLES[scope].capitalize()}, {digits}, {result['seeds']} seeds; float64 {result['float']:.1%}"
    return grid(title, heads, rows, right=range(len(heads)))


def _percent(scores: Sequence[float]) -> str:
    """The mean, and where there are several the least and the most."""
    mean = f"{np.mean(scores):.1%}"
    return mean if len(scores) == 1 else f"{mean} ({min(scores):.1%} … {max(scores):.1%})"


if __name__ == "__main__":
    command(main)
