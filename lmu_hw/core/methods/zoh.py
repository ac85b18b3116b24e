"""Zero-order hold: exact for an input that is held over each step.

Both matrices come from one exponential (Van Loan, IEEE Transactions on Automatic Control 23 (1978)).
"""

from __future__ import annotations

from typing import Any

from lmu_hw.core.methods.base import Arrays, Discretization, StepMatrices


def _matrices(arrays: Arrays, a: Any, b: Any, h: Any) -> StepMatrices:
    """exp(h[[A, B], [0, 0]]) = [[G, H], [0, 1]]."""
    xp, d = arrays.xp, b.size
    block = xp.block([[h * a, (h * b)[:, None]], [xp.zeros((1, d + 1))]])
    flow = arrays.linalg.expm(block)
    return StepMatrices(flow[:d, :d], flow[:d, d], xp.eye(d))


ZOH = Discretization.define(
    "zoh",
    matrices=_matrices,
    log_radius=lambda z: z.real,
    unconditional=True,
    holds=True,
    convergence_order=None,
    datapaths=("dense", "structured"),
)
