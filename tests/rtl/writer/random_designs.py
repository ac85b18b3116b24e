"""Designs of random expressions, registers and memories, in every operator and statement that the writer knows."""

from __future__ import annotations

import random
from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import memory
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import Component, In, Out

INPUT_WIDTHS = {"a": 5, "b": 7, "c": 1, "d": 3}


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
        m.submodules.inner = inner = _Inner()
        m.d.comb += [inner.x.eq(self.a + self.b), inner.go.eq(self.c)]
        values += [inner.y.total, inner.y.parts[0], inner.y.parts[1], inner.y.odd]
        for k in range(4):
            register = Signal(self._shape(), name=f"held_{k}", init=chance.choice((0, 1)))
            values.append(register)
            self._assign(m, "sync", register, values)
        values += self._memory(m, values)
        for k in range(3):
            chosen = Signal(self._shape(), name=f"chosen_{k}")
            self._assign(m, "comb", chosen, values)
            values.append(chosen)
        for k, _ in enumerate(self.widths):
            m.d.comb += getattr(self, f"y{k}").eq(self._expression(values, 3))
        return m

    def _shape(self) -> object:
        width = self._random.randint(1, 10)
        return self._random.choice((signed, unsigned))(width)

    def _expression(self, values: Sequence[Value], depth: int) -> Value:
        """A value made of others, at most `depth` operators deep and 24 bits wide."""
        chance = self._random
        if depth == 0 or chance.random() < 0.15:
            if chance.random() < 0.2:
                return Value.cast(chance.randint(-9, 9))
            return chance.choice(values)

        def other() -> Value:
            return self._expression(values, depth - 1)

        a = other()
        made: Value
        match chance.randrange(16):
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
                made = a >> self.d
            case 12:
                made = Cat(a, other())
            case 13:
                made = chance.choice((a.any(), a.all(), a.xor(), a.bool()))
            case 14:
                made = chance.choice((self.a, self.b)).bit_select(self.d, chance.randint(1, 3))
            case _:
                made = chance.choice((self.a, self.b)).word_select(self.d[:2], chance.randint(1, 3))
        return made[:24] if len(made) > 24 else made

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
                kind = chance.randrange(3) if depth else 0
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
        depth, width = chance.choice((1, 3, 4)), 6
        m.submodules.words = words = memory.Memory(
            shape=unsigned(width), depth=depth, init=[chance.randrange(64) for _ in range(depth)]
        )
        write = words.write_port(granularity=chance.choice((None, 2)))
        transparent = words.read_port(transparent_for=(write,))
        plain = words.read_port()
        at_once = words.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self.a[:2]),
            write.data.eq(self._expression(values, 2)),
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
            Mux(seen[0] & ranged[0], transparent.data, 0),
            Mux(seen[1] & ranged[1], plain.data, 0),
            Mux(in_range, at_once.data, 0),
        ]


class _Inner(Component):
    """A module within, with a struct for a port."""

    def __init__(self) -> None:
        struct = StructLayout({"total": signed(9), "parts": ArrayLayout(unsigned(3), 2), "odd": 1})
        super().__init__({"x": In(8), "go": In(1), "y": Out(struct)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.go):
            m.d.sync += [self.y.total.eq(self.y.total + self.x.as_signed()), self.y.parts[1].eq(self.x >> 2)]
        m.d.comb += [self.y.parts[0].eq(self.x), self.y.odd.eq(self.x[0] ^ self.y.total[0])]
        return m
