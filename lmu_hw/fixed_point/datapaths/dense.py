"""The dense product: one multiplication per entry of the matrix, for any method that keeps one bank of states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.base import Increment, V, balanced_sum
from lmu_hw.fixed_point.formats import IntArray, finest_fraction


@dataclass(frozen=True, eq=False, repr=False)
class DenseIncrement(Increment):
    """The dense product: increment_i = Σ_j coefficient_ij·z_j with z = x − e₀u; the operands are z itself.

    A constant input u settles at x = e₀u, so the increment vanishes there whatever the coefficients are, and the input
    needs none of its own.
    """

    @property
    def state_gain(self) -> Array:
        return self.values

    @property
    def input_gain(self) -> Array:
        return np.asarray(self.values @ self.operand_input)

    @property
    def operand_input(self) -> Array:
        return np.asarray(-np.eye(1, self.order)[0])

    def operands(self, states: Array) -> Array:
        return states

    def widest_product(self, operand_peak: Array) -> float:
        rows = np.abs(self.coefficients).astype(np.float64) @ operand_peak
        return float((rows * 2.0**self.alignment_shifts).max())

    def evaluate(self, words: Sequence[V], sample: V) -> list[V]:
        operands = [words[0] - sample, *words[1:]]
        rows = zip(self.coefficients.tolist(), self.alignment_shifts.tolist(), strict=True)
        return [
            balanced_sum([z * c for z, c in zip(operands, row, strict=True)]) << alignment_shift
            for row, alignment_shift in rows
        ]

    @cached_property
    def _aligned(self) -> IntArray:
        return self.coefficients << self.alignment_shifts[:, None]

    def compute(self, words: IntArray, samples: IntArray) -> IntArray:
        operands = words.copy()
        operands[0] -= samples
        return self._aligned @ operands


def dense_increment(spec: LMUSpec, bits: int) -> DenseIncrement:
    """The dense product D·(x − e₀u) with D = G − I rounded to `bits` bits on one grid.

    Raises:
        DesignError: the method keeps more than one bank of states, so that G is not square in the states.
    """
    if len(spec.discretization.bank_gains) > 1:
        wanted = Discretization.names(lambda method: len(method.bank_gains) == 1)
        raise DesignError("discretization", f"{wanted} for the dense product", spec.discretization)
    d = spec.order
    matrix = discretize(spec).transition - np.eye(d)
    fraction = int(finest_fraction(bits, np.abs(matrix).max()))
    codes = np.rint(matrix * 2.0**fraction).astype(np.int64)
    return DenseIncrement(codes, bits, np.full(d, fraction, dtype=np.int64))
