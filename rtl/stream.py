"""Memories behind streams: what goes in and comes out, and the back-pressure that holds a whole pipeline."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from amaranth.hdl import EnableInserter, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.arguments import check_integer
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.arithmetic import fit
from lmu_hw.rtl.control import Schedule
from lmu_hw.rtl.layouts import input_layout, output_layout, readout_layout
from lmu_hw.rtl.pipeline import Pipeline
from lmu_hw.rtl.readout import ReadoutUnit

MAX_CHANNELS = 4096
MAX_PORT_BITS = 60


class StreamMemory(wiring.Component):
    """A memory with a stream of samples in, one of state words out and, if planned, one of delayed readouts.

    The pipeline advances unless an offered beat or readout is not taken. Samples of several channels come
    in turn: channel 0, 1, … channels − 1, 0, …

    A port wider than the input format takes samples beyond its range: they count as its nearest end, and
    `saturated` tells from the next cycle on that there was one, until reset or `clear_status`. A clear in
    the very cycle of another such sample leaves it set.

    Args:
        plan: the fixed-point plan, for this kind of datapath.
        lanes: multipliers at work for the increments; which numbers are possible, each kind tells.
        channels: memories that take turns, 1 … 4096.
        port_bits: width of the input port, from that of the input format up to 60; by default the same.

    Attributes:
        i: samples, stream of `input_layout`.
        o: state words, stream of `output_layout`.
        r: readouts, stream of `readout_layout`; only where the plan has some.
        saturated, clear_status: the status bit, Out(1), and what clears it, In(1).
        schedule: when what happens.

    Raises:
        DesignError: an argument is not so.
    """

    datapath: ClassVar[Datapath]
    pipeline: ClassVar[type[Pipeline]]
    factor_delay: ClassVar[int]
    """Cycles from the issue of a slot to its factors at the first lane's multiplier."""

    def __init__(self, plan: MemoryPlan, *, lanes: int = 1, channels: int = 1, port_bits: int | None = None) -> None:
        self.check_plan(plan)
        check_integer("channels", channels, 1, MAX_CHANNELS)
        self.check_lanes(plan, lanes, channels)
        width = plan.input_format.width
        self.port_bits = width if port_bits is None else check_integer("port_bits", port_bits, width, MAX_PORT_BITS)
        self.plan, self.lanes, self.channels = plan, lanes, channels
        self.schedule = self.schedule_for(plan, lanes, channels)
        members = {
            "i": In(stream.Signature(input_layout(self.port_bits))),
            "o": Out(stream.Signature(output_layout(plan, self.schedule.words, channels))),
            "saturated": Out(1),
            "clear_status": In(1),
        }
        if plan.readouts is not None:
            members["r"] = Out(stream.Signature(readout_layout(plan.readouts, channels)))
        super().__init__(members)

    @classmethod
    def check_plan(cls, plan: MemoryPlan) -> None:
        """Return if this kind of memory can realise `plan`; else raise a DesignError."""
        if plan.datapath is not cls.datapath:
            raise DesignError("datapath", f"a {cls.datapath} plan for the {cls.datapath} memory", plan.datapath)

    @classmethod
    @abstractmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        """Return if this kind of memory can have so many lanes; else raise a DesignError."""

    @classmethod
    @abstractmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """The schedule of this kind of pipeline."""

    @classmethod
    @abstractmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        """Cycles from the first slot of a sample to each of its beats; of the first of the channels in step."""

    @classmethod
    @abstractmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        """Bits of memory for the states of all channels: integrators, words, and words between."""

    @property
    def multipliers(self) -> int:
        """Multipliers for the increments."""
        return self.lanes

    @property
    def utilisation(self) -> float:
        """Share of cycles in which a multiplier has a product to make, while samples are waiting."""
        return self.plan.multiplications_per_sample / (self.multipliers * float(self.schedule.cycles_per_sample))

    @property
    def readout_multipliers(self) -> int:
        """Multipliers for the readouts, beside those for the increments."""
        planned = self.plan.readouts
        return ReadoutUnit.multipliers(planned, self.schedule) if planned is not None else 0

    @property
    def readout_latency(self) -> int:
        """Cycles from a sample's last beat to its readouts."""
        return ReadoutUnit.latency(self.schedule)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        pipeline = self.pipeline(self.plan, self.lanes, self.channels, self.schedule)
        m.submodules.pipeline = EnableInserter(advance)(pipeline.surrounded())
        offered, sample = self.i.payload, pipeline.sample
        m.d.comb += [
            pipeline.valid.eq(self.i.valid),
            sample.data.eq(fit(offered.data, self.plan.input_format, Overflow.SATURATE)),
            sample.first.eq(offered.first),
            sample.last.eq(offered.last),
            self.i.ready.eq(pipeline.ready & advance),
        ]
        with m.If(self.clear_status):
            m.d.sync += self.saturated.eq(0)
        if self.port_bits > self.plan.input_format.width:
            with m.If(self.i.valid & self.i.ready & (sample.data != offered.data)):
                m.d.sync += self.saturated.eq(1)

        if self.plan.readouts is None:
            m.d.comb += [
                self.o.valid.eq(pipeline.beat_valid),
                self.o.payload.eq(pipeline.beat),
                advance.eq(~self.o.valid | self.o.ready),
            ]
        else:
            unit = ReadoutUnit(self.plan, self.plan.readouts, self.schedule, self.channels)
            m.submodules.readouts = EnableInserter(advance)(unit)
            beats_go, readouts_go = Signal(), Signal()
            m.d.comb += [
                unit.beat_valid.eq(pipeline.beat_valid),
                unit.beat.eq(pipeline.beat),
                advance.eq(beats_go & readouts_go),
            ]
            _offer(m, self.o, pipeline.beat_valid, pipeline.beat, beats_go, advance)
            _offer(m, self.r, unit.valid, unit.readout, readouts_go, advance)
        return m


def _offer(m: Module, sink: Any, valid: Value, payload: Value, go: Signal, advance: Signal) -> None:
    """Offer `payload` to one of two consumers; `go` if it does not hold the pipeline.

    What this consumer has taken is not offered again while the other one holds the pipeline.
    """
    taken = Signal()
    m.d.comb += [sink.valid.eq(valid & ~taken), sink.payload.eq(payload), go.eq(~sink.valid | sink.ready)]
    m.d.sync += taken.eq(~advance & (taken | (sink.valid & sink.ready)))


def check_divisor(lanes: int, whole: int, what: str) -> None:
    """Return if `lanes` is a divisor of `whole`; else raise a DesignError that names `what`."""
    if whole % check_integer("lanes", lanes, 1):
        raise DesignError("lanes", f"a divisor of the {what} {whole}", lanes)
