"""Memories in whole numbers that float64 holds: the words of `lmu_hw.fixed_point.model`, several times as fast.

All words, products and sums of a plan are integers on known grids. Where none has more than 53 bits, float64 holds
each exactly, whatever the order in which sums are taken; a product with a power of two is exact too. So matrices of
integers go to BLAS, and rounding is floor(x + ½), which processors do many words at a time.

What a datapath computes is stated by its `Increment.evaluate` alone. The kernels below restate it for speed: evaluated
on arrays of floats, `evaluate` gives the same words, but takes three times as long for the tridiagonal datapath. A
datapath without a kernel runs in int64 by `evaluate` itself, and the tests hold every datapath to `evaluate`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.fixed_point.datapaths import ChainIncrement, DenseIncrement, Increment, TridiagonalIncrement
from lmu_hw.fixed_point.datapaths.structured.increment import StructuredIncrement
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.model import IntegerMemory, IntegerState
from lmu_hw.fixed_point.plan import MemoryPlan

#: Bits of an integer that float64 holds, its sign not counted.
EXACT_BITS = 53
_CHUNK = 1 << 15  # numbers of a group of rows that stays in the nearest cache

#: Writes increments on the accumulator's grid, not yet rounded to it, for words of shape (order, batch) and samples.
Kernel = Callable[[Array, Array, Array], None]


class Registers(ABC):
    """The registers of a batch of memories of one plan, between steps.

    Attributes:
        words: The output words after the last sample, whole numbers, shape (order, batch); `step` overwrites them.
    """

    words: Array

    @abstractmethod
    def step(self, codes: Array) -> None:
        """Take in one sample for each memory, whole numbers of the input format, shape (batch,)."""

    @abstractmethod
    def load(self, state: IntegerState) -> None:
        """Take over `state`, which is of the same batch."""

    @abstractmethod
    def store(self) -> IntegerState:
        """Return the present state."""


def registers_for(plan: MemoryPlan, batch: int) -> Registers:
    """Registers of `batch` memories in the zero state: in float64 where a kernel exists and is exact, else in int64."""
    if is_exact(plan):
        return _FloatRegisters(plan, batch)
    return _IntegerRegisters(plan, batch)


def is_exact(plan: MemoryPlan) -> bool:
    """Whether the plan's datapath has a kernel, and float64 holds every word, product and sum of it."""
    form = _KERNELS.get(type(plan.increment))
    if form is None:
        return False
    formats = (plan.product_format, plan.accumulator_format, plan.operand_format)
    widest = max(each.width for each in formats) + 2  # half an LSB of AB2, and the half of a rounding
    return max(widest, form.inner_width(plan)) <= EXACT_BITS


class _IntegerRegisters(Registers):
    """The registers of any plan, in int64."""

    def __init__(self, plan: MemoryPlan, batch: int) -> None:
        self._memory = IntegerMemory(plan)
        self.load(self._memory.zero_state(batch))

    def step(self, codes: Array) -> None:
        self._memory.step(self._state, codes.astype(np.int64))
        self.words = self._state.output.astype(np.float64)

    def load(self, state: IntegerState) -> None:
        self._state = state
        self.words = state.output.astype(np.float64)

    def store(self) -> IntegerState:
        return self._state


