"""From the sums of affine maps to codes, and from codes to the words of activations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.formats import Overflow, QFormat, signed_width
from lmu_hw.networks.quantize.plan import ActivationPlan
from lmu_hw.reference.definition import Activation
from lmu_hw.rtl.network.program import Map, Program
from lmu_hw.rtl.primitives.arithmetic import fit, round_shift
from lmu_hw.rtl.primitives.pipeline import Image

LATENCY = 3
"""Cycles from a code to the word of its activation."""


def narrowed(m: Module, maps: tuple[Map, ...], number: Signal, total: Signal, code: Signal) -> None:
    """Put the code of a finished sum of the map `number` into the register `code`: rounded and saturated."""
    ways: dict[tuple[int, QFormat], list[int]] = {}
    for k, each in enumerate(maps):
        drop = each.plan.accumulator.fraction - each.plan.target.fraction
        ways.setdefault((drop, each.plan.target), []).append(k)
    with m.Switch(number):
        for (drop, target), mine in ways.items():
            with m.Case(*mine):
                m.d.sync += code.eq(fit(round_shift(total, drop), target, Overflow.SATURATE))


@dataclass(eq=False)
class _Table:
    """A table of straight pieces; `row` bits are those of a base, the slope's lie above."""

    plan: ActivationPlan
    maps: list[int] = field(default_factory=list)

    @property
    def base_bits(self) -> int:
        return signed_width(float(np.abs(self.plan.base).max()))

    @property
    def slope_bits(self) -> int:
        return signed_width(float(np.abs(self.plan.slope).max())) if self.plan.offset_bits else 0

    @property
    def image(self) -> Image:
        base, slope = self.plan.base & ((1 << self.base_bits) - 1), self.plan.slope & ((1 << self.slope_bits) - 1)
        pairs = zip(base.tolist(), slope.tolist(), strict=True)
        return Image(self.base_bits + self.slope_bits, [b | s << self.base_bits for b, s in pairs])

    def serves(self, plan: ActivationPlan) -> bool:
        mine = self.plan
        return (mine.input, mine.output, mine.offset_bits, mine.drop) == (
            plan.input,
            plan.output,
            plan.offset_bits,
            plan.drop,
        ) and all(np.array_equal(a, b) for a, b in ((mine.base, plan.base), (mine.slope, plan.slope)))


class ActivationUnit(wiring.Component):
    """Words of codes, `LATENCY` cycles later, one a cycle: table, slope times offset, rounding.

    Layers with the same activation share its table, and all of them the multiplier for the slopes.

    Attributes:
        map: the affine map that the code comes from, In; `code`: In.
        word: Out.
    """

    def __init__(self, program: Program) -> None:
        plans = {
            k: activation
            for k, each in enumerate(program.maps)
            if not each.drives and (activation := program.plan.layers[each.layer].activation) is not None
        }
        self._plain = {k: plan for k, plan in plans.items() if not plan.tabulated}
        self._tables: list[_Table] = []
        for k, plan in plans.items():
            if plan.tabulated:
                found = next((table for table in self._tables if table.serves(plan)), None)
                if found is None:
                    found = _Table(plan)
                    self._tables.append(found)
                found.maps.append(k)
        self._number = range(max(2, len(program.maps)))
        self._code = signed(code_width(program))
        self._word = signed(word_width(program))
        super().__init__({"map": In(self._number), "code": In(self._code), "word": Out(self._word)})

    @property
    def table_bits(self) -> int:
        """Bits of all tables."""
        return sum(table.image.bits for table in self._tables)

    @property
    def multipliers(self) -> int:
        """One where some table has slopes."""
        return int(any(table.slope_bits for table in self._tables))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        looked, scaled = Signal(self._number), Signal(self._number)
        code, plain = Signal(self._code), Signal(self._code)
        m.d.sync += [looked.eq(self.map), scaled.eq(looked), code.eq(self.code), plain.eq(code)]
        base = Signal(signed(max((table.base_bits for table in self._tables), default=1)))
        slope = Signal(signed(max((table.slope_bits for table in self._tables), default=1) or 1))
        offset = Signal(max((table.plan.offset_bits for table in self._tables), default=0))
        held_base, product = Signal.like(base), Signal(signed(len(slope) + len(offset) + 1))
        for k, table in enumerate(self._tables):
            plan = table.plan
            m.submodules[f"table_{k}"] = rom = table.image.memory
            read = rom.read_port()
            bits = plan.input.width
            above, later = (Cat(each[: bits - 1], ~each[bits - 1]) for each in (self.code, code))  # code − low
            m.d.comb += read.addr.eq(above[plan.offset_bits :])
            with m.Switch(looked), m.Case(*table.maps):
                m.d.comb += base.eq(read.data[: table.base_bits].as_signed())
                if table.slope_bits:
                    m.d.comb += [
                        slope.eq(read.data[table.base_bits :].as_signed()),
                        offset.eq(later[: plan.offset_bits]),
                    ]
        m.d.sync += held_base.eq(base)
        if self.multipliers:
            m.d.sync += product.eq(slope * offset)
        with m.Switch(scaled):
            for table in self._tables:
                with m.Case(*table.maps):
                    m.d.sync += self.word.eq(round_shift(held_base + product, table.plan.drop))
            for k, plan in self._plain.items():
                with m.Case(k):
                    positive = plan.function is Activation.RELU
                    m.d.sync += self.word.eq(Mux(plain < 0, 0, plain) if positive else plain)
        return m


def code_width(program: Program) -> int:
    """Bits that hold the codes of every map."""
    return max(each.plan.target.width for each in program.maps)


def word_width(program: Program) -> int:
    """Bits that hold the words of every activation."""
    layers = (program.plan.layers[each.layer] for each in program.maps if not each.drives)
    return max((layer.output_format.width for layer in layers), default=1)
