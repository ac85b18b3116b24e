"""Delayed readouts beside the states: their values, their time, their cost, and back-pressure from either stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.primitives.arithmetic import sum_latency

DELAYS = (0.0, 0.37, 1.0)

SHAPES: list[tuple[str, int, dict[str, Any]]] = [
    ("ab2", 5, {}),
    ("euler", 6, {"lanes": 3, "channels": 2}),
    ("zoh", 4, {"lanes": 2, "channels": 3}),
    ("zoh", 4, {"lanes": 8}),
    ("bilinear", 4, {}),
    ("bilinear", 6, {"lanes": 3, "channels": 6}),
    ("bilinear", 3, {"unrolled": True, "channels": 4}),
    ("ab2", 7, {"unrolled": True, "channels": 12}),
    ("zoh", 1, {}),
]


def _plan(rule: str, order: int, delays: tuple[float, ...] = DELAYS, **bits: Any) -> MemoryPlan:
    return plan_memory(LMUSpec(order, 40.0, 1.0, rule), input_bits=8, state_bits=12, delays=delays, **bits)


@pytest.mark.parametrize("output_bits", [None, 19])
@pytest.mark.parametrize(("rule", "order", "options"), SHAPES)
def test_readouts_equal_the_integer_model(
    rule: str,
    order: int,
    options: dict[str, Any],
    output_bits: int | None,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    expected_readouts: Any,
    draw_samples: Any,
) -> None:
    """With both streams waiting, each on its own; sequences start anew in the middle."""
    plan = _plan(rule, order, output_bits=output_bits)
    memory = build_memory(plan, **options)
    samples = draw_samples(plan, 4 * memory.channels, rng, restarts=0.25)
    for stall, readout_stall in ((0.0, 0.0), (0.4, 0.4)):
        record = run_memory(memory, samples, rng=rng, stall=stall, readout_stall=readout_stall, gap=0.1)
        assert record.readouts == expected_readouts(memory, samples)
        assert record.beats == expected_beats(memory, samples)


@pytest.mark.parametrize(("stall", "readout_stall"), [(0.0, 0.8), (0.8, 0.0)])
def test_one_stream_alone_holds_everything(
    stall: float,
    readout_stall: float,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    expected_readouts: Any,
    draw_samples: Any,
) -> None:
    """What the other consumer has taken in the meantime is not offered to it again."""
    plan = _plan("ab2", 3)
    memory = build_memory(plan, lanes=3, channels=2)
    samples = draw_samples(plan, 20, rng)
    record = run_memory(memory, samples, rng=rng, stall=stall, readout_stall=readout_stall)
    assert record.beats == expected_beats(memory, samples)
    assert record.readouts == expected_readouts(memory, samples)


@pytest.mark.parametrize("blocked", ["stall", "readout_stall"])
def test_a_blocked_stream_stops_the_intake(blocked: str, run_memory: Any, draw_samples: Any) -> None:
    plan = _plan("euler", 2, delays=(1.0,))
    samples = draw_samples(plan, 12, np.random.default_rng(0))
    with pytest.raises(AssertionError, match=r"^[0-4] samples and [0-9] beats in 500 cycles"):
        run_memory(build_memory(plan), samples, **{"stall": 0.0, "readout_stall": 0.0, blocked: 1.0}, most_cycles=500)


@pytest.mark.parametrize(("rule", "order", "options"), SHAPES)
def test_latency_is_as_stated(
    rule: str, order: int, options: dict[str, Any], run_memory: Any, draw_samples: Any
) -> None:
    plan = _plan(rule, order)
    memory = build_memory(plan, **options)
    assert memory.readout_latency == 3 + sum_latency(memory.schedule.words)
    record = run_memory(memory, draw_samples(plan, 2 * memory.channels, np.random.default_rng(0)))
    groups, in_step = memory.schedule.groups, memory.schedule.in_step
    ends = np.array(record.taken).reshape(-1, groups, in_step)[:, -1].ravel()
    assert (np.array(record.read) - ends).tolist() == [memory.readout_latency] * len(record.read)


def test_newest_and_oldest_sample_need_no_multiplier() -> None:
    free = build_memory(_plan("ab2", 6, delays=(0.0, 1.0)), lanes=2)
    assert free.plan.readouts is not None
    assert free.readout_multipliers == free.plan.readouts.multiplications_per_sample == 0
    paid = build_memory(_plan("ab2", 6), lanes=2)
    assert paid.readout_multipliers == len(DELAYS) * 2
    assert build_memory(plan_memory(LMUSpec(6, 40.0, 1.0, "ab2"))).readout_multipliers == 0


@pytest.mark.parametrize(("rule", "options"), [("euler", {"lanes": 2}), ("bilinear", {"lanes": 2, "channels": 4})])
def test_a_reset_in_mid_stream_forgets_half_a_sum(
    rule: str,
    options: dict[str, Any],
    rng: np.random.Generator,
    run_memory: Any,
    expected_readouts: Any,
    draw_samples: Any,
) -> None:
    plan = _plan(rule, 4)
    memory = build_memory(plan, **options)
    samples = draw_samples(plan, 3 * memory.channels, rng)
    expected = expected_readouts(memory, samples)
    for reset_at in rng.choice(40, 5, replace=False):
        record = run_memory(memory, samples, rng=rng, stall=0.2, reset_at=int(reset_at))
        assert record.readouts == expected, f"reset in cycle {reset_at}"


def test_sum_latency_is_the_depth_of_a_tree_of_fours() -> None:
    assert [sum_latency(n) for n in (1, 2, 4, 5, 16, 17, 64)] == [0, 1, 1, 2, 2, 3, 3]
