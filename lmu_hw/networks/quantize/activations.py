"""Activations as tables of straight pieces, each proved within a bound for every code.

The function f is monotone, its curvature changes its sign at zero only, and two pieces meet there. On a piece the best
straight line therefore has the slope of the chord (Chebyshev) and lies halfway between the largest and the least
distance from it. The values of the rounded coefficients are compared with f at every code, in extended precision.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.errors import check_integer
from lmu_hw.fixed_point.formats import IntArray, QFormat, signed_width
from lmu_hw.networks.quantize.plan import ActivationPlan
from lmu_hw.reference.definition import Activation

MIN_TABLE_BITS, MAX_TABLE_BITS = 4, 18
_TOLERANCE = 0.75  # the largest error in LSBs of the output; half an LSB is the rounding of the word itself
_SLACK = 2.0**-48  # more than the error of extended or double precision
#: The largest slope is 2^−n for this n; the argument of the activation needs as many fractional bits less.
_SLOPE_BITS = {Activation.TANH: 0, Activation.SIGMOID: 2}


def straight(function: Activation, form: QFormat) -> ActivationPlan:
    """The plan of ReLU or of the identity, on words of one format."""
    nothing = np.zeros(0, dtype=np.int64)
    return ActivationPlan(function, form, form, nothing, nothing, 0, 0, 0.0)


@lru_cache(maxsize=32)
def tabulate(function: Activation, bits: int) -> ActivationPlan:
    """The smallest table of tanh or the sigmoid whose words are within ¾ LSB of f, saturated to the output format.

    The argument has so many fractional bits that rounding it costs at most half an LSB of the output, and so wide a
    range that f beyond it is within half an LSB of its limit.

    Args:
        function: The function f, tanh or sigmoid.
        bits: The width of the output words, which are fractions in [−1, 1), 4 … 18.

    Raises:
        DesignError: `bits` is out of range.
    """
    check_integer("activation_bits", bits, MIN_TABLE_BITS, MAX_TABLE_BITS)
    output = QFormat(bits, bits - 1)
    reach = np.arctanh(1.0 - 0.5 * output.lsb) * (1.0 if function is Activation.TANH else 2.0)
    fraction = output.fraction - _SLOPE_BITS[function]
    form = QFormat(int(np.ceil(np.log2(reach))) + 1 + fraction, fraction)
    exact = _exact(function, form)
    wanted = np.clip(exact * 2.0**output.fraction, output.low, output.high).astype(np.float64)
    best: tuple[int, IntArray, IntArray, int, int] | None = None
    least = 0  # the extra fractional bits that the shorter pieces before needed
    for offset_bits in range(form.width):
        found = None
        for drop in range(least, offset_bits + 4) if offset_bits else (0,):
            base, slope = _pieces(wanted.reshape(-1, 1 << offset_bits), drop, output)
            words = _words(base, slope, offset_bits, drop)
            if np.abs(words - wanted).max() <= _TOLERANCE and output.low <= words.min() and words.max() <= output.high:
                found, least = (table_bits(base, slope), base, slope, offset_bits, drop), drop
                break
        if found is None and offset_bits > 0:
            break
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    if best is None:
        raise AssertionError("a table of words holds every word")
    _, base, slope, offset_bits, drop = best
    error = np.abs(_words(base, slope, offset_bits, drop) * output.lsb - exact).max()
    return ActivationPlan(function, form, output, base, slope, offset_bits, drop, float(error) + _SLACK)


def table_bits(base: IntArray, slope: IntArray) -> int:
    """The bits of a table whose columns are as wide as their largest entries."""
    widths = [signed_width(float(np.abs(a).max())) if a.any() else 0 for a in (base, slope)]
    return int(base.size) * sum(widths)


def _exact(function: Activation, form: QFormat) -> NDArray[np.longdouble]:
    """The value of f at every code, in the widest floating point that the machine has."""
    a = np.arange(form.low, form.high + 1).astype(np.longdouble) * np.longdouble(form.lsb)
    values: NDArray[np.longdouble] = np.tanh(a) if function is Activation.TANH else 1.0 / (1.0 + np.exp(-a))
    return values


def _pieces(wanted: Array, drop: int, output: QFormat) -> tuple[IntArray, IntArray]:
    """The base and slope of each piece, `drop` bits finer than the words, from the wanted words, one row a piece."""
    length = wanted.shape[1]
    scaled = wanted * 2.0**drop
    rise = (scaled[:, -1] - scaled[:, 0]) / max(1, length - 1)
    slope = np.rint(rise).astype(np.int64)
    rest = scaled - slope[:, None] * np.arange(length)
    base = np.rint(0.5 * (rest.max(axis=1) + rest.min(axis=1))).astype(np.int64)
    if drop == 0:
        base = np.floor(wanted.mean(axis=1) + 0.5).astype(np.int64) if length == 1 else base
    most = (output.high << drop) + (1 << drop >> 1) - (1 if drop else 0)  # rounds to the largest word
    ends = np.maximum(base, base + slope * (length - 1))
    return base - np.maximum(0, ends - most), slope


def _words(base: IntArray, slope: IntArray, offset_bits: int, drop: int) -> IntArray:
    sums = base[:, None] + slope[:, None] * np.arange(1 << offset_bits)
    return ((sums + (1 << drop >> 1)) >> drop).ravel()
