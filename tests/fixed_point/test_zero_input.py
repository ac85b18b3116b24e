"""Without input the state decays, from any register contents, into the limit set that the plan states."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.model import IntegerMemory, IntegerState
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory

METHODS = list(Discretization)
feedback = pytest.mark.parametrize("feedback", [True, False])


def _settle(plan: MemoryPlan, state: IntegerState, samples: int) -> None:
    silence = np.zeros(state.word.shape[1], dtype=np.int64)
    model = IntegerMemory(plan)
    for _ in range(samples):
        model.step(state, silence)


def _reached(plan: MemoryPlan, state: IntegerState, samples: int) -> np.ndarray:
    """The largest |state word| from now on, shape (order, batch)."""
    silence, model = np.zeros(state.word.shape[1], dtype=np.int64), IntegerMemory(plan)
    largest = np.zeros_like(state.word)
    for _ in range(samples):
        model.step(state, silence)
        largest = np.maximum(largest, np.abs(state.word))
    return largest


def _any_registers(plan: MemoryPlan, rng: np.random.Generator, count: int) -> IntegerState:
    """Whatever fits the registers, reachable or not: no relation between accumulator, residue and word."""
    shape, form, wide = (plan.spec.order, count), plan.state_format, plan.accumulator_format
    half = 1 << (plan.requantisation - 1)
    # A quarter of the accumulator's range: its two head bits are there for what lies between samples.
    return IntegerState(
        rng.integers(wide.low // 4, wide.high // 4 + 1, shape),
        rng.integers(-half, half, shape) if plan.error_feedback else np.zeros(shape, dtype=np.int64),
        rng.integers(form.low, form.high + 1, shape),
    )


@feedback
@pytest.mark.parametrize("method", METHODS)
def test_every_content_of_the_registers_of_a_tiny_memory_decays(method: str, feedback: bool) -> None:
    """All accumulators × residues × words of one state: hundreds of thousands of starts."""
    plan = plan_memory(
        LMUSpec(1, 4.0, 1.0, method), input_bits=4, state_bits=4, coefficient_bits=4, error_feedback=feedback
    )
    form, half = plan.state_format, 1 << (plan.requantisation - 1)
    quarter = plan.accumulator_format.high // 4 + 1
    residues = range(-half, half) if feedback else (0,)
    starts = np.array(
        list(itertools.product(range(-quarter, quarter), residues, range(form.low, form.high + 1))), dtype=np.int64
    ).T
    state = IntegerState(*(np.ascontiguousarray(row[None]) for row in starts))
    _settle(plan, state, 40)
    assert np.all(_reached(plan, state, 30) <= plan.limit_set[:, None])


@feedback
@pytest.mark.parametrize(
    ("method", "order", "ratio"), [("euler", 4, 20.0), ("ab2", 8, 60.0), ("zoh", 8, 30.0), ("bilinear", 8, 30.0)]
)
def test_any_registers_decay_within_five_windows(
    method: str, order: int, ratio: float, feedback: bool, rng: np.random.Generator
) -> None:
    plan = plan_memory(LMUSpec(order, ratio, 1.0, method), input_bits=6, state_bits=12, error_feedback=feedback)
    state = _any_registers(plan, rng, 500)
    _settle(plan, state, int(5 * ratio))
    assert np.all(_reached(plan, state, int(5 * ratio)) <= plan.limit_set[:, None])


@settings(max_examples=40)
@given(
    method=st.sampled_from(METHODS),
    order=st.integers(1, 8),
    stretch=st.floats(1.15, 10.0),
    state_bits=st.integers(6, 20),
    feedback=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_memories_decay(
    method: Discretization, order: int, stretch: float, state_bits: int, feedback: bool, seed: int
) -> None:
    ratio = max(2.0, stretch * least_theta_over_dt(order, method))
    try:
        plan = plan_memory(LMUSpec(order, ratio, 1.0, method), state_bits=state_bits, error_feedback=feedback)
    except DesignError:
        return
    state = _any_registers(plan, np.random.default_rng(seed), 20)
    # As long as the loop itself takes to bring the largest state below a quarter of a code.
    model_growth = 2.0**state_bits * 8.0
    gain = plan.increment.state_gain
    loop = np.block([[np.eye(order), gain], [np.eye(order), (1.5 if plan.two_step else 1.0) * gain]])
    power, samples = loop, 1
    while np.abs(power).sum(axis=1).max() * model_growth > 0.25:
        power, samples = power @ power, 2 * samples
    _settle(plan, state, samples)
    assert np.all(_reached(plan, state, 100) <= plan.limit_set[:, None])


@pytest.mark.parametrize(("method", "order", "ratio"), [("euler", 4, 20.0), ("ab2", 4, 20.0), ("bilinear", 4, 10.0)])
def test_without_error_feedback_the_words_come_to_rest(
    method: str, order: int, ratio: float, rng: np.random.Generator
) -> None:
    """No oscillation at all: every register stands still, at most a few codes from zero."""
    plan = plan_memory(LMUSpec(order, ratio, 1.0, method), input_bits=6, state_bits=12, error_feedback=False)
    state = _any_registers(plan, rng, 500)
    _settle(plan, state, int(12 * ratio))
    kept = state.accumulator.copy(), state.word.copy()
    _settle(plan, state, 1)
    assert np.array_equal(kept[0], state.accumulator)
    assert np.array_equal(kept[1], state.word)


@pytest.mark.parametrize(("method", "order", "ratio"), [("ab2", 8, 60.0), ("zoh", 8, 30.0)])
def test_the_limit_set_is_not_idle(method: str, order: int, ratio: float, rng: np.random.Generator) -> None:
    """With error feedback the words keep chattering, and reach at least a third of the bound."""
    plan = plan_memory(LMUSpec(order, ratio, 1.0, method), input_bits=6, state_bits=12, error_feedback=True)
    state = _any_registers(plan, rng, 500)
    _settle(plan, state, int(5 * ratio))
    reached = _reached(plan, state, int(5 * ratio)).max(axis=1)
    assert np.all(reached >= 1)
    assert reached.max() * 3 >= plan.limit_set.max()


def test_a_state_of_zero_stays_zero() -> None:
    for method in METHODS:
        plan = plan_memory(LMUSpec(4, 30.0, 1.0, method))
        assert not IntegerMemory(plan).run(np.zeros(50, dtype=np.int64)).any()
