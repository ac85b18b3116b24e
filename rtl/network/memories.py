"""A layer's memories on the shared lanes: how many lanes they take, and when they use them and give words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.networks.quantize.plan import LayerPlan
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.build import kind_of
from lmu_hw.rtl.primitives.arithmetic import times
from lmu_hw.rtl.primitives.pipeline import Image, LanePipeline
from lmu_hw.rtl.primitives.schedule import Schedule

# amaranth: UnusedElaboratable=no


@dataclass(frozen=True, eq=False)
class MemoryUse:
    """The memories of one layer, a channel each.

    Cycles count from the first one in which a sample is offered; all samples of the step are there then.

    Attributes:
        layer: which one.
        plan: of each channel's memory.
        kind: of pipeline.
        channels: memories that take turns.
        lanes: multipliers that they use.
    """

    layer: int
    plan: MemoryPlan
    kind: type[StreamMemory]
    channels: int
    lanes: int

    @cached_property
    def schedule(self) -> Schedule:
        """The pipeline's."""
        return self.kind.schedule_for(self.plan, self.lanes, self.channels)

    def pipeline(self) -> LanePipeline:
        """A pipeline, to be connected to the lanes and to its table."""
        return self._pipeline(self.plan, self.lanes, self.channels, self.schedule)

    @cached_property
    def table(self) -> Image:
        """Its table, which all slices share."""
        return self._pipeline.image_for(self.plan, self.lanes, self.schedule)

    @property
    def state_bits(self) -> int:
        """Bits of the memories' states, for one sequence."""
        return self.kind.state_bits_for(self.plan, self.lanes, self.channels)

    @property
    def _pipeline(self) -> type[LanePipeline]:
        if not issubclass(self.kind.pipeline, LanePipeline):
            raise DesignError("memory", "one whose multipliers can be shared", self.kind.__name__)
        return self.kind.pipeline

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """When the rounds of channels in step start."""
        in_step = self.schedule.in_step
        rounds = self.channels // in_step
        return tuple(in_step - 1 + k * self.schedule.cycles_per_round for k in range(rounds))

    @property
    def rests_from(self) -> int:
        """From when on another round may start."""
        return self.starts[-1] + self.schedule.cycles_per_round

    @property
    def last_factors(self) -> int:
        """The last cycle in which factors are at a multiplier, not before that in which the last sample is taken."""
        return self.starts[-1] + self.schedule.slots - 1 + self.kind.factor_delay + self.schedule.in_step - 1

    @cached_property
    def words_come(self) -> IntArray:
        """The cycle in which each word comes out, shape (channels·order,), channel 0 first."""
        in_step = self.schedule.in_step
        beats = np.asarray(self.kind.beats_for(self.plan, self.lanes))
        starts, lag = np.asarray(self.starts), np.arange(in_step)
        cycles = starts[:, None, None] + lag[:, None] + beats
        return np.asarray(np.repeat(cycles.ravel(), self.schedule.words))


def memory_use(layer: int, plan: LayerPlan, lanes: int) -> MemoryUse:
    """The memories of `plan`, a layer with some, with as many lanes as their kind allows and at most `lanes`."""
    if plan.memory is None:
        raise DesignError(plan.name, "a layer with memories", "none")
    kind = kind_of(plan.memory.datapath)
    most = min(lanes, plan.memory.spec.order**2)
    possible = (n for n in range(most, 0, -1) if _allowed(kind, plan.memory, n, plan.channels))
    return MemoryUse(layer, plan.memory, kind, plan.channels, next(possible))


def _allowed(kind: type[StreamMemory], plan: MemoryPlan, lanes: int, channels: int) -> bool:
    try:
        kind.check_lanes(plan, lanes, channels)
    except DesignError:
        return False
    return True


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
