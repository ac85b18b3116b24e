"""Memories behind streams: what goes in and comes out, and the back-pressure that holds a whole pipeline."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from amaranth.hdl import EnableInserter, Module, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from lmu_hw.arguments import check_integer
from lmu_hw.errors import DesignError
from lmu_hw.plan import Datapath, MemoryPlan
from lmu_hw.rtl.control import Schedule

MAX_CHANNELS = 4096


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


class Pipeline(wiring.Component):
    """The inside of a memory: every cycle in which it is enabled, it moves on by one slot.

    Attributes:
        valid, sample: a sample is offered, In.
        ready: it is taken, if valid, Out(1).
        beat_valid, beat: state words, Out.
    """

    def __init__(self, plan: MemoryPlan, lanes: int, channels: int, schedule: Schedule) -> None:
        self._plan, self._lanes, self._channels, self._schedule = plan, lanes, channels, schedule
        super().__init__(
            {
                "valid": In(1),
                "sample": In(input_layout(plan)),
                "ready": Out(1),
                "beat_valid": Out(1),
                "beat": Out(output_layout(plan, lanes, channels)),
            }
        )


class StreamMemory(wiring.Component):
    """A memory with a stream of samples in and one of state words out.

    The pipeline advances unless an offered beat is not taken. Samples of several channels come in turn:
    channel 0, 1, … channels − 1, 0, …

    Args:
        plan: the fixed-point plan, for this kind of datapath.
        lanes: multipliers, a divisor of the order.
        channels: memories that take turns, 1 … 4096.

    Raises:
        DesignError: an argument is not so.
    """

    datapath: ClassVar[Datapath]
    pipeline: ClassVar[type[Pipeline]]

    def __init__(self, plan: MemoryPlan, *, lanes: int = 1, channels: int = 1) -> None:
        if plan.datapath is not self.datapath:
            raise DesignError("datapath", f"a {self.datapath} plan for the {self.datapath} memory", plan.datapath)
        order = plan.spec.order
        if order % check_integer("lanes", lanes, 1, order):
            raise DesignError("lanes", f"a divisor of the order {order}", lanes)
        check_integer("channels", channels, 1, MAX_CHANNELS)
        self.plan, self.lanes, self.channels = plan, lanes, channels
        self.schedule = self.schedule_for(order, lanes, channels)
        super().__init__(
            {
                "i": In(stream.Signature(input_layout(plan))),
                "o": Out(stream.Signature(output_layout(plan, lanes, channels))),
            }
        )

    @staticmethod
    @abstractmethod
    def schedule_for(order: int, lanes: int, channels: int) -> Schedule:
        """The schedule of this kind of pipeline."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        pipeline = self.pipeline(self.plan, self.lanes, self.channels, self.schedule)
        m.submodules.pipeline = EnableInserter(advance)(pipeline)
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            pipeline.valid.eq(self.i.valid),
            pipeline.sample.eq(self.i.payload),
            self.i.ready.eq(pipeline.ready & advance),
            self.o.valid.eq(pipeline.beat_valid),
            self.o.payload.eq(pipeline.beat),
        ]
        return m
