"""From word lengths to a plan: formats, integer coefficients, a proved error bound and a predicted noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.registry import member
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.stability import dominant_pole
from lmu_hw.core.system import coordinates
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.analysis import LoopAnalysis
from lmu_hw.fixed_point.contraction import Guarantee
from lmu_hw.fixed_point.datapaths import Datapath
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat, signed_width
from lmu_hw.fixed_point.plan import ErrorBudget, MemoryPlan, ReadoutPlan

MIN_BITS, MAX_STATE_BITS, MAX_INPUT_BITS = 3, 32, 24
MAX_COEFFICIENT_BITS, MAX_OUTPUT_BITS = 32, 48
MAX_READOUTS = 64
_SPILL = 1.0 / 16.0  # codes of a word that the accumulators' rounding may add up to


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
        spec: euler and ab2 go to the chain, bilinear to the solve, zoh to the dense product.
        input_bits: width of a sample, 3 … 24; samples are fractions in [−1, 1).
        state_bits: width of the state words, which feed the multipliers, 3 … 32.
        coefficient_bits: width of a coefficient including its sign, 3 … 32; by default two more than
            `state_bits` (at most what stays exact), so that dt/θ never limits the accuracy.
        output_bits: width of the words that leave, `state_bits` … 48, on a grid that is finer by as many
            bits as they are wider; by default the state words leave.
        error_feedback: carry the residue of each narrowing over. It tightens the bound and removes slow
            errors, at the price of more white noise in the single word. By default where the states are
            slow enough for that to pay, |λ|·dt/θ < π/3 for the largest pole λ.
        datapath: another one of those that the method offers, see `offered_datapaths`.
        structured_error: of the structured datapath, relative RMS deviation of the states from the exact hold
            for white input, 1e-6 … 1; 1e-4 by default.
        guarantee: round a dense matrix so that its stability is certified, see `contracting_dense`; by default
            entries are rounded to nearest, and refused where that is not stable.
        delays: θ′/θ of delayed readouts to be given out, 0 … 1 each, at most 64.

    Raises:
        DesignError: a width is out of range, the words cannot hold the certified range, the rounded
            coefficients are not provably stable, a product would exceed 62 bits, or the rule has no such
            datapath.
    """
    input_bits = check_integer("input_bits", input_bits, MIN_BITS, MAX_INPUT_BITS)
    state_bits = check_integer("state_bits", state_bits, MIN_BITS, MAX_STATE_BITS)
    if coefficient_bits is not None:
        check_integer("coefficient_bits", coefficient_bits, MIN_BITS, MAX_COEFFICIENT_BITS)
    if output_bits is not None:
        check_integer("output_bits", output_bits, state_bits, MAX_OUTPUT_BITS)
    analysis = MemoryAnalysis(
        spec,
        datapath=datapath,
        coefficient_bits=coefficient_bits if coefficient_bits is not None else default_coefficient_bits(state_bits),
        structured_error=structured_error,
        guarantee=guarantee,
        error_feedback=error_feedback,
        delays=delays,
    )
    return analysis.plan(input_bits, state_bits, output_bits)


def default_coefficient_bits(state_bits: int) -> int:
    """Two more than the state words have, at most what stays exact."""
    return min(state_bits + 2, 26)


def offered_datapaths(spec: LMUSpec) -> tuple[Datapath, ...]:
    """The datapaths that the method of `spec` offers in its basis, the default first."""
    offered = (Datapath(name) for name in spec.discretization.datapaths)
    return tuple(each for each in offered if each.any_basis or spec.basis is Basis.LEGENDRE)


