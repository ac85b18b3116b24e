"""Increments of whole batches in the array layout that suits each datapath.

A kernel holds what does not change from sample to sample; `split` brings (order, batch) arrays into its layout,
`join` brings them back. All arithmetic is exact, so the layouts differ in speed alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.increments import ChainIncrement, DenseIncrement
from lmu_hw.fixed_point.plan import MemoryPlan

_EXACT_FLOAT = 53


class Kernel(ABC):
    """How increments are computed for a batch; see `kernel_for`.

    Attributes:
        state_lift, input_lift: places from the grids of state words and samples to that of the operands.
    """

    def __init__(self, plan: MemoryPlan) -> None:
        operand = plan.operand_format.fraction
        self.state_lift = operand - plan.state_format.fraction
        self.input_lift = operand - plan.input_format.fraction

    @abstractmethod
    def split(self, array: IntArray) -> IntArray:
        """A copy in the kernel's layout of an array of shape (order, batch)."""

    @abstractmethod
    def join(self, parts: IntArray, out: IntArray) -> None:
        """Write an array in the kernel's layout to `out`, shape (batch, order)."""

    @abstractmethod
    def scratch(self, batch: int) -> tuple[Any, ...]:
        """Arrays that `increments` may overwrite, for one batch."""

    @abstractmethod
    def increments(self, words: IntArray, codes: IntArray, out: IntArray, scratch: tuple[Any, ...]) -> None:
        """Write the increments on the products' grid to `out`; words and `out` in the kernel's layout."""


def kernel_for(plan: MemoryPlan) -> Kernel:
    """The fastest kernel for the plan's datapath."""
    if isinstance(plan.increment, ChainIncrement):
        return _ChainKernel(plan, plan.increment)
    if isinstance(plan.increment, DenseIncrement) and plan.product_format.width <= _EXACT_FLOAT:
        return _DenseKernel(plan, plan.increment)
    return _RowKernel(plan)


class _RowKernel(Kernel):
    """One row for each state: whatever the increment computes by itself."""

    def __init__(self, plan: MemoryPlan) -> None:
        super().__init__(plan)
        self._increment = plan.increment

    def split(self, array: IntArray) -> IntArray:
        return array.copy()

    def join(self, parts: IntArray, out: IntArray) -> None:
        out[...] = parts.T

    def scratch(self, batch: int) -> tuple[Any, ...]:
        return ()

    def increments(self, words: IntArray, codes: IntArray, out: IntArray, scratch: tuple[Any, ...]) -> None:
        lifted = words << self.state_lift if self.state_lift else words
        out[...] = self._increment.compute(lifted, codes << self.input_lift)


class _DenseKernel(_RowKernel):
    """Where 53 bits hold every product and partial sum, BLAS computes them exactly in float64."""

    def __init__(self, plan: MemoryPlan, increment: DenseIncrement) -> None:
        super().__init__(plan)
        self._factors = (increment.coefficients << increment.lifts[:, None]).astype(np.float64)

    def scratch(self, batch: int) -> tuple[Any, ...]:
        return tuple(np.empty((self._factors.shape[0], batch)) for _ in range(2))

    def increments(self, words: IntArray, codes: IntArray, out: IntArray, scratch: tuple[Any, ...]) -> None:
        operands, sums = scratch
        np.left_shift(words, self.state_lift, out=out)
        out[0] -= codes << self.input_lift
        operands[...] = out
        np.matmul(self._factors, operands, out=sums)
        np.copyto(out, sums, casting="unsafe")


class _ChainKernel(Kernel):
    """Even states, then odd states, shape (2, batch, ⌈order/2⌉); one idle state where the order is odd.

    Both running sums of the chain then go over adjacent words, several times as fast as over every other one or
    from row to row.
    """

    def __init__(self, plan: MemoryPlan, increment: ChainIncrement) -> None:
        super().__init__(plan)
        self._order = increment.order
        self._half = (self._order + 1) // 2
        self._factors = self.split(-(increment.coefficients << increment.lifts)[:, None])

    def split(self, array: IntArray) -> IntArray:
        parts = np.zeros((2, array.shape[1], self._half), dtype=np.int64)
        parts[0], parts[1, :, : self._order // 2] = array[0::2].T, array[1::2].T
        return parts

    def join(self, parts: IntArray, out: IntArray) -> None:
        out[:, 0::2], out[:, 1::2] = parts[0], parts[1, :, : self._order // 2]

    def scratch(self, batch: int) -> tuple[Any, ...]:
        return np.empty((2, batch, self._half), dtype=np.int64), np.empty((2, batch, 1), dtype=np.int64)

    def increments(self, words: IntArray, codes: IntArray, out: IntArray, scratch: tuple[Any, ...]) -> None:
        """s_even = (T − u) − 2·(sum of the odd words before), s_odd = (T + u) − 2·(sum of the even words so far)."""
        sums, ends = scratch
        np.cumsum(words, axis=2, out=sums)
        total = (sums[0, :, -1] + sums[1, :, -1]) << self.state_lift
        sums <<= self.state_lift + 1
        samples = codes << self.input_lift
        np.subtract(total, samples, out=ends[0, :, 0])
        np.add(total, samples, out=ends[1, :, 0])
        out[0, :, :1] = ends[0]
        np.subtract(ends[0], sums[1, :, :-1], out=out[0, :, 1:])
        np.subtract(ends[1], sums[0], out=out[1])
        out *= self._factors
