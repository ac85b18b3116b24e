"""The step of a method: its matrices, whether it is stable, and from which θ/dt on.

All matrices here are in orthonormal coordinates x_i = m_i/√(2i+1), where the exact flow is a contraction.
`lmu_hw.core.methods` holds the methods themselves.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy.linalg

from lmu_hw.core.legendre import orthonormal_system
from lmu_hw.core.methods import Arrays
from lmu_hw.core.methods import Discretization as Discretization
from lmu_hw.core.methods import StepMatrices as StepMatrices
from lmu_hw.core.stability import Stability, deciding_poles, transient_growth

NUMPY = Arrays(np, scipy.linalg)
"""The array modules of the analysis, which computes in float64."""


@lru_cache(maxsize=32)
def step_matrices(order: int, h: float, method: Discretization) -> StepMatrices:
    """The step of `method` with h = dt/θ, in orthonormal coordinates; the arrays are shared, hence read-only."""
    matrices = method.matrices(NUMPY, *orthonormal_system(order), h)
    for array in (matrices.transition, matrices.input, matrices.output):
        array.setflags(write=False)
    return matrices


@lru_cache(maxsize=256)
def step_stability(order: int, h: float, method: Discretization) -> Stability:
    """The spectral radius, margin and transient growth of the step of `method` with h = dt/θ."""
    log_radius = _log_radius(order, h, method)
    if method.unconditional:
        growth = 1.0  # the exact flow and its Cayley transform are contractions in these coordinates
    else:
        growth = transient_growth(step_matrices(order, h, method).transition) if log_radius < 0.0 else math.inf
    return Stability(math.exp(log_radius), -math.expm1(log_radius), growth)


def is_stable(order: int, h: float, method: Discretization) -> bool:
    """Whether the step of `method` with h = dt/θ is stable, that is, its spectral radius below 1."""
    return method.unconditional or _log_radius(order, h, method) < 0.0


def _log_radius(order: int, h: float, method: Discretization) -> float:
    """The logarithm of the spectral radius, from the poles that can decide it."""
    return max(method.log_radius(complex(h * pole)) for pole in deciding_poles(order))


@lru_cache(maxsize=64)
def least_theta_over_dt(order: int, method: Discretization) -> float:
    """The least θ/dt ≥ 1 from which `method` is stable, rounded upwards, to nine digits."""
    low = high = 1.0
    while not is_stable(order, 1.0 / high, method):
        low, high = high, 2.0 * high
    while high > (1.0 + 1e-9) * low:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_stable(order, 1.0 / middle, method) else (middle, high)
    return high