def choose_datapath(spec: LMUSpec, wanted: Datapath | str | None = None) -> Datapath:
    """The datapath that `spec` gets, or `wanted`.

    Raises:
        DesignError: the method, or the basis, has no such datapath.
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


class MemoryAnalysis:
    """The analysis of one quantised loop: everything that does not depend on the words' grids.

    Args:
        spec, datapath, coefficient_bits, structured_error, guarantee, error_feedback, delays: as for `plan_memory`.

        certified: prove the bounds; without it plans are estimates to weigh designs with, not to build.

    Attributes:
        increment: the integers.
        loop: its gains.

    Raises:
        DesignError: as `plan_memory`.
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
        if error_feedback is None:
            # It multiplies the noise by |1 − e^{−jω}|, below 1 up to ω = π/3; the states live below |λ|·dt/θ.
            error_feedback = abs(dominant_pole(spec.order)) * spec.h < math.pi / 3.0
        self.spec, self.datapath, self.error_feedback = spec, choose_datapath(spec, datapath), error_feedback
        self.increment = self.datapath.increment(
            spec, coefficient_bits, structured_error=structured_error, guarantee=guarantee
        )
        self.delays = tuple(map(float, delays))
        exact_rows = readout(spec.order, delays) * coordinates(spec) if self.delays else np.zeros((0, spec.order))
        self.readout_codes, self.readout_bits, self.readout_fraction = _readout_codes(exact_rows, coefficient_bits)
        realised_rows = np.asarray(self.readout_codes * 2.0**-self.readout_fraction)
        try:
            self.loop = LoopAnalysis(
                spec, self.increment, error_feedback, realised_rows, exact_rows, certified=certified
            )
        except DesignError:
            guaranteed = guarantee is not None or "guarantee" not in self.datapath.options
            if guaranteed or not spec.discretization.unconditional:
                raise
            enough = "enough for the matrix to be stable when rounded to nearest, or given with a guarantee"
            raise DesignError("coefficient_bits", enough, coefficient_bits) from None

    def plan(self, input_bits: int, state_bits: int, output_bits: int | None = None) -> MemoryPlan:
        """The plan for these widths; see `plan_memory`."""
        increment, d = self.increment, self.spec.order
        input_format = QFormat(input_bits, input_bits - 1)
        finer = 0 if output_bits is None else output_bits - state_bits
        guard = self._guard(wide=finer > 0) if increment.guarded else 0
        # Rounding noise in codes of the state word, for errors of at most half a code.
        noise = (
            0.5 * (self.loop.worst.feedback + self.loop.worst.words + 2.0**-guard * self.loop.worst.internal)[:d]
            + _SPILL
        )
        most = float(2 ** (state_bits - 1) - 1)
        room = float(np.min((most - noise) / np.maximum(self.loop.input_gain[:d], 1e-30)))
        if room < 1.0:
            raise DesignError(
                "state_bits",
                f"enough for a range of {self.loop.input_gain[:d].max():.3g} and a rounding noise of "
                f"{noise.max():.3g} codes at order {d}",
                state_bits,
            )
        fraction = math.floor(math.log2(room))
        peak = self.loop.input_gain[:d] * 2.0**fraction + noise
        state_format = QFormat(state_bits, fraction)
        operand_fraction = max(fraction + guard, input_format.fraction)
        alignment_shift = 2.0 ** (operand_fraction - fraction)
        operand_peak = alignment_shift * (
            self.loop.operand_range * 2.0**fraction + np.abs(increment.operands(np.eye(d))) @ noise
        )
        operand_peak = operand_peak + 0.5 * np.abs(increment.operand_noise).sum(axis=1)
        operand_format = _format(operand_peak.max(), operand_fraction, "multiplier operand")
        product_fraction = operand_fraction + increment.product_fraction_bits
        product_format = _format(
            increment.widest_product(operand_peak),
            product_fraction,
            "exact product; fewer state_bits or coefficient_bits help, it",
        )
        # The accumulator's grid: exact, or so fine that its rounding spills at most _SPILL codes into a word.
        spill = 0.5 / _SPILL * self.loop.accumulation_gain[:d].max()
        finest = fraction + finer + math.ceil(math.log2(max(1.0, spill)))
        head = signed_width(float(peak.max()) + 1.0) + 1
        accumulator_fraction = max(min(product_fraction, finest), fraction + max(finer, 1))
        accumulator_width = head + accumulator_fraction - fraction
        if accumulator_width >= MAX_WIDTH:
            raise DesignError("accumulator; fewer state_bits help, it", f"below {MAX_WIDTH} bits", accumulator_width)
        accumulator_format = QFormat(accumulator_width, accumulator_fraction)
        output_format = QFormat(state_bits + finer, fraction + finer)
        rounded = accumulator_fraction < product_fraction
        grids = _Grids(
            input_format.lsb,
            state_format.lsb,
            2.0**-operand_fraction,
            accumulator_format.lsb if rounded else 0.0,
            output_format.lsb if finer else 0.0,
        )
        budget, spread = self._budget(grids), self._noise(grids)
        return MemoryPlan(
            spec=self.spec,
            datapath=self.datapath,
            increment=increment,
            input_format=input_format,
            state_format=state_format,
            state_widths=tuple(signed_width(float(p)) for p in peak),
            operand_format=operand_format,
            product_format=product_format,
            accumulator_format=accumulator_format,
            output_format=output_format,
            error_feedback=self.error_feedback,
            ranges=peak * state_format.lsb,
            limit_set=np.floor(noise).astype(np.int64),
            budget=_part(budget, slice(0, d)),
            noise=spread[:d],
            readouts=self._readouts(output_format, _part(budget, slice(d, None)), spread[d:]) if self.delays else None,
        )

    def _guard(self, wide: bool) -> int:
        """Places of the operands below the state words: the roundings inside add at most half to the rest."""
        rest = self.loop.worst.feedback + (self.loop.worst.wide if wide else self.loop.worst.words)
        ratio = float((self.loop.worst.internal / np.maximum(rest, 1e-30)).max())
        return max(0, math.ceil(math.log2(max(1.0, 2.0 * ratio))))

    def _budget(self, grids: _Grids) -> ErrorBudget:
        """Worst cases at states and readouts; a readout's own last rounding comes on top of its sum."""
        last = 0.5 * grids.output * np.abs(self.loop.rows).sum(axis=1) if grids.output else 0.0
        direct = self.loop.worst.wide if grids.output else self.loop.worst.words
        own = np.concatenate([np.zeros(self.spec.order), np.full(len(self.delays), self._own(grids))])
        return ErrorBudget(
            input=self.loop.input_gain * 0.5 * grids.input,
            coefficients=self.loop.coefficient_gain,
            internal=0.5 * grids.operand * self.loop.worst.internal,
            accumulation=0.5 * grids.accumulator * self.loop.accumulation_gain,
            feedback=0.5 * grids.state * self.loop.worst.feedback,
            output=0.5 * grids.state * direct + last + 0.5 * own,
        )

    def _own(self, grids: _Grids) -> float:
        """The grid to which a readout's sum is rounded, 0 where the sum is on it already."""
        return (grids.output or grids.state) if self.readout_fraction else 0.0

    def _noise(self, grids: _Grids) -> Array:
        """Predicted standard deviations at states and readouts."""
        last = np.square(self.loop.rows).sum(axis=1) if grids.output else 0.0
        own = np.concatenate([np.zeros(self.spec.order), np.full(len(self.delays), self._own(grids) ** 2)])
        variance = (
            grids.input**2 * self.loop.input_power
            + grids.state**2
            * (self.loop.power.feedback + (self.loop.power.wide if grids.output else self.loop.power.words))
            + grids.operand**2 * self.loop.power.internal
            + grids.accumulator**2 * self.loop.accumulation_power
            + grids.output**2 * last
            + own
        )
        return np.asarray(np.sqrt(variance / 12.0))

    def _readouts(self, words: QFormat, budget: ErrorBudget, noise: Array) -> ReadoutPlan:
        deviation = budget.internal + budget.accumulation + budget.feedback + budget.output
        ranges = self.loop.input_gain[self.spec.order :] + deviation
        format_ = _format(float(ranges.max()) / words.lsb + 1.0, words.fraction, "readout")
        most = float(np.abs(self.readout_codes).sum(axis=1).max()) * 2.0 ** (words.width - 1)
        if signed_width(most) > MAX_WIDTH:
            raise DesignError("sum of a readout; fewer output_bits help, it", f"at most {MAX_WIDTH} bits wide", most)
        return ReadoutPlan(
            self.delays,
            self.readout_codes,
            self.readout_bits,
            self.readout_fraction,
            format_,
            signed_width(most),
            ranges,
            budget,
            noise,
        )


@dataclass(frozen=True)
class _Grids:
    """One code of each word as a real number; 0 where there is no such rounding."""

    input: float
    state: float
    operand: float
    accumulator: float
    output: float


def _part(budget: ErrorBudget, part: slice) -> ErrorBudget:
    return ErrorBudget(*(getattr(budget, name)[part] for name in ErrorBudget.__dataclass_fields__))


def _readout_codes(rows: Array, bits: int) -> tuple[IntArray, int, int]:
    """Integer coefficients of readouts, their width and their fractional bits."""
    if np.all(np.abs(rows) == 1.0):
        return rows.astype(np.int64), 2, 0
    fraction = math.floor(math.log2((2 ** (bits - 1) - 1 + 0.49) / float(np.abs(rows).max())))
    return np.rint(rows * 2.0**fraction).astype(np.int64), bits, fraction


def _format(peak: float, fraction: int, what: str) -> QFormat:
    width = signed_width(peak)
    if width > MAX_WIDTH:
        raise DesignError(what, f"at most {MAX_WIDTH} bits wide", width)
    return QFormat(width, fraction)
