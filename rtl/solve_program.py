"""The order of the multiplications of a tridiagonal solve, one to a cycle, as a table for the hardware.

The elimination runs from both ends to the middle row k and back (see `lmu_hw.fixed_point.increments.solve`). Either
recurrence needs a product only two cycles after the one before it, so the two take turns at the multiplier.
Each entry of the table makes one operand,

    operand[n] = base + addend + sign·round(product of operand[n − 2]),   all of it halved in one case,

and says what becomes of it. `cycle` counts the cycles in which operands are at the multiplier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum


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
