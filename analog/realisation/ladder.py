"""The orthonormal ladder: tridiagonal couplings between neighbours, skew but for one damped corner.

In coordinates in which the controllability Gramian is the identity, A + A^T = -b b^T: all but a rank-one part of A
is skew. An orthogonal change of coordinates that puts b on the first axis and makes the skew part tridiagonal
leaves

    theta dz_0/dt     = -(beta^2/2) z_0 - k_0 z_1 + beta u,   beta = order sqrt(2)
    theta dz_i/dt     = k_{i-1} z_{i-1} - k_i z_{i+1}

so 2 order - 1 couplings, and every integrator has the same RMS level for white input. This is the ladder of Johns,
Snelgrove and Sedra ("Orthonormal ladder filters", IEEE Trans. Circuits Syst. 36, 1989); as a matrix it is Schwarz's
form, so the k_i^2 are also ratios in the Routh array of the characteristic polynomial.

A itself is ill-conditioned, but the way from the orthonormal Legendre coordinates m_i/sqrt(2i + 1) is short: there the
Gramian's eigenvalues lie between about 2.5/order^2 and 1, and every step below is backward stable.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky, hessenberg, solve_continuous_lyapunov, solve_triangular

from lmu_hw.analog.realisation.network import Array, Readouts, Realisation, from_states
from lmu_hw.core.legendre import energy_scale, orthonormal_system


def ladder_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """Return the ladder of `order` integrators: 2 order - 1 couplings.

    Args:
        order: the number of states.
        theta: the window in seconds.
        readouts: the outputs, each a sum of the states.
    """
    links, legendre_map = ladder_coordinates(order)
    beta = order * np.sqrt(2.0)
    matrix = np.diag(links, -1) - np.diag(links, 1)
    matrix[0, 0] = -0.5 * beta * beta
    inputs = np.zeros(order)
    inputs[0] = beta
    return from_states("ladder", theta, matrix, inputs, legendre_map, readouts)


def ladder_coordinates(order: int) -> tuple[Array, Array]:
    """Return the couplings k_0 ... between neighbours, positive, shape (order - 1,), and the map from z to m."""
    a, b = orthonormal_system(order)
    gramian = solve_continuous_lyapunov(a, -np.outer(b, b))
    root = cholesky(0.5 * (gramian + gramian.T), lower=True)
    first = solve_triangular(root, b, lower=True)
    balanced = solve_triangular(root, a @ root, lower=True)
    mirror = _reflection(first)
    tridiagonal, turn = hessenberg(mirror @ balanced @ mirror, calc_q=True)
    # Both diagonals carry the same number but for rounding; a sign of each axis makes the lower one positive.
    below, above = np.diag(tridiagonal, -1), np.diag(tridiagonal, 1)
    signs = np.cumprod(np.append(1.0, np.where(below < 0, -1.0, 1.0)))
    links = 0.5 * (np.abs(below) + np.abs(above))
    return links, energy_scale(order)[:, None] * (root @ mirror @ turn) * signs


def _reflection(vector: Array) -> Array:
    """Return the symmetric orthogonal matrix whose first column is `vector` / |vector|."""
    unit = vector / np.linalg.norm(vector)
    normal = unit - np.eye(len(unit))[0]
    size = float(normal @ normal)
    return np.eye(len(unit)) - (2.0 / size * np.outer(normal, normal) if size > 0 else 0.0)
