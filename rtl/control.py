"""What every memory has in common: its stream interface, its schedule of slots, its one-line contract."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from lmu_hw.arguments import check_integer
from lmu_hw.errors import DesignError
from lmu_hw.plan import MemoryPlan

MAX_CHANNELS = 4096


@dataclass(frozen=True)
class Schedule:
    """When a memory issues what: `slots` cycles for a sample, then `pause` cycles until the next.

    Attributes:
        groups: beats of output per sample; `lanes` states in each.
        slots: cycles in which the multipliers of a sample are fed.
        pause: idle cycles after them, 0 where the pipeline is deep in other channels' samples.
        first_beat: cycles from the one in which a sample is accepted to its first output beat.
    """

    groups: int
    slots: int
    pause: int
    first_beat: int

    @property
    def cycles_per_sample(self) -> int:
        """Cycles from one sample to the next, while samples are waiting and the output is taken."""
        return self.slots + self.pause


def check_lanes(plan: MemoryPlan, lanes: int, channels: int) -> None:
    """Refuse lanes that do not divide the order, and channels outside 1 … 4096.

    Raises:
        DesignError: as said.
    """
    order = plan.spec.order
    if order % check_integer("lanes", lanes, 1, order):
        raise DesignError("lanes", f"a divisor of the order {order}", lanes)
    check_integer("channels", channels, 1, MAX_CHANNELS)


def input_layout(plan: MemoryPlan) -> StructLayout:
    """One sample: its code, and whether it starts or ends a sequence."""
    return StructLayout({"data": signed(plan.input_format.width), "first": 1, "last": 1})


def output_layout(plan: MemoryPlan, lanes: int, channels: int) -> StructLayout:
    """One beat: the words of `lanes` successive states, the index of the first of them, flags and channel."""
    return StructLayout(
        {
            "data": ArrayLayout(signed(plan.state_format.width), lanes),
            "index": ceil_log2(plan.spec.order) or 1,
            "channel": ceil_log2(channels) or 1,
            "first": 1,
            "last": 1,
        }
    )


def memory_signature(plan: MemoryPlan, lanes: int, channels: int) -> wiring.Signature:
    """Streams of samples in and of state words out."""
    return wiring.Signature(
        {
            "i": In(stream.Signature(input_layout(plan))),
            "o": Out(stream.Signature(output_layout(plan, lanes, channels))),
        }
    )


class Sequencer(wiring.Component):
    """Counts the slots of a sample and the channels of a round, and says when a sequence is fresh.

    The signals describe the slot that is issued in this cycle; `next_group` and `next_channel` what the
    memories must be addressed with now so that their data is there in the next cycle.

    Attributes:
        valid: a sample is offered, In(1).
        ready: it is taken in this cycle, if valid, Out(1).
        first: the offered sample starts a sequence, In(1).
        issue: a slot is issued in this cycle, Out(1).
        slot, channel, fresh: which one, and whether the state counts as zero.
    """

    def __init__(self, schedule: Schedule, channels: int) -> None:
        self._schedule, self._channels = schedule, channels
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "ready": Out(1),
                "issue": Out(1),
                "starts": Out(1),
                "ends": Out(1),
                "slot": Out(range(schedule.slots)),
                "next_slot": Out(range(schedule.slots)),
                "channel": Out(range(channels)),
                "next_channel": Out(range(channels)),
                "fresh": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slots, pause, channels = self._schedule.slots, self._schedule.pause, self._channels
        waiting = Signal(range(pause + 1))
        started = Signal(channels)  # channels that have had a sample since reset
        held_fresh = Signal()
        awake = Signal()  # the first slot's data must have been read once before it can be issued
        m.d.sync += awake.eq(1)

        m.d.comb += [
            self.starts.eq(self.slot == 0),
            self.ends.eq(self.issue & (self.slot == slots - 1)),
            self.ready.eq(self.starts & (waiting == 0) & awake),
            self.issue.eq(Mux(self.starts, self.valid & self.ready, 1)),
            self.fresh.eq(Mux(self.starts, self.first | ~started.bit_select(self.channel, 1), held_fresh)),
            self.next_slot.eq(Mux(self.ends, 0, self.slot + self.issue)),
            self.next_channel.eq(Mux(self.ends, Mux(self.channel == channels - 1, 0, self.channel + 1), self.channel)),
        ]
        m.d.sync += [self.slot.eq(self.next_slot), self.channel.eq(self.next_channel)]
        with m.If(self.issue & self.starts):
            m.d.sync += [held_fresh.eq(self.fresh), started.bit_select(self.channel, 1).eq(1)]
        if pause:
            with m.If(self.ends):
                m.d.sync += waiting.eq(pause)
            with m.Elif(waiting != 0):
                m.d.sync += waiting.eq(waiting - 1)
        return m
