"""Arithmetic on words: rounding and saturation as integers have them, sums in trees, delays.

`round_shift` and `fit` are the functions of the same names in `lmu_hw.fixed_point.formats`, for hardware values.
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
    """`value` so many cycles later, through registers `name`_1, `name`_2, … of domain sync in `m`; itself for 0.

    What has no bits needs no registers.
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
"""Values that are added up between two registers: two levels of adders."""


def sum_latency(count: int) -> int:
    """Registers on the way through `registered_sum` of `count` values; 0 for a single one."""
    return int(-(-ceil_log2(count) // ceil_log2(FAN_IN)))


def registered_sum(m: Module, values: Sequence[Value], name: str) -> Value:
    """The sum of one value or more, `sum_latency` cycles later, as a tree with a register after every other level.

    The registers are `name`_LEVEL_INDEX, of domain sync in `m`.
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
        DesignError: `overflow` is ERROR, which hardware cannot do.
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
    """value·factor for a factor ≥ 1 by shifts and additions, which leave the multipliers of an FPGA to the datapath."""
    value = Value.cast(value)
    shifts = [k for k in range(factor.bit_length()) if factor >> k & 1]
    return sum((value << k for k in shifts[1:]), value << shifts[0] if shifts[0] else value)


def extend(value: Value, width: int) -> Value:
    """The bits of `value`, sign- or zero-extended to `width` ≥ len(value)."""
    fill = value[-1] if value.shape().signed and len(value) else Const(0, 1)
    return Cat(value, fill.replicate(width - len(value)))
