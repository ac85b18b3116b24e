"""Circuits in SPICE: every realisation and technology against the models, their noise, and real transconductors."""

from __future__ import annotations

import re
import resource
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import click
import numpy as np

from lmu_hw.analog.analysis.small_signal import noise
from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.devices import CmosOta, IdealOpAmp, MacroOpAmp, MacroOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Transconductor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import GROUND, walk
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.export.spice import SmallSignal, Transient, to_deck
from lmu_hw.analog.realisation.network import INPUT
from lmu_hw.cli.output import facts, format_number, grid, progress
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array, input_vector, readout, state_matrix
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import check_integer, check_positive
from lmu_hw.experiments.app import choice, experiment, seed_option, watched
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.deck import cards
from lmu_hw.sim.spice.engines import Engine, run_spice
from lmu_hw.sim.spice.measure_ota import measure_ota, of_transistors
from lmu_hw.sim.spice.noise import simulate_noise

THETA = 0.01

# Errors, couplings and times of every circuit

SAMPLES_PER_WINDOW = 200
SAMPLES_HELD = 10  # the input changes this often only, so that it stays within the band of small orders
STEPS_PER_SAMPLE = 20
_DT = THETA / SAMPLES_PER_WINDOW
_TIME_LIMIT = 600.0  # s
_NAMES = ("order", "style", "topology")
_ERRORS = {
    "couplings": "couplings",
    "nrmse": "NRMSE of states",
    "output_nrmse": "NRMSE of y0",
    "pade_deviation": "deviation from Padé",
}
_TIMES = {
    "seconds": "s",
    "cpu_seconds": "processor s",
    "start_seconds": "of them for the start",
    "times_faster_than_dense": "× dense's speed",
}
_STAGE = re.compile(r".*_(integrator|sum)_(\w+)")


@dataclass(frozen=True)
class Simulated:
    """The response of a circuit to held samples.

    Attributes:
        nrmse: The NRMSE of the Legendre states against the float memory.
        output_nrmse: The NRMSE of the delayed output y0.
        seconds: The time of the simulation from start to end, in seconds.
        cpu_seconds: The processor time of the simulator, in seconds.
        start_seconds: The part of `cpu_seconds` before the first step, in seconds.
    """

    nrmse: float
    output_nrmse: float
    seconds: float
    cpu_seconds: float
    start_seconds: float


def stimulus(windows: int, seed: int) -> Array:
    """Draw random samples from -1 to 1, each repeated `SAMPLES_HELD` times."""
    count = windows * SAMPLES_PER_WINDOW // SAMPLES_HELD
    return np.repeat(np.random.default_rng(seed).uniform(-1.0, 1.0, count), SAMPLES_HELD)


def transient(design: AnalogDesign, samples: Array, engine: Engine | str = Engine.NGSPICE) -> Simulated:
    """Simulate the response of a circuit to held samples, one every theta / `SAMPLES_PER_WINDOW`."""
    bench = design.bench(held_samples((design.input_scaling * samples).tolist(), _DT, merge=True))
    step = _DT / STEPS_PER_SAMPLE
    before = _processor_time()
    run_spice(to_deck(bench, [Transient(step, step, step)]), engine=engine, timeout_s=_TIME_LIMIT)
    deck = to_deck(bench, [Transient(_DT, samples.size * _DT, step)])
    started, began = _processor_time(), time.perf_counter()
    waves = run_spice(deck, engine=engine, timeout_s=_TIME_LIMIT)
    seconds, cpu_seconds = time.perf_counter() - began, _processor_time() - started
    times = _DT * np.arange(1, samples.size + 1)
    volts = design.read({net: np.interp(times, waves["time"], wave) for net, wave in waves.items()})
    n, order = design.realisation.states, len(design.realisation.legendre_map)
    wanted = FloatMemory(LMUSpec(order, THETA, _DT, Discretization.ZOH)).run(samples)
    return Simulated(
        nrmse=nrmse(design.legendre_states(volts[:, :n]), wanted),
        output_nrmse=nrmse(volts[:, n] / design.output_scaling[0], wanted @ readout(order, 1.0)[0]),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        start_seconds=started - before,
    )


