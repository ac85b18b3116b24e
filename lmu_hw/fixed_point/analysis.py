"""What one unit of each kind of error comes to in a quantised loop: worst cases and mean squares."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmu_hw.core.bounds import Flow, l1_bound, noise_power, power_sum
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import step_matrices
from lmu_hw.core.system import energy_per_unit
from lmu_hw.fixed_point.datapaths import Increment
from lmu_hw.fixed_point.plan import realised_step

_PEAK_FACTOR = 8.0


@dataclass(frozen=True)
class ErrorGains:
    """What one unit of each kind of error comes to at the outputs (states, then readouts), shape (outputs,).

    Attributes:
        feedback: narrowing of the state words, through the loop, from the second sample after it on.
        words, wide: the same before that, where the state words are read and where the accumulators are.
        internal: a rounding inside the increment.
    """

    feedback: Array
    words: Array
    wide: Array
    internal: Array


class LoopAnalysis:
    """The linear analysis of a loop of integrators, for states and for weighted sums of them.

    Outputs are the states, then the readouts.

    Args:
        spec: the specification.
        increment: the integers.
        error_feedback: whether narrowings carry their residue over.
        rows: readouts as realised, per unit of the states, shape (readouts, order).
        exact_rows: the same as they should be.
        certified: prove the worst cases; otherwise they are estimates, eight times the root mean squares, and
            what coefficients cost is left at zero: much faster, good enough to weigh designs, not to build one.

    Attributes:
        rows: outputs per unit of the states, shape (outputs, order).
        input_gain: worst case per unit of input, proved in any case, shape (outputs,).
        operand_range: largest |operand| for |u| ≤ 1, shape (operands,).
        worst: worst cases per unit of error.
        power: mean squares per unit of variance.
        input_power, accumulation_power: the same for errors of the input and of the accumulators.
        accumulation_gain: worst case for errors of the accumulators.
        coefficient_gain: largest deviation that the coefficients cause for |u| ≤ 1.
    """

    def __init__(
        self,
        spec: LMUSpec,
        increment: Increment,
        error_feedback: bool,
        rows: Array,
        exact_rows: Array,
        *,
        certified: bool = True,
    ) -> None:
        d = spec.order
        readouts, rows = rows, np.vstack([np.eye(d), rows])
        self.rows = rows
        banks = spec.discretization.bank_gains
        unit = np.tile(energy_per_unit(spec), len(banks))  # orthonormal coordinates per unit of the state

        def spread(matrix: Array) -> Array:
            """An increment enters every bank of states with that bank's gain."""
            return np.concatenate([gain * matrix for gain in banks]) * unit.reshape(-1, *[1] * (matrix.ndim - 1))

        def states(z: Array) -> Array:
            """The last bank, in units of the state, is what the state words are taken from."""
            return z[-d:] / unit[-d:, None]

        def outputs(z: Array) -> Array:
            x = states(z)
            return np.concatenate([x, readouts @ x]) if readouts.size else x  # no product with the identity

        realised = realised_step(spec, increment)
        transition, drive, n = realised.transition, realised.input, realised.input.size
        inject, inner = spread(increment.state_gain), spread(increment.noise_gain)
        ranges = l1_bound(
            transition,
            drive[:, None],
            lambda z: np.concatenate([outputs(z), increment.operands(states(z))]),
            tail=1e-4,
        ).upper[:, 0]
        self.input_gain, self.operand_range = ranges[: rows.shape[0]], ranges[rows.shape[0] :]
        self.operand_range = self.operand_range + np.abs(increment.operand_input)

        once = states(inject)  # a narrowing, one sample later
        later = (transition - np.eye(n)) @ inject if error_feedback else inject
        first = [np.eye(d), once - np.eye(d)] if error_feedback else [np.eye(d)]
        first_wide = [once] if error_feedback else []
        observe = outputs(np.eye(n))
        self.power = ErrorGains(
            feedback=noise_power(transition, later, observe),
            words=_over(first, rows, lambda m: np.square(m).sum(axis=1)),
            wide=_over(first_wide, rows, lambda m: np.square(m).sum(axis=1)),
            internal=noise_power(transition, inner, observe),
        )
        self.input_power = noise_power(transition, drive[:, None], observe)
        self.accumulation_power = noise_power(transition, spread(np.eye(d)), observe)
        per_state = float(np.linalg.norm(spread(np.eye(d)))) * power_sum(transition)
        self.accumulation_gain = per_state * np.linalg.norm(rows / unit[-d:][None, :], axis=1)
        words = _over(first, rows, lambda m: np.abs(m).sum(axis=1))
        wide = _over(first_wide, rows, lambda m: np.abs(m).sum(axis=1))
        if not certified:
            feedback, internal = (_PEAK_FACTOR * np.sqrt(each) for each in (self.power.feedback, self.power.internal))
            self.worst = ErrorGains(feedback, words, wide, internal)
            self.coefficient_gain = np.zeros(rows.shape[0])
            return
        bound = l1_bound(transition, np.column_stack([later, inner]), outputs, tail=1e-4).upper
        self.worst = ErrorGains(bound[:, :d].sum(axis=1), words, wide, bound[:, d:].sum(axis=1))
        exact = step_matrices(d, spec.h, spec.discretization)
        exact_out = np.vstack([np.eye(d), exact_rows])
        self.coefficient_gain = l1_bound(
            Flow((transition, exact.transition)),
            np.concatenate([drive, exact.input])[:, None],
            lambda z: outputs(z[:n]) - exact_out @ states(z[n:]),
            work=math.inf,  # the two cancel to many digits, so nothing may be skipped
            tail=1e-10,
        ).upper[:, 0]


def _over(maps: list[Array], rows: Array, norm: Callable[[Array], Array]) -> Array:
    """The sum of a norm of the rows behind each map, shape (outputs,)."""
    return np.asarray(sum((norm(rows @ each) for each in maps), np.zeros(rows.shape[0])))
