"""Counting through the elements of something, and choosing one of them; a single element needs no index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, Const, Mux, Signal, Value, ValueLike

from lmu_hw.rtl.primitives.arithmetic import extend, times
from lmu_hw.rtl.primitives.bundles import ABSENT


def index_signal(count: int, name: str) -> Value:
    """A signal that holds 0 … count − 1; `ABSENT` where there is one element only."""
    return Signal(range(count), name=name) if count > 1 else ABSENT


def is_last(index: Value, count: int) -> Value:
    """Whether `index`, of 0 … count − 1, is count − 1."""
    return index == count - 1 if count > 1 else Const(1)


def successor(index: Value, count: int) -> Value:
    """The index after `index`, and 0 after count − 1."""
    if count == 1:
        return ABSENT
    following = (index + 1)[: len(index)]
    return following if count == 1 << len(index) else Mux(index == count - 1, 0, following)


def flat_index(outer: Value, inner: ValueLike, count: int) -> Value:
    """outer·count + inner: where element `inner` lies when each of the `outer` ones has `count` elements.

    Args:
        outer: which one.
        inner: which of its elements, less than `count`; it may have more bits than that needs.
        count: elements of each.
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
    """values[index], to be read or assigned to."""
    return values[0] if len(values) == 1 else Array(values)[index]


def pick(values: Sequence[Value], index: Value) -> Value:
    """values[index] through a chain of multiplexers; combinational."""
    chosen = values[0]
    for k, value in enumerate(values[1:], 1):
        chosen = Mux(index == k, value, chosen)
    return chosen


def is_first(index: Value, count: int) -> Value:
    """Whether `index`, of 0 … count − 1, is 0."""
    return index == 0 if count > 1 else Const(1)


def bit(value: Value, index: Value) -> Any:
    """Bit `index` of a value, to be read or assigned to."""
    return value if len(value) == 1 else value.bit_select(index, 1)
