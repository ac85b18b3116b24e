"""Narrowing against exact fractions and against apytypes: exhaustively when small, by property when large."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import apytypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import MAX_WIDTH, Overflow, QFormat, Rounding, fit, round_shift, signed_width


def _rounded(value: Fraction, rounding: Rounding) -> int:
    """The definition: floor, nearest with halves upwards, nearest with halves to even."""
    if rounding is Rounding.FLOOR:
        return math.floor(value)
    if rounding is Rounding.NEAREST:
        return math.floor(value + Fraction(1, 2))
    return round(value)  # Python rounds a Fraction's halves to even


def _fitted(code: int, target: QFormat, overflow: Overflow) -> int:
    if overflow is Overflow.SATURATE:
        return max(target.low, min(target.high, code))
    return (code - target.low) % (1 << target.width) + target.low


FORMATS = st.builds(QFormat, st.integers(1, MAX_WIDTH), st.integers(-70, 70), st.booleans())


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("shift", range(-3, 10))
def test_round_shift_is_exact_at_every_small_code(rounding: Rounding, shift: int) -> None:
    codes = np.arange(-300, 301)
    expected = [_rounded(Fraction(int(c)) / Fraction(2) ** shift, rounding) for c in codes]
    result = round_shift(codes, shift, rounding)
    assert result.dtype == np.int64
    assert result.tolist() == expected


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("width", range(1, 7))
def test_fit_is_exact_at_every_small_code(overflow: Overflow, signed: bool, width: int) -> None:
    target = QFormat(width, 0, signed)
    codes = np.arange(-200, 201)
    expected = [_fitted(int(c), target, overflow) for c in codes]
    assert fit(codes, target, overflow).tolist() == expected
    inside = np.arange(target.low, target.high + 1)
    assert np.array_equal(fit(inside, target, Overflow.ERROR), inside)
    for outside in (target.low - 1, target.high + 1):
        with pytest.raises(DesignError, match="value must be within the range of"):
            fit(np.array([0, outside]), target, Overflow.ERROR)


LARGE = st.integers(-(1 << (MAX_WIDTH - 1)), (1 << (MAX_WIDTH - 1)) - 1)


@given(code=LARGE, shift=st.integers(0, MAX_WIDTH), rounding=st.sampled_from(Rounding))
def test_round_shift_of_wide_words(code: int, shift: int, rounding: Rounding) -> None:
    expected = _rounded(Fraction(code, 1 << shift), rounding)
    assert round_shift(np.array([code]), shift, rounding).tolist() == [expected]


@given(
    half=st.integers(-(1 << 30), 1 << 30),
    shift=st.integers(1, 30),
    off=st.integers(-1, 1),
    rounding=st.sampled_from(Rounding),
)
def test_round_shift_at_and_beside_ties(half: int, shift: int, off: int, rounding: Rounding) -> None:
    code = (half << shift) + (1 << (shift - 1)) + off
    expected = _rounded(Fraction(code, 1 << shift), rounding)
    assert round_shift(np.array([code]), shift, rounding).tolist() == [expected]


@given(code=LARGE, target=FORMATS, overflow=st.sampled_from([Overflow.SATURATE, Overflow.WRAP]))
def test_fit_of_wide_words(code: int, target: QFormat, overflow: Overflow) -> None:
    assert fit(np.array([code]), target, overflow).tolist() == [_fitted(code, target, overflow)]


def test_arrays_of_any_shape_and_no_elements() -> None:
    codes = np.arange(24).reshape(2, 3, 4)
    assert round_shift(codes, 1).shape == (2, 3, 4)
    assert fit(codes, QFormat(3, 0), Overflow.WRAP).shape == (2, 3, 4)
    empty = np.zeros((0, 5), dtype=np.int64)
    assert fit(empty, QFormat(3, 0), Overflow.ERROR).shape == (0, 5)
    assert QFormat(3, 0).encode(np.zeros((0, 5))).shape == (0, 5)


QUANTIZATION = {
    Rounding.FLOOR: apytypes.QuantizationMode.TRN,
    Rounding.NEAREST: apytypes.QuantizationMode.RND,
    Rounding.EVEN: apytypes.QuantizationMode.RND_CONV,
}
OVERFLOW = {Overflow.SATURATE: apytypes.OverflowMode.SAT, Overflow.WRAP: apytypes.OverflowMode.WRAP}


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
def test_requantisation_agrees_with_apytypes(rounding: Rounding, overflow: Overflow, rng: np.random.Generator) -> None:
    for _ in range(300):
        width = int(rng.integers(2, 61))
        fraction = int(rng.integers(0, width + 4))
        code = int(rng.integers(-(1 << (width - 1)), 1 << (width - 1)))
        requantise, kept = int(rng.integers(1, width + 3)), int(rng.integers(0, fraction + 1))
        target = QFormat(min(requantise, MAX_WIDTH), kept)
        ours = fit(round_shift(np.array([code]), fraction - kept, rounding), target, overflow)
        oracle = apytypes.APyFixed(code % (1 << width), bits=width, frac_bits=fraction).cast(
            bits=target.width,
            frac_bits=kept,
            quantization=QUANTIZATION[rounding],
            overflow=OVERFLOW[overflow],
        )
        signed_bits = oracle.to_bits()
        signed_bits -= (1 << target.width) if signed_bits > target.high else 0
        assert int(ours[0]) == signed_bits, (code, width, fraction, target)


@given(
    value=st.floats(allow_nan=False, allow_infinity=False, width=64),
    target=FORMATS,
    rounding=st.sampled_from(Rounding),
    overflow=st.sampled_from(Overflow),
)
def test_encode_is_exact_or_refuses(value: float, target: QFormat, rounding: Rounding, overflow: Overflow) -> None:
    exact = Fraction(value) * Fraction(2) ** target.fraction
    code = _rounded(exact, rounding)
    inside = target.low <= code <= target.high
    if math.isinf(value * 2.0**target.fraction):
        return  # beyond any format by hundreds of bits; refused or saturated
    too_wide_to_wrap = overflow is Overflow.WRAP and abs(code) >= 1 << 62
    if too_wide_to_wrap or (overflow is Overflow.ERROR and not inside):
        with pytest.raises(DesignError):
            target.encode(value, rounding, overflow)
    else:
        assert int(target.encode(value, rounding, overflow)) == _fitted(code, target, overflow)


@given(
    code=st.integers(-(1 << 54), 1 << 54),
    sixteenths=st.integers(0, 15),
    rounding=st.sampled_from(Rounding),
)
def test_encode_near_halves_and_near_the_precision_of_a_double(code: int, sixteenths: int, rounding: Rounding) -> None:
    for value in (float(code), code + sixteenths / 16.0, math.nextafter(0.5, 0.0), -math.nextafter(0.5, 1.0)):
        exact = _rounded(Fraction(value), rounding)
        assert int(QFormat(60, 0).encode(value, rounding)) == exact, value


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("overflow", list(Overflow))
def test_encode_refuses_what_is_not_finite(bad: float, overflow: Overflow) -> None:
    with pytest.raises(DesignError, match="value must be a finite number"):
        QFormat(8, 4).encode([0.0, bad], overflow=overflow)


@given(target=FORMATS.filter(lambda f: f.width <= 52), data=st.data())
def test_decode_then_encode_is_the_identity(target: QFormat, data: st.DataObject) -> None:
    code = data.draw(st.integers(target.low, target.high))
    assert int(target.encode(target.decode(code))) == code
    assert float(target.decode(code)) == code * 2.0**-target.fraction


def test_a_format_knows_its_range_and_its_name() -> None:
    assert (QFormat(8, 5).low, QFormat(8, 5).high, QFormat(8, 5).lsb) == (-128, 127, 2.0**-5)
    assert (QFormat(8, 5, False).low, QFormat(8, 5, False).high) == (0, 255)
    assert str(QFormat(8, 5)) == "sQ3.5"
    assert str(QFormat(8, 10, False)) == "uQ-2.10"
    assert QFormat(1, 0).low == -1
    assert QFormat(1, 0).high == 0


@pytest.mark.parametrize("width", [0, -1, 63, 8.0, "8", None, True])
def test_widths_that_are_refused(width: object) -> None:
    with pytest.raises(DesignError, match="word length must be an integer from 1 to 62"):
        QFormat(width, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("fraction", [1.5, "2", None])
def test_fractions_that_are_refused(fraction: object) -> None:
    with pytest.raises(DesignError, match="fraction bits must be an integer"):
        QFormat(8, fraction)  # type: ignore[arg-type]


@pytest.mark.parametrize("magnitude", [0, 0.99, 1, 1.5, 2, 3, 4, 127, 127.9, 128, 2.0**40, 2.0**40 - 1])
def test_signed_width_is_the_least_that_holds_both_signs(magnitude: float) -> None:
    width = signed_width(magnitude)
    largest = math.floor(magnitude)
    assert QFormat(width, 0).high >= largest
    if width > 1:
        assert QFormat(width - 1, 0).high < largest


def test_every_pair_of_modes_differs_somewhere() -> None:
    """So that no test above can pass with one mode in place of another."""
    codes = np.arange(-16, 17)
    results = [round_shift(codes, 2, r).tolist() for r in Rounding]
    assert all(a != b for a, b in itertools.combinations(results, 2))
    wrapped, saturated = (fit(codes, QFormat(3, 0), o).tolist() for o in (Overflow.WRAP, Overflow.SATURATE))
    assert wrapped != saturated
