"""The integrators of a memory: wide accumulators, a single rounding to the state word, optional error feedback."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.primitives.arithmetic import round_shift, sum_with_carry, times
from lmu_hw.rtl.primitives.bundles import Bundle, Component, Fields
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage


class BankStage(Stage):
    """The stages of the bank, from the address of an accumulator to the new state word."""

    READ = "the accumulators are addressed"
    HOLD = "the accumulators are read, and the sum of all terms but the increment is made"
    ADD = "the increments are there and are added"
    RETIRE = "the new words are there, and the new accumulators are written back at the end of the cycle"


class PipelinedBankStage(Stage):
    """The stages of a pipelined bank: a register behind the memory, and additions of their own for weight and sum."""

    READ = "the accumulators are addressed"
    FETCH = "the accumulators are read"
    HOLD = "the sum of all terms but the increment is made; the increments are there and are weighted"
    ADD = "the weighted increments are added"
    RETIRE = "the new words are there, and the new accumulators are written back at the end of the cycle"


READ_LEAD = BankStage.ADD - BankStage.READ
"""Cycles from the address of an accumulator to the increment that is added to it: READ and HOLD come before ADD."""


class IntegratorBank(Component):
    """Integrators with wide accumulators: adds an increment to each and rounds the sum to a state word.

        accumulator ← accumulator + increment
        sum         = accumulator [+ increment/2 for Adams–Bashforth 2, whose sums carry one fractional bit more]
        word        = floor((sum + residue + half an LSB) / 2^requantisation)
        output      = word, or floor((sum + half an LSB) / 2^output_requantisation) on a finer grid

    Where the plan has error feedback, the residue is what the rounding of the word before left over; it is stored
    beside the accumulator. In every cycle a row of integrators can be read and another one added to. The same row can
    be read again 3 cycles later, in the cycle in which it is written back. Latency: 3 cycles from the address to the
    words.

    ```wavedrom
    {"signal": [
      {"name": "clk",                  "wave": "p....."},
      {"name": "read.address",         "wave": "x3x...", "data": ["k"]},
      {"name": "old_accumulator",      "wave": "x..3x.", "data": ["of k"]},
      {"name": "add.increments",       "wave": "x..3x.", "data": ["of k"]},
      {"name": "words, outputs",       "wave": "x...3x", "data": ["of k"]}]}
    ```

    A pipelined bank takes two cycles more from the address to the words, through `PipelinedBankStage`, and the same row
    can be read again 5 cycles later, in the cycle after it is written back.

    Args:
        plan: The plan with the formats of accumulators, words and outputs.
        lanes: The number of integrators in a row, which are worked on together.
        depth: The number of rows.
        pipelined: Whether reading, weighting and adding have a cycle each.

    Attributes:
        read: In, the `address` of the row that is read, and `clear`, high where its integrators count as zero.
        add: In, `READ_LEAD` cycles after `read`: `valid`, high where the row is written back, its `address` again,
            and the `increments`, one for each lane, with the fractional bits of the products.
        words: Out, the new state words, one for each lane, in the cycle after `add`; of a pipelined bank, two cycles
            after it.
        outputs: Out, the words that leave the memory, in the same cycle as `words`.
    """

    def __init__(self, plan: MemoryPlan, lanes: int, depth: int, *, pipelined: bool = False) -> None:
        self._plan, self._lanes, self._depth, self._pipelined = plan, lanes, depth, pipelined
        increments = ArrayLayout(signed(plan.product_format.width), lanes)
        super().__init__(
            {
                "read": In(Bundle({"address": Out(range(depth)), "clear": Out(1)})),
                "add": In(Bundle({"valid": Out(1), "address": Out(range(depth)), "increments": Out(increments)})),
                "words": Out(ArrayLayout(signed(plan.state_format.width), lanes)),
                "outputs": Out(ArrayLayout(signed(plan.output_format.width), lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if self._pipelined:
            return self._elaborate_pipelined()
        m = Module()
        plan, lanes = self._plan, self._lanes
        wide, cut = plan.accumulator_format.width, plan.requantisation
        drop = plan.product_format.fraction - plan.accumulator_format.fraction
        half = 1 << (cut - 1)
        extra = int(plan.two_step)  # one more fractional bit holds the half of an increment exactly
        integrator = Fields({"accumulator": signed(wide), "residue": signed(cut) if plan.error_feedback else 0})
        m.submodules.integrators = integrators = storage(ArrayLayout(integrator, lanes), self._depth)
        store = integrators.write_port()
        # Transparent, so that a row that is written back in a cycle can be read in the same cycle.
        fetch = integrators.read_port(transparent_for=(store,))
        m.d.comb += fetch.addr.eq(self.read.address)
        clear = Signal()
        m.d.sync += clear.eq(self.read.clear)
        m.d.sync += [store.addr.eq(self.add.address), store.en.eq(self.add.valid)]

        for lane in range(lanes):
            stored = Signal(integrator, name=f"stored_{lane}")
            m.d.comb += stored.eq(Mux(clear, 0, fetch.data[lane]))
            old = Signal(signed(wide), name=f"old_accumulator_{lane}")
            base = Signal(signed(wide + extra + 1), name=f"base_{lane}")  # all of the sum but the increment
            m.d.sync += old.eq(stored.accumulator)
            fed_back = [stored.residue] if plan.error_feedback else []
            m.d.sync += base.eq(sum(fed_back, (stored.accumulator << extra) + half))

            step = Signal(round_shift(self.add.increments[lane], drop).shape(), name=f"step_{lane}")
            weighted = times(step, 3) if plan.two_step else step
            new = Signal(signed(wide), name=f"new_accumulator_{lane}")
            total = Signal(signed(wide + extra + 1), name=f"sum_{lane}")
            m.d.comb += [
                step.eq(round_shift(self.add.increments[lane], drop)),
                new.eq(old + step),
                total.eq(base + weighted),
            ]
            m.d.sync += [self.words[lane].eq(total >> cut), store.data[lane].accumulator.eq(new)]
            if plan.error_feedback:
                # The half has been added, so the top bit of those that are dropped tells which way the word was
                # rounded: inverted, it is the sign of the residue.
                m.d.sync += store.data[lane].residue.eq(Cat(total[: cut - 1], ~total[cut - 1]))
            if plan.separate_output:
                # The output is rounded from the sum without residue, which `base` includes.
                unfed = Signal(signed(wide + extra), name=f"unfed_{lane}")
                m.d.sync += unfed.eq(stored.accumulator << extra)
                m.d.sync += self.outputs[lane].eq(round_shift(unfed + weighted, plan.output_requantisation))
            else:
                m.d.comb += self.outputs[lane].eq(self.words[lane])
        return m

    def _elaborate_pipelined(self) -> Module:
        m = Module()
        plan, lanes = self._plan, self._lanes
        wide, cut = plan.accumulator_format.width, plan.requantisation
        drop = plan.product_format.fraction - plan.accumulator_format.fraction
        half = 1 << (cut - 1)
        extra = int(plan.two_step)
        integrator = Fields({"accumulator": signed(wide), "residue": signed(cut) if plan.error_feedback else 0})
        m.submodules.integrators = integrators = storage(ArrayLayout(integrator, lanes), self._depth)
        store = integrators.write_port()
        fetch = integrators.read_port()
        m.d.comb += fetch.addr.eq(self.read.address)
        clear = Signal()
        m.d.sync += clear.eq(self.read.clear)
        added = Signal(Fields({"valid": 1, "address": range(self._depth)}))
        m.d.sync += [added.valid.eq(self.add.valid), added.address.eq(self.add.address)]
        m.d.sync += [store.addr.eq(added.address), store.en.eq(added.valid)]
        for lane in range(lanes):
            # FETCH: behind a block RAM there is time for this choice only. With half an LSB added to it, the residue is
            # the bits that the rounding dropped, without a sign: its highest bit is inverted.
            fetched = fetch.data[lane]
            old_now = Signal(signed(wide), name=f"fetched_accumulator_{lane}")
            dropped = Signal(cut, name=f"dropped_{lane}")
            m.d.sync += [old_now.eq(fetched.accumulator), dropped.eq(half)]
            if plan.error_feedback:
                m.d.sync += dropped.eq(Cat(fetched.residue[: cut - 1], ~fetched.residue[cut - 1]))
            with m.If(clear):
                m.d.sync += [old_now.eq(0), dropped.eq(half)]
            # HOLD
            old = Signal(signed(wide), name=f"old_accumulator_{lane}")
            base = Signal(signed(wide + extra + 1), name=f"base_{lane}")  # all of the sum but the increment
            # Rounding adds the highest bit that is dropped. It is the carry into sums that are made anyway: to the
            # accumulator, and to the word in two parts, 3·step + 2·up here and 1·up in ADD.
            increment = self.add.increments[lane]
            up = Signal(name=f"up_{lane}")
            step = Signal((increment >> max(drop, 0)).shape(), name=f"step_{lane}")
            weighted = Signal(signed(len(step) + 2 * extra), name=f"weighted_{lane}")
            shifted, rest = increment >> max(drop, 0), increment[drop - 1] if drop > 0 else Const(0, 1)
            m.d.sync += [
                old.eq(old_now),
                base.eq((old_now << extra) + dropped),
                step.eq(shifted),
                up.eq(rest),
            ]
            if plan.two_step:
                m.d.sync += weighted.eq(sum_with_carry(shifted, Cat(rest, shifted).as_signed(), rest))
            else:
                m.d.sync += weighted.eq(shifted)
            # ADD
            total = Signal(signed(wide + extra + 1), name=f"sum_{lane}")
            m.d.comb += total.eq(sum_with_carry(base, weighted, up))
            m.d.sync += [
                self.words[lane].eq(total >> cut),
                store.data[lane].accumulator.eq(sum_with_carry(old, step, up)),
            ]
            if plan.error_feedback:
                m.d.sync += store.data[lane].residue.eq(Cat(total[: cut - 1], ~total[cut - 1]))
            if plan.separate_output:
                finer = plan.output_requantisation
                unfed = Signal(signed(wide + extra + 1), name=f"unfed_{lane}")
                m.d.sync += unfed.eq((old_now << extra) + (1 << finer >> 1))
                m.d.sync += self.outputs[lane].eq(sum_with_carry(unfed, weighted, up) >> finer)
            else:
                m.d.comb += self.outputs[lane].eq(self.words[lane])
        return m


def integrator_bits(plan: MemoryPlan) -> int:
    """Bits of storage of one integrator: its accumulator, and its residue where there is error feedback."""
    return plan.accumulator_format.width + (plan.requantisation if plan.error_feedback else 0)
