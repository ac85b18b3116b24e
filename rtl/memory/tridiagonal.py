"""The tridiagonal memory: the bilinear step as one tridiagonal elimination from both ends, one product a cycle.

The program lists the multiplications of a sample, one for each cycle. The elimination runs from both ends to the
middle row k and back (`lmu_hw.fixed_point.datapaths.tridiagonal` has the equations). A recurrence needs each product
two cycles after the one before, so the recurrences of the two ends take turns at the multiplier. Each entry of the
program makes one operand,

    operand[n] = base + addend + sign·round(product of operand[n − 2]),   in one case half of this sum,

and says by what it is multiplied, and whether it is stored, either as it is or less its own rounded product. The index
n, called `cycle`, counts the cycles in which operands are at the multiplier, from 0 in each sample.
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
from lmu_hw.rtl.memory.integrators import READ_LEAD, integrator_bits
from lmu_hw.rtl.primitives.bundles import Fields
from lmu_hw.rtl.primitives.pipeline import operand_shifts
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage


class TridiagonalStage(Stage):
    """The stages of lane 0, which each entry of the program passes in successive cycles."""

    ISSUE = "the entry is read from the ROM and is handed to the lane"
    READ = "the state word and the stored value of the entry's row are addressed"
    ADD = "both are there, as are the operands of earlier entries, and base ± addend is made"
    COMPLETE = "the product of the entry two cycles before is there and is rounded and added"
    MULTIPLY = "the operand is at the multiplier"
    ROUND = "the product is there and is rounded for the recurrence, or aligned as an increment"
    WRITE = "the stored value, or the new state word, is there and is written; a word leaves with its beat"


class Base(IntEnum):
    """The value that an operand starts from."""

    NOTHING = 0
    WORD = 1  # twice the state word of the row
    STORED = 2  # the value that was stored for the row
    HELD = 3  # the operand of `HELD_AFTER` cycles before
    ONE = 4  # one code step, so that half of the sum is rounded


class Addend(IntEnum):
    """The value that is added to the base of an operand."""

    NOTHING = 0
    SAMPLE = 1  # minus twice the sample
    PLUS = 2  # plus the operand of `PRODUCT_AFTER` cycles before
    MINUS = 3  # minus the operand of `PRODUCT_AFTER` cycles before


class Factor(IntEnum):
    """The factor that an operand is multiplied by."""

    NOTHING = 0
    PIVOT = 1  # the multiplier r of a row, 1 − 1/pivot
    TWICE_PIVOT = 2  # twice that of the middle row
    COEFFICIENT = 3  # minus the coefficient of the row, so that the product is the increment of its state


@dataclass(frozen=True)
class Entry:
    """An entry of the program: how one operand is made, multiplied and stored.

    Attributes:
        cycle: The cycle in which the operand is at the multiplier, counted from 0 in each sample.
        row: The row whose state word or stored value the operand starts from, and for which it is stored.
        base: The value that the operand starts from.
        addend: The value that is added to the base.
        product: The sign with which the rounded product of `PRODUCT_AFTER` cycles before is added; 0 leaves it out.
        factor: The factor that the operand is multiplied by.
        pivot: The row of the pivot, where the factor is one.
        store: Whether the operand is stored for `row`; entries from `STORED_AFTER` cycles later on can start from it.
        halved: Whether the operand is half of the sum.
        reduced: Whether the operand's own rounded product is subtracted from it before it is stored.
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
    """The program of a sample.

    Attributes:
        entries: The entry of each cycle from 0 on; None where the multiplier is idle.
        wait: The number of cycles after the last entry for which the next sample of the same channel waits for the
            state words.
    """

    entries: tuple[Entry | None, ...]
    wait: int

    @property
    def length(self) -> int:
        """The number of cycles of the program."""
        return len(self.entries)

    @property
    def increments(self) -> tuple[int, ...]:
        """The cycle of the product that is each state's increment, in the order of the states."""
        return tuple(e.cycle for e in self.entries if e is not None and e.factor is Factor.COEFFICIENT)


PRODUCT_AFTER = TridiagonalStage.ROUND - TridiagonalStage.COMPLETE
"""Cycles from an entry to the one that adds its product, and that takes its operand as an addend."""
HELD_AFTER = TridiagonalStage.ROUND - TridiagonalStage.ADD
"""Cycles from an entry to the one that starts from its operand, `Base.HELD`, held for a cycle after MULTIPLY."""
STORED_AFTER = TridiagonalStage.WRITE - TridiagonalStage.READ
"""Cycles from an entry that stores its operand, or makes an increment, to the first that can start from the result.

The stored value or new state word is addressed in READ; a read in the cycle of WRITE gets the new one.
"""
WORD_LATENCY = TridiagonalStage.WRITE - TridiagonalStage.ISSUE
"""Cycles from the slot of an increment, in ISSUE, to its new state word, in WRITE."""


