"""The bit-true model of a planned memory: NumPy int64, batches of sequences at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import ChainIncrement, DenseIncrement, Increment
from lmu_hw.fixed_point.formats import IntArray, round_shift
from lmu_hw.fixed_point.plan import MemoryPlan

_EXACT_FLOAT = 53


class Kernel(ABC):
    """The increments of whole batches, in the array layout that suits a datapath; see `kernel_for`.

    A kernel holds what does not change from sample to sample. `split` brings arrays of shape (order, batch) into its
    layout, and `join` brings them back. All arithmetic is exact, so kernels differ in speed alone.

    Attributes:
        state_shift: The alignment shift from the grid of state words to that of the operands.
        input_shift: The alignment shift from the grid of samples to that of the operands.
    """

    def __init__(self, plan: MemoryPlan) -> None:
        self._increment = plan.increment
        operand = plan.operand_format.fraction
        self.state_shift = operand - plan.state_format.fraction
        self.input_shift = operand - plan.input_format.fraction

    @classmethod
    def takes(cls, plan: MemoryPlan) -> bool:
        """Whether this kernel computes every word of the plan exactly."""
        return True

    @abstractmethod
    def split(self, array: IntArray) -> IntArray:
        """A copy in the kernel's layout of an array of shape (order, batch)."""

    @abstractmethod
    def join(self, parts: IntArray, out: IntArray) -> None:
        """Write an array in the kernel's layout to `out`, shape (batch, order)."""

    @abstractmethod
    def scratch(self, batch: int) -> tuple[Any, ...]:
        """The arrays that `increments` may overwrite, for a batch of that size."""

    @abstractmethod
    def increments(self, words: IntArray, codes: IntArray, out: IntArray, scratch: tuple[Any, ...]) -> None:
        """Write the increments on the products' grid to `out`; words and `out` in the kernel's layout."""


def kernel_for(plan: MemoryPlan) -> Kernel:
    """The fastest kernel that computes the increments of `plan` exactly."""
    kernel = _KERNELS.get(type(plan.increment), _RowKernel)
    return kernel(plan) if kernel.takes(plan) else _RowKernel(plan)


class _RowKernel(Kernel):
    """One row for each state, computed by the increment itself; it serves every datapath."""

    def split(self, array: IntArray) -> IntArray:
        return array.copy()

    def join(self, parts: IntArray, out: IntArray) -> None:
        out[...] = parts.T

    def scratch(self, batch: int) -> tuple[Any, ...]:
        return ()

    def increments(self, words: IntArray, codes: IntArray, out: IntArray, scratch: tuple[Any, ...]) -> None:
        aligned = words << self.state_shift if self.state_shift else words
        out[...] = self._increment.compute(aligned, codes << self.input_shift)


class _DenseKernel(_RowKernel):
    """Products in float64 by BLAS, which are exact where 53 bits hold every product and partial sum."""

    def __init__(self, plan: MemoryPlan) -> None:
        super().__init__(plan)
        increment = self._increment
        self._factors = (increment.coefficients << increment.alignment_shifts[:, None]).astype(np.float64)

    @classmethod
    def takes(cls, plan: MemoryPlan) -> bool:
        return plan.product_format.width <= _EXACT_FLOAT

    def scratch(self, batch: int) -> tuple[Any, ...]:
        return tuple(np.empty((self._factors.shape[0], batch)) for _ in range(2))

    def increments(self, words: IntArray, codes: IntArray, out: IntArray, scratch: tuple[Any, ...]) -> None:
        operands, sums = scratch
        np.left_shift(words, self.state_shift, out=out)
        out[0] -= codes << self.input_shift
        operands[...] = out
        np.matmul(self._factors, operands, out=sums)
        np.copyto(out, sums, casting="unsafe")


class _ChainKernel(Kernel):
    """Even states, then odd states, shape (2, batch, ⌈order/2⌉); one idle state where the order is odd.

    Both running sums of the chain then go over adjacent words, several times as fast as over every other one or
    from row to row.
    """

    def __init__(self, plan: MemoryPlan) -> None:
        super().__init__(plan)
        increment = self._increment
        self._order = increment.order
        self._half = (self._order + 1) // 2
        self._factors = self.split(-(increment.coefficients << increment.alignment_shifts)[:, None])

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
        total = (sums[0, :, -1] + sums[1, :, -1]) << self.state_shift
        sums <<= self.state_shift + 1
        samples = codes << self.input_shift
        np.subtract(total, samples, out=ends[0, :, 0])
        np.add(total, samples, out=ends[1, :, 0])
        out[0, :, :1] = ends[0]
        np.subtract(ends[0], sums[1, :, :-1], out=out[0, :, 1:])
        np.subtract(ends[1], sums[0], out=out[1])
        out *= self._factors


