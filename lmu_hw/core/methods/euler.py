"""Forward Euler: x⁺ = x + h(Ax + Bu)."""

from __future__ import annotations

from typing import Any

from lmu_hw.core.methods.base import Arrays, Discretization, StepMatrices, log_modulus_of_one_plus


def _matrices(arrays: Arrays, a: Any, b: Any, h: Any) -> StepMatrices:
    eye = arrays.xp.eye(b.size)
    return StepMatrices(eye + h * a, h * b, eye)


EULER = Discretization.define(
    "euler",
    matrices=_matrices,
    log_radius=log_modulus_of_one_plus,
    unconditional=False,
    holds=False,
    convergence_order=1,
    datapaths=("chain", "dense"),
)
