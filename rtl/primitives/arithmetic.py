"""Arithmetic on hardware values: rounding, saturation, products by constants, adder trees and delays.

`round_shift` and `fit` give the same result for hardware values as the functions of the same names in
`lmu_hw.fixed_point.formats` give for integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, ValueLike
from amaranth.lib.data import View
from amaranth.utils import ceil_log2

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow, QFormat, Rounding


def delayed(m: Module, value: Any, cycles: int, name: str) -> Any:
    """Delay a value by a number of clock cycles.

    Args:
        m: The module that the registers are added to, in domain sync.
        value: A value or a view; one without bits needs no registers and is returned as it is.
        cycles: The delay in clock cycles; 0 returns `value` itself.
        name: The stem of the registers' names, which are `name`_1, `name`_2, …

    Returns:
        What `value` was `cycles` cycles ago, in the same shape.
    """
    value = value if isinstance(value, View) else Value.cast(value)
    if not Shape.cast(value.shape()).width:
        return value
    for k in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{k + 1}")
        m.d.sync += later.eq(value)
        value = later
    return value


FAN_IN = 4
"""The number of values that a stage of `registered_sum` adds up: two levels of adders between two registers."""


def sum_latency(count: int) -> int:
    """The latency of `registered_sum` over `count` values in clock cycles; 0 for a single value."""
    return int(-(-ceil_log2(count) // ceil_log2(FAN_IN)))


def registered_sum(m: Module, values: Sequence[Value], name: str) -> Value:
    """Add up values in a tree of adders with a register after every second level.

    Args:
        m: The module that the registers are added to, in domain sync.
        values: The summands, at least one; a new set is accepted in every cycle.
        name: The stem of the registers' names, which are `name`_LEVEL_INDEX.

    Returns:
        The exact sum of the values that were there `sum_latency(len(values))` cycles ago.
    """
    terms, level = list(values), 0
    while len(terms) > 1:
        groups = [terms[k : k + FAN_IN] for k in range(0, len(terms), FAN_IN)]
        terms, level = [], level + 1
        for index, group in enumerate(groups):
            pairs = [sum(group[k + 1 : k + 2], group[k]) for k in range(0, len(group), 2)]
            total = sum(pairs[1:], pairs[0])
            partial = Signal(total.shape(), name=f"{name}_{level}_{index}")
            m.d.sync += partial.eq(total)
            terms.append(partial)
    return terms[0]


def round_shift(value: ValueLike, shift: int, rounding: Rounding = Rounding.NEAREST) -> Value:
    """Compute value·2^−shift, rounded to an integer; combinational, at most two adders in series.

    Args:
        value: The number to be shifted, signed or unsigned.
        shift: The number of fractional bits to be dropped; if negative, that many zeros are appended instead.
        rounding: How the dropped bits are rounded; by default to the nearest integer, with ties up.

    Returns:
        The rounded number, in a width that holds it for every `value`.
    """
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


def sum_with_carry(a: Value, b: Value, carry: Value) -> Value:
    """Compute a + b + carry of two signed numbers and a bit in one adder; combinational.

    The bit becomes the carry out of a lowest bit that is put in front of both numbers. Written as a second addition,
    synthesis would make a second adder of it.
    """
    return (Cat(Const(1, 1), a).as_signed() + Cat(carry, b).as_signed()) >> 1


def fit(value: ValueLike, target: QFormat, overflow: Overflow) -> Value:
    """Bring a number into the range of a format; combinational.

    Args:
        value: The number as a code of the target's fractional bits, in any width.
        target: The format of the result.
        overflow: What a value beyond the range becomes: the nearest end of the range, or its own lowest bits.

    Returns:
        The code, in the width and signedness of the target.

    Raises:
        DesignError: `overflow` is ERROR, but hardware cannot refuse a value.
    """
    value = Value.cast(value)
    if overflow is Overflow.ERROR:
        raise DesignError("overflow", "saturate or wrap in hardware", overflow)
    bits = extend(value, max(len(value), target.width))[: target.width]
    wrapped = bits.as_signed() if target.signed else bits
    if overflow is Overflow.WRAP:
        return wrapped
    return Mux(value > target.high, target.high, Mux(value < target.low, target.low, wrapped))


def times(value: ValueLike, factor: int) -> Value:
    """Compute value·factor for a constant factor ≥ 1; combinational.

    Shifts and adders do it, so that the hard multipliers of an FPGA are left to the datapath.
    """
    value = Value.cast(value)
    shifts = [k for k in range(factor.bit_length()) if factor >> k & 1]
    return sum((value << k for k in shifts[1:]), value << shifts[0] if shifts[0] else value)


def extend(value: Value, width: int) -> Value:
    """The bits of `value` extended to `width` ≥ len(value), with its sign if it is signed and with zeros if not."""
    fill = value[-1] if value.shape().signed and len(value) else Const(0, 1)
    return Cat(value, fill.replicate(width - len(value)))