_KERNELS: dict[type[Increment], type[Kernel]] = {ChainIncrement: _ChainKernel, DenseIncrement: _DenseKernel}
"""Increments with a kernel of their own; the others compute their rows themselves."""

_BLOCK_WORDS = 1 << 15  # of one register of a block of memories: all arrays of the block stay in the cache


@dataclass(repr=False)
class IntegerState(Displayed):
    """The registers of a batch of memories, shape (order, batch) each: one row for each state.

    Attributes:
        accumulator: The accumulators, codes on their own grid.
        residue: What the last rounding of each state word left over, `plan.requantisation` bits.
        word: The state words, which feed the multipliers.
        output: The words that left after the last sample: the state words themselves, or finer ones.
    """

    accumulator: IntArray
    residue: IntArray
    word: IntArray
    output: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.output = self.word

    def columns(self, part: slice) -> IntegerState:
        """A copy of the registers of some of the memories."""
        copied = IntegerState(*(np.ascontiguousarray(a[:, part]) for a in (self.accumulator, self.residue, self.word)))
        copied.output = copied.word if self.output is self.word else np.ascontiguousarray(self.output[:, part])
        return copied

    def replace(self, parts: Sequence[IntegerState]) -> None:
        """Take over the registers of `parts`, side by side."""
        shared = all(part.output is part.word for part in parts)
        for name in ("accumulator", "residue", "word"):
            setattr(self, name, np.concatenate([getattr(part, name) for part in parts], axis=1))
        self.output = self.word if shared else np.concatenate([part.output for part in parts], axis=1)


class _Registers:
    """The registers of some memories in a kernel's layout, and the one requantisation that all datapaths share.

    The residue is kept with the half of the rounding added, 0 … 2^requantisation − 1: rounding is then a shift, and
    the new residue a mask.
    """

    def __init__(self, plan: MemoryPlan, kernel: Kernel, state: IntegerState) -> None:
        self._plan, self._kernel = plan, kernel
        self._drop = plan.product_format.fraction - plan.accumulator_format.fraction
        self._half = 1 << (plan.requantisation - 1)
        self._accumulator, self._word = kernel.split(state.accumulator), kernel.split(state.word)
        half = np.array(self._half)
        self._offset: IntArray = kernel.split(state.residue) + half if plan.error_feedback else half
        self._value = np.empty_like(self._accumulator)
        self._output = kernel.split(state.output) if plan.separate_output else self._word
        self._scratch = kernel.scratch(state.word.shape[1])

    def step(self, codes: IntArray) -> None:
        """Take in one sample per memory, shape (batch,)."""
        plan, value = self._plan, self._value
        self._kernel.increments(self._word, codes, value, self._scratch)
        if self._drop > 0:
            value += 1 << (self._drop - 1)
            value >>= self._drop
        elif self._drop < 0:
            value <<= -self._drop
        self._accumulator += value
        if plan.two_step:  # the accumulator plus half of the last increment, on a grid finer by one bit
            value += self._accumulator
            value += self._accumulator
        else:
            value[...] = self._accumulator
        if plan.separate_output:
            dropped = plan.output_requantisation
            np.add(value, (1 << dropped) >> 1, out=self._output)
            self._output >>= dropped
        value += self._offset
        if plan.error_feedback:
            np.bitwise_and(value, 2 * self._half - 1, out=self._offset)
        np.right_shift(value, plan.requantisation, out=self._word)

    def give(self, out: IntArray) -> None:
        """Write the output words to `out`, shape (batch, order)."""
        self._kernel.join(self._output, out)

    def store(self, state: IntegerState) -> None:
        """Write all registers back to `state`."""
        self._kernel.join(self._accumulator, state.accumulator.T)
        word = np.empty_like(state.word)
        self._kernel.join(self._word, word.T)
        state.word = state.output = word  # new arrays: what was handed out before does not change
        if self._plan.separate_output:
            state.output = np.empty_like(word)
            self._kernel.join(self._output, state.output.T)
        if self._plan.error_feedback:
            self._kernel.join(self._offset - self._half, state.residue.T)


