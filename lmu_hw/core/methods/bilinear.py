"""Bilinear: (I − hA/2) x⁺ = (I + hA/2) x + hBu, the Cayley transform, a contraction for every h."""

from __future__ import annotations

from typing import Any

from lmu_hw.core.methods.base import Arrays, Discretization, StepMatrices, log_modulus_of_one_plus


def _matrices(arrays: Arrays, a: Any, b: Any, h: Any) -> StepMatrices:
    eye = arrays.xp.eye(b.size)
    left = arrays.linalg.lu_factor(eye - 0.5 * h * a)
    transition = arrays.linalg.lu_solve(left, eye + 0.5 * h * a)
    return StepMatrices(transition, arrays.linalg.lu_solve(left, h * b), eye)


def _log_radius(z: complex) -> float:
    """The logarithm of |1 + z/2|/|1 − z/2|."""
    return log_modulus_of_one_plus(z / 2.0) - log_modulus_of_one_plus(-z / 2.0)


BILINEAR = Discretization.define(
    "bilinear",
    matrices=_matrices,
    log_radius=_log_radius,
    unconditional=True,
    holds=True,
    convergence_order=2,  # for u_k at the middle of the step, or against zoh for the same held samples
    datapaths=("tridiagonal", "dense"),
)
