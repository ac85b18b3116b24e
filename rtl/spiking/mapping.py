"""The maps of a spiking memory on one multiplier: the recurrence of y, then the transform to the output states."""

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
    MULTIPLY = "constant and operand are at the multiplier"
    ADD = "the product is there and is added to the sum of its row"
    ROUND = "after a row's last product its sum is complete and is rounded; a new y is written"
    WORD = "an output state is there, or a new y can be read"


_LATENCY = MapStage.WORD - MapStage.ISSUE
"""Cycles from the issue of a row's last product to its output state, through all stages of `MapStage`."""


def sum_signature(plan: DigitalSpikingPlan) -> Bundle:
    """The stream of decoded sums S without back-pressure.

    In cycles in which `valid` is high, `value` is the sum of ensemble number `ensemble`, signed, `decoded_width` bits.
    """
    value = signed(plan.decoded_width)
    return Bundle({"valid": Out(1), "ensemble": Out(range(plan.ensembles)), "value": Out(value)})


def y_signature(plan: DigitalSpikingPlan) -> Bundle:
    """A read port for the state y: the number of an ensemble, `address`, and in the next cycle its y, `value`."""
    return Bundle({"address": Out(range(plan.ensembles)), "value": In(signed(plan.state_format.width))})


class StateMap(Component):
    """The maps of a spiking memory on one multiplier: the recurrence of y, then the transform to output states.

        y_k⁺ = round(Σ_j L_kj S_j + (1 − leak) y_k + W_k u)     for all k, saturated,
        x_i  = round(Σ_k T_ik y_k⁺)                             for all i

    Here S are the decoded sums of the d ensembles, y their states in radii, u is the sample and x the output states.
    The sums have been stored when `start` comes. From then on a product is issued in every cycle. A row of the first
    map has d + 2 of them, with the constants L, 1 − leak and W, which follow each other in a ROM. When the last y has
    been written, `settled` is high for one cycle, and the second map computes the output states, with d products each,
    which leave one by one.

    With d = 1, where the rows of the two maps have three products and one:

    ```wavedrom
    {"signal": [
      {"name": "clk",      "wave": "p............."},
      {"name": "start",    "wave": "10............", "data": []},
      {"name": "ISSUE",    "wave": "x333xxxx4xxxxx", "data": ["L S", "(1 − leak) y", "W u", "T y"]},
      {"name": "MULTIPLY", "wave": "xx333xxxx4xxxx", "data": ["L S", "(1 − leak) y", "W u", "T y"]},
      {"name": "ADD",      "wave": "xxx333xxxx4xxx", "data": ["L S", "(1 − leak) y", "W u", "T y"]},
      {"name": "ROUND",    "wave": "xxxxxx3xxxx4xx", "data": ["y", "x"]},
      {"name": "settled",  "wave": "0......10.....", "data": []},
      {"name": "states",   "wave": "xxxxxxxxxxxx4x", "data": ["x"]}]}
    ```

    Args:
        plan: The plan of the spiking memory.

    Attributes:
        start: In(1), high in the cycle before the first product is issued; not before the last state has left.
        clear: In(1), high where y counts as zero in the first map; constant from `start` to `settled`.
        u: In, the sample, in the plan's input format; constant from `start` to `settled`.
        sums: In, of `sum_signature`, the sums to be stored, which may come while the first map does not run.
        y: In, of `y_signature`, a read port for y.
        settled: Out(1), high for one cycle, the first one in which all new y can be read.
        states: Out, stream of a state's `data`, in the plan's output format, and its `index`; always ready.
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
        """Cycles from `start` to `settled`: d rows of d + 2 products, and the latency of the last one."""
        return plan.ensembles * (plan.ensembles + 2) + _LATENCY

    @staticmethod
    def first_word(plan: DigitalSpikingPlan) -> int:
        """Cycles from `settled` to the first output state: d products, and the latency of the last one."""
        return plan.ensembles + _LATENCY

    @staticmethod
    def last_word(plan: DigitalSpikingPlan) -> int:
        """Cycles from `settled` to the last output state: d rows of d products, and the latency of the last one."""
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
        """Count and issue the products: d + 2 in a row of the first map, d in a row of the second map.

        Args:
            m: The module that the counters are added to.
            count: The number of constants in the ROM.
            constant: The read port of the ROM.
            sums_read: The read port of the sums.
            y_read: The read port of y.

        Returns:
            What is carried beside a product in each stage.
        """
        d = self._plan.ensembles
        product = Fields(
            {
                "first_map": 1,
                "from_sums": 1,  # the operand is S
                "from_input": 1,  # the operand is u; otherwise, if it is not S, it is y
                "clear": 1,  # y counts as zero
                "opens": 1,  # the first product of its row
                "closes": 1,  # the last product of its row
                "last": 1,  # the last product of its map
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
        with m.If(self.settled):  # the second map reads every y, so it starts when the last one has been written
            m.d.sync += second_map.eq(1)
        return at
