"""The unrolled memory: every product has a multiplier of its own, and a sample can be taken in every cycle.

Its pipeline is derived from the arithmetic of the increment. `Staged` stands for an integer in the pipeline: what the
increment's `evaluate` computes with +, −, ·, << and >> becomes hardware in which every operator gets operands of the
same sample, because a value knows the stage in which it is there and is delayed to meet a later one. Words are as wide
as their range needs. The range follows by affine arithmetic, from the exact linear map of the inputs and a bound on
what roundings and constants add to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value, ValueLike, signed
from amaranth.lib.data import ArrayLayout

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import signed_width
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.integrators import READ_LEAD, IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.bundles import ABSENT, Fields
from lmu_hw.rtl.primitives.pipeline import Pipeline, operand_shifts
from lmu_hw.rtl.primitives.schedule import Schedule
from lmu_hw.rtl.primitives.storage import storage

ADDERS = 2
"""The largest number of adders in series between two registers; a multiplier has a register on either side."""

_SLACK = 1.0 + 1e-9  # covers the rounding errors of range bounds that are computed in floating point


Registers = list[tuple[Signal, Value]]
"""The pipeline registers, each with the value that it takes over at every clock edge."""


class Staged:
    """An integer that a sample causes, as a signed hardware value in a stage of the pipeline.

    Arithmetic on it gives further such integers, and appends the registers that are needed to `registers`. Its range is
    bounded by Σ |gains|·peaks + error.

    Args:
        registers: The list of the pipeline registers.
        value: The hardware value; bits that the range does not need are dropped.
        stage: The number of cycles from the issue of the sample to the value.
        adders: The number of adders in series between the last register and the value.
        gains: The coefficients of the value as a linear map of the inputs, shape (inputs,).
        peaks: The largest magnitude of each input, shape (inputs,).
        error: A bound on the deviation of the value from that map, in code steps.

    Attributes:
        value: The hardware value.
        stage: The number of cycles from the issue of the sample to the value.
        adders: The number of adders in series between the last register and the value.
    """

    def __init__(
        self, registers: Registers, value: Value, stage: int, adders: int, gains: Array, peaks: Array, error: float
    ) -> None:
        self._registers, self._gains, self._peaks, self._error = registers, gains, peaks, error
        width = signed_width(_SLACK * (float(np.abs(gains) @ peaks) + error) + 1.0)
        self.value = value[:width].as_signed() if len(value) > width else value
        self.stage, self.adders = stage, adders
        self._later: Staged | None = None
        self._origin: tuple[Staged, int] | None = None  # the unshifted integer, if this one is a left shift of it

    def __add__(self, other: Staged | int) -> Staged:
        return self._sum(other, 1)

    def __sub__(self, other: Staged | int) -> Staged:
        return self._sum(other, -1)

    def __mul__(self, factor: int) -> Staged:
        if factor == 0:
            return self._made(Const(0, signed(1)), self.stage, 0, 0.0 * self._gains, 0.0)
        odd = factor // (factor & -factor)
        fraction_bits = (factor // odd).bit_length() - 1
        if odd == 1:
            return self << fraction_bits
        operand = self if self.adders == 0 else self.at(self.stage + 1)
        gains, error = odd * self._gains, abs(odd) * self._error
        return self._registered(operand.value * odd, operand.stage + 1, gains, error) << fraction_bits

    def __lshift__(self, fraction_bits: int) -> Staged:
        if fraction_bits == 0:
            return self
        scale = 2.0**fraction_bits
        made = self._made(
            self.value << fraction_bits, self.stage, self.adders, scale * self._gains, scale * self._error
        )
        made._origin = (self, fraction_bits)
        return made

    def __rshift__(self, fraction_bits: int) -> Staged:
        """Shift right, rounding towards −∞; the dropped bits count as an error of less than one."""
        scale = 2.0**-fraction_bits
        gains, error = scale * self._gains, scale * self._error + (1.0 if fraction_bits else 0.0)
        return self._made(self.value >> fraction_bits, self.stage, self.adders, gains, error)

    def at(self, stage: int) -> Staged:
        """The same integer in a later stage or in the same one, through as many registers as there are cycles between.

        Delays are shared by all users of the integer, and a left shift delays the narrower unshifted value.
        """
        if stage == self.stage:
            return self
        if self._origin is not None:
            origin, fraction_bits = self._origin
            return origin.at(stage) << fraction_bits
        if self._later is None:
            self._later = self._registered(self.value, self.stage + 1, self._gains, self._error)
        return self._later.at(stage)

    def _sum(self, other: Staged | int, sign: int) -> Staged:
        """Add or subtract, by the `sign` ±1, in the earliest stage that has both terms and room for one more adder."""
        if isinstance(other, int):
            first = self if self.adders < ADDERS else self.at(self.stage + 1)
            value = first.value + sign * other
            return self._made(value, first.stage, first.adders + 1, self._gains, self._error + abs(other))
        stage = max(self.stage, other.stage)
        if max(each.at(stage).adders for each in (self, other)) >= ADDERS:
            stage += 1
        a, b = self.at(stage), other.at(stage)
        value = a.value + b.value if sign > 0 else a.value - b.value
        gains = self._gains + sign * other._gains
        return self._made(value, stage, max(a.adders, b.adders) + 1, gains, self._error + other._error)

    def _made(self, value: Value, stage: int, adders: int, gains: Array, error: float) -> Staged:
        """Another integer of the same pipeline."""
        return Staged(self._registers, value, stage, adders, gains, self._peaks, error)

    def _registered(self, value: Value, stage: int, gains: Array, error: float) -> Staged:
        """A register of stage `stage` that takes over `value`."""
        unregistered = self._made(value, stage, 0, gains, error).value
        register = Signal(signed(len(unregistered)), name=f"stage_{stage}_{len(self._registers)}")
        self._registers.append((register, unregistered))
        return self._made(register, stage, 0, gains, error)


def staged_inputs(registers: Registers, values: Sequence[ValueLike], widths: Sequence[int]) -> list[Staged]:
    """The inputs of the arithmetic in stage 0, each counted as the output of one adder.

    Args:
        registers: The list that pipeline registers are appended to.
        values: The signed input values.
        widths: The width of each value's range in bits, at most the width of the value itself.
    """
    peaks = np.array([2.0 ** (width - 1) for width in widths])
    gains = np.eye(len(widths))
    return [Staged(registers, Value.cast(v), 0, 1, gain, peaks, 0.0) for v, gain in zip(values, gains, strict=True)]


def balanced(values: Sequence[Staged], least: int) -> tuple[list[Value], int]:
    """Delay values to a common stage, in which all of them are in registers.

    Args:
        values: The values.
        least: The earliest stage that is allowed.

    Returns:
        The delayed values, and their stage.
    """
    stage = max(least, *(each.stage + (each.adders > 0) for each in values))
    return [each.at(stage).value for each in values], stage


MAX_UNROLLED = 16
"""The largest order of an unrolled memory; the number of multipliers grows with the order or with its square."""


class _UnrolledPipeline(Pipeline):
    """The datapath of the unrolled memory: the whole arithmetic of all increments as one pipeline."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, channels, order = self._plan, self._channels, self._plan.spec.order
        seq = self._sequenced(m)
        sample = self.samples.payload

        # All state words of a channel lie in one row.
        m.submodules.words = words = storage(ArrayLayout(signed(plan.state_format.width), order), channels)
        words_write = words.write_port()
        words_read = words.read_port(transparent_for=(words_write,))
        m.d.comb += words_read.addr.eq(seq.next_channel)
        current = [Signal(signed(plan.state_format.width), name=f"word_{i}") for i in range(order)]
        m.d.comb += [word.eq(Mux(seq.clear, 0, words_read.data[i])) for i, word in enumerate(current)]

        registers: Registers = []
        increments, latency = _increments(registers, plan, [*current, sample.data])
        m.d.sync += [register.eq(value) for register, value in registers]

        # Carried beside a sample, through the stages of the arithmetic to the integrators and out: its channel and
        # marks, and whether it finds the state cleared.
        owner = Fields({"valid": 1, "channel": range(channels), "clear": 1, "first": 1, "last": 1})
        issue = Signal(owner, name="sample_issue")
        m.d.comb += [
            issue.valid.eq(seq.issue),
            issue.channel.eq(seq.channel),
            issue.clear.eq(seq.clear),
            issue.first.eq(sample.first),
            issue.last.eq(sample.last),
        ]
        way = [issue]
        for name in [*(f"sample_compute_{k}" for k in range(1, latency)), "sample_integrate", "sample_retire"]:
            way.append(Signal(owner, name=name))
            m.d.sync += way[-1].eq(way[-2])
        integrate, retire = way[-2:]
        fetched = way[-2 - READ_LEAD]  # the stage in which the accumulators of the channel are addressed
        m.submodules.bank = bank = IntegratorBank(plan, order, channels)
        m.d.comb += [
            bank.read.address.eq(fetched.channel),
            bank.read.clear.eq(fetched.clear),
            bank.add.valid.eq(integrate.valid),
            bank.add.address.eq(integrate.channel),
            *(bank.add.increments[i].eq(increment) for i, increment in enumerate(increments)),
            words_write.addr.eq(retire.channel),
            *self._retired(retire, words_write, bank, ABSENT),
        ]
        return m


