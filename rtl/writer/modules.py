"""The text of modules: ports, declarations, wires, instances, and blocks for registers and memories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple

from lmu_hw.rtl.writer.cells import (
    ONE,
    ZERO,
    Choice,
    Match,
    Memory,
    Operation,
    Priority,
    Read,
    Register,
    Selection,
    Step,
    Value,
    Write,
    constant,
)
from lmu_hw.rtl.writer.expressions import binary, conjunction, number
from lmu_hw.rtl.writer.hierarchy import Place, Port, places
from lmu_hw.rtl.writer.memories import MemoryFiles, contents, declaration
from lmu_hw.rtl.writer.netlist import Netlist
from lmu_hw.rtl.writer.scope import If, Scope, Statement, bits_range
from lmu_hw.rtl.writer.statements import case, clocked, if_else, wrapped


class Source(NamedTuple):
    """A generated design as text.

    Attributes:
        text: The Verilog of all modules, the top first.
        memory_files: The files that the Verilog reads with `$readmemh`, by name: the contents of its large ROMs, one
            hexadecimal word in each line.
    """

    text: str
    memory_files: Mapping[str, str]


@dataclass(frozen=True)
class Forms:
    """Instances of a family's own cells that can take the place of what a module describes.

    Attributes:
        inputs: The inputs that the instances are connected to, as the `id` of each signal, by name.
        output: The output, as the `id` of the signal.
        width: The width of the instances' result, whose lowest bits are the output.
        lines: The text of the instance for each macro that selects one, with the names of inputs, `clock`, `enable` and
            `product`, the result, in braces.
    """

    inputs: Mapping[str, int]
    output: int
    width: int
    lines: Mapping[str, Sequence[str]]


def verilog(
    netlist: Netlist,
    comments: Mapping[str, str],
    own: Mapping[str, Collection[int]],
    meanings: Mapping[str, str],
    forms: Mapping[str, Forms] = MappingProxyType({}),
) -> Source:
    """Return the Verilog of all modules, the top first. Modules with the same text are written once.

    Args:
        netlist: The simplified cells.
        comments: A line that says what a module is, by the path of the module joined by dots.
        own: The signals of each component's own ports, as their `id`, by the same paths.
        meanings: A line that says what a port of the top means, by its name, in the order in which ports are listed.
        forms: The instances that can take the place of a module's text, by the path of the module.
    """
    written: dict[tuple[str, str], str] = {}
    files = MemoryFiles()

    def write(place: Place) -> tuple[Place, str, str]:
        children = [write(child) for child in place.children]
        path = netlist.modules[place.index].component_path
        comment = comments.get(path, "")
        text = _ModuleText(place, netlist, children, files)
        body = text.text(meanings if place.index == 0 else {}, forms.get(path))
        return place, written.setdefault((comment, body), place.name), comment

    write(places(netlist, own))
    modules = [
        "".join([_comment(comment), f"module {name}{body}"]) for (comment, body), name in reversed(written.items())
    ]
    return Source("\n".join(modules), files.texts)


def _comment(text: str, indent: str = "") -> str:
    return f"{indent}// {text}\n" if text else ""


#: The ports that come first within the top.
_CLOCK_AND_RESET = ("clk", "rst")


def _in_order(ports: Sequence[Port], first: Iterable[str]) -> list[Port]:
    """Return the ports in the order of these names; other ports follow in their own order."""
    order = {name: place for place, name in enumerate(first)}
    return sorted(ports, key=lambda port: order.get(port.name, len(order)))


#: Registers under the same conditions, each with its assignments.
_Group = list[tuple[Register, Choice | None]]


class _ModuleText(Scope):
    """The text of one module."""

    def __init__(
        self, place: Place, netlist: Netlist, children: Sequence[tuple[Place, str, str]], files: MemoryFiles
    ) -> None:
        super().__init__(place, netlist)
        self._children, self._files = children, files
        self._registered_ports: dict[str, str] = {}
        self._merged = self._choices_of_registers()
        self._groups = list(self._register_groups())
        self._uses = self._count_uses()
        self._declared: list[str] = []
        self._contents: list[str] = []
        self._instances: list[str] = []
        self._blocks: list[str] = []

    def text(self, meanings: Mapping[str, str], forms: Forms | None = None) -> str:
        """Return everything that follows ``module NAME``."""
        instances = self._form_texts(forms) if forms is not None else {}
        if instances:
            self.keep_outputs_wires()
        self._declare()
        self._write_wires()
        self._write_instances()
        self._write_memories()
        for group in self._groups:
            clock = self.expression(group[0][0].clock).text
            self._blocks.append(clocked(clock, self._registered(group)))
        self._write_outputs()
        sections = [self._declared, self._contents, self.wires, self._instances, self._blocks]
        body = "\n\n".join("\n".join(section) for section in sections if section)
        for macro, instance in instances.items():
            body = f"`ifdef {macro}\n{instance}\n`else\n{body}\n`endif"
        return f" (\n{self._header(meanings)}\n);\n{body}\nendmodule\n"

    def _header(self, meanings: Mapping[str, str]) -> str:
        ports = _in_order(self.place.ports, meanings or _CLOCK_AND_RESET)
        width = max(len(bits_range(len(port.nets))) for port in ports)
        lines = []
        for port in ports:
            kind = "reg " if port.name in self._registered_ports else "wire"
            init = self._registered_ports.get(port.name, "")
            end = "" if port is ports[-1] else ","
            lines.append(f"  {port.direction:<6} {kind} {bits_range(len(port.nets)):<{width}}{port.name}{init}{end}")
        column = max(map(len, lines)) + 2
        explained = [(line, meanings.get(port.name, "")) for line, port in zip(lines, ports, strict=True)]
        return "\n".join(f"{line:<{column}}// {meaning}" if meaning else line for line, meaning in explained)

    def _form_texts(self, forms: Forms) -> dict[str, str]:
        """Return the text of each instance that can take the place of the module's own."""
        values = {signal: nets for _, nets, signal in self.module.names}
        registers = {net: cell for cell in self.place.cells if isinstance(cell, Register) for net in cell.outputs}
        clocks = {cell.clock for cell in registers.values()}
        data = {net for name in forms.inputs.values() for net in values[name]}
        inputs = [port for port in self.place.ports if port.direction == "input"]
        enables = [port.name for port in inputs if port.nets not in clocks and data.isdisjoint(port.nets)]
        for port in inputs:
            self.store(port.name, port.nets)
        connected = {
            **{name: f"$signed({self.expression(values[signal]).text})" for name, signal in forms.inputs.items()},
            "clock": next(port.name for port in inputs if port.nets in clocks),
            "enable": " & ".join(enables) or "1'b1",
            "product": self.place.names.give("result"),
        }
        (output,) = self.outputs
        low = values[forms.output].index(output.nets[0])
        texts = {}
        for macro, lines in forms.lines.items():
            made = [f"wire [{forms.width - 1}:0] {connected['product']};"]
            made += [line.format(**connected) for line in lines]
            made.append(f"assign {output.name} = {connected['product']}[{low + len(output.nets) - 1}:{low}];")
            texts[macro] = "\n".join(wrapped(f"  {line}") for line in made)
        return texts

    # What is written where

    def _choices_of_registers(self) -> dict[int, Choice]:
        """Return the assignments that only a register reads, by the `id` of the register; they go in its block."""
        readers: Counter[int] = Counter()
        for cell in self.place.cells:
            for value in cell.inputs():
                readers.update({id(self.driver[net]) for net in value if net in self.driver})
        for value in self._read_outside():
            readers.update({id(self.driver[net]) for net in value if net in self.driver})
        merged = {}
        for cell in self.place.cells:
            if isinstance(cell, Register):
                choice = self.driver.get(cell.data[0])
                if isinstance(choice, Choice) and choice.outputs == cell.data and readers[id(choice)] == 1:
                    merged[id(cell)] = choice
        return merged

    def _register_groups(self) -> Iterator[_Group]:
        """Return the registers in groups of the same clock and conditions; a group is written as one block."""
        groups: dict[object, _Group] = {}
        for cell in self.place.cells:
            if isinstance(cell, Register):
                choice = self._merged.get(id(cell))
                key: tuple[object, ...] = ()
                if choice is not None:
                    conditions = tuple(step.condition for step in choice.steps)
                    key = (conditions, choice.default == cell.outputs, _ends_constant(choice))
                groups.setdefault((cell.clock, *key), []).append((cell, choice))
        return iter(groups.values())

    def _read_outside(self) -> Iterator[Value]:
        """Yield the values that instances read, and those that leave the module."""
        for child, _, _ in self._children:
            yield from (port.nets for port in child.ports if port.direction == "input")
        yield from (port.nets for port in self.outputs)

    def _count_uses(self) -> Counter[int]:
        """Return how often the text will contain the result of each cell.

        A part of a result counts twice: like a result that is used twice, it needs a name.
        """
        uses: Counter[int] = Counter()

        def count(value: Value) -> None:
            for cell, part in groupby(value, self.driver.get):
                if cell is not None:
                    uses[id(cell)] += 1 if tuple(part) == cell.outputs else 2

        def count_conditions(conditions: Iterable[int]) -> None:
            waiting, counted = list(conditions), set[int]()
            while waiting:
                net = waiting.pop()
                cell = self.driver.get(net)
                if cell is None or id(cell) in counted:
                    continue
                counted.add(id(cell))
                if isinstance(cell, Priority):
                    waiting.extend([*cell.enable, *cell.choices])
                elif isinstance(cell, Match):
                    for pattern in cell.patterns:
                        for value, _ in cell.comparisons(pattern):
                            count(value)
                else:
                    count((net,))

        merged = {id(choice) for choice in self._merged.values()}
        for cell in self.place.cells:
            match cell:
                case Match() | Priority():
                    pass
                case Choice() if id(cell) not in merged:
                    for value in [cell.default, *(step.value for step in cell.steps)]:
                        count(value)
                    count_conditions(step.condition for step in cell.steps)
                case Choice() | Register() if id(cell) in merged or id(cell) in self._merged:
                    pass
                case Operation():
                    for value, _ in self.operands(cell):
                        count(value)
                case Selection():
                    for value in (cell.padded, cell.offset):
                        count(value)
                case Write():
                    for value in (cell.data, cell.address, tuple(dict.fromkeys(cell.enable))):
                        count(value)
                case _:
                    for value in cell.inputs():
                        count(value)
        for group in self._groups:
            for register, choice in group:
                if choice is not None:
                    for value in [choice.default, *(step.value for step in choice.steps)]:
                        count(value if value != register.outputs else ())
            if group[0][1] is not None:
                count_conditions(step.condition for step in group[0][1].steps)
        for value in self._read_outside():
            count(value)
        return uses

    # Declarations

    def _declare(self) -> None:
        for port in self.place.ports:
            if port.direction == "input":
                self.store(port.name, port.nets)
        for child, _, _ in self._children:
            for port in child.ports:
                if port.direction == "output":
                    self._declare_one("wire", self.name(port.nets, f"{child.instance}_{port.name}"), port.nets)
        for cell in self.place.cells:
            match cell:
                case Register():
                    init = f" = {number(cell.init, len(cell.outputs))}"
                    self._declare_one("reg", self.name(cell.outputs, "value", cell), cell.outputs, init)
                case Read() if cell.clock:
                    self._declare_one("reg", self.name(cell.outputs, f"{cell.memory.name}_word"), cell.outputs)
                case Memory():
                    self._declare_memory(cell)

    def _declare_memory(self, cell: Memory) -> None:
        name = self.place.memories[id(cell)]
        reads = [read for read in self.place.cells if isinstance(read, Read) and read.memory is cell]
        self._declared.append(declaration(cell, name, registered=all(read.clock for read in reads)))
        self._contents += contents(cell, name, self._files, stem=f"{self.place.name}_{name}")

    def _declare_one(self, kind: str, name: str, nets: Value, init: str = "") -> None:
        self.store(name, nets)
        if name not in self.output_ports:
            self._declared.append(f"  {kind} {bits_range(len(nets))}{name}{init};")
        elif kind == "reg":
            self._registered_ports[name] = init

    # Statements

    def _registered(self, group: _Group) -> list[str]:
        """Return the statements of a group of registers, with the reset, their last assignment of constants, first."""
        register, first = group[0]
        if first is None:
            return [self._assignment(each, 0, each.data) for each, _ in group]
        default: list[Statement] = [] if first.default == register.outputs else [-1]
        last = self.path(first.steps[-1].condition)
        body = [*default, *self.tree(first, len(first.steps) - 1)]
        if not (_ends_constant(first) and len(last) == 1 and last[0][1] == 0 and body):
            return self._statements([*default, *self.tree(first)], group)
        reset = self._statements([len(first.steps) - 1], group)
        test = self.condition(last[0][0].choices[0])
        return if_else([(test.text, reset), ("", self._statements(body, group))])

    def _statements(self, tree: Sequence[Statement], group: _Group) -> list[str]:
        lines: list[str] = []
        for statement in tree:
            if isinstance(statement, If):
                lines.extend(self._if(statement, group))
                continue
            for register, choice in group:
                if choice is not None:
                    step = choice.steps[statement] if statement >= 0 else Step(ONE, 0, choice.default)
                    lines.append(self._assignment(register, step.start, step.value))
        return lines

    def _if(self, statement: If, group: _Group) -> list[str]:
        value = self.case_value(statement.priority)
        if value is None or len(statement.branches) < 3:
            arms = self.arms(statement)
            return if_else([(test.text if test else "", self._statements(body, group)) for test, body in arms])
        labelled = []
        for branch, choice in enumerate(statement.priority.choices):
            match, labels = self.driver.get(choice), "default"
            if isinstance(match, Match):
                labels = ", ".join(number(int(pattern, 2), len(value)) for pattern in match.patterns)
            body = self._statements(statement.branches.get(branch, []), group) or [";"]
            labelled.append((labels, body))
        if labelled[-1][0] != "default":
            labelled.append(("default", [";"]))
        return case(self.expression(value).text, labelled)

    def _assignment(self, register: Register, start: int, value: Value) -> str:
        name, low = self.where[register.outputs[start]]
        return f"{name}{self.bits(name, low, len(value))} <= {self.expression(value, alone=True).text};"

    # Sections

    def _write_wires(self) -> None:
        merged = {id(choice) for choice in self._merged.values()}
        for cell in self.place.cells:
            if not cell.outputs or cell.outputs[0] in self.where or id(cell) in merged:
                continue
            uses = self._uses[id(cell)]
            if isinstance(cell, Match | Priority) and not uses:
                continue
            if self.is_named(cell.outputs) or uses != 1:
                made = self.cell_text(cell)
                if cell.outputs[0] not in self.where:
                    self.give_name(cell, made)

    def _write_instances(self) -> None:
        for child, module, comment in self._children:
            name = self.place.names.give(child.instance)
            connections = [
                (port.name, self.expression(port.nets).text) for port in _in_order(child.ports, _CLOCK_AND_RESET)
            ]
            lines = ",\n".join(wrapped(f"    .{port}({text})") for port, text in connections)
            self._instances.append(f"{_comment(comment, '  ')}  {module} {name} (\n{lines}\n  );")

    def _write_memories(self) -> None:
        for cell in self.place.cells:
            match cell:
                case Write():
                    word = f"{self.place.memories[id(cell.memory)]}[{self.index(cell.address)}]"
                    lines = []
                    for low, high, enable in _equal_runs(cell.enable):
                        bits = "" if high - low == len(cell.data) else f"[{high - 1}:{low}]"
                        test = "" if enable == ONE else self.expression((enable,)).text
                        line = f"{word}{bits} <= {self.expression(cell.data[low:high], alone=True).text};"
                        lines += if_else([(test, [line])])
                    self._blocks.append(clocked(self.expression(cell.clock).text, lines))
                case Read() if cell.clock:
                    test = "" if cell.enable == (ONE,) else self.expression(cell.enable).text
                    self._blocks.append(
                        clocked(self.expression(cell.clock).text, if_else([(test, self._synchronous_read(cell))]))
                    )

    def _synchronous_read(self, cell: Read) -> list[str]:
        name, _ = self.where[cell.outputs[0]]
        lines = [f"{name} <= {self.place.memories[id(cell.memory)]}[{self.index(cell.address)}];"]
        for write in cell.transparent:
            same = [binary("==", self.expression(write.address), self.expression(cell.address))] if cell.address else []
            for low, high, enable in _equal_runs(write.enable):
                terms = [self.expression((enable,)) for _ in range(enable != ONE)] + same
                line = f"{name}{self.bits(name, low, high - low)} <= {self.expression(write.data[low:high]).text};"
                lines += if_else([(conjunction(terms).text if terms else "", [line])])
        return lines

    def _write_outputs(self) -> None:
        for port in self.outputs:
            held = [self.where.get(net) for net in port.nets]
            if held != [(port.name, bit) for bit in range(len(held))]:
                self.drive(port.name, len(port.nets), self.expression(port.nets, alone=True))


def _ends_constant(choice: Choice) -> bool:
    """Return whether the last assignment sets every bit to a constant, as a reset does."""
    value = choice.steps[-1].value
    return len(value) == len(choice.outputs) and constant(value) is not None


def _equal_runs(enables: Value) -> Iterator[tuple[int, int, int]]:
    """First bit, last bit + 1 and enable of each run of bits with one enable, without bits that are never written."""
    low = 0
    for high in range(1, len(enables) + 1):
        if high == len(enables) or enables[high] != enables[low]:
            if enables[low] != ZERO:
                yield low, high, enables[low]
            low = high
