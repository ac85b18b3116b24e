"""Weights as integers: grids, and rounding that loses as little as possible.

An affine map with rounded weights errs by (w − q)ᵀv for its vector v of words. The constant part of that error goes
into the bias. The mean square of the rest is, for each row,

    (w − q)ᵀ C (w − q),    where C is the covariance of v over the calibration data,

so where words vary together, the errors of their weights may cancel. When one weight after another is rounded, the
weights that are not yet rounded can take back what is lost: given the error e_j of weight j, the best real values of
those behind it change by shares of e_j that are weighted with C⁻¹. The Cholesky factor of C⁻¹ holds these shares for
all j at once (Hassibi and Stork, Optimal brain surgeon, 1993; Frantar et al., GPTQ, 2023). Then each weight is rounded
anew, given all the others, for as long as that reduces the error.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from lmu_hw.core.legendre import Array
from lmu_hw.fixed_point.formats import IntArray

_DAMPING = 1e-3  # share of the mean variance that is added: a covariance from few data cannot be trusted entirely
_SWEEPS = 8


def finest_fraction_bits(peaks: Array, bits: int) -> IntArray:
    """The most fractional bits with which words of `bits` bits hold each rounded entry of `peaks`; 0 for a zero."""
    most = 2.0 ** (bits - 1) - 1 + 0.499
    with np.errstate(divide="ignore"):
        fraction_bits = np.floor(np.log2(most / peaks))
    return np.where(peaks > 0.0, fraction_bits, 0.0).astype(np.int64)


def nearest(weights: Array, fraction_bits: IntArray, bits: int) -> IntArray:
    """The nearest codes of `weights`, both of shape (rows, columns), saturated symmetrically."""
    most = 2 ** (bits - 1) - 1
    return np.clip(np.rint(np.ldexp(weights, fraction_bits)), -most, most).astype(np.int64)


def clipped_fraction_bits(weights: Array, fraction_bits: IntArray, bits: int, power: Array) -> IntArray:
    """The fractional bits of each row, up to two more than `fraction_bits`, that give the least rounding error.

    Args:
        weights: The weights, shape (rows, columns).
        fraction_bits: The fractional bits with which no entry saturates, shape (rows,).
        bits: The width of a weight.
        power: The mean square of the word of each column, shape (columns,).
    """
    best = np.full(weights.shape[0], np.inf)
    chosen = fraction_bits.copy()
    for more in range(3):
        grids = np.broadcast_to((fraction_bits + more)[:, None], weights.shape)
        lost = weights - np.ldexp(nearest(weights, grids, bits).astype(np.float64), -grids)
        error = np.square(lost) @ power
        better = error < best
        best, chosen = np.where(better, error, best), np.where(better, fraction_bits + more, chosen)
    return chosen


def compensated(weights: Array, fraction_bits: IntArray, bits: int, covariance: Array) -> IntArray:
    """The codes of `weights` with a small mean square error of the map, as the module's text derives it.

    Args:
        weights: The weights, shape (rows, columns).
        fraction_bits: The fractional bits of each weight, of the same shape.
        bits: The width of a weight.
        covariance: The covariance of the words, shape (columns, columns).
    """
    plain = nearest(weights, fraction_bits, bits)
    variance = np.diagonal(covariance)
    if weights.shape[1] == 1 or variance.max() <= 0.0:
        return plain
    damped = covariance + np.eye(variance.size) * (_DAMPING * variance.mean())
    order = np.argsort(-variance, kind="stable")
    try:
        sorted_codes = _one_by_one(weights[:, order], fraction_bits[:, order], bits, damped[np.ix_(order, order)])
    except np.linalg.LinAlgError:  # words that are constant but for the rounding of their mean: nothing to take back
        return plain
    codes = np.empty_like(plain)
    codes[:, order] = sorted_codes
    codes = _anew(weights, codes, fraction_bits, bits, damped)
    keep = _errors(weights, codes, fraction_bits, damped) < _errors(weights, plain, fraction_bits, damped)
    return np.where(keep[:, None], codes, plain)


def _one_by_one(weights: Array, fraction_bits: IntArray, bits: int, covariance: Array) -> IntArray:
    """Round one column after another; the columns behind it take back what is lost."""
    factor = scipy.linalg.cholesky(np.linalg.inv(covariance))  # upper: C⁻¹ = factorᵀ·factor
    rest, codes = weights.copy(), np.empty(weights.shape, dtype=np.int64)
    for j in range(weights.shape[1]):
        codes[:, j] = nearest(rest[:, j], fraction_bits[:, j], bits)
        lost = (rest[:, j] - np.ldexp(codes[:, j].astype(np.float64), -fraction_bits[:, j])) / factor[j, j]
        rest[:, j + 1 :] -= lost[:, None] * factor[j, j + 1 :]
    return codes


def _anew(weights: Array, codes: IntArray, fraction_bits: IntArray, bits: int, covariance: Array) -> IntArray:
    """Round each column again, given all the others, until nothing changes."""
    values = np.ldexp(codes.astype(np.float64), -fraction_bits)
    slope = (weights - values) @ covariance
    for _ in range(_SWEEPS):
        moved = False
        for j in range(weights.shape[1]):
            wanted = values[:, j] + slope[:, j] / covariance[j, j]
            value = np.ldexp(nearest(wanted, fraction_bits[:, j], bits).astype(np.float64), -fraction_bits[:, j])
            step = value - values[:, j]
            if step.any():
                moved = True
                values[:, j] = value
                slope -= step[:, None] * covariance[j]
        if not moved:
            break
    return np.rint(np.ldexp(values, fraction_bits)).astype(np.int64)


def _errors(weights: Array, codes: IntArray, fraction_bits: IntArray, covariance: Array) -> Array:
    """The mean square error of each row, shape (rows,)."""
    lost = weights - np.ldexp(codes.astype(np.float64), -fraction_bits)
    return np.asarray(np.einsum("ij,ij->i", lost @ covariance, lost))
