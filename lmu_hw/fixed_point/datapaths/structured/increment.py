"""The increment of the structured zero-order hold: stages in integers, each of words computed from earlier words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.base import Increment, V, balanced_sum, requantise
from lmu_hw.fixed_point.datapaths.structured.stages import Block, StagedProduct
from lmu_hw.fixed_point.datapaths.structured.zoh import structured_zoh
from lmu_hw.fixed_point.formats import IntArray, finest_fraction, lsb, round_shift

DEFAULT_ERROR = 1e-4
_LEAST_PEAK = 2.0**-20  # of a row of words; smaller ones reach far below any word's grid


@dataclass(frozen=True, eq=False, repr=False)
class IntegerBlock(Displayed):
    """Rows of words: words[rows] = words[carry] + round(codes · words[operands] · 2^−fractions), on the operands' grid.

    Attributes:
        stage: The number of the stage, from 0; rows of one stage do not wait for each other.
        rows: The numbers of the words, shape (m,).
        operands: The numbers of the earlier words, shape (k,).
        codes: The coefficients, shape (m, k).
        fractions: The fractional bits of each row's coefficients, shape (m,).
        carry: For each row the word that is added without multiplication, shape (m,); None where there are none.
    """

    stage: int
    rows: IntArray
    operands: IntArray
    codes: IntArray
    fractions: IntArray
    carry: IntArray | None


@dataclass(frozen=True, eq=False, repr=False)
class StructuredIncrement(Increment):
    """The zero-order hold in stages: increment_i = Σ_k coefficient_ik·w_k + w_carry(i).

    The w_k are z = x − e₀u and the words of all blocks. Every word of a block is rounded once, to the operands' grid;
    the last stage is exact. A constant input settles at x = e₀u whatever the coefficients are, as with the dense
    product. `coefficients` has the shape (order, order + words).

    Attributes:
        inner: The blocks of all stages except the last, in order.
        carry: The word that is added to each increment, or −1 for none, shape (order,).
    """

    inner: tuple[IntegerBlock, ...]
    carry: IntArray

    guarded: ClassVar[bool] = True

    @property
    def multiplications(self) -> int:
        return int(np.count_nonzero(self.coefficients)) + sum(int(np.count_nonzero(b.codes)) for b in self.inner)

    @property
    def words(self) -> int:
        """The number of words between states and increments."""
        return int(self.coefficients.shape[1]) - self.order

    @cached_property
    def product(self) -> StagedProduct:
        """The same stages with the coefficients as real numbers."""
        stages: list[list[Block]] = [[] for _ in range(1 + max((block.stage for block in self.inner), default=-1))]
        for block in self.inner:
            values = block.codes * lsb(block.fractions)[:, None]
            stages[block.stage].append(Block(block.rows, block.operands, values, block.carry))
        every = np.arange(self.coefficients.shape[1])
        plain, carried = np.flatnonzero(self.carry < 0), np.flatnonzero(self.carry >= 0)
        last = [Block(plain, every, self.values[plain])]
        if carried.size:
            last.append(Block(carried, every, self.values[carried], self.carry[carried]))
        return StagedProduct(self.order, (*map(tuple, stages), tuple(last)))

    @property
    def state_gain(self) -> Array:
        return self.product.matrix()

    @property
    def input_gain(self) -> Array:
        return -self.product.matrix()[:, 0]

    @property
    def operand_input(self) -> Array:
        return -self.product.maps[0][:, 0]

    @property
    def noise_gain(self) -> Array:
        return self.product.noise[1]

    @property
    def operand_noise(self) -> Array:
        return self.product.noise[0]

    def operands(self, states: Array) -> Array:
        return np.tensordot(self.product.maps[0], states, axes=1)

    def widest_product(self, operand_peak: Array) -> float:
        widest = 0.0
        for block in self.inner:
            sums = np.abs(block.codes).astype(np.float64) @ operand_peak[block.operands]
            halves = 0.5 / lsb(block.fractions)  # what rounding adds
            widest = max(widest, float((sums + halves).max()))
        rows = (np.abs(self.coefficients).astype(np.float64) @ operand_peak) * 2.0**self.alignment_shifts
        rows += np.where(self.carry < 0, 0.0, operand_peak[self.carry]) * 2.0**self.product_fraction_bits
        return max(widest, float(rows.max()))

    def evaluate(self, words: Sequence[V], sample: V) -> list[V]:
        known = [words[0] - sample, *words[1:]]
        for block in self.inner:
            operands = [known[k] for k in block.operands.tolist()]
            carry = [None] * block.rows.size if block.carry is None else [known[k] for k in block.carry.tolist()]
            for codes, fraction_bits, extra in zip(block.codes.tolist(), block.fractions.tolist(), carry, strict=True):
                value = requantise(balanced_sum([w * c for w, c in zip(operands, codes, strict=True)]), fraction_bits)
                known.append(value if extra is None else value + extra)
        results = []
        for row, alignment_shift, extra_word in zip(
            self.coefficients, self.alignment_shifts.tolist(), self.carry.tolist(), strict=True
        ):
            used = np.flatnonzero(row)
            terms = [known[k] * int(row[k]) << alignment_shift for k in used.tolist()]
            if extra_word >= 0:
                terms.append(known[extra_word] << self.product_fraction_bits)
            results.append(balanced_sum(terms) if terms else known[0] * 0)
        return results

    def compute(self, words: IntArray, samples: IntArray) -> IntArray:
        known = np.empty((self.coefficients.shape[1], words.shape[1]), dtype=np.int64)
        known[: self.order] = words
        known[0] -= samples
        for block in self.inner:
            sums = block.codes @ known[block.operands]
            for row, value, fraction_bits in zip(block.rows, sums, block.fractions.tolist(), strict=True):
                known[row] = round_shift(value, fraction_bits)
            if block.carry is not None:
                known[block.rows] += known[block.carry]
        results = self._last(known)
        carried = self.carry >= 0
        results[carried] += known[self.carry[carried]] << self.product_fraction_bits
        return results

    def _last(self, known: IntArray) -> IntArray:
        results = np.empty((self.order, known.shape[1]), dtype=np.int64)
        for rows, operands, aligned in self._groups:
            results[rows] = aligned @ known[operands]
        return results

    @cached_property
    def _groups(self) -> list[tuple[IntArray, IntArray, IntArray]]:
        """Rows of the last stage that share their operands: the integer product need not visit the zeros."""
        groups: dict[bytes, list[int]] = {}
        for i, row in enumerate(self.coefficients != 0):
            groups.setdefault(row.tobytes(), []).append(i)
        aligned = self.coefficients << self.alignment_shifts[:, None]
        found = []
        for members in groups.values():
            rows = np.array(members)
            operands = np.flatnonzero(self.coefficients[rows[0]])
            found.append((rows, operands, aligned[np.ix_(rows, operands)]))
        return found

    def to_dict(self) -> dict[str, Any]:
        rows, columns = np.nonzero(self.coefficients)
        return {
            "coefficients": self.coefficients[rows, columns].tolist(),
            "rows": rows.tolist(),
            "operands": columns.tolist(),
            "fractions": self.fractions.tolist(),
            "carry": self.carry.tolist(),
            "blocks": [
                {
                    "stage": block.stage,
                    "rows": block.rows.tolist(),
                    "operands": block.operands.tolist(),
                    "coefficients": block.codes.tolist(),
                    "fractions": block.fractions.tolist(),
                    "carry": None if block.carry is None else block.carry.tolist(),
                }
                for block in self.inner
            ],
        }


def quantise(product: StagedProduct, bits: int) -> StructuredIncrement:
    """Round every coefficient to `bits` bits; the largest entry of each row sets the fractional bits of that row.

    Raises:
        DesignError: a row has no coefficient other than zero.
    """
    order, total = product.order, product.order + product.words
    inner: list[IntegerBlock] = []
    for stage, blocks in enumerate(product.stages[:-1]):
        for block in blocks:
            codes, fractions = _rounded(block.coefficients, bits, least_peak=_LEAST_PEAK)
            inner.append(IntegerBlock(stage, block.rows, block.operands, codes, fractions, block.carry))
    last, carry = np.zeros((order, total)), np.full(order, -1, dtype=np.int64)
    for block in product.stages[-1]:
        last[np.ix_(block.rows, block.operands)] = block.coefficients
        if block.carry is not None:
            carry[block.rows] = block.carry
    codes, fractions = _rounded(last, bits)
    return StructuredIncrement(codes, bits, fractions, tuple(inner), carry)


def structured_increment(spec: LMUSpec, bits: int, structured_error: float = DEFAULT_ERROR) -> StructuredIncrement:
    """The structured zero-order hold of `structured_zoh` with coefficients of `bits` bits.

    Args:
        spec: A memory with the zoh step.
        bits: The width of a coefficient, its sign included.
        structured_error: The relative RMS error that truncation may cause, see `structured_zoh`; the rounding of the
            coefficients adds to it.

    Raises:
        DesignError: the step is not zoh, or an argument is out of its range.
    """
    return quantise(structured_zoh(spec, structured_error), bits)


def _rounded(rows: Array, bits: int, least_peak: float = 0.0) -> tuple[IntArray, IntArray]:
    """The codes of rows, shape (m, k), and the fractional bits of each, shape (m,).

    The largest code of a row has bits − 1 significant bits. A row whose largest entry is below `least_peak` gets the
    fractional bits that it would have with that entry.

    Raises:
        DesignError: a row is all zero, so that nothing sets its fractional bits.
    """
    peak = np.maximum(np.abs(rows).max(axis=1), least_peak)
    if not np.all(peak > 0.0):
        raise DesignError("row of coefficients", "one that is not all zero", rows[np.argmin(peak)].tolist())
    fractions = finest_fraction(bits, peak)
    return np.rint(rows / lsb(fractions)[:, None]).astype(np.int64), fractions
