"""Memories behind valid/ready streams: the top component of every datapath, its back-pressure, and delayed readouts."""

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
from lmu_hw.rtl.primitives.pipeline import LanePipeline, Pipeline, StalledTogether
from lmu_hw.rtl.primitives.schedule import Schedule
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage


class ReadoutStage(Stage):
    """The stages of the readouts, which each beat of a sample passes in successive cycles.

    Between MULTIPLY and ACCUMULATE an adder tree sums the products of a beat's words, which takes `sum_latency(words)`
    further cycles, none for a single word.
    """

    MULTIPLY = "the beat and the coefficients of its words are at the multipliers"
    ACCUMULATE = "the sums of the beat's products are there and are added to the running sums of the beats before"
    ROUND = "after the sample's last beat the running sums are complete and are rounded"
    OFFER = "the rounded readouts are offered"


class ReadoutUnit(Component):
    """Computes the readouts of a sample, weighted sums of its state words, from the beats as they leave.

        readout = round(Σ coefficient·word · 2^−fraction)

    A whole beat is taken in every cycle: each readout multiplies all its words at once, adds the products in a tree,
    and adds that sum to a running sum over the beats of the sample. Coefficients of ±1 need no multiplier. The beats
    of channels in step alternate, so each of these channels has its own running sum.

    Args:
        plan: The plan of the memory, with the format of the words.
        planned: The plan of the readouts.
        schedule: The schedule of the memory, with its words per beat and its channels in step.
        channels: The number of channels.

    Attributes:
        beats: In, stream of `beat_layout` that is always ready.
        readouts: Out, stream of `readout_layout` that is always ready, valid for one cycle for each sample, `latency`
            cycles after the sample's last beat.
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
        """The number of multipliers of the unit; 0 where every coefficient is ±1."""
        return 0 if planned.fraction == 0 else len(planned.delays) * schedule.words

    @staticmethod
    def latency(schedule: Schedule) -> int:
        """Cycles from a sample's last beat to its readouts, through all stages of `ReadoutStage`."""
        return ReadoutStage.OFFER - ReadoutStage.MULTIPLY + sum_latency(schedule.words)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        planned, schedule = self._planned, self._schedule
        bits, count, words = planned.coefficient_bits, len(planned.delays), schedule.words
        groups, in_step = schedule.groups, schedule.in_step
        beat = self.beats.payload

        # The number of the beat within its sample. Channels in step send their first beats in turn, then their
        # second ones, so the number advances after the last channel's turn.
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

        # A row of the ROM for each group: readout after readout, the first word's coefficient of each lowest.
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

        # Carried beside a beat: whether it starts or ends its sample, whose channel and marks the readouts need.
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
        """The product of a word and a coefficient; combinational, without a multiplier if all coefficients are ±1."""
        if self._planned.fraction == 0:
            return Mux(coefficient[-1], -word, word)
        return word * coefficient


MAX_CHANNELS = 4096
"""The largest number of channels of a memory."""
MAX_PORT_BITS = 60
"""The largest width of the input port, in bits."""


