"""The dense memory: a d × d matrix, as networks trained for a zero-order hold need it."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory
from amaranth.lib.data import ArrayLayout, StructLayout

from lmu_hw.plan import Datapath
from lmu_hw.rtl.control import Schedule, Sequencer
from lmu_hw.rtl.integrators import IntegratorBank
from lmu_hw.rtl.stream import Pipeline, StreamMemory, input_layout


class _DensePipeline(Pipeline):
    """issue → operand and coefficients → products → row sums → words; advances or stands still as a whole."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, lanes, channels = self._plan, self._lanes, self._channels
        order, groups, slots = plan.spec.order, self._schedule.groups, self._schedule.slots
        m.submodules.sequencer = seq = Sequencer(self._schedule, channels)
        m.d.comb += [seq.valid.eq(self.valid), seq.first.eq(self.sample.first), self.ready.eq(seq.ready)]

        # slot = group·order + column
        group, column = Signal(range(groups)), Signal(range(order))
        next_group, next_column = Signal.like(group), Signal.like(column)
        row_ends = Signal()
        m.d.comb += [
            row_ends.eq(column == order - 1),
            next_group.eq(group),
            next_column.eq(column),
        ]
        with m.If(seq.issue):
            m.d.comb += [
                next_column.eq(Mux(row_ends, 0, column + 1)),
                next_group.eq(Mux(row_ends, Mux(group == groups - 1, 0, group + 1), group)),
            ]
        m.d.sync += [group.eq(next_group), column.eq(next_column)]

        # Two banks of words; a channel's bank changes after each of its samples, all channels in step.
        bank_bit = Signal()
        next_bank = Signal()
        m.d.comb += next_bank.eq(bank_bit ^ (seq.ends & (seq.channel == channels - 1)))
        m.d.sync += bank_bit.eq(next_bank)
        row = ArrayLayout(signed(plan.state_format.width), lanes)
        m.submodules.words = words = memory.Memory(shape=row, depth=2 * channels * groups, init=[])
        write = words.write_port()
        read = words.read_port(transparent_for=(write,))
        column_lane = Signal(range(lanes))
        column_group = Signal(range(groups))
        if lanes == 1:
            m.d.comb += column_group.eq(next_column)
        else:
            next_lane, next_column_group = Signal.like(column_lane), Signal.like(column_group)
            m.d.comb += [next_lane.eq(column_lane), next_column_group.eq(column_group)]
            with m.If(seq.issue):
                with m.If(row_ends):
                    m.d.comb += [next_lane.eq(0), next_column_group.eq(0)]
                with m.Elif(column_lane == lanes - 1):
                    m.d.comb += [next_lane.eq(0), next_column_group.eq(column_group + 1)]
                with m.Else():
                    m.d.comb += next_lane.eq(column_lane + 1)
            m.d.sync += [column_lane.eq(next_lane), column_group.eq(next_column_group)]
        fetched_group = column_group if lanes == 1 else next_column_group
        m.d.comb += read.addr.eq((seq.next_channel * groups + fetched_group) * 2 + next_bank)

        # The sample is held for the rows after the first.
        operand = plan.operand_format
        state_lift = operand.fraction - plan.state_format.fraction
        input_lift = operand.fraction - plan.input_format.fraction
        held = Signal(input_layout(plan))
        sample = Signal(input_layout(plan))
        m.d.comb += sample.eq(Mux(seq.starts, self.sample, held))
        with m.If(seq.starts & seq.issue):
            m.d.sync += held.eq(self.sample)
        word = Mux(seq.fresh, 0, read.data[column_lane] if lanes > 1 else read.data[0])
        factor = Signal(signed(operand.width))
        m.d.sync += factor.eq((word << state_lift) - (Mux(column == 0, sample.data, 0) << input_lift))

        # The matrix, one column of a group of rows per word.
        matrix = plan.increment.coefficients
        bits = plan.increment.coefficient_bits
        rows = matrix.reshape(groups, lanes, order).transpose(0, 2, 1).reshape(slots, lanes) & ((1 << bits) - 1)
        m.submodules.matrix = rom = memory.Memory(  # plain words: a row of lanes per word, the first lane lowest
            shape=bits * lanes,
            depth=slots,
            init=[sum(word << (bits * lane) for lane, word in enumerate(row)) for row in rows.tolist()],
        )
        entries = rom.read_port()
        m.d.comb += entries.addr.eq(seq.slot)

        # What travels along with a slot.
        tag = StructLayout(
            {
                "valid": 1,
                "starts_row": 1,
                "ends_row": 1,
                "group": range(groups),
                "channel": range(channels),
                "bank": 1,
                "fresh": 1,
                "first": 1,
                "last": 1,
            }
        )
        issued, multiplied, summed, retired = Signal(tag), Signal(tag), Signal(tag), Signal(tag)
        m.d.sync += [
            issued.valid.eq(seq.issue),
            issued.starts_row.eq(column == 0),
            issued.ends_row.eq(row_ends),
            issued.group.eq(group),
            issued.channel.eq(seq.channel),
            issued.bank.eq(~bank_bit),
            issued.fresh.eq(seq.fresh),
            issued.first.eq(sample.first),
            issued.last.eq(sample.last),
            multiplied.eq(issued),
            summed.eq(multiplied),
            summed.valid.eq(multiplied.valid & multiplied.ends_row),
            retired.eq(summed),
        ]

        # Multiply and sum rows up; the bank reads its accumulators in the meantime.
        m.submodules.bank = bank = IntegratorBank(plan, lanes, channels * groups)
        products = Signal(ArrayLayout(signed(operand.width + plan.increment.coefficient_bits), lanes))
        sums = Signal(ArrayLayout(signed(plan.product_format.width), lanes))
        for lane in range(lanes):
            m.d.sync += products[lane].eq(factor * entries.data.word_select(lane, bits).as_signed())
            with m.If(multiplied.valid):
                m.d.sync += sums[lane].eq(Mux(multiplied.starts_row, 0, sums[lane]) + products[lane])
        m.d.comb += [
            bank.fetch.eq(issued.channel * groups + issued.group),
            bank.fetch_fresh.eq(issued.fresh),
            bank.increment.eq(sums),
            bank.apply.eq(summed.valid),
            bank.apply_slot.eq(summed.channel * groups + summed.group),
            write.addr.eq((retired.channel * groups + retired.group) * 2 + retired.bank),
            write.en.eq(retired.valid),
            write.data.eq(bank.words),
            self.beat_valid.eq(retired.valid),
            self.beat.data.eq(bank.words),
            self.beat.index.eq(retired.group * lanes),
            self.beat.channel.eq(retired.channel),
            self.beat.first.eq(retired.first),
            self.beat.last.eq(retired.last),
        ]
        return m


class DenseMemory(StreamMemory):
    """Any one-step rule as x += D·(x − e₀u), `lanes` rows at a time, one column a cycle.

    The words of the last sample and of this one lie in two banks that change roles, so the rows may be
    written while the columns are still read, and the next sample may start before the last row is done.

    Multiplications per sample: order². Cycles per sample: order²/lanes + pause, where pause =
    max(0, ceil((order²/lanes + wait)/channels) − order²/lanes), wait = max(0, 4 − (order − lanes)). Latency:
    order + 3 cycles from the acceptance of a sample to its first output beat, then a beat every `order`
    cycles.
    """

    datapath = Datapath.DENSE
    pipeline = _DensePipeline

    @staticmethod
    def schedule_for(order: int, lanes: int, channels: int) -> Schedule:
        """One column of a group of rows a cycle; the last group's words come 4 cycles after its last column."""
        wait = max(0, 4 - (order - lanes))
        return Schedule.interleaved(
            groups=order // lanes,
            slots=order * order // lanes,
            wait=wait,
            channels=channels,
            first_beat=order + 3,
        )
