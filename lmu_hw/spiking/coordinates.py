"""The coordinates and the scale in which ensembles carry the states, so that their spikes disturb the window least.

The noise on what an ensemble decodes is proportional to the range that the ensemble has to represent. With x = T y,
let K be the covariance of the states and M the gain from white noise on ŷ to the mean square error of the window, in
orthonormal coordinates, where that is the sum of squares of the states' errors. With ensembles that are scaled to the
standard deviations of y, the noise is proportional to

    Σ_k (T⁻¹ K T⁻ᵀ)_kk (Tᵀ M T)_kk,

which is the problem of roundoff noise in fixed-point filters. Its least value is (Σ_i σ_i)²/n over all T, with σ_i²
the eigenvalues of K M; it is reached by balancing K against M and turning the result until all diagonal entries are
equal (Mullis and Roberts, IEEE Trans. Circuits and Systems 23, 1976; Hwang, IEEE Trans. ASSP 25, 1977).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import scipy.linalg

from lmu_hw.core.legendre import Array
from lmu_hw.core.system import resolvent
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.spiking.synapses import Recurrence

#: What is added to a covariance, as a share of its mean energy, so that signals outside the band stay in range too.
FLOOR = 1e-2
_FREQUENCIES = 512


class Coordinates(StrEnum):
    """What an ensemble represents: a state itself, or the combination of states that carries the least noise."""

    STATES = "states"
    BALANCED = "balanced"


def band_covariance(transition: Array, drive: Array, dt: float, band_hz: float, rms: float) -> Array:
    """The covariance of the states of y⁺ = Ā y + B̄ u for noise that is white up to `band_hz`.

    Args:
        transition: The matrix Ā, shape (n, n).
        drive: The vector B̄, shape (n,).
        dt: The step, in seconds.
        band_hz: The highest frequency of the input, positive and at most 1/(2 dt).
        rms: The root mean square of the input.

    Raises:
        DesignError: The band or the RMS is out of range.
    """
    band_hz, rms = check_positive("band", band_hz, "Hz"), check_positive("rms", rms)
    if band_hz > 0.5 / dt:
        raise DesignError("band", f"at most half the sampling rate, {0.5 / dt:g} Hz", band_hz)
    # Midpoints of equal parts of the band: its edges, one of which is at 0 Hz, need no special treatment.
    frequencies = band_hz * (np.arange(_FREQUENCIES) + 0.5) / _FREQUENCIES
    zeta = np.exp(2j * np.pi * dt * frequencies)
    response = resolvent(transition, drive, np.eye(drive.size), zeta)
    return np.asarray(rms**2 / _FREQUENCIES * (response @ response.conj().T).real)


def with_floor(covariance: Array, weights: Array) -> Array:
    """The symmetric part of a covariance, with `FLOOR` of its energy added in every direction alike.

    Args:
        covariance: The covariance of the states, shape (n, n).
        weights: The matrix that reads the states, shape (r, n); its columns tell how much a unit of each state weighs,
            so that the units of the states do not matter.
    """
    squares = np.sum(weights**2, axis=0)
    energy = float(np.diag(covariance) @ squares) / squares.size
    return np.asarray(0.5 * (covariance + covariance.T) + FLOOR * energy * np.diag(1.0 / squares))


def noise_gain(recurrence: Recurrence, weights: Array) -> Array:
    """The gain M: noise of covariance N per step on ŷ leaves the mean square Σ (N∘M) in weights·y, shape (n, n).

    Args:
        recurrence: The recurrence that carries y.
        weights: The matrix that reads y, shape (r, n); the error is summed over the squares of its rows' results.
    """
    loop, entry = recurrence.companion()
    n = recurrence.matrix.shape[0]
    seen = np.zeros((weights.shape[0], loop.shape[0]))
    seen[:, :n] = weights
    observed, power, previous = seen.T @ seen, loop, -1.0
    while not np.trace(observed) <= previous * (1.0 + 1e-12):  # doubling: Σ_{k<2N} from Σ_{k<N}
        previous = float(np.trace(observed))
        observed = observed + power.T @ observed @ power
        power = power @ power
    into = entry @ recurrence.matrix
    return np.asarray(into.T @ observed @ into)


def balanced(covariance: Array, gain: Array) -> Array:
    """The T of least noise, as the module's text derives it, shape (n, n); the caller scales its columns."""
    lower = scipy.linalg.cholesky(covariance, lower=True)
    vectors, squares, _ = np.linalg.svd(lower.T @ gain @ lower)
    if not squares[0] > 0.0:  # none of the noise is visible, so there is nothing to choose
        return np.eye(covariance.shape[0])
    sigma = np.sqrt(np.maximum(squares, squares[0] * 1e-30))
    turn = equal_diagonal(sigma)
    return np.asarray(lower @ vectors / np.sqrt(sigma) @ turn)


def equal_diagonal(values: Array) -> Array:
    """A rotation R, shape (n, n), for which every diagonal entry of Rᵀ diag(values) R is the values' mean."""
    n, mean = values.size, float(np.mean(values))
    matrix, rotation = np.diag(values).astype(np.float64), np.eye(n)
    for k in range(n - 1):  # one plane rotation brings entry k to the mean
        rest = np.diag(matrix)[k:]
        i, j = k + int(np.argmax(rest)), k + int(np.argmin(rest))
        if rest.max() - rest.min() <= 1e-14 * abs(mean):
            break
        a, b, c = matrix[i, i], matrix[j, j], matrix[i, j]
        # (a + 2ct + bt²)/(1 + t²) = mean; a ≥ mean ≥ b, so the roots are real.
        t = (c + np.sqrt(c * c + (a - mean) * (mean - b))) / (mean - b) if b < mean else 0.0
        plane = np.eye(n)
        cosine = 1.0 / np.sqrt(1.0 + t * t)
        plane[[i, j], [i, j]] = cosine
        plane[j, i], plane[i, j] = cosine * t, -cosine * t
        swap = np.arange(n)
        swap[[k, i]] = swap[[i, k]]
        plane = plane[:, swap]
        matrix, rotation = plane.T @ matrix @ plane, rotation @ plane
    return rotation
