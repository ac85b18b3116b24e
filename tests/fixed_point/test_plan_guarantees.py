"""The plan's guarantees: its bound and its ranges hold against inputs made to break them, and are not idle."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.bounds import state_ranges
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.core.system import DiscreteSystem, discretize
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import QFormat, signed_width
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.reference.memory import FloatMemory

METHODS = list(Discretization)


def _realised(plan: MemoryPlan) -> DiscreteSystem:
    """The linear system that the plan's integers stand for, without any rounding of states."""
    gain, drive = plan.increment.state_gain, plan.increment.input_gain
    d, eye = plan.spec.order, np.eye(plan.spec.order)
    if not plan.two_step:
        return DiscreteSystem(plan.spec, eye + gain, drive, eye)
    return DiscreteSystem(
        plan.spec,
        np.block([[eye, gain], [eye, 1.5 * gain]]),
        np.concatenate([drive, 1.5 * drive]),
        np.eye(d, 2 * d, d),
    )


def _response(system: DiscreteSystem, steps: int) -> np.ndarray:
    z, rows = system.input, []
    for _ in range(steps):
        rows.append(system.output @ z)
        z = system.transition @ z
    return np.array(rows)


def _hard_inputs(plan: MemoryPlan, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Input codes, shape (many, steps): for every state the sequence that drives it, and its deviation from
    float, as far as a bang-bang input can; constants, noise, square and sine waves."""
    low, high = plan.input_format.low, plan.input_format.high
    ideal, realised = _response(discretize(plan.spec), steps), _response(_realised(plan), steps)
    t = np.arange(steps) / plan.spec.ratio
    signs = [response[::-1, i] for response in (realised, realised - ideal) for i in range(plan.spec.order)]
    signs += [np.sin(2 * np.pi * cycles * t) for cycles in (0.3, 1.0, plan.spec.order / 4)]
    signs += [rng.standard_normal(steps), np.ones(steps), -np.ones(steps)]
    codes = [np.where(s >= 0, high, low) for s in signs]
    codes += [np.rint(high * np.sin(2 * np.pi * cycles * t)).astype(int) for cycles in (0.7, 2.0)]
    codes += [rng.integers(low, high + 1, steps), np.full(steps, rng.integers(low, high + 1))]
    return np.array(codes)


def _random_plan(rng: np.random.Generator, **limits: Any) -> MemoryPlan:
    """A plan of a random small memory; specifications that are refused are drawn again."""
    while True:
        method = METHODS[rng.integers(len(METHODS))]
        order = int(rng.integers(1, limits.get("order", 8) + 1))
        ratio = least_theta_over_dt(order, method) * (1.05 + 10 ** rng.uniform(-1.5, 1.3))
        dense = method in (Discretization.ZOH, Discretization.BILINEAR)
        basis = Basis.ORTHONORMAL if dense and rng.random() < 0.4 else Basis.LEGENDRE
        try:
            return plan_memory(
                LMUSpec(order, min(ratio, 300.0), 1.0, method, basis),
                input_bits=int(rng.integers(3, 25)),
                state_bits=int(rng.integers(limits.get("state_bits", 4), 33)),
                coefficient_bits=None if rng.random() < 0.4 else int(rng.integers(4, 33)),
                error_feedback=[None, True, False][rng.integers(3)],
            )
        except DesignError:
            continue


def _check_guarantees(plan: MemoryPlan, rng: np.random.Generator) -> None:
    steps = int(5 * plan.spec.ratio) + 40
    codes = _hard_inputs(plan, steps, rng)
    model = IntegerMemory(plan)
    words = model.run(codes)
    exact = FloatMemory(plan.spec).run(plan.input_format.decode(codes))
    deviation = np.abs(model.decode(words) - exact).max(axis=(0, 1))
    budget = plan.budget
    without_input = budget.coefficients + budget.accumulation + budget.feedback + budget.output
    rounding_of_the_reference = 1e-12 * (1 + np.abs(exact).max())
    assert np.all(deviation <= without_input + rounding_of_the_reference)
    assert np.all(np.abs(model.decode(words)).max(axis=(0, 1)) <= plan.ranges)
    for i, width in enumerate(plan.state_widths):
        form = QFormat(width, plan.state_format.fraction)
        assert form.low <= words[..., i].min()
        assert words[..., i].max() <= form.high


@pytest.mark.parametrize("seed", range(24))
def test_no_input_breaks_the_bound_or_the_ranges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    _check_guarantees(_random_plan(rng), rng)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1250))
def test_no_input_breaks_the_bound_or_the_ranges_of_many_plans(seed: int) -> None:
    rng = np.random.default_rng(seed)
    _check_guarantees(_random_plan(rng, order=16), rng)


@pytest.mark.parametrize("seed", range(8))
def test_the_bound_holds_for_real_inputs_with_their_rounding(seed: int) -> None:
    rng = np.random.default_rng(300 + seed)
    plan = _random_plan(rng)
    lsb = plan.input_format.lsb
    steps = int(5 * plan.spec.ratio) + 40
    real = np.clip(rng.uniform(-1, 1, (6, steps)), -1.0, 1.0 - lsb)
    # The worst rounding, too: half a code towards the sign that drives a state furthest.
    response = _response(_realised(plan), steps)[::-1]
    worst = plan.input_format.decode(rng.integers(plan.input_format.low + 1, plan.input_format.high, (2, steps)))
    real = np.concatenate([real, worst + 0.4999 * lsb * np.where(response[:, :1].T >= 0, 1.0, -1.0)])
    codes = plan.input_format.encode(real)
    model = IntegerMemory(plan)
    deviation = np.abs(model.decode(model.run(codes)) - FloatMemory(plan.spec).run(real)).max(axis=(0, 1))
    assert np.all(deviation <= plan.error_bound + 1e-12)
    assert plan.error_bound == pytest.approx(sum(vars(plan.budget).values()))


@pytest.mark.parametrize(("method", "ratio"), [("euler", 60.0), ("ab2", 60.0), ("zoh", 20.0), ("bilinear", 20.0)])
def test_the_ranges_are_attained(method: str, ratio: float) -> None:
    """A bang-bang input takes every state to nine tenths of its certified range, and uses its last bit."""
    plan = plan_memory(LMUSpec(6, ratio, 1.0, method), input_bits=16, state_bits=20)
    steps = int(20 * ratio)
    response = _response(_realised(plan), steps)
    codes = np.where(response[::-1].T >= 0, plan.input_format.high, plan.input_format.low)
    words = IntegerMemory(plan).run(codes)
    reached = np.abs(words).max(axis=(0, 1)) * plan.state_format.lsb
    assert np.all(reached >= 0.9 * plan.ranges)
    assert np.all(plan.ranges >= state_ranges(6, 1.0 / ratio, Discretization(method)) * (1 - 1e-3))
    # One bit less would not do: the widest state's range needs its whole word.
    assert max(plan.state_widths) == plan.state_format.width
    for state, width in zip(plan.ranges / plan.state_format.lsb, plan.state_widths, strict=True):
        assert signed_width(state) == width


@pytest.mark.parametrize("seed", range(40))
def test_the_ranges_hold_every_part_of_the_error(seed: int) -> None:
    """|state word| ≤ largest gain + everything that rounding adds; also where 62 bits limit the accumulator."""
    rng = np.random.default_rng(500 + seed)
    plan = _random_plan(rng, order=16, state_bits=20 if seed % 2 else 6)
    driven = plan.budget.input / (0.5 * plan.input_format.lsb)
    noise = plan.budget.feedback + plan.budget.output + plan.budget.accumulation + plan.budget.internal
    assert np.all(driven + noise <= plan.ranges * (1 + 1e-12))


@pytest.mark.parametrize(("method", "order", "factor"), [("ab2", 16, 1.1), ("ab2", 16, 1.03), ("euler", 24, 1.03)])
def test_a_62_bit_accumulator_that_is_too_coarse_is_refused_or_allowed_for(
    method: str, order: int, factor: float
) -> None:
    """Close to the limit rounding is amplified so much that the exact grid no longer fits."""
    ratio = factor * least_theta_over_dt(order, Discretization(method))
    try:
        plan = plan_memory(LMUSpec(order, ratio, 1.0, method), state_bits=32)
    except DesignError:
        return
    driven = plan.budget.input / (0.5 * plan.input_format.lsb)
    noise = plan.budget.feedback + plan.budget.output + plan.budget.accumulation + plan.budget.internal
    assert np.all(driven + noise <= plan.ranges * (1 + 1e-12))


def _answer_to_errors(plan: MemoryPlan, steps: int, at_accumulator: bool) -> np.ndarray:
    """Σ_k |word_i(k)| after an error of one unit of state j in a single requantisation, or in one increment.

    The loop of the plan's text, in real numbers and without further rounding, shape (order, order).
    """
    d, gain = plan.spec.order, plan.increment.state_gain
    one, zero = np.eye(d), np.zeros((d, d))
    if at_accumulator:
        accumulator, residue, word = one, zero, (1.5 if plan.two_step else 1.0) * one
    else:
        accumulator, residue, word = zero, -one if plan.error_feedback else zero, one
    total = np.abs(word)
    for _ in range(steps):
        increment = gain @ word
        accumulator = accumulator + increment
        word = accumulator + residue + (0.5 * increment if plan.two_step else 0.0)
        residue = zero
        total += np.abs(word)
    return total


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_each_part_of_the_budget_is_what_single_errors_add_up_to(method: Discretization, feedback: bool) -> None:
    """The worst case over all signs of all errors, from the answer to one error at a time."""
    plan = plan_memory(
        LMUSpec(5, 30.0, 1.0, method), input_bits=10, state_bits=16, coefficient_bits=14, error_feedback=feedback
    )
    steps, lsb, budget = 1500, plan.state_format.lsb, plan.budget
    requantisation = 0.5 * lsb * _answer_to_errors(plan, steps, at_accumulator=False).sum(axis=1)
    assert np.all(budget.feedback + budget.output >= requantisation * (1 - 1e-9))
    assert np.all(budget.feedback + budget.output <= requantisation * 1.01)
    dropped = plan.product_format.fraction > plan.accumulator_format.fraction
    assert bool(budget.accumulation.any()) is dropped
    if dropped:
        increments = _answer_to_errors(plan, steps, at_accumulator=True).sum(axis=1)
        assert np.all(budget.accumulation >= 0.5 * plan.accumulator_format.lsb * increments)
        assert budget.accumulation.max() <= 0.07 * lsb
    ideal, realised = _response(discretize(plan.spec), steps), _response(_realised(plan), steps)
    for part, exact in (
        (budget.input, 0.5 * plan.input_format.lsb * np.abs(realised).sum(axis=0)),
        (budget.coefficients, np.abs(realised - ideal).sum(axis=0)),
    ):
        assert np.all(part >= exact * (1 - 1e-9))
        assert np.all(part <= exact * 1.01 + 1e-12)


@pytest.mark.parametrize("method", ["euler", "ab2", "zoh"])
def test_the_bound_is_at_most_twenty_times_what_hard_inputs_reach(method: str) -> None:
    """Order 16, 16-bit words, a window of 1,000 samples."""
    plan = plan_memory(LMUSpec(16, 1000.0, 1.0, method), state_bits=16)
    codes = _hard_inputs(plan, 4000, np.random.default_rng(0))
    model = IntegerMemory(plan)
    exact = FloatMemory(plan.spec).run(plan.input_format.decode(codes))
    measured = np.abs(model.decode(model.run(codes)) - exact).max(axis=(0, 1))
    bound = plan.error_bound - plan.budget.input
    assert np.all(measured <= bound)
    assert bound.max() <= 20 * measured.max()
    print(f"{method}: bound {bound.max():.3g}, measured {measured.max():.3g}")


@pytest.mark.parametrize("method", METHODS)
def test_more_bits_mean_a_smaller_bound(method: Discretization) -> None:
    spec = LMUSpec(5, 50.0, 1.0, method)
    bounds = [plan_memory(spec, input_bits=b, state_bits=b).error_bound.max() for b in (8, 12, 16, 20)]
    assert all(fine < 0.25 * coarse for coarse, fine in pairwise(bounds))


# The dense product holds constants, and copes with any coefficients that are stable


@pytest.mark.parametrize("bits", [5, 8, 16])
@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_a_constant_is_held_exactly_whatever_the_rounding_of_the_matrix(method: str, bits: int) -> None:
    spec = LMUSpec(5, 12.0, 1.0, method)
    plan = plan_memory(spec, input_bits=10, state_bits=14, coefficient_bits=bits, datapath="dense")
    gain, drive = plan.increment.state_gain, plan.increment.input_gain
    assert np.array_equal(gain @ np.eye(5)[0], -drive)
    assert np.allclose(np.linalg.solve(-gain, drive), np.eye(5)[0], rtol=0, atol=1e-11)
    # In integers: once the state is the constant's, nothing moves any more.
    model = IntegerMemory(plan)
    alignment_shift = plan.state_format.fraction - plan.input_format.fraction
    assert alignment_shift >= 0
    for code in (-512, -3, 0, 211, 511):
        state = model.zero_state()
        state.word[0, 0] = code << alignment_shift
        state.accumulator[0, 0] = code << (alignment_shift + plan.requantisation)
        words = model.run(np.full(50, code)[None, :], state)
        assert np.array_equal(words, np.tile(np.eye(5, dtype=int)[0] * (code << alignment_shift), (1, 50, 1)))


@pytest.mark.parametrize("state_bits", [10, 32])
@pytest.mark.parametrize("basis", list(Basis))
def test_a_state_that_the_rounded_matrix_never_drives_is_planned(basis: Basis, state_bits: int) -> None:
    """A window of one sample and three bits: a whole row of the matrix rounds to a plain decay."""
    plan = plan_memory(LMUSpec(3, 1.0, 1.0, "zoh", basis), state_bits=state_bits, coefficient_bits=3)
    assert plan.budget.input.min() == 0.0
    _check_guarantees(plan, np.random.default_rng(0))


def test_the_least_state_word_that_is_accepted_works_and_one_bit_less_is_refused() -> None:
    spec = LMUSpec(6, 60.0, 1.0)
    for bits in range(3, 33):
        try:
            plan = plan_memory(spec, state_bits=bits)
        except DesignError:
            continue
        break
    assert 4 <= bits <= 8
    _check_guarantees(plan, np.random.default_rng(1))
