"""The maps between spikes and states: one multiplier that makes d rows of the recurrence, then d states."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.rtl.primitives.arithmetic import fit, round_shift
from lmu_hw.rtl.primitives.bundles import Bundle, Component, Fields
from lmu_hw.rtl.primitives.indices import index_signal, is_last, successor
from lmu_hw.rtl.primitives.stages import Stage, carried
from lmu_hw.rtl.primitives.storage import storage
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


class MapStage(Stage):
    """The stages of the maps, which the products of a row pass in successive cycles."""

    ISSUE = "constant and operand are addressed"
    MULTIPLY = "they are at the multiplier"
    ADD = "the product is there and is added to the sum of its row"
    ROUND = "after a row's last product its sum is complete: rounded, it is a new y, which is written, or a state"
    WORD = "the state is there"


_LATENCY = MapStage.WORD - MapStage.ISSUE
"""Cycles from the issue of a row's last product to its word."""


def sum_signature(plan: DigitalSpikingPlan) -> Bundle:
    """The decoded sum of an ensemble, S: `valid` for one cycle, of which `ensemble`, and its `value`."""
    value = signed(plan.decoded_width)
    return Bundle({"valid": Out(1), "ensemble": Out(range(plan.ensembles)), "value": Out(value)})


def y_signature(plan: DigitalSpikingPlan) -> Bundle:
    """How y of an ensemble is read: its `address`, and its `value` in the next cycle."""
    return Bundle({"address": Out(range(plan.ensembles)), "value": In(signed(plan.state_format.width))})


