"""The text of modules: ports, declarations, wires, instances, and blocks for registers and memories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from lmu_hw.rtl.writer.expressions import (
    Expression,
    binary,
    conditional,
    conjunction,
    number,
    signed_number,
    unary,
)
from lmu_hw.rtl.writer.hierarchy import Place, Port, distinct, places
from lmu_hw.rtl.writer.netlist import (
    ONE,
    ZERO,
    Cell,
    Choice,
    Match,
    Memory,
    Netlist,
    Operation,
    Priority,
    Read,
    Register,
    Selection,
    Value,
    Write,
    constant,
)
from lmu_hw.rtl.writer.statements import case, clocked, if_else, wrapped

#: A longer part of an expression gets a name.
_LONGEST_PART = 72
#: Longer chains of conditions have a line for each.
_LONGEST_LINE = 90
#: From so many alternatives on, a choice by number is written as an index.
_INDEXED_FROM = 5

#: What an unnamed result is called.
_RESULTS = {
    "+": "sum",
    "-": "difference",
    "*": "product",
    "m": "chosen",
    "<<": "shifted",
    "u>>": "shifted",
    "s>>": "shifted",
    "~": "inverse",
    "&": "both",
    "|": "either",
    "==": "is_equal",
    "!=": "differs",
}
_SIGNED_COMPARISONS = frozenset(("s<", "s>", "s<=", "s>="))
_ARITHMETIC = frozenset("+-*")


def verilog(netlist: Netlist, comments: Mapping[str, str], meanings: Mapping[str, str]) -> str:
    """The text of all modules, the top first; modules of the same text are one.

    Args:
        netlist: the simplified cells.
        comments: what a module is, by its path, joined by dots.
        meanings: what a port of the top means, by its name; and, by their order, how the ports are listed.
    """
    written: dict[tuple[str, str], str] = {}

    def write(place: Place) -> tuple[Place, str, str]:
        children = [write(child) for child in place.children]
        comment = comments.get(".".join(netlist.modules[place.index].path), "")
        body = _ModuleText(place, netlist, children).text(meanings if place.index == 0 else {})
        return place, written.setdefault((comment, body), place.name), comment

    write(places(netlist))
    modules = [
        "".join([_comment(comment), f"module {name}{body}"]) for (comment, body), name in reversed(written.items())
    ]
    return "\n".join(modules)


def _comment(text: str, indent: str = "") -> str:
    return f"{indent}// {text}\n" if text else ""


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


@dataclass
class _If:
    """The branches of an if, by their numbers."""

    priority: Priority
    branches: dict[int, list[_Statement]]


#: An if, or the number of an assignment; −1 for that of the default.
_Statement = _If | int
#: Registers under the same conditions, each with its assignments.
_Group = list[tuple[Register, Choice | None]]


class _ModuleText:
    """The text of one module.

    A cell's result gets a name if the component gave it one, or if the text needs it more than once; else it stands
    where it is used.
    """

    def __init__(self, place: Place, netlist: Netlist, children: Sequence[tuple[Place, str, str]]) -> None:
        self._place, self._live, self._children = place, netlist.live, children
        self._signal_names = netlist.modules[place.index].signal_names
        self._driver = {net: cell for cell in place.cells for net in cell.outputs}
        self._outputs = [port for port in place.ports if port.direction == "output"]
        self._output_names = {port.nets: port.name for port in reversed(self._outputs)}
        self._output_ports = {port.name for port in self._outputs}
        self._registered_ports: dict[str, str] = {}
        self._where: dict[int, tuple[str, int]] = {}
        self._widths: dict[str, int] = {}
        self._memories: dict[int, str] = {}
        self._conditions: dict[int, Priority] = {}
        self._merged = self._choices_of_registers()
        self._groups = list(self._register_groups())
        self._uses = self._count_uses()
        self._declared: list[str] = []
        self._wires: list[str] = []
        self._instances: list[str] = []
        self._blocks: list[str] = []

    def text(self, meanings: Mapping[str, str]) -> str:
        """Everything after ``module NAME``."""
        self._declare()
        self._write_wires()
        self._write_instances()
        self._write_memories()
        for group in self._groups:
            clock = self._expression(group[0][0].clock).text
            self._blocks.append(clocked(clock, self._registered(group)))
        self._write_outputs()
        sections = [self._declared, self._wires, self._instances, self._blocks]
        body = "\n\n".join("\n".join(section) for section in sections if section)
        return f" (\n{self._header(meanings)}\n);\n{body}\nendmodule\n"

    def _header(self, meanings: Mapping[str, str]) -> str:
        order = {name: place for place, name in enumerate(meanings or ("clk", "rst"))}
        ports = sorted(self._place.ports, key=lambda port: order.get(port.name, len(order)))
        width = max(len(_range(len(port.nets))) for port in ports)
        lines = []
        for port in ports:
            kind = "reg " if port.name in self._registered_ports else "wire"
            init = self._registered_ports.get(port.name, "")
            end = "" if port is ports[-1] else ","
            lines.append(f"  {port.direction:<6} {kind} {_range(len(port.nets)):<{width}}{port.name}{init}{end}")
        column = max(map(len, lines)) + 2
        explained = [(line, meanings.get(port.name, "")) for line, port in zip(lines, ports, strict=True)]
        return "\n".join(f"{line:<{column}}// {meaning}" if meaning else line for line, meaning in explained)

    # What is written where

    def _choices_of_registers(self) -> dict[int, Choice]:
        """The assignments that only a register takes up, by the register."""
        readers: Counter[int] = Counter()
        for cell in self._place.cells:
            for value in cell.inputs():
                readers.update({id(self._driver[net]) for net in value if net in self._driver})
        for value in self._read_outside():
            readers.update({id(self._driver[net]) for net in value if net in self._driver})
        merged = {}
        for cell in self._place.cells:
            if isinstance(cell, Register):
                choice = self._driver.get(cell.data[0])
                if isinstance(choice, Choice) and choice.outputs == cell.data and readers[id(choice)] == 1:
                    merged[id(cell)] = choice
        return merged

    def _register_groups(self) -> Iterator[_Group]:
        """Registers of the same clock under the same conditions, in the order of their first."""
        groups: dict[object, _Group] = {}
        for cell in self._place.cells:
            if isinstance(cell, Register):
                choice, key = self._merged.get(id(cell)), ()
                if choice is not None:
                    conditions = tuple(step.condition for step in choice.steps)
                    key = (conditions, choice.default == cell.outputs, _ends_constant(choice))
                groups.setdefault((cell.clock, *key), []).append((cell, choice))
        return iter(groups.values())

    def _read_outside(self) -> Iterator[Value]:
        """The values that instances take, and those that leave the module."""
        for child, _, _ in self._children:
            yield from (port.nets for port in child.ports if port.direction == "input")
        yield from (port.nets for port in self._outputs)

    def _count_uses(self) -> Counter[int]:
        """How often the text names each cell's result; a part of it counts twice, since it needs a name, too."""
        uses: Counter[int] = Counter()

        def count(value: Value) -> None:
            for cell, part in groupby(value, self._driver.get):
                if cell is not None:
                    uses[id(cell)] += 1 if tuple(part) == cell.outputs else 2

        def count_conditions(conditions: Iterable[int]) -> None:
            waiting, counted = list(conditions), set[int]()
            while waiting:
                net = waiting.pop()
                cell = self._driver.get(net)
                if cell is None or id(cell) in counted:
                    continue
                counted.add(id(cell))
                if isinstance(cell, Priority):
                    waiting.extend([*cell.enable, *cell.choices])
                elif isinstance(cell, Match):
                    for value in _compared(cell):
                        count(value)
                else:
                    count((net,))

        merged = {id(choice) for choice in self._merged.values()}
        for cell in self._place.cells:
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
                    for value, _ in self._operands(cell):
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

    # Names and declarations

    def _declare(self) -> None:
        for port in self._place.ports:
            if port.direction == "input":
                self._store(port.name, port.nets)
        for child, _, _ in self._children:
            for port in child.ports:
                if port.direction == "output":
                    self._declare_one("wire", self._name(port.nets, f"{child.instance}_{port.name}"), port.nets)
        for cell in self._place.cells:
            match cell:
                case Register():
                    init = f" = {number(cell.init, len(cell.outputs))}"
                    self._declare_one("reg", self._name(cell.outputs, "value", cell), cell.outputs, init)
                case Read() if cell.clock:
                    self._declare_one("reg", self._name(cell.outputs, f"{cell.memory.name}_word"), cell.outputs)
                case Memory():
                    self._declare_memory(cell)

    def _declare_memory(self, cell: Memory) -> None:
        name = self._memories[id(cell)] = self._place.names.give(cell.name)
        words = [number(word & ((1 << cell.width) - 1), cell.width) for word in cell.contents]
        self._declared.append(f"  reg {_range(cell.width)}{name} [0:{len(words) - 1}];")
        lines = [f"    {name}[{address}] = {word};" for address, word in enumerate(words)]
        self._declared += ["  initial begin", *lines, "  end"]

    def _declare_one(self, kind: str, name: str, nets: Value, init: str = "") -> None:
        self._store(name, nets)
        if name not in self._output_ports:
            self._declared.append(f"  {kind} {_range(len(nets))}{name}{init};")
        elif kind == "reg":
            self._registered_ports[name] = init

    def _name(self, nets: Value, otherwise: str, cell: Cell | None = None) -> str:
        """A new name for what holds these nets; that of the output port if it is one."""
        if nets in self._output_names:
            return self._output_names[nets]
        name = self._place.named.get(distinct(nets, self._live), otherwise)
        if cell is not None and cell.origin is not None:
            signal, part = cell.origin
            own = self._signal_names.get(signal, "$")
            name = name if own.startswith("$") else own + part
        return self._place.names.give(name)

    def _is_named(self, nets: Value) -> bool:
        """Whether the component has a name of its own for these nets."""
        name = self._place.named.get(distinct(nets, self._live), "$")
        return nets in self._output_names or not (name.startswith("$") or "__" in name)

    def _store(self, name: str, nets: Value) -> None:
        self._widths[name] = len(nets)
        for bit, net in enumerate(nets):
            self._where.setdefault(net, (name, bit))

    # Expressions

    def _expression(self, value: Value, *, alone: bool = False) -> Expression:
        """A value as text; `alone` where it is the whole right-hand side of an assignment to as many bits."""
        parts = [self._part_text(part, alone=alone and len(part) == len(value)) for part in self._parts(value)]
        if len(parts) == 1:
            return parts[0]
        return Expression("{" + ", ".join(part.text for part in reversed(parts)) + "}")

    def _parts(self, value: Value) -> Iterator[Value]:
        """The value cut where one name, cell or constant ends and the next begins; a net repeated is one part."""
        low = 0
        for high in range(1, len(value) + 1):
            if high == len(value) or not self._continues(value[low:high], value[high]):
                yield value[low:high]
                low = high

    def _continues(self, part: Value, net: int) -> bool:
        """Whether `net` belongs to the same part."""
        last = part[-1]
        if last <= ONE or net <= ONE:
            return last <= ONE and net <= ONE
        if len(part) > 1 and part[0] == last:
            return net == last
        if len(part) == 1 and net == last:
            return True
        here, there = self._where.get(last), self._where.get(net)
        if here is None or there is None:
            return here is there is None and net in self._driver[last].outputs and net == last + 1
        return there == (here[0], here[1] + 1)

    def _part_text(self, part: Value, *, alone: bool) -> Expression:
        known = constant(part)
        if known is not None:
            return Expression(number(known, len(part)))
        if len(part) > 1 and part[0] == part[1]:
            return Expression(f"{{{len(part)}{{{self._part_text(part[:1], alone=False).text}}}}}")
        if part[0] not in self._where:
            cell = self._driver[part[0]]
            made = self._cell_text(cell)
            if cell.outputs == part and (alone or not (made.extending or len(made.text) > _LONGEST_PART)):
                return made
            self._give_name(cell, made)
        name, low = self._where[part[0]]
        return Expression(name + self._bits(name, low, len(part)))

    def _bits(self, name: str, low: int, width: int) -> str:
        """The brackets after a name for some of its bits."""
        if self._widths[name] == width:
            return ""
        return f"[{low + width - 1}:{low}]" if width > 1 else f"[{low}]"

    def _give_name(self, cell: Cell, made: Expression) -> None:
        """A wire for the result of a cell."""
        name = self._name(cell.outputs, _RESULTS.get(getattr(cell, "symbol", ""), "value"), cell)
        self._store(name, cell.outputs)
        self._drive(name, len(cell.outputs), made)

    def _drive(self, name: str, width: int, made: Expression) -> None:
        """A continuous assignment, to an output or to a new wire."""
        start = f"assign {name}" if name in self._output_ports else f"wire {_range(width)}{name}"
        line = f"  {start} = {made.text};"
        if len(line) > _LONGEST_LINE and made.lines:
            line = "\n".join([f"  {start} =", *(wrapped(f"      {each}") for each in made.lines)]) + ";"
            self._wires.append(line)
        else:
            self._wires.append(wrapped(line))

    def _cell_text(self, cell: Cell) -> Expression:
        match cell:
            case Operation():
                return self._operation(cell)
            case Selection():
                return self._indexed(cell.padded, cell.offset, len(cell.outputs), cell.stride)
            case Read():
                return Expression(f"{self._memories[id(cell.memory)]}[{self._index(cell.address)}]")
            case Choice():
                return self._choice(cell)
            case Match() | Priority():
                return self._condition(cell.outputs[0])
        raise AssertionError(cell)

    def _index(self, address: Value) -> str:
        return self._expression(address).text if address else "0"

    def _operands(self, cell: Operation) -> list[tuple[Value, bool]]:
        """The operands as they are written, and whether as signed numbers: then without the copies of their sign.

        Verilog makes those itself where the result is assigned to as many bits as the operation has.
        """
        symbol, operands = cell.symbol, cell.operands
        if symbol in _SIGNED_COMPARISONS:
            return [(_shortest_signed(each), True) for each in operands]
        if symbol in _ARITHMETIC:
            short = [_shortest_signed(each) for each in operands]
            is_copied = [len(a) < len(b) and b[-1] > ONE for a, b in zip(short, operands, strict=True)]
            if any(is_copied):
                return [(each, True) for each in short]
        if symbol == "s>>":
            return [(operands[0], True), (operands[1], False)]
        return [(each, False) for each in operands]

    def _operation(self, cell: Operation) -> Expression:
        symbol, written = cell.symbol, self._operands(cell)
        width = len(cell.outputs)
        if symbol in _SIGNED_COMPARISONS:
            width = max(len(nets) for nets, _ in written)
        operands = [self._operand(nets, is_signed, width) for nets, is_signed in written]
        extending = symbol in _ARITHMETIC and written[0][1]
        match symbol:
            case "m":
                return conditional(*operands)
            case "~" | "-" if len(operands) == 1:
                return unary(symbol, operands[0])._replace(extending=extending)
            case "b" | "r|":
                return unary("|", operands[0])
            case "r&" | "r^":
                return unary(symbol[1], operands[0])
            case "s>>":
                return binary(">>>", *operands, extending=True)
            case "<<" | "u>>":
                return binary(symbol.lstrip("u"), *operands, extending=True)
        return binary(symbol.lstrip("us"), *operands, extending=extending)

    def _operand(self, nets: Value, is_signed: bool, width: int) -> Expression:
        if not is_signed:
            return self._expression(nets)
        known = constant(nets)
        if known is not None:
            return Expression(signed_number(known - (known >> (len(nets) - 1) << len(nets)), width))
        return Expression(f"$signed({self._expression(nets).text})")

    def _indexed(self, value: Value, offset: Value, width: int, stride: int) -> Expression:
        """``value[offset·stride +: width]``; Verilog takes parts of names only."""
        parts = list(self._parts(value))
        base = self._part_text(parts[0], alone=False).text if len(parts) == 1 and parts[0][0] in self._where else ""
        if not base.isidentifier():
            made = self._expression(value)
            base = self._place.names.give("choices")
            self._drive(base, len(value), made)
        if len(value) == width:
            return Expression(base)
        index = self._expression(offset)
        if stride != 1:
            index = binary("*", index, Expression(str(stride)))
        return Expression(f"{base}[{index.text}]" if width == 1 else f"{base}[{index.text} +: {width}]")

    def _choice(self, cell: Choice) -> Expression:
        """Assignments under conditions as ``a ? x : b ? y : z``, from the last on."""
        cuts = {0, len(cell.outputs)}.union(*({s.start, s.start + len(s.value)} for s in cell.steps))
        bounds = sorted(cuts)
        pieces = []
        for low, high in zip(bounds, bounds[1:], strict=False):
            part = cell.part(low, high) if len(bounds) > 2 else cell
            pieces.append(self._chosen(part))
        if len(pieces) == 1:
            return pieces[0]
        return Expression("{" + ", ".join(piece.text for piece in reversed(pieces)) + "}")

    def _chosen(self, cell: Choice) -> Expression:
        indexed = self._by_number(cell)
        if indexed is not None:
            return indexed

        def after(statements: Sequence[_Statement], before: Expression) -> Expression:
            for statement in statements:
                if isinstance(statement, int):
                    before = self._expression(cell.steps[statement].value)
                    continue
                if before.level > 0 and len(statement.branches) > 1:
                    name = self._place.names.give("otherwise")
                    self._drive(name, len(cell.outputs), before)
                    before = Expression(name)
                made = before
                for test, body in reversed(self._arms(statement)):
                    value = after(body, before)
                    made = conditional(test, value, made) if test is not None else value
                before = made
            return before

        return after(self._tree(cell), self._expression(cell.default))

    def _by_number(self, cell: Choice) -> Expression | None:
        """A choice between many values by a number, as an index into all of them; else None."""
        priority = self._driver.get(cell.steps[0].condition) if cell.steps else None
        if not isinstance(priority, Priority) or len(cell.steps) < _INDEXED_FROM:
            return None
        value = self._case_value(priority)
        if value is None or priority.enable != (ONE,):
            return None
        table = [cell.default] * (1 << len(value))
        for step in cell.steps:
            match = self._driver.get(step.condition)
            if match is not priority:
                return None
        for branch in reversed(range(len(priority.choices))):
            set_here = [s.value for s in cell.steps if s.condition == priority.outputs[branch]] or [cell.default]
            numbers = range(len(table))
            tested = self._driver.get(priority.choices[branch])
            if isinstance(tested, Match):
                numbers = [int(pattern, 2) for pattern in tested.patterns]  # type: ignore[assignment]
            for each in numbers:
                table[each] = set_here[-1]
        if len(table) > 2 * len(cell.steps):
            return None
        return self._indexed(tuple(net for word in table for net in word), value, len(cell.outputs), len(cell.outputs))

    # Conditions

    def _condition(self, net: int) -> Expression:
        """Whether a branch is taken."""
        cell = self._driver.get(net)
        if isinstance(cell, Match):
            return _either([self._pattern(cell.value, pattern) for pattern in cell.patterns])
        if not isinstance(cell, Priority):
            return self._expression((net,))
        at = cell.outputs.index(net)
        terms = [self._condition(each) for each in cell.enable if each != ONE]
        terms += [unary("!", self._condition(choice)) for choice in cell.choices[:at]]
        return conjunction([*terms, *(self._condition(each) for each in cell.choices[at : at + 1] if each != ONE)])

    def _pattern(self, value: Value, pattern: str) -> Expression:
        if len(value) > 1 and "-" not in pattern:
            return binary("==", self._expression(value), Expression(number(int(pattern, 2), len(value))))
        bits = [
            (self._expression((net,)), want) for net, want in zip(value, reversed(pattern), strict=True) if want != "-"
        ]
        return conjunction([bit if want == "1" else unary("!", bit) for bit, want in bits])

    def _arms(self, statement: _If) -> list[tuple[Expression | None, list[_Statement]]]:
        """Condition and body of each branch that has statements; no condition for the last if it is taken anyway."""
        arms: list[tuple[Expression | None, list[_Statement]]] = []
        missed: list[Expression] = []
        # Where every branch compares the same value with another number, no other branch needs to be ruled out.
        tests = [self._driver.get(choice) for choice in statement.priority.choices if choice != ONE]
        patterns = [pattern for test in tests if isinstance(test, Match) for pattern in test.patterns]
        exclusive = self._case_value(statement.priority) is not None and len(set(patterns)) == len(patterns)
        exclusive = exclusive and max(statement.branches) < len(tests)
        for branch, choice in enumerate(statement.priority.choices):
            test = [] if choice == ONE else [self._condition(choice)]
            if branch in statement.branches:
                terms = [*missed, *test]
                arms.append((conjunction(terms) if terms else None, statement.branches[branch]))
            elif branch < max(statement.branches) and not exclusive:
                missed.append(unary("!", test[0]))
        return arms

    def _case_value(self, priority: Priority) -> Value | None:
        """The one value that all branches compare with numbers; None if they do anything else."""
        tests = [self._driver.get(choice) for choice in priority.choices if choice != ONE]
        values = {test.value if isinstance(test, Match) else () for test in tests}
        if len(values) != 1 or len(tests) < 2:
            return None
        (value,) = values
        is_fixed = all("-" not in pattern for test in tests if isinstance(test, Match) for pattern in test.patterns)
        return value if len(value) > 1 and is_fixed else None

    # Statements

    def _tree(self, choice: Choice, count: int | None = None) -> list[_Statement]:
        """The assignments, or the first `count` of them, as nested ifs; neighbours under the same condition share one."""
        root: list[_Statement] = []
        for index, step in enumerate(choice.steps[:count]):
            at = root
            for priority, branch in self._path(step.condition):
                last = at[-1] if at else None
                if not (isinstance(last, _If) and last.priority is priority):
                    last = _If(priority, {})
                    at.append(last)
                at = last.branches.setdefault(branch, [])
            at.append(index)
        return root

    def _path(self, condition: int) -> list[tuple[Priority, int]]:
        """The branches that lead to where `condition` holds, the outermost first."""
        path: list[tuple[Priority, int]] = []
        while condition != ONE:
            cell = self._driver.get(condition)
            if not isinstance(cell, Priority):
                # Any other net is the only branch of an if of its own.
                alone = Priority(self._place.index, (condition,), (ONE,), (condition,))
                cell = self._conditions.setdefault(condition, alone)
            path.insert(0, (cell, cell.outputs.index(condition)))
            (condition,) = cell.enable
        return path

    def _registered(self, group: _Group) -> list[str]:
        """The assignments of a group of registers, a reset first."""
        register, first = group[0]
        if first is None:
            return [self._assignment(each, 0, each.data) for each, _ in group]
        default: list[_Statement] = [] if first.default == register.outputs else [-1]
        last = self._path(first.steps[-1].condition)
        body = [*default, *self._tree(first, len(first.steps) - 1)]
        if not (_ends_constant(first) and len(last) == 1 and last[0][1] == 0 and body):
            return self._statements([*default, *self._tree(first)], group)
        reset = self._statements([len(first.steps) - 1], group)
        test = self._condition(last[0][0].choices[0])
        return if_else([(test.text, reset), ("", self._statements(body, group))])

    def _statements(self, tree: Sequence[_Statement], group: _Group) -> list[str]:
        lines: list[str] = []
        for statement in tree:
            if isinstance(statement, _If):
                lines.extend(self._if(statement, group))
                continue
            for register, choice in group:
                assert choice is not None
                start, value = 0, choice.default
                if statement >= 0:
                    start, value = choice.steps[statement].start, choice.steps[statement].value
                lines.append(self._assignment(register, start, value))
        return lines

    def _if(self, statement: _If, group: _Group) -> list[str]:
        value = self._case_value(statement.priority)
        if value is None or len(statement.branches) < 3:
            arms = self._arms(statement)
            return if_else([(test.text if test else "", self._statements(body, group)) for test, body in arms])
        labelled = []
        for branch, choice in enumerate(statement.priority.choices):
            match, labels = self._driver.get(choice), "default"
            if isinstance(match, Match):
                labels = ", ".join(number(int(pattern, 2), len(value)) for pattern in match.patterns)
            body = self._statements(statement.branches.get(branch, []), group) or [";"]
            labelled.append((labels, body))
        return case(self._expression(value).text, labelled)

    def _assignment(self, register: Register, start: int, value: Value) -> str:
        name, low = self._where[register.outputs[start]]
        return f"{name}{self._bits(name, low, len(value))} <= {self._expression(value, alone=True).text};"

    # Sections

    def _write_wires(self) -> None:
        merged = {id(choice) for choice in self._merged.values()}
        for cell in self._place.cells:
            if not cell.outputs or cell.outputs[0] in self._where or id(cell) in merged:
                continue
            uses = self._uses[id(cell)]
            if isinstance(cell, Match | Priority) and not uses:
                continue
            if self._is_named(cell.outputs) or uses != 1:
                made = self._cell_text(cell)
                if cell.outputs[0] not in self._where:
                    self._give_name(cell, made)

    def _write_instances(self) -> None:
        for child, module, comment in self._children:
            name = self._place.names.give(child.instance)
            connections = [(port.name, self._expression(port.nets).text) for port in child.ports]
            lines = ",\n".join(wrapped(f"    .{port}({text})") for port, text in connections)
            self._instances.append(f"{_comment(comment, '  ')}  {module} {name} (\n{lines}\n  );")

    def _write_memories(self) -> None:
        for cell in self._place.cells:
            match cell:
                case Write():
                    word = f"{self._memories[id(cell.memory)]}[{self._index(cell.address)}]"
                    lines = []
                    for low, high, enable in _equal_runs(cell.enable):
                        bits = "" if high - low == len(cell.data) else f"[{high - 1}:{low}]"
                        test = "" if enable == ONE else self._expression((enable,)).text
                        line = f"{word}{bits} <= {self._expression(cell.data[low:high], alone=True).text};"
                        lines += if_else([(test, [line])])
                    self._blocks.append(clocked(self._expression(cell.clock).text, lines))
                case Read() if cell.clock:
                    test = "" if cell.enable == (ONE,) else self._expression(cell.enable).text
                    self._blocks.append(
                        clocked(self._expression(cell.clock).text, if_else([(test, self._synchronous_read(cell))]))
                    )

    def _synchronous_read(self, cell: Read) -> list[str]:
        name, _ = self._where[cell.outputs[0]]
        lines = [f"{name} <= {self._memories[id(cell.memory)]}[{self._index(cell.address)}];"]
        for write in cell.transparent:
            same = (
                [binary("==", self._expression(write.address), self._expression(cell.address))] if cell.address else []
            )
            for low, high, enable in _equal_runs(write.enable):
                terms = [self._expression((enable,)) for _ in range(enable != ONE)] + same
                line = f"{name}{self._bits(name, low, high - low)} <= {self._expression(write.data[low:high]).text};"
                lines += if_else([(conjunction(terms).text if terms else "", [line])])
        return lines

    def _write_outputs(self) -> None:
        for port in self._outputs:
            held = [self._where.get(net) for net in port.nets]
            if held != [(port.name, bit) for bit in range(len(held))]:
                self._drive(port.name, len(port.nets), self._expression(port.nets, alone=True))