def tridiagonal_program(order: int) -> Program:
    """The program for `order` states, with 3·order − 1 products; at order 64 it has 199 cycles and no wait.

    Raises:
        RuntimeError: Two entries are in the same cycle, which would be an error of the program's construction.
    """
    entries: dict[int, Entry] = {}
    for entry in _entries(order):
        if entry.cycle in entries:
            raise RuntimeError(f"two operands in cycle {entry.cycle} at order {order}")
        entries[entry.cycle] = entry
    length = 1 + max(entries)
    written = {e.row: e.cycle + STORED_AFTER for e in entries.values() if e.factor is Factor.COEFFICIENT}
    read = {e.row: e.cycle for e in entries.values() if e.base is Base.WORD}
    wait = max(written[row] - (length + read[row]) for row in range(order))
    return Program(tuple(entries.get(cycle) for cycle in range(length)), max(0, wait))


def _entries(order: int) -> Iterator[Entry]:
    """The entries of the program in the order of the computation: inwards, the middle row, outwards, the increments."""
    k, last = order // 2, order - 1
    below = last - k  # rows below the middle
    # Each row waits for the product of the row before it, PRODUCT_AFTER = 2 cycles, so two recurrences fit.
    # Inwards: the rows above the middle in even cycles, those below it in odd cycles. The last of them meet in the
    # middle row, whose sum has too many terms for one operand and is made in two, HELD_AFTER cycles apart.
    for i in range(k):
        yield _eliminated(2 * i, i, Addend.MINUS if i else Addend.SAMPLE, 1 if i else 0)
    for j in range(below):
        cycle = 2 * k + 1 - 2 * (below - 1 - j)
        yield _eliminated(cycle, last - j, Addend.PLUS if j else Addend.NOTHING, -1 if j else 0)
    met = Entry(2 * k, k, Base.WORD, Addend.MINUS if k else Addend.SAMPLE, 1 if k else 0)
    if below:
        yield met
        centre = 2 * k + HELD_AFTER
        yield Entry(centre, k, Base.HELD, Addend.PLUS, -1, Factor.TWICE_PIVOT, k)
    else:
        centre = 2 * k
        yield replace(met, factor=Factor.TWICE_PIVOT, pivot=k)
    # Outwards: each operand is the s of one row, multiplied by the pivot of the next. Upwards the first starts from
    # the product of the middle row, downwards from the operand of the first entry upwards.
    outwards = centre + PRODUCT_AFTER
    for j in range(k):
        base = Base.STORED if j else Base.ONE
        yield Entry(outwards + 2 * j, k - j, base, Addend.PLUS, -1, Factor.PIVOT, k - j - 1, store=True, halved=j == 0)
    for j in range(below):
        base, addend = (Base.STORED, Addend.MINUS) if j else (Base.HELD, Addend.NOTHING)
        cycle = outwards + HELD_AFTER + 2 * j
        yield Entry(cycle, k + j, base, addend, 1 if j else 0, Factor.PIVOT, k + j + 1, store=j > 0)
    end = outwards + 2 * k
    if below:
        yield Entry(outwards + HELD_AFTER + 2 * below, last, Base.STORED, Addend.MINUS, 1, store=True)
        end = outwards + HELD_AFTER + 2 * below
    # The increments, in the order of the states. That of state 0 continues the recurrence without being stored.
    own = Base.STORED if k else Base.ONE
    yield Entry(outwards + 2 * k, 0, own, Addend.PLUS, -1, Factor.COEFFICIENT, halved=k == 0)
    # The increments of states 1 … last follow without a gap, so the start is late enough for s_1, which the entry of
    # cycle centre + 2k stores, and for s_last, which that of cycle `end` stores.
    start = max(end + 1, centre + 2 * k + STORED_AFTER, end + STORED_AFTER - (last - 1))
    for i in range(1, order):
        yield Entry(start + i - 1, i, Base.STORED, factor=Factor.COEFFICIENT)


def _eliminated(cycle: int, row: int, addend: Addend, product: int) -> Entry:
    """The entry that makes the right-hand side of `row` on the way inwards and stores it for the way back."""
    return Entry(cycle, row, Base.WORD, addend, product, Factor.PIVOT, row, store=True, reduced=True)


