"""The chain memory: the derivatives of all d states in d multiplications."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.data import ArrayLayout

from lmu_hw.fixed_point.datapaths.base import balanced_sum
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory, check_divisor
from lmu_hw.rtl.memory.integrators import READ_LEAD, IntegratorBank, PipelinedBankStage, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import delayed, registered_sum, sum_latency, times
from lmu_hw.rtl.primitives.bundles import Fields
from lmu_hw.rtl.primitives.families import Delays
from lmu_hw.rtl.primitives.indices import element, flat_index, is_last
from lmu_hw.rtl.primitives.multiplier import HARD_WIDTH
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


class PipelinedChainStage(Stage):
    """The stages of the pipelined chain: between two registers lies one memory, one multiplication or one addition."""

    ISSUE = "the words of a group are read"
    PREFIX = "the words of a lane and of every second lane before it are subtracted from the sample, or from 0"
    CHAIN = "the recurrence adds where the group before it ended, or T, which gives each lane an operand"
    MULTIPLY = "operands and coefficients are in the registers in front of the multipliers"
    PRODUCT = "the products are in the registers inside the multipliers"
    ALIGN = "the products are there and are aligned"
    WEIGH = "the increments are there and are weighted for the words"
    ADD = "the increments are added to the accumulators"
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


class _PipelinedChainPipeline(_ChainPipeline):
    """The datapath of the pipelined chain memory: issues a group of states a cycle, one state in each lane."""

    multiplier_latency = PipelinedChainStage.ALIGN - PipelinedChainStage.CHAIN  # that of `Multiplier`

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes, channels = self._plan, self._lanes, self._channels
        groups = self._schedule.groups
        seq = self._sequenced(m)
        sample = self.samples.payload
        state_shift, input_shift = operand_shifts(plan)
        number = signed(plan.operand_format.width)
        stages = PipelinedChainStage

        group = Fields(
            {"valid": 1, "number": range(groups), "channel": range(channels), "clear": 1, "first": 1, "last": 1}
        )
        at = carried(m, group, stages, "group")
        issued, prefix, chained, retired = at[stages.ISSUE], at[stages.PREFIX], at[stages.CHAIN], at[stages.RETIRE]
        m.d.comb += [
            issued.valid.eq(seq.issue),
            issued.number.eq(seq.slot),
            issued.channel.eq(seq.channel),
            issued.clear.eq(seq.clear),
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

        # ISSUE. A row is never written in a cycle in which it is read for use: `wait_for` sees to it.
        row = ArrayLayout(signed(plan.state_format.width), lanes)
        m.submodules.words = words = storage(row, channels * groups)
        words_write = words.write_port()
        words_read = words.read_port()
        m.d.comb += words_read.addr.eq(flat_index(seq.next_channel, seq.next_slot, groups))
        word_row = Signal(row)
        m.d.sync += word_row.eq(words_read.data)
        with m.If(seq.clear):
            m.d.sync += Value.cast(word_row).eq(0)
        aligned_sample = Signal(number)
        m.d.sync += aligned_sample.eq(sample.data << input_shift)
        starts = Signal()  # in PREFIX: the group is the first of its sample
        m.d.sync += starts.eq(seq.starts)

        # PREFIX: offsets[k] is s_{k−1} of the group without what the recurrence adds, T or where it ended before.
        offered = Signal(number)
        m.d.comb += offered.eq(Mux(starts, aligned_sample, 0))
        offsets = [Signal(number, name=f"offset_{lane - 1}" if lane else "offset_before") for lane in range(lanes + 2)]
        for lane in range(lanes + 2):
            taken = [word_row[k] for k in range(lane % 2, lane - 1, 2)]
            alternating = -offered if lane % 2 else offered
            m.d.sync += offsets[lane].eq(
                alternating - (balanced_sum(taken) << (state_shift + 1)) if taken else alternating
            )

        # CHAIN: what the group before it ended with, or T, is in one pair of registers, so that nothing but an addition
        # lies between them and the multipliers.
        bases = [Signal(number, name="base_previous"), Signal(number, name="base_current")]
        chain = [Signal(number, name=f"s_{lane - 1}" if lane else "s_before") for lane in range(lanes + 2)]
        for lane in range(lanes + 2):
            m.d.comb += chain[lane].eq(bases[lane % 2] + offsets[lane])
        if groups > 1:
            with m.If(chained.valid):
                m.d.sync += [bases[0].eq(chain[lanes]), bases[1].eq(chain[lanes + 1])]
        opens = prefix.valid & starts
        new_total = Signal(number)
        total_is_new = Signal()  # the last words of a sample are part of new_total
        if channels == 1:  # no other sample comes between, so T waits in these registers
            with m.If(total_is_new):
                m.d.sync += [base.eq(new_total) for base in bases]
            with m.If(opens & prefix.clear):
                m.d.sync += [base.eq(0) for base in bases]
        else:
            totals = [Signal(number, name=f"total_{c}") for c in range(channels)]
            total = Signal(number)
            m.d.sync += total.eq(element(totals, seq.channel))
            with m.If(seq.clear):
                m.d.sync += total.eq(0)
            with m.If(opens):
                m.d.sync += [base.eq(total) for base in bases]

        # MULTIPLY, PRODUCT: within the multipliers. The ROM is addressed in ISSUE and has a register behind it.
        m.d.comb += self.rom.address.eq(seq.slot)
        coefficients = Signal(ArrayLayout(_coefficient_layout(plan), lanes))
        m.d.sync += coefficients.eq(self.rom.data)
        m.submodules.bank = bank = IntegratorBank(plan, lanes, channels * groups, pipelined=True)
        for lane, multiplier in enumerate(self.multipliers):
            m.d.comb += [
                multiplier.operand.eq(chain[lane + 1]),
                multiplier.coefficient.eq(coefficients[lane].coefficient),
            ]
            # ALIGN
            shift = delayed(m, coefficients[lane].alignment_shift, self.multiplier_latency, f"alignment_shift_{lane}")
            increment = Signal(bank.add.increments[lane].shape(), name=f"increment_{lane}")
            m.d.sync += increment.eq(multiplier.product << shift)
            m.d.comb += bank.add.increments[lane].eq(increment)

        # WEIGH, ADD: within the bank
        weighed = at[stages.WEIGH]
        fetched = at[stages.WEIGH.earlier(PipelinedBankStage.HOLD - PipelinedBankStage.READ)]
        m.d.comb += [
            bank.read.address.eq(flat_index(fetched.channel, fetched.number, groups)),
            bank.read.clear.eq(fetched.clear),
            bank.add.valid.eq(weighed.valid),
            bank.add.address.eq(flat_index(weighed.channel, weighed.number, groups)),
        ]

        # RETIRE
        m.d.comb += [
            words_write.addr.eq(flat_index(retired.channel, retired.number, groups)),
            *self._retired(retired, words_write, bank, times(retired.number, lanes)),
        ]
        summed = delayed(m, retired, sum_latency(lanes), "group_summed")
        group_sum = registered_sum(m, [bank.words[lane] for lane in range(lanes)], "group_sum") << state_shift
        m.d.comb += [new_total.eq(group_sum), total_is_new.eq(summed.valid & is_last(summed.number, groups))]
        if groups > 1:
            partial_total = Signal(number)  # 0 in front of the first group
            m.d.comb += new_total.eq(partial_total + group_sum)
            with m.If(summed.valid):
                m.d.sync += partial_total.eq(new_total)
            with m.If(total_is_new):
                m.d.sync += partial_total.eq(0)
        if channels > 1:
            with m.If(total_is_new):
                m.d.sync += element(totals, summed.channel).eq(new_total)
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
    def period_ns(cls, plan: MemoryPlan, lanes: int, channels: int, delays: Delays) -> float:
        """Estimate the longest path in a family: the multiplier, or from its product to the new words and residues."""
        bits = plan.accumulator_format.width
        weight = delays.addition(bits) if plan.two_step else 0.0
        integrate = delays.register + 2 * delays.level + weight + delays.addition(bits)
        recurrence = delays.register + 2 * delays.level + -(-lanes // 2) * delays.addition(plan.operand_format.width)
        return max(delays.multiplier, integrate, recurrence)

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


class PipelinedChainMemory(ChainMemory):
    """Chain memory for a fast clock: the same recurrence with a register behind every memory, product and sum.

    The choice of T, the sample and the words of a group are brought together before the recurrence, so that it is one
    addition for any number of lanes. The multiplier has registers at its inputs, inside and at its output, where hard
    multipliers have theirs. Alignment, the weight of Adams–Bashforth 2 and the addition to the accumulator take a cycle
    each. The next sample of a channel is accepted before T is complete, so the two stages in front of the recurrence
    cost latency only; the others let it wait for 6 cycles.

    With two groups of two lanes, which are added up in a cycle of their own; so few groups wait for their words, which
    are read after they have been written, rather than for T:

    ```wavedrom
    {"signal": [
      {"name": "clk",          "wave": "p............."},
      {"name": "i (taken)",    "wave": "x3xxxxxxxxx4xx", "data": ["u[n]", "u[n+1]"]},
      {"name": "ISSUE",        "wave": "x33xxxxxxxx44x", "data": ["group 0", "1", "group 0", "1"]},
      {"name": "CHAIN",        "wave": "xxx33xxxxxxxx4", "data": ["group 0", "1", "group 0"]},
      {"name": "ALIGN",        "wave": "xxxxxx33xxxxxx", "data": ["group 0", "1"]},
      {"name": "WEIGH",        "wave": "xxxxxxx33xxxxx", "data": ["group 0", "1"]},
      {"name": "RETIRE, o",    "wave": "xxxxxxxxx33xxx", "data": ["group 0", "1"]},
      {"name": "T of words n", "wave": "x...........4.", "data": ["complete"]}]}
    ```

    `lanes` is a divisor of the order. Multiplications per sample: order. Cycles per sample: order/lanes + pause, where
    pause = max(0, ceil((order/lanes + wait)/channels) − order/lanes) and wait follows from `wait_for`: 6 for one lane
    and one channel. Latency: 8 cycles from the acceptance of a sample to its first beat.
    """

    pipeline = _PipelinedChainPipeline
    factor_delay = PipelinedChainStage.CHAIN - PipelinedChainStage.ISSUE

    @classmethod
    def period_ns(cls, plan: MemoryPlan, lanes: int, channels: int, delays: Delays) -> float:
        """Estimate the longest path in a family: the multiplier, or one addition to an accumulator."""
        multiplier = delays.hard_multiplier
        if max(plan.operand_format.width, plan.increment.coefficient_bits) > HARD_WIDTH:
            multiplier = delays.multiplier
        return max(multiplier, delays.register + delays.level + delays.addition(plan.accumulator_format.width))

    @classmethod
    def wait_for(cls, lanes: int, slots: int, channels: int) -> int:
        """The number of cycles after a sample's last slot for which its channel waits for T and for stored words."""
        stages = PipelinedChainStage
        total_read = stages.CHAIN if channels == 1 else stages.ISSUE
        for_total = stages.RETIRE + sum_latency(lanes) - total_read
        # A row is addressed the cycle before ISSUE at the earliest, and must have been written before.
        for_words = stages.RETIRE - stages.ISSUE + 2 - slots
        return max(for_total, for_words)

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """A slot for each group; the channel's next sample waits for T and for the words, see `wait_for`."""
        groups = plan.spec.order // lanes
        latency = PipelinedChainStage.RETIRE - PipelinedChainStage.ISSUE
        wait = cls.wait_for(lanes, groups, channels)
        return Schedule.interleaved(
            groups=groups, words=lanes, slots=groups, wait=wait, channels=channels, first_beat=latency
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        """A beat for each group, in its stage RETIRE."""
        latency = PipelinedChainStage.RETIRE - PipelinedChainStage.ISSUE
        return tuple(latency + group for group in range(plan.spec.order // lanes))
