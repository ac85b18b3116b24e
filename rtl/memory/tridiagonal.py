"""The solve memory: the bilinear step as one tridiagonal elimination from both ends, a product a cycle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory
from amaranth.lib.data import StructLayout, View

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import TridiagonalIncrement
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.memory.in_step import InStepMemory, InStepPipeline, Lane, Table
from lmu_hw.rtl.memory.integrators import IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import times
from lmu_hw.rtl.primitives.schedule import Schedule


class Base(IntEnum):
    """What an operand starts from."""

    NOTHING = 0
    WORD = 1  # twice the state word of the row
    STORED = 2  # what was stored for the row
    HELD = 3  # the operand of 3 cycles before
    ONE = 4  # 1, which rounds the half of the sum


class Addend(IntEnum):
    """What is added to it."""

    NOTHING = 0
    SAMPLE = 1  # minus twice the sample
    PLUS = 2  # plus the operand of 2 cycles before
    MINUS = 3  # minus it


class Factor(IntEnum):
    """What the operand is multiplied by."""

    NOTHING = 0
    PIVOT = 1
    TWICE_PIVOT = 2
    COEFFICIENT = 3  # minus the coefficient: the product is the state's increment


@dataclass(frozen=True)
class Entry:
    """One operand.

    Attributes:
        cycle: when it is at the multiplier.
        row: whose word or stored value it starts from, and where it is stored.
        base, addend: what it is made of.
        product: sign of the rounded product of the operand 2 cycles before; 0 leaves it out.
        factor: what it is multiplied by.
        pivot: the row of the pivot, where that is the factor.
        store: store it for `row`, 2 cycles later.
        halved: the operand is half of the sum.
        reduced: store it with its own rounded product taken off.
    """

    cycle: int
    row: int
    base: Base = Base.NOTHING
    addend: Addend = Addend.NOTHING
    product: int = 0
    factor: Factor = Factor.NOTHING
    pivot: int = 0
    store: bool = False
    halved: bool = False
    reduced: bool = False


@dataclass(frozen=True)
class Program:
    """All entries of one sample.

    Attributes:
        entries: one for each cycle from 0; None where the multiplier has nothing to do.
        wait: cycles that the next sample of the same channel must wait after them for the state words.
    """

    entries: tuple[Entry | None, ...]
    wait: int

    @property
    def increments(self) -> tuple[int, ...]:
        """The cycle in which the increment of each state is multiplied."""
        return tuple(e.cycle for e in self.entries if e is not None and e.factor is Factor.COEFFICIENT)


STORED_AFTER = 5
"""Cycles from an operand to the first one that can start from what was stored for it."""
WORD_AFTER = 5
"""Cycles from the operand of an increment to the first one that can start from the new state word."""


def solve_program(order: int) -> Program:
    """The table for `order` states: 3·order − 1 products; at order 64 in 199 cycles, without wait."""
    entries: dict[int, Entry] = {}
    for entry in _entries(order):
        if entry.cycle in entries:
            raise RuntimeError(f"two operands in cycle {entry.cycle} at order {order}")
        entries[entry.cycle] = entry
    length = 1 + max(entries)
    written = {e.row: e.cycle + WORD_AFTER for e in entries.values() if e.factor is Factor.COEFFICIENT}
    read = {e.row: e.cycle for e in entries.values() if e.base is Base.WORD}
    wait = max(written[row] - (length + read[row]) for row in range(order))
    return Program(tuple(entries.get(cycle) for cycle in range(length)), max(0, wait))


def _entries(order: int) -> Iterator[Entry]:
    k, last = order // 2, order - 1
    below = last - k  # rows below the middle
    # Inwards: the upper rows in the even cycles, the lower ones in the odd cycles so that they end 3 cycles
    # before the middle row, whose sum is made in two steps.
    for i in range(k):
        yield _eliminated(2 * i, i, Addend.MINUS if i else Addend.SAMPLE, 1 if i else 0)
    for j in range(below):
        cycle = 2 * k + 1 - 2 * (below - 1 - j)
        yield _eliminated(cycle, last - j, Addend.PLUS if j else Addend.NOTHING, -1 if j else 0)
    met = Entry(2 * k, k, Base.WORD, Addend.MINUS if k else Addend.SAMPLE, 1 if k else 0)
    if below:
        yield met
        centre = 2 * k + 3
        yield Entry(centre, k, Base.HELD, Addend.PLUS, -1, Factor.TWICE_PIVOT, k)
    else:
        centre = 2 * k
        yield replace(met, factor=Factor.TWICE_PIVOT, pivot=k)
    # Outwards: each operand is the s of one row, multiplied by the pivot of the next.
    for j in range(k):
        base = Base.STORED if j else Base.ONE
        yield Entry(
            centre + 2 + 2 * j, k - j, base, Addend.PLUS, -1, Factor.PIVOT, k - j - 1, store=True, halved=j == 0
        )
    for j in range(below):
        base, addend = (Base.STORED, Addend.MINUS) if j else (Base.HELD, Addend.NOTHING)
        yield Entry(centre + 5 + 2 * j, k + j, base, addend, 1 if j else 0, Factor.PIVOT, k + j + 1, store=j > 0)
    end = centre + 2 + 2 * k
    if below:
        yield Entry(centre + 5 + 2 * below, last, Base.STORED, Addend.MINUS, 1, store=True)
        end = centre + 5 + 2 * below
    # The increments, in the order of the states; that of the first is still on its way from the recurrence.
    own = Base.STORED if k else Base.ONE
    yield Entry(centre + 2 + 2 * k, 0, own, Addend.PLUS, -1, Factor.COEFFICIENT, halved=k == 0)
    # s_1 was stored from cycle centre + 2k, s_last from cycle `end`.
    start = max(end + 1, centre + 2 * k + STORED_AFTER, end + STORED_AFTER - (last - 1))
    for i in range(1, order):
        yield Entry(start + i - 1, i, Base.STORED, factor=Factor.COEFFICIENT)


def _eliminated(cycle: int, row: int, addend: Addend, product: int) -> Entry:
    return Entry(cycle, row, Base.WORD, addend, product, Factor.PIVOT, row, store=True, reduced=True)


class _SolveTable(Table):
    """The program of a plan in words of a read-only memory."""

    def __init__(self, plan: MemoryPlan, words: int) -> None:
        increment = plan.increment
        if not isinstance(increment, TridiagonalIncrement):
            raise DesignError("increment", "a tridiagonal solve", type(increment).__name__)
        k = increment.middle
        fractions = increment.pivot_fractions.copy()
        fractions[k] -= 1  # of twice the pivot
        self.least_fraction = int(fractions.min())
        shifts = (fractions - self.least_fraction).tolist()
        alignment_shifts, pivots = increment.alignment_shifts.tolist(), increment.pivots.tolist()
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
                "shift": range(max(*shifts, *alignment_shifts) + 1),  # down for a pivot's product, up for an increment
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
                Factor.COEFFICIENT: (-int(increment.coefficients[entry.row]), alignment_shifts[entry.row]),
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


class TridiagonalMemory(InStepMemory):
    """The bilinear step, two-ended elimination on one multiplier; further lanes work on further channels.

    The two recurrences of the elimination take turns at the multiplier, and the increments follow in the
    order of the states (`lmu_hw.rtl.memory.tridiagonal`). A recurrence cannot be spread over multipliers, so
    `lanes` of them, a divisor of the order and of the channels, work on as many channels in step.

    Multiplications per sample: 3·order − 1. Cycles for a sample of each channel in step, with several turns
    of channels: length of the program, from order 4 on 3·order + 6 … 8; with one turn up to 4 more. Latency:
    from the acceptance of the last lane's sample, the cycle of the increment of state lanes − 1 and 6 more.
    """

    datapath = Datapath.TRIDIAGONAL
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
