"""When a memory issues what: its schedule of slots, and the counter that follows it."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.primitives.bundles import Component
from lmu_hw.rtl.primitives.indices import is_last, successor


@dataclass(frozen=True)
class Schedule:
    """When a memory issues what: `slots` cycles for a sample, then `pause` cycles until the next.

    Attributes:
        groups: beats of output per sample.
        words: successive states in each beat.
        slots: cycles in which the multipliers of a sample are fed.
        pause: idle cycles after them, 0 where the pipeline is deep in other channels' samples.
        first_beat: cycles from the one in which a sample is accepted to its first output beat; where several
            channels go in step, from the acceptance of the last of them to the first beat of the first.
        in_step: channels whose samples are worked on side by side; their beats alternate.
    """

    groups: int
    words: int
    slots: int
    pause: int
    first_beat: int
    in_step: int = 1

    @classmethod
    def interleaved(
        cls, *, groups: int, words: int, slots: int, wait: int, channels: int, first_beat: int, in_step: int = 1
    ) -> Schedule:
        """The schedule of a pipeline in which a channel's next sample must wait `wait` cycles after its slots."""
        turns = channels // in_step
        return cls(groups, words, slots, max(0, -(-(slots + wait) // turns) - slots), first_beat, in_step)

    @property
    def cycles_per_round(self) -> int:
        """Cycles from one set of `in_step` samples to the next, while samples wait and the output is taken."""
        return self.slots + self.pause

    @property
    def cycles_per_sample(self) -> int | float:
        """Cycles for each sample, while samples are waiting and the output is taken; whole where they can be."""
        whole, rest = divmod(self.cycles_per_round, self.in_step)
        return self.cycles_per_round / self.in_step if rest else whole


class Sequencer(Component):
    """Counts the slots of a sample and the channels of a round, and tells which samples find a cleared state.

    In the cycle in which a sample is taken its slot 0 is issued, and the other slots follow without a gap, one a
    cycle. After the last one the next channel has its turn, at once or after the schedule's pause. All memories are
    read with registered addresses, so they are addressed with `next_slot` and `next_channel`, and their data are
    there when that slot is issued.

    Attributes:
        valid, first: In(1), a sample is offered, and it starts a sequence.
        ready: Out(1), the sample is taken in this cycle if it is offered.
        issue: Out(1), a slot is issued in this cycle: number `slot` of a sample of `channel`, Out.
        starts, ends: Out(1), the slot is the first one of its sample; the slot that is issued is the last one.
        clear: Out(1), the state counts as zero for this sample: it starts a sequence, or is its channel's first one
            since reset.
        next_slot, next_channel: Out, `slot` and `channel` of the next cycle.
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
                "clear": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        slots, pause, channels = self._schedule.slots, self._schedule.pause, self._channels
        awake = Signal()  # 0 in the first cycle only, before which no memory has been read for slot 0
        m.d.sync += awake.eq(1)
        can_start = self.starts & awake
        if pause:
            pause_left = Signal(range(pause + 1))
            can_start = can_start & (pause_left == 0)
            with m.If(self.ends):
                m.d.sync += pause_left.eq(pause)
            with m.Elif(pause_left != 0):
                m.d.sync += pause_left.eq(pause_left - 1)

        started = Signal(channels)  # a bit for each channel that has had a sample since reset
        mine_started = started.bit_select(self.channel, 1) if channels > 1 else started
        m.d.comb += [
            self.starts.eq(self.slot == 0 if slots > 1 else 1),
            self.ready.eq(can_start),
            self.issue.eq(Mux(self.starts, self.valid & self.ready, 1) if slots > 1 else self.valid & self.ready),
            self.ends.eq(self.issue & is_last(self.slot, slots)),
            self.clear.eq(self.first | ~mine_started),
        ]
        if slots > 1:
            m.d.comb += self.next_slot.eq(Mux(self.ends, 0, self.slot + self.issue))
            m.d.sync += self.slot.eq(self.next_slot)
        if channels > 1:
            m.d.comb += self.next_channel.eq(Mux(self.ends, successor(self.channel, channels), self.channel))
            m.d.sync += self.channel.eq(self.next_channel)
        with m.If(self.issue & self.starts):
            m.d.sync += mine_started.eq(1)
        if slots > 1:
            held_clear = Signal()
            with m.If(~self.starts):
                m.d.comb += self.clear.eq(held_clear)
            with m.Elif(self.issue):
                m.d.sync += held_clear.eq(self.clear)
        return m
