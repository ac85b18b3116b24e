"""Memories with registered read ports, and read-only ones; a single row is a register, or a constant."""

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
    """`depth` rows of `shape`, for block RAM; with one row a register that behaves the same.

    The result has `read_port` and `write_port` as Amaranth's memories have; a port's signals are named after the
    variable that it is first assigned to. Neither kind of memory is cleared by a reset.
    """
    if depth > 1:
        return memory.Memory(shape=shape, depth=depth, init=init)
    return SingleRow(shape, init)


class _Port:
    """A port of a single row, which needs no address."""

    addr = ABSENT

    def __init__(self, data: Any, en: Value, transparent: bool = False) -> None:
        self.data, self.en, self.transparent = data, en, transparent


class SingleRow(Elaboratable):
    """A memory of one row: a register, or a constant where nothing writes it."""

    def __init__(self, shape: ShapeLike, init: Sequence[Any] = ()) -> None:
        self._shape, self._init = shape, init
        self._reads: list[_Port] = []
        self._write: _Port | None = None

    def read_port(self, *, transparent_for: Sequence[Any] = ()) -> Any:
        """A port whose data come one cycle later, and are new ones if these are written in the meantime."""
        name = get_var_name(depth=2, default="read")
        data = Signal(self._shape, name=f"{name}__data", reset_less=True)
        self._reads.append(_Port(data, Const(1), transparent=bool(transparent_for)))
        return self._reads[-1]

    def write_port(self) -> Any:
        """The port that writes the row where its `en` is 1."""
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
    return shape.const(value) if isinstance(shape, ShapeCastable) else Const(value, Shape.cast(shape))


@dataclass(frozen=True)
class RomContents:
    """What a read-only memory holds, row by row; large ones are plain words, which are emitted fast."""

    shape: ShapeLike
    rows: list[Any]

    def storage(self) -> Any:
        """The memory, for one component."""
        return storage(self.shape, len(self.rows), self.rows)

    @property
    def read_signature(self) -> Bundle:
        """A read port as its reader sees it: `address`, and `data`, the row that it had in the cycle before."""
        return Bundle({"address": Out(ceil_log2(len(self.rows))), "data": In(self.shape)})

    @property
    def bits(self) -> int:
        """How many bits it holds."""
        return int(Shape.cast(self.shape).width) * len(self.rows)
