"""The bilinear step as one tridiagonal elimination with constant multipliers inside (−1, 1).

With c_i = h(2i+1)/2 and s the chain's operands at the middle of the step, the step adds −2 c_i s_i, where

    s_{i−1} + 2 c_i s_i − s_{i+1} = 2 x_i,   s_{−1} = s_0 + 2u,   s_d = −s_{d−1}

(the recurrence of the chain at x + δ/2, the Cayley transform of θ ṁ = A m + B u). Elimination runs from both ends to
the row k = ⌊d/2⌋ in the middle and back out again: two recurrences that do not wait for each other.

    t_i = 2 x_i − w_{i−1}         w_i = t_i − r_i t_i           i = 0 … k−1,    w_{−1} = 2u
    t_i = 2 x_i + w_{i+1}         w_i = t_i − r_i t_i           i = d−1 … k+1,  w_d = 0
    t_k = 2 x_k − w_{k−1} + w_{k+1},   s_k = (t_k − 2 r_k t_k)/2
    s_i = w_i + s_{i+1} − r_i s_{i+1}                           i = k−1 … 0
    s_i = w_i − s_{i−1} + r_i s_{i−1}                           i = k+1 … d−1
    increment_i = −coefficient_i s_i

1 − r_i is the reciprocal of the pivot of row i (½ − r_k in the middle). Holding r instead keeps dt/θ: for
small steps the pivots are near 1 (near 2 in the middle), and r_i is what is left of c_i.

Rounded constants still eliminate some tridiagonal matrix exactly, that of slightly different steps c′_i:

    2c′_i = r_i/(1 − r_i) + r_{i∓1} for rows above (below) the middle, r_{−1} = r_d = 0,
    2c′_k = 4r_k/(1 − 2r_k) + r_{k−1} + r_{k+1}.

Without input, x − c′s = M⁻¹s with M + Mᵀ ≥ 0, so the weighted energy E = Σ x_i²/γ_i, γ_i = coefficient_i/2,
changes by −4[sᵀM⁻¹s + Σ(c′_i − γ_i)s_i²] ≤ 0 wherever γ_i ≤ c′_i: the coefficients are rounded downwards to
that, and the quantised step is a contraction whatever the word lengths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from lmu_hw.core.legendre import Array, odd_weights
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.base import Increment, V, normalised, requantise
from lmu_hw.fixed_point.formats import IntArray, lsb


@dataclass(frozen=True, eq=False, repr=False)
class TridiagonalIncrement(Increment):
    """The bilinear step: increment_i = −coefficient_i·s_i, with s from the elimination that the module describes.

    Every product r_i·operand is rounded to the operands' grid; in the middle 2r_k·t_k is, and then its half. The
    operands are t, w and s, in this order (w_k is s_k).

    Attributes:
        pivots: The constants r_i as integers, shape (order,).
        pivot_fractions: The fractional bits of each r_i, shape (order,).
    """

    pivots: IntArray
    pivot_fractions: IntArray

    guarded: ClassVar[bool] = True

    @property
    def middle(self) -> int:
        """The row k = ⌊d/2⌋, where both eliminations meet."""
        return self.order // 2

    @property
    def multiplications(self) -> int:
        return 3 * self.order - 1

    @property
    def pivot_values(self) -> Array:
        """The constants r_i as real numbers, shape (order,)."""
        return self.pivots * lsb(self.pivot_fractions)

    @cached_property
    def _gains(self) -> tuple[Array, Array, Array, Array, Array]:
        """The operands per unit of state, per unit of input and per unit of error in each rounding, and of the first
        and the last the rows of s alone."""
        d = self.order
        eye, nothing = np.eye(d), np.zeros((d, d))
        errors = np.eye(2 * d)
        states = self._eliminate(eye, np.zeros(d), np.zeros((2 * d, d)))
        drive = self._eliminate(np.zeros((d, 1)), np.ones(1), np.zeros((2 * d, 1)))
        noise = self._eliminate(np.hstack([nothing, nothing]), np.zeros(2 * d), errors)
        noise[:, self.middle] *= 1.5  # rounded once to half a code, then to a whole one
        noise = np.delete(noise, d + self.middle, axis=1)  # s_k and w_k are one and the same
        return states, drive[:, 0], noise, states[-d:], noise[-d:]

    def _eliminate(self, states: Array, inputs: Array, errors: Array) -> Array:
        """The elimination in real numbers, for n cases at once.

        Args:
            states: The states x, shape (order, n).
            inputs: The inputs u, shape (n,).
            errors: What roundings add to w (the first half of the rows) and to s, shape (2·order, n).

        Returns:
            The operands t, w and s, shape (3·order, n).
        """
        d, k, r = self.order, self.middle, self.pivot_values
        t, w, s = np.zeros_like(states), np.zeros_like(states), np.zeros_like(states)
        last = 2.0 * inputs
        for i in range(k):
            t[i] = 2.0 * states[i] - last
            last = w[i] = t[i] - r[i] * t[i] + errors[i]
        t[k] = 2.0 * states[k] - last
        last = np.zeros_like(last)
        for i in range(d - 1, k, -1):
            t[i] = 2.0 * states[i] + last
            last = w[i] = t[i] - r[i] * t[i] + errors[i]
        t[k] += last
        w[k] = s[k] = 0.5 * t[k] - r[k] * t[k] + errors[k]
        for i in range(k - 1, -1, -1):
            s[i] = w[i] + s[i + 1] - r[i] * s[i + 1] + errors[d + i]
        for i in range(k + 1, d):
            s[i] = w[i] - s[i - 1] + r[i] * s[i - 1] + errors[d + i]
        return np.concatenate([t, w, s])

    @property
    def state_gain(self) -> Array:
        return -self.values[:, None] * self._gains[3]

    @property
    def input_gain(self) -> Array:
        return -self.values * self.operand_input[-self.order :]

    @property
    def operand_input(self) -> Array:
        return self._gains[1]

    @property
    def noise_gain(self) -> Array:
        return -self.values[:, None] * self._gains[4]

    @property
    def operand_noise(self) -> Array:
        return self._gains[2]

    def operands(self, states: Array) -> Array:
        return np.tensordot(self._gains[0], states, axes=1)

    def widest_product(self, operand_peak: Array) -> float:
        d = self.order
        t, s = operand_peak[:d], operand_peak[-d:]
        factor = float(np.abs(self.pivots).max()) + 1.0  # and half a unit of what is dropped
        return max(
            factor * float(max(t.max(), s.max())), float((self.coefficients * s * 2.0**self.alignment_shifts).max())
        )

    def evaluate(self, words: Sequence[V], sample: V) -> list[V]:
        d, k = self.order, self.middle
        factor: list[int] = self.pivots.tolist()
        fraction_bits: list[int] = self.pivot_fractions.tolist()

        def share(operand: V, i: int, keep: int = 0) -> V:
            """r_i·operand on the operands' grid, or one finer by `keep` bits."""
            return requantise(operand * factor[i], fraction_bits[i] - keep)

        w: dict[int, V] = {}
        down: V = sample << 1
        for i in range(k):
            t = (words[i] << 1) - down
            down = w[i] = t - share(t, i)
        t = (words[k] << 1) - down
        up: V | None = None
        for i in range(d - 1, k, -1):
            y = words[i] << 1 if up is None else (words[i] << 1) + up
            up = w[i] = y - share(y, i)
        t = t if up is None else t + up
        s: dict[int, V] = {k: requantise(t - share(t, k, keep=1), 1)}
        for i in range(k - 1, -1, -1):
            s[i] = w[i] + s[i + 1] - share(s[i + 1], i)
        for i in range(k + 1, d):
            s[i] = w[i] - s[i - 1] + share(s[i - 1], i)
        weights, alignment_shifts = self.coefficients.tolist(), self.alignment_shifts.tolist()
        return [(s[i] * -weights[i]) << alignment_shifts[i] for i in range(d)]

    def to_dict(self) -> dict[str, Any]:
        return {
            **super().to_dict(),
            "pivots": self.pivots.tolist(),
            "pivot_fractions": self.pivot_fractions.tolist(),
        }


