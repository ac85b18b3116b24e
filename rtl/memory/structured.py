"""The structured memory: the zero-order hold in stages of words, a product a cycle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import memory
from amaranth.lib.data import StructLayout

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.structured.increment import StructuredIncrement
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.memory.in_step import InStepMemory, InStepPipeline, Lane, Table
from lmu_hw.rtl.memory.integrators import IntegratorBank, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import times
from lmu_hw.rtl.primitives.schedule import Schedule

STORED_AFTER = 5
"""Slots from the last product of a word to the first one that can take it as its operand."""
STATE_AFTER = 6
"""The same for the state word that follows from an increment."""
CARRY_LEAD = 2
"""Slots by which the word that is added unmultiplied may come later than an operand."""


@dataclass(frozen=True)
class Product:
    """One coefficient times one word, added to the sum of its row.

    Attributes:
        row: the word that the sum becomes; below `order` the increment of that state.
        operand: the word that is multiplied; below `order` one of z = x − e₀u.
        coefficient: what it is multiplied by.
        fraction_bits: fractional bits of the row's coefficients; of an increment, those missing to the common grid.
        opens, closes: it is the first or the last product of its row.
        carry: the word that is added to the finished sum; −1 for none.
        retires: the row is the increment of a state.
    """

    row: int
    operand: int
    coefficient: int
    fraction_bits: int
    opens: bool
    closes: bool
    carry: int
    retires: bool


@dataclass(frozen=True)
class StructuredProgram:
    """All products of one sample.

    Attributes:
        slots: one for each cycle; None where a word is waited for.
        wait: cycles that the next sample of the same channel must wait after them for its state words.
    """

    slots: tuple[Product | None, ...]
    wait: int

    @property
    def increments(self) -> tuple[int, ...]:
        """The slot of the last product of each state's increment."""
        return tuple(slot for slot, each in enumerate(self.slots) if each and each.retires and each.closes)


@dataclass(frozen=True)
class _Row:
    row: int
    terms: tuple[tuple[int, int], ...]  # word, coefficient
    fraction_bits: int
    carry: int
    retires: bool


def structured_program(increment: StructuredIncrement) -> StructuredProgram:
    """The table for `increment`."""
    ready = dict.fromkeys(range(increment.order), 0)
    slots: list[Product | None] = []
    for waiting in (list(_inner_rows(increment)), list(_last_rows(increment))):
        while waiting:
            candidates = waiting[:1] if waiting[0].retires else waiting
            chosen = next((row for row in candidates if _can_start(row, ready, len(slots))), None)
            if chosen is None:
                slots.append(None)
                continue
            waiting.remove(chosen)
            slots += _products(chosen, ready)
            if not chosen.retires:
                ready[chosen.row] = len(slots) - 1 + STORED_AFTER
    return StructuredProgram(tuple(slots), _wait(slots, increment.order))


def _inner_rows(increment: StructuredIncrement) -> Iterator[_Row]:
    for block in increment.inner:
        for k, row in enumerate(block.rows.tolist()):
            terms = _terms(block.operands.tolist(), block.codes[k].tolist())
            carry = -1 if block.carry is None else int(block.carry[k])
            yield _Row(row, terms, int(block.fractions[k]), carry, retires=False)


def _last_rows(increment: StructuredIncrement) -> Iterator[_Row]:
    every = range(increment.coefficients.shape[1])
    for state, codes in enumerate(increment.coefficients.tolist()):
        yield _Row(
            state,
            _terms(every, codes),
            int(increment.alignment_shifts[state]),
            int(increment.carry[state]),
            retires=True,
        )


def _terms(words: range | list[int], codes: list[int]) -> tuple[tuple[int, int], ...]:
    """What is not zero; a row of zeros keeps one product."""
    return tuple((word, code) for word, code in zip(words, codes, strict=True) if code) or ((0, 0),)


def _in_turn(row: _Row, ready: dict[int, int]) -> list[tuple[int, int]]:
    never = 1 << 60
    return sorted(row.terms, key=lambda term: ready.get(term[0], never))


def _can_start(row: _Row, ready: dict[int, int], slot: int) -> bool:
    """Whether every operand is there when its turn comes, if the row starts in `slot`."""
    terms = _in_turn(row, ready)
    if any(word not in ready or ready[word] > slot + k for k, (word, _) in enumerate(terms)):
        return False
    return row.carry < 0 or ready.get(row.carry, 1 << 60) <= slot + len(terms) - 1 + CARRY_LEAD


