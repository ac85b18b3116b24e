"""From word lengths to a plan: formats, integer coefficients, a proved error bound and a predicted noise.

`MemoryAnalysis.plan` is an ordered list of passes. Each takes what is known so far and returns one named part of the
plan. A peak is the largest |code| of a word on its own grid, and every format is wide enough for its peak, so nothing
in a planned memory overflows (docs/ranges.md, steps 4 to 7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.registry import member
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.stability import dominant_pole
from lmu_hw.core.system import coordinates
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.analysis import Loop, LoopAnalysis, analyse
from lmu_hw.fixed_point.contraction import Guarantee
from lmu_hw.fixed_point.datapaths import Datapath, Increment
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat, finest_fraction, signed_width
from lmu_hw.fixed_point.plan import ErrorBudget, MemoryPlan, ReadoutPlan

MIN_BITS, MAX_STATE_BITS, MAX_INPUT_BITS = 3, 32, 24
MAX_COEFFICIENT_BITS, MAX_OUTPUT_BITS = 32, 48
MAX_READOUTS = 64

_SPILL = 1.0 / 16.0  # codes of a state word that all roundings of accumulators may come to


def plan_memory(
    spec: LMUSpec,
    *,
    input_bits: int = 12,
    state_bits: int = 16,
    coefficient_bits: int | None = None,
    output_bits: int | None = None,
    error_feedback: bool | None = None,
    datapath: Datapath | str | None = None,
    structured_error: float | None = None,
    guarantee: Guarantee | str | None = None,
    delays: Sequence[float] = (),
) -> MemoryPlan:
    """Choose every format of a memory so that nothing can overflow, and bound its error.

    Args:
        spec: The specification.
        input_bits: The width of a sample, 3 … 24; its codes stand for fractions in [−1, 1).
        state_bits: The width of the state words, which feed the multipliers, 3 … 32.
        coefficient_bits: The width of a coefficient, its sign included, 3 … 32; by default two more than
            `state_bits` (at most what stays exact), so that dt/θ never limits the accuracy.
        output_bits: The width of the output words, `state_bits` … 48; each further bit is a fractional bit. By
            default the state words are the output words.
        error_feedback: Whether the residue of each rounding of a state word is carried over to the next. It tightens
            the bound and removes slow errors, at the price of more white noise in each word. By default it is used
            where the states are slow enough for that to pay, see `feedback_pays`.
        datapath: How the increment is computed, one of `offered_datapaths`; by default the first of them.
        structured_error: The relative RMS deviation of the states of the structured datapath from the exact hold,
            for white input, 1e-6 … 1; 1e-4 by default.
        guarantee: What to certify about the stability of a dense matrix, see `contracting_dense`; by default
            entries are rounded to nearest, and a matrix that is not stable is an error.
        delays: The delays θ′/θ of the readouts, 0 … 1 each, at most 64.

    Raises:
        DesignError: a width is out of range, the words cannot hold the certified range, the rounded coefficients are
            not provably stable, a word would exceed 62 bits, or the method has no such datapath.
    """
    input_bits = check_integer("input_bits", input_bits, MIN_BITS, MAX_INPUT_BITS)
    state_bits = check_integer("state_bits", state_bits, MIN_BITS, MAX_STATE_BITS)
    if coefficient_bits is not None:
        check_integer("coefficient_bits", coefficient_bits, MIN_BITS, MAX_COEFFICIENT_BITS)
    if output_bits is not None:
        check_integer("output_bits", output_bits, state_bits, MAX_OUTPUT_BITS)
    try:
        analysis = MemoryAnalysis(
            spec,
            datapath=datapath,
            coefficient_bits=coefficient_bits if coefficient_bits is not None else default_coefficient_bits(state_bits),
            structured_error=structured_error,
            guarantee=guarantee,
            error_feedback=error_feedback,
            delays=delays,
        )
    except DesignError as problem:
        if coefficient_bits is not None or problem.what != "coefficient_bits":
            raise
        hint = "; ".join(
            filter(None, ("coefficients have two bits more unless coefficient_bits says how many", problem.hint))
        )
        raise DesignError("state_bits", problem.constraint, state_bits, hint=hint) from None
    return analysis.plan(input_bits, state_bits, output_bits)


def default_coefficient_bits(state_bits: int) -> int:
    """The width of a coefficient by default: two bits more than the state words have, at most 26."""
    return min(state_bits + 2, 26)


def offered_datapaths(spec: LMUSpec) -> tuple[Datapath, ...]:
    """The datapaths that the method of `spec` offers in its basis, the default first."""
    offered = (Datapath(name) for name in spec.discretization.datapaths)
    return tuple(each for each in offered if each.any_basis or spec.basis is Basis.LEGENDRE)


def choose_datapath(spec: LMUSpec, wanted: Datapath | str | None = None) -> Datapath:
    """The datapath for `spec`: the `wanted` one, or the default.

    Raises:
        DesignError: the method or the basis has no such datapath.
    """
    offered = offered_datapaths(spec)
    asked = None if wanted is None else member(Datapath, wanted, "datapath")
    if spec.basis is not Basis.LEGENDRE and (not offered or asked not in (None, *offered)):
        raise DesignError("basis", "legendre for this datapath (its couplings are integers there)", spec.basis)
    if asked is None:
        return offered[0]
    if asked not in offered:
        raise DesignError(f"datapath of {spec.discretization}", "one of " + ", ".join(offered), wanted)
    return asked


def feedback_pays(spec: LMUSpec) -> bool:
    """Whether error feedback lowers the noise: the states are slow, |λ|·dt/θ < π/3 for the largest pole λ.

    It multiplies the noise by |1 − e^{−jω}|, which is below 1 up to ω = π/3.
    """
    return abs(dominant_pole(spec.order)) * spec.h < math.pi / 3.0


class MemoryAnalysis:
    """The analysis of one quantised loop: everything that does not depend on the words' grids.

    Args:
        spec, datapath, coefficient_bits, structured_error, guarantee, error_feedback, delays: As for `plan_memory`.
        certified: Prove the bounds; without it plans are estimates to weigh designs with, not to build.

    Attributes:
        spec: The specification.
        datapath: How the increment is computed.
        error_feedback: Whether each requantisation of a state word carries its residue over.
        increment: The integers that compute the increments.
        weights: The coefficients of the readouts.
        gains: What one unit of each kind of error comes to in the loop.

    Raises:
        DesignError: for the reasons of `plan_memory` that do not depend on the widths of samples and state words.
    """

    def __init__(
        self,
        spec: LMUSpec,
        *,
        coefficient_bits: int,
        datapath: Datapath | str | None = None,
        structured_error: float | None = None,
        guarantee: Guarantee | str | None = None,
        error_feedback: bool | None = None,
        delays: Sequence[float] = (),
        certified: bool = True,
    ) -> None:
        if len(delays) > MAX_READOUTS:
            raise DesignError("delays", f"at most {MAX_READOUTS}", len(delays))
        self.spec, self.datapath = spec, choose_datapath(spec, datapath)
        self.error_feedback = feedback_pays(spec) if error_feedback is None else error_feedback
        self.increment = self.datapath.increment(
            spec, coefficient_bits, structured_error=structured_error, guarantee=guarantee
        )
        rows = readout(spec.order, delays) * coordinates(spec) if len(delays) else np.zeros((0, spec.order))
        self.weights = round_readouts(tuple(map(float, delays)), rows, coefficient_bits)
        loop = Loop(spec, self.increment, self.error_feedback, self.weights.values, rows)
        try:
            self.gains: LoopAnalysis = analyse(loop, certified=certified)
        except DesignError:
            guaranteed = guarantee is not None or "guarantee" not in self.datapath.options
            if guaranteed or not spec.discretization.unconditional:
                raise
            raise DesignError(
                "coefficient_bits",
                "enough for the matrix to be stable when rounded to nearest",
                coefficient_bits,
                hint="a guarantee makes it stable with fewer",
            ) from None

    def plan(self, input_bits: int, state_bits: int, output_bits: int | None = None) -> MemoryPlan:
        """The plan for these widths, pass by pass.

        Raises:
            DesignError: the words cannot hold the certified range, or a word would exceed 62 bits.
        """
        increment, gains, d = self.increment, self.gains, self.spec.order
        finer = 0 if output_bits is None else output_bits - state_bits
        samples = QFormat(input_bits, input_bits - 1)

        guard = guard_bits(increment, gains, finer_output=finer > 0)
        states = state_words(gains, d, state_bits, guard)
        operands = operand_words(increment, gains, states, samples, guard)
        products = product_words(increment, operands)
        accumulators = accumulator_words(gains, states, products, finer)
        output = QFormat(state_bits + finer, states.format.fraction + finer)
        grids = Grids(
            input=samples.lsb,
            state=states.format.lsb,
            operand=operands.format.lsb,
            accumulator=accumulators.lsb if accumulators.fraction < products.fraction else 0.0,
            output=output.lsb if finer else 0.0,
            readout=output.lsb if self.weights.fraction else 0.0,
        )
        budget = error_budget(gains, grids, d)
        noise = predicted_noise(gains, grids, d)
        readouts = (
            readout_words(self.weights, gains, output, part(budget, slice(d, None)), noise[d:])
            if self.weights.delays
            else None
        )
        return MemoryPlan(
            spec=self.spec,
            datapath=self.datapath,
            increment=increment,
            input_format=samples,
            state_format=states.format,
            state_widths=tuple(signed_width(float(peak)) for peak in states.peak),
            operand_format=operands.format,
            product_format=products,
            accumulator_format=accumulators,
            output_format=output,
            error_feedback=self.error_feedback,
            ranges=states.peak * states.format.lsb,
            limit_set=np.floor(states.noise).astype(np.int64),  # docs/limit-set.md
            budget=part(budget, slice(0, d)),
            noise=noise[:d],
            readouts=readouts,
        )


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
    """The value of one code step of each kind of word; 0 where there is no such rounding.

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
    """The coefficients of delayed readouts as integers.

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
    """How many more fractional bits operands have than state words.

    They are so many that the roundings inside the increment add at most half to what the other roundings come to.
    """
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
