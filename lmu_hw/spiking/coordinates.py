"""In which coordinates, and at what scale, ensembles carry the states, so that their spikes disturb the window least.

What an ensemble decodes carries noise in proportion to the range it has to represent. With x = T y, let K be the
states' covariance and M the gain from white noise on ŷ to the mean square error of the window (orthonormal
coordinates, where that is the sum of squares of the states' errors). Ensembles that are scaled to the deviations of
y make the noise in proportion to

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

#: What is added to a covariance, as a share of its mean energy: what lies outside the band stays in range.
FLOOR = 1e-2
_FREQUENCIES = 512


class Coordinates(StrEnum):
    """What an ensemble stands for: the states themselves, or the combinations that carry the least noise."""

    STATES = "states"
    BALANCED = "balanced"


def band_covariance(transition: Array, drive: Array, dt: float, band_hz: float, rms: float) -> Array:
    """Covariance of the states of y⁺ = Ā y + B̄ u for noise that is white up to `band_hz`.

    Args:
        transition: Ā, shape (n, n).
        drive: B̄, shape (n,).
        dt: s.
        band_hz: highest frequency of the input, positive and at most 1/(2 dt).
        rms: root mean square of the input.

    Raises:
        DesignError: the band or the RMS is out of range.
    """
    band_hz, rms = check_positive("band", band_hz, "Hz"), check_positive("rms", rms)
    if band_hz > 0.5 / dt:
        raise DesignError("band", f"at most half the sampling rate, {0.5 / dt:g} Hz", band_hz)
    # Midpoints: the band is divided evenly and its edges, one of them at rest, need no care.
    frequencies = band_hz * (np.arange(_FREQUENCIES) + 0.5) / _FREQUENCIES
    zeta = np.exp(2j * np.pi * dt * frequencies)
    response = resolvent(transition, drive, np.eye(drive.size), zeta)
    return np.asarray(rms**2 / _FREQUENCIES * (response @ response.conj().T).real)


def with_floor(covariance: Array, weights: Array) -> Array:
    """The covariance, symmetric, and `FLOOR` of its energy in every direction alike.

    Args:
        covariance: shape (n, n).
        weights: what is read from the states, shape (r, n); its columns tell how much a unit of each state weighs, so
            that the units of the states do not matter.
    """
    squares = np.sum(weights**2, axis=0)
    energy = float(np.diag(covariance) @ squares) / squares.size
    return np.asarray(0.5 * (covariance + covariance.T) + FLOOR * energy * np.diag(1.0 / squares))


def noise_gain(recurrence: Recurrence, weights: Array) -> Array:
    """M: noise of covariance N per step on ŷ leaves the mean square Σ (N∘M) in weights·y, shape (n, n).

    Args:
        recurrence: the loop.
        weights: shape (r, n); to the squares of what rows the error is summed over.
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
    """T of the least noise, shape (n, n); see the module's text. The scale of its columns is left to the caller."""
    lower = scipy.linalg.cholesky(covariance, lower=True)
    vectors, squares, _ = np.linalg.svd(lower.T @ gain @ lower)
    if not squares[0] > 0.0:  # nothing of the noise is seen, so there is nothing to choose
        return np.eye(covariance.shape[0])
    sigma = np.sqrt(np.maximum(squares, squares[0] * 1e-30))
    turn = equal_diagonal(sigma)
    return np.asarray(lower @ vectors / np.sqrt(sigma) @ turn)


def equal_diagonal(values: Array) -> Array:
    """A rotation R, shape (n, n), for which every diagonal entry of Rᵀ diag(values) R is the values' mean."""
    n, mean = values.size, float(np.mean(values))
    matrix, rotation = np.diag(values).astype(np.float64), np.eye(n)
    for k in range(n - 1):  # one plane rotation settles entry k
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
