"""The delay network of the neuromorphic chips in spikes: 3 states, a window of 100 ms, 3 × 128 neurons, 3 Hz noise.

    python -m lmu_hw.experiments.spiking_delay

The output is the input θ seconds ago, decoded from the states that spikes carry; its error is held against the same
system in float64, relative to the root mean square of that. Chips: 0.146 (Loihi) to 0.163 (Braindrop); spikes in
software: 0.055 to 0.059 (de Jong, Voelker et al., 2019/2021).

    lmu-hw train delay --out out/delay
    python -m lmu_hw.experiments.spiking_delay --trained out/delay/delay_delay.npz

With --trained it is the network that found a delay of 100 ms by itself, in spikes: one sample a step of its memory,
128 neurons for each state. Its output is held against the echo that it was trained on, as `lmu-hw train` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, figure, grid
from lmu_hw.errors import DesignError
from lmu_hw.experiments.start import command
from lmu_hw.legendre import readout
from lmu_hw.metrics import nrmse
from lmu_hw.network import Network
from lmu_hw.network_file import load_network
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.reference.network import FloatNetwork
from lmu_hw.signals import band_limited_noise
from lmu_hw.spec import LMUSpec
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.network import NetworkOptions, SpikingNetwork
from lmu_hw.spiking.neurons import NeuronKind

ORDER, THETA, DT, BAND, SECONDS = 3, 0.1, 1e-3, 3.0, 10.0

#: The task of `lmu_hw.training.tasks.delay`: delays in a signal and in its echo's lead, cycles for each delay.
_TRAINED_LENGTH, _TRAINED_LEAD, _TRAINED_CYCLES = 11, 4, 0.3


def measure(kind: NeuronKind, seed: int, *, neurons: int = 384, seconds: float = SECONDS) -> float:
    """NRMSE of the delayed output in spikes against the same system in float64.

    Args:
        kind: of neuron.
        seed: of noise, tuning curves and spikes.
        neurons: altogether, a multiple of 3.
        seconds: length of the run.
    """
    spec = LMUSpec(ORDER, THETA, DT)
    design = design_memory(spec, SpikingOptions(neurons, kind=kind, band_hz=BAND, delays=(1.0,), seed=seed))
    u = band_limited_noise(round(seconds / DT), DT, BAND, seed)
    decode = readout(ORDER, 1.0)[0]
    return nrmse(SpikingMemory(design).run(u) @ decode, FloatMemory(spec).run(u) @ decode)


def measure_trained(
    network: Network, kind: NeuronKind, seed: int, *, per_state: int = 128, sequences: int = 8
) -> tuple[float, float]:
    """NRMSE of a network of `lmu-hw train delay` against the echo, in spikes and in float64.

    Args:
        network: with a memory; a sample lasts one of its steps.
        kind: of neuron.
        seed: of signals, tuning curves and spikes.
        per_state: neurons for each state.
        sequences: of the test.

    Raises:
        DesignError: the network has no memory.
    """
    if network.dt is None:
        raise DesignError("network", "one with a memory", "none")
    steps = round(THETA / network.dt)
    signals = np.stack(
        [
            band_limited_noise(_TRAINED_LENGTH * steps, network.dt, _TRAINED_CYCLES / THETA, 1000 * seed + k)
            for k in range(2 * sequences)
        ]
    )
    x, echo = signals[:, steps:, None], signals[:, :-steps, None]
    options = NetworkOptions(per_state, kind=kind, sample_seconds=network.dt, seed=seed)
    spiking = SpikingNetwork(network, options, x[sequences:])
    late, tested = _TRAINED_LEAD * steps, x[:sequences]
    wanted = echo[:sequences, late:]
    heard, ideal = spiking.run(tested)[:, late:], FloatNetwork(network).run(tested)[:, late:]
    return nrmse(heard, wanted), nrmse(ideal, wanted)


@click.command(context_settings={"show_default": True})
@click.option("--neurons", default=384, help="Altogether, a multiple of 3.")
@click.option("--seeds", default=10, help="Runs, with noise, tuning curves and spikes of their own.")
@click.option("--seconds", default=SECONDS, help="Length of a run, s.")
@click.option("--trained", type=click.Path(path_type=Path), help="Network of `lmu-hw train delay` to measure instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(neurons: int, seeds: int, seconds: float, trained: Path | None, as_json: bool) -> None:
    """Print the error of the delay network for every kind of neuron."""
    if trained is not None:
        _show_trained(load_network(trained), seeds, as_json)
        return
    errors = {
        str(kind): [measure(kind, s, neurons=neurons, seconds=seconds) for s in range(seeds)] for kind in NeuronKind
    }
    result: dict[str, Any] = {"order": ORDER, "theta": THETA, "dt": DT, "band_hz": BAND, "neurons": neurons}
    result["nrmse"] = errors
    rows = [
        (kind, figure(float(np.mean(values))), figure(min(values)), figure(max(values)))
        for kind, values in errors.items()
    ]
    table = grid(f"NRMSE of the delay network, {neurons} neurons", ["neurons", "mean", "least", "most"], rows)
    answer(result, [table], as_json=as_json)


def _show_trained(network: Network, seeds: int, as_json: bool) -> None:
    errors = {str(kind): [measure_trained(network, kind, s) for s in range(seeds)] for kind in NeuronKind}
    rows = [(kind, *(figure(float(v)) for v in np.mean(pairs, axis=0))) for kind, pairs in errors.items()]
    table = grid("NRMSE of the trained delay against the echo", ["neurons", "in spikes", "in float64"], rows)
    answer({"nrmse_spiking_and_float": errors}, [table], as_json=as_json)


if __name__ == "__main__":
    command(main)
