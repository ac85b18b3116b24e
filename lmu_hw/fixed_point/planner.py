"""From word lengths to a plan: formats, integer coefficients, a proved error bound and a predicted noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lmu_hw.core.legendre import readout
from lmu_hw.core.registry import member
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.stability import dominant_pole
from lmu_hw.core.system import coordinates
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point import passes
from lmu_hw.fixed_point.analysis import Loop, LoopAnalysis, analyse
from lmu_hw.fixed_point.contraction import Guarantee
from lmu_hw.fixed_point.datapaths import Datapath
from lmu_hw.fixed_point.formats import QFormat, signed_width
from lmu_hw.fixed_point.plan import MemoryPlan

MIN_BITS, MAX_STATE_BITS, MAX_INPUT_BITS = 3, 32, 24
MAX_COEFFICIENT_BITS, MAX_OUTPUT_BITS = 32, 48
MAX_READOUTS = 64


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
        input_bits: The width of a sample, 3 … 24; samples are fractions in [−1, 1).
        state_bits: The width of the state words, which feed the multipliers, 3 … 32.
        coefficient_bits: The width of a coefficient, its sign included, 3 … 32; by default two more than
            `state_bits` (at most what stays exact), so that dt/θ never limits the accuracy.
        output_bits: The width of the words that leave, `state_bits` … 48, on a grid that is finer by as many
            bits as they are wider; by default the state words leave.
        error_feedback: Whether the residue of each rounding of a state word is carried over to the next. It tightens
            the bound and removes slow errors, at the price of more white noise in the single word. By default where
            the states are slow enough for that to pay, see `feedback_pays`.
        datapath: How the increment is computed, one of `offered_datapaths`; by default the first of them.
        structured_error: The relative RMS deviation of the states of the structured datapath from the exact hold,
            for white input, 1e-6 … 1; 1e-4 by default.
        guarantee: What to certify about the stability of a dense matrix, see `contracting_dense`; by default
            entries are rounded to nearest, and a matrix that is not stable is an error.
        delays: The delays θ′/θ of readouts to be given out, 0 … 1 each, at most 64.

    Raises:
        DesignError: a width is out of range, the words cannot hold the certified range, the rounded
            coefficients are not provably stable, a product would exceed 62 bits, or the method has no such
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
        gains: What errors come to in the loop.

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
        self.spec, self.datapath = spec, choose_datapath(spec, datapath)
        self.error_feedback = feedback_pays(spec) if error_feedback is None else error_feedback
        self.increment = self.datapath.increment(
            spec, coefficient_bits, structured_error=structured_error, guarantee=guarantee
        )
        rows = readout(spec.order, delays) * coordinates(spec) if len(delays) else np.zeros((0, spec.order))
        self.weights = passes.round_readouts(tuple(map(float, delays)), rows, coefficient_bits)
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
        """The plan for these widths, pass by pass; see `plan_memory`."""
        increment, gains, d = self.increment, self.gains, self.spec.order
        finer = 0 if output_bits is None else output_bits - state_bits
        samples = QFormat(input_bits, input_bits - 1)

        guard = passes.guard_bits(increment, gains, finer_output=finer > 0)
        states = passes.state_words(gains, d, state_bits, guard)
        operands = passes.operand_words(increment, gains, states, samples, guard)
        products = passes.product_words(increment, operands)
        accumulators = passes.accumulator_words(gains, states, products, finer)
        output = QFormat(state_bits + finer, states.format.fraction + finer)
        grids = passes.Grids(
            input=samples.lsb,
            state=states.format.lsb,
            operand=operands.format.lsb,
            accumulator=accumulators.lsb if accumulators.fraction < products.fraction else 0.0,
            output=output.lsb if finer else 0.0,
            readout=output.lsb if self.weights.fraction else 0.0,
        )
        budget = passes.error_budget(gains, grids, d)
        noise = passes.predicted_noise(gains, grids, d)
        readouts = (
            passes.readout_words(self.weights, gains, output, passes.part(budget, slice(d, None)), noise[d:])
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
            budget=passes.part(budget, slice(0, d)),
            noise=noise[:d],
            readouts=readouts,
        )
