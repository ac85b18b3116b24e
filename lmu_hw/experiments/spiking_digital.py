"""The error of the digital spiking memory beside the one in software, over neurons; and how its chance behaves.

    python -m lmu_hw.experiments.spiking_digital
    python -m lmu_hw.experiments.spiking_digital --statistics

Memory, input and error are those of `lmu_hw.experiments.spiking_error`. Both forms have the same tuning curves and
decoders; the digital one is the integer model, which the Verilog equals word for word. With --statistics Poisson
neurons of constant rate are counted, on the words of the very generator: mean, variance and correlations of the spikes
of 64 neurons over a million neuron-steps, as deviations from the binomial law in standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, format_number, grid
from lmu_hw.core.legendre import Array
from lmu_hw.experiments.spiking_error import ORDER, SECONDS, exponent, fitting, noise, window_error
from lmu_hw.experiments.start import command
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.neurons import DRAW_BITS, PoissonUnit, draws_of, first_states, words
from lmu_hw.spiking.digital.plan import plan_spiking
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind

NEURONS = (250, 1_000, 4_000, 16_000)
KINDS = (NeuronKind.POISSON_LIF, NeuronKind.POISSON_RELU, NeuronKind.LIF)
_COUNTED_NEURONS, _COUNTED = 64, 1 << 20


@dataclass(frozen=True)
class Pair:
    """Errors of one memory in both forms, and what Poisson noise predicts."""

    software: float
    digital: float
    predicted: float


def measure(neurons: int, kind: NeuronKind, seed: int, seconds: float = SECONDS, state_bits: int = 20) -> Pair:
    """Run one memory in both forms on the same input.

    Args:
        neurons: altogether; the largest multiple of the order below is taken.
        kind: of neuron.
        seed: of input, tuning curves and spikes.
        seconds: length of the run.
        state_bits: of the digital memory's words.
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
    """Counts of neurons that fire with one chance, against the binomial law of K draws of chance p.

    Attributes:
        rate: λ = K·p, mean spikes per step.
        mean: of the counts.
        variance: of the counts.
        mean_deviation, variance_deviation: from λ and λ(1 − λ/K), in standard errors.
        correlations: the largest of the serial correlations at each kind of lag, in standard errors: from neuron to
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


@click.command(context_settings={"show_default": True})
@click.option("--statistics", "counted", is_flag=True, help="Count spikes of neurons with constant rates instead.")
@click.option("--most", default=16_000, help="Neurons at most.")
@click.option("--seeds", default=3, help="Runs of each, with noise, tuning curves and spikes of their own.")
@click.option("--seconds", default=SECONDS, help="Length of a run, s.")
@click.option("--state-bits", default=20, help="Width of the digital memory's words.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(counted: bool, most: int, seeds: int, seconds: float, state_bits: int, as_json: bool) -> None:
    """Print errors and exponents, or statistics."""
    if counted:
        _tell_statistics(as_json)
        return
    counts = [m for m in NEURONS if m <= most]
    result: dict[str, Any] = {"state_bits": state_bits, "seconds": seconds, "seeds": seeds, "kinds": {}}
    tables = []
    for kind in KINDS:
        pairs = [[measure(m, kind, s, seconds, state_bits) for s in range(max(1, seeds))] for m in counts]
        part, table = _told(kind, [fitting(m, ORDER) for m in counts], pairs)
        result["kinds"][str(kind)] = part
        tables.append(table)
    answer(result, tables, as_json=as_json)


def _told(kind: NeuronKind, neurons: Sequence[int], pairs: Sequence[Sequence[Pair]]) -> tuple[dict[str, Any], Any]:
    errors = {name: np.array([[getattr(p, name) for p in row] for row in pairs]) for name in Pair.__annotations__}
    fitted = {}
    if len(neurons) > 1 and len(pairs[0]) > 1:
        fitted = {name: vars(exponent(neurons, errors[name])) for name in ("software", "digital")}
    says = "".join(f"; {name} ∝ m^{fit['value']:.2f}" for name, fit in fitted.items())
    rows = [(str(m), *(format_number(float(errors[name][k].mean())) for name in errors)) for k, m in enumerate(neurons)]
    part = {"neurons": list(neurons), **errors, "exponents": fitted}
    return part, grid(f"{kind}{says}", ["neurons", *errors], rows)


def _tell_statistics(as_json: bool) -> None:
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
    answer(
        {"counts": [{"draws": k, **vars(s)} for k, s in found]},
        [grid("Spikes of a step", heads, rows)],
        as_json=as_json,
    )


if __name__ == "__main__":
    command(main)
