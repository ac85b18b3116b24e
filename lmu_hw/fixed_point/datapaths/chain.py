"""The chain: one multiplication per state, for explicit methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmu_hw.core.legendre import Array, chain_operands, odd_weights
from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.datapaths.base import Increment, V, balanced_sum, normalised
from lmu_hw.fixed_point.formats import IntArray


@dataclass(frozen=True, eq=False, repr=False)
class ChainIncrement(Increment):
    """The chain: increment_i = −coefficient_i·s_i with coefficient_i ≈ h(2i+1); the operands s_i are exact sums.

        s_{−1} = T + u,   s_0 = T − u,   s_{i+1} = s_{i−1} − 2 m_i,   T = Σ_j m_j

    Any positive coefficients keep the continuous chain passive: mᵀW⁻¹m is a Lyapunov function of −W M for
    every positive diagonal W, since M + Mᵀ ≥ 0.
    """

    @property
    def state_gain(self) -> Array:
        return -self.values[:, None] * self.operands(np.eye(self.order))

    @property
    def input_gain(self) -> Array:
        return -self.values * self.operand_input

    @property
    def operand_input(self) -> Array:
        return chain_operands(np.zeros(self.order), 1.0)

    def operands(self, states: Array) -> Array:
        return chain_operands(states.T, np.zeros(states.shape[1])).T

    def widest_product(self, operand_peak: Array) -> float:
        return float((np.abs(self.coefficients) * operand_peak * 2.0**self.alignment_shifts).max())

    def evaluate(self, words: Sequence[V], sample: V) -> list[V]:
        total = balanced_sum(words)
        operands = [total - sample, total + sample - (words[0] << 1)][: self.order]
        for i in range(1, self.order - 1):
            operands.append(operands[i - 1] - (words[i] << 1))
        factors = zip(operands, self.coefficients.tolist(), self.alignment_shifts.tolist(), strict=True)
        return [(s * -c) << alignment_shift for s, c, alignment_shift in factors]

    def compute(self, words: IntArray, samples: IntArray) -> IntArray:
        operands = np.empty_like(words)
        total = words.sum(axis=0)
        operands[0] = total - samples
        if self.order > 1:
            operands[1] = total + samples - 2 * words[0]
            operands[2:] = -2 * words[1:-1]
            np.cumsum(operands[0::2], axis=0, out=operands[0::2])
            np.cumsum(operands[1::2], axis=0, out=operands[1::2])
        operands *= -(self.coefficients << self.alignment_shifts)[:, None]
        return operands


def chain_increment(spec: LMUSpec, bits: int) -> ChainIncrement:
    """The chain with each h(2i+1) rounded to nearest with bits − 1 significant bits.

    Every coefficient has its own binary point, so dt/θ is held to a relative 2^−(bits−1) in each state, however small
    it is.
    """
    d = spec.order
    scaled, fractions = normalised(spec.h * odd_weights(d), bits)
    codes = np.rint(scaled).astype(np.int64)
    carry = codes == 1 << (bits - 1)
    codes[carry] >>= 1
    fractions[carry] -= 1
    return ChainIncrement(codes, bits, fractions)
