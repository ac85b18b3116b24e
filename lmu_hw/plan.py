"""The fixed-point plan: word lengths in, formats, integer coefficients and a proved error bound out.

Every datapath here is a bank of integrators. Each state lives in a wide accumulator; only its top bits,
the state word, feed the multipliers:

    v = accumulator + increment(state words, input)        (exact, or rounded far below the state word)
    state word = round(v + residue)                          the one narrowing that matters
    residue = v + residue − state word                       with error feedback, else 0

so the narrowing enters the dynamics scaled by dt/θ, and error feedback differentiates it once more. The
increment is either the chain (d multiplications by h(2i+1), additions otherwise) or the dense product
(G − I)(x − e₀u): since a constant input u settles at x = e₀u, H = −(G − I)e₀, the input needs no
multiplication of its own and a constant is held exactly whatever the rounding of the coefficients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from lmu_hw.arguments import check_integer
from lmu_hw.errors import DesignError
from lmu_hw.fixedpoint import MAX_WIDTH, QFormat, signed_width
from lmu_hw.increments import Increment, chain_increment, dense_increment
from lmu_hw.legendre import Array
from lmu_hw.ranges import Flow, l1_bound, power_sum
from lmu_hw.spec import Basis, LMUSpec
from lmu_hw.stability import dominant_pole
from lmu_hw.steps import Discretization, step_matrices
from lmu_hw.system import energy_per_unit

MIN_BITS, MAX_STATE_BITS, MAX_INPUT_BITS = 3, 32, 24
MAX_COEFFICIENT_BITS = 32
_SPILL = 1.0 / 16.0  # codes of a state word that the accumulators' rounding may add up to


class Datapath(StrEnum):
    """How the increment of the state is computed."""

    CHAIN = "chain"
    DENSE = "dense"


@dataclass(frozen=True)
class ErrorBudget:
    """Upper bounds on |fixed − float| per state, shape (order,) each, in units of the state.

    They hold at every sample, for every input with |u| ≤ 1, from a zero state.

    Attributes:
        input: rounding the input to its format.
        coefficients: rounding dt/θ or the matrix; attained by a bang-bang input.
        accumulation: rounding increments to the accumulator's grid.
        feedback: the narrowing of the state words, seen through the loop.
        output: the narrowing of the state word that is read.
    """

    input: Array
    coefficients: Array
    accumulation: Array
    feedback: Array
    output: Array

    @property
    def total(self) -> Array:
        """Bound on the whole deviation, shape (order,)."""
        return self.input + self.coefficients + self.accumulation + self.feedback + self.output


@dataclass(frozen=True)
class MemoryPlan:
    """Everything that the integer model and the hardware of one memory share.

    Attributes:
        spec: the specification.
        datapath: chain or dense.
        increment: integer coefficients and their grids.
        input_format: format of a sample; all its codes lie in [−1, 1).
        state_format: format of every state word, on one grid.
        state_widths: bits that state i really needs, from its certified range.
        operand_format: the multiplier's data operand.
        product_format: a whole increment before it is brought to the accumulator's grid.
        accumulator_format: format of every accumulator.
        error_feedback: whether the residue of each narrowing is added to the next.
        ranges: certified upper bounds on |state word| in units of the state, shape (order,).
        budget: the error bound, by source.
    """

    spec: LMUSpec
    datapath: Datapath
    increment: Increment
    input_format: QFormat
    state_format: QFormat
    state_widths: tuple[int, ...]
    operand_format: QFormat
    product_format: QFormat
    accumulator_format: QFormat
    error_feedback: bool
    ranges: Array
    budget: ErrorBudget

    @property
    def two_step(self) -> bool:
        """Whether half of the last increment is added on the way to the state word (AB2)."""
        return self.spec.discretization is Discretization.AB2

    @property
    def narrowing(self) -> int:
        """Bits dropped between the accumulator (one more for AB2's half) and the state word."""
        return self.accumulator_format.fraction + int(self.two_step) - self.state_format.fraction

    @property
    def multiplications_per_sample(self) -> int:
        """Multiplications that one sample costs: d for the chain, d² for the dense product."""
        return int(self.increment.coefficients.size)

    @cached_property
    def error_bound(self) -> Array:
        """Proved upper bound on |fixed − float| per state, shape (order,)."""
        return self.budget.total

    def state_word_formats(self) -> tuple[QFormat, ...]:
        """The format of each state: its certified width on the common grid."""
        return tuple(QFormat(width, self.state_format.fraction) for width in self.state_widths)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, for manifests and reports."""
        formats = {
            "input": self.input_format,
            "state": self.state_format,
            "operand": self.operand_format,
            "product": self.product_format,
            "accumulator": self.accumulator_format,
        }
        return {
            "spec": self.spec.to_dict(),
            "datapath": str(self.datapath),
            "formats": {
                name: {"width": f.width, "fraction": f.fraction, "signed": f.signed} for name, f in formats.items()
            }
            | {
                "coefficient": {
                    "width": self.increment.coefficient_bits,
                    "fraction": self.increment.fractions.tolist(),
                    "signed": True,
                },
                "states": [{"width": w, "fraction": self.state_format.fraction} for w in self.state_widths],
            },
            "coefficients": self.increment.coefficients.tolist(),
            "error_feedback": self.error_feedback,
            "ranges": self.ranges.tolist(),
            "error_bound": self.error_bound.tolist(),
            "error_budget": {
                name: getattr(self.budget, name).tolist()
                for name in ("input", "coefficients", "accumulation", "feedback", "output")
            },
            "multiplications_per_sample": self.multiplications_per_sample,
        }


def plan_memory(
    spec: LMUSpec,
    *,
    input_bits: int = 12,
    state_bits: int = 16,
    coefficient_bits: int | None = None,
    error_feedback: bool | None = None,
) -> MemoryPlan:
    """Choose every format of a memory so that nothing can overflow, and bound its error.

    Args:
        spec: euler and ab2 go to the chain; zoh and bilinear to the dense product.
        input_bits: width of a sample, 3 … 24; samples are fractions in [−1, 1).
        state_bits: width of the state words, 3 … 32.
        coefficient_bits: width of a coefficient including its sign, 3 … 32; by default two more than
            `state_bits` (at most what stays exact), so that dt/θ never limits the accuracy.
        error_feedback: carry the residue of each narrowing over. It tightens the bound and removes slow
            errors, at the price of more white noise in the single word. By default where the states are
            slow enough for that to pay, |λ|·dt/θ < π/3 for the largest pole λ.

    Raises:
        DesignError: a width is out of range, the words cannot hold the certified range, the rounded
            coefficients are not provably stable, or a product would exceed 62 bits.
    """
    input_bits = check_integer("input_bits", input_bits, MIN_BITS, MAX_INPUT_BITS)
    state_bits = check_integer("state_bits", state_bits, MIN_BITS, MAX_STATE_BITS)
    if coefficient_bits is not None:
        check_integer("coefficient_bits", coefficient_bits, MIN_BITS, MAX_COEFFICIENT_BITS)
    datapath = Datapath.CHAIN if spec.discretization in (Discretization.EULER, Discretization.AB2) else Datapath.DENSE
    if datapath is Datapath.CHAIN and spec.basis is not Basis.LEGENDRE:
        raise DesignError("basis", "legendre for the chain (its couplings are integers there)", spec.basis)
    bits = coefficient_bits if coefficient_bits is not None else min(state_bits + 2, 26)
    build = chain_increment if datapath is Datapath.CHAIN else dense_increment
    increment = build(spec, bits)
    if error_feedback is None:
        # It multiplies the noise by |1 − e^{−jω}|, below 1 up to ω = π/3; the states live below |λ|·dt/θ.
        error_feedback = abs(dominant_pole(spec.order)) * spec.h < math.pi / 3.0
    return _Planner(spec, datapath, increment, error_feedback).plan(input_bits, state_bits)


class _Planner:
    """The analysis of one quantised loop: everything that does not depend on the state's grid comes first."""

    def __init__(self, spec: LMUSpec, datapath: Datapath, increment: Increment, error_feedback: bool) -> None:
        self.spec, self.datapath, self.increment = spec, datapath, increment
        self.error_feedback = error_feedback
        d = spec.order
        banks = [1.0, 1.5] if spec.discretization is Discretization.AB2 else [1.0]
        unit = np.tile(energy_per_unit(spec), len(banks))  # orthonormal coordinates per unit of the state

        def spread(matrix: Array) -> Array:
            """An increment enters every bank of states with that bank's gain."""
            return np.concatenate([gain * matrix for gain in banks]) * unit.reshape(-1, *[1] * (matrix.ndim - 1))

        def states(z: Array) -> Array:
            """The last bank, in units of the state, is what the state words are taken from."""
            return z[-d:] / unit[-d:, None]

        def states_and_operands(z: Array) -> Array:
            x = states(z)
            return np.concatenate([x, increment.operands(x)])

        inject, drive = spread(increment.state_gain), spread(increment.input_gain)
        transition = np.zeros((inject.shape[0], inject.shape[0]))
        transition[:, :d] += np.tile(np.eye(d), (len(banks), 1))
        transition[:, -d:] += inject / unit[-d:][None, :]
        shaped = (transition - np.eye(inject.shape[0])) @ inject if error_feedback else inject
        observe = states_and_operands if increment.is_chain else states
        bound = l1_bound(transition, np.column_stack([drive, shaped]), observe, tail=1e-4).upper
        # What the last narrowing adds to a word without passing through the loop again.
        direct = np.eye(d)
        if error_feedback:
            direct = direct + np.abs(states(inject) - np.eye(d))
        self.input_gain = bound[:d, 0]
        self.feedback_gain = bound[:d, 1:].sum(axis=1)
        self.direct_gain = direct.sum(axis=1)
        if increment.is_chain:
            gain = np.abs(increment.operands(np.eye(d)))
            self.operand_range = bound[d:, 0] + np.abs(increment.operand_input)
            self.operand_noise = bound[d:, 1:].sum(axis=1) + (gain @ direct).sum(axis=1)
            self.operand_spill = _SPILL * gain.sum(axis=1)
        else:
            self.operand_range = self.input_gain + np.abs(increment.operand_input)
            self.operand_noise = self.feedback_gain + self.direct_gain
            self.operand_spill = np.full(d, _SPILL)
        self.accumulation_gain = float(np.linalg.norm(spread(np.eye(d)))) * power_sum(transition) / unit[-d:]
        exact = step_matrices(d, spec.h, spec.discretization)
        n = inject.shape[0]
        self.coefficient_gain = l1_bound(
            Flow((transition, exact.transition)),
            np.concatenate([drive, exact.input])[:, None],
            lambda z: states(z[:n]) - states(z[n:]),
            work=math.inf,  # the two cancel to many digits, so nothing may be skipped
            tail=1e-10,
        ).upper[:, 0]

    def plan(self, input_bits: int, state_bits: int) -> MemoryPlan:
        increment, d = self.increment, self.spec.order
        input_format = QFormat(input_bits, input_bits - 1)
        # Rounding noise in codes of the state, for errors of at most half a code.
        noise = 0.5 * (self.feedback_gain + self.direct_gain) + _SPILL
        most = float(2 ** (state_bits - 1) - 1)
        room = float(np.min((most - noise) / np.maximum(self.input_gain, 1e-30)))
        if room < 1.0:
            raise DesignError(
                "state_bits",
                f"enough for a range of {self.input_gain.max():.3g} and a rounding noise of "
                f"{noise.max():.3g} codes at order {d}",
                state_bits,
            )
        fraction = math.floor(math.log2(room))
        peak = self.input_gain * 2.0**fraction + noise
        state_format = QFormat(state_bits, fraction)
        operand_fraction = max(fraction, input_format.fraction)
        lift = 2.0 ** (operand_fraction - fraction)
        operand_peak = lift * (self.operand_range * 2.0**fraction + 0.5 * self.operand_noise + self.operand_spill)
        operand_format = _format(operand_peak.max(), operand_fraction, "multiplier operand")
        product_fraction = operand_fraction + int(increment.fractions.max())
        product_format = _format(
            increment.largest_product(operand_peak),
            product_fraction,
            "exact product; fewer state_bits or coefficient_bits help, it",
        )
        # The accumulator's grid: exact, or so fine that its rounding spills at most _SPILL codes into a state.
        finest = fraction + math.ceil(math.log2(max(1.0, 0.5 / _SPILL * self.accumulation_gain.max())))
        head = signed_width(float(peak.max()) + 1.0) + 1
        accumulator_fraction = max(min(product_fraction, finest), fraction + 1)
        accumulator_width = head + accumulator_fraction - fraction
        if accumulator_width >= MAX_WIDTH:
            raise DesignError("accumulator; fewer state_bits help, it", f"below {MAX_WIDTH} bits", accumulator_width)
        accumulator_format = QFormat(accumulator_width, accumulator_fraction)
        exact = accumulator_fraction >= product_fraction
        lsb = state_format.lsb
        budget = ErrorBudget(
            input=self.input_gain * 0.5 * input_format.lsb,
            coefficients=self.coefficient_gain,
            accumulation=self.accumulation_gain * (0.0 if exact else 0.5 * accumulator_format.lsb),
            feedback=0.5 * lsb * self.feedback_gain,
            output=0.5 * lsb * self.direct_gain,
        )
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
            error_feedback=self.error_feedback,
            ranges=peak * lsb,
            budget=budget,
        )


def _format(peak: float, fraction: int, what: str) -> QFormat:
    width = signed_width(peak)
    if width > MAX_WIDTH:
        raise DesignError(what, f"at most {MAX_WIDTH} bits wide", width)
    return QFormat(width, fraction)
