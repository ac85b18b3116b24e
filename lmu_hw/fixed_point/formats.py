"""Fixed-point formats, and the one place where words are requantised: rounding and overflow for integers.

`lmu_hw.rtl.primitives.arithmetic` holds `round_shift` and `fit` for hardware values; a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer

IntArray = NDArray[np.int64]

#: The widest word that the NumPy integer model computes exactly, with a bit to spare for one addition.
MAX_WIDTH = 62


class Rounding(StrEnum):
    """How a value between two codes becomes one: downwards, to the nearest with ties going up, or to even on ties."""

    FLOOR = "floor"
    NEAREST = "nearest"
    EVEN = "even"


class Overflow(StrEnum):
    """What becomes of a value outside the new range: the nearest code, its lower bits, or an error."""

    SATURATE = "saturate"
    WRAP = "wrap"
    ERROR = "error"


@dataclass(frozen=True)
class QFormat:
    """A fixed-point format: a code stands for the value code·2^−fraction.

    Attributes:
        width: The number of bits, the sign included where there is one, 1 … 62.
        fraction: The number of fractional bits, −1024 … 1024; it may exceed the width.
        signed: Whether the codes are in two's complement; otherwise they are unsigned.

    Raises:
        DesignError: a number is no integer in its range.
    """

    width: int
    fraction: int
    signed: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", check_integer("word length", self.width, 1, MAX_WIDTH))
        object.__setattr__(self, "fraction", check_integer("fraction bits", self.fraction, -1024, 1024))

    @property
    def low(self) -> int:
        """The least code."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest code."""
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1

    @property
    def lsb(self) -> float:
        """The value of one code step."""
        return 2.0**-self.fraction

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}Q{self.width - self.fraction}.{self.fraction}"

    def encode(
        self,
        values: ArrayLike,
        rounding: Rounding = Rounding.NEAREST,
        overflow: Overflow = Overflow.ERROR,
    ) -> IntArray:
        """The codes of real `values`, in the same shape.

        Raises:
            DesignError: a value is not finite; or it is out of range where that is an error, or beyond 62 bits where
                it would have to wrap.
        """
        scaled = np.asarray(values, dtype=np.float64) * 2.0**self.fraction
        if not np.all(np.isfinite(scaled)):
            raise DesignError("value", "a finite number", "NaN or infinity")
        codes = _TO_INTEGER[rounding](scaled)
        if overflow is Overflow.SATURATE:  # before the conversion, which would wrap
            codes = np.clip(codes, float(self.low), float(self.high))
        elif codes.size and np.abs(codes).max() >= 2.0**62:
            raise DesignError("value", f"within the range of {self}", float(np.abs(values).max()))
        return fit(codes.astype(np.int64), self, overflow)

    def decode(self, codes: ArrayLike) -> Array:
        """The real values of `codes`, in the same shape."""
        return np.asarray(codes, dtype=np.float64) * self.lsb


def round_shift(codes: IntArray, shift: int, rounding: Rounding = Rounding.NEAREST) -> IntArray:
    """The integers codes·2^−shift, of any shape: exact for shift ≤ 0, rounded for shift > 0.

    Rounding to nearest with ties going up takes one adder in hardware.
    """
    return np.left_shift(codes, -shift) if shift <= 0 else _SHIFT_RIGHT[rounding](codes, shift)


def fit(codes: IntArray, target: QFormat, overflow: Overflow) -> IntArray:
    """`codes` of any shape, already on the grid of `target`, brought into its range.

    Raises:
        DesignError: a code is out of range where that is an error.
    """
    return _INTO_RANGE[overflow](codes, target)


def lsb(fractions: IntArray) -> Array:
    """The value of one code step for each number of fractional bits, in the same shape."""
    return np.asarray(2.0 ** -fractions.astype(np.float64))


def finest_fraction(bits: int, peak: ArrayLike) -> IntArray:
    """The most fractional bits with which words of `bits` bits hold ±`peak`, rounded, in the shape of `peak`.

    Args:
        bits: The width of a word, its sign included.
        peak: The largest moduli, positive.
    """
    most = 2.0 ** (bits - 1) - 1.0 + 0.49  # just short of what would round to one code more
    return np.asarray(np.frexp(most / np.asarray(peak, dtype=np.float64))[1] - 1, dtype=np.int64)


def signed_width(magnitude: float) -> int:
    """The least width of a two's complement word that holds every integer of modulus ≤ `magnitude`."""
    return int(magnitude).bit_length() + 1


def _half_up(values: Array) -> Array:
    codes = np.floor(values)
    codes += values - codes >= 0.5  # values + 0.5 could itself round up
    return codes


def _shift_half_up(codes: IntArray, shift: int) -> IntArray:
    rounded = codes + (np.int64(1) << np.int64(shift - 1))
    rounded >>= shift
    return np.asarray(rounded, dtype=np.int64)


def _shift_half_to_even(codes: IntArray, shift: int) -> IntArray:
    half = np.int64(1) << np.int64(shift - 1)
    rounded = _shift_half_up(codes, shift)
    tie = np.bitwise_and(codes, (half << np.int64(1)) - np.int64(1)) == half
    return np.asarray(rounded - (tie & (np.bitwise_and(rounded, 1) == 1)), dtype=np.int64)


def _saturated(codes: IntArray, target: QFormat) -> IntArray:
    return np.clip(codes, target.low, target.high)


def _wrapped(codes: IntArray, target: QFormat) -> IntArray:
    masked = np.bitwise_and(codes, np.int64((1 << target.width) - 1))
    return np.where(masked > target.high, masked - (1 << target.width), masked)


def _within(codes: IntArray, target: QFormat) -> IntArray:
    if codes.size and (codes.min() < target.low or codes.max() > target.high):
        worst = codes.min() if codes.min() < target.low else codes.max()
        raise DesignError("value", f"within the range of {target}", float(worst) * target.lsb)
    return codes


_TO_INTEGER: Mapping[Rounding, Callable[[Array], Array]] = {
    Rounding.FLOOR: np.floor,
    Rounding.NEAREST: _half_up,
    Rounding.EVEN: np.rint,
}
_SHIFT_RIGHT: Mapping[Rounding, Callable[[IntArray, int], IntArray]] = {
    Rounding.FLOOR: np.right_shift,
    Rounding.NEAREST: _shift_half_up,
    Rounding.EVEN: _shift_half_to_even,
}
_INTO_RANGE: Mapping[Overflow, Callable[[IntArray, QFormat], IntArray]] = {
    Overflow.SATURATE: _saturated,
    Overflow.WRAP: _wrapped,
    Overflow.ERROR: _within,
}
