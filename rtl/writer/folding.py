"""Simplification of single cells: constants, aliases, and simpler cells in their place."""

from __future__ import annotations

from collections.abc import Callable

from lmu_hw.rtl.writer.cells import (
    ONE,
    ZERO,
    Cell,
    Choice,
    Match,
    Operation,
    Priority,
    Register,
    Selection,
    Value,
    constant,
    constant_value,
)


def folded(cell: Cell) -> Value | None:
    """Return nets that equal the cell's outputs and that something simpler drives; None if there are none.

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
    """Fold the bits that nothing, or only unconditional assignments, change: they are what they are set to."""
    cell.steps = [step for step in cell.steps if step.condition != ZERO and step.value]
    # Nothing before the last unconditional assignment of all bits matters.
    whole = [k for k, s in enumerate(cell.steps) if s.condition == ONE and len(s.value) == len(cell.outputs)]
    if whole:
        cell.default, cell.steps = cell.steps[whole[-1]].value, cell.steps[whole[-1] + 1 :]
    final: list[int | None] = list(cell.default)
    for step in cell.steps:
        for bit, net in enumerate(step.value, step.start):
            final[bit] = net if step.condition == ONE or final[bit] == net else None
    if all(net is None for net in final):
        return None
    return tuple(own if net is None else net for own, net in zip(cell.outputs, final, strict=True))


def folded_register(cell: Register, choices: dict[int, tuple[Choice, int]]) -> Value | None:
    """Fold a register that is never set to anything but its initial value: it is that constant.

    Args:
        cell: The register.
        choices: The assignments that drive a net, and the bit of them that the net is.
    """
    initial = constant_value(cell.init, len(cell.data))
    for own, net, init in zip(cell.outputs, cell.data, initial, strict=True):
        values = {net}
        if net in choices:
            choice, bit = choices[net]
            steps = [step for step in choice.steps if 0 <= bit - step.start < len(step.value)]
            values = {choice.default[bit], *(step.value[bit - step.start] for step in steps)}
        if not values <= {own, init}:
            return None
    return initial


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
    """Fold an operation with one constant operand: sums with 0, comparisons of single bits, and the like."""
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