class IntegerMemory(Displayed):
    """The memory of `plan` in integers, equal to the hardware bit for bit.

    No intermediate word of a plan exceeds 62 bits, so int64 is exact.
    """

    def __init__(self, plan: MemoryPlan) -> None:
        self.plan = plan
        self._kernel = kernel_for(plan)

    def _facts(self) -> Iterable[tuple[str, str]]:
        return self.plan._facts()

    def zero_state(self, batch: int = 1) -> IntegerState:
        """The cleared state, before the first sample of `batch` sequences."""
        return IntegerState(*(np.zeros((self.plan.spec.order, batch), dtype=np.int64) for _ in range(3)))

    def step(self, state: IntegerState, codes: IntArray) -> IntegerState:
        """Take in one sample per sequence, `codes` of shape (batch,); return `state`, updated.

        Raises:
            ValueError: the state belongs to a batch of another size.
        """
        self._check_batch(state, codes.shape[0])
        registers = _Registers(self.plan, self._kernel, state)
        registers.step(codes)
        registers.store(state)
        return state

    def run(self, codes: ArrayLike, state: IntegerState | None = None, *, workers: int = 1) -> IntArray:
        """Output words after each sample.

        Args:
            codes: The input codes, shape (batch, samples) or (samples,).
            state: The registers to go on from, which are updated; all zero by default.
            workers: The number of threads that share the sequences.

        Returns:
            Words on the output's grid, shape (batch, samples, order) or (samples, order).

        Raises:
            DesignError: a code is not an integer of the input format.
            ValueError: the state belongs to a batch of another size.
        """
        array = self.check_codes(codes)
        words = self._walk(np.atleast_2d(array), state, workers, every=True)
        return words if array.ndim == 2 else words[0]

    def final(self, codes: ArrayLike, *, workers: int = 1) -> IntArray:
        """Output words after the last sample, shape (batch, order), for codes of shape (batch, samples).

        Only the current words are held, not those of every step. A single sequence of shape (samples,) is a batch of 1.

        Raises:
            DesignError: a code is not an integer of the input format.
        """
        return self._walk(np.atleast_2d(self.check_codes(codes)), None, workers, every=False)[:, 0]

    def _walk(self, codes: IntArray, state: IntegerState | None, workers: int, *, every: bool) -> IntArray:
        """Output words of every sample, or of the last one alone; blocks of sequences stay in the cache."""
        batch, samples = codes.shape
        order = self.plan.spec.order
        whole = self.zero_state(batch) if state is None else state
        self._check_batch(whole, batch)
        words = np.zeros((samples if every else 1, batch, order), dtype=np.int64)  # a sample's words side by side
        size = max(1, min(-(-batch // workers), _BLOCK_WORDS // order))

        def block(start: int) -> tuple[int, IntegerState]:
            rows = slice(start, start + size)
            part = whole.columns(rows)
            registers = _Registers(self.plan, self._kernel, part)
            by_sample = np.ascontiguousarray(codes[rows].T)
            for k in range(samples):
                registers.step(by_sample[k])
                if every:
                    registers.give(words[k, rows])
            if samples:
                registers.store(part)
                if not every:
                    registers.give(words[0, rows])
            return start, part

        starts = range(0, batch, size)
        if workers == 1 or len(starts) == 1:
            parts = [block(start) for start in starts]
        else:
            with ThreadPoolExecutor(workers) as pool:  # NumPy lets go of the interpreter in every pass
                parts = list(pool.map(block, starts))
        if state is not None and parts:
            state.replace([part for _, part in parts])
        return words.swapaxes(0, 1)

    def _check_batch(self, state: IntegerState, batch: int) -> None:
        if state.word.shape != (self.plan.spec.order, batch):
            shape = (self.plan.spec.order, batch)
            raise ValueError(f"a state of shape {shape} is wanted for these codes, got {state.word.shape}")

    def check_codes(self, codes: ArrayLike) -> IntArray:
        """Return `codes` as int64 if each is a code of the input format, shape (samples,) or (batch, samples).

        Raises:
            DesignError: they are not integers of such a shape, or one is out of range.
        """
        array = np.asarray(codes)
        low, high = self.plan.input_format.low, self.plan.input_format.high
        if array.ndim not in (1, 2) or not np.issubdtype(array.dtype, np.integer):
            raise DesignError("input codes", "integers of shape (samples,) or (batch, samples)", array.dtype)
        if array.size and (array.min() < low or array.max() > high):
            raise DesignError("input codes", f"from {low} to {high}", [int(array.min()), int(array.max())])
        return array.astype(np.int64)

    def decode(self, words: ArrayLike) -> Array:
        """The real values of output words, in the same shape and in units of the states."""
        return self.plan.output_format.decode(words)

    def readouts(self, words: ArrayLike) -> IntArray:
        """The plan's delayed readouts, codes of shape (…, readouts), from output words of shape (…, order).

        Raises:
            DesignError: the plan has none.
        """
        planned = self.plan.readouts
        if planned is None:
            raise DesignError("delays", "given to the plan, for readouts", "none")
        return round_shift(np.asarray(words, dtype=np.int64) @ planned.coefficients.T, planned.fraction)
