"""Channels in step: a table of entries that all lanes follow, each one cycle behind the one before.

Where the products of a sample wait for one another, more multipliers cannot make the sample faster. They work
on as many channels side by side instead: a lane has a multiplier and the states of its channels, and hands
each entry of the table on to the next lane. So lane k is k cycles behind lane 0, and when each lane gathers
`lanes` successive words before it gives them out, exactly one beat comes in a cycle.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from amaranth.hdl import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout, View
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory, check_divisor
from lmu_hw.rtl.primitives.arithmetic import times
from lmu_hw.rtl.primitives.layouts import input_layout
from lmu_hw.rtl.primitives.pipeline import Image, LanePipeline
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer


class Table:
    """What is done in each slot of a sample, in words of a read-only memory.

    Attributes:
        layout: of an entry; an entry of zeros does nothing.
        entries: field values, one for each slot.
    """

    layout: StructLayout
    entries: list[dict[str, Any]]


def owner_layout(turns: int) -> StructLayout:
    """Whose sample an entry belongs to: the turn of channels, its bank of words, a fresh state, and the flags."""
    return StructLayout({"turn": range(turns), "bank": 1, "fresh": 1, "first": 1, "last": 1})


def order_layout(table: Table, turns: int) -> StructLayout:
    """What is handed from lane to lane: an entry, and whether it starts a sample and for which turn of channels."""
    return StructLayout({"starts": 1, "fresh": 1, "turn": range(turns), "bank": 1, "entry": table.layout})


class Lane(wiring.Component):
    """One multiplier with the states of the channels that it works on.

    Attributes:
        order: what to do, In.
        sample: its channel's sample, read with the order that starts, In.
        operand, coefficient: what it multiplies, Out; `product`: what came of it in the next cycle, In.
        valid, words, row, turn, first, last: a beat of words, Out.
    """

    def __init__(self, plan: MemoryPlan, table: Any, words: int, turns: int) -> None:
        self._plan, self._table, self._words, self._turns = plan, table, words, turns
        operand, coefficient = plan.operand_format.width, plan.increment.coefficient_bits
        super().__init__(
            {
                "operand": Out(signed(operand)),
                "coefficient": Out(signed(coefficient)),
                "product": In(signed(operand + coefficient)),
                "order": In(order_layout(table, turns)),
                "sample": In(input_layout(plan.input_format.width)),
                "valid": Out(1),
                "words": Out(ArrayLayout(signed(plan.output_format.width), words)),
                "row": Out(range(plan.spec.order)),
                "turn": Out(range(turns)),
                "first": Out(1),
                "last": Out(1),
            }
        )

    def _stages(self, m: Module, names: tuple[str, ...]) -> list[View[StructLayout]]:
        """The entry and its owner as they come, and after one register for each name."""
        owner = owner_layout(self._turns)
        held, now = Signal(owner), Signal(owner)
        m.d.comb += now.eq(held)
        with m.If(self.order.starts):
            m.d.comb += [
                now.turn.eq(self.order.turn),
                now.bank.eq(self.order.bank),
                now.fresh.eq(self.order.fresh | self.sample.first),
                now.first.eq(self.sample.first),
                now.last.eq(self.sample.last),
            ]
        m.d.sync += held.eq(now)
        stage = StructLayout({"entry": self._table.layout, "owner": owner})
        stages = [Signal(stage)]
        m.d.comb += [stages[0].entry.eq(self.order.entry), stages[0].owner.eq(now)]
        for name in names:
            stages.append(Signal(stage, name=name))
            m.d.sync += stages[-1].eq(stages[-2])
        return stages

    def _held_sample(self, m: Module) -> Signal:
        """The code of the sample, from the cycle after the order that starts it until the next one."""
        sample = Signal(signed(self._plan.input_format.width))
        with m.If(self.order.starts):
            m.d.sync += sample.eq(self.sample.data)
        return sample

    def _gather(self, m: Module, word: Value, at: View[StructLayout]) -> None:
        """Give words out in beats; `word` is that of the entry's row where the entry retires."""
        gathered = [
            Signal(signed(self._plan.output_format.width), name=f"gathered_{j}") for j in range(self._words - 1)
        ]
        with m.If(at.entry.retire):
            m.d.sync += [to.eq(came) for to, came in zip(gathered, [*gathered[1:], word], strict=False)]
        m.d.comb += [
            self.valid.eq(at.entry.ends),
            *(self.words[j].eq(came) for j, came in enumerate([*gathered, word])),
            self.row.eq(at.entry.row - (self._words - 1)),
            self.turn.eq(at.owner.turn),
            self.first.eq(at.owner.first),
            self.last.eq(at.owner.last),
        ]


