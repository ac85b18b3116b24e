"""Sums of many values in a pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value
from amaranth.utils import ceil_log2

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
