"""Modules and their ports: which nets cross the border of a module, and under which names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lmu_hw.rtl.writer.cells import ONE, Cell, Memory, Value
from lmu_hw.rtl.writer.names import Names, is_anonymous, plain_name
from lmu_hw.rtl.writer.netlist import Netlist


@dataclass(frozen=True)
class Port:
    """A port of a module.

    Attributes:
        name: The identifier of the port.
        direction: ``input`` or ``output``.
        nets: The nets that it carries, the lowest bit first.
    """

    name: str
    direction: str
    nets: Value


@dataclass
class Place:
    """A module with everything that stands in it.

    Attributes:
        index: The index of the module in the netlist.
        name: The name of the module in Verilog, its path joined by underscores.
        instance: The name of its instance in the module around it.
        cells: The cells of this module, in the order of the netlist.
        children: The modules within it that hold at least one cell.
        ports: The inputs and then the outputs.
        names: The identifiers that the module has used so far.
        named: The name that the component gave to a value, by its nets.
        memories: The identifier of each memory, by its `id`.
    """

    index: int
    name: str
    instance: str
    cells: list[Cell] = field(default_factory=list)
    children: list[Place] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    named: dict[Value, str] = field(default_factory=dict)
    memories: dict[int, str] = field(default_factory=dict)

    def name_memories(self) -> None:
        """Give each memory its identifier."""
        self.memories = {id(cell): self.names.give(cell.name) for cell in self.cells if isinstance(cell, Memory)}


def places(netlist: Netlist, own: Mapping[str, Collection[int]]) -> Place:
    """Return the top of the hierarchy, with the cells, modules, ports and names of every module.

    Args:
        netlist: The simplified cells.
        own: The signals of each component's own ports, as their `id`, by its path joined by dots. Where a value that
            crosses the border of a module has several names, the port takes one of these.
    """
    names = Names()
    made = [Place(0, names.take(netlist.modules[0].path[0]), "")]
    for k, module in enumerate(netlist.modules[1:], 1):
        made.append(Place(k, names.give("_".join(map(plain_name, module.path))), module.path[-1]))
    for cell in netlist.cells:
        made[cell.module].cells.append(cell)
    for place, module in reversed(list(zip(made, netlist.modules, strict=True))):
        if module.parent is not None and (place.cells or place.children):
            made[module.parent].children.insert(0, place)
    crossing = _crossings(netlist)
    for place, module in zip(made, netlist.modules, strict=True):
        ports_here = own.get(module.component_path, ())
        ranked = sorted(module.names, key=lambda named: (is_anonymous(named[0]), "__" in named[0]))
        for name, value, _ in ranked:
            nets = distinct(value, netlist.live)
            if nets:
                place.named.setdefault(nets, name)
        if place.index == 0:
            ports = [("input", netlist.inputs), ("output", netlist.outputs)]
            place.ports = [Port(place.names.take(n), way, nets) for way, named in ports for n, nets in named.items()]
            place.name_memories()
        else:
            place.name_memories()  # before the ports, which are often named after a word of theirs
            for way, nets_by_module in zip(("input", "output"), crossing, strict=True):
                first = sorted(ranked, key=lambda named: named[2] not in ports_here)
                named = [(name, distinct(value, netlist.live)) for name, value, _ in first]
                for name, value in _grouped(nets_by_module[place.index], named):
                    place.ports.append(Port(place.names.give(name), way, value))
    return made[0]


def distinct(value: Iterable[int], live: Collection[int]) -> Value:
    """Return the nets of a value that an output depends on, each once, without constants."""
    return tuple(dict.fromkeys(net for net in value if net > ONE and net in live))


def _crossings(netlist: Netlist) -> tuple[list[dict[int, None]], list[dict[int, None]]]:
    """Return the nets that enter each module, and those that leave each module, as ordered sets."""
    parents = [module.parent for module in netlist.modules]
    chains = [_chain(k, parents) for k in range(len(parents))]
    home = {net: cell.module for cell in netlist.cells for net in cell.outputs}
    uses: dict[int, dict[int, None]] = {}
    for cell in netlist.cells:
        for value in cell.inputs():
            for net in value:
                uses.setdefault(net, {})[cell.module] = None
    for value in netlist.outputs.values():
        for net in value:
            uses.setdefault(net, {})[0] = None
    incoming: list[dict[int, None]] = [{} for _ in parents]
    leaving: list[dict[int, None]] = [{} for _ in parents]
    for net, users in uses.items():
        if net <= ONE or net not in netlist.live:
            continue
        source = chains[home.get(net, 0)]
        for user in users:
            target = chains[user]
            common = sum(1 for a, b in zip(source, target, strict=False) if a == b)
            for module in target[common:]:
                incoming[module][net] = None
            for module in source[common:]:
                leaving[module][net] = None
    return incoming, leaving


def _chain(index: int, parents: list[int | None]) -> list[int]:
    """Return the modules from the top down to the one with this index."""
    chain: list[int] = []
    at: int | None = index
    while at is not None:
        chain.insert(0, at)
        at = parents[at]
    return chain


def _grouped(nets: dict[int, None], named: list[tuple[str, Value]]) -> Iterator[tuple[str, Value]]:
    """Yield the nets in groups with names: first the signals and fields that cross as a whole, then parts of them."""
    left = dict(nets)
    for whole in (True, False):
        for name, value in named:
            group = tuple(net for net in value if net in left)
            if group and (not whole or len(group) == len(value)):
                yield name, group
                for net in group:
                    del left[net]
    # What has no name stays together by the cell that drives it: the upper bits of a net in Amaranth's netlist.
    by_cell: dict[int, list[int]] = {}
    for net in sorted(left):
        by_cell.setdefault(net >> 16, []).append(net)
    for group_of_cell in by_cell.values():
        yield "value", tuple(group_of_cell)