class StateMap(Component):
    """First y_k⁺ = round(Σ_j L_kj S_j + (1 − leak) y_k + W_k u) for all k, then x_i = round(Σ_k T_ik y_k⁺).

    The sums S of all ensembles have been stored when `start` comes. Then a product is issued in every cycle: for each
    row of the first map d + 2 of them, whose constants L, 1 − leak and W follow each other in a ROM. When the last y
    has been written, `settled` is 1 for a cycle, and the second map makes the states, d products each, which leave
    one by one.

    Attributes:
        start: In(1), begin in the next cycle; only when the last state has come out.
        clear: In(1), y counts as zero in the first map; held until `settled`.
        u: In, the sample; held until `settled`.
        sums: In, `sum_signature`: S of an ensemble is stored; only while the first map does not run.
        y: In, `y_signature`: another reader of y.
        settled: Out(1), for one cycle, when y has its new value.
        states: Out, stream of `data` and `index` of a state that is always ready.
    """

    def __init__(self, plan: DigitalSpikingPlan) -> None:
        self._plan = plan
        state = Fields({"data": signed(plan.output_format.width), "index": range(plan.ensembles)})
        super().__init__(
            {
                "start": In(1),
                "clear": In(1),
                "u": In(signed(plan.input_format.width)),
                "sums": In(sum_signature(plan)),
                "y": In(y_signature(plan)),
                "settled": Out(1),
                "states": Out(stream.Signature(state, always_ready=True)),
            }
        )

    @staticmethod
    def settling(plan: DigitalSpikingPlan) -> int:
        """Cycles from `start` to `settled`: a product for each S, for y and for u in every row."""
        return plan.ensembles * (plan.ensembles + 2) + _LATENCY

    @staticmethod
    def first_word(plan: DigitalSpikingPlan) -> int:
        """Cycles from `settled` to the first state."""
        return plan.ensembles + _LATENCY

    @staticmethod
    def last_word(plan: DigitalSpikingPlan) -> int:
        """Cycles from `settled` to the last state."""
        return plan.ensembles * plan.ensembles + _LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, d = self._plan, self._plan.ensembles
        whole = 1 << plan.map_format.fraction
        rows = [
            [*plan.recurrent[k].tolist(), whole - plan.leak, int(plan.drive[k])] for k in range(d)
        ] + plan.transform.tolist()
        constants = [c for row in rows for c in row]
        width = max(plan.map_format.width, plan.transform_format.width, (whole - plan.leak).bit_length() + 1)
        m.submodules.constants = rom = storage(signed(width), len(constants), constants)
        m.submodules.sums = sums = storage(signed(plan.decoded_width), d)
        m.submodules.y = y = storage(signed(plan.state_format.width), d)
        constant = rom.read_port()
        sums_read = sums.read_port()
        sums_write = sums.write_port()
        y_read = y.read_port()
        y_read_outside = y.read_port()
        y_write = y.write_port()
        m.d.comb += [
            sums_write.en.eq(self.sums.valid),
            sums_write.addr.eq(self.sums.ensemble),
            sums_write.data.eq(self.sums.value),
            y_read_outside.addr.eq(self.y.address),
            self.y.value.eq(y_read_outside.data),
        ]
        at = self._issued(m, len(constants), constant, sums_read, y_read)
        multiply, add, rounded = at[MapStage.MULTIPLY], at[MapStage.ADD], at[MapStage.ROUND]

        # MULTIPLY, ADD
        y_word = Signal(signed(plan.state_format.width))
        operand = Signal(signed(plan.operand_width))
        m.d.comb += [
            y_word.eq(Mux(multiply.clear, 0, y_read.data)),
            operand.eq(
                Mux(
                    multiply.from_sums,
                    sums_read.data,
                    Mux(
                        multiply.from_input, self.u << plan.input_alignment_shift, y_word << plan.state_alignment_shift
                    ),
                )
            ),
        ]
        product = Signal(signed(plan.operand_width + width))
        row_sum = Signal(signed(plan.map_width))
        m.d.sync += [product.eq(constant.data * operand), row_sum.eq(Mux(add.opens, 0, row_sum) + product)]

        # ROUND, WORD
        state = self.states.payload
        new_y = fit(round_shift(row_sum, plan.state_drop), plan.state_format, Overflow.SATURATE)
        m.d.comb += [
            y_write.en.eq(rounded.closes & rounded.first_map),
            y_write.addr.eq(rounded.row),
            y_write.data.eq(new_y),
            self.settled.eq(at[MapStage.WORD].last & at[MapStage.WORD].first_map),
        ]
        m.d.sync += [
            self.states.valid.eq(rounded.closes & ~rounded.first_map),
            state.data.eq(round_shift(row_sum, plan.output_drop)),
            state.index.eq(rounded.row),
        ]
        return m

    def _issued(self, m: Module, count: int, constant: Any, sums_read: Any, y_read: Any) -> dict[MapStage, Any]:
        """Issue the products: a row of the first map has d + 2 of them, one of the second d."""
        d = self._plan.ensembles
        product = Fields(
            {
                "first_map": 1,
                "from_sums": 1,  # the operand is S
                "from_input": 1,  # the operand is u
                "clear": 1,
                "opens": 1,  # the first one of its row
                "closes": 1,
                "last": 1,  # the last one of its map
                "row": range(d),
            }
        )
        at = carried(m, product, MapStage, "product")
        issue = at[MapStage.ISSUE]
        first_map = Signal()
        second_map = Signal()
        row = index_signal(d, "row")
        column = index_signal(d + 2, "column")
        entry = index_signal(count, "entry")
        issued = Signal()
        row_ends = Signal()
        m.d.comb += [
            issued.eq(first_map | second_map),
            row_ends.eq(column == Mux(first_map, d + 1, d - 1)),
            constant.addr.eq(entry),
            sums_read.addr.eq(column),
            issue.first_map.eq(first_map),
            issue.from_sums.eq(first_map & (column < d)),
            issue.from_input.eq(first_map & (column == d + 1)),
            issue.clear.eq(first_map & self.clear),
            issue.opens.eq(column == 0),
            issue.closes.eq(issued & row_ends),
            issue.last.eq(issue.closes & is_last(row, d)),
            issue.row.eq(row),
        ]
        if d > 1:
            m.d.comb += y_read.addr.eq(Mux(first_map, row, column))
        with m.If(self.start):
            m.d.sync += [first_map.eq(1), row.eq(0), column.eq(0), entry.eq(0)]
        with m.If(issued):
            m.d.sync += [entry.eq(entry + 1), column.eq(Mux(row_ends, 0, column + 1))]
            with m.If(row_ends):
                m.d.sync += row.eq(successor(row, d))
            with m.If(issue.last):
                m.d.sync += [first_map.eq(0), second_map.eq(0)]
        with m.If(self.settled):  # the last y has been written
            m.d.sync += second_map.eq(1)
        return at
