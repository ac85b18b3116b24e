"""The cells of an Amaranth design, simplified: constants folded, aliases resolved, dead logic left out.

A *net* is one bit, an integer; 0 and 1 are the constants. A *value* is a tuple of nets, lowest bit first. Every cell
drives a value of its own; what only renames or rearranges nets is no cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from amaranth.hdl import Fragment, Signal, _ir, _nir

Value = tuple[int, ...]
Origin = tuple[int, str]
ZERO, ONE = 0, 1


@dataclass(eq=False)
class Cell:
    """What drives some nets.

    Attributes:
        module: index of the module that it stands in.
        outputs: the nets that it drives.
        origin: the signal, as its `id`, that it was written for, and the field of it; None for parts of expressions.
        place: file and line in the source.
    """

    module: int
    outputs: Value
    origin: Origin | None = field(default=None, kw_only=True)
    place: Any = field(default=None, kw_only=True)

    def map(self, resolve: Callable[[Value], Value]) -> None:
        """Replace every value that the cell reads by `resolve` of it."""

    def inputs(self) -> Iterator[Value]:
        """Every value that the cell reads."""
        seen: list[Value] = []
        self.map(lambda value: (seen.append(value), value)[1])
        return iter(seen)

    def reads(self, bit: int) -> Iterable[int]:
        """The nets on which output `bit` depends."""
        return (net for value in self.inputs() for net in value)

    def keep(self, low: int, high: int) -> None:
        """Drive output bits low … high − 1 only, where the cell can be cut; else stay whole."""

    def key(self) -> Any:
        """What, beside the inputs, decides the outputs; None if nothing does, or if it does not matter."""
        return None


@dataclass(eq=False)
class Operation(Cell):
    """An operator of expressions; operands are as wide as the result, except for comparisons, selects and shifts.

    Symbols are those of Amaranth: ``~ - r| r& r^ + * & ^ | << u>> s>> == != u< s< … m``, ``m`` being a multiplexer.
    """

    symbol: str
    operands: list[Value]

    #: Result bit k depends on bit k of the operands only.
    BITWISE = frozenset("~&|^m")
    #: Result bit k depends on bits 0 … k of the operands only.
    CARRYING = frozenset("+-*")

    def key(self) -> Any:
        return self.symbol

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.operands = [resolve(operand) for operand in self.operands]

    def reads(self, bit: int) -> Iterable[int]:
        if self.symbol == "m":
            return (self.operands[0][0], self.operands[1][bit], self.operands[2][bit])
        if self.symbol in self.BITWISE:
            return [operand[bit] for operand in self.operands]
        if self.symbol in self.CARRYING:
            return [net for operand in self.operands for net in operand[: bit + 1]]
        if self.symbol == "<<":
            return [*self.operands[0][: bit + 1], *self.operands[1]]
        return super().reads(bit)

    def keep(self, low: int, high: int) -> None:
        if self.symbol in self.BITWISE:
            cut = self.operands if self.symbol != "m" else self.operands[1:]
            self.operands[-len(cut) :] = [operand[low:high] for operand in cut]
            self.outputs = self.outputs[low:high]
        elif self.symbol in self.CARRYING:
            self.operands = [operand[:high] for operand in self.operands]
            self.outputs = self.outputs[:high]
        elif self.symbol == "<<":
            self.operands[0] = self.operands[0][:high]
            self.outputs = self.outputs[:high]


@dataclass(eq=False)
class Selection(Cell):
    """``value[offset·stride +: width]``; beyond its end, `value` goes on with zeros, or with its sign."""

    value: Value
    signed: bool
    offset: Value
    stride: int

    def key(self) -> Any:
        return (self.signed, self.stride, len(self.outputs))

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.value, self.offset = resolve(self.value), resolve(self.offset)

    @property
    def padded(self) -> Value:
        """The value, long enough for every offset."""
        reach = ((1 << len(self.offset)) - 1) * self.stride + len(self.outputs)
        filling = self.value[-1] if self.signed and self.value else ZERO
        return self.value + (filling,) * (reach - len(self.value))


@dataclass(eq=False)
class Match(Cell):
    """Whether `value` fits one of the patterns of 0, 1 and − (either)."""

    value: Value
    patterns: tuple[str, ...]

    def key(self) -> Any:
        return self.patterns

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.value = resolve(self.value)


@dataclass(eq=False)
class Priority(Cell):
    """The first input that is true, one-hot, where `enable` is; none where it is not. The branches of an if."""

    enable: Value
    choices: Value

    def key(self) -> Any:
        return ()

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.enable, self.choices = resolve(self.enable), resolve(self.choices)

    def reads(self, bit: int) -> Iterable[int]:
        return (*self.enable, *self.choices[: bit + 1])

    def keep(self, low: int, high: int) -> None:
        self.outputs, self.choices = self.outputs[:high], self.choices[:high]


@dataclass
class Step:
    """An assignment: where `condition`, the bits from `start` on become `value`."""

    condition: int
    start: int
    value: Value


@dataclass(eq=False)
class Choice(Cell):
    """A value and the assignments that, one after the other, change it."""

    default: Value
    steps: list[Step]

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.default = resolve(self.default)
        self.steps = [Step(resolve((s.condition,))[0], s.start, resolve(s.value)) for s in self.steps]

    def reads(self, bit: int) -> Iterable[int]:
        yield self.default[bit]
        for step in self.steps:
            if 0 <= bit - step.start < len(step.value):
                yield step.condition
                yield step.value[bit - step.start]

    def part(self, low: int, high: int) -> Choice:
        """The choice of bits low … high − 1."""
        steps = []
        for step in self.steps:
            begin, end = max(step.start, low), min(step.start + len(step.value), high)
            if begin < end:
                steps.append(Step(step.condition, begin - low, step.value[begin - step.start : end - step.start]))
        return replace(self, outputs=self.outputs[low:high], default=self.default[low:high], steps=steps)

    def keep(self, low: int, high: int) -> None:
        part = self.part(low, high)
        self.outputs, self.default, self.steps = part.outputs, part.default, part.steps


@dataclass(eq=False)
class Register(Cell):
    """Flip-flops of one clock, rising edge."""

    data: Value
    init: int
    clock: Value

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.data, self.clock = resolve(self.data), resolve(self.clock)

    def reads(self, bit: int) -> Iterable[int]:
        return (self.data[bit], *self.clock)

    def part(self, low: int, high: int) -> Register:
        """The flip-flops of bits low … high − 1."""
        init = self.init >> low & ((1 << (high - low)) - 1)
        return replace(self, outputs=self.outputs[low:high], data=self.data[low:high], init=init)

    def keep(self, low: int, high: int) -> None:
        part = self.part(low, high)
        self.outputs, self.data, self.init = part.outputs, part.data, part.init


@dataclass(eq=False)
class Memory(Cell):
    """An array of words, with its ports."""

    name: str
    width: int
    contents: tuple[int, ...]
    writes: list[Write] = field(default_factory=list)


@dataclass(eq=False)
class Write(Cell):
    """A write port; `enable` has a net for each bit of the word."""

    memory: Memory
    data: Value
    address: Value
    enable: Value
    clock: Value

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.data, self.address = resolve(self.data), resolve(self.address)
        self.enable, self.clock = resolve(self.enable), resolve(self.clock)


@dataclass(eq=False)
class Read(Cell):
    """A read port; without a clock, its data follow the address at once.

    A word that is written at the same edge through one of the ports in `transparent` is read as it is written.
    """

    memory: Memory
    address: Value
    enable: Value
    clock: Value
    transparent: list[Write]

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.address, self.enable, self.clock = resolve(self.address), resolve(self.enable), resolve(self.clock)


#: Cells whose outputs change with the clock only.
CLOCKED = (Register, Memory, Write)


@dataclass
class Module:
    """A module of the hierarchy.

    Attributes:
        path: names from the top on.
        parent: index of the module around it; None for the top.
        names: signals and fields that have a name here, with their nets.
    """

    path: tuple[str, ...]
    parent: int | None
    names: list[tuple[str, Value]]
    signal_names: dict[int, str]


class Netlist:
    """The simplified cells of a component.

    Attributes:
        modules: the hierarchy; the first is the top.
        cells: those that matter, every combinational one after those that it reads.
        inputs, outputs: ports of the top: name and nets.
    """

    def __init__(self, fragment: Fragment, ports: dict[str, tuple[Signal, None]], name: str) -> None:
        source = _ir.build_netlist(fragment, ports=ports, name=name)
        top = source.top
        self.inputs = {n: tuple(range(start, start + width)) for n, (start, width) in top.ports_i.items()}
        self.outputs = {n: tuple(value) for n, value in top.ports_o.items()}
        self._alias: dict[int, int] = {}
        self._fields = {id(signal): list(_fields(source, signal)) for signal in source.signals}
        places = {id(signal): signal.src_loc for signal in source.signals}
        self.cells = _in_order(list(_split(_cells(source), self._fields, places)))
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
        """The nets that `value` comes down to."""
        return tuple(map(self._find, value))

    def _find(self, net: int) -> int:
        alias = self._alias
        while net in alias:
            net = alias[net]
        return net

    def _names(self, signals: Any) -> Iterator[tuple[str, Value]]:
        for signal, name in signals.items():
            for suffix, value in self._fields[id(signal)]:
                yield name + suffix, self.resolve(value)

    def _fold(self) -> bool:
        """One pass of simplification over all cells; whether anything changed."""
        before = len(self._alias)
        known: dict[Any, Value] = {}
        choices = {
            net: (cell, bit) for cell in self.cells if isinstance(cell, Choice) for bit, net in enumerate(cell.outputs)
        }
        kept = []
        for cell in self.cells:
            cell.map(self.resolve)
            outputs = cell.outputs
            same = _folded_register(cell, choices) if isinstance(cell, Register) else _folded(cell)
            if same is None and (key := cell.key()) is not None:
                same = known.setdefault((cell.module, type(cell), key, *cell.inputs()), outputs)
            if same is not None:
                self._alias.update({net: other for net, other in zip(outputs, same, strict=True) if net != other})
            if same is None or not set(same).isdisjoint(cell.outputs):
                kept.append(cell)
        self.cells = kept
        return len(self._alias) != before

    def _drop_dead(self) -> None:
        """Leave out the nets that no output of the top depends on, and cut cells to those that remain."""
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
        # Where a cell could not be cut, what its dead bits read does not matter.
        home = {net: cell.module for cell in kept for net in cell.outputs}
        for cell in kept:
            cell.map(
                lambda value, at=cell.module: tuple(  # type: ignore[misc]
                    net if net <= ONE or net in live or home.get(net) == at else ZERO for net in value
                )
            )


def _cells(source: _nir.Netlist) -> Iterator[Cell]:
    """The cells of Amaranth's netlist as ours."""
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
    """One of ours for one of Amaranth's."""
    at = cell.module_idx
    match cell:
        case _nir.Top():
            return None
        case _nir.Operator():
            return Operation(at, outputs, cell.operator, [tuple(each) for each in cell.inputs])
        case _nir.Part():
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


