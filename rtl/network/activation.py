"""The end of an affine map: the rounding of its sums to codes, and the activation that turns codes into words."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.formats import Overflow, QFormat, signed_width
from lmu_hw.networks.quantize.plan import ActivationPlan
from lmu_hw.reference.definition import Activation
from lmu_hw.rtl.network.program import Program
from lmu_hw.rtl.network.rom import Words
from lmu_hw.rtl.primitives.arithmetic import fit, round_shift
from lmu_hw.rtl.primitives.bundles import Component
from lmu_hw.rtl.primitives.storage import RomContents


class Rounder(Component):
    """Rounds and saturates the sum of a row to a code in its map's target format; one a cycle, latency one cycle.

    Args:
        program: The program of the network, with its affine maps.
        words: The widths of the network.

    Attributes:
        map: In, the index of the affine map that the sum belongs to.
        sum: In, the sum, signed, `Words.sum` bits, with the fractional bits of the map's accumulator.
        code: Out, the code in the next cycle, signed, in the map's target format.
    """

    def __init__(self, program: Program, words: Words) -> None:
        self._maps = program.maps
        number = range(max(2, len(program.maps)))
        super().__init__({"map": In(number), "sum": In(signed(words.sum)), "code": Out(signed(code_width(program)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Maps that drop equally many bits and have the same target format share the rounding logic.
        ways: dict[tuple[int, QFormat], list[int]] = {}
        for k, each in enumerate(self._maps):
            drop = each.plan.accumulator.fraction - each.plan.target.fraction
            ways.setdefault((drop, each.plan.target), []).append(k)
        with m.Switch(self.map):
            for (drop, target), mine in ways.items():
                with m.Case(*mine):
                    m.d.sync += self.code.eq(fit(round_shift(self.sum, drop), target, Overflow.SATURATE))
        return m


@dataclass(eq=False)
class _Table:
    """The table of a piecewise-linear activation: a row holds a base in its lower bits and a slope above it.

    Attributes:
        plan: The activation.
        maps: The indices of the affine maps whose codes use the table.
    """

    plan: ActivationPlan
    maps: list[int] = field(default_factory=list)

    @property
    def base_bits(self) -> int:
        """The width of a base in bits."""
        return signed_width(float(np.abs(self.plan.base).max()))

    @property
    def slope_bits(self) -> int:
        """The width of a slope in bits; 0 where every code has a row of its own, so that there is no offset."""
        return signed_width(float(np.abs(self.plan.slope).max())) if self.plan.offset_bits else 0

    @property
    def rom(self) -> RomContents:
        """The contents of the table, a row for each piece."""
        base, slope = self.plan.base & ((1 << self.base_bits) - 1), self.plan.slope & ((1 << self.slope_bits) - 1)
        pairs = zip(base.tolist(), slope.tolist(), strict=True)
        return RomContents(self.base_bits + self.slope_bits, [b | s << self.base_bits for b, s in pairs])

    def serves(self, plan: ActivationPlan) -> bool:
        """Whether the table gives the words of another activation too."""
        mine = self.plan
        return (mine.input, mine.output, mine.offset_bits, mine.drop) == (
            plan.input,
            plan.output,
            plan.offset_bits,
            plan.drop,
        ) and all(np.array_equal(a, b) for a, b in ((mine.base, plan.base), (mine.slope, plan.slope)))


class ActivationUnit(Component):
    """Applies the activations of all layers to codes: piecewise linear from tables, ReLU, identity; one word a cycle.

    A tabulated activation is word = round(base + slope·offset): the upper bits of the code address the piece in the
    table, and the lower bits are the offset within it. Layers with the same activation share its table, and all layers
    share the multiplier. ReLU and the identity need no table but have the same latency, 3 cycles, from LOOKUP to WRITE
    of `RowStage`.

    Args:
        program: The program of the network, with its affine maps.

    Attributes:
        map: In, the index of the affine map that the code comes from.
        code: In, the code, signed, in the map's target format.
        word: Out, the word of the activation 3 cycles later, signed, in the layer's output format.
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
        """The size of all tables in bits."""
        return sum(table.rom.bits for table in self._tables)

    @property
    def multipliers(self) -> int:
        """The number of multipliers: 1 where some table has slopes, else 0."""
        return int(any(table.slope_bits for table in self._tables))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        scale_map = Signal(self._number)  # the map of the code in SCALE
        add_map = Signal(self._number)  # the map of the code in ADD
        scale_code = Signal(self._code)
        add_code = Signal(self._code)
        m.d.sync += [
            scale_map.eq(self.map),
            add_map.eq(scale_map),
            scale_code.eq(self.code),
            add_code.eq(scale_code),
        ]
        interpolated = self._interpolated(m, scale_map, scale_code) if self._tables else None
        with m.Switch(add_map):
            for table in self._tables:
                with m.Case(*table.maps):
                    m.d.sync += self.word.eq(round_shift(interpolated, table.plan.drop))
            for k, plan in self._plain.items():
                with m.Case(k):
                    positive = plan.function is Activation.RELU
                    m.d.sync += self.word.eq(Mux(add_code < 0, 0, add_code) if positive else add_code)
        return m

    def _interpolated(self, m: Module, scale_map: Signal, scale_code: Signal) -> Value:
        """Base + slope·offset for the code in ADD; the tables are addressed by the code in LOOKUP."""
        base = Signal(signed(max(table.base_bits for table in self._tables)))
        held_base = Signal.like(base)
        m.d.sync += held_base.eq(base)
        slope_bits = max(table.slope_bits for table in self._tables)
        if self.multipliers:
            slope = Signal(signed(slope_bits))
            offset = Signal(max(table.plan.offset_bits for table in self._tables))
            product = Signal(signed(len(slope) + len(offset) + 1))
            m.d.sync += product.eq(slope * offset)
        for k, table in enumerate(self._tables):
            plan, sign = table.plan, table.plan.input.width - 1
            m.submodules[f"table_{k}"] = rom = table.rom.storage()
            table_read = rom.read_port()
            # The distance from the lowest code of the format, code − low, is the code with its sign bit inverted.
            above_low = Cat(self.code[:sign], ~self.code[sign])
            m.d.comb += table_read.addr.eq(above_low[plan.offset_bits :])
            with m.Switch(scale_map), m.Case(*table.maps):
                m.d.comb += base.eq(table_read.data[: table.base_bits].as_signed())
                if table.slope_bits:
                    m.d.comb += [
                        slope.eq(table_read.data[table.base_bits :].as_signed()),
                        offset.eq(Cat(scale_code[:sign], ~scale_code[sign])[: plan.offset_bits]),
                    ]
        return held_base + product if self.multipliers else held_base


def code_width(program: Program) -> int:
    """The width in bits of a signal that holds the codes of every affine map."""
    return max(each.plan.target.width for each in program.maps)


def word_width(program: Program) -> int:
    """The width in bits of a signal that holds the words of every activation."""
    layers = (program.plan.layers[each.layer] for each in program.maps if not each.drives)
    return max((layer.output_format.width for layer in layers), default=1)