class InStepPipeline(LanePipeline):
    """Samples of the channels in step are collected, then the table runs through all lanes once."""

    lane: ClassVar[type[Lane]]

    @classmethod
    @abstractmethod
    def table(cls, plan: MemoryPlan, words: int) -> Table:
        """The entries of a sample, for beats of so many words."""

    @classmethod
    def image_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> Image:
        """The table as it is."""
        table = cls.table(plan, schedule.words)
        return Image(table.layout, table.entries)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes, schedule = self._plan, self._lanes, self._schedule
        turns = self._channels // lanes
        table = self.table(plan, schedule.words)
        m.submodules.sequencer = seq = Sequencer(schedule, turns)
        m.d.comb += self.address.eq(seq.next_slot)

        # The sample of the last lane starts the round. A lane takes its own over before the next one can come.
        samples = Array(Signal(input_layout(plan.input_format.width), name=f"sample_{k}") for k in range(lanes))
        filled = Signal(range(lanes))
        complete = filled == lanes - 1
        m.d.comb += [
            seq.valid.eq(self.valid & complete),
            self.ready.eq(~complete | seq.ready),
        ]
        with m.If(self.valid & self.ready):
            m.d.sync += [samples[filled].eq(self.sample), filled.eq(Mux(complete, 0, filled + 1))]

        bank = Signal()  # changes when every channel has had its sample
        m.d.sync += bank.eq(bank ^ (seq.ends & (seq.channel == turns - 1)))
        layout = order_layout(table, turns)
        order = Signal(layout)
        m.d.comb += [
            order.starts.eq(seq.issue & seq.starts),
            order.fresh.eq(seq.fresh),
            order.turn.eq(seq.channel),
            order.bank.eq(bank),
            order.entry.eq(Mux(seq.issue, self.entry, 0)),
        ]
        for k in range(lanes):
            order, before = Signal(layout, name=f"order_{k}"), order
            m.d.sync += order.eq(before)
            m.submodules[f"lane_{k}"] = lane = self.lane(plan, table, schedule.words, turns)
            m.d.comb += [
                lane.order.eq(order),
                lane.sample.eq(samples[k]),
                self.factors[k].operand.eq(lane.operand),
                self.factors[k].coefficient.eq(lane.coefficient),
                lane.product.eq(self.products[k]),
            ]
            with m.If(lane.valid):  # never two at once: they are one cycle apart, and `lanes` words make a beat
                m.d.comb += [
                    self.beat_valid.eq(1),
                    self.beat.data.eq(lane.words),
                    self.beat.index.eq(lane.row),
                    self.beat.channel.eq(times(lane.turn, lanes) + k),
                    self.beat.first.eq(lane.first),
                    self.beat.last.eq(lane.last),
                ]
        return m


class InStepMemory(StreamMemory):
    """A memory whose lanes work on channels in step, `lanes` a divisor of the order and of the channels.

    A beat holds `lanes` successive states of one channel, and the beats of the channels in step alternate.
    """

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        check_divisor(lanes, plan.spec.order, "order")
        check_divisor(lanes, channels, "number of channels, which are worked on side by side,")
