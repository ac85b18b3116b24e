"""The memory as a linear system, continuous and sampled, in the specification's coordinates; its responses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.display import Displayed, number
from lmu_hw.core.legendre import Array, energy_scale, input_vector, orthonormal_system, readout, state_matrix
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import step_matrices

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, repr=False)
class ContinuousSystem(Displayed):
    """The system θ ẋ = A x + B u with the delayed readouts u(t − θ′) ≈ C(θ′) x.

    Attributes:
        spec: The specification; its step plays no part here.
        A: The state matrix, shape (order, order), dimensionless (multiply by 1/θ for rates).
        B: The input vector, shape (order,).
    """

    spec: LMUSpec
    A: Array
    B: Array

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "order", str(self.spec.order)
        yield "window θ", f"{number(self.spec.theta)} s"
        yield "basis", str(self.spec.basis)
        yield "resolves up to", f"{number(self.spec.order / np.pi / self.spec.theta)} Hz"

    def plot(self) -> Plot:
        """Draw the error of the readout at θ, which is a Padé approximant of the delay, over frequency."""
        from lmu_hw.core.figures import system_figure

        cycles = plot_frequencies(self.spec.order)
        return system_figure(self.spec.order, {"continuous (Padé)": (cycles, pade_error(self.spec.order, cycles))})

    def readout(self, fractions: ArrayLike = (1.0,)) -> Array:
        """C for delays given as fractions θ′/θ from 0 to 1, shape (len(fractions), order).

        Raises:
            DesignError: a fraction is not a number from 0 to 1.
        """
        return readout(self.spec.order, fractions) * coordinates(self.spec)[None, :]

    def transfer(self, frequency: ArrayLike, fractions: ArrayLike = (1.0,)) -> ComplexArray:
        """The responses C(θ′)(sθ·I − A)⁻¹B of delayed readouts at `frequency` in Hz.

        Args:
            frequency: The frequencies in Hz, shape (points,).
            fractions: The delays as fractions θ′/θ from 0 to 1.

        Returns:
            The complex responses, shape (len(fractions), points).

        Raises:
            DesignError: a fraction is not a number from 0 to 1.
        """
        a, b = orthonormal_system(self.spec.order)
        c = readout(self.spec.order, fractions) * energy_scale(self.spec.order)[None, :]
        s: ComplexArray = 2j * np.pi * self.spec.theta * np.atleast_1d(np.asarray(frequency, dtype=np.complex128))
        return resolvent(a, b, c, s)


@dataclass(frozen=True, repr=False)
class DiscreteSystem(Displayed):
    """The system z⁺ = transition·z + input·u, x = output·z; z is x itself except for multi-step methods.

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

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield from self.spec._facts()
        yield "spectral radius", f"{self.spec.stability.spectral_radius:.6g}"

    def plot(self) -> Plot:
        """Draw the error of the readout at θ over frequency, beside that of the continuous system."""
        from lmu_hw.core.figures import system_figure

        spec = self.spec
        cycles = plot_frequencies(spec.order)
        below = cycles[cycles < 0.5 * spec.ratio]
        error = np.abs(self.transfer(below / spec.theta)[0] - np.exp(-2j * np.pi * below))
        curves = {
            "continuous (Padé)": (cycles, pade_error(spec.order, cycles)),
            f"sampled ({spec.discretization})": (below, error),
        }
        return system_figure(spec.order, curves)

    def transfer(self, frequency: ArrayLike, fractions: ArrayLike = (1.0,)) -> ComplexArray:
        """The responses of delayed readouts, for arguments and with errors as in `ContinuousSystem.transfer`.

        The state is read after the sample has been taken in: z(k+1) over u(k) is (I − G/ζ)⁻¹H, ζ = e^{jω·dt}.

        Returns:
            The complex responses, shape (len(fractions), points).
        """
        return transfer_of(self.spec, fractions)(np.atleast_1d(np.asarray(frequency, dtype=np.float64)))


