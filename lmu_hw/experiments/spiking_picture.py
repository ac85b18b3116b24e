"""A memory in spikes at a glance: who fires when, and the window that the spikes hold.

    python -m lmu_hw.experiments.spiking_picture --plot lmu_hw/experiments/figures/spiking_window.svg

Memory and input are those of `lmu_hw.experiments.spiking_error`: 6 states, θ = 0.5 s, noise of 3 Hz, synapse of 0.1 s.
Above are the spikes of some neurons of each ensemble over the last window, below the input over that window and what
the states hold of it at its end: decoded from the spikes, and in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import matplotlib
import numpy as np

from lmu_hw.cli.output import answer, facts, format_number
from lmu_hw.cli.plots import FIXED, FLOAT, IDEAL, STYLE, new_figure, svg_of
from lmu_hw.cli.spiking_plots import draw_raster
from lmu_hw.core.legendre import Array, readout
from lmu_hw.experiments.spiking_error import BAND, DT, ORDER, THETA, fitting, noise, window_error
from lmu_hw.experiments.start import command
from lmu_hw.io.files import write_text
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory
from lmu_hw.spiking.population import Population

_LAGS, _ROWS = 126, 36


@click.command(context_settings={"show_default": True})
@click.option("--neurons", default=1000, help="Altogether; the largest multiple of 6 below is taken.")
@click.option("--seconds", default=2.0, help="Length of the run, two windows at least.")
@click.option("--seed", default=0, help="Of noise, tuning curves and spikes.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write the picture, SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(neurons: int, seconds: float, seed: int, plot: Path | None, as_json: bool) -> None:
    """Print the error of the window, and draw it."""
    spec, u = noise(ORDER, seed, max(seconds, 2.0 * THETA))
    memory = SpikingMemory(design_memory(spec, SpikingOptions(fitting(neurons, ORDER), band_hz=BAND, seed=seed)))
    states, ideal = memory.run(u, record=True), FloatMemory(spec).run(u)
    trains = memory.spikes
    if trains is None:
        raise RuntimeError("the run was recorded")
    result: dict[str, Any] = {
        "neurons": fitting(neurons, ORDER),
        "spikes": trains.count,
        "error": window_error(states, ideal),
    }
    if plot is not None:
        write_text(plot, _picture(memory.design.population, trains, u, states, ideal))
    rows = [(name, format_number(value) if isinstance(value, float) else str(value)) for name, value in result.items()]
    answer(result, [facts("A memory in spikes", rows)], as_json=as_json)


def _picture(population: Population, trains: SpikeTrains, u: Array, states: Array, ideal: Array) -> str:
    end = u.size * DT
    delays = np.linspace(0.0, 1.0, _LAGS)
    decode = readout(ORDER, delays)
    past = u[np.maximum(u.size - 1 - np.round(delays * THETA / DT).astype(int), 0)]
    with matplotlib.rc_context(STYLE):
        drawn, (above, below) = new_figure(2, 1, width=9.0, height=5.2, sharex=True)
        time = DT * (trains.step.astype(np.float64) + 1.0) - end
        draw_raster(above, time, trains.neuron, population.neurons, population.ensembles, (-THETA, 0.0), _ROWS)
        below.plot(-THETA * delays, past, color=IDEAL, lw=4.0, alpha=0.55, label="input")
        below.plot(-THETA * delays, decode @ ideal[-1], color=FLOAT, lw=1.6, label="held in float64")
        below.plot(-THETA * delays, decode @ states[-1], color=FIXED, lw=1.4, label="held by the spikes")
        below.set(title="The window at the end", xlabel="time before the end (s)", ylabel="input")
        below.legend(loc="best", ncols=3)
        return svg_of(drawn)


if __name__ == "__main__":
    command(main)
