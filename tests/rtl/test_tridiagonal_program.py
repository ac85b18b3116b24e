"""The table of the solve, read as a program: it computes the increment, in time, and keeps the multiplier busy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.datapaths import TridiagonalIncrement, tridiagonal_increment
from lmu_hw.fixed_point.formats import round_shift
from lmu_hw.rtl.memory.tridiagonal import (
    STORED_AFTER,
    Addend,
    Base,
    Entry,
    Factor,
    Program,
    tridiagonal_program,
)

ORDERS = [*range(1, 20), 32, 33]


def _products(program: Program) -> list[Entry]:
    return [entry for entry in program.entries if entry is not None and entry.factor is not Factor.NOTHING]


def _run(program: Program, increment: TridiagonalIncrement, words: Sequence[int], sample: int) -> list[int]:
    """The increments, by what the entries say alone; a value that is not there yet is an error."""
    operands: dict[int, int] = {}
    rounded: dict[int, int] = {}
    stored: dict[int, tuple[int, int]] = {}
    increments: dict[int, int] = {}
    for entry in program.entries:
        if entry is None:
            continue
        now = entry.cycle
        base = {Base.NOTHING: 0, Base.ONE: 1, Base.WORD: 2 * words[entry.row]}.get(entry.base)
        if entry.base is Base.HELD:
            base = operands[now - 3]
        if entry.base is Base.STORED:
            base, since = stored[entry.row]
            assert now >= since + STORED_AFTER
        assert base is not None
        value = base
        if entry.addend is Addend.SAMPLE:
            value -= 2 * sample
        elif entry.addend is not Addend.NOTHING:
            value += operands[now - 2] if entry.addend is Addend.PLUS else -operands[now - 2]
        if entry.product:
            value += entry.product * rounded[now - 2]
        operands[now] = value = value >> 1 if entry.halved else value
        fraction_bits = int(increment.pivot_fractions[entry.pivot]) - (entry.factor is Factor.TWICE_PIVOT)
        if entry.factor in (Factor.PIVOT, Factor.TWICE_PIVOT):
            product = np.array(value * int(increment.pivots[entry.pivot]))
            rounded[now] = int(round_shift(product, fraction_bits))
        elif entry.factor is Factor.COEFFICIENT:
            increments[entry.row] = (-int(increment.coefficients[entry.row]) * value) << int(
                increment.alignment_shifts[entry.row]
            )
        if entry.store:
            stored[entry.row] = (value - (rounded[now] if entry.reduced else 0), now)
    return [increments[row] for row in range(increment.order)]


@pytest.mark.parametrize("order", ORDERS)
def test_the_program_computes_the_increment(order: int, rng: np.random.Generator) -> None:
    program = tridiagonal_program(order)
    for ratio in (2.0, 30.0, 1000.0):
        increment = tridiagonal_increment(LMUSpec(order, ratio, 1.0, "bilinear"), 16)
        for _ in range(5):
            words = rng.integers(-(1 << 20), 1 << 20, order).tolist()
            sample = int(rng.integers(-(1 << 20), 1 << 20))
            assert _run(program, increment, words, sample) == increment.evaluate(words, sample)


@pytest.mark.parametrize("order", ORDERS)
def test_three_products_for_each_state_but_one(order: int) -> None:
    program = tridiagonal_program(order)
    assert len(_products(program)) == 3 * order - 1
    assert len(program.increments) == order
    assert list(program.increments) == sorted(program.increments)
    assert [entry.row for entry in _products(program) if entry.factor is Factor.COEFFICIENT] == list(range(order))
    assert sum(entry.factor is not Factor.COEFFICIENT for entry in _products(program)) == 2 * order - 1


@pytest.mark.parametrize("order", ORDERS)
def test_the_next_sample_finds_its_state_words(order: int) -> None:
    """After the wait every word is read late enough, and with one cycle less some word is not."""
    program = tridiagonal_program(order)
    reads = {entry.row: entry.cycle for entry in program.entries if entry is not None and entry.base is Base.WORD}
    slack = [
        len(program.entries) + program.wait + reads[row] - (cycle + STORED_AFTER)
        for row, cycle in enumerate(program.increments)
    ]
    assert min(slack) >= 0
    assert min(slack) == 0 or program.wait == 0


def test_one_lane_is_busy_in_95_percent_of_all_cycles() -> None:
    """From order 64 on, with a single channel."""
    for order in [*range(64, 130), 255, 256, 511, 1000]:
        program = tridiagonal_program(order)
        assert (3 * order - 1) / (len(program.entries) + program.wait) >= 0.95, order
    assert (3 * 32 - 1) / len(tridiagonal_program(32).entries) < 0.95


def test_the_documented_lengths() -> None:
    lengths = {order: len(tridiagonal_program(order).entries) - 3 * order for order in range(4, 200)}
    assert set(lengths.values()) == {6, 7, 8}
    assert len(tridiagonal_program(64).entries) == 199
    assert {tridiagonal_program(order).wait for order in range(4, 200)} == {0, 1}
