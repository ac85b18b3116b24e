"""Rounding of weights: grids that hold them, and errors that cancel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.core.legendre import Array
from lmu_hw.networks.quantize.rounding import clipped_fraction_bits, compensated, finest_fraction_bits, nearest


@given(peak=st.floats(1e-6, 1e6), bits=st.integers(2, 24))
def test_the_finest_fractional_bits_hold_the_peak_and_one_more_does_not(peak: float, bits: int) -> None:
    (fraction_bits,) = finest_fraction_bits(np.array([peak]), bits).tolist()
    most = 2 ** (bits - 1) - 1
    assert np.rint(np.ldexp(peak, fraction_bits)) <= most
    assert np.ldexp(peak, fraction_bits + 1) > most + 0.49


def correlated(rng: np.random.Generator, columns: int) -> Array:
    """A covariance of few strong directions and some noise."""
    directions = rng.normal(size=(3, columns))
    return np.asarray(directions.T @ directions + 0.05 * np.diag(rng.uniform(0.5, 1.5, columns)))


def mean_square(weights: Array, codes: Array, fraction_bits: Array, covariance: Array) -> Array:
    lost = weights - codes * 2.0 ** -fraction_bits.astype(float)
    return np.asarray(np.einsum("ij,jk,ik->i", lost, covariance, lost))


@pytest.mark.parametrize("bits", [3, 4, 6, 8])
def test_compensated_errs_less_than_nearest(bits: int, rng: np.random.Generator) -> None:
    weights, covariance = rng.normal(size=(20, 40)), correlated(rng, 40)
    fraction_bits = np.repeat(finest_fraction_bits(np.abs(weights).max(axis=1), bits)[:, None], 40, axis=1)
    codes = compensated(weights, fraction_bits, bits, covariance)
    assert np.abs(codes).max() < 2 ** (bits - 1)
    plain = mean_square(weights, nearest(weights, fraction_bits, bits), fraction_bits, covariance)
    better = mean_square(weights, codes, fraction_bits, covariance)
    assert np.all(better <= plain * (1 + 1e-2))
    assert better.mean() < 0.2 * plain.mean()


def test_compensated_finds_the_least_error_of_small_cases(rng: np.random.Generator) -> None:
    """Against every choice of codes within two of the nearest, for rows of three weights."""
    weights, covariance = rng.uniform(-3, 3, (12, 3)), correlated(rng, 3)
    fraction_bits = np.zeros((12, 3), dtype=np.int64)
    codes = compensated(weights, fraction_bits, 4, covariance)
    plain = nearest(weights, fraction_bits, 4)
    steps = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 1, 3)
    every = np.clip(plain + steps, -7, 7)
    least = np.min([mean_square(weights, each, fraction_bits, covariance) for each in every], axis=0)
    found = mean_square(weights, codes, fraction_bits, covariance)
    assert np.mean(found <= least * (1 + 1e-2)) > 0.7
    assert np.median(found / least) < 1.05


def test_without_correlation_it_is_rounding_to_nearest(rng: np.random.Generator) -> None:
    weights = rng.normal(size=(5, 9))
    fraction_bits = np.full((5, 9), 3)
    assert np.array_equal(compensated(weights, fraction_bits, 8, np.eye(9)), nearest(weights, fraction_bits, 8))


def test_clipping_pays_for_outliers_only() -> None:
    dense, outlier = np.linspace(-1.7, 1.7, 64), np.append(np.linspace(-0.2, 0.2, 63), 1.0)
    weights = np.stack([dense, outlier])
    fraction_bits = finest_fraction_bits(np.abs(weights).max(axis=1), 3)
    power = np.append(np.ones(63), 0.01)  # the outlier's word is weak
    chosen = clipped_fraction_bits(weights, fraction_bits, 3, power)
    assert chosen[0] == fraction_bits[0]
    assert chosen[1] > fraction_bits[1]