def transfer_of(spec: LMUSpec, fractions: ArrayLike = (1.0,)) -> Callable[[Array], ComplexArray]:
    """The function that `DiscreteSystem.transfer` is, for many calls: the matrices are decomposed once.

    Args:
        spec: The specification of the sampled system.
        fractions: The delays as fractions θ′/θ from 0 to 1.

    Returns:
        A function from frequencies in Hz, shape (points,), to complex responses, shape (len(fractions), points).

    Raises:
        DesignError: a fraction is not a number from 0 to 1.
    """
    matrices = step_matrices(spec.order, spec.h, spec.discretization)
    c = readout(spec.order, fractions) * energy_scale(spec.order)[None, :]
    solved = resolvent_of(matrices.transition, matrices.input, c @ matrices.output)

    def transfer(frequency: Array) -> ComplexArray:
        zeta = np.exp(2j * np.pi * spec.dt * np.asarray(frequency, dtype=np.complex128))
        return np.asarray(solved(zeta) * zeta[None, :], dtype=np.complex128)

    return transfer


def plot_frequencies(order: int) -> Array:
    """The frequencies of a plot, in cycles per window: from far below to beyond what the order resolves."""
    return np.geomspace(0.01, max(1.0, order), 121)


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
    """c (sI − a)⁻¹ b for every s, by one complex Schur decomposition.

    Args:
        a: The matrix, shape (n, n).
        b: The input vector, shape (n,).
        c: The output rows, shape (r, n).
        s: The points, shape (points,), none of them an eigenvalue of `a`.

    Returns:
        The responses, shape (r, points).
    """
    return resolvent_of(a, b, c)(s)


def resolvent_of(a: Array, b: Array, c: Array) -> Callable[[ComplexArray], ComplexArray]:
    """The function from points s to c (sI − a)⁻¹ b, of the arguments of `resolvent`, with a single decomposition."""
    triangle, unitary = scipy.linalg.schur(a, output="complex")
    left, right = c @ unitary, unitary.conj().T @ b

    def solved(s: ComplexArray) -> ComplexArray:
        response = np.empty((c.shape[0], s.size), dtype=np.complex128)
        for k, point in enumerate(s):
            shifted = point * np.eye(a.shape[0]) - triangle
            response[:, k] = left @ scipy.linalg.solve_triangular(shifted, right)
        return response

    return solved


def full_delay_response(order: int, cycles_per_window: ArrayLike) -> ComplexArray:
    """T/u, the response of the readout of the delay θ, in O(order) operations per frequency at any order.

    It is the [d−1/d] Padé approximant of a delay of θ. The chain (`lmu_hw.core.legendre.chain_operands`) says that
    A m + B u = −(2i+1) s_i and s_{i+1} = s_{i−1} − 2 m_i. At the complex frequency S = sθ the system is
    S m_i = −(2i+1) s_i, so

        s_{i−1} = s_{i+1} − 2(2i+1) s_i/S,

    and the sum of all s_{i+1} = s_{i−1} − 2 m_i is s_d = −s_{d−1}. From there the recurrence is run downwards, the
    direction in which it is stable, and s_{−1} = T + u and s_0 = T − u give T/u.

    Args:
        order: The number of states d.
        cycles_per_window: The frequencies times θ, positive, of any shape.

    Returns:
        The complex responses, of the same shape.
    """
    s = 2j * np.pi * np.asarray(cycles_per_window, dtype=np.float64)
    after, here = -np.ones_like(s), np.ones_like(s)
    for i in range(order - 1, -1, -1):
        after, here = here, after - (2.0 * (2 * i + 1)) / s * here
        size = np.maximum(np.abs(here), np.abs(after))  # only their ratio counts, so neither may overflow
        after, here = after / size, here / size
    return np.asarray((here + after) / (here - after), dtype=np.complex128)


def pade_error(order: int, cycles_per_window: ArrayLike) -> Array:
    """|T/u − e^{−sθ}| of `full_delay_response`, of the same shape: 0 is a perfect delay, 2 one of opposite phase."""
    s = 2j * np.pi * np.asarray(cycles_per_window, dtype=np.float64)
    return np.asarray(np.abs(full_delay_response(order, cycles_per_window) - np.exp(-s)), dtype=np.float64)