def _increments(registers: Registers, plan: MemoryPlan, inputs: list[Signal]) -> tuple[list[Value], int]:
    """Add the arithmetic of a plan's increments.

    Args:
        registers: The list that the pipeline registers are appended to.
        plan: The plan.
        inputs: The state words and, as the last one, the sample.

    Returns:
        The increments of all states, in registers, and the number of cycles from the inputs to them.
    """
    widths = [*plan.state_widths, plan.input_format.width]
    *words, sample = staged_inputs(registers, inputs, widths)
    state_shift, input_shift = operand_shifts(plan)
    made = plan.increment.evaluate([word << state_shift for word in words], sample << input_shift)
    return balanced(made, least=READ_LEAD)


class UnrolledMemory(StreamMemory):
    """Unrolled memory: all increments at once with a multiplier for every product, up to a sample a cycle.

    It realises any datapath's arithmetic for orders up to 16. A sample enters together with all state words of its
    channel. The arithmetic is spread over `latency` stages. Then the integrators add all increments at once, and all
    new words are stored and leave in a single beat.

    With three stages of arithmetic and two channels that take turns:

    ```wavedrom
    {"signal": [
      {"name": "clk",                 "wave": "p.........."},
      {"name": "i (taken)",           "wave": "x3xx4xx3xx4", "data": ["ch. 0", "ch. 1", "ch. 0", "ch. 1"]},
      {"name": "compute_1",           "wave": "xx3xx4xx3xx", "data": ["ch. 0", "ch. 1", "ch. 0"]},
      {"name": "compute_2",           "wave": "xxx3xx4xx3x", "data": ["ch. 0", "ch. 1", "ch. 0"]},
      {"name": "integrate (latency)", "wave": "xxxx3xx4xx3", "data": ["ch. 0", "ch. 1", "ch. 0"]},
      {"name": "retire, o",           "wave": "xxxxx3xx4xx", "data": ["ch. 0", "ch. 1"]}]}
    ```

    Latency, in cycles, with the acceptance of a sample in the stage `issue`:

        latency            = integrate − issue = max(2, registers on the longest path of the arithmetic)
        acceptance to beat = retire − issue    = latency + 1

    The 2 is the time that the integrators need from their address to the increment. On a path through the arithmetic
    there is a register behind every multiplier, one before a multiplier whose operand comes from an adder, one where
    more than two adders would follow each other, and one behind the last operator if that is an adder.

    A channel's next sample waits for the words of its last one. Cycles per sample: ceil(full_rate_channels/channels),
    which is one from full_rate_channels = latency + 2 channels on. Multipliers: one for each multiplication per
    sample, but none for factors that are zero or powers of two.

    Args:
        plan: The fixed-point plan, of any datapath and of order 16 at most.
        channels: The number of independent memories that take turns, 1 … 4096.
        port_bits: The width of the samples at the input port, by default that of the input format.

    Raises:
        DesignError: The order is too large, or `channels` or `port_bits` is out of range.
    """

    pipeline = _UnrolledPipeline
    factor_delay = 0

    def __init__(self, plan: MemoryPlan, *, channels: int = 1, port_bits: int | None = None) -> None:
        super().__init__(plan, lanes=plan.multiplications_per_sample, channels=channels, port_bits=port_bits)

    @property
    def latency(self) -> int:
        """Cycles from the acceptance of a sample to its increments: the number of stages of the arithmetic."""
        return self.schedule.first_beat - 1

    @property
    def full_rate_channels(self) -> int:
        """The least number of channels with which a sample can be taken in every cycle."""
        return self.latency + 2

    @classmethod
    def check_plan(cls, plan: MemoryPlan) -> None:
        """Accept every datapath up to order `MAX_UNROLLED`."""
        if plan.spec.order > MAX_UNROLLED:
            raise DesignError("order", f"at most {MAX_UNROLLED} for an unrolled memory", plan.spec.order)

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        """Accept any number: the constructor sets it to the plan's multiplications per sample."""

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """A single slot; a channel's next sample can start `latency` + 2 cycles later, when its words are stored."""
        order = plan.spec.order
        inputs = [Signal(signed(plan.state_format.width)) for _ in range(order)]
        _, latency = _increments([], plan, [*inputs, Signal(signed(plan.input_format.width))])
        return Schedule.interleaved(
            groups=1, words=order, slots=1, wait=latency + 1, channels=channels, first_beat=latency + 1
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        """A single beat with all states."""
        return (cls.schedule_for(plan, lanes, 1).first_beat,)

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        """An integrator and a state word for each state of each channel."""
        return channels * plan.spec.order * (integrator_bits(plan) + plan.state_format.width)
