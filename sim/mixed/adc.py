"""A model of an analog-to-digital converter, in Verilog and in NumPy, which agree code for code."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.fixed_point.formats import IntArray, QFormat

MIN_BITS, MAX_BITS = 2, 24

MODULE = "lmu_hw_adc"
"""The Verilog module. Its inputs are clk, convert and volts (real); code follows at a clock edge with convert at 1."""


@dataclass(frozen=True)
class Adc:
    """An analog-to-digital converter with noise and integral nonlinearity.

    Its code is floor(v/lsb + inl·(1 − (v/full_scale)²) + 1/2) with v = volts + noise, saturated, in two's complement.

    Attributes:
        bits: The number of bits, 2 … 24; lsb = 2·full_scale/2^bits.
        full_scale: The end of the range, V, above 0: voltages from −full_scale to +full_scale − lsb do not saturate.
        noise: The root mean square of the noise of a sample, which is normal and independent, V, at least 0.
        inl: The integral nonlinearity in LSB: a bow of this height in the middle of the range and of 0 at both ends;
            of magnitude less than 2^bits.

    Raises:
        DesignError: A value is out of its range.
    """

    bits: int
    full_scale: float
    noise: float = 0.0
    inl: float = 0.0

    def __post_init__(self) -> None:
        check_integer("bits of the converter", self.bits, MIN_BITS, MAX_BITS)
        check_positive("full scale of the converter", self.full_scale, "volts")
        if not 0.0 <= self.noise < math.inf:
            raise DesignError("noise of the converter in volts", "0 or a positive number", self.noise)
        if not abs(self.inl) < 2.0**self.bits:
            raise DesignError("nonlinearity of the converter in lsb", f"less than 2^{self.bits}", self.inl)

    @property
    def lsb(self) -> float:
        """The voltage from one code to the next, V."""
        return self.full_scale * 2.0 ** (1 - self.bits)

    @property
    def format(self) -> QFormat:
        """The format of the codes, as shares of full scale."""
        return QFormat(self.bits, self.bits - 1)

    @property
    def error_power(self) -> float:
        """The variance of a code's error from noise and rounding, relative to full scale squared."""
        return (self.noise**2 + self.lsb**2 / 12.0) / self.full_scale**2

    def draw_noise(self, shape: tuple[int, ...], seed: int) -> Array:
        """Return the noise of samples, V, of the given shape; zeros for a converter without noise."""
        return np.random.default_rng(seed).standard_normal(shape) * self.noise

    def convert(self, volts: ArrayLike, noise: ArrayLike = 0.0) -> IntArray:
        """Return the codes of voltages, of their shape.

        Args:
            volts: The voltages, V, finite, of any shape.
            noise: The noise that is added to them, V, of the same shape.

        Raises:
            DesignError: A voltage is not finite.
        """
        v = np.asarray(volts, dtype=np.float64) + np.asarray(noise, dtype=np.float64)
        if not np.all(np.isfinite(v)):
            raise DesignError("voltage at the converter", "a finite number", "NaN or infinity")
        share = v / self.full_scale
        place = np.floor(v / self.lsb + self.inl * (1.0 - share * share) + 0.5)
        codes: IntArray = np.clip(place, self.format.low, self.format.high).astype(np.int64)
        return codes

    def verilog(self) -> str:
        """Return module `MODULE`. Its constants are bit patterns, as not all simulators read decimals exactly."""
        return f"""\
// Analog-to-digital converter: {self.bits} bits, full scale {self.full_scale!r} V, nonlinearity {self.inl!r} lsb.
module {MODULE}(input clk, input convert, input real volts, output reg signed [{self.bits - 1}:0] code);
  real full_scale, lsb, inl, share, place;
  initial begin
    full_scale = {bits_of(self.full_scale)};
    lsb = {bits_of(self.lsb)};
    inl = {bits_of(self.inl)};
    code = 0;
  end
  always @(posedge clk) if (convert) begin
    share = volts / full_scale;
    place = $floor(volts / lsb + inl * (1.0 - share * share) + 0.5);
    if (place < {self.format.low}.0) place = {self.format.low}.0;
    if (place > {self.format.high}.0) place = {self.format.high}.0;
    code <= $rtoi(place);
  end
endmodule
"""


def bits_of(value: float) -> str:
    """Return a Verilog expression whose value is exactly this real number."""
    return f"$bitstoreal(64'h{struct.pack('>d', value).hex()})"
