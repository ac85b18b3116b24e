# amaranth: UnusedElaboratable=no
"""Both memories beat for beat against the integer model, under stalls, gaps, restarts and resets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.reference.memory import impulse_response
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.chain import ChainMemory
from lmu_hw.rtl.memory.dense import DenseMemory
from lmu_hw.rtl.memory.tridiagonal import TridiagonalMemory

RULES = list(Discretization)
KINDS = [*RULES, "structured"]  # the last is another datapath of zoh


class _Sample(NamedTuple):
    code: int
    first: int = 0
    last: int = 0


def _plan(rule: str, order: int, ratio: float = 40.0, **bits: Any) -> MemoryPlan:
    if rule == "structured":
        return plan_memory(LMUSpec(order, max(ratio, 1.3), 1.0), datapath="structured", **bits)
    limit = least_theta_over_dt(order, Discretization(rule))
    return plan_memory(LMUSpec(order, max(ratio, 1.3 * limit), 1.0, rule), **bits)


def _divisors(order: int) -> list[int]:
    return [lanes for lanes in range(1, order + 1) if order % lanes == 0]


def _shapes() -> list[tuple[str, int, int, int]]:
    """Rule, order, lanes and channels: every order to 7, every number of lanes, one to five channels."""
    cases = []
    for order in range(1, 8):
        for lanes in _divisors(order):
            for rule in ("euler", "ab2", "zoh"):
                cases += [(rule, order, lanes, 1), (rule, order, lanes, 2 + (order + lanes) % 4)]
        for columns in _divisors(order)[1:]:
            cases += [("zoh", order, columns * order, 1 + (order + columns) % 3)]
        cases += [(rule, order, 1, channels) for rule in ("bilinear", "structured") for channels in (1, 2)]
    shared = ((2, 2, 2), (3, 3, 6), (4, 2, 4), (5, 5, 5), (6, 3, 9))
    return [*cases, *((rule, *shape) for rule in ("bilinear", "structured") for shape in shared)]


@pytest.mark.parametrize(("rule", "order", "lanes", "channels"), _shapes())
def test_every_shape_equals_the_integer_model(
    rule: str,
    order: int,
    lanes: int,
    channels: int,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    draw_samples: Any,
) -> None:
    """Without waiting and with random waiting on both sides; sequences start anew in the middle."""
    plan = _plan(rule, order, input_bits=8, state_bits=12)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    samples = draw_samples(plan, (4 if order > 3 else 8) * channels, rng, restarts=0.25)
    expected = expected_beats(memory, samples)
    for odds in (0.0, 0.35):
        record = run_memory(memory, samples, rng=rng, stall=odds, gap=odds)
        assert record.beats == expected


@pytest.mark.parametrize(("stall", "gap"), [(0.0, 0.7), (0.7, 0.0), (0.9, 0.9)])
@pytest.mark.parametrize(
    ("rule", "lanes", "channels"),
    [
        ("euler", 1, 1),
        ("ab2", 2, 3),
        ("zoh", 1, 1),
        ("zoh", 2, 2),
        ("zoh", 8, 1),
        ("bilinear", 1, 1),
        ("bilinear", 2, 4),
        ("structured", 2, 2),
    ],
)
def test_lopsided_waiting_changes_nothing(
    rule: str,
    lanes: int,
    channels: int,
    stall: float,
    gap: float,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    draw_samples: Any,
) -> None:
    plan = _plan(rule, 4)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    samples = draw_samples(plan, 6 * channels, rng, restarts=0.2)
    record = run_memory(memory, samples, rng=rng, stall=stall, gap=gap)
    assert record.beats == expected_beats(memory, samples)


WORDS = [
    {"input_bits": 3, "state_bits": 7, "coefficient_bits": 9},
    {"input_bits": 24, "state_bits": 8, "coefficient_bits": 16},  # the input is finer than the state
    {"input_bits": 4, "state_bits": 32, "coefficient_bits": 24},
    {"input_bits": 24, "state_bits": 32},
    {"input_bits": 12, "state_bits": 16, "coefficient_bits": 32},
    {"input_bits": 9, "state_bits": 10, "output_bits": 21},  # finer words leave than those that are fed back
]


@pytest.mark.parametrize("feedback", [True, False], ids=["feedback", "plain"])
@pytest.mark.parametrize("rule", KINDS)
@pytest.mark.parametrize("bits", WORDS, ids=lambda bits: "-".join(map(str, bits.values())))
def test_every_word_length_equals_the_integer_model(
    rule: str,
    bits: dict[str, int],
    feedback: bool,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    draw_samples: Any,
) -> None:
    plan = _plan(rule, 3, error_feedback=feedback, **bits)
    samples = draw_samples(plan, 16, rng)
    for unrolled in (False, True) if feedback else (False,):
        memory = build_memory(plan, unrolled=unrolled)
        assert run_memory(memory, samples).beats == expected_beats(memory, samples)


@pytest.mark.parametrize("unrolled", [False, True], ids=["serial", "unrolled"])
@pytest.mark.parametrize("rule", KINDS)
def test_a_bang_bang_input_takes_the_words_to_their_ends(
    rule: str, unrolled: bool, run_memory: Any, expected_beats: Any
) -> None:
    """Overflow would show here: the sequence drives a state to its certified range."""
    plan = _plan(rule, 3, ratio=12.0, input_bits=10, state_bits=10)
    response = impulse_response(plan.spec, 120)
    widest = int(np.argmax(plan.ranges))
    codes = np.where(response[::-1, widest] >= 0, plan.input_format.high, plan.input_format.low)
    samples = [_Sample(int(code)) for code in codes]
    memory = build_memory(plan, unrolled=unrolled)
    record = run_memory(memory, samples)
    assert record.beats == expected_beats(memory, samples)
    words = np.array([beat.data for beat in record.beats]).reshape(len(samples), -1)
    peak = np.abs(words[:, widest]).max()
    assert peak > 0.85 * plan.ranges[widest] / plan.state_format.lsb


@pytest.mark.parametrize(
    ("rule", "lanes", "channels"),
    [
        ("euler", 1, 1),
        ("ab2", 4, 3),
        ("zoh", 1, 1),
        ("zoh", 2, 3),
        ("zoh", 16, 2),
        ("bilinear", 1, 1),
        ("bilinear", 2, 4),
        ("structured", 2, 2),
    ],
)
def test_a_reset_in_mid_stream_forgets_everything(
    rule: str,
    lanes: int,
    channels: int,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    draw_samples: Any,
) -> None:
    """Wherever it falls; the samples that follow start no sequence by flag, and still start from zero."""
    plan = _plan(rule, 4)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    samples = draw_samples(plan, 4 * channels, rng)
    expected = expected_beats(memory, samples)
    span = memory.schedule.cycles_per_round * channels // memory.schedule.in_step * 3
    for reset_at in rng.choice(span, min(span, 8), replace=False):
        record = run_memory(memory, samples, rng=rng, stall=0.2, gap=0.2, reset_at=int(reset_at))
        assert record.beats == expected, f"reset in cycle {reset_at}"


@pytest.mark.parametrize(("rule", "lanes"), [("euler", 1), ("ab2", 2), ("zoh", 2), ("bilinear", 1)])
def test_the_first_flag_restarts_its_own_channel_only(
    rule: str,
    lanes: int,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    draw_samples: Any,
) -> None:
    plan = _plan(rule, 4)
    channels, rounds = 3, 6
    samples = draw_samples(plan, channels * rounds, rng)
    restarted = list(samples)
    k = 3 * channels + 1  # channel 1, fourth round
    restarted[k] = restarted[k]._replace(first=1)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    plain, anew = run_memory(memory, samples).beats, run_memory(memory, restarted).beats
    assert anew == expected_beats(memory, restarted)
    others = [(p.data == a.data) for p, a in zip(plain, anew, strict=True) if p.channel != 1]
    assert all(others)
    mine = [a.data for a in anew if a.channel == 1][3 * 4 // lanes :]
    alone = run_memory(build_memory(plan, lanes=lanes), restarted[k::channels]).beats
    assert mine == [beat.data for beat in alone]


@pytest.mark.parametrize("rule", RULES)
def test_feeding_impulses_recovers_the_matrix_that_is_realised(rule: str, run_memory: Any) -> None:
    """From any state the words move by increments of the realised matrix: with wide words, to a code.

    An impulse drives the state through some trajectory; the increments between successive words are
    linear in the words and the input before, and solving for the map gives back the plan's integers.
    """
    order = 4
    plan = _plan(rule, order, ratio=30.0, input_bits=16, state_bits=30, coefficient_bits=16, error_feedback=False)
    lead = plan.input_format.low  # −1 exactly
    samples = [_Sample(lead, first=1)] + [_Sample(0)] * (5 * order)
    words = np.array([b.data[0] for b in run_memory(build_memory(plan), samples).beats], dtype=float)
    states = words.reshape(-1, order) * plan.state_format.lsb
    increment = plan.increment
    if plan.two_step:  # x⁺ − x = 1.5 p_k − 0.5 p_{k−1}, p = D x + b u: unknown D and b, known x and u
        x = np.vstack([np.zeros(order), states])
        u = np.zeros(len(x))
        u[0] = -1.0
        z = np.column_stack([x, u])
        regressor = 1.5 * z[:-1] - 0.5 * np.vstack([np.zeros(order + 1), z[:-2]])
        moves = x[1:] - x[:-1]
    else:
        x = np.vstack([np.zeros(order), states])
        u = np.zeros(len(x))
        u[0] = -1.0
        regressor, moves = np.column_stack([x, u])[:-1], x[1:] - x[:-1]
    solution, *_, singular = np.linalg.lstsq(regressor, moves, rcond=None)
    assert singular[-1] > 1e-4, "the trajectory does not tell the matrix"
    tolerance = 2.0 * order * plan.state_format.lsb / singular[-1]
    assert np.abs(solution[:order].T - increment.state_gain).max() <= tolerance
    assert np.abs(solution[order] - increment.input_gain).max() <= tolerance
    # Finer than half of a coefficient's last bit: a single wrong integer would show.
    assert tolerance < 0.5 * 2.0 ** -float(increment.fractions.max())


@pytest.mark.parametrize("rule", ["zoh", "euler"])
def test_single_samples_give_the_input_vector(rule: str, run_memory: Any) -> None:
    """A sample that starts a sequence leaves b·u, rounded to the state's grid."""
    plan = _plan(rule, 5, input_bits=8, state_bits=20, error_feedback=False)
    codes = [1, -128, 127, 64]
    record = run_memory(build_memory(plan), [_Sample(c, first=1) for c in codes])
    words = np.array([b.data[0] for b in record.beats]).reshape(len(codes), 5)
    exact = np.outer(plan.input_format.decode(codes), plan.increment.input_gain)
    assert np.abs(words * plan.state_format.lsb - exact).max() <= 0.51 * plan.state_format.lsb