def _fields(source: _nir.Netlist, signal: Signal) -> Iterator[tuple[str, Value]]:
    """Name and nets of each field of a signal, down to numbers; a signal without fields is one with no name."""
    fields = source.signal_fields[signal] if signal in source.signal_fields else {(): None}
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


def _in_order(cells: list[Cell]) -> list[Cell]:
    """The cells, each combinational one after those that it reads."""
    driver = {net: cell for cell in cells if not isinstance(cell, CLOCKED) for net in cell.outputs}
    driver = {net: cell for net, cell in driver.items() if not (isinstance(cell, Read) and cell.clock)}
    done: set[int] = set()
    ordered: list[Cell] = []
    for start in cells:
        path: list[tuple[Cell, Iterator[int]]] = []

        def enter(cell: Cell, path: list[tuple[Cell, Iterator[int]]] = path) -> None:
            if id(cell) not in done:
                done.add(id(cell))
                path.append((cell, (net for value in cell.inputs() for net in value)))

        enter(start)
        while path:
            cell, nets = path[-1]
            net = next(nets, None)
            if net is None:
                path.pop()
                ordered.append(cell)
            elif net in driver:
                enter(driver[net])
    return ordered


def constant(value: Value) -> int | None:
    """The number that `value` is, unsigned; None if it is not constant."""
    if any(net > ONE for net in value):
        return None
    return sum(net << bit for bit, net in enumerate(value))


