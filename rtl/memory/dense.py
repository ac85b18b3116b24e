"""The dense memory: a d × d matrix, as networks trained for a zero-order hold need it."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import memory
from amaranth.lib.data import ArrayLayout, StructLayout

from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.integrators import IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import registered_sum, sum_latency, times
from lmu_hw.rtl.primitives.layouts import input_layout
from lmu_hw.rtl.primitives.pipeline import Image, LanePipeline
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer


class _DensePipeline(LanePipeline):
    """issue → operand and coefficients → products → row sums → words; advances or stands still as a whole."""

    @classmethod
    def image_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> Image:
        """The matrix, so many columns of a group of rows per word: row after row, the first column lowest."""
        rows, columns = _shape(plan.spec.order, lanes)
        bits = plan.increment.coefficient_bits
        matrix = plan.increment.coefficients & ((1 << bits) - 1)
        slots = matrix.reshape(schedule.groups, rows, -1, columns).transpose(0, 2, 1, 3).reshape(schedule.slots, -1)
        words = [sum(entry << (bits * k) for k, entry in enumerate(slot)) for slot in slots.tolist()]
        return Image(bits * rows * columns, words)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, channels = self._plan, self._channels
        order, groups = plan.spec.order, self._schedule.groups
        lanes, columns = _shape(order, self._lanes)  # rows of a group, and columns that go at a time
        steps = order // columns
        m.submodules.sequencer = seq = Sequencer(self._schedule, channels)
        m.d.comb += [seq.valid.eq(self.valid), seq.first.eq(self.sample.first), self.ready.eq(seq.ready)]

        # slot = group·steps + column/columns
        group, column = Signal(range(groups)), Signal(range(steps))
        next_group, next_column = Signal.like(group), Signal.like(column)
        row_ends = Signal()
        m.d.comb += [
            row_ends.eq(column == steps - 1),
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
        blocks = lanes // columns  # of columns, in a row of words
        column_block = Signal(range(blocks))
        column_group = Signal(range(groups))
        if lanes == 1:
            m.d.comb += column_group.eq(next_column)
        else:
            next_block, next_column_group = Signal.like(column_block), Signal.like(column_group)
            m.d.comb += [next_block.eq(column_block), next_column_group.eq(column_group)]
            with m.If(seq.issue):
                with m.If(row_ends):
                    m.d.comb += [next_block.eq(0), next_column_group.eq(0)]
                with m.Elif(column_block == blocks - 1):
                    m.d.comb += [next_block.eq(0), next_column_group.eq(column_group + 1)]
                with m.Else():
                    m.d.comb += next_block.eq(column_block + 1)
            m.d.sync += [column_block.eq(next_block), column_group.eq(next_column_group)]
        fetched_group = column_group if lanes == 1 else next_column_group
        m.d.comb += read.addr.eq(Cat(next_bank, times(seq.next_channel, groups) + fetched_group))

        # The sample is held for the rows after the first.
        operand = plan.operand_format
        state_lift = operand.fraction - plan.state_format.fraction
        input_lift = operand.fraction - plan.input_format.fraction
        held = Signal(input_layout(plan.input_format.width))
        sample = Signal(input_layout(plan.input_format.width))
        m.d.comb += sample.eq(Mux(seq.starts, self.sample, held))
        with m.If(seq.starts & seq.issue):
            m.d.sync += held.eq(self.sample)
        factors = Signal(ArrayLayout(signed(operand.width), columns))
        for k in range(columns):
            choice = Array(read.data[block * columns + k] for block in range(blocks))
            word = Mux(seq.fresh, 0, choice[column_block] if blocks > 1 else choice[0])
            entered = Mux(column == 0, sample.data, 0) << input_lift if k == 0 else 0
            m.d.sync += factors[k].eq((word << state_lift) - entered)

        m.d.comb += self.address.eq(seq.slot)

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
        issued = Signal(tag)
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
        ]
        way = [issued]  # through products and the sums of columns, to where a row's sum takes them up
        for k in range(1 + sum_latency(columns)):
            way.append(Signal(tag, name=f"multiplied_{k}"))
            m.d.sync += way[-1].eq(way[-2])
        fetching, multiplied = way[-2], way[-1]
        summed, retired = Signal(tag), Signal(tag)
        m.d.sync += [
            summed.eq(multiplied),
            summed.valid.eq(multiplied.valid & multiplied.ends_row),
            retired.eq(summed),
        ]

        # Multiply and sum rows up; the bank reads its accumulators in the meantime.
        m.submodules.bank = bank = IntegratorBank(plan, lanes, channels * groups)
        bits = plan.increment.coefficient_bits
        sums = Signal(ArrayLayout(signed(plan.product_format.width), lanes))
        for lane in range(lanes):
            mine = range(lane * columns, (lane + 1) * columns)
            for column_of_step, k in enumerate(mine):
                m.d.comb += [
                    self.factors[k].operand.eq(factors[column_of_step]),
                    self.factors[k].coefficient.eq(self.entry.word_select(k, bits).as_signed()),
                ]
            together = registered_sum(m, [self.products[k] for k in mine])
            with m.If(multiplied.valid):
                m.d.sync += sums[lane].eq(Mux(multiplied.starts_row, 0, sums[lane]) + together)
        m.d.comb += [
            bank.fetch.eq(times(fetching.channel, groups) + fetching.group),
            bank.fetch_fresh.eq(fetching.fresh),
            bank.increment.eq(sums),
            bank.apply.eq(summed.valid),
            bank.apply_slot.eq(times(summed.channel, groups) + summed.group),
            write.addr.eq(Cat(retired.bank, times(retired.channel, groups) + retired.group)),
            write.en.eq(retired.valid),
            write.data.eq(bank.words),
            self.beat_valid.eq(retired.valid),
            self.beat.data.eq(bank.outputs),
            self.beat.index.eq(times(retired.group, lanes)),
            self.beat.channel.eq(retired.channel),
            self.beat.first.eq(retired.first),
            self.beat.last.eq(retired.last),
        ]
        return m


def _shape(order: int, lanes: int) -> tuple[int, int]:
    """Rows of a group and columns that go at a time."""
    return min(lanes, order), max(1, lanes // order)


class DenseMemory(StreamMemory):
    """Any one-step rule as x += D·(x − e₀u), `lanes` products a cycle.

    Up to `order` lanes, a divisor of it, each works on a row of its own, one column a cycle. With k·order
    lanes, k a divisor of the order, all rows go together and k columns at a time, up to the whole matrix.

    The words of the last sample and of this one lie in two banks that change roles, so the rows may be
    written while the columns are still read, and the next sample may start before the last row is done.

    Multiplications per sample: order². With rows = min(lanes, order), columns = max(1, lanes/order) and
    tree = ceil(ceil(log2 columns)/2), cycles per sample: order²/lanes + pause, where pause =
    max(0, ceil((order²/lanes + wait)/channels) − order²/lanes), wait = max(0, 4 + tree − (order − rows)).
    Latency: order/columns + 3 + tree cycles from the acceptance of a sample to its first output beat, then a
    beat every order/columns cycles.
    """

    datapath = Datapath.DENSE
    pipeline = _DensePipeline
    factor_delay = 1

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        order = plan.spec.order
        lanes = check_integer("lanes", lanes, 1, order * order)
        if order % lanes and (lanes % order or order % (lanes // order)):
            raise DesignError("lanes", f"a divisor of the order {order}, or {order} times one", lanes)

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """The last group's words come 4 cycles and the columns' sum after its last columns."""
        order = plan.spec.order
        rows, columns = _shape(order, lanes)
        tree = sum_latency(columns)
        return Schedule.interleaved(
            groups=order // rows,
            words=rows,
            slots=order * order // lanes,
            wait=max(0, 4 + tree - (order - rows)),
            channels=channels,
            first_beat=order // columns + 3 + tree,
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        rows, columns = _shape(plan.spec.order, lanes)
        steps = plan.spec.order // columns
        return tuple(steps * (group + 1) + 3 + sum_latency(columns) for group in range(plan.spec.order // rows))

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        return channels * plan.spec.order * (integrator_bits(plan) + 2 * plan.state_format.width)
