"""The structured memory: the zero-order hold by intermediate words, one product a cycle in each lane.

The program lists the products of a sample, one for each cycle. A row is a sum of successive products, and it is either
an intermediate word or the increment of a state (`lmu_hw.fixed_point.datapaths.structured` defines the rows). While the
operands of a row are not computed yet, a later row goes first; the increments come last, in the order of the states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.structured.increment import StructuredIncrement
from lmu_hw.fixed_point.plan import Datapath, MemoryPlan
from lmu_hw.rtl.memory.in_step import InStepMemory, InStepPipeline, Lane, ProgramTable
from lmu_hw.rtl.memory.integrators import READ_LEAD, integrator_bits
from lmu_hw.rtl.primitives.arithmetic import delayed
from lmu_hw.rtl.primitives.bundles import Fields
from lmu_hw.rtl.primitives.pipeline import operand_shifts
from lmu_hw.rtl.primitives.stages import Stage
from lmu_hw.rtl.primitives.storage import storage


class StructuredStage(Stage):
    """The stages of lane 0, which each entry of the program passes in successive cycles."""

    ISSUE = "the entry is read from the ROM and is handed to the lane"
    READ = "the operand of the entry is addressed"
    ALIGN = "the operand is there and is aligned, and the sample is subtracted from state 0"
    MULTIPLY = "the operand is at the multiplier; the carry of the row, which is added unmultiplied, is addressed"
    ACCUMULATE = "the product is there and is added to the sum of its row"
    ROUND = "a finished sum is rounded to an intermediate word, or aligned as an increment; the carry is added"
    WRITE = "the intermediate word is written, or the increment is added to its accumulator"
    RETIRE = "the new state word is there; it is written to the other bank and leaves with its beat"


STORED_AFTER = StructuredStage.WRITE - StructuredStage.READ
"""Slots from the last product of an intermediate word to the first product that can take this word as its operand.

The operand is addressed in READ; a read in the cycle of WRITE gets the new word.
"""
STATE_AFTER = StructuredStage.RETIRE - StructuredStage.READ
"""Slots from the last product of an increment to the first product that can take the new state word as its operand."""
CARRY_LEAD = StructuredStage.MULTIPLY - StructuredStage.READ
"""Slots by which the carry of a row, addressed in MULTIPLY, may be written later than an operand, addressed in READ."""
WORD_LATENCY = StructuredStage.RETIRE - StructuredStage.ISSUE
"""Cycles from the slot of an increment's last product, in ISSUE, to its new state word, in RETIRE."""


@dataclass(frozen=True)
class Product:
    """A coefficient times a word, which is added to the sum of a row.

    Words are numbered: 0 … order − 1 are those of z = x − e₀u, with the state words x and the sample u; intermediate
    words follow.

    Attributes:
        row: The number of the intermediate word that the sum becomes, or of the state whose increment it is.
        operand: The number of the word that is multiplied.
        coefficient: The coefficient that multiplies it, as a code.
        fraction_bits: For an intermediate word, the fractional bits of the row's coefficients, which rounding drops;
            for an increment, the left shift that brings its sum to the fractional bits of all increments.
        opens: Whether this is the first product of its row.
        closes: Whether this is the last product of its row.
        carry: The number of the word that is added unmultiplied to the finished sum; −1 for none.
        retires: Whether the row is the increment of a state.
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
    """The products of a sample in the order of their slots.

    Attributes:
        slots: The product of each slot, one a cycle; None where all rows wait for a word.
        wait: The number of cycles after the last slot for which the next sample of the same channel waits for the
            state words.
    """

    slots: tuple[Product | None, ...]
    wait: int

    @property
    def length(self) -> int:
        """The number of slots."""
        return len(self.slots)

    @property
    def increments(self) -> tuple[int, ...]:
        """The slot of the last product of each state's increment, in the order of the states."""
        return tuple(slot for slot, each in enumerate(self.slots) if each and each.retires and each.closes)


@dataclass(frozen=True)
class _Row:
    """A row before its products are put in order; the attributes are those of `Product`."""

    row: int
    terms: tuple[tuple[int, int], ...]  # the number of a word, and the coefficient that multiplies it
    fraction_bits: int
    carry: int
    retires: bool


