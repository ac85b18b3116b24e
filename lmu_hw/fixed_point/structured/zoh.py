"""The zero-order hold with structured coefficients: far fewer multiplications than order², at a known error."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lmu_hw.arguments import check_integer, check_positive
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.structured.deviation import energy_gain, white_error
from lmu_hw.fixed_point.structured.skeleton import compress
from lmu_hw.fixed_point.structured.staged import StagedProduct
from lmu_hw.fixed_point.structured.tree import RankProfile, cheapest_tree
from lmu_hw.legendre import Array
from lmu_hw.spec import LMUSpec
from lmu_hw.steps import Discretization, step_matrices
from lmu_hw.system import discretize, energy_per_unit

LEAST_ERROR = 1e-6
_STEP = 0.7  # from one threshold to the next
_LEAST_THRESHOLD = 3e-9
_MARGIN = 1e-13  # beyond the damping that is needed, so that rounding does not ask for more


def structured_zoh(
    spec: LMUSpec, error: float = 1e-3, *, levels: int | None = None, contraction: bool = True
) -> StagedProduct:
    """The increment D = exp(hA) − I as a staged product, with the largest truncation that keeps the error.

    In orthonormal coordinates S·D is symmetric, S = diag((−1)^i), because S A S = Aᵀ; so one basis serves rows
    and columns. Where no structure pays, the result is the dense matrix in one stage.

    Args:
        spec: a memory with the zoh step, in either basis.
        error: relative RMS error of all states for zero-mean white input, in orthonormal coordinates,
            1e-6 … 1; see `white_error`.
        levels: most cuts from the whole to its smallest part; fewer give fewer stages and more
            multiplications. Any number by default.
        contraction: damp the result by the little that makes ‖I + D̃‖₂ ≤ 1 in orthonormal coordinates.

    Raises:
        DesignError: an argument is out of its range, or the step is not zoh.
    """
    if spec.discretization is not Discretization.ZOH:
        raise DesignError("discretization", "zoh for the structured step", spec.discretization)
    error = check_positive("error", error)
    if not LEAST_ERROR <= error <= 1.0:
        raise DesignError("error", f"from {LEAST_ERROR:g} to 1", error)
    if levels is not None:
        levels = check_integer("levels", levels, 0)
    threshold, best = error, None
    while threshold >= _LEAST_THRESHOLD:
        product = truncated_zoh(spec, threshold, levels=levels, contraction=contraction)
        if _meets(spec, product, error):
            best = product
            break
        threshold *= _STEP
    dense = StagedProduct.dense(discretize(spec).transition - np.eye(spec.order))
    return dense if best is None or best.multiplications >= dense.multiplications else best


def truncated_zoh(
    spec: LMUSpec, threshold: float, *, levels: int | None = None, contraction: bool = True
) -> StagedProduct:
    """The staged product whose block rows lose their singular values up to `threshold`; see `structured_zoh`."""
    scale = energy_per_unit(spec)
    signs = np.where(np.arange(spec.order) % 2 == 0, 1.0, -1.0)
    tree = cheapest_tree(_profile(spec.order, spec.h), threshold, levels)
    damping = 0.0
    while True:
        matrix = _symmetric_increment(spec.order, spec.h, damping)
        product = compress(matrix, signs / scale, scale, tree, threshold)
        excess = energy_gain(spec, product.matrix()) - 1.0
        if not contraction or excess <= 0.0:
            return product
        damping = 1.0 - (1.0 - damping) / (1.0 + excess) * (1.0 - _MARGIN)


def _meets(spec: LMUSpec, product: StagedProduct, error: float) -> bool:
    try:
        return white_error(spec, product.matrix()).energy <= error
    except DesignError:
        return False


def _symmetric_increment(order: int, h: float, damping: float) -> Array:
    """S((1 − damping)·G − I), symmetric to rounding, and made so."""
    increment = (1.0 - damping) * step_matrices(order, h, Discretization.ZOH).transition - np.eye(order)
    signed = increment * np.where(np.arange(order) % 2 == 0, 1.0, -1.0)[:, None]
    return 0.5 * (signed + signed.T)


@lru_cache(maxsize=4)
def _profile(order: int, h: float) -> RankProfile:
    return RankProfile(_symmetric_increment(order, h, 0.0))
