"""Expressions of Verilog: text, and how strongly it binds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Expression(NamedTuple):
    """Text with the precedence of its outermost operator; 0 binds most.

    Attributes:
        text: the Verilog.
        level: precedence, a value of `LEVELS`; 0 for names, numbers, concatenations and calls.
        extending: whether its value depends on the width that its surroundings ask for. Such an expression is right
            only as the whole right-hand side of an assignment to as many bits as it has.
        lines: the text of a chain of conditions, one to a line.
    """

    text: str
    level: int = 0
    extending: bool = False
    lines: tuple[str, ...] = ()


#: Precedence of Verilog's operators.
LEVELS = {
    "*": 2,
    "+": 3,
    "-": 3,
    "<<": 4,
    ">>": 4,
    ">>>": 4,
    "<": 5,
    ">": 5,
    "<=": 5,
    ">=": 5,
    "==": 6,
    "!=": 6,
    "&": 7,
    "^": 8,
    "|": 9,
}
_UNARY, _EQUALITY, _AND, _OR, _TERNARY = 1, 6, 10, 11, 12
_ASSOCIATIVE = frozenset("&^|")


def inside(operand: Expression, level: int, symbol: str = "") -> str:
    """Return an operand as text, in parentheses unless it is a name, has a sign, or repeats an associative operator."""
    same = symbol in _ASSOCIATIVE and operand.text and operand.level == level
    return operand.text if operand.level <= _UNARY or same else f"({operand.text})"


def number(value: int, width: int) -> str:
    """Return an unsigned constant of `width` bits: decimal below 10, else hexadecimal."""
    if width == 1:
        return f"1'b{value}"
    return f"{width}'d{value}" if value < 10 else f"{width}'h{value:x}"


def signed_number(value: int, width: int) -> str:
    """Return a signed constant of `width` bits."""
    if value < 0 and value != -(1 << (width - 1)):
        return f"-{width}'sd{-value}"
    return f"{width}'sd{value}" if value >= 0 else f"{width}'sh{1 << (width - 1):x}"


def unary(symbol: str, operand: Expression) -> Expression:
    """Return an operator before its operand."""
    text = operand.text if operand.level == 0 else f"({operand.text})"
    return Expression(f"{symbol}{text}", _UNARY)


def binary(symbol: str, left: Expression, right: Expression, *, extending: bool = False) -> Expression:
    """Return an operator between two operands."""
    level = LEVELS[symbol]
    return Expression(f"{inside(left, level, symbol)} {symbol} {inside(right, level, symbol)}", level, extending)


def conjunction(terms: Sequence[Expression]) -> Expression:
    """Return conditions joined by ``&&``."""
    if len(terms) == 1:
        return terms[0]
    texts = [term.text if term.level <= _EQUALITY or term.level == _AND else f"({term.text})" for term in terms]
    return Expression(" && ".join(texts), _AND)


def disjunction(terms: Sequence[Expression]) -> Expression:
    """Return conditions joined by ``||``."""
    if len(terms) == 1:
        return terms[0]
    texts = [term.text if term.level <= _EQUALITY else f"({term.text})" for term in terms]
    return Expression(" || ".join(texts), _OR)


def conditional(test: Expression, yes: Expression, no: Expression) -> Expression:
    """Return ``test ? yes : no``; a chain of these reads as if, else if, else."""
    condition = test.text if test.level <= _EQUALITY else f"({test.text})"
    positive = yes.text if yes.level < _TERNARY else f"({yes.text})"
    first = f"{condition} ? {positive} :"
    return Expression(f"{first} {no.text}", _TERNARY, lines=(first, *(no.lines or (no.text,))))
