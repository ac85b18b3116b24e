"""Indices: signals that count through elements, and multiplexers that choose one; a single element has no index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, Const, Mux, Signal, Value, ValueLike

from lmu_hw.rtl.primitives.arithmetic import extend, times
from lmu_hw.rtl.primitives.bundles import ABSENT


def index_signal(count: int, name: str) -> Value:
    """A signal of the given name that can hold 0 … count − 1, or `ABSENT` for a single element."""
    return Signal(range(count), name=name) if count > 1 else ABSENT


def is_last(index: Value, count: int) -> Value:
    """A bit that is 1 where `index`, out of 0 … count − 1, is the last one."""
    return index == count - 1 if count > 1 else Const(1)


def successor(index: Value, count: int) -> Value:
    """The index that follows `index` in cyclic order: index + 1, or 0 after count − 1."""
    if count == 1:
        return ABSENT
    following = (index + 1)[: len(index)]
    return following if count == 1 << len(index) else Mux(index == count - 1, 0, following)


def flat_index(outer: Value, inner: ValueLike, count: int) -> Value:
    """The position outer·count + inner of an element in a memory that holds blocks of `count` elements.

    Args:
        outer: The index of the block.
        inner: The index of the element within its block, less than `count`; it may have more bits than that needs.
        count: The number of elements in a block.
    """
    outer, inner = Value.cast(outer), Value.cast(inner)
    if not len(outer):
        return inner
    if count == 1:
        return outer
    if count & (count - 1) == 0:
        bits = count.bit_length() - 1
        return Cat(extend(inner, max(bits, len(inner)))[:bits], outer)
    return times(outer, count) + inner


def element(values: Sequence[Any], index: Value) -> Any:
    """The element values[index], which can be read and assigned to."""
    return values[0] if len(values) == 1 else Array(values)[index]


def pick(values: Sequence[Value], index: Value) -> Value:
    """The value values[index], through a chain of multiplexers; the first value if `index` is beyond the last."""
    chosen = values[0]
    for k, value in enumerate(values[1:], 1):
        chosen = Mux(index == k, value, chosen)
    return chosen


def is_first(index: Value, count: int) -> Value:
    """A bit that is 1 where `index`, out of 0 … count − 1, is 0."""
    return index == 0 if count > 1 else Const(1)


def bit(value: Value, index: Value) -> Any:
    """Bit number `index` of `value`, which can be read and assigned to."""
    return value if len(value) == 1 else value.bit_select(index, 1)
