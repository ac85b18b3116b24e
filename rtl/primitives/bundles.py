"""Bundles of signals with named members, none of which has width 0.

An index over a single element, such as the channel number where there is only one channel, has no bits, and Verilog
has no signals without bits. Bundles leave such members out. Reading one gives `ABSENT`, which counts as 0, and
assigning to it has no effect, so the same code describes one channel and many, and a single channel leaves no index
behind in the Verilog.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Shape, ShapeLike, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout, View
from amaranth.lib.wiring import Member

ABSENT: Value = Cat()
"""The stand-in for a signal of width 0: an empty concatenation, which reads as 0 and ignores assignments."""


class Fields(StructLayout):
    """A structure of named fields that leaves out the fields of width 0.

    Args:
        fields: The shape of each field by its name, from the lowest bits upwards.

    Attributes:
        absent: The names of the fields that were left out.
    """

    def __init__(self, fields: Mapping[str, ShapeLike]) -> None:
        super().__init__({name: shape for name, shape in fields.items() if _width(shape)})
        self.absent = frozenset(fields) - frozenset(self.members)

    def __call__(self, target: Value) -> FieldsView:
        return FieldsView(self, target)

    def const(self, init: Any) -> Any:
        """A constant with the given value of each field; values of absent fields are ignored."""
        if isinstance(init, Mapping):
            init = {name: value for name, value in init.items() if name not in self.absent}
        return super().const(init)


class FieldsView(View):
    """A value seen through a `Fields` layout: `view.field` is a slice of it, or `ABSENT` for a field of width 0."""

    def __getattr__(self, name: str) -> Any:
        if name in self.shape().absent:
            return ABSENT
        return super().__getattr__(name)


class Bundle(wiring.Signature):
    """The signature of an interface that leaves out ports of width 0.

    Args:
        members: The ports and interfaces by name; their directions are those that the driver of the interface sees.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._absent = _absent(members)
        super().__init__({name: member for name, member in members.items() if name not in self._absent})

    def create(self, *, path: Any = None, src_loc_at: int = 0) -> Any:
        """Create an interface object, in which every port of width 0 is `ABSENT`."""
        interface = super().create(path=path, src_loc_at=1 + src_loc_at)
        for name in self._absent:
            setattr(interface, name, ABSENT)
        return interface


class Component(wiring.Component):
    """A component that leaves out ports of width 0, which are `ABSENT` as attributes.

    Args:
        members: The ports and interfaces by name, with their directions as the component sees them.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        absent = _absent(members)
        super().__init__({name: member for name, member in members.items() if name not in absent})
        for name in absent:
            setattr(self, name, ABSENT)


def interfaces(bundle: Any) -> list[Any]:
    """The members of an interface as a list, in the order of its signature."""
    return [getattr(bundle, name) for name in bundle.signature.members]


def _width(shape: ShapeLike) -> int:
    """The width of a shape in bits."""
    return int(Shape.cast(shape).width)


def _absent(members: Mapping[str, Member]) -> frozenset[str]:
    """The names of the ports of width 0."""
    return frozenset(name for name, member in members.items() if member.is_port and not _width(member.shape))
