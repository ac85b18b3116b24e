"""The order of the products of a structured increment, one to a cycle, as a table for the hardware.

Every row, a word between or the increment of a state, is a sum of products that follow each other. A row
whose operands are not there yet lets a later one go first; the increments come last and in their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lmu_hw.fixed_point.increments.structured import StructuredIncrement

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
        places: binary places of the row's coefficients; of an increment, those that are missing to the grid of all.
        opens, closes: it is the first or the last product of its row.
        carry: the word that is added to the finished sum; −1 for none.
        retires: the row is the increment of a state.
    """

    row: int
    operand: int
    coefficient: int
    places: int
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
    places: int
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
        yield _Row(state, _terms(every, codes), int(increment.lifts[state]), int(increment.carry[state]), retires=True)


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
        yield Product(row.row, word, code, row.places, k == 0, closes, row.carry if closes else -1, row.retires)


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
