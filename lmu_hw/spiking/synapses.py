"""Synapses, and the recurrence with which a filter at each synapse carries a given linear system.

A synapse is an all-pole low pass F(s) = 1/Σ_{i=0}^{p} c_i s^i with c_0 = 1. Spikes enter through it; the values
y = F·(A_rec y + U) that come out of it are to follow s y = a y + b u, with a = A/θ and b = B/θ. So

    Σ c_i sⁱ y = A_rec y + U,     sⁱ y = aⁱ y + Σ_{j<i} a^{i−1−j} b sʲ u,
    A_rec = Σ_i c_i aⁱ = F(a)⁻¹,  U = Σ_{j<p} (Σ_{i>j} c_i a^{i−1−j}) b · u⁽ʲ⁾.

With p = 1 and c_1 = τ that is A_rec = (τ/θ)A + I, U = (τ/θ)B u, the third principle of Eliasmith and Anderson, Neural
Engineering, 2003. Higher orders and sampled synapses: Voelker and Eliasmith, Neural Computation 30 (2018).

A simulation with step dt has the sampled synapse F(z) = 1/Σ γ_i zⁱ, whose poles are e^{p·dt} and whose gain at z = 1
is 1, and is to follow z y = Ā y + B̄ u. The same algebra with z for s gives A_rec = Σ γ_i Āⁱ = F(Ā)⁻¹: exact, whatever
the step and the method. In p = 1 that is (Ā − αI)/(1 − α) and B̄/(1 − α) with α = e^{−dt/τ}. In place of derivatives of
u it takes samples up to p − 1 steps ahead, so the states come p − 1 samples late.

The continuous map, simulated as it is, errs by O(dt): it has the states an explicit step would have, with the
derivatives taken as backward differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_positive

MAX_SYNAPSE_ORDER = 4


class SynapseForm(StrEnum):
    """The form of the synapse from which a recurrence is derived."""

    SAMPLED = "sampled"
    CONTINUOUS = "continuous"


@dataclass(frozen=True)
class Synapse:
    """The filter F(s) = 1/(1 + c_1 s + … + c_p sᵖ) between spikes and the currents that they cause.

    Attributes:
        coefficients: The coefficients c_1 … c_p, in seconds to the power of 1 … p, 1 ≤ p ≤ 4.

    Raises:
        DesignError: There are none or too many, or a pole has no negative real part.
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        c = self.coefficients
        if not 1 <= len(c) <= MAX_SYNAPSE_ORDER or not all(math.isfinite(v) for v in c) or c[-1] == 0.0:
            raise DesignError("synapse", f"1 to {MAX_SYNAPSE_ORDER} finite coefficients, the last one not 0", c)
        if not np.all(self.poles.real < 0.0):
            raise DesignError("synapse", "stable: every pole with a negative real part", c)

    @staticmethod
    def low_pass(*time_constants: float) -> Synapse:
        """A chain of first-order low passes: one is an exponential synapse, two a double exponential one."""
        polynomial: Array = np.ones(1)
        for tau in time_constants:
            polynomial = np.convolve(polynomial, [1.0, check_positive("tau", tau, "seconds")])
        return Synapse(tuple(float(c) for c in polynomial[1:]))

    @property
    def order(self) -> int:
        """The number p of poles."""
        return len(self.coefficients)

    @property
    def poles(self) -> np.ndarray[tuple[int, ...], np.dtype[np.complex128]]:
        """The roots of the denominator, in 1/s, shape (p,)."""
        return np.asarray(np.roots([*reversed(self.coefficients), 1.0]), dtype=np.complex128)

    @property
    def shortest(self) -> float:
        """The time constant of the fastest pole, in seconds."""
        return float(1.0 / np.abs(self.poles).max())

    @property
    def longest_step(self) -> float:
        """The largest dt of a simulation, in seconds: half the time constant of the fastest pole."""
        return 0.5 * self.shortest

    @property
    def total(self) -> float:
        """The mean delay ∫ t f(t) dt of the synapse, which is the sum of its time constants, in seconds."""
        return self.coefficients[0]

    def sampled(self, dt: float) -> Array:
        """The coefficients γ_0 … γ_p of the sampled synapse, shape (p + 1,), with Σγ = 1.

        Raises:
            DesignError: `dt` is more than half the fastest time constant.
        """
        dt = check_positive("dt", dt, "seconds")
        if dt > self.longest_step:
            raise DesignError("dt", f"at most half the synapse's fastest time constant, {self.longest_step:g} s", dt)
        polynomial = np.real(np.poly(np.exp(self.poles * dt)))[::-1]
        return np.asarray(polynomial / polynomial.sum())


