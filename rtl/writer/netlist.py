"""An Amaranth design as simplified cells: constants folded, aliases resolved, dead logic left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

from amaranth.hdl import Fragment, Signal, _ir, _nir

from lmu_hw.rtl.writer.cells import (
    CLOCKED,
    ONE,
    ZERO,
    Cell,
    Choice,
    Match,
    Memory,
    Operation,
    Origin,
    Priority,
    Read,
    Register,
    Selection,
    Step,
    Value,
    Write,
)
from lmu_hw.rtl.writer.folding import folded, folded_register


@dataclass
class Module:
    """A module of the hierarchy.

    Attributes:
        path: The names of the modules from the top down to this one.
        parent: The index of the module around it; None for the top.
        names: The name of each signal or field that is known in the module, its nets, and the `id` of the signal.
        signal_names: The name of each signal by its `id`.
    """

    path: tuple[str, ...]
    parent: int | None
    names: list[tuple[str, Value, int]]
    signal_names: dict[int, str]

    @property
    def component_path(self) -> str:
        """The names that the components gave to their submodules, joined by dots.

        Where a signal has the name of a submodule, Amaranth adds a number to the latter.
        """
        return ".".join(re.sub(r"\$\d+$", "", name) for name in self.path)


class Netlist:
    """The simplified cells of a component, and the modules that they stand in.

    Amaranth elaborates the component to a netlist of its own. From that, the cells are made in these steps: registers
    and assignments are split by the fields of their signals; the cells are put in order; constants and aliases are
    folded until nothing changes; what no output depends on is dropped.

    Args:
        fragment: The elaborated component.
        ports: The signals of the ports of the top by name; what drives a signal decides its direction.
        name: The name of the top module.

    Attributes:
        modules: The modules of the hierarchy, the top first.
        cells: The cells that some output depends on, each combinational one after those that it reads.
        inputs, outputs: The nets of the ports of the top by name.
        live: The nets that some output depends on.

    Raises:
        NotImplementedError: The component has a cell that this writer does not know.
    """

    def __init__(self, fragment: Fragment, ports: dict[str, tuple[Signal, None]], name: str) -> None:
        source = _ir.build_netlist(fragment, ports=ports, name=name)
        top = source.top
        self.inputs = {n: tuple(range(start, start + width)) for n, (start, width) in top.ports_i.items()}
        self.outputs = {n: tuple(value) for n, value in top.ports_o.items()}
        self._alias: dict[int, int] = {}
        self._fields = {id(signal): list(_fields(source, signal)) for signal in source.signals}
        places = {id(signal): signal.src_loc for signal in source.signals}
        self.cells = _in_order(_split(_cells(source), self._fields, places))
        while self._fold():
            pass
        self.outputs = {n: self.resolve(value) for n, value in self.outputs.items()}
        self.live: set[int] = set()
        self._drop_dead()
        self.modules = [
            Module(
                module.name,
                module.parent,
                list(self._names(module.signal_names)),
                {id(signal): name for signal, name in module.signal_names.items()},
            )
            for module in source.modules
        ]

    def resolve(self, value: Value) -> Value:
        """Return the nets that `value` comes down to, after all aliases."""
        return tuple(map(self._find, value))

    def _find(self, net: int) -> int:
        alias = self._alias
        while net in alias:
            net = alias[net]
        return net

    def _names(self, signals: Any) -> Iterator[tuple[str, Value, int]]:
        for signal, name in signals.items():
            for suffix, value in self._fields[id(signal)]:
                yield name + suffix, self.resolve(value), id(signal)

    def _fold(self) -> bool:
        """Simplify every cell once; return whether a net was found to be another one or a constant."""
        before = len(self._alias)
        known: dict[Any, Value] = {}
        choices = {
            net: (cell, bit) for cell in self.cells if isinstance(cell, Choice) for bit, net in enumerate(cell.outputs)
        }
        stored = {net for cell in self.cells if isinstance(cell, Register) for net in cell.data}
        kept = []
        for cell in self.cells:
            cell.map(self.resolve)
            outputs = cell.outputs
            same = folded_register(cell, choices) if isinstance(cell, Register) else folded(cell)
            if isinstance(cell, Choice) and cell.outputs[0] in stored and same is not None and set(same) & set(outputs):
                same = None  # a register is assigned as a whole
            if same is None and (key := cell.key()) is not None:
                same = known.setdefault((cell.module, type(cell), key, *cell.inputs()), outputs)
            if same is not None:
                self._alias.update({net: other for net, other in zip(outputs, same, strict=True) if net != other})
            if same is None or not set(same).isdisjoint(cell.outputs):
                kept.append(cell)
        self.cells = kept
        return len(self._alias) != before

    def _drop_dead(self) -> None:
        """Drop what no output of the top depends on, and cut cells to the bits that remain."""
        driver = {net: (cell, bit) for cell in self.cells for bit, net in enumerate(cell.outputs)}
        writes = {id(memory): memory.writes for memory in self.cells if isinstance(memory, Memory)}
        live, needed = self.live, set[int]()
        waiting = [net for value in self.outputs.values() for net in value]
        while waiting:
            net = waiting.pop()
            if net in live:
                continue
            live.add(net)
            if net not in driver:
                continue
            cell, bit = driver[net]
            waiting.extend(cell.reads(bit))
            if isinstance(cell, Register):
                waiting.extend(cell.outputs)  # a register keeps the format that the component gave it
            if isinstance(cell, Read) and id(cell.memory) not in needed:
                needed.add(id(cell.memory))
                for write in writes[id(cell.memory)]:
                    needed.add(id(write))
                    waiting.extend(net for value in write.inputs() for net in value)
        kept = []
        for cell in self.cells:
            used = [bit for bit, net in enumerate(cell.outputs) if net in live]
            if used:
                cell.keep(used[0], used[-1] + 1)
            if used or id(cell) in needed:
                kept.append(cell)
        self.cells = kept
        # What the dead bits of a cell read that could not be cut does not matter; it must not cross a border.
        home = {net: cell.module for cell in kept for net in cell.outputs}
        for cell in kept:
            read = {net for value in cell.inputs() for net in value if net > ONE}
            dead = {net for net in read - live if home.get(net) != cell.module}
            if dead:
                cell.map(partial(_without, dead))


def _without(dead: Collection[int], value: Value) -> Value:
    """The value with 0 in place of dead nets."""
    return tuple(ZERO if net in dead else net for net in value)


def _cells(source: _nir.Netlist) -> Iterator[Cell]:
    """Yield the cells of this package that stand for the cells of Amaranth's netlist, in the same order."""
    memories: dict[int, Memory] = {}
    writes: dict[int, Write] = {}
    for index, cell in enumerate(source.cells):
        outputs = tuple(sorted(int(net) for net in cell.output_nets(index)))
        made = _made(cell, outputs, memories, writes)
        if isinstance(made, Memory):
            memories[index] = made
        if isinstance(made, Write):
            writes[index] = made
            made.memory.writes.append(made)
        if made is not None:
            made.place = cell.src_loc
            yield made


