"""Channels in step: lanes that follow one program on different channels, each one cycle behind the lane before.

Where the products of a sample wait for one another, more multipliers cannot make the sample faster. They work on as
many channels side by side instead: a lane has a multiplier and the states of its channels, and hands each entry of
the program on to the next lane. So lane k is k cycles behind lane 0. Each lane gathers `lanes` successive words before
it sends them as a beat, so no two lanes send a beat in the same cycle.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out, connect, flipped

from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory, check_divisor
from lmu_hw.rtl.memory.integrators import IntegratorBank
from lmu_hw.rtl.primitives.bundles import Component, Fields
from lmu_hw.rtl.primitives.indices import element, flat_index, index_signal, is_last, successor
from lmu_hw.rtl.primitives.layouts import sample_layout
from lmu_hw.rtl.primitives.pipeline import LanePipeline, multiplier_signature
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer
from lmu_hw.rtl.primitives.stages import Stage, carried
from lmu_hw.rtl.primitives.storage import RomContents


class SampleProgram(Protocol):
    """What the schedule of a memory needs to know of the program of a sample."""

    @property
    def length(self) -> int:
        """The number of slots."""

    @property
    def wait(self) -> int:
        """Cycles after the last slot for which the next sample of the same channel waits for state words."""

    @property
    def increments(self) -> tuple[int, ...]:
        """The slot that completes each state's increment, in the order of the states."""


class ProgramTable(ABC):
    """The program of a sample as the rows of a ROM, one entry for each slot.

    Args:
        plan: The fixed-point plan.
        words: The number of words in a beat.

    Attributes:
        layout: The layout of an entry. Every program has the fields `row`, the state that the entry is about,
            `retire`, high where it gives a new state word, and `ends`, high where this word completes a beat. An
            entry of zeros does nothing.
        entries: The entries in the order of their slots, each with the values of its fields by name.
    """

    layout: Fields
    entries: list[dict[str, Any]]

    @abstractmethod
    def __init__(self, plan: MemoryPlan, words: int) -> None: ...


def request_layout(table: ProgramTable, turns: int) -> Fields:
    """The layout of a request, which is handed from lane to lane: an entry, and the sample that it belongs to.

    `starts` marks the first entry of a sample, and `clear` a sample that finds the state cleared. `turn` is the number
    of the channel among those of a lane. `bank` is the bank with the words of the last sample, where there are two.

    Args:
        table: The program.
        turns: The number of channels that a lane works on in turn.
    """
    return Fields({"starts": 1, "clear": 1, "turn": range(turns), "bank": 1, "entry": table.layout})


def slot_layout(table: ProgramTable, turns: int) -> Fields:
    """The layout of a slot in a lane's pipeline: the entry, and its sample's turn, bank, `clear` and marks."""
    owner = Fields({"turn": range(turns), "bank": 1, "clear": 1, "first": 1, "last": 1})
    return Fields({"entry": table.layout, "owner": owner})


def lane_beat_layout(plan: MemoryPlan, words: int, turns: int) -> Fields:
    """The layout of a beat of one lane: its words, the state of the first of them, and its sample's turn and marks."""
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
    """One lane of channels in step: the logic around one multiplier, with the states of the channels it works on.

    Args:
        plan: The fixed-point plan.
        table: The program.
        words: The number of words in a beat.
        turns: The number of channels that the lane works on in turn.

    Attributes:
        request: In, the entry that enters the lane's pipeline in this cycle, of `request_layout`.
        sample: In, the sample of the lane's channel, of `sample_layout`; it is read in the cycle of the request that
            starts it.
        multiplier: Out, of `multiplier_signature`.
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
        """The slot that is in each stage from `read` on, the stage in which requests enter.

        Only the first request of a sample says which sample it is; the owner is held for the further ones.
        """
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
        """The address of a state of the slot's channel, in a memory of all channels of the lane."""
        return flat_index(slot.owner.turn, row, self._plan.spec.order)

    def _held_sample(self, m: Module) -> Signal:
        """A register with the code of the sample, from the cycle after its first request to that of the next one."""
        held_sample = Signal(signed(self._plan.input_format.width))
        with m.If(self.request.starts):
            m.d.sync += held_sample.eq(self.sample.data)
        return held_sample

    def _integrators(self, m: Module, fetched: Any, added: Any, increment: Value) -> IntegratorBank:
        """Add the lane's integrators.

        Args:
            m: The module that they are added to.
            fetched: The slot whose accumulator is addressed, `READ_LEAD` stages before `added`.
            added: The slot whose increment is added, in the cycles in which `retire` of its entry is high.
            increment: That increment.
        """
        m.submodules.bank = bank = IntegratorBank(self._plan, 1, self._turns * self._plan.spec.order)
        m.d.comb += [
            bank.read.address.eq(self._address(fetched, fetched.entry.row)),
            bank.read.clear.eq(fetched.owner.clear),
            bank.add.valid.eq(added.entry.retire),
            bank.add.address.eq(self._address(added, added.entry.row)),
            bank.add.increments[0].eq(increment),
        ]
        return bank

    def _gather(self, m: Module, word: Value, at: Any) -> None:
        """Gather words and send them as beats.

        Args:
            m: The module that the registers are added to.
            word: The output word of the entry's row, in the cycles in which `retire` of the entry is high.
            at: The slot in the stage of the new words.
        """
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
    """The datapath of channels in step: collects their samples, then runs the program through all lanes once."""

    lane: ClassVar[type[Lane]]
    """The component of a lane."""
    table: ClassVar[type[ProgramTable]]
    """The class of the program's table."""

    @classmethod
    def rom_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> RomContents:
        """The program, an entry in each row."""
        table = cls.table(plan, schedule.words)
        return RomContents(table.layout, table.entries)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes, schedule = self._plan, self._lanes, self._schedule
        turns = self._channels // lanes
        table = self.table(plan, schedule.words)
        m.submodules.sequencer = seq = Sequencer(schedule, turns)
        m.d.comb += self.rom.address.eq(seq.next_slot)

        # The sample of the last lane starts the round. Lane k reads its own k + 1 cycles later, and its register is
        # overwritten at the end of that cycle at the earliest, so one register for each lane is enough.
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

        bank = Signal()  # the bank with the words of the last samples; changes after a sample of every channel
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
            with m.If(lane.beats.valid):  # one lane at a time: they are a cycle apart, and `lanes` words make a beat
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
    """A memory whose lanes work on as many channels in step; `lanes` divides the order and the number of channels.

    A beat holds `lanes` successive states of one channel, and the beats of the channels in step alternate.
    """

    word_latency: ClassVar[int]
    """Cycles from the slot that completes an increment to the new state word."""

    @classmethod
    @abstractmethod
    def program(cls, plan: MemoryPlan) -> SampleProgram:
        """The program of a sample."""

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """The slots of the program, one a cycle, and its wait."""
        program = cls.program(plan)
        return Schedule.interleaved(
            groups=plan.spec.order // lanes,
            words=lanes,
            slots=program.length,
            wait=program.wait,
            channels=channels,
            first_beat=cls.beats_for(plan, lanes)[0],
            in_step=lanes,
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        """A beat for every `lanes` states, `word_latency` cycles after the slot that completes the last increment."""
        return tuple(slot + cls.word_latency for slot in cls.program(plan).increments[lanes - 1 :: lanes])

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        """Accept numbers that divide both the order and the number of channels."""
        check_divisor(lanes, plan.spec.order, "order")
        check_divisor(lanes, channels, "number of channels, which are worked on side by side,")
