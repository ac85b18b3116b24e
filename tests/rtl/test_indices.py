"""Indices of elements within elements, exhaustively at small sizes, with more bits than they need too."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator, SimulatorContext

from lmu_hw.rtl.primitives.bundles import ABSENT
from lmu_hw.rtl.primitives.indices import flat_index, is_last, successor


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("spare_bits", [0, 2])
def test_a_flat_index_is_outer_times_count_plus_inner(count: int, spare_bits: int) -> None:
    m = Module()
    outer = Signal(range(5))
    inner = Signal((count - 1).bit_length() + spare_bits) if count > 1 or spare_bits else ABSENT
    flat = Signal(8)
    following = Signal(8)
    last = Signal()
    m.d.comb += [
        flat.eq(flat_index(outer, inner, count)),
        following.eq(successor(inner, count)),
        last.eq(is_last(inner, count)),
    ]

    async def testbench(ctx: SimulatorContext) -> None:
        for k in range(5):
            for j in range(count):
                ctx.set(outer, k)
                if inner is not ABSENT:
                    ctx.set(inner, j)
                assert ctx.get(flat) == k * count + j
                assert ctx.get(following) == (j + 1) % count
                assert ctx.get(last) == (j == count - 1)

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
