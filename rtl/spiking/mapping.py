"""The maps between spikes and states: one multiplier that makes d rows of the recurrence, then d states."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.rtl.primitives.arithmetic import delayed, fit, round_shift
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan

#: Cycles from the issue of a product to the word of its row: operands are read, multiplied, added, narrowed.
_TO_WORD = 4


class StateMap(wiring.Component):
    """First y_k⁺ = narrow(Σ_j L_kj S_j + (1 − leak) y_k + W_k u) for all k, then x_i = narrow(Σ_k T_ik y_k⁺).

    Attributes:
        start: begin in the next cycle, In(1); only when the last state has come out.
        fresh: y counts as zero in the first map, In(1); held until `settled`.
        u: the sample, In; held until `settled`.
        write, ensemble, decoded: S of an ensemble is stored, In; only while the first map does not run.
        y_address, y: another reader of y, In, and what it reads a cycle later, Out.
        settled: for one cycle, when y has its new value, Out(1).
        word_valid, word, index: a state, Out, for one cycle.
    """

    def __init__(self, plan: DigitalSpikingPlan) -> None:
        self._plan = plan
        address = ceil_log2(plan.ensembles)
        super().__init__(
            {
                "start": In(1),
                "fresh": In(1),
                "u": In(signed(plan.input_format.width)),
                "write": In(1),
                "ensemble": In(address),
                "decoded": In(signed(plan.decoded_width)),
                "y_address": In(address),
                "y": Out(signed(plan.state_format.width)),
                "settled": Out(1),
                "word_valid": Out(1),
                "word": Out(signed(plan.output_format.width)),
                "index": Out(ceil_log2(plan.ensembles) or 1),
            }
        )

    @staticmethod
    def settling(plan: DigitalSpikingPlan) -> int:
        """Cycles from `start` to `settled`: a product for each S, for y and for u in every row."""
        return plan.ensembles * (plan.ensembles + 2) + _TO_WORD

    @staticmethod
    def first_word(plan: DigitalSpikingPlan) -> int:
        """Cycles from `settled` to the first state."""
        return plan.ensembles + _TO_WORD

    @staticmethod
    def last_word(plan: DigitalSpikingPlan) -> int:
        """Cycles from `settled` to the last state."""
        return plan.ensembles * plan.ensembles + _TO_WORD

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, d = self._plan, self._plan.ensembles
        whole = 1 << plan.map_format.fraction
        rows = [
            [*plan.recurrent[k].tolist(), whole - plan.leak, int(plan.drive[k])] for k in range(d)
        ] + plan.transform.tolist()
        constants = [c for row in rows for c in row]
        width = max(plan.map_format.width, plan.transform_format.width, (whole - plan.leak).bit_length() + 1)
        m.submodules.constants = rom = memory.Memory(shape=signed(width), depth=len(constants), init=constants)
        m.submodules.sums = sums = memory.Memory(shape=signed(plan.decoded_width), depth=d, init=[])
        m.submodules.y = state = memory.Memory(shape=signed(plan.state_format.width), depth=d, init=[])
        constant, summed = rom.read_port(), sums.read_port()
        own, other = state.read_port(), state.read_port()
        store, settle = sums.write_port(), state.write_port()
        m.d.comb += [
            store.en.eq(self.write),
            store.addr.eq(self.ensemble),
            store.data.eq(self.decoded),
            other.addr.eq(self.y_address),
            self.y.eq(other.data),
        ]

        # What is issued: a row of the first map has d + 2 products, of the second d.
        first_map, second_map = Signal(), Signal()
        row, column, entry = Signal(range(d)), Signal(range(d + 2)), Signal(range(len(constants)))
        ends, last = Signal(), Signal()
        m.d.comb += [
            ends.eq(column == Mux(first_map, d + 1, d - 1)),
            last.eq(ends & (row == d - 1)),
            constant.addr.eq(entry),
            summed.addr.eq(column),
            own.addr.eq(Mux(first_map, row, column)),
        ]
        issued = Signal()
        m.d.comb += issued.eq(first_map | second_map)
        with m.If(self.start):
            m.d.sync += [first_map.eq(1), row.eq(0), column.eq(0), entry.eq(0)]
        with m.If(issued):
            m.d.sync += [entry.eq(entry + 1), column.eq(Mux(ends, 0, column + 1))]
            with m.If(ends):
                m.d.sync += row.eq(Mux(row == d - 1, 0, row + 1))
            with m.If(last):
                m.d.sync += [first_map.eq(0), second_map.eq(0)]
        settles = delayed(m, first_map & last, _TO_WORD, "settles")
        m.d.comb += self.settled.eq(settles)
        with m.If(settles):  # the last y has been written
            m.d.sync += second_map.eq(1)

        # The products and their sum.
        from_sums = delayed(m, first_map & (column < d), 1, "from_sums")
        from_input = delayed(m, first_map & (column == d + 1), 1, "from_input")
        as_zero = delayed(m, first_map & self.fresh, 1, "as_zero")
        operand = Signal(signed(plan.operand_width))
        y = Mux(as_zero, 0, own.data) << plan.state_alignment_shift
        m.d.comb += operand.eq(Mux(from_sums, summed.data, Mux(from_input, self.u << plan.input_alignment_shift, y)))
        product, total = Signal(signed(plan.operand_width + width)), Signal(signed(plan.map_width))
        m.d.sync += product.eq(constant.data * operand)
        adds = delayed(m, column == 0, 2, "adds")
        m.d.sync += total.eq(Mux(adds, 0, total) + product)

        # The words.
        done = delayed(m, ends & issued, 3, "done")
        for_state = delayed(m, first_map, 3, "for_state")
        at = delayed(m, row, 3, "at")
        m.d.comb += [
            settle.en.eq(done & for_state),
            settle.addr.eq(at),
            settle.data.eq(fit(round_shift(total, plan.state_drop), plan.state_format, Overflow.SATURATE)),
        ]
        m.d.sync += [
            self.word_valid.eq(done & ~for_state),
            self.word.eq(round_shift(total, plan.output_drop)),
            self.index.eq(at),
        ]
        return m
