"""Bundles of signals with named members, none of which has width 0.

An index over a single element, such as the number of an only channel, has no bits, and Verilog has no signals
without bits. Bundles leave such members out; whoever reads one gets `ABSENT`, which counts as 0, and an assignment to
it has no effect. So the same code describes one channel and many, and one channel leaves nothing behind in Verilog.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Shape, ShapeLike, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout, View
from amaranth.lib.wiring import Member

ABSENT: Value = Cat()
"""What stands for a signal of width 0: an empty concatenation, which counts as 0."""


class Fields(StructLayout):
    """A structure of named fields, without those of width 0.

    Args:
        fields: the shape of each field by its name.
    """

    def __init__(self, fields: Mapping[str, ShapeLike]) -> None:
        super().__init__({name: shape for name, shape in fields.items() if _width(shape)})
        self.absent = frozenset(fields) - frozenset(self.members)

    def __call__(self, target: Value) -> FieldsView:
        return FieldsView(self, target)

    def const(self, init: Any) -> Any:
        """The constant of these field values; those of absent fields have no effect."""
        if isinstance(init, Mapping):
            init = {name: value for name, value in init.items() if name not in self.absent}
        return super().const(init)


class FieldsView(View):
    """A value seen through a `Fields`: `view.field` is a part of it, and `ABSENT` for a field of width 0."""

    def __getattr__(self, name: str) -> Any:
        if name in self.shape().absent:
            return ABSENT
        return super().__getattr__(name)


class Bundle(wiring.Signature):
    """The signature of an interface, without ports of width 0.

    Args:
        members: ports and interfaces by name.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._absent = _absent(members)
        super().__init__({name: member for name, member in members.items() if name not in self._absent})

    def create(self, *, path: Any = None, src_loc_at: int = 0) -> Any:
        """An interface object; a port of width 0 is `ABSENT` in it."""
        interface = super().create(path=path, src_loc_at=1 + src_loc_at)
        for name in self._absent:
            setattr(interface, name, ABSENT)
        return interface


class Component(wiring.Component):
    """A component without ports of width 0: they are `ABSENT` as attributes."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        absent = _absent(members)
        super().__init__({name: member for name, member in members.items() if name not in absent})
        for name in absent:
            setattr(self, name, ABSENT)


def interfaces(bundle: Any) -> list[Any]:
    """The members of an interface, in the order of its signature."""
    return [getattr(bundle, name) for name in bundle.signature.members]


def _width(shape: ShapeLike) -> int:
    return int(Shape.cast(shape).width)


def _absent(members: Mapping[str, Member]) -> frozenset[str]:
    return frozenset(name for name, member in members.items() if member.is_port and not _width(member.shape))
