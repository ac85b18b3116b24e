"""The measure of error that reports and checks share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.errors import DesignError


def nrmse(measured: ArrayLike, reference: ArrayLike) -> float:
    """The root mean square of measured − reference over that of the reference, over all entries.

    Args:
        measured: The values to judge, of any shape.
        reference: The values to compare them with, of the same shape, not all zero.

    Raises:
        DesignError: the shapes differ, an entry is not finite, or the reference is empty or zero.
    """
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if x.shape != y.shape:
        raise DesignError("measured values", f"of the reference's shape {y.shape}", x.shape)
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise DesignError("values to compare", "finite numbers", "NaN or infinity")
    peak = float(np.abs(y).max(initial=0.0))
    if peak == 0.0:
        raise DesignError("reference of an NRMSE", "different from zero somewhere", "only zeros")
    # Scaled by the peak, so that no square leaves the range of a double.
    return float(np.linalg.norm(((x - y) / peak).ravel()) / np.linalg.norm((y / peak).ravel()))
