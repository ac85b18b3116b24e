"""Every topology and technology in SPICE: how near to the float reference, with how many couplings, how fast.

    python -m lmu_hw.experiments.analog_ladder --order 32 --runs 3

A circuit gets held random samples for some windows; its states, read through their map to Legendre coordinates, and
its delayed output are held against the float memory. The small-signal response of the output is held against the Padé
approximant of the delay, up to the band edge of order / 4 cycles per window. Couplings are counted in the netlist.

All circuits have the same stimulus, bound on the step, tolerances and saved signals. The step is at most a twentieth of
a sample: larger ones show in the states of high orders, and circuits would differ in how many steps their solver
rejects. The speed is that of the transient analysis alone: the simulator's processor time, the least of several runs,
which go round all circuits in turn, less that of the same deck stopped after one step. With 4 windows, ngspice's
start (process, parsing, operating point) is about a tenth of the whole at order 6 and less above; neospice's is longer.

In ngspice the chain gains little over the dense circuit, although its matrix is sparse: ngspice keeps the order of
elimination that it has found for the operating point, at which no capacitor conducts, and that order fills the matrix.
"""

from __future__ import annotations

import re
import resource
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import click
import numpy as np

from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.devices import IdealOpAmp, SinglePoleOpAmp
from lmu_hw.analog.circuit.graph import GROUND
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.export.spice import SmallSignal, Transient, to_deck
from lmu_hw.analog.realisation.network import INPUT
from lmu_hw.cli.output import answer, format_number, grid, progress
from lmu_hw.core.legendre import Array, input_vector, readout, state_matrix
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import check_integer, check_positive
from lmu_hw.experiments.start import command
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.deck import cards
from lmu_hw.sim.spice.engines import Engine, run_spice

THETA = 0.01
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
class Outcome:
    """A circuit's answer to held samples.

    Attributes:
        nrmse: of the Legendre states.
        output_nrmse: of the output y0.
        seconds: time of the simulation, start to end, s.
        cpu_seconds: processor time of the simulator, s.
        start_seconds: share of that before the first step, s.
    """

    nrmse: float
    output_nrmse: float
    seconds: float
    cpu_seconds: float
    start_seconds: float


def stimulus(windows: int, seed: int) -> Array:
    """Random samples from -1 to 1, each repeated `SAMPLES_HELD` times."""
    count = windows * SAMPLES_PER_WINDOW // SAMPLES_HELD
    return np.repeat(np.random.default_rng(seed).uniform(-1.0, 1.0, count), SAMPLES_HELD)


def transient(design: AnalogDesign, samples: Array, engine: Engine | str = Engine.NGSPICE) -> Outcome:
    """Simulate a circuit's answer to held samples, one every theta / `SAMPLES_PER_WINDOW`."""
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
    return Outcome(
        nrmse=nrmse(design.legendre_states(volts[:, :n]), wanted),
        output_nrmse=nrmse(volts[:, n] / design.output_scaling[0], wanted @ readout(order, 1.0)[0]),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        start_seconds=started - before,
    )


def _processor_time() -> float:
    """User and system time of all processes that this one has started and seen end, s."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def pade_deviation(design: AnalogDesign, engine: Engine | str = Engine.NGSPICE, points: int = 20) -> float:
    """Largest relative deviation of y0 from the Padé approximant of the delay, over three decades to the band edge."""
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


@click.command(context_settings={"show_default": True})
@click.option("--order", "orders", multiple=True, type=int, default=(6,), help="Of the memory; may be repeated.")
@click.option("--gbw", type=float, help="Gain-bandwidth product of single-pole op-amps, Hz; ideal ones if left out.")
@click.option("--style", "styles", multiple=True, default=STYLES, type=click.Choice(STYLES), help="Technologies.")
@click.option("--windows", default=4, help="Length of the simulation in windows.")
@click.option("--runs", default=1, help="Runs of each, of which the fastest counts.")
@click.option("--engine", default="ngspice", type=click.Choice([str(e) for e in Engine]), help="Simulator.")
@click.option("--count-only", is_flag=True, help="Count the couplings and simulate nothing.")
@click.option("--seed", default=0, type=click.IntRange(min=0), help="Of the samples.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    orders: tuple[int, ...],
    gbw: float | None,
    styles: tuple[str, ...],
    windows: int,
    runs: int,
    engine: str,
    count_only: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Print error, couplings and time of every topology and technology."""
    opamp = IdealOpAmp() if gbw is None else SinglePoleOpAmp(gbw=check_positive("gbw", gbw, "Hz"))
    samples = stimulus(check_integer("windows", windows, 1), seed)
    check_integer("runs", runs, 1)
    found: list[tuple[AnalogDesign, dict[str, Any]]] = []
    for order, style, topology in product(orders, styles, TOPOLOGIES):
        design = design_memory(order, THETA, topology=topology, style=style, opamp=opamp)
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
    answer(settings | {"circuits": circuits}, shown, as_json=as_json)


def _rows(circuits: list[dict[str, Any]], columns: Iterable[str]) -> list[list[str]]:
    """The names of each circuit and some of its figures."""
    return [
        [*(str(each[name]) for name in _NAMES), *(format_number(each[name]) for name in columns)] for each in circuits
    ]


def simulate(found: list[tuple[AnalogDesign, dict[str, Any]]], samples: Array, runs: int, engine: str) -> None:
    """Add each circuit's errors, least times and speed over the dense circuit of its order and style."""
    with progress() as bar:
        task = bar.add_task(engine, total=len(found) * (runs + 1))
        outcomes: list[list[Outcome]] = [[] for _ in found]
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


if __name__ == "__main__":
    command(main)