# Refusals


@pytest.mark.parametrize("rule", ["euler", "zoh", "bilinear", "structured"])
@pytest.mark.parametrize("lanes", [0, -1, 4, 5, 24, 30, 72, 2.0, True, "1", None])
def test_lanes_that_are_refused(rule: str, lanes: Any) -> None:
    plan = _plan(rule, 6)
    with pytest.raises(DesignError, match=r"^lanes must be"):
        build_memory(plan, lanes=lanes, channels=120)


def test_lanes_of_a_solve_need_channels() -> None:
    plan = _plan("bilinear", 6)
    assert build_memory(plan, lanes=3, channels=6).schedule.in_step == 3
    with pytest.raises(DesignError, match=r"^lanes must be a divisor of the number of channels.* 4, got 3$"):
        build_memory(plan, lanes=3, channels=4)
    with pytest.raises(DesignError, match=r"^lanes must be a divisor of the order 6, got 4$"):
        build_memory(plan, lanes=4, channels=4)


@pytest.mark.parametrize("channels", [0, -3, 4097, 1.0, True, "2", None])
def test_channels_that_are_refused(channels: Any) -> None:
    plan = _plan("zoh", 2)
    with pytest.raises(DesignError, match=r"^channels must be an integer from 1 to 4096, got"):
        build_memory(plan, channels=channels)


def test_a_component_refuses_the_other_datapath() -> None:
    dense, chain = _plan("zoh", 2), _plan("euler", 2)
    with pytest.raises(DesignError, match=r"^datapath must be a chain plan for the chain memory, got"):
        ChainMemory(dense)
    with pytest.raises(DesignError, match=r"^datapath must be a dense plan for the dense memory, got"):
        DenseMemory(chain)
    with pytest.raises(DesignError, match=r"^datapath must be a tridiagonal plan for the tridiagonal memory, got"):
        TridiagonalMemory(chain)