def structured_program(increment: StructuredIncrement) -> StructuredProgram:
    """Put the products of an increment in order by list scheduling: the first row that can start goes next.

    Increments keep the order of the states, so that the words of a beat retire in order.
    """
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
    """The rows of the intermediate words."""
    for block in increment.inner:
        for k, row in enumerate(block.rows.tolist()):
            terms = _terms(block.operands.tolist(), block.codes[k].tolist())
            carry = -1 if block.carry is None else int(block.carry[k])
            yield _Row(row, terms, int(block.fractions[k]), carry, retires=False)


def _last_rows(increment: StructuredIncrement) -> Iterator[_Row]:
    """The rows of the states' increments, in the order of the states."""
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
    """The words with coefficients that are not zero; a row of zeros keeps one product, because it must be written."""
    return tuple((word, code) for word, code in zip(words, codes, strict=True) if code) or ((0, 0),)


def _in_turn(row: _Row, ready: dict[int, int]) -> list[tuple[int, int]]:
    """The terms of a row in the order in which their words become ready."""
    never = 1 << 60
    return sorted(row.terms, key=lambda term: ready.get(term[0], never))


def _can_start(row: _Row, ready: dict[int, int], slot: int) -> bool:
    """Whether every operand, and the carry, is ready in time if the row starts in `slot`."""
    terms = _in_turn(row, ready)
    if any(word not in ready or ready[word] > slot + k for k, (word, _) in enumerate(terms)):
        return False
    return row.carry < 0 or ready.get(row.carry, 1 << 60) <= slot + len(terms) - 1 + CARRY_LEAD


def _products(row: _Row, ready: dict[int, int]) -> Iterator[Product]:
    """The products of a row, one for each slot; only the last one has the carry."""
    terms = _in_turn(row, ready)
    for k, (word, code) in enumerate(terms):
        closes = k == len(terms) - 1
        yield Product(row.row, word, code, row.fraction_bits, k == 0, closes, row.carry if closes else -1, row.retires)


def _wait(slots: list[Product | None], order: int) -> int:
    """The least number of cycles after the slots so that the next sample reads every state word after it is written."""
    products = [(slot, each) for slot, each in enumerate(slots) if each is not None]
    reads = [(each.operand, slot) for slot, each in products]
    reads += [(each.carry, slot + CARRY_LEAD) for slot, each in products]
    first: dict[int, int] = {}
    for word, slot in reads:
        first[word] = min(slot, first.get(word, slot))
    written = {each.row: slot + STATE_AFTER for slot, each in products if each.retires and each.closes}
    return max(0, *(written[state] - (len(slots) + first[state]) for state in range(order) if state in first))


def _increment(plan: MemoryPlan) -> StructuredIncrement:
    """The structured increment of a plan.

    Raises:
        DesignError: The increment of the plan is of another kind.
    """
    if not isinstance(plan.increment, StructuredIncrement):
        raise DesignError("increment", "a structured one", type(plan.increment).__name__)
    return plan.increment