class _FloatRegisters(Registers):
    """The registers of a plan that float64 holds, with the one requantisation that all datapaths share.

    See `lmu_hw.fixed_point.plan` for that. The residue is kept with the half of the rounding added, as a number from 0
    to below the LSB of a word.
    """

    def __init__(self, plan: MemoryPlan, batch: int) -> None:
        self._plan = plan
        shape = (plan.spec.order, batch)
        self._drop = plan.product_format.fraction - plan.accumulator_format.fraction
        self._half = 2.0 ** (plan.requantisation - 1)
        self._kernel = _KERNELS[type(plan.increment)].make(plan.increment, _Grids.of(plan, batch))
        self._accumulator, self._word, self._value = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._offset = np.full(shape if plan.error_feedback else (), self._half)
        self.words = np.zeros(shape) if plan.separate_output else self._word
        rows = max(1, _CHUNK // batch)
        self._chunks = [slice(start, start + rows) for start in range(0, plan.spec.order, rows)]

    def step(self, codes: Array) -> None:
        plan = self._plan
        self._kernel(self._word, codes, self._value)
        for rows in self._chunks:
            value, accumulator, word = self._value[rows], self._accumulator[rows], self._word[rows]
            if self._drop > 0:
                value += 0.5
                np.floor(value, out=value)
            accumulator += value
            if plan.two_step:  # the accumulator plus half of the last increment, on a grid finer by one bit
                value += accumulator
                value += accumulator
                accumulator = value
            if plan.separate_output:
                _requantise(accumulator, plan.output_requantisation, self.words[rows])
            if plan.error_feedback:
                offset = self._offset[rows]
                offset += accumulator
                np.multiply(offset, 0.5 / self._half, out=word)
                np.floor(word, out=word)
                np.multiply(word, 2.0 * self._half, out=value)
                offset -= value
            else:
                _requantise(accumulator, plan.requantisation, word)

    def load(self, state: IntegerState) -> None:
        self._accumulator[...] = state.accumulator
        self._word[...] = state.word
        if self._plan.error_feedback:
            np.add(state.residue, self._half, out=self._offset)
        if self._plan.separate_output:
            self.words[...] = state.output

    def store(self) -> IntegerState:
        residue = self._offset - self._half if self._plan.error_feedback else np.zeros_like(self._word)
        state = IntegerState(*(a.astype(np.int64) for a in (self._accumulator, residue, self._word)))
        if self._plan.separate_output:
            state.output = self.words.astype(np.int64)
        return state


def _requantise(value: Array, fraction_bits: int, out: Array) -> None:
    """Write value·2^−fraction_bits, rounded to the nearest whole number with ties upwards, to `out`."""
    np.multiply(value, 2.0**-fraction_bits, out=out)
    if fraction_bits > 0:
        out += 0.5
        np.floor(out, out=out)


@dataclass(frozen=True, eq=False)
class _Grids:
    """What a kernel needs to know of a plan beside its increment.

    Attributes:
        word_gain: The factor from the grid of the state words to that of the operands.
        sample_gain: The factor from the grid of the samples to that of the operands.
        gains: The factor from the products of each row to the accumulator's grid, shape (order,).
        carried: The factor from the operands to the accumulator's grid.
        batch: The number of memories.
    """

    word_gain: float
    sample_gain: float
    gains: Array
    carried: float
    batch: int

    @staticmethod
    def of(plan: MemoryPlan, batch: int) -> _Grids:
        """The grids of `plan` for `batch` memories."""
        operand = plan.operand_format.fraction
        drop = plan.product_format.fraction - plan.accumulator_format.fraction
        return _Grids(
            2.0 ** (operand - plan.state_format.fraction),
            2.0 ** (operand - plan.input_format.fraction),
            2.0 ** (plan.increment.alignment_shifts.astype(np.float64) - drop),
            2.0 ** (plan.increment.product_fraction_bits - drop),
            batch,
        )


def _dense(increment: DenseIncrement, grids: _Grids) -> Kernel:
    """One product with the whole matrix; see `lmu_hw.fixed_point.datapaths.dense`."""
    factors = increment.coefficients * grids.gains[:, None]
    word_gain, sample_gain = grids.word_gain, grids.sample_gain
    operands = np.empty((factors.shape[0], grids.batch))

    def increments(words: Array, codes: Array, out: Array) -> None:
        np.multiply(words, word_gain, out=operands)
        operands[0] -= codes * sample_gain
        np.matmul(factors, operands, out=out)

    return increments


def _chain(increment: ChainIncrement, grids: _Grids) -> Kernel:
    """s_{i+1} = s_{i−1} − 2 x_i from s_{−1} = T + u and s_0 = T − u; see `lmu_hw.fixed_point.datapaths.chain`."""
    factors = -increment.coefficients * grids.gains
    word_gain, sample_gain = grids.word_gain, grids.sample_gain

    def increments(words: Array, codes: Array, out: Array) -> None:
        total, samples = words.sum(axis=0) * word_gain, codes * sample_gain
        before = total + samples
        np.subtract(total, samples, out=out[0])
        for i in range(words.shape[0] - 1):
            np.multiply(words[i], -2.0 * word_gain, out=out[i + 1])
            out[i + 1] += before if i == 0 else out[i - 1]
        out *= factors[:, None]

    return increments


def _tridiagonal(increment: TridiagonalIncrement, grids: _Grids) -> Kernel:
    """The two-ended elimination of `lmu_hw.fixed_point.datapaths.tridiagonal`, row by row.

    Where ties are rounded upwards, t − round(r·t) = ⌈(1 − r)·t − ½⌉ for a whole number t, which saves two passes.
    """
    factors, batch = -increment.coefficients * grids.gains, grids.batch
    word_gain, sample_gain = grids.word_gain, grids.sample_gain
    d, k = increment.order, increment.middle
    r = increment.pivot_values
    rest = [np.array(value) for value in 1.0 - r]  # arrays: NumPy takes them faster than numbers
    half, double, twice = np.array(0.5), np.array(2.0 * word_gain), np.array(2.0 * r[k])
    scratch, samples = np.empty(batch), np.empty(batch)
    groups = [slice(start, start + max(1, _CHUNK // batch)) for start in range(0, d, max(1, _CHUNK // batch))]

    def increments(words: Array, codes: Array, out: Array) -> None:
        t, s = scratch, list(out)
        np.multiply(codes, 2.0 * sample_gain, out=samples)
        before = samples
        for i in range(k):
            np.multiply(words[i], double, out=t)
            np.subtract(t, before, out=t)
            np.multiply(t, rest[i], out=t)
            np.subtract(t, half, out=t)
            before = s[i]
            np.ceil(t, out=before)
        middle = words[k] * double - before
        for i in range(d - 1, k, -1):
            np.multiply(words[i], double, out=t)
            if i + 1 < d:
                np.add(t, s[i + 1], out=t)
            np.multiply(t, rest[i], out=t)
            np.subtract(t, half, out=t)
            np.ceil(t, out=s[i])
        if k + 1 < d:
            middle += s[k + 1]
        np.multiply(middle, twice, out=t)
        t += half
        np.floor(t, out=t)
        middle -= t
        middle *= half
        middle += half
        np.floor(middle, out=s[k])
        for i in range(k - 1, -1, -1):  # w_i + s − round(r·s)
            np.multiply(s[i + 1], rest[i], out=t)
            np.subtract(t, half, out=t)
            np.add(t, s[i], out=t)
            np.ceil(t, out=s[i])
        for i in range(k + 1, d):  # w_i − (s − round(r·s))
            np.multiply(s[i - 1], rest[i], out=t)
            np.subtract(t, half, out=t)
            np.subtract(s[i], t, out=t)
            np.floor(t, out=s[i])
        for rows in groups:
            out[rows] *= factors[rows, None]

    return increments


def _structured(increment: StructuredIncrement, grids: _Grids) -> Kernel:
    """Stage by stage; every block is a product of matrices whose rows are rounded to the operands' grid."""
    last, carried, batch = increment.coefficients * grids.gains[:, None], grids.carried, grids.batch
    word_gain, sample_gain = grids.word_gain, grids.sample_gain
    known = np.empty((increment.coefficients.shape[1], batch))
    d = increment.order
    blocks = [(block, block.codes * 2.0 ** -block.fractions.astype(np.float64)[:, None]) for block in increment.inner]
    with_carry = np.flatnonzero(increment.carry >= 0)
    groups = _shared_operands(increment.coefficients)

    def increments(words: Array, codes: Array, out: Array) -> None:
        np.multiply(words, word_gain, out=known[:d])
        known[0] -= codes * sample_gain
        for block, values in blocks:
            rounded = np.floor(values @ known[block.operands] + 0.5)
            known[block.rows] = rounded if block.carry is None else rounded + known[block.carry]
        for rows, operands in groups:
            out[rows] = last[np.ix_(rows, operands)] @ known[operands]
        if with_carry.size:
            out[with_carry] += carried * known[increment.carry[with_carry]]

    return increments


def _shared_operands(coefficients: IntArray) -> list[tuple[IntArray, IntArray]]:
    """Rows with their operands, where rows of the same operands are one group, so that products skip the zeros."""
    members: dict[bytes, list[int]] = {}
    for i, row in enumerate(coefficients != 0):
        members.setdefault(row.tobytes(), []).append(i)
    return [(np.array(rows), np.flatnonzero(coefficients[rows[0]])) for rows in members.values()]


def _tridiagonal_width(plan: MemoryPlan) -> int:
    """The widest number in the kernel, which multiplies operands by 1 − r and adds an operand and a half."""
    increment: Any = plan.increment
    return plan.operand_format.width + int(increment.pivot_fractions.max()) + 2


@dataclass(frozen=True)
class _Form:
    """The kernel of a datapath.

    Attributes:
        make: A function from an increment and the grids to its kernel.
        inner_width: A function from a plan to the width of the widest number inside the kernel, where that may exceed
            the formats of the plan.
    """

    make: Callable[[Any, _Grids], Kernel]
    inner_width: Callable[[MemoryPlan], int] = lambda _: 0


#: The kernel of each datapath that has one.
_KERNELS: Mapping[type[Increment], _Form] = {
    ChainIncrement: _Form(_chain),
    TridiagonalIncrement: _Form(_tridiagonal, _tridiagonal_width),
    DenseIncrement: _Form(_dense),
    StructuredIncrement: _Form(_structured),
}
