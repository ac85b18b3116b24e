"""The solve memory: the bilinear step as one tridiagonal elimination from both ends, a product a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory
from amaranth.lib.data import StructLayout, View

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.increments import SolveIncrement
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.arithmetic import times
from lmu_hw.rtl.control import Schedule
from lmu_hw.rtl.in_step import InStepMemory, InStepPipeline, Lane, Table
from lmu_hw.rtl.integrators import IntegratorBank, integrator_bits
from lmu_hw.rtl.solve_program import Addend, Base, Factor, solve_program


class _SolveTable(Table):
    """The program of a plan in words of a read-only memory."""

    def __init__(self, plan: MemoryPlan, words: int) -> None:
        increment = plan.increment
        if not isinstance(increment, SolveIncrement):
            raise DesignError("increment", "a tridiagonal solve", type(increment).__name__)
        k = increment.middle
        fractions = increment.pivot_fractions.copy()
        fractions[k] -= 1  # of twice the pivot
        self.least_fraction = int(fractions.min())
        shifts = (fractions - self.least_fraction).tolist()
        lifts, pivots = increment.lifts.tolist(), increment.pivots.tolist()
        self.layout = StructLayout(
            {
                "row": range(plan.spec.order),
                "base": Base,
                "addend": Addend,
                "use": 1,  # the rounded product of the operand 2 cycles before
                "minus": 1,  # with this sign
                "halved": 1,
                "store": 1,
                "reduced": 1,
                "retire": 1,  # the product is an increment
                "ends": 1,  # and its word the last of a beat
                "coefficient": signed(increment.coefficient_bits),
                "shift": range(max(*shifts, *lifts) + 1),  # down for a pivot's product, up for an increment
            }
        )
        program = solve_program(plan.spec.order)
        self.entries: list[dict[str, Any]] = []
        for entry in program.entries:
            if entry is None:
                self.entries.append({})
                continue
            coefficient, shift = {
                Factor.NOTHING: (0, 0),
                Factor.PIVOT: (pivots[entry.pivot], shifts[entry.pivot]),
                Factor.TWICE_PIVOT: (pivots[entry.pivot], shifts[entry.pivot]),
                Factor.COEFFICIENT: (-int(increment.coefficients[entry.row]), lifts[entry.row]),
            }[entry.factor]
            retire = entry.factor is Factor.COEFFICIENT
            self.entries.append(
                {
                    "row": entry.row,
                    "base": entry.base,
                    "addend": entry.addend,
                    "use": entry.product != 0,
                    "minus": entry.product < 0,
                    "halved": entry.halved,
                    "store": entry.store,
                    "reduced": entry.reduced,
                    "retire": retire,
                    "ends": retire and entry.row % words == words - 1,
                    "coefficient": coefficient,
                    "shift": shift,
                }
            )


class _SolveLane(Lane):
    """One multiplier, a recurrence around it, and what it stores of each row for later."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, table, turns, order = self._plan, self._table, self._turns, self._plan.spec.order
        operand = plan.operand_format
        number = signed(operand.width)

        sample = self._held_sample(m)
        names = ("bases", "operates", "multiplies", "rounds", "writes")
        reads, bases, operates, multiplies, rounds, writes = self._stages(m, names)

        def slot(at: View[StructLayout]) -> Any:
            return times(at.owner.turn, order) + at.entry.row

        state = signed(plan.state_format.width)
        m.submodules.words = words = memory.Memory(shape=state, depth=turns * order, init=[])
        m.submodules.stored = stored = memory.Memory(shape=number, depth=order, init=[])
        write_word, write_stored = words.write_port(), stored.write_port()
        read_word = words.read_port(transparent_for=(write_word,))
        read_stored = stored.read_port(transparent_for=(write_stored,))
        m.d.comb += [read_word.addr.eq(slot(reads)), read_stored.addr.eq(reads.entry.row)]

        # base + addend, without the product, which is not there yet.
        value, before = Signal(number), Signal(number)
        begun = Signal(signed(operand.width + 1))  # a sum that is halved may be as wide
        product = self.product
        base, addend = Signal(number), Signal(number)
        word = Mux(bases.owner.fresh, 0, read_word.data) << (operand.fraction - plan.state_format.fraction + 1)
        with m.Switch(bases.entry.base):
            with m.Case(Base.WORD):
                m.d.comb += base.eq(word)
            with m.Case(Base.STORED):
                m.d.comb += base.eq(read_stored.data)
            with m.Case(Base.HELD):
                m.d.comb += base.eq(before)
            with m.Case(Base.ONE):
                m.d.comb += base.eq(1)
        minus = Signal()
        with m.Switch(bases.entry.addend):
            with m.Case(Addend.SAMPLE):
                m.d.comb += [addend.eq(sample << (operand.fraction - plan.input_format.fraction + 1)), minus.eq(1)]
            with m.Case(Addend.PLUS):
                m.d.comb += addend.eq(value)
            with m.Case(Addend.MINUS):
                m.d.comb += [addend.eq(value), minus.eq(1)]
        m.d.sync += begun.eq(Mux(minus, base - addend, base + addend))

        # The rounded product of the operand 2 cycles before comes in with a carry: floor + the last bit dropped,
        # or ~floor + its complement for minus that.
        shifted = (product >> (table.least_fraction - 1)) >> rounds.entry.shift
        floor, half = shifted >> 1, shifted[0]
        use, minus_product = operates.entry.use, operates.entry.minus
        taken = Mux(use, Mux(minus_product, ~floor, floor), 0)
        total = Signal(signed(operand.width + 1))
        m.d.comb += total.eq(begun + taken + (use & (half ^ minus_product)))
        m.d.sync += [
            value.eq(Mux(operates.entry.halved, total >> 1, total)),
            before.eq(value),
        ]
        m.d.comb += [self.operand.eq(value), self.coefficient.eq(multiplies.entry.coefficient)]

        # What is stored for later, and the increments.
        kept = Signal(number)
        m.d.sync += kept.eq(before + Mux(rounds.entry.reduced, ~floor, 0) + (rounds.entry.reduced & ~half))
        m.submodules.bank = bank = IntegratorBank(plan, 1, turns * order)
        m.d.comb += [
            write_stored.addr.eq(writes.entry.row),
            write_stored.en.eq(writes.entry.store),
            write_stored.data.eq(kept),
            bank.fetch.eq(slot(operates)),
            bank.fetch_fresh.eq(operates.owner.fresh),
            bank.increment[0].eq(product << rounds.entry.shift),
            bank.apply.eq(rounds.entry.retire),
            bank.apply_slot.eq(slot(rounds)),
            write_word.addr.eq(slot(writes)),
            write_word.en.eq(writes.entry.retire),
            write_word.data.eq(bank.words[0]),
        ]

        self._gather(m, bank.outputs[0], writes)
        return m


