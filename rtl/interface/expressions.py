"""Verilog expressions as trees: as much of the language as the generator writes, with its widths and signs.

IEEE 1364-2005, section 5.4: the operands of some operators are as wide as they are by themselves; those of others
are extended to the width of the whole expression first. So a wire may give way to the expression that drives it
only where both come to the same, which `replaced` decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

TOKEN = re.compile(
    r"\\\S+ ?|\$?[A-Za-z_][\w$]*|\d+'s?[bdho][0-9a-fA-FxzXZ?]+|\d+|<<<|>>>|===|!==|[=!<>]=|<<|>>|&&|\|\||\S"
)
_COMPARISONS = frozenset(("==", "!=", "===", "!==", "<", "<=", ">", ">=", "&&", "||"))
_SHIFTS = frozenset(("<<", ">>", "<<<", ">>>"))
_ARITHMETIC = frozenset("+-*/%&|^")
_REDUCTIONS = frozenset("&|^!")


@dataclass(frozen=True)
class Term:
    """An expression.

    Attributes:
        kind: "number", "name", "slice", "call", "join" ({a, b}), "signed", "unary", "binary" or "choice" (a ? b : c).
        text: the number, the name or the operator.
        parts: the operands.
        high, low: the bits that a slice takes.
    """

    kind: str
    text: str = ""
    parts: tuple[Term, ...] = ()
    high: int = 0
    low: int = 0

    def __str__(self) -> str:
        match self.kind:
            case "slice":
                place = str(self.low) if self.high == self.low else f"{self.high}:{self.low}"
                return f"{self.text}[{place}]"
            case "call":
                return f"{self.text}({', '.join(map(str, self.parts))})"
            case "join":
                return _joined([str(part) for part in self.parts])
            case "signed":
                return f"$signed({self.parts[0]})"
            case "unary":
                return f"{self.text}{in_brackets(self.parts[0])}"
            case "binary":
                left, right = self.parts
                chained = left.kind == "binary" and left.text == self.text and self.text in "&|^"
                return f"{left if chained else _operand(left)} {self.text} {_operand(right)}"
            case "choice":
                condition, chosen, otherwise = self.parts
                last = str(otherwise) if otherwise.kind == "choice" else in_brackets(otherwise)
                return f"{_operand(condition)} ? {in_brackets(chosen)} : {last}"
            case _:
                return self.text

    def names(self) -> list[str]:
        """Every name in it, once for each place where it stands."""
        own = [self.text] if self.kind in ("name", "slice", "call") else []
        return own + [name for part in self.parts for name in part.names()]


def in_brackets(term: Term) -> str:
    """The text of an operand, in brackets where it is more than a name."""
    return f"({term})" if term.kind in ("unary", "binary", "choice") else str(term)


def _operand(term: Term) -> str:
    """Beside an operator, ~a and !a stand without brackets; a reduction would be misread there."""
    return str(term) if term.kind == "unary" and term.text in "~!" else in_brackets(term)


def _joined(parts: list[str]) -> str:
    """{a, b}, with a part that stands several times in a row as {3{a}}."""
    runs: list[list[str]] = []
    for part in parts:
        if runs and runs[-1][0] == part:
            runs[-1].append(part)
        else:
            runs.append([part])
    return "{" + ", ".join(run[0] if len(run) == 1 else f"{{{len(run)}{{{run[0]}}}}}" for run in runs) + "}"


class NotUnderstood(Exception):
    """The text is no expression of the kinds that are known here."""


def parse(text: str) -> Term:
    """The tree of an expression.

    Raises:
        NotUnderstood: it has a form that is not known here.
    """
    parser = _Parser([token.strip() for token in TOKEN.findall(text)])
    term = parser.choice()
    if parser.rest:
        raise NotUnderstood(text)
    return term


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens[::-1]

    def _next(self) -> str:
        return self.rest[-1] if self.rest else ""

    def _take(self, expected: str = "") -> str:
        if not self.rest or (expected and self.rest[-1] != expected):
            raise NotUnderstood(expected)
        return self.rest.pop()

    def choice(self) -> Term:
        condition = self._binary()
        if self._next() != "?":
            return condition
        self._take()
        chosen = self.choice()
        self._take(":")
        return Term("choice", "?", (condition, chosen, self.choice()))

    def _binary(self) -> Term:
        left = self._unary()
        if self._next() in _COMPARISONS | _SHIFTS | _ARITHMETIC:  # the generator writes one operator at a time
            return Term("binary", self._take(), (left, self._unary()))
        return left

    def _unary(self) -> Term:
        if self._next() in ("~", "-", *_REDUCTIONS):
            return Term("unary", self._take(), (self._unary(),))
        return self._primary()

    def _primary(self) -> Term:
        token = self._take()
        if token == "(":
            inside = self.choice()
            self._take(")")
            return inside
        if token == "{":
            return Term("join", "", self._list("}"))
        if token == "$signed":
            self._take("(")
            return Term("signed", "", self._list(")"))
        if token[0].isdigit():
            return Term("number", token)
        if not (token[0] in "\\_" or token[0].isalpha()):
            raise NotUnderstood(token)
        if self._next() == "(":
            self._take()
            return Term("call", token, self._list(")"))
        if self._next() != "[":
            return Term("name", token)
        self._take()
        high = low = self._index()
        if self._next() == ":":
            self._take()
            low = self._index()
        self._take("]")
        return Term("slice", token, (), high, low)

    def _index(self) -> int:
        token = self._take()
        if not token.isdigit():
            raise NotUnderstood(token)
        return int(token)

    def _list(self, end: str) -> tuple[Term, ...]:
        parts = [self.choice()]
        while self._next() == ",":
            self._take()
            parts.append(self.choice())
        self._take(end)
        return tuple(parts)


Widths = Mapping[str, int]
"""The width of each declared name, all of which are unsigned."""


def width(term: Term, widths: Widths) -> int:
    """How wide a term is by itself.

    Raises:
        NotUnderstood: a number without a size, or a name that is not declared.
    """
    match term.kind:
        case "number":
            size, quote, _ = term.text.partition("'")
            if not quote:
                raise NotUnderstood(term.text)
            return int(size)
        case "name":
            if term.text not in widths:
                raise NotUnderstood(term.text)
            return widths[term.text]
        case "slice":
            return term.high - term.low + 1
        case "join":
            return sum(width(part, widths) for part in term.parts)
        case "signed":
            return width(term.parts[0], widths)
        case "unary":
            return 1 if term.text in _REDUCTIONS else width(term.parts[0], widths)
        case "binary":
            if term.text in _COMPARISONS:
                return 1
            return max(width(part, widths) for part in (term.parts[:1] if term.text in _SHIFTS else term.parts))
        case "choice":
            return max(width(part, widths) for part in term.parts[1:])
    raise NotUnderstood(term.kind)


def is_signed(term: Term) -> bool:
    """Whether it counts as signed where it is extended or compared."""
    match term.kind:
        case "signed":
            return True
        case "number":
            return "'s" in term.text
        case "unary":
            return term.text not in _REDUCTIONS and is_signed(term.parts[0])
        case "binary":
            if term.text in _COMPARISONS:
                return False
            return all(is_signed(part) for part in (term.parts[:1] if term.text in _SHIFTS else term.parts))
        case "choice":
            return all(is_signed(part) for part in term.parts[1:])
    return False


def _keeps_its_width(term: Term) -> bool:
    """Whether its value is the same in every context: what its operands mean does not depend on the context's width."""
    if term.kind in ("number", "name", "slice", "join"):
        return not is_signed(term)
    return (term.kind == "unary" and term.text in _REDUCTIONS) or (term.kind == "binary" and term.text in _COMPARISONS)


