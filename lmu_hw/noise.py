"""Predicted noise: what white rounding errors leave at the outputs of a linear loop, by H2 norms."""

from __future__ import annotations

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array

_MOST_DOUBLINGS = 40


def noise_power(transition: Array, injection: Array, rows: Array) -> Array:
    """Σ_k ‖c Gᵏ N‖² for each row c: output variances for white inputs of unit variance.

    The controllability Gramian by doubling, P ← P + G P Gᵀ, G ← G² (Smith, 1968): the number of products
    grows with the logarithm of the memory's length.

    Args:
        transition: G, shape (n, n), stable.
        injection: N, shape (n, m).
        rows: C, shape (r, n).

    Returns:
        Shape (r,).

    Raises:
        DesignError: the powers of G do not decay.
    """
    gramian, power = injection @ injection.T, transition
    for _ in range(_MOST_DOUBLINGS):
        gramian = gramian + power @ gramian @ power.T
        power = power @ power
        if np.linalg.norm(power) < 1e-9:
            return np.asarray(np.einsum("ij,jk,ik->i", rows, gramian, rows, optimize=True))
    raise DesignError("the step", "one whose powers decay", f"norm {np.linalg.norm(power):.3g} in the end")
