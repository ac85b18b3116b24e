"""Memories behind streams: what goes in and comes out, and the back-pressure that holds a whole pipeline."""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise
from typing import Any, ClassVar

from amaranth.hdl import EnableInserter, Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan, ReadoutPlan
from lmu_hw.rtl.primitives.arithmetic import fit, registered_sum, round_shift, sum_latency
from lmu_hw.rtl.primitives.bundles import Component, Fields
from lmu_hw.rtl.primitives.indices import index_signal, is_last, successor
from lmu_hw.rtl.primitives.layouts import beat_layout, readout_layout, sample_layout
from lmu_hw.rtl.primitives.pipeline import Pipeline
from lmu_hw.rtl.primitives.schedule import Schedule
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage


class ReadoutStage(Stage):
    """The stages of the readouts, which the beats of a sample pass in successive cycles.

    Between MULTIPLY and ACCUMULATE the products of a beat's words are added in a tree: `sum_latency(words)` more
    cycles, none for one word.
    """

    MULTIPLY = "the beat and the coefficients of its words are there"
    ACCUMULATE = "their products are there, summed over the beat, and are added to the sums of the beats before"
    ROUND = "after the sample's last beat the sums are complete"
    OFFER = "the rounded readouts are there"


class ReadoutUnit(Component):
    """All readouts of a sample, round(Σ coefficient·word · 2^−fraction), from its beats.

    Every cycle takes up a whole beat: a product for each of its words and each readout, their sum in a tree,
    then the sum over beats. Coefficients of ±1 need no multiplier. The beats of channels in step alternate, so there
    is a running sum for each of these channels.

    Attributes:
        beats: In, stream of `beat_layout` that is always ready.
        readouts: Out, stream of `readout_layout` that is always ready; `latency` cycles after the sample's last beat,
            for one cycle.
    """

    def __init__(self, plan: MemoryPlan, planned: ReadoutPlan, schedule: Schedule, channels: int) -> None:
        self._planned, self._schedule, self._channels = planned, schedule, channels
        self._word = signed(plan.output_format.width)
        super().__init__(
            {
                "beats": In(stream.Signature(beat_layout(plan, schedule.words, channels), always_ready=True)),
                "readouts": Out(stream.Signature(readout_layout(planned, channels), always_ready=True)),
            }
        )

    @staticmethod
    def multipliers(planned: ReadoutPlan, schedule: Schedule) -> int:
        """How many the unit has: none where every coefficient is ±1."""
        return 0 if planned.fraction == 0 else len(planned.delays) * schedule.words

    @staticmethod
    def latency(schedule: Schedule) -> int:
        """Cycles from the last beat to the readouts: products, their sum, the running sum, the rounding."""
        return ReadoutStage.OFFER - ReadoutStage.MULTIPLY + sum_latency(schedule.words)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        planned, schedule = self._planned, self._schedule
        bits, count, words = planned.coefficient_bits, len(planned.delays), schedule.words
        groups, in_step = schedule.groups, schedule.in_step
        beat = self.beats.payload

        # Which beat of its sample comes: of a sample of each channel in step first the first ones, and so on.
        group = index_signal(groups, "group")
        next_group = index_signal(groups, "next_group")
        turn = index_signal(in_step, "turn")
        if groups > 1:
            m.d.comb += next_group.eq(group)
        with m.If(self.beats.valid):
            m.d.sync += turn.eq(successor(turn, in_step))
            with m.If(is_last(turn, in_step)):
                m.d.comb += next_group.eq(successor(group, groups))
        m.d.sync += group.eq(next_group)

        # The coefficients of a group: readout after readout, in each the first word's lowest.
        rows = planned.coefficients.reshape(count, groups, words).transpose(1, 0, 2)
        m.submodules.coefficients = coefficients = storage(
            ArrayLayout(signed(bits), count * words), groups, rows.reshape(groups, -1).tolist()
        )
        coefficients_read = coefficients.read_port()
        m.d.comb += coefficients_read.addr.eq(next_group)

        # MULTIPLY
        products = Signal(ArrayLayout(signed(self._word.width + bits), count * words))
        for k in range(count * words):
            m.d.sync += products[k].eq(self._product(beat.data[k % words], coefficients_read.data[k]))

        # What travels along with a beat.
        tag = Fields({"valid": 1, "starts": 1, "ends": 1, "channel": range(self._channels), "first": 1, "last": 1})
        multiply = Signal(tag, name="beat_multiply")
        m.d.comb += [
            multiply.valid.eq(self.beats.valid),
            multiply.starts.eq(group == 0 if groups > 1 else 1),
            multiply.ends.eq(is_last(group, groups)),
            multiply.channel.eq(beat.channel),
            multiply.first.eq(beat.first),
            multiply.last.eq(beat.last),
        ]
        way = [multiply]
        for name in [*(f"beat_tree_{k}" for k in range(sum_latency(words))), "beat_accumulate", "beat_round"]:
            way.append(Signal(tag, name=name))
            m.d.sync += way[-1].eq(way[-2])
        accumulate, rounded = way[-2:]

        # ACCUMULATE, ROUND, OFFER
        readout = self.readouts.payload
        m.d.sync += [
            self.readouts.valid.eq(rounded.valid & rounded.ends),
            readout.channel.eq(rounded.channel),
            readout.first.eq(rounded.first),
            readout.last.eq(rounded.last),
        ]
        for k in range(count):
            mine = [products[j] for j in range(k * words, (k + 1) * words)]
            beat_sum = registered_sum(m, mine, f"products_{k}")
            running = [Signal(signed(planned.sum_width), name=f"sum_{k}_{c}") for c in range(in_step)]
            with m.If(accumulate.valid):
                m.d.sync += running[0].eq(Mux(accumulate.starts, 0, running[-1]) + beat_sum)
                m.d.sync += [after.eq(before) for before, after in pairwise(running)]
            m.d.sync += readout.data[k].eq(round_shift(running[0], planned.fraction))
        return m

    def _product(self, word: Value, coefficient: Value) -> Value:
        if self._planned.fraction == 0:
            return Mux(coefficient[-1], -word, word)
        return word * coefficient


