"""The schedule of a memory: in which cycles it issues the slots of a sample, and the counter that follows it."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.primitives.bundles import Component
from lmu_hw.rtl.primitives.indices import is_last, successor


@dataclass(frozen=True)
class Schedule:
    """The timing of a memory: a sample is issued in `slots` successive cycles, and `pause` idle cycles follow.

    Attributes:
        groups: The number of beats that answer a sample.
        words: The number of successive states in each beat.
        slots: The number of cycles in which slots of a sample are issued.
        pause: The number of idle cycles between the last slot of a sample and the first of the next one; 0 where
            enough channels take turns to hide the latency of the pipeline.
        first_beat: The number of cycles from the acceptance of a sample to its first beat. With several channels in
            step it counts from the acceptance of the last channel's sample to the first channel's first beat.
        in_step: The number of channels whose samples are worked on side by side; their beats alternate.
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
        """The schedule of a pipeline in which channels take turns, with the shortest possible pause.

        Args:
            groups: The number of beats that answer a sample.
            words: The number of successive states in each beat.
            slots: The number of cycles in which slots of a sample are issued.
            wait: The number of cycles after a sample's last slot for which its own channel cannot start another
                sample; the slots of other channels fill them.
            channels: The number of channels, a multiple of `in_step`.
            first_beat: The number of cycles from the acceptance of a sample to its first beat.
            in_step: The number of channels whose samples are worked on side by side.
        """
        turns = channels // in_step
        return cls(groups, words, slots, max(0, -(-(slots + wait) // turns) - slots), first_beat, in_step)

    @property
    def cycles_per_round(self) -> int:
        """Cycles from one set of `in_step` samples to the next, while samples are waiting and beats are taken."""
        return self.slots + self.pause

    @property
    def cycles_per_sample(self) -> int | float:
        """Cycles per sample, while samples are waiting and beats are taken; an int where it is a whole number."""
        whole, rest = divmod(self.cycles_per_round, self.in_step)
        return self.cycles_per_round / self.in_step if rest else whole


class Sequencer(Component):
    """Sequencer of a memory: counts slots and channels, and marks the samples that find a cleared state.

    A sample's slot 0 is issued in the cycle in which the sample is taken, and its other slots follow without a gap,
    one a cycle. After the last slot the next channel has its turn, at once or after the pause of the schedule.
    Memories have registered read ports: addressed with `next_slot` and `next_channel`, they have the data in the
    cycle in which that slot is issued.

    Args:
        schedule: The schedule that is followed.
        channels: The number of channels that take turns, or of sets of channels in step.

    Attributes:
        valid: In(1), high while a sample is offered.
        first: In(1), the mark of the sample that is offered: it starts a sequence.
        ready: Out(1), high in the cycles in which an offered sample is taken.
        issue: Out(1), high in the cycles in which a slot is issued.
        starts: Out(1), high while the slot to be issued, in this cycle or a later one, is the first of a sample.
        ends: Out(1), high in the cycle in which the last slot of a sample is issued.
        slot: Out, the number of the slot within its sample, 0 … slots − 1.
        channel: Out, the channel of the sample.
        clear: Out(1), high in all slots of a sample that finds the state cleared: it starts a sequence, or it is the
            first one of its channel since reset.
        next_slot: Out, what `slot` is in the next cycle.
        next_channel: Out, what `channel` is in the next cycle.
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
        awake = Signal()  # low in the first cycle after reset, in which no memory has been read for slot 0 yet
        m.d.sync += awake.eq(1)
        can_start = self.starts & awake
        if pause:
            pause_left = Signal(range(pause + 1))
            can_start = can_start & (pause_left == 0)
            with m.If(self.ends):
                m.d.sync += pause_left.eq(pause)
            with m.Elif(pause_left != 0):
                m.d.sync += pause_left.eq(pause_left - 1)

        # A reset does not clear memories, so the first sample of each channel after it has to ignore their contents.
        started = Signal(channels)  # a bit for each channel, high once it has had a sample since reset
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
        if slots > 1:  # the mark `first` is there in slot 0 only, so its effect is held for the further slots
            held_clear = Signal()
            with m.If(~self.starts):
                m.d.comb += self.clear.eq(held_clear)
            with m.Elif(self.issue):
                m.d.sync += held_clear.eq(self.clear)
        return m