def _processor_time() -> float:
    """The user and system time of all processes that this one has started and seen end, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def pade_deviation(design: AnalogDesign, engine: Engine | str = Engine.NGSPICE, points: int = 20) -> float:
    """The largest relative deviation of y0 from the Padé approximant, over three decades up to the band edge."""
    order = len(design.realisation.legendre_map)
    band = order / (4.0 * THETA)
    deck = to_deck(design.bench(0.0, ac=design.input_scaling), [SmallSignal(points, band / 1e3, band)])
    waves = run_spice(deck, engine=engine, timeout_s=_TIME_LIMIT)
    found = design.read(waves)[:, design.realisation.states] / design.output_scaling[0]
    cycles = np.real(waves["frequency"]) * THETA
    a, b = state_matrix(order), input_vector(order)
    wanted = [np.linalg.solve(2j * np.pi * f * np.eye(order) - a, b).sum() for f in cycles]
    return float(np.max(np.abs(found / np.array(wanted) - 1.0)))


def couplings(netlist: str) -> int:
    """Count the couplings within the memory in the text of its netlist.

    A coupling is a stage's resistor, pair of resistors or transconductor that leads from one signal, in either
    polarity, to the stage. Those from the input and of sums that no integrator depends on are left out.
    """
    sources: dict[str, set[str]] = defaultdict(set)
    feeding: set[str] = set()
    stage, ports = None, set[str]()
    for words in cards(netlist):
        if words[0] == ".subckt":
            stage, ports = _STAGE.fullmatch(words[1]), set(words[2:]) | {GROUND}
        if words[0] == ".ends":
            stage = None
        if stage is None:
            continue
        kind, sink = stage.groups()
        if kind == "integrator":
            feeding.add(sink)
        nets = words[1:3] if words[0][0] == "r" or (words[4:5] and words[4].startswith("ota_")) else []
        signals = {re.sub("_(neg|p|n)$", "", net) for net in nets if net in ports and net != GROUND}
        # A sum's part from itself is its feedback or load.
        sources[sink] |= signals - {INPUT} - ({sink} if kind == "sum" else set())
    while more := set[str]().union(*(sources[sink] for sink in feeding)) - feeding:
        feeding |= more
    return sum(len(sources[sink]) for sink in feeding)


@experiment("analog-ladder")
@click.option("--order", "orders", multiple=True, type=int, default=(6,), help="Order of the memory; may be repeated.")
@click.option("--gbw", type=float, help="Gain-bandwidth product of single-pole op-amps in Hz; without it ideal ones.")
@click.option(
    "--style", "styles", multiple=True, default=STYLES, type=choice(STYLES), help="Technology; may be repeated."
)
@click.option("--windows", default=4, help="Length of the simulation in windows.")
@click.option("--runs", default=1, help="Number of runs of each circuit, of which the fastest counts.")
@click.option("--engine", default="ngspice", type=choice(Engine), help="SPICE simulator.")
@click.option("--count-only", is_flag=True, help="Count the couplings and simulate nothing.")
@seed_option("the samples")
def analog_ladder(
    orders: tuple[int, ...],
    gbw: float | None,
    styles: tuple[str, ...],
    windows: int,
    runs: int,
    engine: str,
    count_only: bool,
    seed: int,
) -> Outcome:
    """Measure the error, the couplings and the simulation speed of every topology and technology.

    A circuit gets held random samples for some windows. Its states, read through their map to Legendre coordinates,
    and its delayed output are compared with the float memory. The small-signal response of the output is compared
    with the Padé approximant of the delay, up to the band edge of order / 4 cycles per window. Couplings are counted
    in the netlist.

    All circuits have the same stimulus, bound on the step, tolerances and saved signals. The step is at most a
    twentieth of a sample: larger ones show in the states of high orders, and circuits would differ in how many steps
    their solver rejects. The speed is that of the transient analysis alone: the simulator's processor time, the least
    of several runs, which go round all circuits in turn, less that of the same deck stopped after one step. With 4
    windows, the start of ngspice (process, parsing, operating point) is about a tenth of the whole at order 6 and
    less above; that of neospice is longer.

    In ngspice the chain gains little over the dense circuit, although its matrix is sparse: ngspice keeps the order
    of elimination that it has found for the operating point, at which no capacitor conducts, and that order fills the
    matrix.
    """
    opamp = IdealOpAmp() if gbw is None else SinglePoleOpAmp(gbw=check_positive("gbw", gbw, "Hz"))
    samples = stimulus(check_integer("windows", windows, 1), seed)
    check_integer("runs", runs, 1)
    found: list[tuple[AnalogDesign, dict[str, Any]]] = []
    for order, style, topology in product(orders, styles, TOPOLOGIES):
        design = design_memory(order, THETA, topology=topology, style=style, opamp=opamp, allow=True)
        counted = couplings(to_deck(design.bench(0.0), []))
        found.append((design, {"order": order, "style": style, "topology": topology, "couplings": counted}))
    tables = [("Couplings", {"couplings": "in the netlist"})]
    if not count_only:
        simulate(found, samples, runs, engine)
        tables = [("Errors", _ERRORS), ("Time", _TIMES)]
    circuits = [each for _, each in found]
    shown = [
        grid(title, (*_NAMES, *columns.values()), _rows(circuits, columns), right=[0, *range(3, 3 + len(columns))])
        for title, columns in tables
    ]
    settings = {"theta": THETA, "gbw": gbw, "engine": engine, "windows": windows, "runs": runs, "seed": seed}
    return Outcome(settings | {"circuits": circuits}, shown)


def _rows(circuits: list[dict[str, Any]], columns: Iterable[str]) -> list[list[str]]:
    """The rows of a table: the names of each circuit, and the figures of these columns."""
    return [
        [*(str(each[name]) for name in _NAMES), *(format_number(each[name]) for name in columns)] for each in circuits
    ]


def simulate(found: list[tuple[AnalogDesign, dict[str, Any]]], samples: Array, runs: int, engine: str) -> None:
    """Add each circuit's errors, least times and speed over the dense circuit of its order and style."""
    with progress() as bar:
        task = bar.add_task(engine, total=len(found) * (runs + 1))
        outcomes: list[list[Simulated]] = [[] for _ in found]
        for _ in range(runs):
            for (design, _each), group in zip(found, outcomes, strict=True):
                group.append(transient(design, samples, engine))
                bar.update(task, advance=1)
        dense: dict[tuple[int, str], float] = {}
        for (design, each), group in zip(found, outcomes, strict=True):
            each |= {"nrmse": group[0].nrmse, "output_nrmse": group[0].output_nrmse}
            each["pade_deviation"] = pade_deviation(design, engine)
            for name in ("seconds", "cpu_seconds", "start_seconds"):
                each[name] = min(getattr(outcome, name) for outcome in group)
            analysis = each["cpu_seconds"] - each["start_seconds"]
            if each["topology"] == "dense":
                dense[each["order"], each["style"]] = analysis
            each["times_faster_than_dense"] = dense[each["order"], each["style"]] / analysis
            bar.update(task, advance=1)


