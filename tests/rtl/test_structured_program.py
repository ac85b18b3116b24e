"""The table of a structured increment, read as a program: it computes the increment, in time, with few idle slots."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.datapaths.base import requantise
from lmu_hw.fixed_point.datapaths.structured.increment import (
    IntegerBlock,
    StructuredIncrement,
    structured_increment,
)
from lmu_hw.rtl.memory.structured import (
    CARRY_LEAD,
    STATE_AFTER,
    STORED_AFTER,
    StructuredProgram,
    structured_program,
)

CASES = [(1, 10.0), (2, 10.0), (5, 30.0), (8, 100.0), (16, 60.0), (24, 784.0)]


def _increment(order: int, ratio: float) -> StructuredIncrement:
    return structured_increment(LMUSpec(order, ratio, 1.0), 14)


def _run(program: StructuredProgram, increment: StructuredIncrement, words: list[int], sample: int) -> list[int]:
    """The increments, by what the slots say alone; a word that is not there yet is an error."""
    known = {k: (word, 0) for k, word in enumerate([words[0] - sample, *words[1:]])}
    increments: dict[int, int] = {}
    total = 0
    for slot, product in enumerate(program.slots):
        if product is None:
            continue
        word, since = known[product.operand]
        assert slot >= since
        total = (0 if product.opens else total) + product.coefficient * word
        if not product.closes:
            continue
        carry, since = known[product.carry] if product.carry >= 0 else (0, 0)
        assert slot + CARRY_LEAD >= since
        if product.retires:
            increments[product.row] = (total << product.fraction_bits) + (carry << increment.product_fraction_bits)
        else:
            known[product.row] = (requantise(total, product.fraction_bits) + carry, slot + STORED_AFTER)
    return [increments[row] for row in range(increment.order)]


@pytest.mark.parametrize(("order", "ratio"), CASES)
def test_the_program_computes_the_increment(order: int, ratio: float, rng: np.random.Generator) -> None:
    increment = _increment(order, ratio)
    program = structured_program(increment)
    for _ in range(4):
        words = rng.integers(-(1 << 16), 1 << 16, order).tolist()
        sample = int(rng.integers(-(1 << 16), 1 << 16))
        assert _run(program, increment, words, sample) == increment.evaluate(words, sample)


@pytest.mark.parametrize(("order", "ratio"), CASES)
def test_every_product_once_and_the_increments_in_order(order: int, ratio: float) -> None:
    increment = _increment(order, ratio)
    program = structured_program(increment)
    products = [each for each in program.slots if each is not None]
    assert sum(each.coefficient != 0 for each in products) == increment.multiplications
    closed = [each.row for each in products if each.retires and each.closes]
    assert closed == list(range(order))
    assert [program.slots[slot].row for slot in program.increments] == closed  # type: ignore[union-attr]


def _slack(program: StructuredProgram, order: int) -> int:
    """By how many cycles, at the least, a state word is there before the next sample reads it."""
    period = len(program.slots) + program.wait
    slack = []
    for slot, product in enumerate(program.slots):
        if product is not None and product.operand < order:
            slack.append(period + slot - program.increments[product.operand] - STATE_AFTER)
        if product is not None and 0 <= product.carry < order:
            slack.append(period + slot + CARRY_LEAD - program.increments[product.carry] - STATE_AFTER)
    return min(slack)


@pytest.mark.parametrize(("order", "ratio"), CASES)
def test_the_next_sample_finds_its_state_words(order: int, ratio: float) -> None:
    """After the wait every word is read late enough, and with one cycle less some word is not."""
    program = structured_program(_increment(order, ratio))
    slack = _slack(program, order)
    assert slack >= 0
    assert slack == 0 or program.wait == 0


def test_a_carry_does_not_hide_an_operand_that_is_read_before_it() -> None:
    """State 1 is the carry of slot 0, read two slots later, and meanwhile the operand of slot 1."""

    def block(stage: int, row: int, operand: int, carry: int | None) -> IntegerBlock:
        one = np.ones((1, 1), dtype=np.int64)
        rows, operands = np.array([row]), np.array([operand])
        return IntegerBlock(stage, rows, operands, one, one[0], None if carry is None else np.array([carry]))

    inner = (block(0, 2, 0, carry=1), block(1, 3, 1, carry=None))
    last = np.array([[1, 0, 1, 0], [0, 1, 0, 1]])
    program = structured_program(StructuredIncrement(last, 4, np.array([1, 1]), inner, np.array([-1, -1])))
    assert program.slots[0] is not None
    assert program.slots[1] is not None
    assert (program.slots[0].carry, program.slots[1].operand) == (1, 1)
    assert program.wait == STATE_AFTER - 2  # from the last slot to slot 1 of the next sample
    assert _slack(program, 2) == 0


def test_the_multiplier_is_busy_in_95_percent_of_all_cycles() -> None:
    increment = _increment(64, 784.0)
    program = structured_program(increment)
    assert increment.multiplications / (len(program.slots) + program.wait) >= 0.95
