"""When a memory issues what: its schedule of slots, and the counter that follows it."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


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
