"""The passes of planning: each takes what is known so far and returns one named part of the plan.

`MemoryAnalysis.plan` lists them in order. A word's peak is in codes of its own grid, and every format is wide
enough for its peak, so nothing in a planned memory overflows (docs/ranges.md, steps 4 to 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.analysis import LoopAnalysis
from lmu_hw.fixed_point.datapaths import Increment
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat, finest_fraction, signed_width
from lmu_hw.fixed_point.plan import ErrorBudget, ReadoutPlan

_SPILL = 1.0 / 16.0  # codes of a state word that all roundings of accumulators may come to


@dataclass(frozen=True, eq=False)
class StateWords:
    """The state words.

    Attributes:
        format: The format of every state word.
        noise: How many codes all roundings together can come to, shape (order,).
        peak: The largest |code|, shape (order,).
    """

    format: QFormat
    noise: Array
    peak: Array


@dataclass(frozen=True, eq=False)
class Operands:
    """The words that multipliers take.

    Attributes:
        format: The format of every operand.
        peak: The largest |code|, shape (operands,).
    """

    format: QFormat
    peak: Array


@dataclass(frozen=True)
class Grids:
    """One code of each kind of word as a real number; 0 where there is no such rounding.

    Attributes:
        input: A sample.
        state: A state word.
        operand: A word that a multiplier takes.
        accumulator: An accumulator; 0 where products are accumulated exactly.
        output: A word that leaves, where that is finer than a state word.
        readout: A readout, where its sum is rounded at all.
    """

    input: float
    state: float
    operand: float
    accumulator: float
    output: float
    readout: float


@dataclass(frozen=True, eq=False)
class ReadoutWeights:
    """Coefficients of delayed readouts as integers.

    Attributes:
        delays: The delay θ′/θ of each readout, 0 … 1.
        codes: The coefficients, shape (readouts, order).
        bits: The width of a coefficient, its sign included.
        fraction: The fractional bits of a coefficient; 0 where all of them are ±1.
    """

    delays: tuple[float, ...]
    codes: IntArray
    bits: int
    fraction: int

    @property
    def values(self) -> Array:
        """The coefficients as real numbers, shape (readouts, order)."""
        return np.asarray(self.codes * 2.0**-self.fraction)


def round_readouts(delays: tuple[float, ...], rows: Array, bits: int) -> ReadoutWeights:
    """The rows of readouts, shape (readouts, order), rounded to `bits` bits on one grid."""
    if np.all(np.abs(rows) == 1.0):
        return ReadoutWeights(delays, rows.astype(np.int64), 2, 0)
    fraction = int(finest_fraction(bits, np.abs(rows).max()))
    return ReadoutWeights(delays, np.rint(rows * 2.0**fraction).astype(np.int64), bits, fraction)


def guard_bits(increment: Increment, gains: LoopAnalysis, *, finer_output: bool) -> int:
    """How many more fractional bits operands have than state words: so many that roundings inside the increment add at
    most half to what the other roundings come to."""
    if not increment.guarded:
        return 0
    rest = gains.worst.feedback + (gains.worst.wide if finer_output else gains.worst.words)
    ratio = float((gains.worst.internal / np.maximum(rest, 1e-30)).max())
    return max(0, math.ceil(math.log2(max(1.0, 2.0 * ratio))))


def state_words(gains: LoopAnalysis, order: int, bits: int, guard: int) -> StateWords:
    """The state words on the finest grid on which `bits` bits hold range and roundings (docs/ranges.md, step 4).

    Raises:
        DesignError: the range does not fit even where one code is one unit of the state.
    """
    worst, ranges = gains.worst, gains.ranges.outputs[:order]
    noise = 0.5 * (worst.feedback + worst.words + 2.0**-guard * worst.internal)[:order] + _SPILL
    most = float(2 ** (bits - 1) - 1)
    room = float(np.min((most - noise) / np.maximum(ranges, 1e-30)))
    if room < 1.0:
        raise DesignError(
            "state_bits",
            f"enough for a range of {ranges.max():.3g} and a rounding noise of "
            f"{noise.max():.3g} codes at order {order}",
            bits,
        )
    fraction = math.floor(math.log2(room))
    return StateWords(QFormat(bits, fraction), noise, ranges * 2.0**fraction + noise)


def operand_words(
    increment: Increment, gains: LoopAnalysis, states: StateWords, samples: QFormat, guard: int
) -> Operands:
    """The operands, on the finer of the grids of guarded state words and of samples (docs/ranges.md, step 5).

    Raises:
        DesignError: an operand would be too wide for the integer model.
    """
    fraction = max(states.format.fraction + guard, samples.fraction)
    from_states = np.abs(increment.operands(np.eye(increment.order))) @ states.noise
    peak = gains.ranges.operands * 2.0**states.format.fraction + from_states
    peak = 2.0 ** (fraction - states.format.fraction) * peak
    peak = peak + 0.5 * np.abs(increment.operand_noise).sum(axis=1)
    return Operands(_format(peak.max(), fraction, "multiplier operand"), peak)


def product_words(increment: Increment, operands: Operands) -> QFormat:
    """The format of whole increments; nothing on their grid is wider (docs/ranges.md, step 5).

    Raises:
        DesignError: an increment would be too wide for the integer model.
    """
    fraction = operands.format.fraction + increment.product_fraction_bits
    hint = "fewer state_bits or coefficient_bits help"
    return _format(increment.widest_product(operands.peak), fraction, "exact product", hint)


def accumulator_words(gains: LoopAnalysis, states: StateWords, products: QFormat, finer: int) -> QFormat:
    """The format of the accumulators: exact, or so fine that rounding adds little (docs/ranges.md, step 6).

    Args:
        gains: The gains of the loop.
        states: The state words.
        products: The format of whole increments.
        finer: How many more fractional bits the output words have than the state words.

    Raises:
        DesignError: an accumulator would be too wide for the integer model.
    """
    fraction, order = states.format.fraction, states.peak.size
    spill = 0.5 / _SPILL * gains.accumulation_gain[:order].max()
    finest = fraction + finer + math.ceil(math.log2(max(1.0, spill)))
    own = max(min(products.fraction, finest), fraction + max(finer, 1))
    width = signed_width(float(states.peak.max()) + 1.0) + 1 + own - fraction
    if width >= MAX_WIDTH:
        raise DesignError("accumulator", f"below {MAX_WIDTH} bits", width, hint="fewer state_bits help")
    return QFormat(width, own)


def error_budget(gains: LoopAnalysis, grids: Grids, order: int) -> ErrorBudget:
    """The worst cases at states and readouts, in their units (docs/error-bound.md, step 7)."""
    last = 0.5 * grids.output * np.abs(gains.rows).sum(axis=1) if grids.output else 0.0
    direct = gains.worst.wide if grids.output else gains.worst.words
    return ErrorBudget(
        input=gains.ranges.outputs * 0.5 * grids.input,
        coefficients=gains.coefficient_gain,
        internal=0.5 * grids.operand * gains.worst.internal,
        accumulation=0.5 * grids.accumulator * gains.accumulation_gain,
        feedback=0.5 * grids.state * gains.worst.feedback,
        output=0.5 * grids.state * direct + last + 0.5 * _of_readouts(gains, order, grids.readout),
    )


def predicted_noise(gains: LoopAnalysis, grids: Grids, order: int) -> Array:
    """The standard deviations at states and readouts, in their units, shape (outputs,) (docs/noise.md, step 3)."""
    last = np.square(gains.rows).sum(axis=1) if grids.output else 0.0
    variance = (
        grids.input**2 * gains.input_power
        + grids.state**2 * (gains.power.feedback + (gains.power.wide if grids.output else gains.power.words))
        + grids.operand**2 * gains.power.internal
        + grids.accumulator**2 * gains.accumulation_power
        + grids.output**2 * last
        + _of_readouts(gains, order, grids.readout**2)
    )
    return np.asarray(np.sqrt(variance / 12.0))


def readout_words(
    weights: ReadoutWeights, gains: LoopAnalysis, words: QFormat, budget: ErrorBudget, noise: Array
) -> ReadoutPlan:
    """The delayed readouts, which are sums of output words (docs/ranges.md, step 7).

    Raises:
        DesignError: a sum would be too wide for the integer model.
    """
    deviation = budget.internal + budget.accumulation + budget.feedback + budget.output
    ranges = gains.ranges.outputs[-len(weights.delays) :] + deviation
    format_ = _format(float(ranges.max()) / words.lsb + 1.0, words.fraction, "readout")
    width = signed_width(float(np.abs(weights.codes).sum(axis=1).max()) * 2.0 ** (words.width - 1))
    if width > MAX_WIDTH:
        raise DesignError(
            "sum of a readout", f"at most {MAX_WIDTH} bits wide", width, hint="fewer output_bits or state_bits help"
        )
    return ReadoutPlan(
        weights.delays, weights.codes, weights.bits, weights.fraction, format_, width, ranges, budget, noise
    )


def part(budget: ErrorBudget, outputs: slice) -> ErrorBudget:
    """The budget of some of the outputs."""
    return ErrorBudget(*(getattr(budget, field.name)[outputs] for field in fields(budget)))


def _of_readouts(gains: LoopAnalysis, order: int, value: float) -> Array:
    """`value` at each readout, nothing at the states, shape (outputs,)."""
    return np.concatenate([np.zeros(order), np.full(gains.rows.shape[0] - order, value)])


def _format(peak: float, fraction: int, what: str, hint: str = "") -> QFormat:
    """The narrowest format that holds codes up to ±`peak`."""
    width = signed_width(peak)
    if width > MAX_WIDTH:
        raise DesignError(what, f"at most {MAX_WIDTH} bits wide", width, hint=hint)
    return QFormat(width, fraction)
