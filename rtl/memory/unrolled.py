"""The unrolled memory: every multiplication has a multiplier of its own, every cycle a sample.

Its pipeline is not drawn but computed. `Staged` stands for an integer on its way through it: whatever an increment's
`evaluate` writes with +, −, ·, << and >> becomes a pipeline in which every operator meets operands of the same sample,
because a value knows the stage at which it is there and is delayed to meet a later one. Words are as wide as their
certified range asks for, in affine arithmetic: the exact linear map from the inputs, and a bound on what roundings and
constants add to it.
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
"""Adders in a row between two registers; a multiplier has a register on both sides."""

_SLACK = 1.0 + 1e-9  # of bounds that are computed in floating point


Registers = list[tuple[Signal, Value]]
"""What each register takes over at every clock edge."""


class Staged:
    """An integer that is there `stage` cycles after its sample was issued, as a signed value.

    Registers on the way are appended to `registers`.

    Attributes:
        value: the hardware value.
        stage: cycles from the issue of the sample.
        adders: adders between the last register and here.
    """

    def __init__(
        self, registers: Registers, value: Value, stage: int, adders: int, gains: Array, peaks: Array, error: float
    ) -> None:
        self._registers, self._gains, self._peaks, self._error = registers, gains, peaks, error
        width = signed_width(_SLACK * (float(np.abs(gains) @ peaks) + error) + 1.0)
        self.value = value[:width].as_signed() if len(value) > width else value
        self.stage, self.adders = stage, adders
        self._later: Staged | None = None
        self._origin: tuple[Staged, int] | None = None  # this is another one, shifted up

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
        """Towards −∞; what is dropped counts as an error of less than one."""
        scale = 2.0**-fraction_bits
        gains, error = scale * self._gains, scale * self._error + (1.0 if fraction_bits else 0.0)
        return self._made(self.value >> fraction_bits, self.stage, self.adders, gains, error)

    def at(self, stage: int) -> Staged:
        """The same integer at `stage`, not earlier than its own, through as many registers as that takes."""
        if stage == self.stage:
            return self
        if self._origin is not None:
            origin, fraction_bits = self._origin
            return origin.at(stage) << fraction_bits
        if self._later is None:
            self._later = self._registered(self.value, self.stage + 1, self._gains, self._error)
        return self._later.at(stage)

    def _sum(self, other: Staged | int, sign: int) -> Staged:
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
        return Staged(self._registers, value, stage, adders, gains, self._peaks, error)

    def _registered(self, value: Value, stage: int, gains: Array, error: float) -> Staged:
        unregistered = self._made(value, stage, 0, gains, error).value
        register = Signal(signed(len(unregistered)), name=f"stage_{stage}_{len(self._registers)}")
        self._registers.append((register, unregistered))
        return self._made(register, stage, 0, gains, error)


def staged_inputs(registers: Registers, values: Sequence[ValueLike], widths: Sequence[int]) -> list[Staged]:
    """Signed `values` of `widths` bits as integers at stage 0 that count as sums of one adder."""
    peaks = np.array([2.0 ** (width - 1) for width in widths])
    gains = np.eye(len(widths))
    return [Staged(registers, Value.cast(v), 0, 1, gain, peaks, 0.0) for v, gain in zip(values, gains, strict=True)]


def balanced(values: Sequence[Staged], least: int) -> tuple[list[Value], int]:
    """All values in registers at one stage of at least `least`, and that stage."""
    stage = max(least, *(each.stage + (each.adders > 0) for each in values))
    return [each.at(stage).value for each in values], stage


MAX_UNROLLED = 16


class _UnrolledPipeline(Pipeline):
    """The pipeline of the unrolled memory: all states at once, the whole arithmetic of the increments by stages."""

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

        # What travels along with a sample: through the stages of the arithmetic, then to the bank, then out.
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
        fetched = way[-2 - READ_LEAD]  # so long before the increments
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
    """The increments of all states from words and sample, in registers, and how many cycles later they are there."""
    widths = [*plan.state_widths, plan.input_format.width]
    *words, sample = staged_inputs(registers, inputs, widths)
    state_shift, input_shift = operand_shifts(plan)
    made = plan.increment.evaluate([word << state_shift for word in words], sample << input_shift)
    return balanced(made, least=READ_LEAD)


class UnrolledMemory(StreamMemory):
    """Any kind of increment with a multiplier for each of its products, for orders up to 16.

    A sample enters together with all state words of its channel. The arithmetic is the increment's own, spread over
    `latency` stages with a register after every multiplier and every other adder. Then the bank adds all increments
    at once, and all new words are stored and leave in one beat.

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

    A channel's next sample must wait for the words of its last one. Cycles per sample:
    ceil(full_rate_channels/channels), so one from full_rate_channels = latency + 2 channels on. Latency:
    latency + 1 cycles from the acceptance of a sample to its beat. Multipliers: as many as multiplications
    per sample; those by powers of two and by zero are left out.
    """

    pipeline = _UnrolledPipeline
    factor_delay = 0

    def __init__(self, plan: MemoryPlan, *, channels: int = 1, port_bits: int | None = None) -> None:
        super().__init__(plan, lanes=plan.multiplications_per_sample, channels=channels, port_bits=port_bits)

    @property
    def latency(self) -> int:
        """Stages of the increment's arithmetic."""
        return self.schedule.first_beat - 1

    @property
    def full_rate_channels(self) -> int:
        """Channels from which on a sample is taken every cycle."""
        return self.latency + 2

    @classmethod
    def check_plan(cls, plan: MemoryPlan) -> None:
        if plan.spec.order > MAX_UNROLLED:
            raise DesignError("order", f"at most {MAX_UNROLLED} for an unrolled memory", plan.spec.order)

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        """They are what the plan asks for."""

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """Everything in one slot; its words are there `latency` + 2 cycles later for the next sample."""
        order = plan.spec.order
        inputs = [Signal(signed(plan.state_format.width)) for _ in range(order)]
        _, latency = _increments([], plan, [*inputs, Signal(signed(plan.input_format.width))])
        return Schedule.interleaved(
            groups=1, words=order, slots=1, wait=latency + 1, channels=channels, first_beat=latency + 1
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        return (cls.schedule_for(plan, lanes, 1).first_beat,)

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        return channels * plan.spec.order * (integrator_bits(plan) + plan.state_format.width)
