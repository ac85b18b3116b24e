"""How far a memory with another increment is from the exact zero-order hold: proved, not simulated.

All functions take the increment as a matrix D̃ in the specification's basis, x⁺ = x + D̃(x − e₀u), and look at
it in orthonormal coordinates, where the exact step G is a contraction. The difference e = x̃ − x obeys
e⁺ = (I + D̃)e + (D̃ − D)(x − e₀u), so no two large numbers are ever subtracted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lmu_hw.arguments import check_positive
from lmu_hw.legendre import Array, energy_scale
from lmu_hw.noise import noise_power
from lmu_hw.ranges import Flow, l1_bound
from lmu_hw.spec import LMUSpec
from lmu_hw.stability import spectral_norm
from lmu_hw.steps import StepMatrices, step_matrices
from lmu_hw.system import energy_per_unit

_FREQUENCIES = 48


@dataclass(frozen=True)
class StateError:
    """RMS of x̃ − x over RMS of x, taken over all states together, once the window is full.

    Attributes:
        energy: in orthonormal coordinates.
        legendre: in Legendre coefficients, which weight state i by 2i+1.
    """

    energy: float
    legendre: float


def transition_of(spec: LMUSpec, increment: Array) -> Array:
    """I + D̃ in orthonormal coordinates, shape (order, order)."""
    scale = energy_per_unit(spec)
    return np.eye(spec.order) + increment * scale[:, None] / scale[None, :]


def energy_gain(spec: LMUSpec, increment: Array) -> float:
    """‖I + D̃‖₂ in orthonormal coordinates, rounded upwards; at most 1 for a contraction in the energy norm."""
    return spectral_norm(transition_of(spec, increment))


def white_error(spec: LMUSpec, increment: Array) -> StateError:
    """The error for zero-mean white input, from the covariances (H2 norms).

    Raises:
        DesignError: the powers of I + D̃ do not decay.
    """
    exact = _exact(spec)
    transition, difference = _pair(spec, increment)
    d = spec.order
    joint = np.block([[transition, difference], [np.zeros((d, d)), exact.transition]])
    drive = np.concatenate([-difference[:, 0], exact.input])
    power = noise_power(joint, drive[:, None], np.eye(2 * d))
    return _state_error(power[:d], power[d:])


def band_error(spec: LMUSpec, increment: Array, cycles: float) -> StateError:
    """The error for white noise that ends at `cycles` cycles per window, from the frequency responses.

    Raises:
        DesignError: `cycles` is not a positive number.
    """
    edge = check_positive("bandwidth in cycles per window", cycles)
    exact = _exact(spec)
    transition, difference = _pair(spec, increment)
    eye = np.eye(spec.order)
    error, signal = np.zeros(spec.order), np.zeros(spec.order)
    for k in range(_FREQUENCIES):
        turn = np.exp(2j * math.pi * edge * spec.h * (k + 0.5) / _FREQUENCIES)
        x = np.linalg.solve(turn * eye - exact.transition, exact.input.astype(np.complex128))
        e = np.linalg.solve(turn * eye - transition, difference @ (x - eye[0]))
        error, signal = error + np.abs(e) ** 2, signal + np.abs(x) ** 2
    return _state_error(error, signal)


def deviation_bound(spec: LMUSpec, increment: Array) -> Array:
    """Upper bound on |x̃_i − x_i| at every sample, for every |u| ≤ 1, from zero states, shape (order,).

    In units of the state, as a finite ℓ1 sum plus a proved tail, see `lmu_hw.ranges`.

    Raises:
        DesignError: the powers of I + D̃ do not decay.
    """
    exact, d = _exact(spec), spec.order
    transition, _ = _pair(spec, increment)
    drive = np.concatenate([transition[:, 0] * -1.0 + np.eye(d)[0], exact.input])
    unit = energy_per_unit(spec)[:, None]
    return l1_bound(
        Flow((transition, exact.transition)),
        drive[:, None],
        lambda z: (z[:d] - z[d:]) / unit,
        work=math.inf,  # the two cancel to many digits, so nothing may be skipped
        tail=1e-10,
    ).upper[:, 0]


def _exact(spec: LMUSpec) -> StepMatrices:
    return step_matrices(spec.order, spec.h, spec.discretization)


def _pair(spec: LMUSpec, increment: Array) -> tuple[Array, Array]:
    """I + D̃ and D̃ − D in orthonormal coordinates."""
    transition = transition_of(spec, increment)
    return transition, transition - _exact(spec).transition


def _state_error(error: Array, signal: Array) -> StateError:
    weight = energy_scale(error.size) ** 2
    return StateError(
        math.sqrt(float(error.sum()) / float(signal.sum())),
        math.sqrt(float(weight @ error) / float(weight @ signal)),
    )
