"""Values some cycles later."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value, ValueLike


def delayed(m: Module, value: ValueLike, cycles: int, name: str) -> Value:
    """`value` so many cycles later, through registers of domain sync in `m`; itself for 0."""
    value = Value.cast(value)
    for k in range(cycles):
        stage = Signal(value.shape(), name=f"{name}_{k + 1}")
        m.d.sync += stage.eq(value)
        value = stage
    return value
