"""The bit-true model of a planned memory: NumPy int64, batches of sequences at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.errors import DesignError
from lmu_hw.fixedpoint import IntArray, round_shift
from lmu_hw.legendre import Array
from lmu_hw.plan import MemoryPlan


@dataclass
class IntegerState:
    """The registers of a batch of memories, shape (batch, order) each.

    Attributes:
        accumulator: codes on the accumulator's grid.
        residue: what the last narrowing left over, `plan.narrowing` bits.
        word: the state words.
    """

    accumulator: IntArray
    residue: IntArray
    word: IntArray


class IntegerMemory:
    """The memory of `plan` in integers, equal to the hardware bit for bit.

    No intermediate word of an accepted plan exceeds 62 bits, so int64 is exact.
    """

    def __init__(self, plan: MemoryPlan) -> None:
        self.plan = plan
        increment = plan.increment
        operand = plan.operand_format.fraction
        self._state_lift = operand - plan.state_format.fraction
        self._input_lift = operand - plan.input_format.fraction
        # All products are brought to the finest row's grid, which the product's format holds, by lifting
        # the coefficients; then one shift for all leads to the accumulator's grid.
        lifts = increment.fractions.max() - increment.fractions
        lifted = increment.coefficients << (lifts if increment.is_chain else lifts[:, None])
        self._factors = -lifted if increment.is_chain else np.ascontiguousarray(lifted.T)
        self._drop = plan.product_format.fraction - plan.accumulator_format.fraction

    def zero_state(self, batch: int = 1) -> IntegerState:
        """The state before the first sample of a sequence."""
        return IntegerState(*(np.zeros((batch, self.plan.spec.order), dtype=np.int64) for _ in range(3)))

    def step(self, state: IntegerState, codes: IntArray) -> IntegerState:
        """Take in one sample per sequence, `codes` of shape (batch,); return `state`, updated in place."""
        plan = self.plan
        increment = self._increment(state.word, codes)
        state.accumulator += increment
        if plan.two_step:  # the accumulator plus half of the last increment, on a grid finer by one bit
            increment += state.accumulator
            increment += state.accumulator
            value = increment
        else:
            value = state.accumulator.copy() if plan.error_feedback else state.accumulator
        if not plan.error_feedback:
            state.word = round_shift(value, plan.narrowing)
            return state
        value += state.residue
        state.word = round_shift(value, plan.narrowing)
        np.subtract(value, state.word << plan.narrowing, out=state.residue)
        return state

    def run(self, codes: ArrayLike, state: IntegerState | None = None) -> IntArray:
        """State words after each sample.

        Args:
            codes: input codes, shape (batch, samples) or (samples,).
            state: registers to go on from, updated in place; zero by default.

        Returns:
            Words on the state's grid, shape (batch, samples, order) or (samples, order).

        Raises:
            DesignError: a code is not an integer of the input format.
        """
        array = self.check_codes(codes)
        batch = np.atleast_2d(array)
        registers = self.zero_state(batch.shape[0]) if state is None else state
        words = np.empty((*batch.shape, self.plan.spec.order), dtype=np.int64)
        for k in range(batch.shape[1]):
            self.step(registers, batch[:, k])
            words[:, k] = registers.word
        return words if array.ndim == 2 else words[0]

    def check_codes(self, codes: ArrayLike) -> IntArray:
        """Return `codes` as int64 if each is an integer of the input format."""
        array = np.asarray(codes)
        low, high = self.plan.input_format.low, self.plan.input_format.high
        if array.ndim not in (1, 2) or not np.issubdtype(array.dtype, np.integer):
            raise DesignError("input codes", "integers of shape (samples,) or (batch, samples)", array.dtype)
        if array.size and (array.min() < low or array.max() > high):
            raise DesignError("input codes", f"from {low} to {high}", [int(array.min()), int(array.max())])
        return array.astype(np.int64)

    def decode(self, words: ArrayLike) -> Array:
        """Real values of state words."""
        return self.plan.state_format.decode(words)

    def final(self, codes: ArrayLike) -> IntArray:
        """State words after the last sample, shape (batch, order), for codes of shape (batch, samples)."""
        batch = np.atleast_2d(self.check_codes(codes))
        registers = self.zero_state(batch.shape[0])
        for k in range(batch.shape[1]):
            self.step(registers, batch[:, k])
        return registers.word

    def _increment(self, words: IntArray, codes: IntArray) -> IntArray:
        """The increments on the accumulator's grid, a new array of shape (batch, order)."""
        operands = words << self._state_lift if self._state_lift else words
        samples = codes << self._input_lift
        if self.plan.increment.is_chain:
            products = _chain(operands, samples)
            products *= self._factors
        else:
            shifted = operands.copy()
            shifted[:, 0] -= samples
            products = shifted @ self._factors
        return round_shift(products, self._drop)


def _chain(words: IntArray, samples: IntArray) -> IntArray:
    """s_0 … s_{d−1} in integers; see `lmu_hw.legendre.chain_operands`."""
    total = words.sum(axis=1)
    operands = np.empty_like(words)
    operands[:, 0] = total - samples
    if words.shape[1] > 1:
        operands[:, 1] = total + samples - 2 * words[:, 0]
        operands[:, 2:] = -2 * words[:, 1:-1]
        np.cumsum(operands[:, 0::2], axis=1, out=operands[:, 0::2])
        np.cumsum(operands[:, 1::2], axis=1, out=operands[:, 1::2])
    return operands
