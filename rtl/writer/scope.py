"""What values are called in one module: names, and expressions of names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lmu_hw.rtl.writer.cells import (
    ONE,
    Cell,
    Choice,
    Match,
    Operation,
    Priority,
    Read,
    Selection,
    Value,
    constant,
)
from lmu_hw.rtl.writer.expressions import (
    Expression,
    binary,
    conditional,
    conjunction,
    disjunction,
    number,
    signed_number,
    unary,
)
from lmu_hw.rtl.writer.hierarchy import Place, distinct
from lmu_hw.rtl.writer.netlist import Netlist
from lmu_hw.rtl.writer.statements import wrapped

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


@dataclass
class If:
    """The branches of an if, by their numbers."""

    priority: Priority
    branches: dict[int, list[Statement]]


#: An if, or the number of an assignment; −1 for that of the default.
Statement = If | int


class Scope:
    """The names of one module, and its values as text.

    A cell's result gets a name if the component gave it one, or if the text needs it more than once; else it stands
    where it is used. Where an expression needs a name that is not there yet, a wire is written for it.
    """

    def __init__(self, place: Place, netlist: Netlist) -> None:
        self.place = place
        self.wires: list[str] = []
        self.driver = {net: cell for cell in place.cells for net in cell.outputs}
        self.outputs = [port for port in place.ports if port.direction == "output"]
        self.output_ports = {port.name for port in self.outputs}
        self.where: dict[int, tuple[str, int]] = {}
        self._live = netlist.live
        self.module = netlist.modules[place.index]
        self._signal_names = self.module.signal_names
        self._output_names = {port.nets: port.name for port in reversed(self.outputs)}
        self._widths: dict[str, int] = {}
        self._conditions: dict[int, Priority] = {}

    def name(self, nets: Value, otherwise: str, cell: Cell | None = None) -> str:
        """Return the name for what holds these nets: that of the output port, that of the component, or `otherwise`."""
        if nets in self._output_names:
            return self._output_names[nets]
        name = self.place.named.get(distinct(nets, self._live), otherwise)
        if cell is not None and cell.origin is not None:
            signal, part = cell.origin
            own = self._signal_names.get(signal, "$")
            name = name if own.startswith("$") else own + part
        return self.place.names.give(name)

    def keep_outputs_wires(self) -> None:
        """From now on, let no register be an output itself: each output is a wire that is assigned."""
        self._output_names = {}

    def is_named(self, nets: Value) -> bool:
        """Return whether the component has a name of its own for these nets, or an output port carries them."""
        name = self.place.named.get(distinct(nets, self._live), "$")
        return nets in self._output_names or not (name.startswith("$") or "__" in name)

    def store(self, name: str, nets: Value) -> None:
        """Note that the signal `name` holds these nets."""
        self._widths[name] = len(nets)
        for bit, net in enumerate(nets):
            self.where.setdefault(net, (name, bit))

    # Expressions

    def expression(self, value: Value, *, alone: bool = False) -> Expression:
        """Return a value as text; `alone` as the whole right-hand side of an assignment to as many bits."""
        parts = [self._part_text(part, alone=alone and len(part) == len(value)) for part in self._parts(value)]
        if len(parts) == 1:
            return parts[0]
        return Expression("{" + ", ".join(part.text for part in reversed(parts)) + "}")

    def _parts(self, value: Value) -> Iterator[Value]:
        """Yield the parts of a value: bits of one signal, the result of a cell, a constant, or a net repeated."""
        low = 0
        for high in range(1, len(value) + 1):
            if high == len(value) or not self._continues(value[low:high], value[high]):
                yield value[low:high]
                low = high

    def _continues(self, part: Value, net: int) -> bool:
        """Return whether `net` continues the part."""
        last = part[-1]
        if last <= ONE or net <= ONE:
            return last <= ONE and net <= ONE
        if len(part) > 1 and part[0] == last:
            return net == last
        if len(part) == 1 and net == last:
            return True
        here, there = self.where.get(last), self.where.get(net)
        if here is None or there is None:
            return here is there is None and net in self.driver[last].outputs and net == last + 1
        return there == (here[0], here[1] + 1)

    def _part_text(self, part: Value, *, alone: bool) -> Expression:
        known = constant(part)
        if known is not None:
            return Expression(number(known, len(part)))
        if len(part) > 1 and part[0] == part[1]:
            return Expression(f"{{{len(part)}{{{self._part_text(part[:1], alone=False).text}}}}}")
        if part[0] not in self.where:
            cell = self.driver[part[0]]
            made = self.cell_text(cell)
            if cell.outputs == part and (alone or not (made.extending or len(made.text) > _LONGEST_PART)):
                return made
            self.give_name(cell, made)
        name, low = self.where[part[0]]
        return Expression(name + self.bits(name, low, len(part)))

    def bits(self, name: str, low: int, width: int) -> str:
        """Return the brackets that select `width` bits from `low` on; nothing for the whole signal."""
        if self._widths[name] == width:
            return ""
        return f"[{low + width - 1}:{low}]" if width > 1 else f"[{low}]"

    def give_name(self, cell: Cell, made: Expression) -> None:
        """Write a wire, or an output, for the result of a cell."""
        name = self.name(cell.outputs, _RESULTS.get(getattr(cell, "symbol", ""), "value"), cell)
        self.store(name, cell.outputs)
        self.drive(name, len(cell.outputs), made)

    def drive(self, name: str, width: int, made: Expression) -> None:
        """Write a continuous assignment to an output or to a new wire."""
        start = f"assign {name}" if name in self.output_ports else f"wire {bits_range(width)}{name}"
        line = f"  {start} = {made.text};"
        if len(line) > _LONGEST_LINE and made.lines:
            line = "\n".join([f"  {start} =", *(wrapped(f"      {each}") for each in made.lines)]) + ";"
            self.wires.append(line)
        else:
            self.wires.append(wrapped(line))

    def cell_text(self, cell: Cell) -> Expression:
        """Return the result of a combinational cell as an expression."""
        match cell:
            case Operation():
                return self._operation(cell)
            case Selection():
                return self._indexed(cell.padded, cell.offset, len(cell.outputs), cell.stride)
            case Read():
                return Expression(f"{self.place.memories[id(cell.memory)]}[{self.index(cell.address)}]")
            case Choice():
                return self._choice(cell)
            case Match() | Priority():
                return self.condition(cell.outputs[0])
        raise AssertionError(cell)

    def index(self, address: Value) -> str:
        """Return an address as text; 0 where it has no bits."""
        return self.expression(address).text if address else "0"

    def operands(self, cell: Operation) -> list[tuple[Value, bool]]:
        """Return the operands as they are written, and whether each is written as a signed number.

        A signed operand is written without the copies of its sign: Verilog extends it to the width of the assignment.
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
        symbol, written = cell.symbol, self.operands(cell)
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
            return self.expression(nets)
        known = constant(nets)
        if known is not None:
            return Expression(signed_number(known - (known >> (len(nets) - 1) << len(nets)), width))
        return Expression(f"$signed({self.expression(nets).text})")

    def _indexed(self, value: Value, offset: Value, width: int, stride: int) -> Expression:
        """Return ``value[offset·stride +: width]``, with a wire for the value if needed: Verilog indexes names only."""
        parts = list(self._parts(value))
        base = self._part_text(parts[0], alone=False).text if len(parts) == 1 and parts[0][0] in self.where else ""
        if not base.isidentifier():
            made = self.expression(value)
            base = self.place.names.give("choices")
            self.drive(base, len(value), made)
        if len(value) == width:
            return Expression(base)
        index = self.expression(offset)
        if stride != 1:
            if index.level:
                # As a factor, it would be computed in as many bits as the product.
                name = self.place.names.give("index")
                self.drive(name, len(offset), index)
                index = Expression(name)
            index = binary("*", index, Expression(str(stride)))
        return Expression(f"{base}[{index.text}]" if width == 1 else f"{base}[{index.text} +: {width}]")

    def _choice(self, cell: Choice) -> Expression:
        """Return assignments under conditions as ``a ? x : b ? y : z``, bits with different assignments apart."""
        cuts = {0, len(cell.outputs)}.union(*({s.start, s.start + len(s.value)} for s in cell.steps))
        bounds = sorted(cuts)
        pieces = []
        for low, high in pairwise(bounds):
            part = cell.part(low, high) if len(bounds) > 2 else cell
            pieces.append(self._chosen(part))
        if len(pieces) == 1:
            return pieces[0]
        return Expression("{" + ", ".join(piece.text for piece in reversed(pieces)) + "}")

    def _chosen(self, cell: Choice) -> Expression:
        indexed = self._by_number(cell)
        if indexed is not None:
            return indexed

        def after(statements: Sequence[Statement], before: Expression) -> Expression:
            for statement in statements:
                if isinstance(statement, int):
                    before = self.expression(cell.steps[statement].value)
                    continue
                if before.level > 0 and len(statement.branches) > 1:
                    name = self.place.names.give("otherwise")
                    self.drive(name, len(cell.outputs), before)
                    before = Expression(name)
                made = before
                for test, body in reversed(self.arms(statement)):
                    value = after(body, before)
                    made = conditional(test, value, made) if test is not None else value
                before = made
            return before

        return after(self.tree(cell), self.expression(cell.default))

    def _by_number(self, cell: Choice) -> Expression | None:
        """Return a choice between many values by a number as an index into all of them; None if it is none."""
        priority = self.driver.get(cell.steps[0].condition) if cell.steps else None
        if not isinstance(priority, Priority) or len(cell.steps) < _INDEXED_FROM:
            return None
        value = self.case_value(priority)
        if value is None or priority.enable != (ONE,) or 1 << len(value) > 2 * len(cell.steps):
            return None
        table = [cell.default] * (1 << len(value))
        for step in cell.steps:
            match = self.driver.get(step.condition)
            if match is not priority:
                return None
        for branch in reversed(range(len(priority.choices))):
            set_here = [s.value for s in cell.steps if s.condition == priority.outputs[branch]] or [cell.default]
            tested = self.driver.get(priority.choices[branch])
            patterns = tested.patterns if isinstance(tested, Match) else ()
            for each in [int(pattern, 2) for pattern in patterns] if patterns else range(len(table)):
                table[each] = set_here[-1]
        return self._indexed(tuple(net for word in table for net in word), value, len(cell.outputs), len(cell.outputs))

    # Conditions

    def condition(self, net: int) -> Expression:
        """Return the condition under which a net of a match or an if is 1."""
        cell = self.driver.get(net)
        if isinstance(cell, Match):
            fitting = [[self._equal(*each) for each in cell.comparisons(pattern)] for pattern in cell.patterns]
            return disjunction([conjunction(terms) for terms in fitting])
        if not isinstance(cell, Priority):
            return self.expression((net,))
        at = cell.outputs.index(net)
        terms = [self.condition(each) for each in cell.enable if each != ONE]
        terms += [unary("!", self.condition(choice)) for choice in cell.choices[:at]]
        return conjunction([*terms, *(self.condition(each) for each in cell.choices[at : at + 1] if each != ONE)])

    def _equal(self, value: Value, wanted: int) -> Expression:
        """Return whether a value equals a number."""
        found = self.expression(value)
        if len(value) > 1:
            return binary("==", found, Expression(number(wanted, len(value))))
        return found if wanted else unary("!", found)

    def arms(self, statement: If) -> list[tuple[Expression | None, list[Statement]]]:
        """Return condition and body of each branch that has statements; the condition of an else is None."""
        arms: list[tuple[Expression | None, list[Statement]]] = []
        missed: list[Expression] = []
        # Where every branch compares the same value with another number, no other branch needs to be ruled out.
        tests = [self.driver.get(choice) for choice in statement.priority.choices if choice != ONE]
        patterns = [pattern for test in tests if isinstance(test, Match) for pattern in test.patterns]
        exclusive = self.case_value(statement.priority) is not None and len(set(patterns)) == len(patterns)
        exclusive = exclusive and max(statement.branches) < len(tests)
        for branch, choice in enumerate(statement.priority.choices):
            test = [] if choice == ONE else [self.condition(choice)]
            if branch in statement.branches:
                terms = [*missed, *test]
                arms.append((conjunction(terms) if terms else None, statement.branches[branch]))
            elif branch < max(statement.branches) and not exclusive:
                missed.append(unary("!", test[0]))
        return arms

    def case_value(self, priority: Priority) -> Value | None:
        """Return the one value that all branches compare with numbers; None if they test anything else."""
        tests = [self.driver.get(choice) for choice in priority.choices if choice != ONE]
        values = {test.value if isinstance(test, Match) else () for test in tests}
        if len(values) != 1 or len(tests) < 2:
            return None
        (value,) = values
        is_fixed = all("-" not in pattern for test in tests if isinstance(test, Match) for pattern in test.patterns)
        return value if len(value) > 1 and is_fixed else None

    def tree(self, choice: Choice, count: int | None = None) -> list[Statement]:
        """Return the first `count` assignments, or all, as nested ifs; neighbours under one condition share an if."""
        root: list[Statement] = []
        for index, step in enumerate(choice.steps[:count]):
            at = root
            for priority, branch in self.path(step.condition):
                last = at[-1] if at else None
                if not (isinstance(last, If) and last.priority is priority):
                    last = If(priority, {})
                    at.append(last)
                at = last.branches.setdefault(branch, [])
            at.append(index)
        return root

    def path(self, condition: int) -> list[tuple[Priority, int]]:
        """Return the branches that lead to where `condition` is 1, the outermost first."""
        path: list[tuple[Priority, int]] = []
        while condition != ONE:
            cell = self.driver.get(condition)
            if not isinstance(cell, Priority):
                # Any other net is the only branch of an if of its own.
                alone = Priority(self.place.index, (condition,), (ONE,), (condition,))
                cell = self._conditions.setdefault(condition, alone)
            path.insert(0, (cell, cell.outputs.index(condition)))
            (condition,) = cell.enable
        return path


def bits_range(width: int) -> str:
    """Return the range of a declaration, with a blank behind it; nothing for one bit."""
    return f"[{width - 1}:0] " if width > 1 else ""


def _shortest_signed(value: Value) -> Value:
    """Return the value without the copies of its highest net."""
    end = len(value)
    while end > 1 and value[end - 1] == value[end - 2]:
        end -= 1
    return value[:end]