def replaced(term: Term, context: int | None, find: Callable[[str], Term | None], widths: Widths) -> Term:
    """The term with names replaced by the expressions that drive them, wherever that changes nothing.

    Args:
        term: the expression.
        context: the width that it is extended to; None where it stands for itself.
        find: the expression that drives a name, as wide as the name; None for a name that stays.
        widths: the width of each declared name.
    """
    if term.kind == "name":
        driver = find(term.text)
        if driver is None:
            return term
        same = context is None or _keeps_its_width(driver) or (not is_signed(driver) and context <= widths[term.text])
        return driver if same else term
    own: int | None = width(term, widths) if context is None else context
    if term.kind in ("signed", "join", "call") or (term.kind == "unary" and term.text in _REDUCTIONS):
        inside: list[int | None] = [None] * len(term.parts)
    elif term.kind == "choice":
        inside = [None, own, own]
    elif term.kind == "binary" and term.text in ("&&", "||"):
        inside = [None, None]
    elif term.kind == "binary" and term.text in _COMPARISONS:
        inside = [max(width(part, widths) for part in term.parts)] * 2
    elif term.kind == "binary" and term.text in _SHIFTS:
        inside = [own, None]
    else:
        inside = [own] * len(term.parts)
    parts = tuple(replaced(part, each, find, widths) for part, each in zip(term.parts, inside, strict=True))
    return Term(term.kind, term.text, parts, term.high, term.low)


def part_of(term: Term, low: int, count: int, widths: Widths) -> Term:
    """`count` bits of a term, from bit `low` on.

    Raises:
        NotUnderstood: they are no part of it that can be written without a wire for the whole.
    """
    if low == 0 and count == width(term, widths):
        return term
    if term.kind == "name":
        return Term("slice", term.text, (), low + count - 1, low)
    if term.kind == "slice":
        return Term("slice", term.text, (), term.low + low + count - 1, term.low + low)
    if term.kind == "number" and (known := re.fullmatch(r"\d+'(?:h([0-9a-f]+)|d(\d+))", term.text)):
        value = (int(known[1], 16) if known[1] else int(known[2])) >> low & ((1 << count) - 1)
        return Term("number", f"{count}'h{value:0{-(-count // 4)}x}")
    if term.kind == "join":
        taken, place = [], 0
        for part in reversed(term.parts):
            size = width(part, widths)
            first, last = max(low, place), min(low + count, place + size)
            if first < last:
                taken.append(part_of(part, first - place, last - first, widths))
            place += size
        return taken[0] if len(taken) == 1 else Term("join", "", tuple(reversed(taken)))
    raise NotUnderstood(str(term))