def _made(cell: _nir.Cell, outputs: Value, memories: dict[int, Memory], writes: dict[int, Write]) -> Cell | None:
    """The cell that stands for one of Amaranth's; None for the ports of the top.

    Raises:
        NotImplementedError: The cell is of a kind that no component here uses: a division, a falling clock edge, an
            asynchronous reset, a foreign instance, a print, an assertion, or an index of more than `_LONGEST_OFFSET`
            bits.
    """
    at = cell.module_idx
    match cell:
        case _nir.Top():
            return None
        case _nir.Operator() if cell.operator not in ("u//", "s//", "u%", "s%"):
            return Operation(at, outputs, cell.operator, [tuple(each) for each in cell.inputs])
        case _nir.Part() if len(cell.offset) <= _LONGEST_OFFSET:
            return Selection(at, outputs, tuple(cell.value), cell.value_signed, tuple(cell.offset), cell.stride)
        case _nir.Matches():
            return Match(at, outputs, tuple(cell.value), cell.patterns)
        case _nir.PriorityMatch():
            return Priority(at, outputs, (cell.en,), tuple(cell.inputs))
        case _nir.AssignmentList():
            steps = [Step(each.cond, each.start, tuple(each.value)) for each in cell.assignments]
            return Choice(at, outputs, tuple(cell.default), steps)
        case _nir.FlipFlop(clk_edge="pos", arst=0):
            return Register(at, outputs, tuple(cell.data), cell.init, (cell.clk,))
        case _nir.Memory():
            return Memory(at, (), cell.name, cell.width, cell.init)
        case _nir.SyncWritePort(clk_edge="pos"):
            clock, memory = (cell.clk,), memories[cell.memory]
            return Write(at, (), memory, tuple(cell.data), tuple(cell.addr), tuple(cell.en), clock)
        case _nir.AsyncReadPort():
            return Read(at, outputs, memories[cell.memory], tuple(cell.addr), (ONE,), (), [])
        case _nir.SyncReadPort(clk_edge="pos"):
            transparent = [writes[each] for each in cell.transparent_for]
            return Read(at, outputs, memories[cell.memory], tuple(cell.addr), (cell.en,), (cell.clk,), transparent)
        case _:
            raise NotImplementedError(f"no Verilog for {cell!r}")