def _either(terms: Sequence[Expression]) -> Expression:
    if len(terms) == 1:
        return terms[0]
    return Expression(" || ".join(term.text if term.level <= 6 else f"({term.text})" for term in terms), 11)


def _ends_constant(choice: Choice) -> bool:
    """Whether the last assignment sets every bit to a constant, as a reset does."""
    value = choice.steps[-1].value
    return len(value) == len(choice.outputs) and constant(value) is not None


def _compared(match: Match) -> Iterator[Value]:
    """The values that the text of a condition names."""
    for pattern in match.patterns:
        if len(match.value) > 1 and "-" not in pattern:
            yield match.value
        else:
            yield from ((net,) for net, want in zip(match.value, reversed(pattern), strict=True) if want != "-")


def _shortest_signed(value: Value) -> Value:
    """The value without the copies of its highest net."""
    end = len(value)
    while end > 1 and value[end - 1] == value[end - 2]:
        end -= 1
    return value[:end]


def _equal_runs(enables: Value) -> Iterator[tuple[int, int, int]]:
    """First bit, last bit + 1 and enable of each run of bits with one enable; bits that are never written are left out."""
    low = 0
    for high in range(1, len(enables) + 1):
        if high == len(enables) or enables[high] != enables[low]:
            if enables[low] != ZERO:
                yield low, high, enables[low]
            low = high