class StreamMemory(Component):
    """A memory with a stream of samples in, one of state words out and, if planned, one of delayed readouts.

    The whole pipeline advances in every cycle in which no offered beat or readout waits to be taken. Channels take
    turns: the samples come in the order channel 0, 1, … channels − 1, 0, …

    A port wider than the input format takes samples beyond the range of the format and saturates them. The status bit
    `saturated` rises in the cycle after such a sample and stays high until reset or `clear_status`; a clear in the
    cycle in which a further such sample is taken leaves it high. A port of the width of the input format has no status
    bit.

    Args:
        plan: The fixed-point plan, of the datapath of this class.
        lanes: The number of multipliers for the increments; each subclass states which numbers are possible.
        channels: The number of independent memories that take turns, 1 … `MAX_CHANNELS`.
        port_bits: The width of the samples at the input port, from that of the input format, which is the default, to
            `MAX_PORT_BITS`.

    Attributes:
        i: In, samples, stream of `sample_layout(port_bits)`.
        o: Out, state words, stream of `beat_layout`.
        r: Out, readouts, stream of `readout_layout`; only where the plan has readouts.
        saturated: Out(1), high from the cycle after a sample out of range on; only where `can_saturate`.
        clear_status: In(1), makes `saturated` low in the next cycle; only where `can_saturate`.
        schedule: The slots, pause, latency and beats of a sample.

    Raises:
        DesignError: The plan is of another datapath, or `lanes`, `channels` or `port_bits` is not possible.
    """

    datapath: ClassVar[Datapath]
    """The datapath of the plans that this kind of memory realises."""
    pipeline: ClassVar[type[Pipeline]]
    """The component that computes the states."""
    factor_delay: ClassVar[int]
    """Cycles from the issue of a slot to the cycle in which its factors are at the first lane's multiplier."""

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
        """Check that this kind of memory can realise `plan`.

        Raises:
            DesignError: The plan is of another datapath.
        """
        if plan.datapath is not cls.datapath:
            raise DesignError("datapath", f"a {cls.datapath} plan for the {cls.datapath} memory", plan.datapath)

    @classmethod
    @abstractmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        """Check that this kind of memory can have `lanes` lanes for the order of `plan` and for `channels` channels.

        Raises:
            DesignError: The number of lanes is not possible.
        """

    @classmethod
    @abstractmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """The schedule of a memory of this kind."""

    @classmethod
    @abstractmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        """Cycles from a sample's first slot to each of its beats, in order; of the first of the channels in step."""

    @classmethod
    @abstractmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        """Bits of storage for all channels: integrators, state words and stored intermediate results."""

    @property
    def can_saturate(self) -> bool:
        """Whether the input port is wider than the input format, so that samples can be out of range."""
        return self.port_bits > self.plan.input_format.width

    @property
    def multipliers(self) -> int:
        """The number of multipliers for the increments."""
        return self.lanes

    @property
    def utilisation(self) -> float:
        """The share of the multipliers' cycles that make a product of the plan, while samples are waiting."""
        return self.plan.multiplications_per_sample / (self.multipliers * float(self.schedule.cycles_per_sample))

    @property
    def readout_multipliers(self) -> int:
        """The number of further multipliers for the readouts; 0 without readouts."""
        planned = self.plan.readouts
        return ReadoutUnit.multipliers(planned, self.schedule) if planned is not None else 0

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of storage by purpose: the tables of the datapath and of the readouts, then what all channels keep."""
        planned = self.plan.readouts
        table = 0
        if issubclass(self.pipeline, LanePipeline):
            table = self.pipeline.rom_for(self.plan, self.lanes, self.schedule).bits
        return {
            "tables": table,
            "readout_tables": 0 if planned is None else int(planned.coefficients.size) * planned.coefficient_bits,
            "states": self.state_bits_for(self.plan, self.lanes, self.channels),
        }

    @property
    def readout_latency(self) -> int:
        """Cycles from a sample's last beat to its readouts, while both are taken at once."""
        return ReadoutUnit.latency(self.schedule)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        pipeline = self.pipeline(self.plan, self.lanes, self.channels, self.schedule)
        m.submodules.pipeline = EnableInserter(advance)(StalledTogether(pipeline))
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
            exceeds = Signal()
            m.d.comb += exceeds.eq(self.i.valid & self.i.ready & (sample.data != offered.data))
            with m.If(exceeds):
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
    """Offer a payload of the pipeline on one of two output streams that stall it together.

    A consumer that has taken the payload is not offered it again while the other one still holds the pipeline.

    Args:
        m: The module that the logic is added to.
        source: The stream inside the pipeline, which is held while the pipeline stalls.
        sink: The output stream.
        go: Set high in cycles in which this output does not hold the pipeline.
        advance: High in cycles in which the pipeline advances.
        name: The name of the register that remembers that the payload has been taken.
    """
    taken = Signal(name=name)
    m.d.comb += [
        sink.valid.eq(source.valid & ~taken),
        sink.payload.eq(source.payload),
        go.eq(~sink.valid | sink.ready),
    ]
    m.d.sync += taken.eq(~advance & (taken | (sink.valid & sink.ready)))


def check_divisor(lanes: int, whole: int, what: str) -> None:
    """Check that a number of lanes divides another number.

    Args:
        lanes: The number of lanes.
        whole: The number to be divided.
        what: The name of that number, for the error.

    Raises:
        DesignError: `lanes` is not a positive divisor of `whole`.
    """
    if whole % check_integer("lanes", lanes, 1):
        raise DesignError("lanes", f"a divisor of the {what} {whole}", lanes)