#: A selection is written as an index into a value that reaches as far as its offset does.
_LONGEST_OFFSET = 16


def _fields(source: _nir.Netlist, signal: Signal) -> Iterator[tuple[str, Value]]:
    """Name and nets of each field of a signal, down to numbers; a signal without fields is one with no name."""
    fields: dict[Any, _nir.SignalField] = source.signal_fields.get(signal, {})
    paths = [path for path in fields if path]
    inner = {path[:depth] for path in paths for depth in range(len(path))}
    leaves = [path for path in paths if path not in inner]
    value = tuple(int(net) for net in source.signals[signal])
    covered = sum(len(fields[path].value) for path in leaves)
    if not leaves or covered != len(value) or len(leaves) > _MOST_FIELDS:
        yield "", value
        return
    for path in leaves:
        # The only element of an array needs no number.
        parts = [str(part) for k, part in enumerate(path) if not (part == 0 and (*path[:k], 1) not in fields)]
        yield "".join(f"_{part}" for part in parts), tuple(int(net) for net in fields[path].value)


#: An array of more numbers than this stays one vector.
_MOST_FIELDS = 40


def _split(cells: Iterable[Cell], fields: dict[int, list[tuple[str, Value]]], places: dict[int, Any]) -> Iterator[Cell]:
    """Registers and choices cut into the fields of the signals that they are for."""
    cells = list(cells)
    home: dict[int, list[Origin]] = {}
    for signal, parts in fields.items():
        for name, value in parts:
            for net in value:
                home.setdefault(net, []).append((signal, name))
    next_of = {register.data: register for register in cells if isinstance(register, Register)}
    for cell in cells:
        if not isinstance(cell, Register | Choice):
            yield cell
            continue
        owner = next_of.get(cell.outputs, cell)
        where = [_origin(home.get(net, []), owner.place, places) for net in owner.outputs]
        low = 0
        for high in range(1, len(where) + 1):
            if high == len(where) or where[high] != where[low]:
                part = cell.part(low, high)
                part.origin = where[low] if owner is cell else None
                yield part
                low = high


def _origin(candidates: list[Origin], place: Any, places: dict[int, Any]) -> Origin | None:
    """The signal, and the field of it, that a net was written for: by its place in the source."""
    named_there = (each for each in candidates if places[each[0]] == place)
    return next(named_there, candidates[0] if candidates else None)


def _in_order(cells: Iterable[Cell]) -> list[Cell]:
    """The cells, each combinational one after those that it reads.

    Where cells depend on each other although their bits do not, those cells are cut into bits.
    """
    waiting = list(cells)
    while True:
        ordered, looped = _visited(waiting)
        cut = [list(_bits(cell)) if id(cell) in looped else [cell] for cell in ordered]
        if all(len(parts) == 1 for parts in cut):
            return ordered
        waiting = [part for parts in cut for part in parts]


def _visited(cells: list[Cell]) -> tuple[list[Cell], set[int]]:
    """The cells in order, and those, as their `id`, that were found to depend on themselves."""
    driver = {net: cell for cell in cells if not isinstance(cell, CLOCKED) for net in cell.outputs}
    driver = {net: cell for net, cell in driver.items() if not (isinstance(cell, Read) and cell.clock)}
    entered: set[int] = set()
    looped: set[int] = set()
    ordered: list[Cell] = []
    for start in cells:
        path: list[tuple[Cell, Iterator[int]]] = []
        depth: dict[int, int] = {}

        def enter(cell: Cell, path: list[tuple[Cell, Iterator[int]]] = path, depth: dict[int, int] = depth) -> None:
            if id(cell) in depth:
                looped.update(id(each) for each, _ in path[depth[id(cell)] :])
            elif id(cell) not in entered:
                entered.add(id(cell))
                depth[id(cell)] = len(path)
                path.append((cell, (net for value in cell.inputs() for net in value)))

        enter(start)
        while path:
            cell, nets = path[-1]
            net = next(nets, None)
            if net is None:
                path.pop()
                del depth[id(cell)]
                ordered.append(cell)
            elif net in driver:
                enter(driver[net])
    return ordered, looped


def _bits(cell: Cell) -> Iterator[Cell]:
    """A cell for each bit of the result, where the cell can be cut so; else the cell."""
    if not (isinstance(cell, Choice) or (isinstance(cell, Operation) and cell.symbol in Operation.BITWISE)):
        yield cell
        return
    for bit in range(len(cell.outputs)):
        part = copy(cell)
        if isinstance(part, Operation):
            part.operands = list(part.operands)
        part.keep(bit, bit + 1)
        if cell.origin is not None and len(cell.outputs) > 1:
            part.origin = (cell.origin[0], f"{cell.origin[1]}_{bit}")
        yield part
