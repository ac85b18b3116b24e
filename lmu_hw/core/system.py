"""The memory as a linear system, continuous and sampled, in the specification's coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.legendre import Array, energy_scale, input_vector, orthonormal_system, readout, state_matrix
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import step_matrices


def full_delay_response(order: int, cycles_per_window: ArrayLike) -> NDArray[np.complex128]:
    """T/u at `cycles_per_window` = frequency·θ > 0, complex, of the same shape: the [d−1/d] Padé of a delay of θ.

    It takes O(order) operations per frequency. The chain (see `lmu_hw.core.legendre.chain_operands`) has
    A m + B u = −(2i+1)·s_i and s_{i+1} = s_{i−1} − 2m_i. At the complex frequency S = sθ, where S·m_i = −(2i+1)·s_i,
    its running values therefore obey s_{i−1} = s_{i+1} − 2(2i+1)·s_i/S. The sum of its equations gives s_d = −s_{d−1}.
    From there the recurrence runs downwards, the direction in which it is stable, and s_{−1} = T + u, s_0 = T − u give
    the readout T of the delay θ.
    """
    s = 2j * np.pi * np.asarray(cycles_per_window, dtype=np.float64)
    after, here = -np.ones_like(s), np.ones_like(s)
    for i in range(order - 1, -1, -1):
        after, here = here, after - (2.0 * (2 * i + 1)) / s * here
        size = np.maximum(np.abs(here), np.abs(after))
        after, here = after / size, here / size
    return np.asarray((here + after) / (here - after), dtype=np.complex128)


def pade_error(order: int, cycles_per_window: ArrayLike) -> NDArray[np.float64]:
    """|T/u − e^{−sθ}|, of the shape of `cycles_per_window`: 0 is a perfect delay, 2 the worst phase."""
    s = 2j * np.pi * np.asarray(cycles_per_window, dtype=np.float64)
    return np.asarray(np.abs(full_delay_response(order, cycles_per_window) - np.exp(-s)), dtype=np.float64)


ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class ContinuousSystem:
    """θ ẋ = A x + B u, u(t − θ′) ≈ C(θ′) x.

    Attributes:
        spec: The specification; its step plays no part here.
        A: The state matrix, shape (order, order), dimensionless (multiply by 1/θ for rates).
        B: The input vector, shape (order,).
    """

    spec: LMUSpec
    A: Array
    B: Array

    def readout(self, fractions: ArrayLike = (1.0,)) -> Array:
        """C for delays given as fractions of θ, shape (len(fractions), order)."""
        return readout(self.spec.order, fractions) * coordinates(self.spec)[None, :]

    def transfer(self, frequency: ArrayLike, fractions: ArrayLike = (1.0,)) -> ComplexArray:
        """C(θ′)(sθ·I − A)⁻¹B at `frequency` in Hz, complex, shape (len(fractions), len(frequency))."""
        a, b = orthonormal_system(self.spec.order)
        c = readout(self.spec.order, fractions) * energy_scale(self.spec.order)[None, :]
        s: ComplexArray = 2j * np.pi * self.spec.theta * np.atleast_1d(np.asarray(frequency, dtype=np.complex128))
        return resolvent(a, b, c, s)


@dataclass(frozen=True)
class DiscreteSystem:
    """z⁺ = transition·z + input·u and x = output·z; z is x itself except for multi-step methods.

    Attributes:
        spec: The specification.
        transition: The matrix from z to z⁺, shape (n, n) with n = order, or 2·order for two banks of states.
        input: The vector from u to z⁺, shape (n,).
        output: The matrix from z to x, shape (order, n).
    """

    spec: LMUSpec
    transition: Array
    input: Array
    output: Array

    def transfer(self, frequency: ArrayLike, fractions: ArrayLike = (1.0,)) -> ComplexArray:
        """Response of the delay readout at `frequency` in Hz, complex, shape (len(fractions), len(frequency)).

        The state is read after the sample has been taken in: z(k+1) over u(k) is (I − G/ζ)⁻¹H, ζ = e^{jω·dt}.
        """
        matrices = step_matrices(self.spec.order, self.spec.h, self.spec.discretization)
        c = readout(self.spec.order, fractions) * energy_scale(self.spec.order)[None, :]
        zeta = np.exp(2j * np.pi * self.spec.dt * np.atleast_1d(np.asarray(frequency, dtype=np.complex128)))
        response = resolvent(matrices.transition, matrices.input, c @ matrices.output, zeta)
        return np.asarray(response * zeta[None, :], dtype=np.complex128)


def coordinates(spec: LMUSpec) -> Array:
    """Legendre coefficients per unit of each state, shape (order,): 1, or √(2i+1) in the orthonormal basis."""
    return np.ones(spec.order) if spec.basis is Basis.LEGENDRE else energy_scale(spec.order)


def energy_per_unit(spec: LMUSpec) -> Array:
    """Orthonormal coordinates per unit of each state, shape (order,)."""
    return coordinates(spec) / energy_scale(spec.order)


def continuous(spec: LMUSpec) -> ContinuousSystem:
    """The continuous system of `spec`, in its basis."""
    if spec.basis is Basis.LEGENDRE:
        return ContinuousSystem(spec, state_matrix(spec.order), input_vector(spec.order))
    return ContinuousSystem(spec, *orthonormal_system(spec.order))


def discretize(spec: LMUSpec) -> DiscreteSystem:
    """The sampled system of `spec`, in its basis."""
    matrices = step_matrices(spec.order, spec.h, spec.discretization)
    to_basis = energy_scale(spec.order) / coordinates(spec)
    banks = matrices.input.size // spec.order
    scale = np.tile(to_basis, banks)
    return DiscreteSystem(
        spec,
        matrices.transition * scale[:, None] / scale[None, :],
        matrices.input * scale,
        matrices.output * to_basis[:, None] / scale[None, :],
    )


def resolvent(a: Array, b: Array, c: Array, s: ComplexArray) -> ComplexArray:
    """c (sI − a)⁻¹ b for every s, shape (rows of c, len(s)), by one complex Schur decomposition."""
    triangle, unitary = scipy.linalg.schur(a, output="complex")
    left, right = c @ unitary, unitary.conj().T @ b
    response = np.empty((c.shape[0], s.size), dtype=np.complex128)
    for k, point in enumerate(s):
        shifted = point * np.eye(a.shape[0]) - triangle
        response[:, k] = left @ scipy.linalg.solve_triangular(shifted, right)
    return response
