"""The continuous LMU system in closed form: state matrix, input vector, delayed readouts and the chain.

θ ṁ = A m + B u holds the last θ seconds of u as its shifted Legendre coefficients m (Voelker, Kajić and Eliasmith,
Legendre Memory Units, NeurIPS 2019, eqs. (1) to (3)). The chain follows from the recurrence of Legendre polynomials
P'_{n+1} − P'_{n−1} = (2n+1) P_n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.errors import DesignError

Array = NDArray[np.float64]


def odd_weights(order: int) -> Array:
    """W_i = 2i+1 for i = 0 … order−1, shape (order,): A = −diag(W)·M, where the entries of M are ±1."""
    return np.arange(1.0, 2.0 * order, 2.0)


def energy_scale(order: int) -> Array:
    """√(2i+1), shape (order,): m = energy_scale · x maps orthonormal coordinates x to Legendre ones."""
    return np.sqrt(odd_weights(order))


def state_matrix(order: int) -> Array:
    """A_ij = (2i+1)·(−1 where i < j, else (−1)^(i−j+1)), shape (order, order). All entries are odd integers."""
    i = np.arange(order)
    signs = np.where(i[:, None] < i[None, :], -1.0, np.where((i[:, None] - i[None, :]) % 2 == 0, -1.0, 1.0))
    return odd_weights(order)[:, None] * signs


def input_vector(order: int) -> Array:
    """B_i = (2i+1)(−1)^i, shape (order,)."""
    return odd_weights(order) * np.where(np.arange(order) % 2 == 0, 1.0, -1.0)


def orthonormal_system(order: int) -> tuple[Array, Array]:
    """A and B in orthonormal coordinates x_i = m_i/√(2i+1), shapes (order, order) and (order,).

    There A + Aᵀ = −(b bᵀ + c cᵀ) ≤ 0 with b = B and c_i = √(2i+1): the exact flow is a contraction.
    """
    scale = energy_scale(order)
    return state_matrix(order) * scale[None, :] / scale[:, None], input_vector(order) / scale


def readout(order: int, fractions: ArrayLike) -> Array:
    """C(θ′), shape (len(fractions), order): u(t − θ′) ≈ C(θ′)·m with C_i = P_i(2θ′/θ − 1).

    Args:
        order: The number of states d.
        fractions: The delays as fractions θ′/θ of the window, each in [0, 1].

    Raises:
        DesignError: a fraction is not a number from 0 to 1.
    """
    points = np.atleast_1d(np.asarray(fractions, dtype=np.float64))
    if points.ndim != 1 or not np.all((points >= 0.0) & (points <= 1.0)):
        raise DesignError("delay as a fraction of the window", "a number from 0 to 1", fractions)
    z = 2.0 * points - 1.0
    table = np.empty((order, points.size))
    table[0] = 1.0
    if order > 1:
        table[1] = z
    for n in range(1, order - 1):  # Bonnet's recurrence, stable on [−1, 1]
        table[n + 1] = ((2 * n + 1) * z * table[n] - n * table[n - 1]) / (n + 1)
    return np.ascontiguousarray(table.T)


def chain_operands(state: Array, sample: ArrayLike) -> Array:
    """The operands s_0 … s_{d−1} of the chain, (A m + B u)_i = −(2i+1) s_i, by additions alone.

    s_{−1} = T + u, s_0 = T − u with T = Σ m_j, and s_{i+1} = s_{i−1} − 2 m_i.

    Args:
        state: The states m, shape (…, order).
        sample: The input u, shape (…).

    Returns:
        The operands, shape (…, order).
    """
    u = np.asarray(sample, dtype=np.float64)[..., None]
    total = state.sum(axis=-1, keepdims=True)
    operands = np.empty(np.broadcast_shapes(state.shape, (*u.shape[:-1], state.shape[-1])))
    operands[..., 0::2] = total - u
    operands[..., 1::2] = total + u
    operands[..., 2::2] -= 2.0 * np.cumsum(state[..., 1:-1:2], axis=-1)
    operands[..., 1::2] -= 2.0 * np.cumsum(state[..., 0:-1:2], axis=-1)
    return operands