MAX_CHANNELS = 4096
MAX_PORT_BITS = 60


class StreamMemory(Component):
    """A memory with a stream of samples in, one of state words out and, if planned, one of delayed readouts.

    The pipeline advances unless an offered beat or readout is not taken. Samples of several channels come
    in turn: channel 0, 1, … channels − 1, 0, …

    A port wider than the input format takes samples beyond its range: they count as its nearest end, and
    `saturated` tells from the next cycle on that there was one, until reset or `clear_status`. A clear in
    the very cycle of another such sample leaves it set. Where the port has the width of the input format,
    nothing can saturate, and there is neither signal.

    Args:
        plan: the fixed-point plan, for this kind of datapath.
        lanes: multipliers at work for the increments; which numbers are possible, each kind tells.
        channels: memories that take turns, 1 … 4096.
        port_bits: width of the input port, from that of the input format up to 60; by default the same.

    Attributes:
        i: samples, stream of `sample_layout`.
        o: state words, stream of `beat_layout`.
        r: readouts, stream of `readout_layout`; only where the plan has some.
        can_saturate: whether the port is wider than the input format.
        saturated, clear_status: the status bit, Out(1), and what clears it, In(1); only where `can_saturate`.
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
            "i": In(stream.Signature(sample_layout(self.port_bits))),
            "o": Out(stream.Signature(beat_layout(plan, self.schedule.words, channels))),
        }
        if self.can_saturate:
            members |= {"saturated": Out(1), "clear_status": In(1)}
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
    def can_saturate(self) -> bool:
        """Whether the port is wider than the input format, so that a sample may lie beyond its range."""
        return self.port_bits > self.plan.input_format.width

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
        offered, sample = self.i.payload, pipeline.samples.payload
        kept = fit(offered.data, self.plan.input_format, Overflow.SATURATE) if self.can_saturate else offered.data
        m.d.comb += [
            pipeline.samples.valid.eq(self.i.valid),
            sample.data.eq(kept),
            sample.first.eq(offered.first),
            sample.last.eq(offered.last),
            self.i.ready.eq(pipeline.samples.ready & advance),
        ]
        if self.can_saturate:
            with m.If(self.clear_status):
                m.d.sync += self.saturated.eq(0)
            with m.If(self.i.valid & self.i.ready & (sample.data != offered.data)):
                m.d.sync += self.saturated.eq(1)

        if self.plan.readouts is None:
            m.d.comb += [
                self.o.valid.eq(pipeline.beats.valid),
                self.o.payload.eq(pipeline.beats.payload),
                advance.eq(~self.o.valid | self.o.ready),
            ]
            return m
        unit = ReadoutUnit(self.plan, self.plan.readouts, self.schedule, self.channels)
        m.submodules.readouts = EnableInserter(advance)(unit)
        beats_go = Signal()
        readouts_go = Signal()
        m.d.comb += [
            unit.beats.valid.eq(pipeline.beats.valid),
            unit.beats.payload.eq(pipeline.beats.payload),
            advance.eq(beats_go & readouts_go),
        ]
        _offer(m, pipeline.beats, self.o, beats_go, advance, "beat_taken")
        _offer(m, unit.readouts, self.r, readouts_go, advance, "readout_taken")
        return m


def _offer(m: Module, source: Any, sink: Any, go: Signal, advance: Signal, name: str) -> None:
    """Offer what `source` gives to one of two consumers; `go` if that does not hold the pipeline.

    What this consumer has taken is not offered again while the other one holds the pipeline; the register for that
    has this `name`.
    """
    taken = Signal(name=name)
    m.d.comb += [
        sink.valid.eq(source.valid & ~taken),
        sink.payload.eq(source.payload),
        go.eq(~sink.valid | sink.ready),
    ]
    m.d.sync += taken.eq(~advance & (taken | (sink.valid & sink.ready)))


def check_divisor(lanes: int, whole: int, what: str) -> None:
    """Return if `lanes` is a divisor of `whole`; else raise a DesignError that names `what`."""
    if whole % check_integer("lanes", lanes, 1):
        raise DesignError("lanes", f"a divisor of the {what} {whole}", lanes)
