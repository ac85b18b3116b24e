"""A transconductor of transistors, measured, and memories made of it: as macro-models, then as transistors.

    python -m lmu_hw.experiments.analog_ota

The cell is biased and measured in SPICE (.op, .ac, .dc, .noise); the gm-C design is made with what was measured, and
simulated against the float64 memory, first with the macro-model, then with each transconductor replaced by the
transistors that it stands for. The error is given without the output's voltage at rest, which stands beside it: the
offsets of the cells at their input, as the memory adds them up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import numpy as np

from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.devices import CmosOta
from lmu_hw.analog.circuit.elements import Transconductor
from lmu_hw.analog.circuit.graph import walk
from lmu_hw.analog.design.memory import TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.export.spice import Transient, to_deck
from lmu_hw.cli.output import answer, facts, format_number, grid, progress
from lmu_hw.core.legendre import readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.start import command
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.engines import Engine, run_spice
from lmu_hw.sim.spice.measure_ota import measure_ota, of_transistors

THETA, STEPS, RATIO = 1e-3, 200, 100
CELL = CmosOta()


def simulate(design: AnalogDesign, amplitude: float, seed: int, engine: Engine | str) -> dict[str, float]:
    """NRMSE of the delayed output in SPICE less its value at rest against the float64 memory, and that value.

    Args:
        design: the circuit.
        amplitude: of held random levels at the input, as a share of full scale.
        seed: of these.
        engine: SPICE simulator.
    """
    order, dt = design.realisation.states, THETA / RATIO
    u = amplitude * np.repeat(np.random.default_rng(seed).uniform(-1.0, 1.0, STEPS // 10), 10)
    analysis = Transient(dt, STEPS * dt, dt)
    deck = to_deck(design.bench(held_samples((design.input_scaling * u).tolist(), dt)), [analysis], probes=["y0"])
    found = run_spice(deck, engine=engine, timeout_s=300.0)
    rest = float(found["v(y0)"][0])
    volts = np.interp(dt * np.arange(1, STEPS + 1), found["time"], found["v(y0)"] - rest)
    wanted = FloatMemory(LMUSpec(order, THETA, dt)).run(u) @ readout(order, 1.0)[0]
    return {"nrmse": nrmse(volts / design.output_scaling[0], wanted), "rest_volts": rest}


@click.command(context_settings={"show_default": True})
@click.option("--order", "orders", multiple=True, type=int, default=(3, 6), help="Of the memory; may be repeated.")
@click.option("--amplitude", default=1.0, help="Of the input, as a share of full scale.")
@click.option("--engine", default=Engine.NGSPICE.value, type=click.Choice([each.value for each in Engine]))
@click.option("--seed", default=0, type=click.IntRange(0), help="Of the input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(orders: tuple[int, ...], amplitude: float, engine: str, seed: int, as_json: bool) -> None:
    """Print what was measured of the cell and the errors of memories that are made of it."""
    measured = measure_ota(CELL, engine=engine)
    found: dict[str, dict[str, Any]] = {}
    rows = []
    with progress() as bar:
        task = bar.add_task("simulate", total=len(orders) * len(TOPOLOGIES))
        for order in orders:
            for topology in TOPOLOGIES:
                bar.update(task, advance=1, description=f"order {order}, {topology}")
                design = design_memory(order, THETA, topology=topology, style="gm-c", ota=measured.model)
                transistors = replace(design, circuit=of_transistors(design.circuit, measured.model, CELL))
                count = sum(isinstance(element, Transconductor) for _, element, _ in walk(design.circuit))
                each: dict[str, Any] = {
                    "transconductors": count,
                    "macro": simulate(design, amplitude, seed, engine),
                    "transistors": simulate(transistors, amplitude, seed, engine),
                }
                found.setdefault(str(order), {})[topology] = each
                kinds = (each["macro"], each["transistors"])
                cells = (format_number(kind[key]) for key in ("nrmse", "rest_volts") for kind in kinds)
                rows.append((str(order), topology, str(count), *cells))
    result = {
        "cell": CELL.parameters,
        "measured": measured.model.parameters,
        "linear_range_volts": measured.linear_range,
        "bandwidth_hz": measured.bandwidth,
        "power_watts": measured.power,
        "theta": THETA,
        "amplitude": amplitude,
        "orders": found,
    }
    cell = [(name, format_number(value)) for name, value in measured.model.parameters.items()]
    cell += [
        ("gm within 5 % up to", f"{format_number(measured.linear_range)} V"),
        ("bandwidth of gm", f"{format_number(measured.bandwidth)} Hz"),
        ("power", f"{format_number(measured.power)} W"),
    ]
    heads = ["order", "topology", "cells", "macro-models", "transistors", "at rest, macro, V", "transistors, V"]
    title = f"NRMSE of the delayed output at {100 * amplitude:g} % of full scale"
    answer(result, [facts("The cell, in SI units", cell), grid(title, heads, rows, right=range(2, 7))], as_json=as_json)


if __name__ == "__main__":
    command(main)
