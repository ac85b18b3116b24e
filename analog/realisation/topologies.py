"""State coordinates for a network of integrators: dense, chain and ladder.

A further topology is one function and one entry of the table.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import cholesky, hessenberg, solve_continuous_lyapunov, solve_triangular

from lmu_hw.analog.realisation.network import Array, Readouts, Realisation, from_states, significant
from lmu_hw.core.legendre import energy_scale, input_vector, odd_weights, orthonormal_system, state_matrix


def dense_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """Return theta dm/dt = A m + B u: the Legendre coefficients themselves are the states, with order² couplings.

    Args:
        order: The number of states.
        theta: The window, s.
        readouts: The outputs, each a sum of the states.

    Raises:
        DesignError: A delay is not from 0 to 1.
    """
    return from_states("dense", theta, state_matrix(order), input_vector(order), np.eye(order), readouts)


def chain_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """Return the chain, in which sums compute A m + B u by a recurrence: 4 order - 1 couplings.

    With T = sum of all m_j, the sums s_0 = T - u, s_1 = T + u - 2 m_0 and s_i = s_{i-2} - 2 m_{i-1} give
    theta dm_i/dt = -(2i + 1) s_i. This is the recurrence P'_{n+1} - P'_{n-1} = (2n + 1) P_n of the Legendre
    polynomials, read backwards; s_{-1} = T + u has been put into s_1. T is also the readout at the delay theta.

    Args:
        order: The number of states; there are `order` + 1 sums beside the outputs.
        theta: The window, s.
        readouts: The outputs; where a delay of 1 is among them, its first output is the sum T itself.

    Raises:
        DesignError: A delay is not from 0 to 1.
    """
    d = order
    names = readouts.names(order)
    total = f"y{readouts.delays.index(1.0)}" if 1.0 in readouts.delays else "t"
    sums = [total, *(f"s{i}" for i in range(d))]
    others = [(name, row) for name, row in zip(names, readouts.rows(order), strict=True) if name != total]
    signals = (*(f"x{i}" for i in range(d)), *sums, *(name for name, _ in others))
    couplings = np.zeros((len(signals), len(signals) + 1))
    at = {name: k for k, name in enumerate(signals)}

    couplings[at[total], :d] = 1.0
    for i, weight in enumerate(odd_weights(d).tolist()):
        couplings[i, at[f"s{i}"]] = -weight
        row = couplings[at[f"s{i}"]]
        row[at[total] if i < 2 else at[f"s{i - 2}"]] = 1.0
        if i > 0:
            row[i - 1] = -2.0
        if i < 2:
            row[-1] = -1.0 if i == 0 else 1.0
    for name, weights in others:
        couplings[at[name], :d] = weights
    return Realisation(
        topology="chain",
        theta=theta,
        couplings=significant(couplings),
        legendre_map=np.eye(d),
        signals=signals,
        outputs=names,
        delays=readouts.delays,
    )


def ladder_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """Return the orthonormal ladder, whose neighbours are coupled: 2 order - 1 couplings.

    In coordinates in which the controllability Gramian is the identity, A + A^T = -b b^T: all of A but a rank-one part
    is skew. An orthogonal change of coordinates that puts b on the first axis and makes the skew part tridiagonal
    leaves

        theta dz_0/dt     = -(beta^2/2) z_0 - k_0 z_1 + beta u,   beta = order sqrt(2)
        theta dz_i/dt     = k_{i-1} z_{i-1} - k_i z_{i+1}

    so that one integrator is damped, and every integrator has the same RMS level for white input. This is the ladder of
    Johns, Snelgrove and Sedra ("Orthonormal ladder filters", IEEE Trans. Circuits Syst. 36, 1989); as a matrix it is
    Schwarz's form, so the k_i^2 are also ratios in the Routh array of the characteristic polynomial.

    Args:
        order: The number of states.
        theta: The window, s.
        readouts: The outputs, each a sum of the states.

    Raises:
        DesignError: A delay is not from 0 to 1.
    """
    links, legendre_map = ladder_coordinates(order)
    beta = order * np.sqrt(2.0)
    matrix = np.diag(links, -1) - np.diag(links, 1)
    matrix[0, 0] = -0.5 * beta * beta
    inputs = np.zeros(order)
    inputs[0] = beta
    return from_states("ladder", theta, matrix, inputs, legendre_map, readouts)


def ladder_coordinates(order: int) -> tuple[Array, Array]:
    """Return the coordinates of the orthonormal ladder.

    A itself is ill-conditioned, but the way from the orthonormal Legendre coordinates m_i/sqrt(2i + 1) is short: there
    the Gramian's eigenvalues lie between about 2.5/order^2 and 1, and every step is backward stable.

    Args:
        order: The number of states.

    Returns:
        The couplings k_0 ... between neighbours, positive, shape (order - 1,), and the map from z to the Legendre
        coefficients m, shape (order, order).
    """
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


TOPOLOGIES: dict[str, Callable[[int, float, Readouts], Realisation]] = {
    "dense": dense_realisation,
    "chain": chain_realisation,
    "ladder": ladder_realisation,
}
"""By the name of the topology, the function from order, window in seconds and outputs to the realisation."""
