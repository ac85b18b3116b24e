"""Fixed-point formats, and the one place where words are requantised: rounding and overflow for integers.

`lmu_hw.rtl.primitives.arithmetic` holds the same two functions for hardware values; a test holds them equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.errors import DesignError, check_integer

IntArray = NDArray[np.int64]

#: The widest word that the NumPy integer model computes exactly, with a bit to spare for one addition.
MAX_WIDTH = 62


class Rounding(StrEnum):
    """How bits below the new least significant one are dropped."""

    FLOOR = "floor"
    NEAREST = "nearest"
    EVEN = "even"


class Overflow(StrEnum):
    """What becomes of a value outside the new range."""

    SATURATE = "saturate"
    WRAP = "wrap"
    REFUSE = "refuse"


@dataclass(frozen=True)
class QFormat:
    """A fixed-point format: code·2^−fraction, the width including the sign bit where there is one.

    Attributes:
        width: The number of bits, 1 … 62.
        fraction: The number of fractional bits, −1024 … 1024; it may exceed the width.
        signed: Whether the codes are in two's complement; otherwise they are unsigned.
    """

    width: int
    fraction: int
    signed: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", check_integer("word length", self.width, 1, MAX_WIDTH))
        object.__setattr__(self, "fraction", check_integer("fraction bits", self.fraction, -1024, 1024))

    @property
    def low(self) -> int:
        """Least code."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Greatest code."""
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1

    @property
    def lsb(self) -> float:
        """Value of one code step."""
        return 2.0**-self.fraction

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}Q{self.width - self.fraction}.{self.fraction}"

    def encode(
        self,
        values: ArrayLike,
        rounding: Rounding = Rounding.NEAREST,
        overflow: Overflow = Overflow.REFUSE,
    ) -> IntArray:
        """Codes of real `values`, any shape.

        Raises:
            DesignError: a value is not finite, or is out of range and `overflow` is REFUSE.
        """
        scaled = np.asarray(values, dtype=np.float64) * 2.0**self.fraction
        if not np.all(np.isfinite(scaled)):
            raise DesignError("value", "a finite number", "NaN or infinity")
        if rounding is Rounding.FLOOR:
            codes = np.floor(scaled)
        elif rounding is Rounding.NEAREST:
            codes = np.floor(scaled)
            codes += scaled - codes >= 0.5  # scaled + 0.5 could itself round up
        else:
            codes = np.rint(scaled)
        if overflow is not Overflow.SATURATE and codes.size and np.abs(codes).max() >= 2.0**62:
            raise DesignError("value", f"within the range of {self}", float(np.abs(values).max()))
        if overflow is Overflow.SATURATE:
            codes = np.clip(codes, float(self.low), float(self.high))
        return fit(codes.astype(np.int64), self, overflow)

    def decode(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Real values of `codes`, any shape."""
        return np.asarray(codes, dtype=np.float64) * self.lsb


def round_shift(codes: IntArray, shift: int, rounding: Rounding = Rounding.NEAREST) -> IntArray:
    """codes·2^−shift as integers: exact for shift ≤ 0, rounded as told for shift > 0.

    NEAREST takes halves upwards (one adder in hardware), EVEN takes them to the even code.
    """
    if shift <= 0:
        return np.left_shift(codes, -shift)
    if rounding is Rounding.FLOOR:
        return np.right_shift(codes, shift)
    half = np.int64(1) << np.int64(shift - 1)
    rounded = codes + half
    rounded >>= shift
    if rounding is Rounding.EVEN:
        tie = np.bitwise_and(codes, (half << np.int64(1)) - np.int64(1)) == half
        rounded = rounded - (tie & (np.bitwise_and(rounded, 1) == 1))
    return np.asarray(rounded, dtype=np.int64)


def fit(codes: IntArray, target: QFormat, overflow: Overflow) -> IntArray:
    """`codes`, already on the target's grid, brought into its range.

    Raises:
        DesignError: a code is out of range and `overflow` is REFUSE.
    """
    if overflow is Overflow.SATURATE:
        return np.clip(codes, target.low, target.high)
    if overflow is Overflow.WRAP:
        masked = np.bitwise_and(codes, np.int64((1 << target.width) - 1))
        return np.where(masked > target.high, masked - (1 << target.width), masked)
    if codes.size and (codes.min() < target.low or codes.max() > target.high):
        worst = codes.min() if codes.min() < target.low else codes.max()
        raise DesignError("value", f"within the range of {target}", float(worst) * target.lsb)
    return codes


def signed_width(magnitude: float) -> int:
    """The least width of a two's complement word that holds every integer of modulus ≤ `magnitude`."""
    return int(magnitude).bit_length() + 1
