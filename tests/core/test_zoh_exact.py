"""The zero-order hold to ten digits against exact arithmetic, from one step per window to 100,000."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from lmu_hw.core.legendre import energy_scale, input_vector, state_matrix
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize


def _derivatives(columns: np.ndarray) -> np.ndarray:
    """A times columns of Python integers, by the chain in exact integer arithmetic."""
    order = columns.shape[0]
    weights = np.array([2 * i + 1 for i in range(order)], dtype=object)[:, None]
    running = np.repeat(columns.sum(axis=0)[None, :], order, axis=0)
    if order > 2:
        running[2::2] -= 2 * np.cumsum(columns[1:-1:2], axis=0)
    if order > 1:
        running[1::2] -= 2 * np.cumsum(columns[0:-1:2], axis=0)
    return -weights * running


def _exact_flow(order: int, h: Fraction, fraction_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """exp(hA) and ∫₀ʰ exp(sA)B ds by their Taylor series in integers of `fraction_bits` fractional bits.

    The largest term decides how many of those bits are lost; the test asserts that enough remain.
    """
    one = 1 << fraction_bits
    term = np.zeros((order, order + 1), dtype=object)
    for i in range(order):
        term[i, i] = one
    total, k, peak = term.copy(), 0, one
    while True:
        k += 1
        term = _derivatives(term)
        if k == 1:
            term[:, order] = [(2 * i + 1) * (-1) ** i * one for i in range(order)]
        term = (term * h.numerator) // (h.denominator * k)
        total += term
        largest = max(abs(term.max()), abs(term.min()))
        peak = max(peak, largest)
        if largest < 1 << (fraction_bits - 70):
            break
    lost = (peak // one).bit_length() + k.bit_length() + order.bit_length()
    assert fraction_bits - lost >= 60, "too few bits for this case"
    values = (total / one).astype(np.float64)
    return values[:, :order], values[:, order]


def _check(order: int, ratio: float, fraction_bits: int) -> None:
    spec = LMUSpec(order, ratio, 1.0)
    transition, drive = _exact_flow(order, Fraction(spec.h), fraction_bits)
    ours = discretize(spec)
    scale = energy_scale(order)
    relative = np.abs(ours.transition - transition) * scale[None, :] / scale[:, None]
    assert np.abs(ours.transition - transition).max() <= 1e-10
    assert relative.max() <= 1e-10
    assert np.abs(ours.input - drive).max() <= 1e-10
    # Increments per sample are small for long windows, and must be right in their own scale too.
    increment = np.abs(transition - np.eye(order)).max()
    assert np.abs(ours.transition - transition).max() <= 1e-9 * increment
    assert np.abs(ours.input - drive).max() <= 1e-9 * np.abs(drive).max()


@pytest.mark.parametrize(
    ("order", "ratio", "fraction_bits"),
    [
        (1, 1.0, 100),
        (1, 1e5, 100),
        (8, 1.0, 120),
        (8, 784.0, 100),
        (8, 1e5, 100),
        (32, 1.0, 200),
        (32, 10.0, 140),
        (64, 1.0, 340),
        (64, 10.0, 200),
        (64, 784.0, 120),
        (128, 784.0, 120),
        (256, 784.0, 120),
        (128, 1e5, 100),
        (256, 1e5, 100),
    ],
)
def test_zoh_is_exact_to_ten_digits(order: int, ratio: float, fraction_bits: int) -> None:
    _check(order, ratio, fraction_bits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "ratio", "fraction_bits"),
    [
        (128, 1.0, 620),
        (128, 10.0, 300),
        (256, 10.0, 420),
    ],
)
def test_zoh_is_exact_to_ten_digits_at_high_order(order: int, ratio: float, fraction_bits: int) -> None:
    _check(order, ratio, fraction_bits)


@pytest.mark.parametrize(("order", "ratio"), [(1, 1.0), (4, 1.0), (6, 10.0), (12, 784.0)])
def test_zoh_agrees_with_mpmath(order: int, ratio: float) -> None:
    """exp(h[[A, B], [0, 0]]) by mpmath's own matrix exponential, in fifty digits."""
    spec = LMUSpec(order, ratio, 1.0)
    with mpmath.workdps(50):
        block = mpmath.zeros(order + 1)
        for i, row in enumerate(np.column_stack([state_matrix(order), input_vector(order)]).tolist()):
            for j, value in enumerate(row):
                block[i, j] = mpmath.mpf(spec.h) * mpmath.mpf(value)
        flow = np.array(mpmath.expm(block).tolist(), dtype=np.float64)
    ours = discretize(spec)
    assert np.abs(ours.transition - flow[:order, :order]).max() <= 1e-12
    assert np.abs(ours.input - flow[:order, order]).max() <= 1e-12
