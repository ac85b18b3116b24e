"""Channels in step: a program that all lanes follow, each one cycle behind the one before.

Where the products of a sample wait for one another, more multipliers cannot make the sample faster. They work
on as many channels side by side instead: a lane has a multiplier and the states of its channels, and hands
each entry of the program on to the next lane. So lane k is k cycles behind lane 0, and when each lane gathers
`lanes` successive words before it gives them out, exactly one beat comes in a cycle.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out, connect, flipped

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory, check_divisor
from lmu_hw.rtl.primitives.bundles import Component, Fields
from lmu_hw.rtl.primitives.indices import element, flat_index, index_signal, is_last, successor
from lmu_hw.rtl.primitives.layouts import sample_layout
from lmu_hw.rtl.primitives.pipeline import LanePipeline, multiplier_signature
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer
from lmu_hw.rtl.primitives.stages import Stage, carried
from lmu_hw.rtl.primitives.storage import RomContents


class ProgramTable:
    """What is done in each slot of a sample, as rows of a ROM.

    Attributes:
        layout: of an entry; an entry of zeros does nothing. Its fields `retire` and `ends` say that a word of row
            `row` comes, and that it completes a beat.
        entries: field values, one entry for each slot.
    """

    layout: Fields
    entries: list[dict[str, Any]]


def request_layout(table: ProgramTable, turns: int) -> Fields:
    """What is handed from lane to lane: an entry, and whose sample it belongs to.

    The first entry of a sample has `starts`. `turn` numbers the channels that a lane works on; `bank` is that of the
    words of their last samples, where there are two.
    """
    return Fields({"starts": 1, "clear": 1, "turn": range(turns), "bank": 1, "entry": table.layout})


def slot_layout(table: ProgramTable, turns: int) -> Fields:
    """What travels down a lane's pipeline: an entry, and of its sample the turn, the bank, `clear` and the marks."""
    owner = Fields({"turn": range(turns), "bank": 1, "clear": 1, "first": 1, "last": 1})
    return Fields({"entry": table.layout, "owner": owner})


def lane_beat_layout(plan: MemoryPlan, words: int, turns: int) -> Fields:
    """A beat of one lane: words, the row of the first of them, and the turn and marks of their sample."""
    return Fields(
        {
            "data": ArrayLayout(signed(plan.output_format.width), words),
            "row": range(plan.spec.order),
            "turn": range(turns),
            "first": 1,
            "last": 1,
        }
    )


class Lane(Component):
    """One multiplier with the states of the channels that it works on.

    Attributes:
        request: In, what to do: `request_layout`.
        sample: In, its channel's sample, which is read in the cycle of the request that starts it.
        multiplier: Out, `multiplier_signature`.
        beats: Out, stream of `lane_beat_layout` that is always ready.
    """

    def __init__(self, plan: MemoryPlan, table: Any, words: int, turns: int) -> None:
        self._plan, self._table, self._words, self._turns = plan, table, words, turns
        beats = stream.Signature(lane_beat_layout(plan, words, turns), always_ready=True)
        super().__init__(
            {
                "request": In(request_layout(table, turns)),
                "sample": In(sample_layout(plan.input_format.width)),
                "multiplier": Out(multiplier_signature(plan.operand_format.width, plan.increment.coefficient_bits)),
                "beats": Out(beats),
            }
        )

    def _carried(self, m: Module, stages: type[Stage], read: Any) -> dict[Any, Any]:
        """The slot that is in each stage from `read` on, in which the request comes; its owner is held meanwhile."""
        at = carried(m, slot_layout(self._table, self._turns), stages, "slot", since=read)
        slot = at[read]
        held_owner = Signal.like(slot.owner, name="held_owner")
        m.d.comb += [slot.entry.eq(self.request.entry), slot.owner.eq(held_owner)]
        with m.If(self.request.starts):
            m.d.comb += [
                slot.owner.turn.eq(self.request.turn),
                slot.owner.bank.eq(self.request.bank),
                slot.owner.clear.eq(self.request.clear | self.sample.first),
                slot.owner.first.eq(self.sample.first),
                slot.owner.last.eq(self.sample.last),
            ]
        m.d.sync += held_owner.eq(slot.owner)
        return at

    def _address(self, slot: Any, row: Value) -> Value:
        """Where a row of the slot's channel lies."""
        return flat_index(slot.owner.turn, row, self._plan.spec.order)

    def _held_sample(self, m: Module) -> Signal:
        """The code of the sample, from the cycle after the request that starts it until the next one."""
        held_sample = Signal(signed(self._plan.input_format.width))
        with m.If(self.request.starts):
            m.d.sync += held_sample.eq(self.sample.data)
        return held_sample

    def _gather(self, m: Module, word: Value, at: Any) -> None:
        """Give words out in beats; `word` is that of the entry's row, when the entry in stage `at` retires."""
        count = self._words
        gathered = [Signal(signed(self._plan.output_format.width), name=f"gathered_{j}") for j in range(count - 1)]
        with m.If(at.entry.retire):
            m.d.sync += [to.eq(came) for to, came in zip(gathered, [*gathered[1:], word], strict=False)]
        beat = self.beats.payload
        m.d.comb += [
            self.beats.valid.eq(at.entry.ends),
            *(beat.data[j].eq(came) for j, came in enumerate([*gathered, word])),
            beat.row.eq(at.entry.row - (count - 1) if count > 1 else at.entry.row),
            beat.turn.eq(at.owner.turn),
            beat.first.eq(at.owner.first),
            beat.last.eq(at.owner.last),
        ]