class _SolvePipeline(InStepPipeline):
    lane = _SolveLane

    @classmethod
    def table(cls, plan: MemoryPlan, words: int) -> Table:
        return _SolveTable(plan, words)


class SolveMemory(InStepMemory):
    """The bilinear step, two-ended elimination on one multiplier; further lanes work on further channels.

    The two recurrences of the elimination take turns at the multiplier, and the increments follow in the
    order of the states (`lmu_hw.rtl.solve_program`). A recurrence cannot be spread over multipliers, so
    `lanes` of them, a divisor of the order and of the channels, work on as many channels in step.

    Multiplications per sample: 3·order − 1. Cycles for a sample of each channel in step, with several turns
    of channels: length of the program, from order 4 on 3·order + 6 … 8; with one turn up to 4 more. Latency:
    from the acceptance of the last lane's sample, the cycle of the increment of state lanes − 1 and 6 more.
    """

    datapath = Datapath.SOLVE
    pipeline = _SolvePipeline
    factor_delay = 4

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        order = plan.spec.order
        program = solve_program(order)
        return Schedule.interleaved(
            groups=order // lanes,
            words=lanes,
            slots=len(program.entries),
            wait=program.wait,
            channels=channels,
            first_beat=program.increments[lanes - 1] + 6,
            in_step=lanes,
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        return tuple(cycle + 6 for cycle in solve_program(plan.spec.order).increments[lanes - 1 :: lanes])

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        states = channels * (integrator_bits(plan) + plan.state_format.width)
        return plan.spec.order * (states + lanes * plan.operand_format.width)
