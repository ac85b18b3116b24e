"""Monte Carlo, twice: many circuits in their linear model at once, and one by one in SPICE.

    python -m lmu_hw.experiments.analog_monte_carlo

Both draw parts from the same tolerances but with different seeds, and answer the same input. The spread is the
standard deviation of the delayed output over the circuits, root mean square over time; the time is that of drawing,
setting up and simulating. The effect of the op-amps' offsets is the spread of the output at rest.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click
import numpy as np

from lmu_hw.analog.analysis.monte_carlo import Draws, Tolerances, draw, transients
from lmu_hw.analog.analysis.small_signal import offset_gains
from lmu_hw.analog.analysis.tolerance import analyse, ports
from lmu_hw.analog.circuit.devices import IdealOta, MacroOpAmp, MacroOta, OpAmpModel, SinglePoleOpAmp
from lmu_hw.analog.circuit.equations import Equations, equations
from lmu_hw.analog.circuit.graph import GROUND
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.design.technologies.gm_c import Cell
from lmu_hw.analog.realisation.network import Array
from lmu_hw.cli.output import answer, facts, format_number
from lmu_hw.experiments.start import command
from lmu_hw.sim.spice.engines import Engine
from lmu_hw.sim.spice.monte_carlo import simulate_draws

THETA = 0.01
STEPS, HELD = 40, 4  # samples in two windows, of which so many are alike
OPAMPS: Mapping[str, OpAmpModel] = {"single-pole": SinglePoleOpAmp(), "macro": MacroOpAmp()}
OTAS: Mapping[str, Cell] = {
    "single-pole": IdealOta(),
    "macro": MacroOta(gm=1e-6, linear=1.0, gout=3e-10, cin=1e-14, cout=1e-14),
}


def stimulus(design: AnalogDesign, seed: int) -> Array:
    """Held random levels at the input, V, one sample per theta/20."""
    levels = np.random.default_rng(seed).uniform(-1.0, 1.0, STEPS // HELD)
    return design.input_scaling * np.repeat(levels, HELD)


def spread(volts: Array) -> float:
    """Standard deviation over draws, root mean square over time, of (draws, steps)."""
    return float(np.sqrt(np.mean(volts.var(axis=0, ddof=1))))


def predict(design: AnalogDesign, system: Equations, draws: Draws, samples: Array) -> Array:
    """The delayed output (draws, steps), V, by the linear model."""
    inputs, signals = ports(design, system, ["y0"])
    return transients(system, draws, samples, THETA / 20, inputs=inputs, signals=signals)[..., 0]


@click.command(context_settings={"show_default": True})
@click.option("--order", default=6, help="Of the memory.")
@click.option("--topology", default="dense", type=click.Choice(list(TOPOLOGIES)), help="Of the circuit.")
@click.option("--style", default="opamp-rc", type=click.Choice(list(STYLES)), help="Technology of the circuit.")
@click.option(
    "--opamp",
    default="single-pole",
    type=click.Choice(list(OPAMPS)),
    help="Model of amplifiers; macro has limits and offsets. Transconductors are ideal, or macro.",
)
@click.option(
    "--tolerance",
    default=0.01,
    help="Relative standard deviation of resistors, capacitors and transconductances.",
)
@click.option("--offset", default=1e-3, help="Standard deviation of the macro-model's offsets, V.")
@click.option("--draws", default=1000, type=click.IntRange(2), help="Circuits in each.")
@click.option("--engine", default=Engine.NEOSPICE.value, type=click.Choice([each.value for each in Engine]))
@click.option("--workers", default=2, help="SPICE simulations at a time.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Of parts and input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    order: int,
    topology: str,
    style: str,
    opamp: str,
    tolerance: float,
    offset: float,
    draws: int,
    engine: str,
    workers: int,
    seed: int,
    as_json: bool,
) -> None:
    """Print times and spreads of Monte Carlo by the linear model and by SPICE."""
    design = design_memory(order, THETA, topology=topology, style=style, opamp=OPAMPS[opamp], ota=OTAS[opamp])
    volts = offset if opamp == MacroOpAmp.label else 0.0
    tolerances = Tolerances(resistor=tolerance, capacitor=tolerance, gm=tolerance, offset=volts)
    samples = stimulus(design, seed)

    start = time.perf_counter()
    outcome = analyse(design, tolerances, draws=draws, seed=seed)
    yield_seconds = time.perf_counter() - start
    start = time.perf_counter()
    system = equations(design.circuit)
    predicted = predict(design, system, draw(system, tolerances, draws, seed), samples)
    linear_seconds = time.perf_counter() - start

    start = time.perf_counter()
    others = draw(system, tolerances, draws, seed + 1)
    found = simulate_draws(
        design, system, others, samples.tolist(), THETA / 20, engine=engine, workers=workers, timeout_s=120.0
    )
    spice_seconds = time.perf_counter() - start
    simulated = found[..., design.signals.index("y0")]
    # The same circuits in both, as a check of each draw rather than of the statistics.
    deviation = float(np.abs(predict(design, system, others, samples) - simulated).max() / np.abs(simulated).max())
    nets = design.signal_nets("y0")
    gains = offset_gains(system, (nets[0], nets[1] if len(nets) > 1 else GROUND))
    at_rest = offset * float(np.linalg.norm(gains)) if opamp == MacroOpAmp.label else None
    result: dict[str, Any] = {
        "order": order,
        "topology": topology,
        "style": style,
        "opamp": opamp,
        "tolerance": tolerance,
        "draws": draws,
        "engine": engine,
        "workers": workers,
        "linear_band_seconds": yield_seconds,
        "linear_transient_seconds": linear_seconds,
        "spice_transient_seconds": spice_seconds,
        "predicted_spread_volts": spread(predicted),
        "simulated_spread_volts": spread(simulated),
        "spread_ratio": spread(predicted) / spread(simulated),
        "largest_deviation_of_a_draw": deviation,
        "median_band_error": outcome.quantile(0.5),
        "output_offset_volts": at_rest,
    }
    rows = [
        ("circuits", f"{draws}, order {order}, {topology}, {style}, {opamp} amplifiers, {100 * tolerance:g} % parts"),
        ("linear model, response over the band", f"{yield_seconds:.2f} s"),
        ("linear model, transient", f"{linear_seconds:.2f} s"),
        (f"{engine}, transient, {workers} at a time", f"{spice_seconds:.1f} s"),
        ("spread of the output, predicted", f"{format_number(result['predicted_spread_volts'])} V"),
        ("spread of the output, simulated, other draws", f"{format_number(result['simulated_spread_volts'])} V"),
        ("largest deviation of a circuit between both", f"{format_number(deviation)} of the largest output"),
        ("spread of the output at rest by offsets", "–" if at_rest is None else f"{format_number(at_rest)} V"),
    ]
    answer(result, [facts("Monte Carlo", rows)], as_json=as_json)


if __name__ == "__main__":
    command(main)