def _products(row: _Row, ready: dict[int, int]) -> Iterator[Product]:
    terms = _in_turn(row, ready)
    for k, (word, code) in enumerate(terms):
        closes = k == len(terms) - 1
        yield Product(row.row, word, code, row.fraction_bits, k == 0, closes, row.carry if closes else -1, row.retires)


def _wait(slots: list[Product | None], order: int) -> int:
    """After so many cycles every state word is there when the next sample reads it first."""
    products = [(slot, each) for slot, each in enumerate(slots) if each is not None]
    reads = [(each.operand, slot) for slot, each in products]
    reads += [(each.carry, slot + CARRY_LEAD) for slot, each in products]
    first: dict[int, int] = {}
    for word, slot in reads:
        first[word] = min(slot, first.get(word, slot))
    written = {each.row: slot + STATE_AFTER for slot, each in products if each.retires and each.closes}
    return max(0, *(written[state] - (len(slots) + first[state]) for state in range(order) if state in first))


def _increment(plan: MemoryPlan) -> StructuredIncrement:
    if not isinstance(plan.increment, StructuredIncrement):
        raise DesignError("increment", "a structured one", type(plan.increment).__name__)
    return plan.increment


class _StructuredTable(Table):
    def __init__(self, plan: MemoryPlan, words: int) -> None:
        increment, order = _increment(plan), plan.spec.order
        program = structured_program(increment)
        products = [each for each in program.slots if each is not None]
        self.between = increment.words
        self.least_fraction_bits = min((each.fraction_bits for each in products if not each.retires), default=0)
        shifts = {each: each.fraction_bits - (0 if each.retires else self.least_fraction_bits) for each in products}
        number = range(max(order, self.between))
        self.layout = StructLayout(
            {
                "operand": number,
                "state": 1,  # the operand is a state, not a word between
                "input": 1,  # and the input is taken off
                "carry": number,
                "adds": 1,  # the carry is added
                "carry_state": 1,
                "carry_input": 1,
                "opens": 1,
                "row": number,
                "store": 1,
                "retire": 1,  # the sum is an increment
                "ends": 1,  # and its word the last of a beat
                "coefficient": signed(increment.coefficient_bits),
                "shift": range(max(shifts.values()) + 1),  # down for a word between, up for an increment
            }
        )

        def place(word: int) -> int:
            return word if word < order else word - order

        self.entries: list[dict[str, Any]] = []
        for each in program.slots:
            if each is None:
                self.entries.append({})
                continue
            carry = max(each.carry, 0)
            retire = each.closes and each.retires
            self.entries.append(
                {
                    "operand": place(each.operand),
                    "state": each.operand < order,
                    "input": each.operand == 0,
                    "carry": place(carry),
                    "adds": each.carry >= 0,
                    "carry_state": carry < order,
                    "carry_input": carry == 0,
                    "opens": each.opens,
                    "row": place(each.row),
                    "store": each.closes and not each.retires,
                    "retire": retire,
                    "ends": retire and each.row % words == words - 1,
                    "coefficient": each.coefficient,
                    "shift": shifts[each],
                }
            )


