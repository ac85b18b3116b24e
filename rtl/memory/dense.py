"""The dense memory: a product with the whole d × d matrix, for example that of a zero-order hold."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.data import ArrayLayout

from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.integrators import READ_LEAD, IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import registered_sum, sum_latency, times
from lmu_hw.rtl.primitives.bundles import ABSENT, Fields
from lmu_hw.rtl.primitives.indices import flat_index, index_signal, is_last, pick, successor
from lmu_hw.rtl.primitives.layouts import sample_layout
from lmu_hw.rtl.primitives.pipeline import LanePipeline, operand_shifts
from lmu_hw.rtl.primitives.schedule import Schedule, Sequencer
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import RomContents, storage


class DenseStage(Stage):
    """The stages of the dense product, which the columns of a slot pass in successive cycles.

    Between MULTIPLY and ACCUMULATE an adder tree sums the products of the slot's columns, which takes
    `sum_latency(columns)` further cycles, none for a single column.
    """

    ISSUE = "the words of the slot's columns are there and are aligned, and the sample is subtracted from state 0"
    MULTIPLY = "the operands and the slot's part of the matrix are at the multipliers"
    ACCUMULATE = "the products, summed over the slot's columns, are there and are added to the sums of their rows"
    INTEGRATE = "after a row's last columns its sum is the increment of the accumulator"
    RETIRE = "the new words are there; they are stored in the other bank and leave as a beat"


def _latency(columns: int) -> int:
    """Cycles from the issue of a row's last columns to its new word, through all stages and the adder tree."""
    return DenseStage.RETIRE - DenseStage.ISSUE + sum_latency(columns)