def constant_value(number: int, width: int) -> Value:
    """A number as nets."""
    return tuple(number >> bit & 1 for bit in range(width))


def _folded(cell: Cell) -> Value | None:
    """Nets that equal the cell's outputs and that something simpler drives; None if there are none.

    Where an output equals itself, that bit remains. A cell may become a simpler one of its kind.
    """
    match cell:
        case Operation():
            return _folded_operation(cell)
        case Selection():
            offset = constant(cell.offset)
            start = None if offset is None else offset * cell.stride
            return None if start is None else cell.padded[start : start + len(cell.outputs)]
        case Match():
            return _folded_match(cell)
        case Priority():
            return _folded_priority(cell)
        case Choice():
            return _folded_choice(cell)
    return None


def _folded_match(cell: Match) -> Value | None:
    possible = [
        pattern
        for pattern in cell.patterns
        if all(net > ONE or want in ("-", str(net)) for want, net in zip(reversed(pattern), cell.value, strict=True))
    ]
    open_bits = [bit for bit, net in enumerate(cell.value) if net > ONE]
    rest = dict.fromkeys("".join(pattern[::-1][bit] for bit in reversed(open_bits)) for pattern in possible)
    cell.value, cell.patterns = tuple(cell.value[bit] for bit in open_bits), tuple(rest)
    if not cell.patterns:
        return (ZERO,)
    if any(set(pattern) <= {"-"} for pattern in cell.patterns):
        return (ONE,)
    return None


