"""Padé approximants of exp(hA) by partial fractions: what tridiagonal solves would give, and what they would cost."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array, orthonormal_system
from lmu_hw.spec import LMUSpec
from lmu_hw.system import energy_per_unit

_NEWTON_STEPS = 12


def pade_increment(spec: LMUSpec, numerator: int, denominator: int) -> Array:
    """R(hA) − I in the specification's basis, R the [numerator/denominator] Padé approximant of exp.

    R(X) = c·I + Σ_k ω_k (X − σ_k)⁻¹ with the zeros σ_k of the denominator, each term solved by itself: with
    ‖hA‖ far above 1 the polynomials themselves lose all digits.

    Raises:
        DesignError: not denominator − 1 ≤ numerator ≤ denominator ≤ 8, for which R(hA) is a contraction.
    """
    p, q = numerator, denominator
    if not (1 <= q <= 8 and q - 1 <= p <= q):
        raise DesignError("degrees of the approximant", "[q/q] or [q−1/q] with q from 1 to 8", (p, q))
    with mpmath.workdps(50):  # the poles are close together for their number
        # Ascending powers; Golub and Van Loan, Matrix Computations, section 9.3.
        top = [mpmath.binomial(p, j) * mpmath.factorial(p + q - j) for j in range(p + 1)]
        low = [mpmath.binomial(q, j) * mpmath.factorial(p + q - j) * (-1) ** j for j in range(q + 1)]
        slope = [j * c for j, c in enumerate(low)][1:]
        poles, weights = [], []
        for start in np.polynomial.Polynomial([float(c) for c in low]).roots().tolist():
            pole = mpmath.mpmathify(start)
            for _ in range(_NEWTON_STEPS):
                pole -= _value(low, pole) / _value(slope, pole)
            poles.append(complex(pole))
            weights.append(complex(_value(top, pole) / _value(slope, pole)))
        limit = float(top[p] / low[q]) if p == q else 0.0
    a, _ = orthonormal_system(spec.order)
    eye = np.eye(spec.order)
    result = limit * eye.astype(np.complex128)
    for pole, weight in zip(poles, weights, strict=True):
        result = result + weight * np.linalg.inv(spec.h * a - pole * eye)
    scale = energy_per_unit(spec)
    return np.asarray((result.real - eye) / scale[:, None] * scale[None, :])


def _value(coefficients: list[Any], point: Any) -> Any:
    """A polynomial, ascending powers, in mpmath's numbers."""
    return mpmath.fsum(c * point**j for j, c in enumerate(coefficients))


def pade_multiplications(order: int, denominator: int) -> int:
    """Real multiplications per sample: 3 per state for a real pole, 10 for a pair.

    A pair takes one tridiagonal solve with complex constants, two complex products per state, and two real ones
    for the real part of the weighted result.
    """
    return order * (10 * (denominator // 2) + 3 * (denominator % 2))