class _DensePipeline(LanePipeline):
    """The datapath of the dense memory: issues one or more columns of a group of rows a cycle."""

    @classmethod
    def rom_for(cls, plan: MemoryPlan, lanes: int, schedule: Schedule) -> RomContents:
        """The matrix in plain words, one for each slot: row after row of its group, the first column lowest."""
        rows, columns = _shape(plan.spec.order, lanes)
        bits = plan.increment.coefficient_bits
        matrix = plan.increment.coefficients & ((1 << bits) - 1)
        slots = matrix.reshape(schedule.groups, rows, -1, columns).transpose(0, 2, 1, 3).reshape(schedule.slots, -1)
        words = [sum(entry << (bits * k) for k, entry in enumerate(slot)) for slot in slots.tolist()]
        return RomContents(bits * rows * columns, words)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, channels, groups = self._plan, self._channels, self._schedule.groups
        rows, columns = _shape(plan.spec.order, self._lanes)
        steps = plan.spec.order // columns
        seq = self._sequenced(m)
        m.d.comb += self.rom.address.eq(seq.slot)

        # A slot has the columns number `step` of the rows of `group`: slot = group·steps + step.
        group = index_signal(groups, "group")
        step = index_signal(steps, "step")
        row_ends = Signal()
        m.d.comb += row_ends.eq(is_last(step, steps))
        with m.If(seq.issue):
            m.d.sync += step.eq(successor(step, steps))
            with m.If(row_ends):
                m.d.sync += group.eq(successor(group, groups))

        # A channel's words lie in two banks that change roles after a sample of every channel, so that new words can
        # be written while the old ones are still read as columns.
        bank_bit = Signal()
        next_bank = Signal()
        m.d.comb += next_bank.eq(bank_bit ^ (seq.ends & is_last(seq.channel, channels)))
        m.d.sync += bank_bit.eq(next_bank)
        m.submodules.words = words = storage(ArrayLayout(signed(plan.state_format.width), rows), 2 * channels * groups)
        words_write = words.write_port()
        words_read = words.read_port(transparent_for=(words_write,))
        block, next_column_group = self._columns(m, seq, row_ends)
        m.d.comb += words_read.addr.eq(Cat(next_bank, flat_index(seq.next_channel, next_column_group, groups)))

        # ISSUE: x − e₀u, column by column. Every group of rows needs the sample, which the stream holds in the first
        # slot only.
        state_shift, input_shift = operand_shifts(plan)
        sample = Signal(sample_layout(plan.input_format.width))
        m.d.comb += sample.eq(self.samples.payload)
        if self._schedule.slots > 1:
            held_sample = Signal(sample_layout(plan.input_format.width))
            with m.If(~seq.starts):
                m.d.comb += sample.eq(held_sample)
            with m.Elif(seq.issue):
                m.d.sync += held_sample.eq(self.samples.payload)
        operands = Signal(ArrayLayout(signed(plan.operand_format.width), columns))
        for k in range(columns):
            word = Signal(signed(plan.state_format.width), name=f"word_{k}")
            mine = pick([words_read.data[b * columns + k] for b in range(rows // columns)], block)
            m.d.comb += word.eq(Mux(seq.clear, 0, mine))
            aligned = word << state_shift
            if k == 0:
                entered = Signal(signed(plan.input_format.width))
                m.d.comb += entered.eq(Mux(step == 0, sample.data, 0) if steps > 1 else sample.data)
                aligned = aligned - (entered << input_shift)
            m.d.sync += operands[k].eq(aligned)

        # Carried beside a slot: where its products and words belong, and the marks of its sample.
        slot = Fields(
            {
                "valid": 1,
                "starts_row": 1,
                "ends_row": 1,
                "group": range(groups),
                "channel": range(channels),
                "bank": 1,  # the bank that the new words are written to
                "clear": 1,
                "first": 1,
                "last": 1,
            }
        )
        multiply = Signal(slot, name="slot_multiply")
        m.d.sync += [
            multiply.valid.eq(seq.issue),
            multiply.starts_row.eq(step == 0 if steps > 1 else 1),
            multiply.ends_row.eq(row_ends),
            multiply.group.eq(group),
            multiply.channel.eq(seq.channel),
            multiply.bank.eq(~bank_bit),
            multiply.clear.eq(seq.clear),
            multiply.first.eq(sample.first),
            multiply.last.eq(sample.last),
        ]
        way = [multiply]
        tree = [f"slot_tree_{k}" for k in range(sum_latency(columns))]
        for name in [*tree, "slot_accumulate", "slot_integrate", "slot_retire"]:
            way.append(Signal(slot, name=name))
            m.d.sync += way[-1].eq(way[-2])
        accumulate, integrate, retire = way[-3:]
        fetched = way[-2 - READ_LEAD]  # the stage in which the accumulators of the group are addressed
        m.d.sync += integrate.valid.eq(accumulate.valid & accumulate.ends_row)

        # MULTIPLY, the tree, ACCUMULATE
        bits = plan.increment.coefficient_bits
        row_sums = Signal(ArrayLayout(signed(plan.product_format.width), rows))
        for row in range(rows):
            mine = range(row * columns, (row + 1) * columns)
            for k, operand in zip(mine, operands, strict=True):
                m.d.comb += [
                    self.multipliers[k].operand.eq(operand),
                    self.multipliers[k].coefficient.eq(self.rom.data.word_select(k, bits).as_signed()),
                ]
            products = registered_sum(m, [self.multipliers[k].product for k in mine], f"products_{row}")
            with m.If(accumulate.valid):
                m.d.sync += row_sums[row].eq(
                    Mux(accumulate.starts_row, 0, row_sums[row]) + products if steps > 1 else products
                )

        # INTEGRATE and RETIRE
        m.submodules.bank = bank = IntegratorBank(plan, rows, channels * groups)
        m.d.comb += [
            bank.read.address.eq(flat_index(fetched.channel, fetched.group, groups)),
            bank.read.clear.eq(fetched.clear),
            bank.add.valid.eq(integrate.valid),
            bank.add.address.eq(flat_index(integrate.channel, integrate.group, groups)),
            bank.add.increments.eq(row_sums),
            words_write.addr.eq(Cat(retire.bank, flat_index(retire.channel, retire.group, groups))),
            *self._retired(retire, words_write, bank, times(retire.group, rows)),
        ]
        return m

    def _columns(self, m: Module, seq: Sequencer, row_ends: Value) -> tuple[Value, Value]:
        """Address the words of a slot's columns, in memory rows that hold the states of a group each.

        Args:
            m: The module that the counters are added to.
            seq: The sequencer.
            row_ends: High where the slot has the last columns of its rows.

        Returns:
            The block of columns within the memory row that is read in this cycle, and the number of the memory row
            for the next cycle.
        """
        rows, columns = _shape(self._plan.spec.order, self._lanes)
        groups, blocks = self._schedule.groups, rows // columns
        block = index_signal(blocks, "block")
        column_group = index_signal(groups, "column_group")
        next_block: Any = ABSENT
        next_column_group: Any = ABSENT
        if blocks > 1:
            next_block = Signal.like(block, name="next_block")
            m.d.comb += next_block.eq(block)
            m.d.sync += block.eq(next_block)
        if groups > 1:
            next_column_group = Signal.like(column_group, name="next_column_group")
            m.d.comb += next_column_group.eq(column_group)
            m.d.sync += column_group.eq(next_column_group)
        with m.If(seq.issue):
            with m.If(row_ends):
                m.d.comb += [next_block.eq(0), next_column_group.eq(0)]
            with m.Else():
                m.d.comb += next_block.eq(successor(block, blocks))
                with m.If(is_last(block, blocks)):
                    m.d.comb += next_column_group.eq(successor(column_group, groups))
        return block, next_column_group


def _shape(order: int, lanes: int) -> tuple[int, int]:
    """The number of rows in a group, and the number of columns that are multiplied in a slot."""
    return min(lanes, order), max(1, lanes // order)


class DenseMemory(StreamMemory):
    """Dense memory: the step x ← x + D·(x − e₀u) with a full matrix D, one product per lane and cycle.

    It realises every method with one bank of states; u is the sample, x the state words, and e₀ the unit vector of
    state 0. With a number of lanes that divides the order, each lane works on a row of its own, one column a cycle.
    With k·order lanes, k a divisor of the order, all rows are worked on together, k columns a cycle.

    A sample enters in its first slot, which has the first columns of the first group of rows, and is subtracted from
    state 0 wherever state 0 is multiplied. In every slot all rows multiply the same words, each by its own
    coefficients from the ROM. The products are added over the columns of the slot and then over the slots of a row.
    The sum after the row's last columns is its increment, which the integrators add and round to the new word. The
    words of a group of rows are stored, and leave as a beat.

    Old and new words lie in two banks that change roles, so rows can be written while columns are still read, and the
    next sample can start before the last row of this one has retired.

    With d = 2 and one lane:

    ```wavedrom
    {"signal": [
      {"name": "clk",        "wave": "p..........."},
      {"name": "i (taken)",  "wave": "x3xxxxxx4xxx", "data": ["u[n]", "u[n+1]"]},
      {"name": "ISSUE",      "wave": "x3333xxx4444", "data": ["D00", "D01", "D10", "D11", "D00", "D01", "D10", "D11"]},
      {"name": "MULTIPLY",   "wave": "xx3333xxx444", "data": ["D00", "D01", "D10", "D11", "D00", "D01", "D10"]},
      {"name": "ACCUMULATE", "wave": "xxx3333xxx44", "data": ["D00", "D01", "D10", "D11", "D00", "D01"]},
      {"name": "INTEGRATE",  "wave": "xxxxx3x3xxxx", "data": ["row 0", "row 1"]},
      {"name": "RETIRE, o",  "wave": "xxxxxx3x3xxx", "data": ["row 0", "row 1"]}]}
    ```

    Multiplications per sample: order². With rows = min(lanes, order), columns = max(1, lanes/order) and
    tree = ceil(ceil(log2 columns)/2), cycles per sample: order²/lanes + pause, where pause =
    max(0, ceil((order²/lanes + wait)/channels) − order²/lanes), wait = max(0, 4 + tree − (order − rows)).
    Latency: order/columns + 3 + tree cycles from the acceptance of a sample to its first beat; a further beat follows
    every order/columns cycles.
    """

    datapath = Datapath.DENSE
    pipeline = _DensePipeline
    factor_delay = DenseStage.MULTIPLY - DenseStage.ISSUE

    @classmethod
    def check_lanes(cls, plan: MemoryPlan, lanes: int, channels: int) -> None:
        """Accept divisors of the order, and divisors of the order times the order."""
        order = plan.spec.order
        lanes = check_integer("lanes", lanes, 1, order * order)
        if order % lanes and (lanes % order or order % (lanes // order)):
            raise DesignError("lanes", f"a divisor of the order {order}, or {order} times one", lanes)

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """A slot for the columns of each group, and a wait after which the last words are there when they are read.

        The next sample first reads the words of the last group in its slot order − rows.
        """
        order = plan.spec.order
        rows, columns = _shape(order, lanes)
        return Schedule.interleaved(
            groups=order // rows,
            words=rows,
            slots=order * order // lanes,
            wait=max(0, _latency(columns) - (order - rows)),
            channels=channels,
            first_beat=cls.beats_for(plan, lanes)[0],
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        """A beat for each group of rows, the latency of the pipeline after the group's last slot."""
        rows, columns = _shape(plan.spec.order, lanes)
        steps = plan.spec.order // columns
        return tuple(steps * (group + 1) - 1 + _latency(columns) for group in range(plan.spec.order // rows))

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        """An integrator and two banks of state words for each state of each channel."""
        return channels * plan.spec.order * (integrator_bits(plan) + 2 * plan.state_format.width)
