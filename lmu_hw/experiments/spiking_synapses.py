"""Two ways from a synapse to the recurrence: what the continuous one costs in a simulation with steps.

    python -m lmu_hw.experiments.spiking_synapses

The memory is that of `lmu_hw.experiments.spiking_error`, with a first-order synapse and with two low passes. The
sampled map knows the step and carries the memory exactly; the continuous one, A_rec = (τ/θ)A + I for a low pass, is
what holds for neurons that are not simulated in steps. Each is run without neurons, which shows the map alone, and in
Poisson neurons with LIF rates. The error is the root mean square of the decoded window against the same memory in
float64.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, format_number, grid
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.spiking_error import BAND, ORDER, SECONDS, TAU, THETA, fitting, window_error
from lmu_hw.experiments.start import command
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.synapses import Synapse, SynapseForm

STEPS = (1e-3, 5e-4, 2.5e-4)
SYNAPSES = {"one low pass": Synapse.low_pass(TAU), "two low passes": Synapse.low_pass(TAU, 0.2 * TAU)}


def measure(
    synapse: Synapse, form: SynapseForm, dt: float, neurons: int, seed: int, seconds: float
) -> tuple[float, float]:
    """Errors of one map: without neurons, and with them.

    Args:
        synapse: at every connection.
        form: which map.
        dt: s.
        neurons: altogether.
        seed: of input, tuning curves and spikes.
        seconds: length of the run.

    Raises:
        DesignError: the loop with that map is unstable.
    """
    spec, u = LMUSpec(ORDER, THETA, dt), band_limited_noise(round(seconds / dt), dt, BAND, seed)
    options = SpikingOptions(fitting(neurons, ORDER), synapse=synapse, form=form, band_hz=BAND, seed=seed)
    design = design_memory(spec, options)
    ideal = FloatMemory(spec).run(u)

    def error(states: Array) -> float:
        lag = design.recurrence.lag
        return window_error(states[lag:], ideal[: len(ideal) - lag])

    return error(_without_neurons(design, u)), error(SpikingMemory(design).run(u))


def _without_neurons(design: SpikingDesign, u: Array) -> Array:
    return np.asarray(design.recurrence.run(u) @ design.transform.T)


@click.command(context_settings={"show_default": True})
@click.option("--neurons", default=4000, type=click.IntRange(2 * ORDER), help="Altogether.")
@click.option("--seeds", default=3, type=click.IntRange(1), help="Runs of each.")
@click.option("--seconds", default=SECONDS, type=click.FloatRange(0.1), help="Length of a run, s.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(neurons: int, seeds: int, seconds: float, as_json: bool) -> None:
    """Print the errors of both maps over the step."""
    found: list[dict[str, Any]] = []
    for name, synapse in SYNAPSES.items():
        for form in SynapseForm:
            for dt in STEPS:
                runs = np.array([measure(synapse, form, dt, neurons, seed, seconds) for seed in range(seeds)])
                alone, spiking = runs.mean(axis=0).tolist()
                row = {"synapse": name, "form": str(form), "dt": dt, "without_neurons": alone, "in_spikes": spiking}
                found.append(row)
    rows = [
        (
            row["synapse"],
            row["form"],
            f"{1e3 * row['dt']:g}",
            format_number(row["without_neurons"]),
            format_number(row["in_spikes"]),
        )
        for row in found
    ]
    heads = ["synapse", "map", "dt, ms", "without neurons", "in spikes"]
    table = grid(f"RMS error of the window, {fitting(neurons, ORDER)} neurons", heads, rows, right=(2, 3, 4))
    result = {"order": ORDER, "theta": THETA, "tau": TAU, "neurons": fitting(neurons, ORDER), "maps": found}
    answer(result, [table], as_json=as_json)


if __name__ == "__main__":
    command(main)