def implied_steps(r: Array) -> Array:
    """The steps 2c′_i of the matrix that constants r, shape (order,), eliminate exactly, shape (order,)."""
    k = r.size // 2
    steps = r / (1.0 - r)
    steps[1:k] += r[: k - 1] if k > 1 else 0.0
    steps[k + 1 : -1] += r[k + 2 :]
    steps[k] = 4.0 * r[k] / (1.0 - 2.0 * r[k])
    steps[k] += r[k - 1] if k > 0 else 0.0
    steps[k] += r[k + 1] if k + 1 < r.size else 0.0
    return steps


def tridiagonal_increment(spec: LMUSpec, bits: int) -> TridiagonalIncrement:
    """The bilinear step with every constant in `bits` bits.

    r_i has bits − 1 significant bits, but none below 2^−bits of h; each is chosen for its neighbours as they
    were rounded. The coefficients are rounded downwards, to what keeps the step a contraction.

    Raises:
        DesignError: with so few bits a step c′_i would not be positive.
    """
    d, k = spec.order, spec.order // 2
    exact = spec.h * odd_weights(d)
    finest = bits - math.floor(math.log2(spec.h))
    codes, fractions = np.zeros(d, dtype=np.int64), np.zeros(d, dtype=np.int64)
    values = np.zeros(d)

    def rounded(i: int, value: float) -> None:
        scaled, fraction_bits = normalised(np.array([value]), bits)
        excess = max(0, int(fraction_bits[0]) - finest)
        codes[i], fractions[i] = int(np.rint(math.ldexp(float(scaled[0]), -excess))), int(fraction_bits[0]) - excess
        if abs(codes[i]) == 1 << (bits - 1):  # rounded up to a power of two
            codes[i], fractions[i] = codes[i] >> 1, fractions[i] - 1
        values[i] = math.ldexp(float(codes[i]), -int(fractions[i]))

    # 1 − 1/p with p = 1 + a: a/(1 + a), where a = 2c_i − (what the neighbour takes off its own 1).
    for i in range(k):
        a = exact[i] - (values[i - 1] if i else 0.0)
        rounded(i, a / (1.0 + a))
    for i in range(d - 1, k, -1):
        a = exact[i] - (values[i + 1] if i + 1 < d else 0.0)
        rounded(i, a / (1.0 + a))
    a = exact[k] - (values[k - 1] if k else 0.0) - (values[k + 1] if k + 1 < d else 0.0)
    rounded(k, a / (2.0 * (2.0 + a)))  # ½ − 1/p with p = 2 + a
    singular = bool(np.any(values >= 1.0)) or values[k] >= 0.5
    steps = implied_steps(values) if not singular else np.zeros(d)
    if steps.min() <= 0.0:
        raise DesignError("coefficient_bits", "enough for the elimination to keep every step positive", bits)
    scaled, fraction_bits = normalised(np.minimum(exact, steps) * (1.0 - 1e-12), bits)
    weights = np.floor(scaled).astype(np.int64)
    return TridiagonalIncrement(weights, bits, fraction_bits, codes, fractions)
