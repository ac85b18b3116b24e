"""Adams–Bashforth of order 2: x⁺ = x + h(3f_k − f_{k−1})/2 with f = Ax + Bu.

It is written as two banks of states, w⁺ = w + hf and x⁺ = w + 3hf/2. Since w is x − h f_{k−1}/2, the second
bank is all the memory that the method needs. Everything starts at 0.
"""

from __future__ import annotations

import math
from typing import Any

from lmu_hw.core.methods.base import Arrays, Discretization, StepMatrices


def _matrices(arrays: Arrays, a: Any, b: Any, h: Any) -> StepMatrices:
    xp, d = arrays.xp, b.size
    eye, zero = xp.eye(d), xp.zeros((d, d))
    return StepMatrices(
        xp.block([[eye, h * a], [eye, 1.5 * h * a]]),
        xp.concatenate([h * b, 1.5 * h * b]),
        xp.hstack([zero, eye]),
    )


def _log_radius(z: complex) -> float:
    """The logarithm of the larger root of w² − (1 + 3z/2)w + z/2."""
    import numpy as np

    return math.log(float(np.abs(np.roots([1.0, -(1.0 + 1.5 * z), 0.5 * z])).max()))


AB2 = Discretization.define(
    "ab2",
    matrices=_matrices,
    log_radius=_log_radius,
    unconditional=False,
    holds=False,
    convergence_order=2,  # for u_k at the start of the step
    datapaths=("chain",),
    bank_gains=(1.0, 1.5),
)