class _StructuredTable(ProgramTable):
    """The structured program as rows of a ROM; states and intermediate words are each numbered from 0."""

    def __init__(self, plan: MemoryPlan, words: int) -> None:
        increment, order = _increment(plan), plan.spec.order
        program = structured_program(increment)
        products = [each for each in program.slots if each is not None]
        self.intermediates = increment.words
        self.least_fraction_bits = min((each.fraction_bits for each in products if not each.retires), default=0)
        shifts = {each: each.fraction_bits - (0 if each.retires else self.least_fraction_bits) for each in products}
        number = range(max(order, self.intermediates))
        self.layout = Fields(
            {
                "operand": number,
                "operand_is_state": 1,  # else it is an intermediate word
                "operand_less_input": 1,  # it is state 0, from which the sample is subtracted
                "carry": number,
                "adds_carry": 1,
                "carry_is_state": 1,
                "carry_less_input": 1,
                "opens": 1,
                "row": number,
                "store": 1,  # the finished sum becomes an intermediate word
                "retire": 1,  # the finished sum is an increment
                "ends": 1,  # the new state word is the last of its beat
                "coefficient": signed(increment.coefficient_bits),
                "shift": range(max(shifts.values()) + 1),  # right for an intermediate word, left for an increment
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
                    "operand_is_state": each.operand < order,
                    "operand_less_input": each.operand == 0,
                    "carry": place(carry),
                    "adds_carry": each.carry >= 0,
                    "carry_is_state": carry < order,
                    "carry_less_input": carry == 0,
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
    """One lane of the structured memory: row sum, intermediate words and integrators around one multiplier."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, table, turns, order = self._plan, self._table, self._turns, self._plan.spec.order
        state_shift, input_shift = operand_shifts(plan)
        number = signed(plan.operand_format.width)
        at = self._carried(m, StructuredStage, StructuredStage.READ)
        read, align, multiply = (at[s] for s in (StructuredStage.READ, StructuredStage.ALIGN, StructuredStage.MULTIPLY))
        accumulate, rounded = at[StructuredStage.ACCUMULATE], at[StructuredStage.ROUND]
        written, retired = at[StructuredStage.WRITE], at[StructuredStage.RETIRE]

        # A carry is aligned `CARRY_LEAD` cycles after the operand of its entry; by then the held sample may already
        # be that of the next channel.
        held_sample = self._held_sample(m)
        carry_sample = delayed(m, held_sample, CARRY_LEAD, "carry_sample")

        # Old and new words lie in two banks that change roles, because old words are still read as carries and operands
        # while the first new ones retire.
        m.submodules.words = words = storage(signed(plan.state_format.width), 2 * turns * order)
        words_write = words.write_port()
        operand_state = words.read_port(transparent_for=(words_write,))
        carry_state = words.read_port(transparent_for=(words_write,))
        m.submodules.intermediates = intermediates = storage(number, max(1, table.intermediates))
        intermediates_write = intermediates.write_port()
        operand_intermediate = intermediates.read_port(transparent_for=(intermediates_write,))
        carry_intermediate = intermediates.read_port(transparent_for=(intermediates_write,))

        def aligned(slot: Any, state: Value, intermediate: Value, is_state: Value, taken_off: Value) -> Value:
            """A word with the fractional bits of the operands: a state less its input, or an intermediate word."""
            word = Mux(slot.owner.clear, 0, state) << state_shift
            return Mux(is_state, word - (taken_off << input_shift), intermediate)

        # READ, ALIGN, and the same for the carry two stages later
        operand_input = Signal.like(held_sample)
        carry_input = Signal.like(held_sample)
        operand = Signal(number)
        carry = Signal(number)
        m.d.comb += [
            operand_state.addr.eq(Cat(read.owner.bank, self._address(read, read.entry.operand))),
            operand_intermediate.addr.eq(read.entry.operand),
            operand_input.eq(Mux(align.entry.operand_less_input, held_sample, 0)),
            carry_state.addr.eq(Cat(multiply.owner.bank, self._address(multiply, multiply.entry.carry))),
            carry_intermediate.addr.eq(multiply.entry.carry),
            carry_input.eq(Mux(accumulate.entry.carry_less_input, carry_sample, 0)),
        ]
        came = (operand_state.data, operand_intermediate.data)
        m.d.sync += operand.eq(aligned(align, *came, align.entry.operand_is_state, operand_input))
        came = (carry_state.data, carry_intermediate.data)
        aligned_carry = aligned(accumulate, *came, accumulate.entry.carry_is_state, carry_input)
        m.d.sync += carry.eq(Mux(accumulate.entry.adds_carry, aligned_carry, 0))

        # MULTIPLY, ACCUMULATE
        row_sum = Signal(signed(plan.product_format.width))
        m.d.comb += [self.multiplier.operand.eq(operand), self.multiplier.coefficient.eq(multiply.entry.coefficient)]
        m.d.sync += row_sum.eq(Mux(accumulate.entry.opens, 0, row_sum) + self.multiplier.product)

        # ROUND: a finished sum is rounded to the fractional bits of the operands, or is aligned for the integrators.
        common = table.least_fraction_bits - 1  # the shift keeps one bit below the result: the one that rounds it
        shifted = Signal(signed(plan.product_format.width + max(0, -common)))
        m.d.comb += shifted.eq((row_sum >> common if common >= 0 else row_sum << -common) >> rounded.entry.shift)
        intermediate = Signal(number)
        increment = Signal(signed(plan.product_format.width))
        m.d.sync += [
            intermediate.eq((shifted >> 1) + shifted[0] + carry),
            increment.eq((row_sum << rounded.entry.shift) + (carry << plan.increment.product_fraction_bits)),
        ]

        # WRITE, RETIRE
        fetched = at[StructuredStage.WRITE.earlier(READ_LEAD)]
        bank = self._integrators(m, fetched, written, increment)
        m.d.comb += [
            intermediates_write.addr.eq(written.entry.row),
            intermediates_write.en.eq(written.entry.store),
            intermediates_write.data.eq(intermediate),
            words_write.addr.eq(Cat(~retired.owner.bank, self._address(retired, retired.entry.row))),
            words_write.en.eq(retired.entry.retire),
            words_write.data.eq(bank.words[0]),
        ]
        self._gather(m, bank.outputs[0], retired)
        return m


class _StructuredPipeline(InStepPipeline):
    """The datapath of the structured memory: runs the program of its rows, one product a cycle in each lane."""

    lane = _StructuredLane
    table = _StructuredTable


class StructuredMemory(InStepMemory):
    """Structured memory: the zero-order hold with fewer products than its matrix has entries, one per lane and cycle.

    It starts when the samples of all channels in step are there; then the program runs through the lanes, one product
    a cycle. The products of a row follow each other at the multiplier and are added up. One word, the carry, may be
    added unmultiplied to the finished sum, which is then rounded to an intermediate word and stored for later rows, or
    is the increment of a state. Operands are intermediate words and the state words of the last sample, where the
    sample is subtracted from state 0. While a row waits for a word, another row goes first. The increments come last,
    in the order of the states; the integrators add them and round the sums to the new words, which are stored, and
    which leave as soon as `lanes` of them make a beat. Old and new words lie in two banks that change roles.

    A row of two products, and an entry of another row that takes its word as an operand as early as possible:

    ```wavedrom
    {"signal": [
      {"name": "clk",        "wave": "p.............."},
      {"name": "ISSUE",      "wave": "x33xxxx4xxxxxxx", "data": ["opens", "closes", "reads it"]},
      {"name": "READ",       "wave": "xx33xxxx4xxxxxx", "data": ["opens", "closes", "reads it"]},
      {"name": "ALIGN",      "wave": "xxx33xxxx4xxxxx", "data": ["opens", "closes", "reads it"]},
      {"name": "MULTIPLY",   "wave": "xxxx33xxxx4xxxx", "data": ["opens", "closes", "reads it"]},
      {"name": "ACCUMULATE", "wave": "xxxxx33xxxx4xxx", "data": ["opens", "closes", "reads it"]},
      {"name": "ROUND",      "wave": "xxxxxxx3xxxx4xx", "data": ["sum", ""]},
      {"name": "WRITE",      "wave": "xxxxxxxx3xxxx4x", "data": ["word", ""]}]}
    ```

    Multiplications per sample: `multiplications_per_sample` of the plan. Cycles for a sample of each channel in step:
    one for each multiplication and for each slot in which every row waits; up to 5 more if no other channels take
    turns. Latency: 7 cycles after the slot of the last product of state lanes − 1, which counts from the acceptance of
    the last lane's sample.
    """

    datapath = Datapath.STRUCTURED
    pipeline = _StructuredPipeline
    factor_delay = StructuredStage.MULTIPLY - StructuredStage.ISSUE

    word_latency = WORD_LATENCY

    @classmethod
    def program(cls, plan: MemoryPlan) -> StructuredProgram:
        """The program of the plan's rows."""
        return structured_program(_increment(plan))

    @classmethod
    def state_bits_for(cls, plan: MemoryPlan, lanes: int, channels: int) -> int:
        """Integrators and two banks of state words for each channel, and intermediate words for each lane."""
        states = channels * plan.spec.order * (integrator_bits(plan) + 2 * plan.state_format.width)
        return states + lanes * max(1, _increment(plan).words) * plan.operand_format.width