# Noise

NOISY_OPAMP = MacroOpAmp(noise=2e-8)
NOISY_OTA = MacroOta(gm=1e-6, linear=1.0, gout=3e-10, cin=1e-14, cout=1e-14, noise=3e-7)


def measure_noise(order: int, topology: str, style: str) -> dict[str, Any]:
    """Predict and simulate the noise of the output y0.

    Args:
        order: The order of the memory.
        topology: The topology of its circuit.
        style: The technology of its circuit; op-amps have 20 nV/√Hz, transconductors 300 nV/√Hz.
    """
    design = design_memory(order, THETA, topology=topology, style=style, opamp=NOISY_OPAMP, ota=NOISY_OTA)
    edge = order / (4.0 * THETA)
    frequencies, simulated = simulate_noise(design, "y0", start=edge / 1000.0, stop=10.0 * edge, points=20)
    nets = design.signal_nets("y0")
    predicted = noise(equations(design.circuit), frequencies, (nets[0], nets[1] if len(nets) > 1 else GROUND))
    largest = float(np.max(np.abs(20.0 * np.log10(predicted.density / simulated))))
    inside = frequencies <= edge * (1.0 + 1e-9)
    volts = float(np.sqrt(np.trapezoid(simulated[inside] ** 2, frequencies[inside])))
    loudest, share = next(iter(predicted.shares().items()))
    return {
        "deviation_db": largest,
        "band_hz": edge,
        "noise_volts_rms": volts,
        "full_scale_volts": float(design.output_scaling[0]),
        "snr_db": float(20.0 * np.log10(design.output_scaling[0] / np.sqrt(2.0) / volts)),
        "loudest_part": loudest,
        "loudest_share": share,
    }


