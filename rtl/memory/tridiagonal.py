"""The tridiagonal memory: the bilinear step as one tridiagonal elimination from both ends, a product a cycle.

The program is the order of the multiplications of a sample, one to a cycle. The elimination runs from both ends to
the middle row k and back (`lmu_hw.fixed_point.datapaths.tridiagonal` has the equations). Either recurrence needs a
product only two cycles after the one before it, so the two take turns at the multiplier. Each entry of the program
makes one operand,

    operand[n] = base + addend + sign·round(product of operand[n − 2]),   all of it halved in one case,

and says what becomes of it: what it is multiplied by, and whether it is stored, as it is or with its own rounded
product taken off. `cycle` counts the cycles in which operands are at the multiplier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import TridiagonalIncrement
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.memory.in_step import InStepMemory, InStepPipeline, Lane, ProgramTable
from lmu_hw.rtl.memory.integrators import READ_LEAD, IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.bundles import Fields
from lmu_hw.rtl.primitives.pipeline import operand_shifts
from lmu_hw.rtl.primitives.schedule import Schedule
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage


class TridiagonalStage(Stage):
    """The stages of lane 0, which the entries of the program pass in successive cycles."""

    ISSUE = "the entry comes out of the ROM and is handed to the lane"
    READ = "the state word and the stored value of its row are addressed"
    ADD = "they are there: base ± addend is made; operands of earlier entries are at hand"
    COMPLETE = "the product of the entry two cycles before is there, and is rounded and added"
    MULTIPLY = "the operand is at the multiplier"
    ROUND = "its product is there: rounded for the recurrence, or aligned as an increment"
    WRITE = "the stored value, or the new state word, is there and is written; a word leaves with its beat"


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
        store: store it for `row`, where later entries can start from it, from `STORED_AFTER` cycles later on.
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


STORED_AFTER = TridiagonalStage.WRITE - TridiagonalStage.READ
"""Cycles from an operand to the first one that can start from what was stored for it; reads see what is written."""
WORD_AFTER = TridiagonalStage.WRITE - TridiagonalStage.READ
"""Cycles from the operand of an increment to the first one that can start from the new state word."""
WORD_LATENCY = TridiagonalStage.WRITE - TridiagonalStage.ISSUE
"""Cycles from the slot of an increment to its word."""


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


class _TridiagonalTable(ProgramTable):
    """The program of a plan as rows of a ROM."""

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
        self.layout = Fields(
            {
                "row": range(plan.spec.order),
                "base": Base,
                "addend": Addend,
                "adds_product": 1,  # the rounded product of the operand 2 cycles before
                "subtracts": 1,  # with a minus
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
                    "adds_product": entry.product != 0,
                    "subtracts": entry.product < 0,
                    "halved": entry.halved,
                    "store": entry.store,
                    "reduced": entry.reduced,
                    "retire": retire,
                    "ends": retire and entry.row % words == words - 1,
                    "coefficient": coefficient,
                    "shift": shift,
                }
            )


class _TridiagonalLane(Lane):
    """One multiplier, a recurrence around it, and what is stored of each row for later entries."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, table, turns, order = self._plan, self._table, self._turns, self._plan.spec.order
        state_shift, input_shift = operand_shifts(plan)
        number = signed(plan.operand_format.width)
        wider = signed(plan.operand_format.width + 1)  # of a sum that is halved

        held_sample = self._held_sample(m)
        at = self._carried(m, TridiagonalStage, TridiagonalStage.READ)
        read, add, complete = (at[s] for s in (TridiagonalStage.READ, TridiagonalStage.ADD, TridiagonalStage.COMPLETE))
        multiply, rounded = at[TridiagonalStage.MULTIPLY], at[TridiagonalStage.ROUND]
        written = at[TridiagonalStage.WRITE]

        # READ
        m.submodules.words = words = storage(signed(plan.state_format.width), turns * order)
        words_write = words.write_port()
        words_read = words.read_port(transparent_for=(words_write,))
        m.submodules.stored = stored = storage(number, order)
        stored_write = stored.write_port()
        stored_read = stored.read_port(transparent_for=(stored_write,))
        m.d.comb += [
            words_read.addr.eq(self._address(read, read.entry.row)),
            stored_read.addr.eq(read.entry.row),
        ]

        # ADD: base ± addend, without the product, which is not there yet.
        operand = Signal(number)  # of the entry in MULTIPLY
        last_operand = Signal(number)  # of the entry in ROUND
        word = Signal(signed(plan.state_format.width))
        m.d.comb += word.eq(Mux(add.owner.clear, 0, words_read.data))
        base = Signal(number)
        with m.Switch(add.entry.base):
            with m.Case(Base.WORD):
                m.d.comb += base.eq(word << (state_shift + 1))
            with m.Case(Base.STORED):
                m.d.comb += base.eq(stored_read.data)
            with m.Case(Base.HELD):
                m.d.comb += base.eq(last_operand)
            with m.Case(Base.ONE):
                m.d.comb += base.eq(1)
        addend = Signal(number)
        minus = Signal()
        with m.Switch(add.entry.addend):
            with m.Case(Addend.SAMPLE):
                m.d.comb += [addend.eq(held_sample << (input_shift + 1)), minus.eq(1)]
            with m.Case(Addend.PLUS):
                m.d.comb += addend.eq(operand)
            with m.Case(Addend.MINUS):
                m.d.comb += [addend.eq(operand), minus.eq(1)]
        base_and_addend = Signal(wider)
        m.d.sync += base_and_addend.eq(Mux(minus, base - addend, base + addend))

        # COMPLETE: the product, which is in ROUND then, is rounded by its floor and a carry, the upper one of the bits
        # that are dropped; what is taken off is added as ~floor with the complement of that carry.
        product = self.multiplier.product
        floor_and_carry = Signal(product.shape())
        floor = Signal(signed(len(product)))
        carry = Signal()
        m.d.comb += [
            floor_and_carry.eq((product >> (table.least_fraction - 1)) >> rounded.entry.shift),
            floor.eq(floor_and_carry >> 1),
            carry.eq(floor_and_carry[0]),
        ]
        adds, subtracts = complete.entry.adds_product, complete.entry.subtracts
        total = Signal(wider)
        m.d.comb += total.eq(
            base_and_addend + Mux(adds, Mux(subtracts, ~floor, floor), 0) + (adds & (carry ^ subtracts))
        )
        m.d.sync += operand.eq(Mux(complete.entry.halved, total >> 1, total))

        # MULTIPLY
        m.d.comb += [self.multiplier.operand.eq(operand), self.multiplier.coefficient.eq(multiply.entry.coefficient)]
        m.d.sync += last_operand.eq(operand)

        # ROUND: what is stored for later entries, and the increments.
        fetched = at[TridiagonalStage.ROUND.earlier(READ_LEAD)]
        reduced = rounded.entry.reduced
        to_store = Signal(number)
        m.d.sync += to_store.eq(last_operand + Mux(reduced, ~floor, 0) + (reduced & ~carry))
        m.submodules.bank = bank = IntegratorBank(plan, 1, turns * order)
        m.d.comb += [
            bank.read.address.eq(self._address(fetched, fetched.entry.row)),
            bank.read.clear.eq(fetched.owner.clear),
            bank.add.valid.eq(rounded.entry.retire),
            bank.add.address.eq(self._address(rounded, rounded.entry.row)),
            bank.add.increments[0].eq(product << rounded.entry.shift),
        ]

        # WRITE
        m.d.comb += [
            stored_write.addr.eq(written.entry.row),
            stored_write.en.eq(written.entry.store),
            stored_write.data.eq(to_store),
            words_write.addr.eq(self._address(written, written.entry.row)),
            words_write.en.eq(written.entry.retire),
            words_write.data.eq(bank.words[0]),
        ]
        self._gather(m, bank.outputs[0], written)
        return m