class _StructuredLane(Lane):
    """One multiplier, an accumulator, and the words between."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, table, turns, order = self._plan, self._table, self._turns, self._plan.spec.order
        operand = plan.operand_format
        number = signed(operand.width)
        # A carry is fetched two stages after its entry's operand, when the next sample may be held already.
        sample = self._held_sample(m)
        earlier, of_carry = Signal.like(sample), Signal.like(sample)
        m.d.sync += [earlier.eq(sample), of_carry.eq(earlier)]
        names = ("factors", "multiplies", "sums", "rounds", "writes", "retires")
        reads, factors, multiplies, sums, rounds, writes, retires = self._stages(m, names)

        # The words of the last sample and of this one lie in two banks that change roles.
        state = signed(plan.state_format.width)
        m.submodules.words = words = memory.Memory(shape=state, depth=2 * turns * order, init=[])
        m.submodules.between = between = memory.Memory(shape=number, depth=max(1, table.between), init=[])
        write_word, write_between = words.write_port(), between.write_port()

        def fetched(at: Any, place: Any, came: Any, is_state: Any, taken_off: Value) -> Any:
            """A word on the operands' grid: addressed by `place` in stage `at`, there in the next one, `came`."""
            read_word = words.read_port(transparent_for=(write_word,))
            read_between = between.read_port(transparent_for=(write_between,))
            m.d.comb += [
                read_word.addr.eq(Cat(at.owner.bank, times(at.owner.turn, order) + place)),
                read_between.addr.eq(place),
            ]
            word = Mux(came.owner.fresh, 0, read_word.data) << (operand.fraction - plan.state_format.fraction)
            entered = taken_off << (operand.fraction - plan.input_format.fraction)
            return Mux(is_state, word - entered, read_between.data)

        operand_input = Mux(factors.entry.input, sample, 0)
        carry_input = Mux(sums.entry.carry_input, of_carry, 0)
        carried = fetched(multiplies, multiplies.entry.carry, sums, sums.entry.carry_state, carry_input)
        factor, carry = Signal(number), Signal(number)
        total = Signal(signed(plan.product_format.width))
        m.d.sync += [
            factor.eq(fetched(reads, reads.entry.operand, factors, factors.entry.state, operand_input)),
            total.eq(Mux(sums.entry.opens, 0, total) + self.product),
            carry.eq(Mux(sums.entry.adds, carried, 0)),
        ]
        m.d.comb += [self.operand.eq(factor), self.coefficient.eq(multiplies.entry.coefficient)]

        # A finished sum is rounded to the operands' grid, or goes to the integrators as it is.
        rounded, increment = Signal(number), Signal(signed(plan.product_format.width))
        common = table.least_fraction_bits - 1  # one place stays: its bit tells which way to round
        shifted = (total >> common if common >= 0 else total << -common) >> rounds.entry.shift
        m.d.sync += [
            rounded.eq((shifted >> 1) + shifted[0] + carry),
            increment.eq((total << rounds.entry.shift) + (carry << plan.increment.product_fraction_bits)),
        ]
        m.submodules.bank = bank = IntegratorBank(plan, 1, turns * order)
        m.d.comb += [
            write_between.addr.eq(writes.entry.row),
            write_between.en.eq(writes.entry.store),
            write_between.data.eq(rounded),
            bank.fetch.eq(times(sums.owner.turn, order) + sums.entry.row),
            bank.fetch_fresh.eq(sums.owner.fresh),
            bank.increment[0].eq(increment),
            bank.apply.eq(writes.entry.retire),
            bank.apply_slot.eq(times(writes.owner.turn, order) + writes.entry.row),
            write_word.addr.eq(Cat(~retires.owner.bank, times(retires.owner.turn, order) + retires.entry.row)),
            write_word.en.eq(retires.entry.retire),
            write_word.data.eq(bank.words[0]),
        ]
        self._gather(m, bank.outputs[0], retires)
        return m


class _StructuredPipeline(InStepPipeline):
    lane = _StructuredLane

    @classmethod
    def table(cls, plan: MemoryPlan, words: int) -> Table:
        return _StructuredTable(plan, words)


class StructuredMemory(InStepMemory):
    """The zero-order hold with fewer products than its matrix has entries, `lanes` channels in step.

    The products of a row follow each other; a row that waits for a word lets another go first
    (`lmu_hw.rtl.memory.structured`). The words of the last sample and of this one lie in two banks.

    Multiplications per sample: what the plan says. Cycles for a sample of each channel in step: those, and
    the slots in which every row waits; with one turn of channels up to 5 more. Latency: from the acceptance of
    the last lane's sample, the slot of the last product of state lanes − 1 and 7 more.
    """

    datapath = Datapath.STRUCTURED
    pipeline = _StructuredPipeline
    factor_delay = 3

    @classmethod
    def schedule_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> Schedule:
        program = structured_program(_increment(plan))
        return Schedule.interleaved(
            groups=plan.spec.order // lanes,
            words=lanes,
            slots=len(program.slots),
            wait=program.wait,
            channels=channels,
            first_beat=program.increments[lanes - 1] + 7,
            in_step=lanes,
        )

    @classmethod
    def beats_for(cls, plan: MemoryPlan, lanes: int) -> tuple[int, ...]:
        return tuple(slot + 7 for slot in structured_program(_increment(plan)).increments[lanes - 1 :: lanes])

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        states = channels * plan.spec.order * (integrator_bits(plan) + 2 * plan.state_format.width)
        return states + lanes * max(1, _increment(plan).words) * plan.operand_format.width
