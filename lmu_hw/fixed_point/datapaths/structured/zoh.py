"""The zero-order hold as a staged product, and how far a memory with a changed increment is from the exact one.

All errors are proved or computed, none is simulated. The increment is a matrix D̃ in the specification's basis,
x⁺ = x + D̃(x − e₀u), of shape (order, order). It is looked at in orthonormal coordinates, where the exact step
G = I + D is a contraction. The difference e = x̃ − x from the exact states obeys

    e⁺ = (I + D̃) e + (D̃ − D)(x − e₀u),

so no two large numbers are ever subtracted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lmu_hw.core.bounds import Flow, l1_bound, noise_power
from lmu_hw.core.legendre import Array, energy_scale
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.stability import spectral_norm
from lmu_hw.core.steps import Discretization, StepMatrices, step_matrices
from lmu_hw.core.system import discretize, energy_per_unit
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.fixed_point.datapaths.structured.skeleton import RankProfile, cheapest_tree, compress
from lmu_hw.fixed_point.datapaths.structured.stages import StagedProduct

LEAST_ERROR = 1e-6
_FREQUENCIES = 48
_STEP = 0.7  # from one threshold to the next
_LEAST_THRESHOLD = 3e-9
_MARGIN = 1e-13  # beyond the damping that is needed, so that rounding does not ask for more


@dataclass(frozen=True)
class StateError:
    """The RMS of x̃ − x over the RMS of x, over all states together, once the window is full.

    Attributes:
        energy: The error in orthonormal coordinates.
        legendre: The error in Legendre coefficients, which weight state i by 2i+1.
    """

    energy: float
    legendre: float


def transition_of(spec: LMUSpec, increment: Array) -> Array:
    """The transition I + D̃ in orthonormal coordinates, shape (order, order)."""
    scale = energy_per_unit(spec)
    return np.eye(spec.order) + increment * scale[:, None] / scale[None, :]


def energy_gain(spec: LMUSpec, increment: Array) -> float:
    """The norm ‖I + D̃‖₂ in orthonormal coordinates, rounded upwards: at most 1 if no step adds energy."""
    return spectral_norm(transition_of(spec, increment))


def white_error(spec: LMUSpec, increment: Array) -> StateError:
    """The error for white input of zero mean, from the covariances of e and x (H2 norms).

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
    """The error for white noise with nothing above `cycles` cycles per window, from the frequency responses.

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
    """Upper bounds on |x̃_i − x_i| at every sample, for every |u| ≤ 1, from zero states, shape (order,).

    They are in units of the state: a finite ℓ1 sum plus a proved tail, see `lmu_hw.core.bounds`.

    Raises:
        DesignError: the powers of I + D̃ do not decay.
    """
    exact, d = _exact(spec), spec.order
    transition, _ = _pair(spec, increment)
    drive = np.concatenate([np.eye(d)[0] - transition[:, 0], exact.input])
    unit = energy_per_unit(spec)[:, None]
    return l1_bound(
        Flow.of(transition, exact.transition),
        drive[:, None],
        lambda z: (z[:d] - z[d:]) / unit,
        work=math.inf,  # the two cancel to many digits, so nothing may be skipped
        tail=1e-10,
    )[:, 0]


def _exact(spec: LMUSpec) -> StepMatrices:
    return step_matrices(spec.order, spec.h, spec.discretization)


def _pair(spec: LMUSpec, increment: Array) -> tuple[Array, Array]:
    """The matrices I + D̃ and D̃ − D in orthonormal coordinates."""
    transition = transition_of(spec, increment)
    return transition, transition - _exact(spec).transition


def _state_error(error: Array, signal: Array) -> StateError:
    weight = energy_scale(error.size) ** 2
    return StateError(
        math.sqrt(float(error.sum()) / float(signal.sum())),
        math.sqrt(float(weight @ error) / float(weight @ signal)),
    )


def structured_zoh(spec: LMUSpec, error: float = 1e-3, *, levels: int | None = None) -> StagedProduct:
    """The increment D = exp(hA) − I as a staged product, with the largest truncation that keeps the error.

    In orthonormal coordinates S·D is symmetric, S = diag((−1)^i), because S A S = Aᵀ; so one basis serves rows and
    columns. The result is damped by the little that makes ‖I + D̃‖₂ ≤ 1 in these coordinates. Where no structure pays,
    it is the dense matrix in one stage.

    Args:
        spec: A memory with the zoh step, in either basis.
        error: The relative RMS error of all states for zero-mean white input, in orthonormal coordinates,
            1e-6 … 1; see `white_error`.
        levels: The largest number of cuts from the whole to its smallest part; fewer give fewer stages and more
            multiplications. Any number by default.

    Raises:
        DesignError: an argument is out of its range, or the step is not zoh.
    """
    if spec.discretization is not Discretization.ZOH:
        raise DesignError("discretization", "zoh for the structured step", spec.discretization)
    error = check_positive("structured error", error)
    if not LEAST_ERROR <= error <= 1.0:
        raise DesignError("structured error", f"from {LEAST_ERROR:g} to 1", error)
    if levels is not None:
        levels = check_integer("levels", levels, 0)
    threshold, best = error, None
    while threshold >= _LEAST_THRESHOLD:
        product = truncated_zoh(spec, threshold, levels=levels)
        if _meets(spec, product, error):
            best = product
            break
        threshold *= _STEP
    dense = StagedProduct.dense(discretize(spec).transition - np.eye(spec.order))
    return dense if best is None or best.multiplications >= dense.multiplications else best


def truncated_zoh(spec: LMUSpec, threshold: float, *, levels: int | None = None) -> StagedProduct:
    """The staged product whose block rows lose their singular values up to `threshold`; see `structured_zoh`."""
    scale = energy_per_unit(spec)
    signs = np.where(np.arange(spec.order) % 2 == 0, 1.0, -1.0)
    tree = cheapest_tree(_profile(spec.order, spec.h), threshold, levels)
    damping = 0.0
    while True:
        matrix = _symmetric_increment(spec.order, spec.h, damping)
        product = compress(matrix, signs / scale, scale, tree, threshold)
        excess = energy_gain(spec, product.matrix()) - 1.0
        if excess <= 0.0:
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
