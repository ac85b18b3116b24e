"""The increment of the state as integer arithmetic: coefficients, their grids, and the map they realise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixedpoint import IntArray
from lmu_hw.legendre import Array, chain_operands, odd_weights
from lmu_hw.spec import LMUSpec
from lmu_hw.steps import Discretization
from lmu_hw.system import discretize


@dataclass(frozen=True)
class Increment:
    """increment_i = Σ_j coefficient_ij·operand_j (dense), or −coefficient_i·operand_i (chain).

    Attributes:
        coefficients: integers, shape (order,) for the chain and (order, order) for the dense product.
        coefficient_bits: their width including a sign bit.
        fractions: binary places of row i's coefficients, shape (order,).
        operand_input: operands per unit of input, shape (order,).
    """

    coefficients: IntArray
    coefficient_bits: int
    fractions: IntArray
    operand_input: Array

    @property
    def is_chain(self) -> bool:
        """One coefficient a state."""
        return self.coefficients.ndim == 1

    @property
    def values(self) -> Array:
        """The coefficients as real numbers, in the shape of `coefficients`."""
        scale = 2.0 ** -self.fractions.astype(np.float64)
        return self.coefficients * (scale if self.is_chain else scale[:, None])

    @property
    def state_gain(self) -> Array:
        """The increment per unit of state that the integers realise, shape (order, order)."""
        if self.is_chain:
            return -self.values[:, None] * self.operands(np.eye(self.fractions.size))
        return self.values

    @property
    def input_gain(self) -> Array:
        """The increment per unit of input that the integers realise, shape (order,)."""
        return -self.values * self.operand_input if self.is_chain else self.values @ self.operand_input

    def operands(self, states: Array) -> Array:
        """Operands for states given as columns, shape (order, …), without input."""
        if self.is_chain:
            return chain_operands(states.T, np.zeros(states.shape[1])).T
        return states

    def largest_product(self, operand_peak: Array) -> float:
        """The largest modulus of a row's sum, partial sums included, on the finest row's grid.

        Args:
            operand_peak: largest |operand code|, shape (order,).
        """
        magnitudes = np.abs(self.coefficients).astype(np.float64)
        rows = magnitudes * operand_peak if self.is_chain else magnitudes @ operand_peak
        return float((rows * 2.0 ** (self.fractions.max() - self.fractions)).max())


def chain_increment(spec: LMUSpec, bits: int) -> Increment:
    """The chain: increment_i = −h(2i+1)·s_i, each h(2i+1) rounded to bits−1 significant bits.

    Every coefficient has its own binary point, so dt/θ is held to a relative 2^−(bits−1) in each state,
    however small it is. Any positive coefficients keep the continuous chain passive.
    """
    d = spec.order
    exact = spec.h * odd_weights(d)
    mantissa, exponent = np.frexp(exact)  # exact = mantissa·2^exponent, mantissa in [½, 1)
    codes = np.rint(np.ldexp(mantissa, bits - 1)).astype(np.int64)
    fractions = (bits - 1) - exponent.astype(np.int64)
    carry = codes == 1 << (bits - 1)
    codes[carry] >>= 1
    fractions[carry] -= 1
    return Increment(codes, bits, fractions, chain_operands(np.zeros(d), np.float64(1.0)))


def dense_increment(spec: LMUSpec, bits: int) -> Increment:
    """The dense product D·(x − e₀u) with D = G − I rounded to `bits` bits on one grid.

    Raises:
        DesignError: the rule keeps more than one bank of states, so that G is not square in the states.
    """
    if spec.discretization is Discretization.AB2:
        raise DesignError("discretization", "zoh, euler or bilinear for the dense product", "ab2")
    d = spec.order
    matrix = discretize(spec).transition - np.eye(d)
    most = 2 ** (bits - 1) - 1
    fraction = math.floor(math.log2((most + 0.49) / np.abs(matrix).max()))
    codes = np.rint(matrix * 2.0**fraction).astype(np.int64)
    unit = np.zeros(d)
    unit[0] = -1.0
    return Increment(codes, bits, np.full(d, fraction, dtype=np.int64), unit)