def _folded_priority(cell: Priority) -> Value | None:
    if cell.enable == (ZERO,):
        return (ZERO,) * len(cell.outputs)
    outputs, choices = list(cell.outputs), list(cell.choices)
    last = choices.index(ONE) + 1 if ONE in choices else len(choices)
    possible = [choice != ZERO and k < last for k, choice in enumerate(choices)]
    same = tuple(net if each else ZERO for net, each in zip(outputs, possible, strict=True))
    cell.outputs = tuple(net for net, each in zip(outputs, possible, strict=True) if each)
    cell.choices = tuple(choice for choice, each in zip(choices, possible, strict=True) if each)
    if cell.choices == (ONE,):
        return tuple(cell.enable[0] if net else ZERO for net in same)
    return None if all(possible) else same


def _folded_choice(cell: Choice) -> Value | None:
    """Bits that nothing, or only unconditional assignments, change are what they are set to."""
    cell.steps = [step for step in cell.steps if step.condition != ZERO and step.value]
    final: list[int | None] = list(cell.default)
    for step in cell.steps:
        for bit, net in enumerate(step.value, step.start):
            if step.condition == ONE or final[bit] == net:
                final[bit] = net
            else:
                final[bit] = None
    if all(net is None for net in final):
        # Nothing before the last unconditional assignment matters.
        whole = [k for k, step in enumerate(cell.steps) if step.condition == ONE and len(step.value) == len(final)]
        if whole:
            cell.default, cell.steps = cell.steps[whole[-1]].value, cell.steps[whole[-1] + 1 :]
        return None
    return tuple(own if net is None else net for own, net in zip(cell.outputs, final, strict=True))


def _folded_register(cell: Register, choices: dict[int, tuple[Choice, int]]) -> Value | None:
    """Bits that are never set to anything but their initial value are constants."""
    same = list(cell.outputs)
    for bit, (own, net, init) in enumerate(
        zip(cell.outputs, cell.data, constant_value(cell.init, len(cell.data)), strict=True)
    ):
        values = {net}
        if net in choices:
            choice, at = choices[net]
            values = {
                choice.default[at],
                *(s.value[at - s.start] for s in choice.steps if 0 <= at - s.start < len(s.value)),
            }
        if values <= {own, init}:
            same[bit] = init
    return tuple(same) if tuple(same) != cell.outputs else None


