"""Weights as integers: grids, and rounding that makes the least of what it loses.

An affine map with rounded weights errs by (w − q)ᵀv for its vector v of words. A constant part of that goes into the
bias; the mean square of the rest is

    (w − q)ᵀ C (w − q),    C the covariance of v over the calibration data

for each row, so where words go together their weights' errors may cancel. Rounding one weight after another, the
weights not yet rounded can take back what is lost: given the error e_j of weight j, the best real values of those
behind it change by C⁻¹-weighted shares of e_j, which the Cholesky factor of C⁻¹ holds for all j at once (Hassibi and
Stork, Optimal brain surgeon, 1993; Frantar et al., GPTQ, 2023). Then each weight is rounded anew, given all the
others, as long as that makes the error less.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.legendre import Array

_DAMPING = 1e-3  # share of the mean variance that is added: a covariance from few data is not to be trusted wholly
_SWEEPS = 8


def finest_places(peaks: Array, bits: int) -> IntArray:
    """Most binary places at which words of `bits` bits hold each of `peaks`, rounded to nearest; zero gets none."""
    most = 2.0 ** (bits - 1) - 1 + 0.499
    with np.errstate(divide="ignore"):
        places = np.floor(np.log2(most / peaks))
    return np.where(peaks > 0.0, places, 0.0).astype(np.int64)


def nearest(weights: Array, places: IntArray, bits: int) -> IntArray:
    """Codes of `weights`, both of shape (rows, columns), saturated symmetrically."""
    most = 2 ** (bits - 1) - 1
    return np.clip(np.rint(np.ldexp(weights, places)), -most, most).astype(np.int64)


def clipped_places(weights: Array, places: IntArray, bits: int, power: Array) -> IntArray:
    """Binary places of each row, up to two more than `places`, with the least error when rounded to nearest.

    Args:
        weights: shape (rows, columns).
        places: those that hold the largest entries, shape (rows,).
        bits: of a weight.
        power: mean square of the word of each column, shape (columns,).
    """
    best = np.full(weights.shape[0], np.inf)
    chosen = places.copy()
    for more in range(3):
        grids = np.broadcast_to((places + more)[:, None], weights.shape)
        lost = weights - np.ldexp(nearest(weights, grids, bits).astype(np.float64), -grids)
        error = np.square(lost) @ power
        better = error < best
        best, chosen = np.where(better, error, best), np.where(better, places + more, chosen)
    return chosen


def compensated(weights: Array, places: IntArray, bits: int, covariance: Array) -> IntArray:
    """Codes of `weights` with a small mean square error of the map; see the module's text.

    Args:
        weights: shape (rows, columns).
        places: binary places of each weight, same shape.
        bits: of a weight.
        covariance: of the words, shape (columns, columns).
    """
    plain = nearest(weights, places, bits)
    variance = np.diagonal(covariance)
    if weights.shape[1] == 1 or variance.max() <= 0.0:
        return plain
    damped = covariance + np.eye(variance.size) * (_DAMPING * variance.mean())
    order = np.argsort(-variance, kind="stable")
    try:
        sorted_codes = _one_by_one(weights[:, order], places[:, order], bits, damped[np.ix_(order, order)])
    except np.linalg.LinAlgError:  # words that are constant but for the rounding of their mean: nothing to take back
        return plain
    codes = np.empty_like(plain)
    codes[:, order] = sorted_codes
    codes = _anew(weights, codes, places, bits, damped)
    keep = _errors(weights, codes, places, damped) < _errors(weights, plain, places, damped)
    return np.where(keep[:, None], codes, plain)


def _one_by_one(weights: Array, places: IntArray, bits: int, covariance: Array) -> IntArray:
    factor = scipy.linalg.cholesky(np.linalg.inv(covariance))  # upper: C⁻¹ = factorᵀ·factor
    rest, codes = weights.copy(), np.empty(weights.shape, dtype=np.int64)
    for j in range(weights.shape[1]):
        codes[:, j] = nearest(rest[:, j], places[:, j], bits)
        lost = (rest[:, j] - np.ldexp(codes[:, j].astype(np.float64), -places[:, j])) / factor[j, j]
        rest[:, j + 1 :] -= lost[:, None] * factor[j, j + 1 :]
    return codes


def _anew(weights: Array, codes: IntArray, places: IntArray, bits: int, covariance: Array) -> IntArray:
    values = np.ldexp(codes.astype(np.float64), -places)
    slope = (weights - values) @ covariance
    for _ in range(_SWEEPS):
        moved = False
        for j in range(weights.shape[1]):
            wanted = values[:, j] + slope[:, j] / covariance[j, j]
            value = np.ldexp(nearest(wanted, places[:, j], bits).astype(np.float64), -places[:, j])
            step = value - values[:, j]
            if step.any():
                moved = True
                values[:, j] = value
                slope -= step[:, None] * covariance[j]
        if not moved:
            break
    return np.rint(np.ldexp(values, places)).astype(np.int64)


def _errors(weights: Array, codes: IntArray, places: IntArray, covariance: Array) -> Array:
    lost = weights - np.ldexp(codes.astype(np.float64), -places)
    return np.asarray(np.einsum("ij,ij->i", lost @ covariance, lost))