class _TridiagonalTable(ProgramTable):
    """The tridiagonal program as rows of a ROM, with the pivots and coefficients of a plan."""

    def __init__(self, plan: MemoryPlan, words: int) -> None:
        increment = plan.increment
        if not isinstance(increment, TridiagonalIncrement):
            raise DesignError("increment", "that of a tridiagonal datapath", type(increment).__name__)
        k = increment.middle
        fractions = increment.pivot_fractions.copy()
        fractions[k] -= 1  # the middle row multiplies by twice its pivot
        self.least_fraction = int(fractions.min())
        shifts = (fractions - self.least_fraction).tolist()
        alignment_shifts, pivots = increment.alignment_shifts.tolist(), increment.pivots.tolist()
        self.layout = Fields(
            {
                "row": range(plan.spec.order),
                "base": Base,
                "addend": Addend,
                "adds_product": 1,  # the rounded product of the operand 2 cycles before
                "subtracts": 1,  # that product is subtracted
                "halved": 1,
                "store": 1,
                "reduced": 1,
                "retire": 1,  # the product is an increment
                "ends": 1,  # the new state word is the last of its beat
                "coefficient": signed(increment.coefficient_bits),
                "shift": range(max(*shifts, *alignment_shifts) + 1),  # right for the recurrence, left for an increment
            }
        )
        program = tridiagonal_program(plan.spec.order)
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
    """One lane of the tridiagonal memory: the recurrence around one multiplier, a stored value per row, integrators."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, table, turns, order = self._plan, self._table, self._turns, self._plan.spec.order
        state_shift, input_shift = operand_shifts(plan)
        number = signed(plan.operand_format.width)
        wider = signed(plan.operand_format.width + 1)  # one more bit for a sum that is halved

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

        # ADD: base ± addend; the product that completes the operand comes one cycle later.
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

        # COMPLETE: the product of the entry in ROUND is added. Rounded, it is its floor plus a carry, which is the top
        # one of the dropped bits; its negative is ~floor plus the inverted carry. So one carry-in serves both.
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

        # ROUND: the value to be stored for later entries, and the increments.
        fetched = at[TridiagonalStage.ROUND.earlier(READ_LEAD)]
        reduced = rounded.entry.reduced
        to_store = Signal(number)
        m.d.sync += to_store.eq(last_operand + Mux(reduced, ~floor, 0) + (reduced & ~carry))
        bank = self._integrators(m, fetched, rounded, product << rounded.entry.shift)

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
    """The datapath of the tridiagonal memory: runs the elimination's program, one operand per lane and cycle."""

    lane = _TridiagonalLane
    table = _TridiagonalTable


class TridiagonalMemory(InStepMemory):
    """Tridiagonal memory: the bilinear step by elimination from both ends, one operand per lane and cycle.

    It starts when the samples of all channels in step are there; then the program runs through the lanes, an entry a
    cycle. First each row's right-hand side is made of its state word and the result of the row before it, from both
    ends inwards, where the two ends take turns at the multiplier; the sample enters with row 0. Where the two ends
    meet, the middle row is solved, and from there the solution s is substituted outwards and stored. Last, each s_i is
    multiplied by its −h(2i+1), in the order of the states: that product is the increment, which the integrators add
    and round to the new word. The words are stored, and leave as soon as `lanes` of them make a beat.

    A recurrence cannot be spread over multipliers, so further lanes work on further channels in step; `lanes` divides
    the order and the number of channels.

    Two entries of the recurrence from one end, with an entry of the other end between them:

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

    Multiplications per sample: 3·order − 1. Cycles for a sample of each channel in step: the length of the program,
    which from order 4 on is 3·order + 6 to 3·order + 8; up to 4 more if no other channels take turns. Latency: 6 cycles
    after the slot of the increment of state lanes − 1, which counts from the acceptance of the last lane's sample.
    """

    datapath = Datapath.TRIDIAGONAL
    pipeline = _TridiagonalPipeline
    factor_delay = TridiagonalStage.MULTIPLY - TridiagonalStage.ISSUE

    word_latency = WORD_LATENCY

    @classmethod
    def program(cls, plan: MemoryPlan) -> Program:
        """The program of the elimination."""
        return tridiagonal_program(plan.spec.order)

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        """Integrators and state words for each channel, and a stored value for each row in each lane."""
        states = channels * (integrator_bits(plan) + plan.state_format.width)
        return plan.spec.order * (states + lanes * plan.operand_format.width)
