"""The chain memory: the whole derivative of d states in d multiplications."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import memory
from amaranth.lib.data import ArrayLayout, StructLayout

from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory, check_divisor
from lmu_hw.rtl.memory.integrators import IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import times
from lmu_hw.rtl.primitives.pipeline import Image, LanePipeline
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer


def _entry(plan: MemoryPlan) -> StructLayout:
    """A coefficient, and the left shift that brings its products to the grid of all."""
    alignment_shifts = plan.increment.alignment_shifts.tolist()
    return StructLayout(
        {
            "coefficient": signed(plan.increment.coefficient_bits),
            "alignment_shift": max(1, max(alignment_shifts).bit_length()),
        }
    )


class _ChainPipeline(LanePipeline):
    """issue → operand registers → products → sums and words; the whole pipeline advances or stands still."""

    @classmethod
    def image_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> Image:
        """A row of coefficients for each group."""
        increment = plan.increment
        table = [
            {"coefficient": -int(c), "alignment_shift": int(s)}
            for c, s in zip(increment.coefficients.tolist(), increment.alignment_shifts.tolist(), strict=True)
        ]
        rows = [table[g * lanes : (g + 1) * lanes] for g in range(schedule.groups)]
        return Image(ArrayLayout(_entry(plan), lanes), rows)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes, channels = self._plan, self._lanes, self._channels
        groups = self._schedule.groups
        m.submodules.sequencer = seq = Sequencer(self._schedule, channels)
        m.d.comb += [seq.valid.eq(self.valid), seq.first.eq(self.sample.first), self.ready.eq(seq.ready)]

        # The state words, one row of `lanes` for each group of each channel.
        row = ArrayLayout(signed(plan.state_format.width), lanes)
        m.submodules.words = words = memory.Memory(shape=row, depth=channels * groups, init=[])
        write = words.write_port()
        read = words.read_port(transparent_for=(write,))
        m.d.comb += read.addr.eq(times(seq.next_channel, groups) + seq.next_slot)

        m.d.comb += self.address.eq(seq.next_slot)

        # Issue: the running values of the chain, through all lanes of a group in one cycle.
        operand = plan.operand_format
        state_lift = operand.fraction - plan.state_format.fraction
        input_lift = operand.fraction - plan.input_format.fraction
        totals = Array(Signal(signed(operand.width), name=f"total_{c}") for c in range(channels))
        behind, ahead = Signal(signed(operand.width)), Signal(signed(operand.width))
        total = Mux(seq.fresh, 0, totals[seq.channel])
        sample = self.sample.data << input_lift
        earlier = Mux(seq.starts, total + sample, behind)
        current = Mux(seq.starts, total - sample, ahead)
        operands = Signal(ArrayLayout(signed(operand.width), lanes))
        factors = Signal(ArrayLayout(_entry(plan), lanes))
        for lane in range(lanes):
            word = Mux(seq.fresh, 0, read.data[lane])
            m.d.sync += operands[lane].eq(current)
            following = Signal(signed(operand.width), name=f"following_{lane}")
            m.d.comb += following.eq(earlier - (word << (state_lift + 1)))
            earlier, current = current, following
        m.d.sync += factors.eq(self.entry)
        with m.If(seq.issue):
            m.d.sync += [behind.eq(earlier), ahead.eq(current)]

        # Multiply, then add: the bank reads its accumulators in the meantime.
        m.submodules.bank = bank = IntegratorBank(plan, lanes, channels * groups)
        m.d.comb += [bank.fetch.eq(times(seq.channel, groups) + seq.slot), bank.fetch_fresh.eq(seq.fresh)]
        lifted = Signal.like(factors)
        m.d.sync += lifted.eq(factors)
        for lane in range(lanes):
            m.d.comb += [
                self.factors[lane].operand.eq(operands[lane]),
                self.factors[lane].coefficient.eq(factors[lane].coefficient),
                bank.increment[lane].eq(self.products[lane] << lifted[lane].alignment_shift),
            ]

        # What travels along with a slot.
        tag = StructLayout({"valid": 1, "slot": range(groups), "channel": range(channels), "first": 1, "last": 1})
        issued, multiplied, retired = Signal(tag), Signal(tag), Signal(tag)
        last, first = Signal(), Signal()
        with m.If(seq.starts & seq.issue):
            m.d.sync += [first.eq(self.sample.first), last.eq(self.sample.last)]
        m.d.sync += [
            issued.valid.eq(seq.issue),
            issued.slot.eq(seq.slot),
            issued.channel.eq(seq.channel),
            issued.first.eq(Mux(seq.starts, self.sample.first, first)),
            issued.last.eq(Mux(seq.starts, self.sample.last, last)),
            multiplied.eq(issued),
            retired.eq(multiplied),
        ]
        m.d.comb += [
            bank.apply.eq(multiplied.valid),
            bank.apply_slot.eq(times(multiplied.channel, groups) + multiplied.slot),
        ]

        # Retire: write the words back, and sum them up for the next sample.
        m.d.comb += [
            write.addr.eq(times(retired.channel, groups) + retired.slot),
            write.en.eq(retired.valid),
            write.data.eq(bank.words),
        ]
        partial = Signal(signed(operand.width))
        running = Mux(retired.slot == 0, 0, partial)
        for lane in range(lanes):
            running = running + (bank.words[lane] << state_lift)
        with m.If(retired.valid):
            m.d.sync += partial.eq(running)
            with m.If(retired.slot == groups - 1):
                m.d.sync += totals[retired.channel].eq(running)
        m.d.comb += [
            self.beat_valid.eq(retired.valid),
            self.beat.data.eq(bank.outputs),
            self.beat.index.eq(times(retired.slot, lanes)),
            self.beat.channel.eq(retired.channel),
            self.beat.first.eq(retired.first),
            self.beat.last.eq(retired.last),
        ]
        return m


class ChainMemory(StreamMemory):
    """Forward Euler or Adams–Bashforth 2 on the chain, `lanes` states a cycle, a divisor of the order.

        s_{−1} = T + u,  s_0 = T − u,  s_{i+1} = s_{i−1} − 2 m_i,  increment_i = −h(2i+1)·s_i,  T = Σ m_j

    T is summed up while the words retire, so a sample costs one pass over the states. The next sample of
    the same channel waits until the last word of this one is part of T: 3 idle cycles, or none when other
    channels fill them.

    Multiplications per sample: order. Cycles per sample: order/lanes + pause, where pause =
    max(0, ceil((order/lanes + 3)/channels) − order/lanes). Latency: 3 cycles from the acceptance of a
    sample to its first output beat; the beats follow in successive cycles.
    """

    datapath = Datapath.CHAIN
    pipeline = _ChainPipeline
    factor_delay = 1

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        check_divisor(lanes, plan.spec.order, "order")

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """One group of states a cycle; T of this sample is there 3 cycles after its last group was issued."""
        groups = plan.spec.order // lanes
        return Schedule.interleaved(groups=groups, words=lanes, slots=groups, wait=3, channels=channels, first_beat=3)

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        return tuple(3 + group for group in range(plan.spec.order // lanes))

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        return channels * plan.spec.order * (integrator_bits(plan) + plan.state_format.width)
