"""The bank of integrators: wide accumulators, one narrowing to the state word, optional error feedback."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.primitives.arithmetic import round_shift, times


class IntegratorBank(wiring.Component):
    """Add an increment to `lanes` accumulators per cycle and narrow them to state words.

        accumulator += increment
        value = accumulator [+ increment/2 for ab2]
        word = floor((value + residue + half) / 2^narrowing)
        output = word, or floor((value + half) / 2^output_requantisation) on a finer grid

    An address given on `fetch` in cycle k must be followed by its increments on `increment` in cycle k + 2;
    the words come out, registered, in cycle k + 3 and are written back at the end of it.

    Attributes:
        fetch: slot whose accumulators are read, In.
        fetch_fresh: take them as zero, In(1).
        apply: the increments are valid, In(1).
        apply_slot: slot that they belong to, In.
        increment: on the product's grid, In, `lanes` signed words.
        words: new state words, Out; valid one cycle after `apply`.
        outputs: what leaves, Out; likewise.
    """

    def __init__(self, plan: MemoryPlan, lanes: int, depth: int) -> None:
        self._plan, self._lanes, self._depth = plan, lanes, depth
        super().__init__(
            {
                "fetch": In(range(depth)),
                "fetch_fresh": In(1),
                "apply": In(1),
                "apply_slot": In(range(depth)),
                "increment": In(ArrayLayout(signed(plan.product_format.width), lanes)),
                "words": Out(ArrayLayout(signed(plan.state_format.width), lanes)),
                "outputs": Out(ArrayLayout(signed(plan.output_format.width), lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes = self._plan, self._lanes
        wide, cut = plan.accumulator_format.width, plan.requantisation
        drop = plan.product_format.fraction - plan.accumulator_format.fraction
        half = 1 << (cut - 1)
        extra = int(plan.two_step)
        fields = integrator_bits(plan)
        m.submodules.store = store = memory.Memory(shape=ArrayLayout(fields, lanes), depth=self._depth, init=[])
        write = store.write_port()
        read = store.read_port(transparent_for=(write,))
        m.d.comb += read.addr.eq(self.fetch)
        fresh = Signal()
        m.d.sync += fresh.eq(self.fetch_fresh)
        m.d.sync += [write.addr.eq(self.apply_slot), write.en.eq(self.apply)]

        for lane in range(lanes):
            stored = Mux(fresh, 0, read.data[lane])
            old = Signal(signed(wide), name=f"accumulator_{lane}")
            base = Signal(signed(wide + extra + 1), name=f"base_{lane}")  # all of the sum but the increment
            m.d.sync += old.eq(stored[:wide].as_signed())
            # With the half added, flipping the top bit that is dropped turns it into a signed residue.
            residue = stored[wide:].as_signed() if plan.error_feedback else 0
            m.d.sync += base.eq((stored[:wide].as_signed() << extra) + residue + half)

            step = round_shift(self.increment[lane], drop)
            new = Signal(signed(wide), name=f"sum_{lane}")
            value = Signal(signed(wide + extra + 1), name=f"value_{lane}")
            m.d.comb += [
                new.eq(old + step),
                value.eq(base + (times(step, 3) if plan.two_step else step)),
            ]
            m.d.sync += self.words[lane].eq(value >> cut)
            if plan.separate_output:
                # Of the sum without residue; `base` has it, so another one goes beside it.
                bare = Signal(signed(wide + extra), name=f"bare_{lane}")
                m.d.sync += bare.eq(stored[:wide].as_signed() << extra)
                left = bare + (times(step, 3) if plan.two_step else step)
                m.d.sync += self.outputs[lane].eq(round_shift(left, plan.output_requantisation))
            else:
                m.d.comb += self.outputs[lane].eq(self.words[lane])
            if plan.error_feedback:
                left_over = Cat(value[: cut - 1], ~value[cut - 1])
                m.d.sync += write.data[lane].eq(Cat(new, left_over))
            else:
                m.d.sync += write.data[lane].eq(new)
        return m


def integrator_bits(plan: MemoryPlan) -> int:
    """Bits of a state's integrator: its accumulator, and the residue where there is error feedback."""
    return plan.accumulator_format.width + (plan.requantisation if plan.error_feedback else 0)
