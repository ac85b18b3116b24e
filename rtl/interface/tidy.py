"""Yosys's Verilog in a form that is read: the same registers and logic, in plain names and whole expressions.

What is done to each module:

1. A function that stands for a multiplexer becomes a chain of choices.
2. A wire that only passes a register on is the register.
3. A wire without a name of its own that is used once gives way to its expression, where `replaced` allows it; the
   others are named after what they lead to.
4. Escaped names become plain ones.
5. Ports are declared where they are listed; each module begins with a comment.

Nothing here knows what the design does. That the text means the same before and after is tested by Yosys.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lmu_hw.rtl.interface.expressions import (
    TOKEN,
    NotUnderstood,
    Term,
    in_brackets,
    parse,
    part_of,
    replaced,
    width,
)

_NAME = r"(?:\\\S+ ?|\w+)"
_MODULE = re.compile(rf"^module ({_NAME})\s*\((.*)\);$")
_DECLARED = re.compile(
    rf"^  (input|output|wire|reg) (?:\[(\d+):0\] )?({_NAME})\s*(?:\[(\d+):0\])?(?: = (\d+'[hbd][0-9a-fx]+))?;$"
)
_ZERO_WIDTH = re.compile(rf"^  wire \[-1:0\] {_NAME};$")
_ASSIGNED = re.compile(r"^  assign (.*?) = (.*);$")
_UNNAMED = re.compile(r"_\d+_")
_INSTANCE = re.compile(rf"^  ({_NAME})\s+({_NAME})\s*\($")
_CONNECTED = re.compile(rf"^    \.({_NAME})\s*\((.*)\)(,?)$")
_CONDITION = re.compile(r"^(\s*(?:else )?if )\((\w+)\)(.*)$")
LONGEST = 110
"""Characters of a line to which expressions are put together."""


@dataclass
class _Declared:
    kind: str  # "wire" or "reg"
    width: int
    direction: str = ""  # of a port
    init: str = ""
    rows: int = 0  # of a memory


@dataclass
class _Assigned:
    target: Term
    value: Term


@dataclass
class _Register:
    """What a register takes over at a rising edge of clk: the value of the first condition that holds."""

    name: str
    ways: list[tuple[Term | None, Term]]


@dataclass
class _Instance:
    kind: str
    name: str
    connections: list[tuple[str, Term]]


@dataclass
class _Lines:
    """A memory or whatever else stays as it is, but for its names."""

    lines: list[str]

    def names(self) -> list[str]:
        if self.lines[0] == "  initial begin":  # the words of a memory: many, and no names among them but its own
            return [token.strip() for token in TOKEN.findall(self.lines[1])][:1]
        return [token.strip() for line in self.lines for token in TOKEN.findall(line)]


_Statement = _Assigned | _Register | _Instance | _Lines


@dataclass
class _Module:
    name: str
    ports: list[str]
    declared: dict[str, _Declared] = field(default_factory=dict)
    statements: list[_Statement] = field(default_factory=list)

    @property
    def widths(self) -> dict[str, int]:
        return {name: each.width for name, each in self.declared.items() if not each.rows}


def tidied(
    verilog: str, comments: Mapping[str, str], ports: Sequence[tuple[str, str]], rename: Callable[[str], str]
) -> str:
    """The same modules, tidied.

    Args:
        verilog: what Yosys wrote, the top module first.
        comments: what each module is, by the name that it has in `verilog`.
        ports: name and meaning of each port of the top module, in the order in which they are listed.
        rename: the plain name of an escaped one, a valid identifier; where two are alike, one gets a number.
    """
    modules = _in_use([_read(lines) for lines in _module_lines(verilog)])
    for module in modules:
        for step in (_choices, _registers, _known, _trimmed, _folded):
            step(module)
    names = _unique([module.name for module in modules], rename, set())
    top = modules[0]
    if {name for name, _ in ports} != set(top.ports):
        raise ValueError(f"ports {sorted(top.ports)} are not those that are described")
    top.ports = [name for name, _ in ports]
    inside = {module.name: _plain_names(module, rename) for module in modules}
    texts = []
    for module in modules:
        meanings = dict(ports) if module is top else {}
        texts.append(_written(module, names, inside, comments.get(module.name.lstrip("\\"), ""), meanings))
    return "\n".join(texts)


def _in_use(modules: list[_Module]) -> list[_Module]:
    """The top module and all that it contains."""
    wanted = {modules[0].name}
    for module in modules:  # whoever contains another one stands before it
        if module.name in wanted:
            wanted |= {each.kind for each in module.statements if isinstance(each, _Instance)}
    return [module for module in modules if module.name in wanted]


def _module_lines(verilog: str) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in re.sub(r"\n(?=, |\);)", "", verilog).splitlines():  # long lists of ports come in several lines
        if lines or line.startswith("module "):
            lines.append(line)
        if line == "endmodule":
            yield lines
            lines = []


def _read(lines: list[str]) -> _Module:
    head = _MODULE.match(lines[0])
    if head is None:
        raise ValueError(lines[0])
    module = _Module(head[1].strip(), [port.strip() for port in head[2].split(",")])
    k = 1
    while lines[k] != "endmodule":
        line = lines[k]
        if declared := _DECLARED.match(line):
            _declare(module, *declared.groups())
        elif _ZERO_WIDTH.match(line):
            pass
        elif assigned := _ASSIGNED.match(line):
            module.statements.append(_assignment(line, assigned[1], assigned[2]))
        else:
            end = _end_of(lines, k)
            module.statements.append(_block(lines[k:end]))
            k = end - 1
        k += 1
    return module


def _declare(module: _Module, kind: str, top: str | None, name: str, rows: str | None, init: str | None) -> None:
    name, bits = name.strip(), int(top or 0) + 1
    known = module.declared.setdefault(name, _Declared("wire", bits))
    if kind in ("input", "output"):
        known.direction = kind
    else:
        known.kind, known.rows = kind, int(rows) + 1 if rows else 0
        known.init = (init or "").replace("x", "0")  # bits that nothing reads


def _assignment(line: str, target: str, value: str) -> _Statement:
    try:
        return _Assigned(parse(target), parse(value))
    except NotUnderstood:
        return _Lines([line])


def _end_of(lines: list[str], start: int) -> int:
    """The line after the statement that begins in line `start`."""
    closing = {"initial": "  end", "function": "  endfunction"}.get(lines[start].split()[0])
    if lines[start].endswith("begin"):
        closing = "  end"
    if _INSTANCE.match(lines[start]):
        closing = "  );"
    if closing is not None:
        return lines.index(closing, start) + 1
    end = start + 1
    while lines[end].startswith("    "):
        end += 1
    return end


def _block(lines: list[str]) -> _Statement:
    """A register where it is one, else the lines."""
    if instance := _INSTANCE.match(lines[0]):
        connected = [_CONNECTED.match(line) for line in lines[1:-1]]
        connections = [(each[1].strip(), parse(each[2])) for each in connected if each]
        return _Instance(instance[1].strip(), instance[2].strip(), connections)
    if lines[0] != "  always @(posedge clk)":
        return _Lines(lines)
    ways: list[tuple[Term | None, Term]] = []
    target = ""
    for line in lines[1:]:
        way = re.match(rf"^    (?:(?:else )?if \((.*?)\) |else )?({_NAME})\s*<= (.*);$", line)
        if way is None:
            return _Lines(lines)
        target = way[2].strip()
        ways.append((parse(way[1]) if way[1] else None, parse(way[3])))
    return _Register(target, ways)


# The steps.


def _choices(module: _Module) -> None:
    """Functions that stand for multiplexers with several selects become chains of choices."""
    functions = {}
    for statement in module.statements:
        if isinstance(statement, _Lines) and (head := re.match(r"^  function \[(\d+):0\] (\w+);", statement.lines[0])):
            functions[head[2]] = (statement, int(head[1]) + 1)
    for statement in list(module.statements):
        if not (isinstance(statement, _Assigned) and statement.value.kind == "call"):
            continue
        function, bits = functions[statement.value.text]
        default, chosen, selects = statement.value.parts
        try:
            value = default
            for k in reversed(range(width(selects, module.widths))):
                select = part_of(selects, k, 1, module.widths)
                way = part_of(chosen, k * bits, bits, module.widths)
                value = way if _is_unknown(value) else Term("choice", "?", (select, way, value))
        except NotUnderstood:
            continue
        statement.value = value
        module.statements.remove(function)


def _registers(module: _Module) -> None:
    """A register without a name takes that of the wire that it drives as a whole."""
    names = {}
    for statement in list(module.statements):
        if not (isinstance(statement, _Assigned) and statement.target.kind == statement.value.kind == "name"):
            continue
        wire, register = statement.target.text, statement.value.text
        if _UNNAMED.fullmatch(register) and module.declared[register].kind == "reg":
            names[register] = wire
            module.declared[wire].kind = "reg"
            module.declared[wire].init = module.declared.pop(register).init
            module.statements.remove(statement)
    for statement in module.statements:
        if isinstance(statement, _Lines):
            statement.lines = _with_names(statement.lines, names)
        elif isinstance(statement, _Register):
            statement.name = names.get(statement.name, statement.name)


def _known(module: _Module) -> None:
    """A choice one side of which is unknown is the other side."""

    def known(term: Term) -> Term:
        parts = tuple(known(part) for part in term.parts)
        if term.kind == "choice":
            _, chosen, otherwise = parts
            if _is_unknown(chosen) or _is_unknown(otherwise):
                return otherwise if _is_unknown(chosen) else chosen
        return Term(term.kind, term.text, parts, term.high, term.low)

    _map_terms(module, known)


def _is_unknown(term: Term) -> bool:
    return term.kind == "number" and set(term.text.partition("'h")[2]) == {"x"}


def _trimmed(module: _Module) -> None:
    """Unnamed wires of which only the lower bits are driven are no wider than those."""
    unknown = [each for each in module.statements if isinstance(each, _Assigned) and _is_unknown(each.value)]
    for each in unknown:
        if _UNNAMED.fullmatch(each.target.text):
            module.statements.remove(each)
    terms = [term for each in module.statements for term in _terms(each)]
    slices: dict[str, set[tuple[int, int] | None]] = {}
    for term in terms:
        _collect_slices(term, slices)
    for statement in module.statements:
        if isinstance(statement, _Lines):
            for name in statement.names():
                slices.setdefault(name, set()).add(None)
    narrow: dict[str, tuple[int, int] | None] = {}
    for name, found in slices.items():
        part = next(iter(found))
        if _UNNAMED.fullmatch(name) and len(found) == 1 and part is not None and part[1] == 0:
            narrow[name] = part
            module.declared[name].width = part[0] + 1
    _map_terms(module, lambda term: _whole(term, narrow))


def _terms(statement: _Statement) -> list[Term]:
    if isinstance(statement, _Assigned):
        return [statement.target, statement.value]
    if isinstance(statement, _Register):
        return [term for way in statement.ways for term in way if term is not None]
    if isinstance(statement, _Instance):
        return [term for _, term in statement.connections]
    return []


def _collect_slices(term: Term, slices: dict[str, set[tuple[int, int] | None]]) -> None:
    if term.kind in ("name", "slice"):
        slices.setdefault(term.text, set()).add((term.high, term.low) if term.kind == "slice" else None)
    for part in term.parts:
        _collect_slices(part, slices)


def _whole(term: Term, narrow: Mapping[str, object]) -> Term:
    if term.kind == "slice" and term.text in narrow:
        return Term("name", term.text)
    return Term(term.kind, term.text, tuple(_whole(part, narrow) for part in term.parts), term.high, term.low)


def _map_terms(module: _Module, change: Callable[[Term], Term]) -> None:
    for statement in module.statements:
        if isinstance(statement, _Assigned):
            statement.target, statement.value = change(statement.target), change(statement.value)
        elif isinstance(statement, _Register):
            statement.ways = [(None if c is None else change(c), change(v)) for c, v in statement.ways]
        elif isinstance(statement, _Instance):
            statement.connections = [(port, change(term)) for port, term in statement.connections]


def _folded(module: _Module) -> None:
    """Unnamed wires that are used once give way to their expressions; all of 1-bit terms is written with operators."""
    _map_terms(module, lambda term: _spread(term, module.widths))
    uses = Counter(name for each in module.statements for name in _read_names(each))
    drivers = {
        each.target.text: each
        for each in module.statements
        if isinstance(each, _Assigned) and each.target.kind == "name" and _UNNAMED.fullmatch(each.target.text)
    }
    single = {name: each for name, each in drivers.items() if uses[name] == 1}
    gone: set[str] = set()
    done: set[str] = set()

    def folded(term: Term, context: int | None, room: int) -> Term:
        def find(name: str) -> Term | None:
            each = single.get(name)
            if each is None:
                return None
            if name not in done:
                done.add(name)
                each.value = folded(each.value, _context(each), LONGEST)
            if width(each.value, module.widths) != module.declared[name].width or len(str(each.value)) > LONGEST // 2:
                return None
            return each.value

        try:
            whole = replaced(term, context, find, module.widths)
        except NotUnderstood:
            return term
        if len(str(whole)) > room:
            return term
        left = Counter(whole.names())
        gone.update(name for name in term.names() if name in single and not left[name])
        return whole

    def _context(each: _Assigned) -> int:
        return max(width(each.target, module.widths), width(each.value, module.widths))

    for statement in module.statements:
        try:
            if isinstance(statement, _Assigned) and statement.target.text not in single:
                statement.value = folded(statement.value, _context(statement), LONGEST)
            elif isinstance(statement, _Register):
                bits = module.declared[statement.name].width
                statement.ways = [
                    (
                        None if condition is None else folded(condition, None, LONGEST),
                        folded(value, max(bits, width(value, module.widths)), LONGEST),
                    )
                    for condition, value in statement.ways
                ]
            elif isinstance(statement, _Instance):
                statement.connections = [(port, folded(term, None, 80)) for port, term in statement.connections]
            elif isinstance(statement, _Lines) and statement.lines[0] != "  initial begin":
                statement.lines = [_folded_line(line, lambda term: folded(term, None, 80)) for line in statement.lines]
        except NotUnderstood:
            continue
    for name, each in single.items():
        if name not in done and name not in gone:
            each.value = folded(each.value, _context(each), LONGEST)
    module.statements = [
        each
        for each in module.statements
        if not (isinstance(each, _Assigned) and each.target.text in gone and each.target.kind == "name")
    ]
    for name in gone:
        del module.declared[name]


def _folded_line(line: str, folded: Callable[[Term], Term]) -> str:
    """A line with a condition that stands for itself."""
    if condition := _CONDITION.match(line):
        return f"{condition[1]}({folded(Term('name', condition[2]))}){condition[3]}"
    return line


def _spread(term: Term, widths: Mapping[str, int]) -> Term:
    """&{a, b} of single bits as a & b, |{a, b} as a | b."""
    parts = tuple(_spread(part, widths) for part in term.parts)
    if term.kind == "unary" and term.text in "&|" and parts[0].kind == "join":
        bits = parts[0].parts
        if all(width(bit, widths) == 1 for bit in bits):
            whole = bits[0]
            for bit in bits[1:]:
                whole = Term("binary", term.text, (whole, bit))
            return whole
    return Term(term.kind, term.text, parts, term.high, term.low)


def _read_names(statement: _Statement) -> list[str]:
    if isinstance(statement, _Assigned):
        target = statement.target.names() if statement.target.kind != "name" else []
        return target + statement.value.names()
    if isinstance(statement, _Lines):
        return statement.names()
    return [name for term in _terms(statement) for name in term.names()]


# Names.


def _with_names(lines: list[str], names: Mapping[str, str]) -> list[str]:
    """The lines with names exchanged, but for those of the ports of an instance."""

    def exchange(found: re.Match[str]) -> str:
        name = found[0].strip()
        if name not in names:
            return found[0]
        return names[name] + (" " if names[name].startswith("\\") else "")

    pattern = re.compile(r"(?<![.\w$'])(?:\\\S+ ?|[A-Za-z_]\w*)")
    return [pattern.sub(exchange, line) for line in lines]


def _unique(names: Sequence[str], rename: Callable[[str], str], used: set[str]) -> dict[str, str]:
    """A plain name for each, none of those that are used already; the first of several alike keeps it."""
    plain: dict[str, str] = {}
    for name in names:
        base = new = rename(name)
        k = 2
        while new in used:
            new = f"{base}_{k}"
            k += 1
        used.add(new)
        plain[name] = new
    return plain


def _plain_names(module: _Module, rename: Callable[[str], str]) -> dict[str, str]:
    """A plain name for everything in a module, ports first; unnamed wires are called after what they lead to."""
    used: set[str] = set()
    named = [name for name in module.declared if not _UNNAMED.fullmatch(name) and name not in module.ports]
    named += [each.name for each in module.statements if isinstance(each, _Instance)]
    named.sort(key=lambda name: name.startswith("\\"))
    plain = _unique([*module.ports, *named], rename, used)
    readers = _readers(module)

    def leads_to(name: str) -> str:
        seen = set()
        while _UNNAMED.fullmatch(name) and name in readers and name not in seen:
            seen.add(name)
            name = readers[name]
        return plain.get(name, rename(name) if not _UNNAMED.fullmatch(name) else "value")

    for name in module.declared:
        if name in plain:
            continue
        goal = re.sub(r"\W+", "_", leads_to(name)).strip("_")
        plain[name] = _unique([f"for_{goal}"], str, used).popitem()[1]
    return plain


def _readers(module: _Module) -> dict[str, str]:
    """What each name leads to first: the wire or register that it is part of, or the port that it is connected to."""
    found: dict[str, str] = {}
    for statement in module.statements:
        if isinstance(statement, _Assigned):
            targets = statement.target.names()
            for name in statement.value.names():
                found.setdefault(name, targets[-1])
        elif isinstance(statement, _Register):
            for term in _terms(statement):
                for name in term.names():
                    found.setdefault(name, statement.name)
        elif isinstance(statement, _Instance):
            for port, term in statement.connections:
                for name in term.names():
                    found.setdefault(name, f"{statement.name}_{port}")
        else:
            written = re.match(rf"^\s*({_NAME})\s*(?:\[.*\])? <= ", statement.lines[min(2, len(statement.lines) - 1)])
            for name in statement.names():
                if written:
                    found.setdefault(name, written[1].strip())
    return found


# The text.


def _written(
    module: _Module,
    names: Mapping[str, str],
    inside: Mapping[str, Mapping[str, str]],
    comment: str,
    meanings: Mapping[str, str],
) -> str:
    plain = inside[module.name]
    lines = [f"// {comment}"] if comment else []
    lines += [f"module {names[module.name]} ("]
    lines += _port_lines(module, plain, meanings)
    lines += [");"]
    order, local = _ordered(module)
    memories = {name: each for name, each in module.declared.items() if each.rows}
    for name, each in sorted(module.declared.items(), key=lambda item: plain[item[0]]):
        if not (each.direction or name in local or name in memories):
            lines.append(f"  {each.kind}{_range(each)} {plain[name]}{f' = {each.init}' if each.init else ''};")
    for name, each in memories.items():
        lines.append(f"  reg{_range(each)} {plain[name]} [0:{each.rows - 1}];")
    for statement in order:
        lines += _statement_lines(module, statement, plain, names, inside, local)
    return "\n".join([*lines, "endmodule", ""])


def _range(each: _Declared) -> str:
    return f" [{each.width - 1}:0]" if each.width > 1 else ""


def _port_lines(module: _Module, plain: Mapping[str, str], meanings: Mapping[str, str]) -> list[str]:
    ranges = max((len(_range(module.declared[name])) for name in module.ports), default=0)
    lines = []
    for name in module.ports:
        each = module.declared[name]
        init = f" = {each.init}" if each.init else ""
        comma = "" if name == module.ports[-1] else ","
        start = f"  {each.direction:6} {each.kind:4}{_range(each):{ranges}} {plain[name]}{init}{comma}"
        lines.append(f"{start:50}  // {meanings[name]}" if name in meanings else start)
    return lines


def _ordered(module: _Module) -> tuple[list[_Statement], set[str]]:
    """The statements, an unnamed wire right before its first use; and the wires that are declared there."""
    drivers = {
        each.target.text: each
        for each in module.statements
        if isinstance(each, _Assigned) and each.target.kind == "name" and _UNNAMED.fullmatch(each.target.text)
    }
    order: list[_Statement] = []
    placed: set[str] = set()

    def place(statement: _Statement) -> None:
        for name in _read_names(statement):
            if name in drivers and name not in placed:
                placed.add(name)
                place(drivers[name])
        order.append(statement)

    kinds = (_Lines, _Instance, _Assigned, _Register)
    for statement in sorted(module.statements, key=lambda each: kinds.index(type(each))):
        if not (isinstance(statement, _Assigned) and statement.target.text in drivers):
            place(statement)
    for name, statement in drivers.items():
        if name not in placed:
            placed.add(name)
            place(statement)
    return order, set(drivers)


def _statement_lines(
    module: _Module,
    statement: _Statement,
    plain: Mapping[str, str],
    names: Mapping[str, str],
    inside: Mapping[str, Mapping[str, str]],
    local: set[str],
) -> list[str]:
    if isinstance(statement, _Lines):
        return _renamed_lines(statement, plain)
    if isinstance(statement, _Instance):
        links = [f".{inside[statement.kind][port]}({_plain(term, plain)})" for port, term in statement.connections]
        lines = [f"    {link}{'' if link is links[-1] else ','}" for link in links]
        return [f"  {names[statement.kind]} {plain[statement.name]} (", *lines, "  );"]
    if isinstance(statement, _Register):
        lines = ["  always @(posedge clk)"]
        name = plain[statement.name]
        for k, (condition, value) in enumerate(statement.ways):
            start = "else " if k else ""
            when = f"if ({_plain(condition, plain)}) " if condition is not None else ""
            lines.append(f"    {start}{when}{name} <= {_plain(value, plain)};")
        return lines
    target = str(_plain(statement.target, plain))
    if statement.target.kind == "name" and statement.target.text in local:
        start = f"  wire{_range(module.declared[statement.target.text])} {target} = "
    else:
        start = f"  assign {target} = "
    value = _plain(statement.value, plain)
    line = f"{start}{value};"
    if len(line) <= LONGEST or value.kind != "choice":
        return [line]
    lines = []
    while value.kind == "choice":
        condition, chosen, otherwise = value.parts
        lines.append(f"{in_brackets(condition)} ? {in_brackets(chosen)}")
        value = otherwise
    pad = "\n" + " " * (len(start) - 2) + ": "
    return (start + pad.join([*lines, in_brackets(value)]) + ";").split("\n")


def _plain(term: Term, plain: Mapping[str, str]) -> Term:
    text = plain.get(term.text, term.text) if term.kind in ("name", "slice") else term.text
    return Term(term.kind, text, tuple(_plain(part, plain) for part in term.parts), term.high, term.low)


def _renamed_lines(statement: _Lines, plain: Mapping[str, str]) -> list[str]:
    lines = statement.lines
    if lines[0] == "  initial begin":
        old = lines[1].split("[")[0].strip()
        return [line.replace(f"    {old}", f"    {plain[old]}", 1).replace(" [", "[", 1) for line in lines]
    return [line.replace(" [", "[") for line in _with_names(lines, plain)]
