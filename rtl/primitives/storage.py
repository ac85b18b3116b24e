"""Memories and ROMs with registered read ports; a memory of a single row is a register, or a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Elaboratable, Module, Mux, Shape, ShapeCastable, ShapeLike, Signal, Value
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out
from amaranth.tracer import get_var_name
from amaranth.utils import ceil_log2

from lmu_hw.rtl.primitives.bundles import ABSENT, Bundle


def storage(shape: ShapeLike, depth: int, init: Sequence[Any] = ()) -> Any:
    """A memory that synthesis can map to block RAM, or a register of the same behaviour where it has one row.

    The result has the methods `read_port` and `write_port` of Amaranth's memories. The signals of a port are named
    after the variable that the port is first assigned to. A reset does not clear the contents.

    Args:
        shape: The shape of a row.
        depth: The number of rows, at least 1.
        init: The contents at power-up, row by row; zeros where it is left out.
    """
    if depth > 1:
        return memory.Memory(shape=shape, depth=depth, init=init)
    return SingleRow(shape, init)


class _Port:
    """A port of a memory with a single row; its address has no bits."""

    addr = ABSENT

    def __init__(self, data: Any, en: Value, transparent: bool = False) -> None:
        self.data, self.en, self.transparent = data, en, transparent


class SingleRow(Elaboratable):
    """A memory of a single row: a register, or a constant if it has no write port.

    Args:
        shape: The shape of the row.
        init: The row of a memory that nothing writes, as a sequence of one.
    """

    def __init__(self, shape: ShapeLike, init: Sequence[Any] = ()) -> None:
        self._shape, self._init = shape, init
        self._reads: list[_Port] = []
        self._write: _Port | None = None

    def read_port(self, *, transparent_for: Sequence[Any] = ()) -> Any:
        """A read port whose data follow the row by one cycle.

        Args:
            transparent_for: If it names a write port, data that are written in a cycle are read in the next one;
                otherwise that read still gives the row as it was before.
        """
        name = get_var_name(depth=2, default="read")
        data = Signal(self._shape, name=f"{name}__data", reset_less=True)
        self._reads.append(_Port(data, Const(1), transparent=bool(transparent_for)))
        return self._reads[-1]

    def write_port(self) -> Any:
        """The write port, which writes its `data` to the row in cycles in which its `en` is high."""
        name = get_var_name(depth=2, default="write")
        self._write = _Port(Signal(self._shape, name=f"{name}__data"), Signal(name=f"{name}__en"))
        return self._write

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._write is None:
            m.d.comb += [port.data.eq(_constant(self._shape, self._init[0])) for port in self._reads]
            return m
        row = Signal(self._shape, reset_less=True)
        with m.If(self._write.en):
            m.d.sync += row.eq(self._write.data)
        for port in self._reads:
            now = Mux(self._write.en, self._write.data, row) if port.transparent else row
            m.d.sync += port.data.eq(now)
        return m


def _constant(shape: ShapeLike, value: Any) -> Any:
    """A constant of any shape, plain or structured."""
    return shape.const(value) if isinstance(shape, ShapeCastable) else Const(value, Shape.cast(shape))


@dataclass(frozen=True)
class RomContents:
    """The contents of a read-only memory.

    Attributes:
        shape: The shape of a row. Large tables have rows of plain integers, which are emitted fast.
        rows: The contents row by row, at least one.
    """

    shape: ShapeLike
    rows: list[Any]

    def storage(self) -> Any:
        """A new memory with these contents, to be added to a component."""
        return storage(self.shape, len(self.rows), self.rows)

    @property
    def read_signature(self) -> Bundle:
        """A read port as its reader sees it: `address`, Out, and `data`, In, the row addressed in the cycle before."""
        return Bundle({"address": Out(ceil_log2(len(self.rows))), "data": In(self.shape)})

    @property
    def bits(self) -> int:
        """The size of the contents in bits."""
        return int(Shape.cast(self.shape).width) * len(self.rows)
