"""Forms of the memory in spikes: the map of its synapse, its digital form, and what neurons cost."""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import format_number, grid
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.app import choice, experiment, watched
from lmu_hw.experiments.spiking_memory import (
    BAND,
    DT,
    ORDER,
    SECONDS,
    TAU,
    THETA,
    exponent,
    fitting,
    noise,
    window_error,
)
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_memory
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.neurons import DRAW_BITS, PoissonUnit, draws_of, first_states, words
from lmu_hw.spiking.digital.plan import plan_spiking
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse, SynapseForm

# Two ways from a synapse to the recurrence

STEPS = (1e-3, 5e-4, 2.5e-4)
SYNAPSES = {"one low pass": Synapse.low_pass(TAU), "two low passes": Synapse.low_pass(TAU, 0.2 * TAU)}


def measure_map(
    synapse: Synapse, form: SynapseForm, dt: float, neurons: int, seed: int, seconds: float
) -> tuple[float, float]:
    """The errors of one map, without neurons and with them.

    Args:
        synapse: The synapse of every connection.
        form: The form of the synapse from which the map is derived.
        dt: The step in seconds.
        neurons: The number of neurons.
        seed: The seed of input, tuning curves and spikes.
        seconds: The length of the run.

    Raises:
        DesignError: The loop with that map is unstable.
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


@experiment("spiking-synapses")
@click.option("--neurons", default=4000, type=click.IntRange(2 * ORDER), help="Number of neurons.")
@click.option("--seeds", default=3, type=click.IntRange(1), help="Number of runs of each.")
@click.option("--seconds", default=SECONDS, type=click.FloatRange(0.1), help="Length of a run, s.")
def spiking_synapses(neurons: int, seeds: int, seconds: float) -> Outcome:
    """Measure what the continuous map from a synapse to the recurrence costs in a simulation with steps.

    The memory is that of `spiking-error`, with a first-order synapse and with two low passes. The sampled map knows
    the step and carries the memory exactly; the continuous one, A_rec = (τ/θ)A + I for a low pass, is what holds for
    neurons that are not simulated in steps. Each is run without neurons, which shows the map alone, and in Poisson
    neurons with LIF rates. The error is the root mean square of the decoded window against the same memory in
    float64.
    """
    found: list[dict[str, Any]] = []
    cases = [(name, form, dt) for name in SYNAPSES for form in SynapseForm for dt in STEPS]
    for name, form, dt in watched(cases, lambda case: f"{case[0]}, {case[1]}, {1e3 * case[2]:g} ms"):
        runs = np.array([measure_map(SYNAPSES[name], form, dt, neurons, seed, seconds) for seed in range(seeds)])
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
    return Outcome(result, [table])


# The digital form

DIGITAL_NEURONS = (250, 1_000, 4_000, 16_000)
KINDS = (NeuronKind.POISSON_LIF, NeuronKind.POISSON_RELU, NeuronKind.LIF)
_COUNTED_NEURONS, _COUNTED = 64, 1 << 20


@dataclass(frozen=True)
class Pair:
    """The errors of one memory in both forms, and the error that Poisson noise predicts."""

    software: float
    digital: float
    predicted: float


def measure_digital(neurons: int, kind: NeuronKind, seed: int, seconds: float = SECONDS, state_bits: int = 20) -> Pair:
    """Run one memory in both forms on the same input.

    Args:
        neurons: The number of neurons; the largest multiple of the order below it is taken.
        kind: The kind of neuron.
        seed: The seed of input, tuning curves and spikes.
        seconds: The length of the run.
        state_bits: The width of the digital memory's words.
    """
    spec, u = noise(ORDER, seed, seconds)
    options = SpikingOptions(fitting(neurons, ORDER), kind=kind, band_hz=3.0, seed=seed)
    design = design_memory(spec, options)
    plan = plan_spiking(spec, options, design=design, state_bits=state_bits)
    ideal = FloatMemory(spec).run(u)
    digital = plan.output_format.decode(DigitalSpikingMemory(plan).run(plan.encode(u)))
    return Pair(window_error(SpikingMemory(design).run(u), ideal), window_error(digital, ideal), design.predicted_error)


@dataclass(frozen=True)
class Statistics:
    """Statistics of neurons that fire with one probability, against the binomial distribution of K draws of p.

    Attributes:
        rate: The mean number of spikes per step, λ = K·p.
        mean: The mean of the counts.
        variance: The variance of the counts.
        mean_deviation: The deviation of the mean from λ, in standard errors.
        variance_deviation: The deviation of the variance from λ(1 − λ/K), in standard errors.
        correlations: The largest of the serial correlations at each kind of lag, in standard errors: from neuron to
            neuron within the words of a step ("neurons", lags 1 to 63), and from step to step of one neuron ("steps",
            lags 1 to 64); the largest of so many independent ones is about 2.5.
    """

    rate: float
    mean: float
    variance: float
    mean_deviation: float
    variance_deviation: float
    correlations: dict[str, float]


def statistics(rate: float, spikes: int, seed: int = 0, count: int = _COUNTED) -> Statistics:
    """Count spikes of Poisson neurons with `rate` per step in at most `spikes` draws, `count` neuron-steps long."""
    unit = PoissonUnit(spikes, None)
    chance = round(rate / spikes * (1 << DRAW_BITS))
    streams = [words(first_states(seed, k), 0, count) for k in range(unit.generators)]
    draws = draws_of(np.stack(streams, axis=1))
    counts = unit.count(np.full(count, chance), draws).astype(np.float64)
    p = chance / (1 << DRAW_BITS)
    mean, variance = spikes * p, spikes * p * (1.0 - p)
    fourth = variance * (1.0 + 3.0 * (spikes - 2) * p * (1.0 - p))  # central moment of the binomial law
    z = (counts - mean) / math.sqrt(variance)
    lags = {"neurons": range(1, _COUNTED_NEURONS), "steps": range(_COUNTED_NEURONS, 65 * _COUNTED_NEURONS, 64)}
    return Statistics(
        mean,
        float(counts.mean()),
        float(counts.var()),
        float((counts.mean() - mean) / math.sqrt(variance / count)),
        float((np.mean((counts - mean) ** 2) - variance) / math.sqrt((fourth - variance**2) / count)),
        {name: max(abs(_correlation(z, lag)) for lag in each) for name, each in lags.items()},
    )


def _correlation(z: Array, lag: int) -> float:
    return float(z[lag:] @ z[:-lag] / math.sqrt(z.size - lag))


@experiment("spiking-digital")
@click.option("--statistics", "counted", is_flag=True, help="Count spikes of neurons with constant rates instead.")
@click.option("--most", default=16_000, help="Largest number of neurons.")
@click.option("--seeds", default=3, help="Number of runs of each, each with its own noise, tuning curves and spikes.")
@click.option("--seconds", default=SECONDS, help="Length of a run, s.")
@click.option("--state-bits", default=20, help="Width of the digital memory's words.")
def spiking_digital(counted: bool, most: int, seeds: int, seconds: float, state_bits: int) -> Outcome:
    """Measure the error of the digital spiking memory beside the one in software, over neurons.

    Memory, input and error are those of `spiking-error`. Both forms have the same tuning curves and decoders; the
    digital one is the integer model, which the Verilog equals word for word. With --statistics Poisson neurons of
    constant rate are counted, on the words of the generator itself: mean, variance and correlations of the spikes of 64
    neurons over a million neuron-steps, as deviations from the binomial law in standard errors.
    """
    if counted:
        return _statistics()
    counts = [m for m in DIGITAL_NEURONS if m <= most]
    result: dict[str, Any] = {"state_bits": state_bits, "seconds": seconds, "seeds": seeds, "kinds": {}}
    tables = []
    for kind in watched(KINDS):
        pairs = [[measure_digital(m, kind, s, seconds, state_bits) for s in range(max(1, seeds))] for m in counts]
        part, table = _told(kind, [fitting(m, ORDER) for m in counts], pairs)
        result["kinds"][str(kind)] = part
        tables.append(table)
    return Outcome(result, tables)


def _told(kind: NeuronKind, neurons: Sequence[int], pairs: Sequence[Sequence[Pair]]) -> tuple[dict[str, Any], Any]:
    errors = {name: np.array([[getattr(p, name) for p in row] for row in pairs]) for name in Pair.__annotations__}
    fitted = {}
    if len(neurons) > 1 and len(pairs[0]) > 1:
        fitted = {name: vars(exponent(neurons, errors[name])) for name in ("software", "digital")}
    says = "".join(f"; {name} ∝ m^{fit['value']:.2f}" for name, fit in fitted.items())
    rows = [(str(m), *(format_number(float(errors[name][k].mean())) for name in errors)) for k, m in enumerate(neurons)]
    part = {"neurons": list(neurons), **errors, "exponents": fitted}
    return part, grid(f"{kind}{says}", ["neurons", *errors], rows)


def _statistics() -> Outcome:
    cases = [(0.01, 1), (0.1, 1), (0.4, 1), (0.8, 2), (1.7, 4), (3.0, 8)]
    found = [(k, statistics(rate, k)) for rate, k in cases]
    rows = [
        (
            str(k),
            format_number(s.rate),
            format_number(s.mean),
            f"{s.mean_deviation:+.2f}",
            format_number(s.variance),
            f"{s.variance_deviation:+.2f}",
            *(f"{value:.2f}" for value in s.correlations.values()),
        )
        for k, s in found
    ]
    heads = ["draws", "rate·dt", "mean", "σ off", "variance", "σ off", "neurons, largest σ", "steps, largest σ"]
    return Outcome({"counts": [{"draws": k, **vars(s)} for k, s in found]}, [grid("Spikes of a step", heads, rows)])


# Time and memory

COSTED_NEURONS = (1_000, 10_000, 100_000, 300_000, 600_000, 1_000_000)


@dataclass(frozen=True)
class Cost:
    """The time and the memory that one memory in spikes took.

    Attributes:
        neurons: The number of neurons.
        design: The processor time to make it in seconds, the neurons at rest included.
        simulation: The processor time in seconds for each simulated second.
        peak: The most memory of the process in bytes.
    """

    neurons: int
    design: float
    simulation: float
    peak: int


def measure_cost(neurons: int, kind: NeuronKind, seconds: float) -> Cost:
    """Make and run one memory in this process."""
    import resource  # not on every system, and needed here only

    spec, u = noise(ORDER, 0, seconds)
    start = time.process_time()
    memory = SpikingMemory(design_memory(spec, SpikingOptions(fitting(neurons, ORDER), kind=kind, band_hz=BAND)))
    memory.run(u[:0])  # the neurons' state is made when the first run begins
    made = time.process_time()
    memory.run(u)
    done = time.process_time()
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Cost(fitting(neurons, ORDER), made - start, (done - made) / (u.size * DT), peak)


def measure_apart(neurons: int, kind: NeuronKind, seconds: float) -> Cost:
    """Measure in a process of its own, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure_cost, neurons, kind, seconds).result()


