"""When the samples of a layer's memories are stored and offered; the same for all slices."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.rtl.arithmetic import times
from lmu_hw.rtl.network.memories import MemoryUse


class Feeder(wiring.Component):
    """Counts the samples of a step, a channel each, and offers them when the last one is there.

    Attributes:
        write: a sample comes, In(1), to be stored at `write_address`, Out.
        offer: the sample that was read from `read_address`, Out, in the cycle before is offered, Out(1).
        taken: it is taken if it is offered, In(1).
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        super().__init__(
            {
                "write": In(1),
                "write_address": Out(range(channels)),
                "read_address": Out(range(channels)),
                "offer": Out(1),
                "taken": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last = self._channels - 1
        offered = Signal(range(self._channels))
        m.d.comb += self.read_address.eq(offered)
        with m.If(self.write):
            m.d.sync += self.write_address.eq(Mux(self.write_address == last, 0, self.write_address + 1))
            with m.If(self.write_address == last):
                m.d.sync += self.offer.eq(1)
        with m.If(self.offer & self.taken):
            m.d.comb += self.read_address.eq(Mux(offered == last, 0, offered + 1))
            with m.If(offered == last):
                m.d.sync += self.offer.eq(0)
        m.d.sync += offered.eq(self.read_address)
        return m


class BeatAddress(wiring.Component):
    """Where a beat of memory words goes: the channels' words lie one after the other.

    Attributes:
        beat: one comes, In(1), of `channel`, In.
        row: of the words of all channels, Out; `ends`: it is the last one of the step, Out(1).
    """

    def __init__(self, use: MemoryUse) -> None:
        self._use = use
        groups = use.schedule.groups
        super().__init__(
            {
                "beat": In(1),
                "channel": In(range(use.channels)),
                "row": Out(range(use.channels * groups)),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        schedule, channels = self._use.schedule, self._use.channels
        group, turn = Signal(range(schedule.groups)), Signal(range(schedule.in_step))
        with m.If(self.beat):  # those of the channels in step alternate
            m.d.sync += turn.eq(Mux(turn == schedule.in_step - 1, 0, turn + 1))
            with m.If(turn == schedule.in_step - 1):
                m.d.sync += group.eq(Mux(group == schedule.groups - 1, 0, group + 1))
        m.d.comb += [
            self.row.eq(times(self.channel, schedule.groups) + group),
            self.ends.eq(self.beat & (group == schedule.groups - 1) & (self.channel == channels - 1)),
        ]
        return m
