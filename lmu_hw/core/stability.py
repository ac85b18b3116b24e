"""How stable a step is: the pole that decides its spectral radius, norms, and its transient growth.

A is so far from normal that LAPACK's eigenvalues of it are wrong above order 32. Its characteristic polynomial,
though, is known in closed form (the denominator of the [d−1/d] Padé approximant of e^{−s}), so the pole that decides
is found by Newton's method in as many digits as that polynomial needs. A stable step that is not normal may still
grow by orders of magnitude before it decays: the norms of its powers tell by how much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array, orthonormal_system

_MOST_SQUARINGS = 60
_EXACT_NORMS = 512  # above this order, norms that are only reported are estimated
_ITERATIONS = 15
_HUGE = 1e100
_LAPACK_ORDER = 10  # up to here its eigenvalues of A are right to ten digits
_START_ORDER = 20  # and up to here good enough to start from


@dataclass(frozen=True)
class Stability:
    """What is known about the powers of a step matrix G.

    Attributes:
        spectral_radius: The largest modulus ρ of an eigenvalue of G; the step is stable where it is below 1.
        margin: The distance 1 − ρ from instability.
        transient_growth: The largest ‖Gᵏ‖₂ met at k = 1, 2, 4, … in orthonormal coordinates; 1 for a
            contraction. Rounding noise in the state can be amplified that much.
    """

    spectral_radius: float
    margin: float
    transient_growth: float

    @property
    def stable(self) -> bool:
        """Whether the powers of the step decay in the end."""
        return self.margin > 0.0


@lru_cache(maxsize=64)
def dominant_pole(order: int) -> complex:
    """The eigenvalue of A with the least damping, which is also the largest one; Im ≥ 0.

    The poles lie on an arc that bends towards the imaginary axis at its two ends, so the end of the arc
    has the least |Re λ| and the largest |λ| at once, and it decides the stability of every method here.
    They are the zeros of Σ_j (2d−1−j)! C(d,j) s^j (the denominator of
    the Padé approximant; Voelker and Eliasmith, Neural Computation 30 (2018)).
    """
    import mpmath

    if order == 1:
        return -1.0 + 0.0j
    start = _end_of_arc(order)
    with mpmath.workprec(80 + 8 * order):  # the terms of the sum exceed the sum by e^{2|s|} at most
        s = mpmath.mpc(start)
        for _ in range(60):
            term, value, slope = mpmath.mpc(1), mpmath.mpc(1), mpmath.mpc(0)
            for j in range(1, order + 1):
                term = term * s * (order - j + 1) / (j * (2 * order - j))
                value += term
                slope += j * term
            change = value * s / slope
            s -= change
            if abs(change) < abs(s) * mpmath.mpf(2) ** -70:
                break
        return complex(s)


def deciding_poles(order: int) -> NDArray[np.complex128]:
    """The eigenvalues of A that can decide the spectral radius of a step.

    All of them up to order 10, where LAPACK has them right: there the parasitic root of a long multi-step
    step may decide. Above, every stable step is short enough for the dominant pole to decide.
    """
    if order <= _LAPACK_ORDER:
        return np.linalg.eigvals(orthonormal_system(order)[0]).astype(np.complex128)
    return np.array([dominant_pole(order)])


def _end_of_arc(order: int) -> complex:
    """A start for Newton's method: LAPACK's value where that is good enough, else an asymptotic formula."""
    if order <= _START_ORDER:
        poles = np.linalg.eigvals(orthonormal_system(order)[0])
        return complex(poles[np.argmax(poles.imag)])
    # Fitted to the exact values: 2d·i plus the first Airy zero's offset, which grows like d^(1/3).
    root = order ** (1.0 / 3.0)
    return complex(-3.14 * root + 0.95, 2.0 * order - 1.86 * root - 0.2)


def transient_growth(step: Array) -> float:
    """The largest ‖stepᵏ‖₂ at k = 1, 2, 4, … (at least 1), for a matrix of shape (n, n); inf if it overflows."""
    power, peak, exact = step, 1.0, step.shape[0] <= _EXACT_NORMS
    for _ in range(_MOST_SQUARINGS):
        norm = spectral_norm(power) if exact else _estimated_norm(power)
        peak = max(peak, norm)
        if norm < 0.5 or norm > _HUGE:
            return peak if norm < 0.5 else float("inf")
        power = power @ power
    return peak


def _estimated_norm(matrix: Array) -> float:
    """‖matrix‖₂ from below, within about a per cent, by power iteration, which needs no eigenvalues."""
    if not float(np.abs(matrix).max(initial=0.0)) <= _HUGE:  # NaN included
        return math.inf
    vector = np.random.default_rng(0).standard_normal((matrix.shape[1], 4))
    norm = 0.0
    for _ in range(_ITERATIONS):
        vector = np.linalg.qr(vector)[0]
        product = matrix @ vector
        norm = float(np.linalg.norm(product, 2))
        if norm == 0.0:
            break
        vector = matrix.T @ (product / norm)
    return norm


def spectral_norm(matrix: Array) -> float:
    """‖matrix‖₂ of a square matrix, rounded upwards: the root of the largest eigenvalue of its Gram matrix.

    It is infinite where an entry is not finite.
    """
    if not np.all(np.isfinite(matrix)):
        return math.inf
    n = matrix.shape[0]
    scale = float(np.abs(matrix).max(initial=0.0))
    if scale == 0.0:
        return 0.0
    unit = matrix / scale
    largest = np.linalg.eigvalsh(unit.T @ unit)[-1]
    return scale * math.sqrt(max(float(largest), 0.0)) * (1.0 + 1e-14 * float(n))