class InStepPipeline(LanePipeline):
    """The pipeline of channels in step: their samples are collected, then the program runs through all lanes once."""

    lane: ClassVar[type[Lane]]

    @classmethod
    @abstractmethod
    def table(cls, plan: MemoryPlan, words: int) -> ProgramTable:
        """The entries of a sample, for beats of so many words."""

    @classmethod
    def rom_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> RomContents:
        """The program as it is."""
        table = cls.table(plan, schedule.words)
        return RomContents(table.layout, table.entries)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes, schedule = self._plan, self._lanes, self._schedule
        turns = self._channels // lanes
        table = self.table(plan, schedule.words)
        m.submodules.sequencer = seq = Sequencer(schedule, turns)
        m.d.comb += self.rom.address.eq(seq.next_slot)

        # The sample of the last lane starts the round. A lane takes its own over before the next one can come.
        samples = [Signal(sample_layout(plan.input_format.width), name=f"sample_{k}") for k in range(lanes)]
        filled = index_signal(lanes, "filled")
        complete = Signal()
        m.d.comb += [
            complete.eq(is_last(filled, lanes)),
            seq.valid.eq(self.samples.valid & complete),
            self.samples.ready.eq(~complete | seq.ready),
        ]
        with m.If(self.samples.valid & self.samples.ready):
            m.d.sync += [element(samples, filled).eq(self.samples.payload), filled.eq(successor(filled, lanes))]

        bank = Signal()  # changes when every channel has had its sample
        m.d.sync += bank.eq(bank ^ (seq.ends & is_last(seq.channel, turns)))
        requests = [Signal(request_layout(table, turns), name=f"request_{k}") for k in range(lanes)]
        issued = Signal(request_layout(table, turns))
        m.d.comb += [
            issued.starts.eq(seq.issue & seq.starts),
            issued.clear.eq(seq.clear),
            issued.turn.eq(seq.channel),
            issued.bank.eq(bank),
            issued.entry.eq(Mux(seq.issue, self.rom.data, 0)),
        ]
        for k, (request, before) in enumerate(zip(requests, [issued, *requests], strict=False)):
            m.d.sync += request.eq(before)
            m.submodules[f"lane_{k}"] = lane = self.lane(plan, table, schedule.words, turns)
            m.d.comb += [lane.request.eq(request), lane.sample.eq(samples[k])]
            connect(m, lane.multiplier, flipped(self.multipliers[k]))
            beat, payload = lane.beats.payload, self.beats.payload
            with m.If(lane.beats.valid):  # never two at once: lanes are a cycle apart, and `lanes` words make a beat
                m.d.comb += [
                    self.beats.valid.eq(1),
                    payload.data.eq(beat.data),
                    payload.index.eq(beat.row),
                    payload.channel.eq(flat_index(beat.turn, k, lanes)),
                    payload.first.eq(beat.first),
                    payload.last.eq(beat.last),
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
