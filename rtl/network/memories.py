"""A layer's memories on the shared lanes: how many lanes they take, and when they use them and give words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.networks.quantize.plan import LayerPlan
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.build import MEMORIES
from lmu_hw.rtl.primitives.bundles import Bundle, Component
from lmu_hw.rtl.primitives.indices import flat_index, index_signal, is_last, successor
from lmu_hw.rtl.primitives.pipeline import LanePipeline
from lmu_hw.rtl.primitives.schedule import Schedule
from lmu_hw.rtl.primitives.storage import RomContents

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

    @property
    def name(self) -> str:
        """The name of the layer's memories in hardware."""
        return f"memory_{self.layer}"

    @cached_property
    def schedule(self) -> Schedule:
        """The pipeline's."""
        return self.kind.schedule_for(self.plan, self.lanes, self.channels)

    def pipeline(self) -> LanePipeline:
        """A pipeline, to be connected to the lanes and to its ROM."""
        return self._pipeline(self.plan, self.lanes, self.channels, self.schedule)

    @cached_property
    def rom(self) -> RomContents:
        """What its ROM holds, which all slices share."""
        return self._pipeline.rom_for(self.plan, self.lanes, self.schedule)

    @property
    def signature(self) -> Bundle:
        """How a slice's memories are driven: `samples` as `Feeder` says, `rom` as it was read, and what comes of it.

        `ready` is that of the pipeline; `beat` and `channel` say that words come, and of which channel.
        """
        return Bundle(
            {
                "samples": Out(samples_signature(self.channels)),
                "rom": In(self.rom.read_signature),
                "ready": In(1),
                "beat": In(1),
                "channel": In(range(self.channels)),
            }
        )

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
    kind = MEMORIES[plan.memory.datapath]
    most = min(lanes, plan.memory.spec.order**2)
    possible = (n for n in range(most, 0, -1) if _allowed(kind, plan.memory, n, plan.channels))
    return MemoryUse(layer, plan.memory, kind, plan.channels, next(possible))


def _allowed(kind: type[StreamMemory], plan: MemoryPlan, lanes: int, channels: int) -> bool:
    try:
        kind.check_lanes(plan, lanes, channels)
    except DesignError:
        return False
    return True


def samples_signature(channels: int) -> Bundle:
    """Where the samples of a step are kept until they are offered: one is written, another one is read or offered.

    The sample that `read_address` read in the cycle before is offered to the pipeline if `offer` is 1.
    """
    index = range(channels)
    return Bundle({"write": Out(1), "write_address": Out(index), "read_address": Out(index), "offer": Out(1)})


class Feeder(Component):
    """Counts the samples of a step, a channel each, and offers them one by one when the last one is there.

    Attributes:
        sample: In(1), a sample comes in this cycle, and is written.
        samples: Out, `samples_signature`.
        ready: In(1), the sample that is offered is taken.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        super().__init__({"sample": In(1), "samples": Out(samples_signature(channels)), "ready": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count, samples = self._channels, self.samples
        offered = index_signal(count, "offered")
        m.d.comb += [samples.write.eq(self.sample), samples.read_address.eq(offered)]
        with m.If(self.sample):
            m.d.sync += samples.write_address.eq(successor(samples.write_address, count))
            with m.If(is_last(samples.write_address, count)):
                m.d.sync += samples.offer.eq(1)
        with m.If(samples.offer & self.ready):
            m.d.comb += samples.read_address.eq(successor(offered, count))
            with m.If(is_last(offered, count)):
                m.d.sync += samples.offer.eq(0)
        m.d.sync += offered.eq(samples.read_address)
        return m


class BeatAddress(Component):
    """Where a beat of memory words goes: the channels' words lie one after the other.

    Attributes:
        beat: In(1), one comes, of `channel`, In.
        row: Out, where in the words of all channels.
        ends: Out(1), it is the last one of the step.
    """

    def __init__(self, use: MemoryUse) -> None:
        self._use = use
        super().__init__(
            {
                "beat": In(1),
                "channel": In(range(use.channels)),
                "row": Out(range(use.channels * use.schedule.groups)),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        schedule, channels = self._use.schedule, self._use.channels
        group = index_signal(schedule.groups, "group")
        turn = index_signal(schedule.in_step, "turn")
        with m.If(self.beat):  # those of the channels in step alternate
            m.d.sync += turn.eq(successor(turn, schedule.in_step))
            with m.If(is_last(turn, schedule.in_step)):
                m.d.sync += group.eq(successor(group, schedule.groups))
        m.d.comb += [
            self.row.eq(flat_index(self.channel, group, schedule.groups)),
            self.ends.eq(self.beat & is_last(group, schedule.groups) & is_last(self.channel, channels)),
        ]
        return m
