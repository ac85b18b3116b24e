"""Random words from linear feedback shift registers, the same in hardware: any word of a stream, any stream of a seed.

The generator is L'Ecuyer's taus88 (Maximally equidistributed combined Tausworthe generators, Mathematics of
Computation 65, 1996): three shift registers of 31, 29 and 28 bits with primitive polynomials x³¹ + x¹³ + 1,
x²⁹ + x² + 1 and x²⁸ + x³ + 1, each of maximal length 2ᵏ − 1, added bit by bit (exclusive or). For each word of 32 bits
they move on by 12, 4 and 17 places at once, all of which are coprime to their periods. So successive words are no
shifts of each other, the words of a period of (2³¹ − 1)(2²⁹ − 1)(2²⁸ − 1) ≈ 2⁸⁸ are as evenly distributed in up to
32 dimensions as any linear generator's of that size can be, and a step costs some 90 exclusive ors and no arithmetic.

A register's step is linear over the field of two elements, s⁺ = M s. Powers of M leap ahead: that is how NumPy computes
many words side by side, and how streams begin 2⁶⁴ words apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lmu_hw.arguments import check_integer

Words = NDArray[np.uint32]

#: Words from the beginning of one stream of a seed to that of the next.
STREAM_DISTANCE = 1 << 64
WORD_BITS = 32
_MOST_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class ShiftRegister:
    """One component, in the highest `length` bits of a 32-bit word, by L'Ecuyer's three shifts.

    A word is 32 successive bits of the register's sequence: the lowest ones follow from the register.

    Attributes:
        length: k, bits of the register.
        tap: q of the polynomial xᵏ + x^q + 1.
        places: s, how far a step moves it.
    """

    length: int
    tap: int
    places: int

    @property
    def mask(self) -> int:
        """The bits that belong to the register."""
        return (1 << WORD_BITS) - (1 << (WORD_BITS - self.length))

    def advance(self, states: Words) -> Words:
        """The states one step later."""
        kept = (states & np.uint32(self.mask)) << np.uint32(self.places)
        return np.asarray(kept ^ (((states << np.uint32(self.tap)) ^ states) >> np.uint32(self.length - self.places)))


REGISTERS = (ShiftRegister(31, 13, 12), ShiftRegister(29, 2, 4), ShiftRegister(28, 3, 17))


def first_states(seed: int, stream: int = 0) -> tuple[int, int, int]:
    """States of the three registers whose exclusive or is word 0 of a stream.

    Args:
        seed: 0 or more; states of different seeds are unrelated draws.
        stream: 0 … 65535; streams of a seed are `STREAM_DISTANCE` words apart.

    Raises:
        DesignError: an argument is out of range.
    """
    seed, stream = check_integer("seed", seed, 0), check_integer("stream", stream, 0, 65535)
    drawn = np.random.SeedSequence((seed, 2)).generate_state(3, np.uint32)
    states = []
    for register, start in zip(REGISTERS, drawn.tolist(), strict=True):
        chosen = (start & register.mask) or (1 << (WORD_BITS - 1))
        # The bits of a word below its register follow from those above, but only once it has moved.
        state = register.advance(np.array([chosen], dtype=np.uint32))
        states.append(int(leap(register, state, stream * STREAM_DISTANCE)[0]))
    return states[0], states[1], states[2]


def words(states: tuple[int, int, int], start: int, count: int) -> Words:
    """Words start … start + count − 1 of the stream that begins with `states`, shape (count,)."""
    if count == 0:
        return np.zeros(0, dtype=np.uint32)
    # Rows of a table, computed side by side: about as many as columns, at most some thousands.
    columns = max(1, min(round(count**0.5), 256))
    rows = -(-count // columns)
    table = np.zeros((columns, rows), dtype=np.uint32)
    for register, first in zip(REGISTERS, states, strict=True):
        state = np.zeros(rows, dtype=np.uint32)
        state[0] = leap(register, np.array([first], dtype=np.uint32), start)[0]
        filled = 1
        while filled < rows:
            part = min(filled, rows - filled)
            state[filled : filled + part] = leap(register, state[:part], columns * filled)
            filled += part
        for row in table:
            row ^= state
            state = register.advance(state)
    return np.asarray(table.T.reshape(-1)[:count])


def blocks(states: tuple[int, int, int], size: int, most: int = _MOST_AT_ONCE) -> Iterator[Words]:
    """Blocks of `size` words of a stream, one after the other, each of shape (size,), without end."""
    at_once = max(1, most // size)
    start = 0
    while True:
        yield from words(states, start, at_once * size).reshape(at_once, size)
        start += at_once * size


def leap(register: ShiftRegister, states: Words, steps: int) -> Words:
    """The states of a register `steps` ≥ 0 steps later."""
    steps %= (1 << register.length) - 1
    states = states & np.uint32(register.mask) if steps else states
    power = 0
    while steps >> power:
        if steps >> power & 1:
            states = _apply(_matrix(register, power), states)
        power += 1
    return states


@lru_cache(maxsize=256)
def _matrix(register: ShiftRegister, power: int) -> Words:
    """M to the power of 2^power: what each single bit becomes, shape (32,)."""
    if power == 0:
        return register.advance(np.uint32(1) << np.arange(WORD_BITS, dtype=np.uint32) & np.uint32(register.mask))
    half = _matrix(register, power - 1)
    return _apply(half, half)


def _apply(matrix: Words, states: Words) -> Words:
    result = np.zeros_like(states)
    for bit, image in enumerate(matrix):
        if image:
            result ^= (states >> np.uint32(bit) & np.uint32(1)) * image
    return result
