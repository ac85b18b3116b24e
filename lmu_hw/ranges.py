"""Certified ranges: upper bounds on ℓ1 norms of impulse responses, finite sum plus a proved tail.

For |u| ≤ 1 the exact bound on a state is the ℓ1 norm of its impulse response, and the sign of the
time-reversed response is an input that attains it. Past the last step N that is summed, the rest is
bounded by (sum of norms so far)·r/(1 − r) with r = ‖Gᴺ‖₂ < 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array, energy_scale, odd_weights, orthonormal_system
from lmu_hw.stability import spectral_norm
from lmu_hw.steps import step_matrices, Discretization

_EPS = float(np.finfo(np.float64).eps)
_HEAD = 4
_BLOCK_WORDS = 4_000_000
_MOST_STEPS = 1 << 28


@dataclass(frozen=True)
class L1Bound:
    """Upper bounds on Σ_k |C Gᵏ H|, element by element.

    Attributes:
        upper: shape (rows of C, columns of H).
        summed: the part that was summed; `upper` adds tail and rounding allowance to it.
        steps: how many steps were summed.
    """

    upper: Array
    summed: Array
    steps: int


def l1_bound(
    transition: Array,
    inputs: Array,
    observe: Callable[[Array], Array],
    *,
    work: float = 1e10,
    tail: float = 1e-6,
) -> L1Bound:
    """Bound Σ_{k≥0} |C Gᵏ H|, element by element.

    Where a sum over every step would take more than `work` operations (many inputs, a very long window)
    and the state moves little within q steps, every q-th step is taken and the steps between are bounded
    by interpolation plus the largest second difference; the result is still an upper bound.

    Args:
        transition: G, shape (n, n), in orthonormal coordinates.
        inputs: H, shape (n, m).
        observe: the linear map C, from columns of shape (n, …) to columns of shape (r, …).
        work: floating-point operations above which steps are skipped.
        tail: norm of the power at which the sum ends.

    Raises:
        DesignError: the powers of G do not decay within 2^28 steps in double precision.
    """
    n, m = inputs.shape
    decay_steps, growth = _decay(transition, tail)
    move = transition - np.eye(n)
    head = np.zeros((observe(np.eye(n)).shape[0], m))
    for _ in range(_HEAD):  # exact: what enters a multi-step rule is not smooth in its first steps
        head += np.abs(observe(inputs))
        inputs = transition @ inputs
    reach, stride = float(np.linalg.norm(move @ inputs) / max(np.linalg.norm(inputs), 1e-300)), 1
    while 2.0 * n * n * m * decay_steps > work * stride and stride * reach < 1.0:
        stride *= 2
    step = np.linalg.matrix_power(transition, stride)
    block = max(1, min(1024, _BLOCK_WORDS // (n * m), decay_steps // stride))
    columns, width = inputs, 1
    leap = step
    while width < block:  # [H, GH, G²H, …] by doubling
        columns, leap, width = np.hstack([columns, leap @ columns]), leap @ leap, 2 * width
    row_norms = np.linalg.norm(observe(np.eye(n)), axis=1)
    total, norms, bends = head, np.zeros(m), np.zeros(m)
    power, ratio, blocks = np.eye(n), 1.0, 0
    while True:
        total += stride * np.abs(observe(columns)).reshape(row_norms.size, width, m).sum(axis=1)
        norms += stride * np.linalg.norm(columns, axis=0).reshape(width, m).sum(axis=0)
        if stride > 1:
            bends += np.linalg.norm(move @ (move @ columns), axis=0).reshape(width, m).sum(axis=0)
        power, blocks = leap @ power, blocks + 1
        if blocks & (blocks - 1) == 0 or m * width > 8 * n or blocks * width * stride >= decay_steps:
            ratio = spectral_norm(power)
        if ratio <= tail:
            break
        columns = leap @ columns
    if stride > 1:
        # Σ_{n<q} of the chord is (q+1)/2·|f_0| + (q−1)/2·|f_q|, and Σ n(q−n)/2 = q(q²−1)/12 for the bend.
        total += 0.5 * (stride - 1) * np.abs(observe(inputs))
        total += growth * stride * (stride**2 - 1) / 12.0 * row_norms[:, None] * bends[None, :]
    beyond = growth * norms * ratio / (1.0 - ratio)
    rounding = growth**2 * norms * n * _EPS * (blocks + np.log2(4.0 * width * stride))
    upper = total + row_norms[:, None] * (beyond + rounding)[None, :]
    return L1Bound(upper, total, blocks * width * stride)


def power_sum(transition: Array) -> float:
    """An upper bound on Σ_{k≥0} ‖transitionᵏ‖₂, within a factor of about two; G in orthonormal coordinates."""
    power, steps, growth, total = transition, 1, 1.0, 1.0
    while (norm := spectral_norm(power)) > 0.5:
        growth = max(growth, norm)
        total += growth * steps * min(norm, growth)  # k = steps … 2·steps − 1: ‖Gᵏ‖ ≤ growth·‖G^steps‖
        if steps >= _MOST_STEPS:
            return math.inf
        power, steps = power @ power, 2 * steps
    return (total + growth * steps * norm) / (1.0 - norm)


def _decay(transition: Array, tail: float) -> tuple[int, float]:
    """Steps after which the powers have fallen below the tail's threshold, and their largest norm before."""
    power, steps, growth = transition, 1, 1.0
    while (norm := spectral_norm(power)) > tail:
        growth = max(growth, norm)
        if steps >= _MOST_STEPS or growth > 1e9:
            raise DesignError(
                "the step", "one whose powers decay in double precision", f"growth {growth:.2g}"
            )
        power, steps = power @ power, 2 * steps
    return steps, growth


def state_ranges(order: int, h: float, rule: Discretization) -> Array:
    """Upper bounds on |m_i| for |u| ≤ 1, shape (order,), Legendre coordinates, sampled with step h = dt/θ."""
    matrices = step_matrices(order, h, rule)
    scale = energy_scale(order)[:, None]
    bound = l1_bound(matrices.transition, matrices.input[:, None], lambda z: scale * (matrices.output @ z))
    return bound.upper[:, 0]


@lru_cache(maxsize=32)
def continuous_ranges(order: int) -> Array:
    """Upper bounds on |m_i(t)| for any |u(t)| ≤ 1, shape (order,), Legendre coordinates, continuous time.

    ∫|f| over a cell is at most the trapezium of |f| plus h³/12·max|f''| (the modulus of the chord is
    convex), and max|f''| over a cell is at most ‖c‖·‖A²x‖ at its left end, since the flow contracts.
    """
    a, b = orthonormal_system(order)
    h = 1.0 / (32 * order * order + 32)
    flow = step_matrices(order, h, Discretization.ZOH).transition
    bend = a @ a
    scale = energy_scale(order)
    doublings = 10
    columns = b[:, None]
    power = flow
    for _ in range(doublings):
        columns, power = np.hstack([columns, power @ columns]), power @ power
    total, norms, reached = np.zeros(order), 0.0, np.eye(order)
    while (ratio := spectral_norm(reached)) > 1e-6:
        total += h * np.abs(columns).sum(axis=1) + h**3 / 12.0 * np.linalg.norm(bend @ columns, axis=0).sum()
        norms += h * float(np.linalg.norm(columns, axis=0).sum())
        columns, reached = power @ columns, power @ reached
    # the trapezium's first sample counts half, so `total` already errs to the safe side by h|f(0)|/2
    return scale * (total + norms * (ratio / (1.0 - ratio) + 1e-9 * np.sqrt(odd_weights(order).sum())))
