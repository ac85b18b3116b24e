"""Every topology and technology in ngspice: how near to the float reference, with how many couplings, how fast.

    python -m lmu_hw.experiments.analog_ladder --order 32

A circuit gets held random samples for some windows; its states, read through their map to Legendre coordinates, and
its delayed output are held against the float memory. The small-signal response of the output is held against the Padé
approximant of the delay, up to the band edge of order / 4 cycles per window. The time is ngspice's for the transient
analysis, from start to end of the process, the least of several runs, which go round all circuits in turn.
"""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np

from lmu_hw.analog.bench import held_samples
from lmu_hw.analog.design import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.opamp import IdealOpAmp, SinglePoleOpAmp
from lmu_hw.analog.spice import SmallSignal, Transient, to_deck
from lmu_hw.arguments import check_positive
from lmu_hw.cli.output import answer, figure, grid, progress
from lmu_hw.experiments.start import command
from lmu_hw.legendre import Array, input_vector, readout, state_matrix
from lmu_hw.metrics import nrmse
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.engines import run_spice
from lmu_hw.spec import LMUSpec
from lmu_hw.steps import Discretization

THETA = 0.01
SAMPLES_PER_WINDOW = 200
SAMPLES_HELD = 10  # the input changes this often only, so that it stays within the band of small orders
STEPS_PER_SAMPLE = 5
_TIME_LIMIT = 600.0  # s


def stimulus(windows: int, seed: int) -> Array:
    """Random samples from -1 to 1, each repeated `SAMPLES_HELD` times."""
    count = windows * SAMPLES_PER_WINDOW // SAMPLES_HELD
    return np.repeat(np.random.default_rng(seed).uniform(-1.0, 1.0, count), SAMPLES_HELD)


def transient(design: AnalogDesign, samples: Array) -> tuple[float, float, float]:
    """NRMSE of the Legendre states and of the output y0 for held samples, and ngspice's time in s."""
    dt = THETA / SAMPLES_PER_WINDOW
    stop = samples.size * dt
    bench = design.bench(held_samples((design.input_scaling * samples).tolist(), dt))
    deck = to_deck(bench, [Transient(dt, stop, dt / STEPS_PER_SAMPLE)])
    start = time.perf_counter()
    waves = run_spice(deck, timeout_s=_TIME_LIMIT)
    seconds = time.perf_counter() - start
    times = dt * np.arange(1, samples.size + 1)
    volts = design.read({net: np.interp(times, waves["time"], wave) for net, wave in waves.items()})
    n, order = design.realisation.states, len(design.realisation.legendre_map)
    wanted = FloatMemory(LMUSpec(order, THETA, dt, Discretization.ZOH)).run(samples)
    states = nrmse(design.legendre_states(volts[:, :n]), wanted)
    return states, nrmse(volts[:, n] / design.output_scaling[0], wanted @ readout(order, 1.0)[0]), seconds


def pade_deviation(design: AnalogDesign, points: int = 20) -> float:
    """Largest relative deviation of y0 from the Padé approximant of the delay, over three decades to the band edge."""
    order = len(design.realisation.legendre_map)
    band = order / (4.0 * THETA)
    bench = design.bench(0.0, ac=design.input_scaling)
    waves = run_spice(to_deck(bench, [SmallSignal(points, band / 1e3, band)]), timeout_s=_TIME_LIMIT)
    found = design.read(waves)[:, design.realisation.states] / design.output_scaling[0]
    cycles = np.real(waves["frequency"]) * THETA
    a, b = state_matrix(order), input_vector(order)
    wanted = [np.linalg.solve(2j * np.pi * f * np.eye(order) - a, b).sum() for f in cycles]
    return float(np.max(np.abs(found / np.array(wanted) - 1.0)))


@click.command(context_settings={"show_default": True})
@click.option("--order", default=6, help="Of the memory.")
@click.option("--gbw", type=float, help="Gain-bandwidth product of single-pole op-amps, Hz; ideal ones if left out.")
@click.option("--style", "styles", multiple=True, default=STYLES, type=click.Choice(STYLES), help="Technologies.")
@click.option("--windows", default=2, help="Length of the simulation in windows.")
@click.option("--runs", default=1, help="Runs of each, of which the fastest counts.")
@click.option("--seed", default=0, help="Of the samples.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    order: int, gbw: float | None, styles: tuple[str, ...], windows: int, runs: int, seed: int, as_json: bool
) -> None:
    """Print error, couplings and time of every topology and technology."""
    opamp = IdealOpAmp() if gbw is None else SinglePoleOpAmp(gbw=check_positive("gbw", gbw, "Hz"))
    samples = stimulus(int(check_positive("windows", windows)), seed)
    designs = {
        (topology, style): design_memory(order, THETA, topology=topology, style=style, opamp=opamp)
        for style in styles
        for topology in TOPOLOGIES
    }
    found: dict[str, dict[str, dict[str, Any]]] = {style: {} for style in styles}
    with progress() as bar:
        task = bar.add_task("ngspice", total=len(designs) * (runs + 1))
        for (topology, style), design in designs.items():
            couplings = design.realisation.internal_couplings
            found[style][topology] = {"couplings": couplings, "pade_deviation": pade_deviation(design)}
            bar.update(task, advance=1)
        for _ in range(runs):
            for (topology, style), design in designs.items():
                states, output, seconds = transient(design, samples)
                each = found[style][topology]
                each |= {"nrmse": states, "output_nrmse": output}
                each["seconds"] = min(seconds, each.get("seconds", np.inf))
                bar.update(task, advance=1)
    rows = []
    for style, group in found.items():
        for topology, each in group.items():
            each["times_faster_than_dense"] = group["dense"]["seconds"] / each["seconds"]
            values = (each[key] for key in ("nrmse", "output_nrmse", "pade_deviation", "seconds"))
            faster = figure(each["times_faster_than_dense"])
            rows.append((style, topology, str(each["couplings"]), *map(figure, values), faster))
    heads = [
        "style",
        "topology",
        "couplings",
        "NRMSE states",
        "NRMSE y0",
        "deviation from Padé",
        "s",
        "× dense's speed",
    ]
    table = grid(f"Circuits of order {order} in ngspice", heads, rows, right=(2, 3, 4, 5, 6, 7))
    result = {"order": order, "theta": THETA, "gbw": gbw, "windows": windows, "seed": seed, "styles": found}
    answer(result, [table], as_json=as_json)


if __name__ == "__main__":
    command(main)
