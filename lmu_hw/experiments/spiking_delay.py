"""The delay network of the neuromorphic chips in spikes: 3 states, a window of 100 ms, 3 × 128 neurons, 3 Hz noise.

    python -m lmu_hw.experiments.spiking_delay

The output is the input θ seconds ago, decoded from the states that spikes carry; its error is held against the same
system in float64, relative to the root mean square of that. Chips: 0.146 (Loihi) to 0.163 (Braindrop); spikes in
software: 0.055 to 0.059 (de Jong, Voelker et al., 2019/2021). The first four windows do not count, as in
`lmu-hw train delay`: the input begins with a jump, which is far outside the band that the ensembles are scaled to.

`lmu-hw train delay --spiking 128` measures a network that has found a delay of 100 ms by itself.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, format_number, grid
from lmu_hw.core.legendre import readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.start import command
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind

ORDER, THETA, DT, BAND, SECONDS = 3, 0.1, 1e-3, 3.0, 10.0
_LEAD = 4  # windows that do not count


def measure(kind: NeuronKind, seed: int, *, neurons: int = 384, seconds: float = SECONDS) -> float:
    """NRMSE of the delayed output in spikes against the same system in float64.

    Args:
        kind: of neuron.
        seed: of noise, tuning curves and spikes.
        neurons: altogether, a multiple of 3.
        seconds: length of the run that counts.
    """
    spec = LMUSpec(ORDER, THETA, DT)
    design = design_memory(spec, SpikingOptions(neurons, kind=kind, band_hz=BAND, delays=(1.0,), seed=seed))
    late = round(_LEAD * THETA / DT)
    u = band_limited_noise(late + round(seconds / DT), DT, BAND, seed)
    decode = readout(ORDER, 1.0)[0]
    return nrmse(SpikingMemory(design).run(u)[late:] @ decode, FloatMemory(spec).run(u)[late:] @ decode)


@click.command(context_settings={"show_default": True})
@click.option("--neurons", default=384, help="Altogether, a multiple of 3.")
@click.option("--seeds", default=10, help="Runs, with noise, tuning curves and spikes of their own.")
@click.option("--seconds", default=SECONDS, help="Length of a run, s.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(neurons: int, seeds: int, seconds: float, as_json: bool) -> None:
    """Print the error of the delay network for every kind of neuron."""
    errors = {
        str(kind): [measure(kind, s, neurons=neurons, seconds=seconds) for s in range(seeds)] for kind in NeuronKind
    }
    result: dict[str, Any] = {"order": ORDER, "theta": THETA, "dt": DT, "band_hz": BAND, "neurons": neurons}
    result["nrmse"] = errors
    rows = [
        (kind, format_number(float(np.mean(values))), format_number(min(values)), format_number(max(values)))
        for kind, values in errors.items()
    ]
    table = grid(f"NRMSE of the delay network, {neurons} neurons", ["neurons", "mean", "least", "most"], rows)
    answer(result, [table], as_json=as_json)


if __name__ == "__main__":
    command(main)
