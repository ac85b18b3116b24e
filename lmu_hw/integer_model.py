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
        # From each row's own grid to the accumulator's: positive shifts drop bits, with rounding.
        self._drop = (operand + increment.fractions - plan.accumulator_format.fraction).tolist()

    def zero_state(self, batch: int = 1) -> IntegerState:
        """The state before the first sample of a sequence."""
        return IntegerState(*(np.zeros((batch, self.plan.spec.order), dtype=np.int64) for _ in range(3)))

    def step(self, state: IntegerState, codes: IntArray) -> IntegerState:
        """Take in one sample per sequence, `codes` of shape (batch,), and return the new registers."""
        plan = self.plan
        increment = self._increment(state.word, codes)
        accumulator = state.accumulator + increment
        value = accumulator
        if plan.two_step:  # the accumulator plus half of the last increment, on a grid finer by one bit
            value = 2 * accumulator + increment
        if plan.error_feedback:
            value = value + state.residue
        word = round_shift(value, plan.narrowing)
        residue = value - (word << plan.narrowing) if plan.error_feedback else state.residue
        return IntegerState(accumulator, residue, word)

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
            new = self.step(registers, batch[:, k])
            registers.accumulator, registers.residue, registers.word = new.accumulator, new.residue, new.word
            words[:, k] = new.word
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

    def _increment(self, words: IntArray, codes: IntArray) -> IntArray:
        plan = self.plan
        operands = np.left_shift(words, self._state_lift)
        samples = np.left_shift(codes, self._input_lift)
        coefficients = plan.increment.coefficients
        if not plan.increment.is_chain:
            operands = operands.copy()
            operands[:, 0] -= samples
            return round_shift(operands @ coefficients.T, self._drop[0])
        products = -coefficients * _chain(operands, samples)
        for i, drop in enumerate(self._drop):
            products[:, i] = round_shift(products[:, i], drop)
        return products


def _chain(words: IntArray, samples: IntArray) -> IntArray:
    """s_0 … s_{d−1} in integers; see `lmu_hw.legendre.chain_operands`."""
    total = words.sum(axis=1)
    operands = np.empty_like(words)
    operands[:, 0::2] = (total - samples)[:, None]
    operands[:, 1::2] = (total + samples)[:, None]
    operands[:, 2::2] -= 2 * np.cumsum(words[:, 1:-1:2], axis=1)
    operands[:, 1::2] -= 2 * np.cumsum(words[:, 0:-1:2], axis=1)
    return operands
