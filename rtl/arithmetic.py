"""Narrowing of hardware values: the same two functions as `lmu_hw.fixed_point.formats` has for integers."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Mux, Value, ValueLike

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow, QFormat, Rounding


def round_shift(value: ValueLike, shift: int, rounding: Rounding = Rounding.NEAREST) -> Value:
    """value·2^−shift, wide enough for the result; combinational, at most two adders."""
    value = Value.cast(value)
    if shift <= 0:
        return value << -shift
    if rounding is Rounding.FLOOR:
        return value >> shift
    half = 1 << (shift - 1)
    rounded = (value + half) >> shift
    if rounding is Rounding.EVEN:
        dropped = extend(value, max(len(value), shift))[:shift]
        rounded = rounded - ((dropped == half) & rounded[0])
    return rounded


def fit(value: ValueLike, target: QFormat, overflow: Overflow) -> Value:
    """`value`, already on the target's grid, brought into its range.

    Raises:
        DesignError: `overflow` is REFUSE, which hardware cannot do.
    """
    value = Value.cast(value)
    if overflow is Overflow.REFUSE:
        raise DesignError("overflow", "saturate or wrap in hardware", overflow)
    bits = extend(value, max(len(value), target.width))[: target.width]
    wrapped = bits.as_signed() if target.signed else bits
    if overflow is Overflow.WRAP:
        return wrapped
    return Mux(value > target.high, target.high, Mux(value < target.low, target.low, wrapped))


def times(value: ValueLike, factor: int) -> Value:
    """value·factor for a factor ≥ 1 by shifts and additions, which do not take a multiplier away."""
    value = Value.cast(value)
    places = [k for k in range(factor.bit_length()) if factor >> k & 1]
    return sum((value << k for k in places[1:]), value << places[0])


def extend(value: Value, width: int) -> Value:
    """The bits of `value`, sign- or zero-extended to `width` ≥ len(value)."""
    fill = value[-1] if value.shape().signed and len(value) else Const(0, 1)
    return Cat(value, fill.replicate(width - len(value)))
