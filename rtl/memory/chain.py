"""The chain memory: the derivatives of all d states in d multiplications."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.data import ArrayLayout

from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory, check_divisor
from lmu_hw.rtl.memory.integrators import READ_LEAD, IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import times
from lmu_hw.rtl.primitives.bundles import Fields
from lmu_hw.rtl.primitives.indices import element, flat_index, is_last
from lmu_hw.rtl.primitives.pipeline import LanePipeline, operand_shifts
from lmu_hw.rtl.primitives.schedule import Schedule
from lmu_hw.rtl.primitives.stages import Stage, carried
from lmu_hw.rtl.primitives.storage import RomContents, storage


class ChainStage(Stage):
    """The stages of the chain, which a group of `lanes` states passes in successive cycles."""

    ISSUE = "the words of a group are there, and the recurrence runs through its lanes and gives each an operand"
    MULTIPLY = "operands and coefficients are in registers at the multipliers"
    INTEGRATE = "the products are there and are aligned; they are the increments of the accumulators"
    RETIRE = "the new words are there: they are stored, added to T, and leave as a beat"


LATENCY = ChainStage.RETIRE - ChainStage.ISSUE
"""Cycles from the issue of a group to its beat; by the end of that cycle its words are part of T."""


def _coefficient_layout(plan: MemoryPlan) -> Fields:
    """A coefficient, and the left shift that brings its products to the fractional bits of all increments."""
    alignment_shifts = plan.increment.alignment_shifts.tolist()
    return Fields(
        {
            "coefficient": signed(plan.increment.coefficient_bits),
            "alignment_shift": max(1, max(alignment_shifts).bit_length()),
        }
    )


class _ChainPipeline(LanePipeline):
    """The datapath of the chain memory: issues a group of states a cycle, one state in each lane."""

    @classmethod
    def rom_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> RomContents:
        """The coefficients: a row for each group, with an entry for each lane."""
        increment = plan.increment
        table = [
            {"coefficient": -int(c), "alignment_shift": int(s)}
            for c, s in zip(increment.coefficients.tolist(), increment.alignment_shifts.tolist(), strict=True)
        ]
        rows = [table[g * lanes : (g + 1) * lanes] for g in range(schedule.groups)]
        return RomContents(ArrayLayout(_coefficient_layout(plan), lanes), rows)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes, channels = self._plan, self._lanes, self._channels
        groups = self._schedule.groups
        seq = self._sequenced(m)
        sample = self.samples.payload
        state_shift, input_shift = operand_shifts(plan)
        number = signed(plan.operand_format.width)

        # Carried beside a group: the state and the channel that its words belong to, and the marks of its sample.
        group = Fields({"valid": 1, "number": range(groups), "channel": range(channels), "first": 1, "last": 1})
        at = carried(m, group, ChainStage, "group")
        issued, integrated, retired = at[ChainStage.ISSUE], at[ChainStage.INTEGRATE], at[ChainStage.RETIRE]
        m.d.comb += [
            issued.valid.eq(seq.issue),
            issued.number.eq(seq.slot),
            issued.channel.eq(seq.channel),
            issued.first.eq(sample.first),
            issued.last.eq(sample.last),
        ]
        if groups > 1:  # the stream holds the sample in the cycle of its first group only
            held_first = Signal()
            held_last = Signal()
            with m.If(~seq.starts):
                m.d.comb += [issued.first.eq(held_first), issued.last.eq(held_last)]
            with m.Elif(seq.issue):
                m.d.sync += [held_first.eq(sample.first), held_last.eq(sample.last)]

        # The state words, one row of `lanes` for each group of each channel.
        row = ArrayLayout(signed(plan.state_format.width), lanes)
        m.submodules.words = words = storage(row, channels * groups)
        words_write = words.write_port()
        words_read = words.read_port(transparent_for=(words_write,))
        m.d.comb += [
            words_read.addr.eq(flat_index(seq.next_channel, seq.next_slot, groups)),
            self.rom.address.eq(seq.next_slot),
        ]

        # ISSUE: s_{i+1} = s_{i−1} − 2 m_i through the lanes of a group, all in one cycle. The first group starts
        # from T + u and T − u, the others from where the one before ended.
        totals = [Signal(number, name=f"total_{c}") for c in range(channels)]
        total = Signal(number)
        aligned_sample = Signal(number)
        m.d.comb += [
            total.eq(Mux(seq.clear, 0, element(totals, seq.channel))),
            aligned_sample.eq(sample.data << input_shift),
        ]
        # chain[k] is s_{k−1} of the group.
        chain = [Signal(number, name=f"s_{lane - 1}" if lane else "s_before") for lane in range(lanes + 2)]
        m.d.comb += [chain[0].eq(total + aligned_sample), chain[1].eq(total - aligned_sample)]
        if groups > 1:
            held_previous = Signal(number)
            held_current = Signal(number)
            with m.If(~seq.starts):
                m.d.comb += [chain[0].eq(held_previous), chain[1].eq(held_current)]
            with m.If(seq.issue):
                m.d.sync += [held_previous.eq(chain[lanes]), held_current.eq(chain[lanes + 1])]
        operands = Signal(ArrayLayout(number, lanes))
        for lane in range(lanes):
            word = Signal(signed(plan.state_format.width), name=f"word_{lane}")
            m.d.comb += [
                word.eq(Mux(seq.clear, 0, words_read.data[lane])),
                chain[lane + 2].eq(chain[lane] - (word << (state_shift + 1))),
            ]
            m.d.sync += operands[lane].eq(chain[lane + 1])

        # MULTIPLY
        coefficients = Signal(ArrayLayout(_coefficient_layout(plan), lanes))
        m.d.sync += coefficients.eq(self.rom.data)
        for lane, multiplier in enumerate(self.multipliers):
            m.d.comb += [
                multiplier.operand.eq(operands[lane]),
                multiplier.coefficient.eq(coefficients[lane].coefficient),
            ]

        # INTEGRATE
        fetched = ChainStage.INTEGRATE.earlier(READ_LEAD)  # the stage in which the accumulators are addressed
        m.submodules.bank = bank = IntegratorBank(plan, lanes, channels * groups)
        m.d.comb += [
            bank.read.address.eq(flat_index(at[fetched].channel, at[fetched].number, groups)),
            bank.read.clear.eq(seq.clear),
            bank.add.valid.eq(integrated.valid),
            bank.add.address.eq(flat_index(integrated.channel, integrated.number, groups)),
        ]
        for lane, multiplier in enumerate(self.multipliers):
            alignment_shift = Signal.like(coefficients[lane].alignment_shift, name=f"alignment_shift_{lane}")
            m.d.sync += alignment_shift.eq(coefficients[lane].alignment_shift)
            m.d.comb += bank.add.increments[lane].eq(multiplier.product << alignment_shift)

        # RETIRE: the words are written back, and added up to the T that the channel's next sample needs.
        m.d.comb += [
            words_write.addr.eq(flat_index(retired.channel, retired.number, groups)),
            *self._retired(retired, words_write, bank, times(retired.number, lanes)),
        ]
        new_total = Signal(number)
        group_sum = sum((bank.words[lane] for lane in range(1, lanes)), bank.words[0]) << state_shift
        m.d.comb += new_total.eq(group_sum)
        if groups > 1:
            partial_total = Signal(number)
            with m.If(retired.number != 0):
                m.d.comb += new_total.eq(partial_total + group_sum)
            with m.If(retired.valid):
                m.d.sync += partial_total.eq(new_total)
        with m.If(retired.valid & is_last(retired.number, groups)):
            m.d.sync += element(totals, retired.channel).eq(new_total)
        return m


class ChainMemory(StreamMemory):
    """Chain memory: forward Euler or Adams–Bashforth 2 by a recurrence over the states, one state per lane and cycle.

        s_{−1} = T + u,  s_0 = T − u,  s_{i+1} = s_{i−1} − 2 m_i,  increment_i = −h(2i+1)·s_i,  T = Σ m_j

    Here u is the sample, m the state words and h = dt/θ. A sample is issued in groups of `lanes` states, one group a
    cycle. In the cycle of its issue the recurrence runs through the lanes of a group and gives each an operand s_i. In
    the next cycle each lane multiplies its operand by −h(2i+1), which is a constant in the ROM. Then the integrators
    add the products to their accumulators and round the sums to new words, which are stored and leave as a beat. T is
    added up while the words retire, so a sample takes a single pass over the states. The next sample of the same
    channel waits until the last word of this one is part of T, for 3 cycles that other channels can fill.

    With two groups, that is lanes = d/2:

    ```wavedrom
    {"signal": [
      {"name": "clk",          "wave": "p........"},
      {"name": "i (taken)",    "wave": "x3xxxx4xx", "data": ["u[n]", "u[n+1]"]},
      {"name": "ISSUE",        "wave": "x33xxx44x", "data": ["group 0", "1", "group 0", "1"]},
      {"name": "MULTIPLY",     "wave": "xx33xxx44", "data": ["group 0", "1", "group 0", "1"]},
      {"name": "INTEGRATE",    "wave": "xxx33xxx4", "data": ["group 0", "1", "group 0"]},
      {"name": "RETIRE, o",    "wave": "xxxx33xxx", "data": ["group 0", "1"]},
      {"name": "T of words n", "wave": "x.....4..", "data": ["complete"]}]}
    ```

    `lanes` is a divisor of the order. Multiplications per sample: order. Cycles per sample: order/lanes + pause,
    where pause = max(0, ceil((order/lanes + 3)/channels) − order/lanes). Latency: 3 cycles from the acceptance of a
    sample to its first beat; its further beats follow in successive cycles.
    """

    datapath = Datapath.CHAIN
    pipeline = _ChainPipeline
    factor_delay = ChainStage.MULTIPLY - ChainStage.ISSUE

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        """Accept divisors of the order."""
        check_divisor(lanes, plan.spec.order, "order")

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """A slot for each group; the channel's next sample waits `LATENCY` cycles after the last slot for T."""
        groups = plan.spec.order // lanes
        return Schedule.interleaved(
            groups=groups, words=lanes, slots=groups, wait=LATENCY, channels=channels, first_beat=LATENCY
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        """A beat for each group, `LATENCY` cycles after its slot."""
        return tuple(LATENCY + group for group in range(plan.spec.order // lanes))

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        """An integrator and a state word for each state of each channel."""
        return channels * plan.spec.order * (integrator_bits(plan) + plan.state_format.width)
