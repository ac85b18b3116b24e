"""Statements of Verilog as lines: ifs, cases, blocks, and how they are laid out."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

_WIDTH = 110

#: A condition, empty for "otherwise", and the statements under it.
Arm = tuple[str, list[str]]


def if_else(arms: Sequence[Arm]) -> list[str]:
    """Return the lines of ``if … else if … else``."""
    if not arms[0][0]:
        return arms[0][1]
    lines: list[str] = []
    for test, body in arms:
        head = f"if ({test})" if test else ""
        if lines:
            head = f"{lines.pop()} else {head}" if lines[-1] == "end" else f"else {head}"
        head = head.rstrip()
        if not test and starts_with_if(body) and is_one(body):
            lines += [f"{head} {body[0]}", *body[1:]]
        elif len(arms) == 1 and starts_with_if(body) and is_one(body) and not any("else" in line for line in body):
            # An if alone within an if: both conditions.
            inner, rest = _split_test(body[0])
            lines += [f"if ({_term(test)} && {_term(inner)}){rest}", *body[1:]]
        elif len(body) == 1 and not starts_with_if(body):
            lines.append(f"{head} {body[0]}")
        else:
            lines += [f"{head} begin", *(f"  {line}" for line in body), "end"]
    return lines


def starts_with_if(lines: Sequence[str]) -> bool:
    """Return whether the first statement is an if."""
    return lines[0].startswith("if (")


def is_one(lines: Sequence[str]) -> bool:
    """Return whether the lines are a single statement."""
    return len(lines) == 1 or (
        lines[0].startswith(("if (", "case ("))
        and all(line[0] == " " or line.split()[0] in ("end", "endcase", "else") for line in lines[1:])
    )


def case(value: str, arms: Sequence[Arm]) -> list[str]:
    """Return the lines of ``case (value)``; the test of an arm is its labels."""
    lines = [f"case ({value})"]
    for labels, body in arms:
        if len(body) == 1 and not starts_with_if(body):
            lines.append(f"  {labels}: {body[0]}")
        else:
            lines += [f"  {labels}: begin", *(f"    {line}" for line in body), "  end"]
    return [*lines, "endcase"]


def clocked(clock: str, lines: Sequence[str]) -> str:
    """Return the block that runs at every rising edge of a clock."""
    event = f"  always @(posedge {clock})"
    inside = [f"    {line}" for line in lines]
    text = [event, *inside] if is_one(lines) else [f"{event} begin", *inside, "  end"]
    return "\n".join(map(wrapped, text))


def wrapped(line: str) -> str:
    """Return the line in pieces of a readable length; Verilog does not mind where lines end."""
    if len(line) <= _WIDTH:
        return line
    indent = line[: len(line) - len(line.lstrip())] + "    "
    pieces = textwrap.wrap(line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(pieces)


def _split_test(line: str) -> tuple[str, str]:
    """Return the condition of an if, and what follows its parenthesis."""
    depth = 0
    for at, letter in enumerate(line):
        depth += (letter == "(") - (letter == ")")
        if letter == ")" and not depth:
            return line[len("if (") : at], line[at + 1 :]
    raise AssertionError(line)


def _term(test: str) -> str:
    """Return a condition as an operand of ``&&``."""
    simple = all(letter.isalnum() or letter in "_[]:!" for letter in test)
    conjunction = " && " in test and not any(letter in test for letter in "|?(")
    return test if simple or conjunction else f"({test})"
