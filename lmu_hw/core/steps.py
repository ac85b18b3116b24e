"""Time-stepping rules: how θ ṁ = A m + B u becomes z⁺ = G z + H u, m = K z.

Each rule is one frozen `Step`: whether it is stable for every dt ≤ θ, its order of convergence for a
smooth input, and a function that builds its matrices. To add a rule, add a name to `Discretization` and
an entry to `STEPS`; the specification, the analysis and the float reference then know it.

All matrices here are in orthonormal coordinates x_i = m_i/√(2i+1), where the exact flow is a contraction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import scipy.linalg

from lmu_hw.core.legendre import Array, orthonormal_system
from lmu_hw.core.stability import Stability, deciding_poles, transient_growth


class Discretization(StrEnum):
    """Names of the time-stepping rules, as on the command line."""

    ZOH = "zoh"
    EULER = "euler"
    AB2 = "ab2"
    BILINEAR = "bilinear"


@dataclass(frozen=True)
class StepMatrices:
    """z⁺ = transition·z + input·u and m = output·z, with n ≥ order internal states.

    Attributes:
        transition: G, shape (n, n).
        input: H, shape (n,).
        output: K, shape (order, n).
    """

    transition: Array
    input: Array
    output: Array


@dataclass(frozen=True)
class Step:
    """One time-stepping rule.

    Attributes:
        unconditional: a contraction, and so stable, for every dt.
        holds: takes a sample for the input's value over the whole step, and so sees it half a step late.
        convergence_order: order of the error in dt for a smooth input; None where a held input is
            carried over exactly. Euler and AB2 take u_k at the step's start; bilinear has order 2 for u_k
            at its middle, or against zoh for the same held samples.
        build: (A, B, h = dt/θ) → matrices, in the coordinates of A and B.
        log_radius: hλ → log of the largest modulus that the rule gives to a mode of pole λ.
    """

    unconditional: bool
    holds: bool
    convergence_order: int | None
    build: Callable[[Array, Array, float], StepMatrices]
    log_radius: Callable[[complex], float]


def _zoh(a: Array, b: Array, h: float) -> StepMatrices:
    """exp(h[[A, B], [0, 0]]): exact for an input held over each step (Van Loan, 1978)."""
    d = b.size
    block = np.zeros((d + 1, d + 1))
    block[:d, :d] = h * a
    block[:d, d] = h * b
    flow = scipy.linalg.expm(block)
    return StepMatrices(flow[:d, :d], flow[:d, d], np.eye(d))


def _euler(a: Array, b: Array, h: float) -> StepMatrices:
    """x⁺ = x + h(Ax + Bu)."""
    d = b.size
    return StepMatrices(np.eye(d) + h * a, h * b, np.eye(d))


def _ab2(a: Array, b: Array, h: float) -> StepMatrices:
    """x⁺ = x + h(3f_k − f_{k−1})/2 with f = Ax + Bu, as two banks: w⁺ = w + hf, x⁺ = w + 3hf/2.

    w is x − h f_{k−1}/2, so the second bank is all the memory that the rule needs. Everything starts at 0.
    """
    d = b.size
    eye, zero = np.eye(d), np.zeros((d, d))
    return StepMatrices(
        np.block([[eye, h * a], [eye, 1.5 * h * a]]),
        np.concatenate([h * b, 1.5 * h * b]),
        np.hstack([zero, eye]),
    )


def _bilinear(a: Array, b: Array, h: float) -> StepMatrices:
    """(I − hA/2) x⁺ = (I + hA/2) x + hBu: the Cayley transform, a contraction for every h."""
    d = b.size
    left = scipy.linalg.lu_factor(np.eye(d) - 0.5 * h * a)
    transition = scipy.linalg.lu_solve(left, np.eye(d) + 0.5 * h * a)
    return StepMatrices(transition, scipy.linalg.lu_solve(left, h * b), np.eye(d))


def _log_modulus_of_one_plus(z: complex) -> float:
    modulus = abs(1.0 + z)
    if modulus < 0.5:
        return math.log(modulus) if modulus > 0.0 else -math.inf
    return 0.5 * math.log1p(2.0 * z.real + abs(z) ** 2)  # keeps a small margin's digits


def _ab2_log_radius(z: complex) -> float:
    """The larger root of w² − (1 + 3z/2)w + z/2."""
    return math.log(float(np.abs(np.roots([1.0, -(1.0 + 1.5 * z), 0.5 * z])).max()))


def _bilinear_log_radius(z: complex) -> float:
    return _log_modulus_of_one_plus(z / 2.0) - _log_modulus_of_one_plus(-z / 2.0)


STEPS: Mapping[Discretization, Step] = MappingProxyType(
    {
        Discretization.ZOH: Step(
            unconditional=True, holds=True, convergence_order=None, build=_zoh, log_radius=lambda z: z.real
        ),
        Discretization.EULER: Step(
            unconditional=False, holds=False, convergence_order=1, build=_euler, log_radius=_log_modulus_of_one_plus
        ),
        Discretization.AB2: Step(
            unconditional=False, holds=False, convergence_order=2, build=_ab2, log_radius=_ab2_log_radius
        ),
        Discretization.BILINEAR: Step(
            unconditional=True, holds=True, convergence_order=2, build=_bilinear, log_radius=_bilinear_log_radius
        ),
    }
)


@lru_cache(maxsize=32)
def step_matrices(order: int, h: float, rule: Discretization) -> StepMatrices:
    """The step of `rule` with h = dt/θ, in orthonormal coordinates. Arrays are read-only (they are shared)."""
    matrices = STEPS[rule].build(*orthonormal_system(order), h)
    for array in (matrices.transition, matrices.input, matrices.output):
        array.setflags(write=False)
    return matrices


@lru_cache(maxsize=256)
def step_stability(order: int, h: float, rule: Discretization) -> Stability:
    """Spectral radius, margin and transient growth of the step of `rule` with h = dt/θ."""
    log_radius = _log_radius(order, h, rule)
    if STEPS[rule].unconditional:
        growth = 1.0  # the exact flow and its Cayley transform are contractions in these coordinates
    else:
        growth = transient_growth(step_matrices(order, h, rule).transition) if log_radius < 0.0 else math.inf
    return Stability(math.exp(log_radius), -math.expm1(log_radius), growth)


def is_stable(order: int, h: float, rule: Discretization) -> bool:
    """Whether the spectral radius of the step is below 1."""
    return STEPS[rule].unconditional or _log_radius(order, h, rule) < 0.0


def _log_radius(order: int, h: float, rule: Discretization) -> float:
    return max(STEPS[rule].log_radius(complex(h * pole)) for pole in deciding_poles(order))


@lru_cache(maxsize=64)
def least_theta_over_dt(order: int, rule: Discretization) -> float:
    """The least θ/dt ≥ 1 from which `rule` is stable, from above, to nine digits."""
    low = high = 1.0
    while not is_stable(order, 1.0 / high, rule):
        low, high = high, 2.0 * high
    while high > (1.0 + 1e-9) * low:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_stable(order, 1.0 / middle, rule) else (middle, high)
    return high
