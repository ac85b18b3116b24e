"""Circuits of parts with a tolerance: mismatch, Monte Carlo, and the yield of the delay network of the chips."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import product
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.analysis.monte_carlo import Distribution, Draws, Tolerances, draw, transients
from lmu_hw.analog.analysis.small_signal import offset_gains
from lmu_hw.analog.analysis.tolerance import analyse, ports
from lmu_hw.analog.circuit.devices import Cell, IdealOta, MacroOpAmp, MacroOta, OpAmpModel, SinglePoleOpAmp
from lmu_hw.analog.circuit.equations import Equations, equations
from lmu_hw.analog.circuit.graph import GROUND
from lmu_hw.analog.design.memory import MAX_ORDER, STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.design.parts import Series
from lmu_hw.analog.design.technologies.opamp_rc import OpAmpRC, OpAmpRCDifferential
from lmu_hw.analog.realisation.network import Array, Readouts, Realisation
from lmu_hw.cli.output import facts, format_number, grid
from lmu_hw.cli.parameters import option
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.experiments.app import choice, experiment, seed_option, watched
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.engines import Engine
from lmu_hw.sim.spice.monte_carlo import simulate_draws

THETA = 0.01

# Mismatch

POINTS = 24


def band(order: int) -> Array:
    """The frequencies in Hz at which circuits are compared, up to order/8 cycles per window."""
    return order / (8.0 * THETA) * (np.arange(POINTS) + 0.5) / POINTS


def coupling_errors(realisation: Realisation, tolerance: float, draws: int, seed: int) -> Array:
    """The errors (draws,) of the first readout where every coupling is drawn, normal with the deviation `tolerance`."""
    rng = np.random.default_rng(seed)
    n, exact = realisation.states, realisation.couplings
    couplings = exact * (1.0 + tolerance * rng.standard_normal((draws, *exact.shape)))
    output = realisation.signals.index(realisation.outputs[0])
    wanted, found = (_responses(each, n, output, band(n) * THETA) for each in (exact[None], couplings))
    error = np.mean(np.abs(found - wanted) ** 2, axis=1) / np.mean(np.abs(wanted) ** 2, axis=1)
    return np.asarray(np.sqrt(error))


def _responses(couplings: Array, states: int, output: int, cycles: Array) -> NDArray[np.complex128]:
    """The response (draws, frequencies) of a signal, where (s z; sums) = couplings (z; sums; u)."""
    size = couplings.shape[1]
    moving = np.zeros((size, size))
    moving[:states, :states] = np.eye(states)
    still = np.eye(size) - moving
    columns = []
    for s in 2j * np.pi * cycles:
        left = s * moving + still - couplings[..., :-1]
        columns.append(np.linalg.solve(left, couplings[..., -1:])[:, output, 0])
    return np.stack(columns, axis=-1)


def measure_mismatch(order: int, topology: str, tolerance: float, draws: int, seed: int) -> dict[str, Array]:
    """The errors of the delayed readout, shape (draws,), by what is drawn: "couplings" and every style.

    Args:
        order: The order of the memory.
        topology: The topology of its circuit.
        tolerance: The relative standard deviation of each coupling or part.
        draws: The number of circuits.
        seed: The seed of the random numbers.
    """
    check_integer("order of an analog memory", order, 1, MAX_ORDER)
    found = {"couplings": coupling_errors(TOPOLOGIES[topology](order, THETA, Readouts((1.0,))), tolerance, draws, seed)}
    for style in STYLES:
        design = design_memory(order, THETA, topology=topology, style=style)
        spread = Tolerances(resistor=tolerance, gm=tolerance)
        outcome = analyse(design, spread, draws=draws, seed=seed, signals=["y0"], frequencies=band(order))
        found[style] = outcome.nrmse[:, 0]
    return found


@experiment("analog-mismatch")
@click.option(
    "--order", "orders", multiple=True, type=int, default=(6, 12, 20), help="Order of the memory; may be repeated."
)
@option(
    "--sigma",
    "tolerance",
    section="Options",
    older=["tolerance"],
    default=0.01,
    help="Relative standard deviation of every coupling.",
)
@click.option("--draws", default=1000, help="Number of circuits for each figure.")
@seed_option("the draws")
def analog_mismatch(orders: tuple[int, ...], tolerance: float, draws: int, seed: int) -> Outcome:
    """Measure what random deviations of every coupling do to the delayed readout, by topology, order and technology.

    "Couplings" draws the realisation's own coefficients. The circuits draw their resistors, or their
    transconductances, so that inverters, feedback and loads count too. The error is that of the response over the
    band up to order/8 cycles per window, root mean square, relative to that of the exact memory.
    """
    result: dict[str, Any] = {"tolerance": tolerance, "draws": draws, "seed": seed, "orders": {}}
    rows = []
    for order, topology in watched(list(product(orders, TOPOLOGIES)), lambda each: f"order {each[0]}, {each[1]}"):
        summary = {
            name: {"median": float(np.median(errors)), "q95": float(np.quantile(errors, 0.95))}
            for name, errors in measure_mismatch(order, topology, tolerance, draws, seed).items()
        }
        result["orders"].setdefault(str(order), {})[topology] = summary
        cells = (f"{format_number(each['median'])} ({format_number(each['q95'])})" for each in summary.values())
        rows.append((str(order), topology, *cells))
    title = f"Median (95 %) in-band error of the delayed readout at {tolerance:g} mismatch"
    return Outcome(result, [grid(title, ["order", "topology", "couplings", *STYLES], rows, right=range(2, 6))])


# Monte Carlo

STEPS, HELD = 40, 4  # samples in two windows, of which so many are alike
OPAMPS: Mapping[str, OpAmpModel] = {"single-pole": SinglePoleOpAmp(), "macro": MacroOpAmp()}
OTAS: Mapping[str, Cell] = {
    "single-pole": IdealOta(),
    "macro": MacroOta(gm=1e-6, linear=1.0, gout=3e-10, cin=1e-14, cout=1e-14),
}


def stimulus(design: AnalogDesign, seed: int) -> Array:
    """Draw held random levels at the input in volts, one sample per theta/20."""
    levels = np.random.default_rng(seed).uniform(-1.0, 1.0, STEPS // HELD)
    return design.input_scaling * np.repeat(levels, HELD)


def spread(volts: Array) -> float:
    """The standard deviation over draws, root mean square over time, of voltages (draws, steps)."""
    return float(np.sqrt(np.mean(volts.var(axis=0, ddof=1))))


def predict(design: AnalogDesign, system: Equations, draws: Draws, samples: Array) -> Array:
    """The delayed output (draws, steps) in volts by the linear model."""
    inputs, signals = ports(design, system, ["y0"])
    return transients(system, draws, samples, THETA / 20, inputs=inputs, signals=signals)[..., 0]


@experiment("analog-monte-carlo")
@click.option("--order", default=6, help="Order of the memory.")
@click.option("--topology", default="dense", type=choice(TOPOLOGIES), help="Topology of the circuit.")
@click.option("--style", default="opamp-rc", type=choice(STYLES), help="Technology of the circuit.")
@click.option(
    "--opamp",
    default="single-pole",
    type=choice(OPAMPS),
    help="Model of amplifiers; macro has limits and offsets. Transconductors are ideal, or macro.",
)
@option(
    "--sigma",
    "tolerance",
    section="Options",
    older=["tolerance"],
    default=0.01,
    help="Relative standard deviation of resistors, capacitors and transconductances.",
)
@click.option("--offset", default=1e-3, help="Standard deviation of the macro-model's offsets, V.")
@click.option("--draws", default=1000, type=click.IntRange(2), help="Number of circuits in each.")
@click.option("--engine", default="neospice", type=choice(Engine), help="SPICE simulator.")
@click.option("--workers", default=2, help="SPICE simulations at a time.")
@seed_option("the parts and the input")
def analog_monte_carlo(
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
) -> Outcome:
    """Run Monte Carlo twice: many circuits in their linear model at once, and one by one in SPICE.

    Both draw parts from the same tolerances but with different seeds, and get the same input. The spread is the
    standard deviation of the delayed output over the circuits, root mean square over time. The time is that of
    drawing, setting up and simulating. The effect of the op-amps' offsets is the spread of the output at rest.
    """
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
    return Outcome(result, [facts("Monte Carlo", rows)])


# The delay network of the chips

DELAY_ORDER, DELAY_THETA, DELAY_BAND, DELAY_DT, DELAY_SECONDS = 3, 0.1, 3.0, 0.005, 2.0
LIMIT, CHIPS = 0.03, 0.15
OPAMP = MacroOpAmp(gbw=1e6, slew=5e5, noise=2e-8)
FREQUENCIES = DELAY_BAND * (np.arange(24) + 0.5) / 24


def design_network(
    topology: str, resistors: str = "E96", capacitors: str = "E12", style: str = "opamp-rc"
) -> AnalogDesign:
    """Design the circuit of the delay network, with resistors and capacitors of the named series."""
    return design_memory(
        DELAY_ORDER,
        DELAY_THETA,
        topology=topology,
        style=style,
        opamp=OPAMP,
        resistors=Series(resistors),
        capacitors=Series(capacitors),
    )


def recording(seed: int) -> Array:
    """Noise up to 3 Hz in [-1, 1], one sample every `DELAY_DT` seconds, shape (samples,)."""
    return 0.95 * band_limited_noise(round(DELAY_SECONDS / DELAY_DT), DELAY_DT, DELAY_BAND, seed)


def simulated_errors(design: AnalogDesign, draws: Draws, seed: int, engine: Engine) -> Array:
    """The NRMSE (draws,) of the delayed output of drawn circuits in SPICE against the float64 memory."""
    u = recording(seed)
    wanted = FloatMemory(LMUSpec(DELAY_ORDER, DELAY_THETA, DELAY_DT)).run(u) @ readout(DELAY_ORDER, 1.0)[0]
    volts = (design.input_scaling * u).tolist()
    found = simulate_draws(design, equations(design.circuit), draws, volts, DELAY_DT, engine=engine)
    heard = found[..., design.signals.index("y0")] / design.output_scaling[0]
    return np.array([nrmse(each, wanted) for each in heard])


def measure_yield(
    topology: str,
    tolerances: Tolerances,
    draws: int,
    spice_draws: int,
    seed: int,
    engine: Engine = Engine.NEOSPICE,
    style: str = "opamp-rc",
) -> dict[str, Any]:
    """Measure the nominal error, the quantiles and the yield of a topology.

    Args:
        topology: The topology of the circuit.
        tolerances: The tolerances of its parts.
        draws: The number of circuits in the linear model.
        spice_draws: The number of these that SPICE simulates as well.
        seed: The seed of the parts and of the recording.
        engine: The SPICE simulator.
        style: The technology, one of op-amps.
    """
    design = design_network(topology, style=style)
    rms = float(np.sqrt(np.mean(recording(seed) ** 2))) * design.input_scaling
    kinds = {"nominal": (Tolerances(), 1), "drawn": (tolerances, draws)}
    outcomes = {
        name: analyse(design, spread, draws=count, seed=seed, frequencies=FREQUENCIES, rms=rms)
        for name, (spread, count) in kinds.items()
    }
    drawn = outcomes["drawn"]
    result: dict[str, Any] = {
        "nominal": float(outcomes["nominal"].nrmse[0, 0]),
        "median": drawn.quantile(0.5),
        "q95": drawn.quantile(0.95),
        "yield": drawn.passing(LIMIT),
        "offset_volts_rms": float(np.sqrt(np.mean(drawn.offsets**2))),
    }
    if spice_draws:
        some = draw(equations(design.circuit), tolerances, spice_draws, seed)
        errors = simulated_errors(design, some, seed, engine)
        result["spice"] = {
            "draws": spice_draws,
            "median": float(np.median(errors)),
            "q95": float(np.quantile(errors, 0.95, method="higher")),
            "yield": float(np.mean(errors <= LIMIT)),
        }
    return result


@experiment("analog-delay-network")
@click.option(
    "--style",
    default=OpAmpRC.style,
    type=choice([OpAmpRC.style, OpAmpRCDifferential.style]),
    help="Technology; a differential circuit has a pair of parts for each.",
)
@click.option(
    "--tolerance", default=0.01, help="Tolerance of resistors and capacitors; with normal distribution their sigma."
)
@click.option("--distribution", default="uniform", type=choice(Distribution), help="Distribution within the tolerance.")
@click.option("--offset", default=1e-3, help="Standard deviation of the op-amps' offsets, V.")
@click.option("--draws", default=2000, help="Number of circuits in the linear model.")
@click.option("--spice-draws", default=40, help="Number of these that SPICE simulates as well.")
@click.option("--engine", default="neospice", type=choice(Engine), help="SPICE simulator.")
@seed_option("the parts and the noise")
def analog_delay_network(
    style: str,
    tolerance: float,
    distribution: str,
    offset: float,
    draws: int,
    spice_draws: int,
    engine: str,
    seed: int,
) -> Outcome:
    """Measure error and yield of the delay network as a circuit: 3 states, a window of 100 ms, noise up to 3 Hz.

    Resistors have values of a standard series and a tolerance, and so have capacitors; op-amps have a finite
    bandwidth and an offset. The error is that of the output against the output of the exact memory, relative to its
    root mean square, predicted for many drawn circuits from their linear models; some of them are simulated by SPICE
    on a recording. Chips: 0.146 (Loihi) to 0.163 (Braindrop), de Jong, Voelker et al., 2019/2021.
    """
    if spice_draws > draws:
        raise DesignError("spice-draws", "at most draws", spice_draws)
    tolerances = Tolerances(
        resistor=tolerance, capacitor=tolerance, offset=offset, distribution=Distribution(distribution)
    )
    found = {
        topology: measure_yield(topology, tolerances, draws, spice_draws, seed, Engine(engine), style)
        for topology in watched(list(TOPOLOGIES))
    }
    result = {
        "order": DELAY_ORDER,
        "theta": DELAY_THETA,
        "band_hz": DELAY_BAND,
        "style": style,
        "tolerance": tolerance,
        "distribution": distribution,
        "offset": offset,
        "limit": LIMIT,
        "topologies": found,
    }
    rows = [(topology, *_yield_cells(each)) for topology, each in found.items()]
    heads = ["topology", "E96, exact parts", "median", "95 %", f"yield at {LIMIT:g}", "SPICE 95 %", "SPICE yield"]
    title = f"NRMSE of the delay network, {style}, with {100 * tolerance:g} % parts (chips: {CHIPS:g})"
    return Outcome(result, [grid(title, heads, rows)])


def _yield_cells(each: Mapping[str, Any]) -> list[str]:
    spice = each.get("spice")
    simulated = ["–", "–"] if spice is None else [format_number(spice["q95"]), f"{100 * spice['yield']:.1f} %"]
    predicted = [format_number(each[key]) for key in ("nominal", "median", "q95")]
    return [*predicted, f"{100 * each['yield']:.1f} %", *simulated]
