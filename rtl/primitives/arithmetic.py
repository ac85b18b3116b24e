"""Narrowing of hardware values: the same two functions as `lmu_hw.fixed_point.formats` has for integers."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.utils import ceil_log2

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow, QFormat, Rounding


def delayed(m: Module, value: ValueLike, cycles: int, name: str) -> Value:
    """`value` so many cycles later, through registers of domain sync in `m`; itself for 0."""
    value = Value.cast(value)
    for k in range(cycles):
        stage = Signal(value.shape(), name=f"{name}_{k + 1}")
        m.d.sync += stage.eq(value)
        value = stage
    return value


FAN_IN = 4
"""Values that are added up between two registers: two levels of adders."""


def sum_latency(count: int) -> int:
    """Registers on the way through `registered_sum` of `count` values; 0 for a single one."""
    return int(-(-ceil_log2(count) // ceil_log2(FAN_IN)))


def registered_sum(m: Module, values: Sequence[Value]) -> Value:
    """The sum of one value or more, `sum_latency` cycles later, as a tree with a register after every other level.

    The registers go to `m`, domain sync.
    """
    level = list(values)
    while len(level) > 1:
        groups = [level[k : k + FAN_IN] for k in range(0, len(level), FAN_IN)]
        level = []
        for group in groups:
            pairs = [sum(group[k + 1 : k + 2], group[k]) for k in range(0, len(group), 2)]
            total = sum(pairs[1:], pairs[0])
            stage = Signal(total.shape())
            m.d.sync += stage.eq(total)
            level.append(stage)
    return level[0]


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
    """value·factor for a factor ≥ 1 by shifts and additions, which do not take a multiplier away."""
    value = Value.cast(value)
    fraction_bits = [k for k in range(factor.bit_length()) if factor >> k & 1]
    return sum((value << k for k in fraction_bits[1:]), value << fraction_bits[0])


def extend(value: Value, width: int) -> Value:
    """The bits of `value`, sign- or zero-extended to `width` ≥ len(value)."""
    fill = value[-1] if value.shape().signed and len(value) else Const(0, 1)
    return Cat(value, fill.replicate(width - len(value)))