@dataclass(frozen=True, eq=False, repr=False)
class Recurrence(Displayed):
    """A linear system carried by synapses: Σ_i γ_i y_{k+i} = A_rec ŷ_k + Σ_l W_l u_{k−l}, where spikes decode to ŷ.

    Attributes:
        denominator: The coefficients γ, shape (p + 1,).
        matrix: The matrix A_rec, shape (n, n).
        taps: The vectors W_l of the newest sample and of those before it, shape (p, n).
        lag: The number of samples by which the states are late, 0 to p − 1.
    """

    denominator: Array
    matrix: Array
    taps: Array
    lag: int

    @property
    def order(self) -> int:
        """The order p of the synapse."""
        return int(self.denominator.size - 1)

    def companion(self) -> tuple[Array, Array]:
        """The closed loop without noise on s = (y_k, …, y_{k+p−1}).

        Returns:
            The transition matrix, shape (pn, pn), and the matrix by which a value that is added to A_rec ŷ_k enters,
            shape (pn, n).
        """
        p, n = self.order, self.matrix.shape[0]
        loop, entry = np.eye(p * n, k=n), np.zeros((p * n, n))
        for i in range(p):
            loop[-n:, i * n : (i + 1) * n] = -self.denominator[i] / self.denominator[p] * np.eye(n)
        loop[-n:, :n] += self.matrix / self.denominator[p]
        entry[-n:] = np.eye(n) / self.denominator[p]
        return loop, entry

    def run(self, samples: ArrayLike) -> Array:
        """What the loop carries without neurons, and so without noise: y after each sample, shape (T, n).

        Args:
            samples: The samples, shape (T,).
        """
        u, p, n = np.asarray(samples, dtype=np.float64), self.order, self.matrix.shape[0]
        late = np.concatenate([np.zeros(p - 1), u])
        driven = sum((np.outer(late[p - 1 - lag : late.size - lag], self.taps[lag]) for lag in range(p)), np.zeros(1))
        loop, entry = self.companion()
        into, state, out = driven @ entry.T, np.zeros(p * n), np.empty((u.size, n))
        for k in range(u.size):
            state = loop @ state + into[k]
            out[k] = state[:n]
        return out


def map_sampled(synapse: Synapse, transition: Array, drive: Array, dt: float) -> Recurrence:
    """The recurrence with which `synapse`, sampled, carries y⁺ = Ā y + B̄ u exactly.

    Args:
        synapse: The synapse at every connection between neurons.
        transition: The matrix Ā, shape (n, n).
        drive: The vector B̄, shape (n,).
        dt: The step, in seconds.

    Raises:
        DesignError: `dt` is too coarse for the synapse, or the loop with it is unstable.
    """
    gamma = synapse.sampled(dt)
    matrix, rows = _expand(gamma, transition, drive)
    return _checked(Recurrence(gamma, matrix, rows[::-1].copy(), synapse.order - 1))


def map_continuous(synapse: Synapse, a: Array, b: Array, dt: float) -> Recurrence:
    """The recurrence with which `synapse` carries ẏ = a y + b u in continuous time, for a simulation with step dt.

    Args:
        synapse: The synapse at every connection between neurons.
        a: The matrix a, in 1/s, shape (n, n).
        b: The vector b, in 1/s, shape (n,).
        dt: The step, in seconds.

    Raises:
        DesignError: `dt` is too coarse for the synapse, or the loop with it is unstable.
    """
    gamma = synapse.sampled(dt)
    matrix, rows = _expand(np.array([1.0, *synapse.coefficients]), a, b)
    return _checked(Recurrence(gamma, matrix, _differences(rows, dt), 0))


def _checked(recurrence: Recurrence) -> Recurrence:
    """Return the recurrence if its loop is stable."""
    radius = float(np.abs(np.linalg.eigvals(recurrence.companion()[0])).max())
    if not radius < 1.0:
        raise DesignError(
            "synapse", "one whose loop around this memory is stable", f"a spectral radius of {radius:.6g}"
        )
    return recurrence


def _expand(c: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """The matrix Σ c_i aⁱ and, row by row for j = 0 … p−1, the vectors Σ_{i>j} c_i a^{i−1−j} b."""
    powers = [np.eye(b.size)]
    for _ in range(c.size - 1):
        powers.append(a @ powers[-1])
    matrix = sum((ci * power for ci, power in zip(c, powers, strict=True)), np.zeros_like(a))
    rows = np.zeros((c.size - 1, b.size))
    for j in range(c.size - 1):
        for i in range(j + 1, c.size):
            rows[j] += c[i] * (powers[i - 1 - j] @ b)
    return matrix, rows


def _differences(rows: Array, dt: float) -> Array:
    """The taps on u_k, u_{k−1}, … for rows that weigh u and its derivatives, taken as backward differences."""
    taps = np.zeros_like(rows)
    for j, row in enumerate(rows):
        for lag in range(j + 1):
            taps[lag] += (-1) ** lag * math.comb(j, lag) / dt**j * row
    return taps
