"""The cells that a design is made of.

A *net* is one bit, an integer; 0 and 1 are the constants. A *value* is a tuple of nets, lowest bit first. Every cell
drives a value of its own; what only renames or rearranges nets is no cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

Value = tuple[int, ...]
#: The signal that a net was written for, as its `id`, and the field of it.
Origin = tuple[int, str]
ZERO, ONE = 0, 1


def constant(value: Value) -> int | None:
    """Return a constant value as an unsigned number; None if some net is not constant."""
    if any(net > ONE for net in value):
        return None
    return sum(net << bit for bit, net in enumerate(value))


def constant_value(number: int, width: int) -> Value:
    """Return a number, in two's complement if it is negative, as a constant value of `width` bits."""
    return tuple(number >> bit & 1 for bit in range(width))


@dataclass(eq=False)
class Cell:
    """What drives some nets.

    Attributes:
        module: The index of the module that the cell stands in.
        outputs: The nets that the cell drives, the lowest bit first.
        origin: The signal that the cell was written for, as its `id`, and the field of that signal; None for a part of
            an expression.
        place: The file and line of the Python source that it comes from.
    """

    module: int
    outputs: Value
    origin: Origin | None = field(default=None, kw_only=True)
    place: Any = field(default=None, kw_only=True)

    def map(self, resolve: Callable[[Value], Value]) -> None:
        """Replace each value that the cell reads by what `resolve` returns for it."""

    def inputs(self) -> Iterator[Value]:
        """Return the values that the cell reads."""
        seen: list[Value] = []

        def note(value: Value) -> Value:
            seen.append(value)
            return value

        self.map(note)
        return iter(seen)

    def reads(self, bit: int) -> Iterable[int]:
        """Return the nets that output `bit` depends on."""
        return (net for value in self.inputs() for net in value)

    def keep(self, low: int, high: int) -> None:
        """Cut the cell to output bits low … high − 1. A cell that cannot be cut stays as it is."""

    def key(self) -> Any:
        """Return what decides the outputs beside the inputs; None for cells that must stay apart, as registers."""
        return None


@dataclass(eq=False)
class Operation(Cell):
    """An operator of an expression.

    Operands are as wide as the result, except in comparisons, reductions, the test of a multiplexer and the amount of a
    shift.

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
        """The value, extended so that every offset selects bits of it."""
        reach = ((1 << len(self.offset)) - 1) * self.stride + len(self.outputs)
        filling = self.value[-1] if self.signed and self.value else ZERO
        return self.value + (filling,) * (reach - len(self.value))


@dataclass(eq=False)
class Match(Cell):
    """Whether a value fits one of several patterns.

    Attributes:
        value: The value.
        patterns: Words of the characters ``0``, ``1`` and ``-`` (either), one for each net, the highest first.
    """

    value: Value
    patterns: tuple[str, ...]

    def comparisons(self, pattern: str) -> list[tuple[Value, int]]:
        """What must hold for a pattern to fit: values, each with the number that it must equal.

        A pattern without ``-`` is one comparison, any other has one for each net that it speaks of.
        """
        if "-" not in pattern:
            return [(self.value, int(pattern, 2))]
        bits = zip(self.value, reversed(pattern), strict=True)
        return [((net,), int(wanted)) for net, wanted in bits if wanted != "-"]

    def key(self) -> Any:
        return self.patterns

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.value = resolve(self.value)


@dataclass(eq=False)
class Priority(Cell):
    """The branches of an if: output k is 1 if `enable` and choice k are 1 and no choice before k is."""

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
    """An assignment: if net `condition` is 1, the bits from `start` on become `value`."""

    condition: int
    start: int
    value: Value


@dataclass(eq=False)
class Choice(Cell):
    """A default value and the assignments that change it, one after the other."""

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
        """Return the choice of bits low … high − 1 only."""
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
    """A register of flip-flops: `data` is taken at each rising edge of `clock`, and `init` is the value at power-up."""

    data: Value
    init: int
    clock: Value

    def map(self, resolve: Callable[[Value], Value]) -> None:
        self.data, self.clock = resolve(self.data), resolve(self.clock)

    def reads(self, bit: int) -> Iterable[int]:
        return (self.data[bit], *self.clock)

    def part(self, low: int, high: int) -> Register:
        """Return the register of bits low … high − 1 only."""
        init = self.init >> low & ((1 << (high - low)) - 1)
        return replace(self, outputs=self.outputs[low:high], data=self.data[low:high], init=init)

    def keep(self, low: int, high: int) -> None:
        part = self.part(low, high)
        self.outputs, self.data, self.init = part.outputs, part.data, part.init


@dataclass(eq=False)
class Memory(Cell):
    """A memory: its words at power-up in `contents`, and its write ports."""

    name: str
    width: int
    contents: tuple[int, ...]
    writes: list[Write] = field(default_factory=list)


@dataclass(eq=False)
class Write(Cell):
    """A write port of a memory.

    Attributes:
        memory: The memory.
        data, address: The word, and where it is written at a rising edge of `clock`.
        enable: A net for each bit of the word, 1 where that bit is written.
        clock: The net of the clock.
    """

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
    """A read port of a memory. Without a clock its data follow the address at once.

    A word that is written at the same edge through one of the ports in `transparent` is read as it is written; through
    any other port, as it was before.
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
