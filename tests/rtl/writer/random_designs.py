"""Designs of random expressions, registers and memories, in every operator and statement that the writer knows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, EnableInserter, Module, Mux, ResetInserter, Shape, Signal, Value, signed, unsigned
from amaranth.lib import memory
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import Component, In, Out

INPUT_WIDTHS = {"a": 5, "b": 7, "c": 1, "d": 3, "w": 70}
_WIDEST = 72


class RandomDesign(Component):
    """A component whose outputs depend on all that it holds.

    Args:
        seed: of the random numbers; equal seeds give equal designs.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.widths = [self._random.randint(1, 9) for _ in range(6)]
        inputs = {name: In(width) for name, width in INPUT_WIDTHS.items()}
        outputs = {f"y{k}": Out(width) for k, width in enumerate(self.widths)}
        super().__init__(inputs | outputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chance = self._random
        values: list[Value] = [self.a, self.b, self.c, self.d, self.a.as_signed(), self.b.as_signed()]
        values += [self.w, self.w.as_signed()][: chance.randint(0, 2)]
        values += self._modules(m)
        # Names that begin like keywords must not be taken for them.
        for name in ("held_0", "held_1", "end_of_it", "else_what"):
            shape = self._shape()
            init = chance.choice((0, -1)) if shape.signed else chance.choice((0, 1))
            register = Signal(shape, name=name, init=init, reset_less=chance.random() < 0.2)
            values.append(register)
            self._assign(m, "sync", register, values)
        values += self._array(m, values)
        values += self._memory(m, values)
        for k in range(3):
            chosen = Signal(self._shape(), name=f"chosen_{k}")
            self._assign(m, "comb", chosen, values)
            values.append(chosen)
        values.append(self._interwoven(m, values))
        for k, _ in enumerate(self.widths):
            made = self._expression(values, 3)
            for value in values[k :: len(self.widths)]:
                made ^= value  # what no output depends on is left out
            m.d.comb += getattr(self, f"y{k}").eq(made)
        return m

    def _shape(self) -> Shape:
        width = self._random.randint(1, 10)
        return self._random.choice((signed, unsigned))(width)

    def _modules(self, m: Module) -> list[Value]:
        """What modules of two levels answer, some of them alike, some held or reset by themselves."""
        outer = [_Outer(), _Outer(), _Outer()]
        m.submodules.outer = EnableInserter(self.d[0])(outer[0])
        m.submodules.outer_inner = ResetInserter(self.d[1] & self.c)(outer[1])
        m.submodules += outer[2]
        m.d.comb += [outer[0].x.eq(self.a + self.b), outer[1].x.eq(~self.b), outer[2].x.eq(outer[1].y.total)]
        m.d.comb += [each.go.eq(self.c) for each in outer]
        values: list[Value] = []
        for each in outer:
            values += [each.y.total, each.y.parts[0], each.y.parts[1], each.y.odd]
        return self._random.sample(values, 4)

    def _array(self, m: Module, values: Sequence[Value]) -> list[Value]:
        """An array of registers of structs, written and read by a number."""
        chance = self._random
        shape = StructLayout({"low": unsigned(3), "pair": ArrayLayout(signed(2), 2)})
        words = Array(Signal(shape, name=f"array_{k}") for k in range(chance.randint(1, 5)))
        with m.If(self.c):
            m.d.sync += words[self.d].pair[self.a[0]].eq(self._expression(values, 1))
        m.d.sync += words[self.b[:2]].low.eq(self._expression(values, 1))
        return [words[self.b[1:3]].as_value(), words[self.d].pair[0]]

    def _interwoven(self, m: Module, values: Sequence[Value]) -> Value:
        """A value whose upper bits depend on its lower ones by way of a value as wide, which is no loop."""
        low, high = self.b ^ self._expression(values, 1), self.w ^ self._expression(values, 1)
        woven, mixed = Signal(8, name="woven"), Signal(8, name="mixed")
        with m.If(self.c):
            m.d.comb += woven[:4].eq(low)
        with m.Elif(self.d[0]):
            m.d.comb += woven[4:].eq(mixed[:4])
        m.d.comb += mixed.eq(woven ^ high)
        return mixed

    def _expression(self, values: Sequence[Value], depth: int) -> Value:
        """A value made of others, at most `depth` operators deep and `_WIDEST` bits wide."""
        chance = self._random
        if depth == 0 or chance.random() < 0.15:
            if chance.random() < 0.2:
                return Value.cast(chance.randint(-9, 9))
            return chance.choice(values)

        def other() -> Value:
            return self._expression(values, depth - 1)

        a = other()
        made: Value
        match chance.randrange(20):
            case 0:
                made = a + other()
            case 1:
                made = a - other()
            case 2:
                made = a[:6].as_signed() * other()[:5] if chance.random() < 0.5 else a[:6] * other()[:5].as_signed()
            case 3:
                made = chance.choice((a & other(), a | other(), a ^ other()))
            case 4:
                made = ~a
            case 5:
                made = -a
            case 6:
                b = other()
                made = chance.choice((a == b, a != b, a < b, a <= b, a > b, a >= b))
            case 7:
                made = Mux(other(), a, other())
            case 8:
                made = a << chance.randint(0, 3)
            case 9:
                made = a >> chance.randint(0, 3)
            case 10:
                made = a << self.d[:2]
            case 11:
                made = a >> chance.choice((self.d, self.b, self.w))
            case 12:
                made = Cat(a, other())
            case 13:
                made = chance.choice((a.any(), a.all(), a.xor(), a.bool()))
            case 14:
                made = chance.choice((self.a, self.b)).bit_select(self.d, chance.randint(1, 3))
            case 15:
                made = chance.choice((self.a, self.b)).word_select(self.d[:2], chance.randint(1, 3))
            case 16:
                made = self.w.word_select(other()[:3], chance.randint(1, 9))
            case 17:
                made = Array([a, other(), other(), other(), other()][: chance.randint(1, 5)])[other()[:3]]
            case 18:
                made = a[:6].matches(*self._patterns(len(a[:6])))
            case _:
                b = other()
                made = chance.choice((self.w < b, self.w.as_signed() >= a, a.as_signed() < b, self.w + a, self.w ^ b))
        return made[:_WIDEST] if len(made) > _WIDEST else made

    def _patterns(self, width: int) -> list[str]:
        chance = self._random
        return ["".join(chance.choices("01-", k=width)) for _ in range(chance.randint(1, 3))]

    def _assign(self, m: Module, domain: str, target: Signal, values: Sequence[Value]) -> None:
        """Assignments to `target` under random conditions."""
        chance = self._random

        def assign() -> None:
            if len(target) > 2 and chance.random() < 0.3:
                low = chance.randrange(len(target) - 1)
                m.d[domain] += target[low : chance.randint(low + 1, len(target))].eq(self._expression(values, 2))
            elif len(target) > 4 and chance.random() < 0.2:
                m.d[domain] += target.bit_select(self.d[:2], 2).eq(self._expression(values, 1))
            else:
                m.d[domain] += target.eq(self._expression(values, 2))

        def block(depth: int) -> None:
            for _ in range(chance.randint(1, 2)):
                kind = chance.randrange(4) if depth else 0
                if kind == 0:
                    assign()
                elif kind == 1:
                    with m.If(self._expression(values, 1).bool()):
                        block(depth - 1)
                    if chance.random() < 0.5:
                        with m.Elif(self._expression(values, 1).bool()):
                            block(depth - 1)
                    if chance.random() < 0.5:
                        with m.Else():
                            block(depth - 1)
                elif kind == 2:
                    value = self._expression(values, 1)[:8]
                    with m.Switch(value):
                        for _ in range(chance.randint(1, 6)):
                            with m.Case(*self._patterns(len(value))):
                                block(0)
                        if chance.random() < 0.5:
                            with m.Default():
                                block(depth - 1)
                else:
                    with m.Switch(self.d):
                        for number in chance.sample(range(8), chance.choice((2, 7))):
                            with m.Case(number):
                                block(0)
                        if chance.random() < 0.5:
                            with m.Case("1--", "-01"):
                                block(0)
                        with m.Default():
                            block(0)

        block(2)

    def _memory(self, m: Module, values: Sequence[Value]) -> list[Value]:
        """The words that the ports of a small memory read."""
        chance = self._random
        depth = chance.choice((1, 3, 4))
        shape: Any = unsigned(6)
        init: list[Any] = [chance.randrange(64) for _ in range(depth)]
        granularity = chance.choice((None, 2))
        if chance.random() < 0.3:
            shape, granularity = StructLayout({"high": 2, "low": signed(4)}), None
            init = [{"high": 2, "low": -3} for _ in range(depth)]
        m.submodules.words = words = memory.Memory(shape=shape, depth=depth, init=init)
        write = words.write_port(granularity=granularity)
        writes = [write]
        if depth == 4 and chance.random() < 0.5:
            second = words.write_port()
            writes.append(second)
            m.d.comb += [
                second.addr.eq(~self.a[:2]),
                Value.cast(second.data).eq(self._expression(values, 1)),
                second.en.eq(self.c),
            ]
        transparent = words.read_port(transparent_for=chance.choice((writes, writes[:1])))
        plain = words.read_port()
        at_once = words.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self.a[:2]),
            Value.cast(write.data).eq(self._expression(values, 2)),
            write.en.eq(self.b[: len(write.en)]),
            transparent.addr.eq(self.d[:2]),
            transparent.en.eq(chance.choice((1, self.c))),
            plain.addr.eq(self.d[1:]),
            plain.en.eq(self.b[3]),
            at_once.addr.eq(self.d[:2]),
        ]
        # What a port has not read yet is unknown in Verilog.
        seen = Signal(2)
        with m.If(transparent.en):
            m.d.sync += seen[0].eq(1)
        with m.If(plain.en):
            m.d.sync += seen[1].eq(1)
        in_range = Signal()
        m.d.comb += in_range.eq(self.d[:2] < depth)
        ranged = [Signal(name="transparent_in_range"), Signal(name="plain_in_range")]
        with m.If(transparent.en):
            m.d.sync += ranged[0].eq(self.d[:2] < depth)
        with m.If(plain.en):
            m.d.sync += ranged[1].eq(self.d[1:] < depth)
        return [
            Mux(seen[0] & ranged[0], Value.cast(transparent.data), 0),
            Mux(seen[1] & ranged[1], Value.cast(plain.data), 0),
            Mux(in_range, Value.cast(at_once.data), 0),
        ]


#: The port of a module within.
_ANSWER = StructLayout({"total": signed(9), "parts": ArrayLayout(unsigned(3), 2), "odd": 1})


class _Outer(Component):
    """A module with two alike within."""

    def __init__(self) -> None:
        super().__init__({"x": In(8), "go": In(1), "y": Out(_ANSWER)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.first, m.submodules.inner = first, second = _Inner(), _Inner()
        m.d.comb += [first.x.eq(self.x), first.go.eq(self.go), second.x.eq(first.y.total), second.go.eq(~self.go)]
        m.d.comb += [self.y.eq(second.y), self.y.odd.eq(first.y.odd ^ second.y.odd)]
        return m


class _Inner(Component):
    """A module within, with a struct for a port."""

    def __init__(self) -> None:
        super().__init__({"x": In(8), "go": In(1), "y": Out(_ANSWER)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.go):
            m.d.sync += [self.y.total.eq(self.y.total + self.x.as_signed()), self.y.parts[1].eq(self.x >> 2)]
        m.d.comb += [self.y.parts[0].eq(self.x), self.y.odd.eq(self.x[0] ^ self.y.total[0])]
        return m
