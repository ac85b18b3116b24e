"""The random words: published values, maximal periods, leaps, and the statistics of what is drawn from them."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.experiments.spiking_forms import statistics
from lmu_hw.spiking.digital.neurons import REGISTERS, STREAM_DISTANCE, blocks, first_states, leap, words

# Prime factors of 2^k − 1.
FACTORS = {31: [2**31 - 1], 29: [233, 1103, 2089], 28: [3, 5, 29, 43, 113, 127]}


def one_after_another(states, count):
    registers, out = [np.array([s], dtype=np.uint32) for s in states], []
    for _ in range(count):
        out.append(int(np.bitwise_xor.reduce(np.concatenate(registers))))
        registers = [r.advance(s) for r, s in zip(REGISTERS, registers, strict=True)]
    return out


def test_the_ten_thousandth_word_is_the_published_one():
    """The GNU Scientific Library tests its taus, seeded with 1, by its 10 000th word after 6 that are dropped."""
    state, states = 1, []
    for _ in range(3):
        state = 69069 * state & 0xFFFFFFFF
        states.append(state)
    assert words(tuple(states), 10_006, 1).tolist() == [2733957125]


@pytest.mark.parametrize("register", REGISTERS, ids=lambda r: f"{r.length} bits")
def test_each_register_has_its_maximal_period(register):
    period = 2**register.length - 1
    assert np.prod(FACTORS[register.length], dtype=object) == period
    start = register.advance(np.array([0x80000000, 0x12345678 & register.mask], dtype=np.uint32))
    # A leap takes the step count modulo the period, so the last step is a single one.
    assert np.array_equal(register.advance(leap(register, start, period - 1)), start)
    for factor in FACTORS[register.length]:
        if period // factor > 1:
            assert not np.any(leap(register, start, period // factor) == start)


@pytest.mark.parametrize("start", [0, 1, 999, 2**40 + 3])
def test_words_from_anywhere_are_those_of_one_after_another(start):
    states = first_states(7)
    there = tuple(
        int(leap(r, np.array([s], dtype=np.uint32), start)[0]) for r, s in zip(REGISTERS, states, strict=True)
    )
    for count in (1, 2, 300, 1500):
        assert words(states, start, count).tolist() == one_after_another(there, count)
    assert words(states, start, 0).size == 0


def test_blocks_follow_each_other():
    states, stream = first_states(3, 2), blocks(first_states(3, 2), 24, most=100)
    got = np.concatenate([next(stream) for _ in range(11)])
    assert np.array_equal(got, words(states, 0, 24 * 11))


def test_streams_of_a_seed_are_far_apart_and_seeds_differ():
    states = first_states(5)
    assert np.array_equal(words(states, STREAM_DISTANCE * 3, 10), words(first_states(5, 3), 0, 10))
    assert len({first_states(seed, stream) for seed in range(20) for stream in range(5)}) == 100
    for register, state in zip(REGISTERS, states, strict=True):
        assert state & register.mask > 0


@pytest.mark.parametrize(("rate", "spikes"), [(0.02, 1), (0.4, 1), (1.3, 2), (2.9, 5)])
@pytest.mark.parametrize("seed", [0, 1])
def test_counts_follow_the_binomial_law_without_correlations(rate, spikes, seed):
    """Mean, variance, and correlations at lags of 1 to 63 neurons and 1 to 64 steps, in standard errors."""
    found = statistics(rate, spikes, seed, count=1 << 18)
    assert found.rate == pytest.approx(rate, abs=spikes * 2.0**-16)
    assert abs(found.mean_deviation) < 4.0
    assert abs(found.variance_deviation) < 4.0
    assert max(found.correlations.values()) < 5.0
    assert found.variance < found.rate  # less than Poisson's, by the share of rate/spikes
    assert found.variance == pytest.approx(found.rate * (1.0 - found.rate / spikes), rel=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((-1,), "seed must be an integer of at least 0"), ((0, 65536), "stream must be an integer from 0 to 65535")],
)
def test_errors(arguments, message):
    with pytest.raises(DesignError, match=message):
        first_states(*arguments)
