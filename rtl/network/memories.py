"""The memories of a layer on the shared lanes: the lanes they use, their timing, their samples and their words."""

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
    """The memories of one layer and their timing; each memory is a channel of one pipeline.

    Cycles count from the one in which the first sample is offered; all samples of the step are there by then.

    Attributes:
        layer: The index of the layer.
        plan: The plan of each memory.
        kind: The class of memory that realises the plan.
        channels: The number of memories of the layer, which take turns.
        lanes: The number of multipliers that they use.
    """

    layer: int
    plan: MemoryPlan
    kind: type[StreamMemory]
    channels: int
    lanes: int

    @property
    def name(self) -> str:
        """The name of the layer's memories in bundles and in the Verilog."""
        return f"memory_{self.layer}"

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of the pipeline."""
        return self.kind.schedule_for(self.plan, self.lanes, self.channels)

    def pipeline(self) -> LanePipeline:
        """A new pipeline for one slice, to be connected to the lanes and to the ROM."""
        return self._pipeline(self.plan, self.lanes, self.channels, self.schedule)

    @cached_property
    def rom(self) -> RomContents:
        """The contents of the pipeline's ROM, which all slices share."""
        return self._pipeline.rom_for(self.plan, self.lanes, self.schedule)

    @property
    def signature(self) -> Bundle:
        """The signals between the memories of a slice and the control, with the directions that the control sees.

        `samples`, Out, is that of `Feeder`, and `rom`, In, is the pipeline's read port of the ROM. `ready`, In(1), is
        high where the pipeline takes a sample. `beat`, In(1), is high in a cycle in which it gives a beat, whose
        channel is `channel`, In.
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
        """Bits of storage for the states of the memories of one sequence."""
        return self.kind.state_bits_for(self.plan, self.lanes, self.channels)

    @property
    def _pipeline(self) -> type[LanePipeline]:
        """The class of the pipeline, whose multipliers must be shareable.

        Raises:
            DesignError: The multipliers of this kind of memory cannot be shared.
        """
        if not issubclass(self.kind.pipeline, LanePipeline):
            raise DesignError("memory", "one whose multipliers can be shared", self.kind.__name__)
        return self.kind.pipeline

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The cycle in which each round starts; a round works on one channel, or on one set of channels in step.

        A round starts in the cycle in which its last sample is taken.
        """
        in_step = self.schedule.in_step
        rounds = self.channels // in_step
        return tuple(in_step - 1 + k * self.schedule.cycles_per_round for k in range(rounds))

    @property
    def rests_from(self) -> int:
        """The first cycle in which a round of the next step can start."""
        return self.starts[-1] + self.schedule.cycles_per_round

    @property
    def last_factors(self) -> int:
        """The last cycle in which factors are at a multiplier; the last sample is taken in this cycle or earlier."""
        return self.starts[-1] + self.schedule.slots - 1 + self.kind.factor_delay + self.schedule.in_step - 1

    @cached_property
    def words_come(self) -> IntArray:
        """The cycle in which each word leaves the pipeline, shape (channels·order,), channel 0 first."""
        in_step = self.schedule.in_step
        beats = np.asarray(self.kind.beats_for(self.plan, self.lanes))
        starts, lag = np.asarray(self.starts), np.arange(in_step)
        cycles = starts[:, None, None] + lag[:, None] + beats
        return np.asarray(np.repeat(cycles.ravel(), self.schedule.words))


def memory_use(layer: int, plan: LayerPlan, lanes: int) -> MemoryUse:
    """Choose the number of lanes for the memories of a layer: the most that their datapath allows.

    Args:
        layer: The index of the layer.
        plan: The plan of the layer.
        lanes: The number of lanes of the network, the upper limit.

    Raises:
        DesignError: The layer has no memories.
    """
    if plan.memory is None:
        raise DesignError(plan.name, "a layer with memories", "none")
    kind = MEMORIES[plan.memory.datapath]
    most = min(lanes, plan.memory.spec.order**2)
    possible = (n for n in range(most, 0, -1) if _allowed(kind, plan.memory, n, plan.channels))
    return MemoryUse(layer, plan.memory, kind, plan.channels, next(possible))


def _allowed(kind: type[StreamMemory], plan: MemoryPlan, lanes: int, channels: int) -> bool:
    """Whether memories of a kind can have `lanes` lanes."""
    try:
        kind.check_lanes(plan, lanes, channels)
    except DesignError:
        return False
    return True


def samples_signature(channels: int) -> Bundle:
    """The signals that control the buffer of a step's samples, with the directions that the control sees.

    `write` is high in a cycle in which a sample is written to `write_address`. `read_address` addresses the sample of
    the next cycle, and `offer` is high while the sample that was read is offered to the pipeline.

    Args:
        channels: The number of memories, that is of samples in a step.
    """
    index = range(channels)
    return Bundle({"write": Out(1), "write_address": Out(index), "read_address": Out(index), "offer": Out(1)})


class Feeder(Component):
    """Controls the sample buffers of a layer's memories: offers the samples one by one when all of a step are there.

    Each slice has a buffer of its own, and all follow this control. The first sample is offered in the cycle after the
    last one was written.

    Args:
        channels: The number of memories, that is of samples in a step.

    Attributes:
        sample: In(1), high in a cycle in which a sample comes and is written; they come in the order of the channels.
        samples: Out, of `samples_signature`, for the buffers of all slices.
        ready: In(1), high in a cycle in which the pipeline takes the sample that is offered.
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
    """Gives the address of each beat of memory words in their vector, in which the channels lie one after the other.

    Args:
        use: The memories of the layer.

    Attributes:
        beat: In(1), high in a cycle in which a beat comes.
        channel: In, the channel of the beat.
        row: Out, the row of the vector that the beat is written to, in the same cycle.
        ends: Out(1), high if the beat is the last one of the step.
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
        with m.If(self.beat):  # beats of channels in step alternate, so the group advances after the last one's turn
            m.d.sync += turn.eq(successor(turn, schedule.in_step))
            with m.If(is_last(turn, schedule.in_step)):
                m.d.sync += group.eq(successor(group, schedule.groups))
        m.d.comb += [
            self.row.eq(flat_index(self.channel, group, schedule.groups)),
            self.ends.eq(self.beat & is_last(group, schedule.groups) & is_last(self.channel, channels)),
        ]
        return m