@experiment("spiking-cost")
@click.option("--most", default=1_000_000, help="Largest number of neurons.")
@click.option("--kind", type=choice(NeuronKind), default="poisson-lif", help="Kind of neuron.")
@click.option("--seconds", default=1.0, help="Simulated time, s.")
def spiking_cost(most: int, kind: str, seconds: float) -> Outcome:
    """Measure time per simulated second and peak memory of a memory in spikes over its number of neurons.

    Each run is a process of its own, so that its peak of memory is its own; what an empty run takes is taken off. The
    memory is that of `spiking-error`. The time is that of the processor, design and simulation apart. Exponents over
    the neurons are fitted from 100,000 on.
    """
    noise(ORDER, 0, seconds)  # refuses a length that is too short, here and not in another process
    empty = measure_apart(2 * ORDER, NeuronKind(kind), seconds)
    costs = [measure_apart(m, NeuronKind(kind), seconds) for m in watched([m for m in COSTED_NEURONS if m <= most])]
    large = [c for c in costs if c.neurons > 90_000]
    result: dict[str, Any] = {"kind": kind, "seconds": seconds, "empty": vars(empty), "costs": [vars(c) for c in costs]}
    if len(large) > 1:
        x = [float(c.neurons) for c in large]
        for name in ("simulation", "peak"):
            y = np.array([[getattr(c, name) - getattr(empty, name)] for c in large])
            result[f"{name}_exponent"] = exponent(x, y).value
    rows = [
        (
            str(c.neurons),
            format_number(c.design),
            format_number(c.simulation),
            format_number((c.peak - empty.peak) / 2**20),
            format_number((c.peak - empty.peak) / c.neurons),
        )
        for c in costs
    ]
    heads = ["neurons", "design, s", "s per simulated s", "memory, MiB", "bytes a neuron"]
    said = {name: result.get(f"{name}_exponent") for name in ("simulation", "peak")}
    exponents = ", ".join(f"{name} {value:.2f}" for name, value in said.items() if value is not None)
    return Outcome(result, [grid(f"Cost of {kind} neurons; exponents: {exponents or 'none'}", heads, rows)])