_REDUCTIONS: dict[str, Callable[[int, int], bool]] = {
    "b": lambda value, width: value != 0,
    "r|": lambda value, width: value != 0,
    "r&": lambda value, width: value == (1 << width) - 1,
    "r^": lambda value, width: bool(value.bit_count() % 2),
}
_SHIFTS = {"<<", "u>>", "s>>"}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
}


def _folded_operation(cell: Operation) -> Value | None:
    symbol, operands, width = cell.symbol, cell.operands, len(cell.outputs)
    first, last = operands[0], operands[-1]
    if symbol in _REDUCTIONS:
        if len(first) == 1:
            return first
        whole = constant(first)
        return None if whole is None else (int(_REDUCTIONS[symbol](whole, len(first))),)
    if symbol == "m":
        return _folded_multiplexer(cell)
    if symbol in _SHIFTS:
        amount = constant(last)
        if amount is None:
            return None
        if symbol == "<<":
            return ((ZERO,) * min(amount, width) + first)[:width]
        filling = first[-1] if symbol == "s>>" else ZERO
        return (first[amount:] + (filling,) * width)[:width]
    numbers = [constant(operand) for operand in operands]
    if len(operands) == 2 and None not in numbers:
        a, b = (number or 0 for number in numbers)
        if symbol in _ARITHMETIC:
            return constant_value(_ARITHMETIC[symbol](a, b), width)
        if symbol[0] == "s":
            a, b = (x - (x >> (len(first) - 1) << len(first)) if first else 0 for x in (a, b))
        return (int(_COMPARISONS[symbol.lstrip("us")](a, b)),)
    if len(operands) == 1 and numbers[0] is not None:
        return constant_value(~numbers[0] if symbol == "~" else -numbers[0], width)
    if len(operands) == 2:
        return _folded_by_constant(cell, numbers)
    return None


def _folded_by_constant(cell: Operation, numbers: list[int | None]) -> Value | None:
    """Sums with 0, comparisons of single bits, and the like."""
    symbol, (first, last), width = cell.symbol, cell.operands, len(cell.outputs)
    if symbol in ("+", "|", "^") and 0 in numbers:
        return first if numbers[1] == 0 else last
    if symbol == "-" and numbers[1] == 0:
        return first
    if symbol == "&" and 0 in numbers:
        return (ZERO,) * width
    if symbol in ("&", "|") and first == last:
        return first
    if symbol in ("&", "|") and (1 << width) - 1 in numbers:
        ones = symbol == "|"
        return constant_value(-1, width) if ones else (last if numbers[0] is not None else first)
    if symbol in ("==", "!="):
        differing = [(a, b) for a, b in zip(first, last, strict=True) if a != b]
        if any(a <= ONE and b <= ONE for a, b in differing):
            return (int(symbol == "!="),)
        if not differing:
            return (int(symbol == "=="),)
        if len(differing) == 1 and min(differing[0]) <= ONE:
            low, net = sorted(differing[0])
            if (low == ONE) == (symbol == "=="):
                return (net,)
            cell.symbol, cell.operands = "~", [(net,)]
            return None
        if len(differing) < len(first):
            # Equal bits decide nothing.
            cell.operands = [tuple(a for a, _ in differing), tuple(b for _, b in differing)]
    return None


def _folded_multiplexer(cell: Operation) -> Value | None:
    (test,), yes, no = cell.operands
    if test <= ONE:
        return yes if test == ONE else no
    if yes == no:
        return yes
    if len(yes) != 1:
        return None
    match yes[0], no[0]:
        case 1, 0:
            return (test,)
        case 0, 1:
            cell.symbol, cell.operands = "~", [(test,)]
        case _, 0:
            cell.symbol, cell.operands = "&", [(test,), yes]
        case 1, _:
            cell.symbol, cell.operands = "|", [(test,), no]
    return None