class _TridiagonalPipeline(InStepPipeline):
    """The pipeline of the tridiagonal memory: the program of the elimination, an operand a cycle in each lane."""

    lane = _TridiagonalLane

    @classmethod
    def table(cls, plan: MemoryPlan, words: int) -> ProgramTable:
        return _TridiagonalTable(plan, words)


class TridiagonalMemory(InStepMemory):
    """The bilinear step by two-ended elimination on one multiplier; further lanes work on further channels.

    Once the samples u of all channels in step are there, the program runs through the lanes, an entry a cycle. First
    each row's right-hand side is made of its state word and the results of the row before it, from both ends
    inwards, the two ends taking turns at the multiplier; u enters with row 0. Where the two meet, the middle row is
    solved, and from there the solution s is substituted outwards and stored. Last, each s_i is multiplied by its
    −h(2i+1), in the order of the states: that product is the increment, which the bank adds and rounds to the new
    word. The words are stored, and leave as soon as `lanes` of them make a beat.

    A recurrence cannot be spread over multipliers, so `lanes` of them, a divisor of the order and of the channels,
    work on as many channels in step.

    Two entries of the recurrence of one end, with one of the other end between them:

    ```wavedrom
    {"signal": [
      {"name": "clk",      "wave": "p.........."},
      {"name": "ISSUE",    "wave": "x343xxxxxxx", "data": ["n", "n+1", "n+2"]},
      {"name": "READ",     "wave": "xx343xxxxxx", "data": ["n", "n+1", "n+2"]},
      {"name": "ADD",      "wave": "xxx343xxxxx", "data": ["n", "n+1", "n+2"]},
      {"name": "COMPLETE", "wave": "xxxx343xxxx", "data": ["n", "n+1", "n+2"], "node": "......b"},
      {"name": "MULTIPLY", "wave": "xxxxx343xxx", "data": ["n", "n+1", "n+2"]},
      {"name": "ROUND",    "wave": "xxxxxx343xx", "data": ["n", "n+1", "n+2"], "node": "......a"},
      {"name": "WRITE",    "wave": "xxxxxxx343x", "data": ["n", "n+1", "n+2"]}],
     "edge": ["a->b product"]}
    ```

    Multiplications per sample: 3·order − 1. Cycles for a sample of each channel in step, with several turns
    of channels: length of the program, from order 4 on 3·order + 6 … 8; with one turn up to 4 more. Latency:
    from the acceptance of the last lane's sample, the slot of the increment of state lanes − 1 and 6 more.
    """

    datapath = Datapath.TRIDIAGONAL
    pipeline = _TridiagonalPipeline
    factor_delay = TridiagonalStage.MULTIPLY - TridiagonalStage.ISSUE

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        """The program's slots, one a cycle, and its wait."""
        order = plan.spec.order
        program = solve_program(order)
        return Schedule.interleaved(
            groups=order // lanes,
            words=lanes,
            slots=len(program.entries),
            wait=program.wait,
            channels=channels,
            first_beat=cls.beats_for(plan, lanes)[0],
            in_step=lanes,
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        program = solve_program(plan.spec.order)
        return tuple(cycle + WORD_LATENCY for cycle in program.increments[lanes - 1 :: lanes])

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        states = channels * (integrator_bits(plan) + plan.state_format.width)
        return plan.spec.order * (states + lanes * plan.operand_format.width)