@experiment("analog-noise")
@click.option("--order", default=6, help="Order of the memory.")
def analog_noise(order: int) -> Outcome:
    """Compare the noise of every topology and technology, predicted part by part, with what ngspice simulates.

    The predicted density at the delayed output, from the resistors' thermal noise and the amplifiers' input noise, is
    compared with .noise over the band of the memory. The signal-to-noise ratio is that of a sine of full scale in
    this band.
    """
    found: dict[str, dict[str, Any]] = {}
    rows = []
    for topology, style in watched(list(product(TOPOLOGIES, STYLES)), ", ".join):
        each = measure_noise(order, topology, style)
        found.setdefault(topology, {})[style] = each
        loudest = f"{each['loudest_part']} ({100 * each['loudest_share']:.0f} %)"
        values = (format_number(each[key]) for key in ("deviation_db", "noise_volts_rms", "snr_db"))
        rows.append((topology, style, *values, loudest))
    worst = max(each["deviation_db"] for group in found.values() for each in group.values())
    result = {"order": order, "theta": THETA, "worst_deviation_db": worst, "topologies": found}
    heads = ["topology", "style", "predicted − ngspice, dB", "noise in band, V", "SNR, dB", "loudest part"]
    return Outcome(result, [grid(f"Noise of the delayed output, order {order}", heads, rows, right=(2, 3, 4))])


# Transconductors of transistors

OTA_THETA, OTA_STEPS, OTA_RATIO = 1e-3, 200, 100
CELL = CmosOta()


def simulate_ota(design: AnalogDesign, amplitude: float, seed: int, engine: Engine | str) -> dict[str, float]:
    """The NRMSE of the delayed output in SPICE, less its voltage at rest, against the float64 memory; and that voltage.

    Args:
        design: The circuit.
        amplitude: The amplitude of the held random levels at the input, as a share of full scale.
        seed: The seed of these levels.
        engine: The SPICE simulator.
    """
    order, dt = design.realisation.states, OTA_THETA / OTA_RATIO
    u = amplitude * np.repeat(np.random.default_rng(seed).uniform(-1.0, 1.0, OTA_STEPS // 10), 10)
    analysis = Transient(dt, OTA_STEPS * dt, dt)
    deck = to_deck(design.bench(held_samples((design.input_scaling * u).tolist(), dt)), [analysis], probes=["y0"])
    found = run_spice(deck, engine=engine, timeout_s=300.0)
    rest = float(found["v(y0)"][0])
    volts = np.interp(dt * np.arange(1, OTA_STEPS + 1), found["time"], found["v(y0)"] - rest)
    wanted = FloatMemory(LMUSpec(order, OTA_THETA, dt)).run(u) @ readout(order, 1.0)[0]
    return {"nrmse": nrmse(volts / design.output_scaling[0], wanted), "rest_volts": rest}


@experiment("analog-ota")
@click.option(
    "--order", "orders", multiple=True, type=int, default=(3, 6), help="Order of the memory; may be repeated."
)
@click.option("--amplitude", default=1.0, help="Amplitude of the input, as a share of full scale.")
@click.option("--engine", default="ngspice", type=choice(Engine), help="SPICE simulator.")
@seed_option("the input")
def analog_ota(orders: tuple[int, ...], amplitude: float, engine: str, seed: int) -> Outcome:
    """Measure a transconductor of transistors, and memories made of it: as macro-models, then as transistors.

    The cell is biased and measured in SPICE (.op, .ac, .dc, .noise). The gm-C design is made with what was measured,
    and simulated against the float64 memory, first with the macro-model, then with each transconductor replaced by
    the transistors that it stands for. The error is given without the output's voltage at rest, which stands beside
    it: the offsets of the cells at their input, as the memory adds them up.
    """
    measured = measure_ota(CELL, engine=engine)
    found: dict[str, dict[str, Any]] = {}
    rows = []
    for order, topology in watched(list(product(orders, TOPOLOGIES)), _circuit_name):
        design = design_memory(order, OTA_THETA, topology=topology, style="gm-c", ota=measured.model, allow=True)
        transistors = replace(design, circuit=of_transistors(design.circuit, measured.model, CELL))
        count = sum(isinstance(element, Transconductor) for _, element, _ in walk(design.circuit))
        each: dict[str, Any] = {
            "transconductors": count,
            "macro": simulate_ota(design, amplitude, seed, engine),
            "transistors": simulate_ota(transistors, amplitude, seed, engine),
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
        "theta": OTA_THETA,
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
    return Outcome(result, [facts("The cell, in SI units", cell), grid(title, heads, rows, right=range(2, 7))])


def _circuit_name(circuit: tuple[int, str]) -> str:
    return f"order {circuit[0]}, {circuit[1]}"
