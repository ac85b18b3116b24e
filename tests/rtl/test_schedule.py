"""What a component promises about time is what is measured: latency, cycles per sample, beats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmu_hw.plan import MemoryPlan, plan_memory
from lmu_hw.rtl.control import Schedule
from lmu_hw.rtl.design import build_memory
from lmu_hw.spec import LMUSpec

SHAPES = [
    (rule, order, lanes, channels)
    for rule in ("ab2", "zoh")
    for order, lanes in ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (5, 1), (6, 3), (6, 6))
    for channels in (1, 2, 5)
]


def _plan(rule: str, order: int) -> MemoryPlan:
    return plan_memory(LMUSpec(order, 40.0, 1.0, rule), input_bits=6, state_bits=10)


@pytest.mark.parametrize(("rule", "order", "lanes", "channels"), SHAPES)
def test_throughput_and_latency_are_as_stated(
    rule: str, order: int, lanes: int, channels: int, run_memory: Any, draw_samples: Any, rng: np.random.Generator
) -> None:
    """Samples always waiting, beats always taken: then every sample takes the same stated time."""
    plan = _plan(rule, order)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    schedule = memory.schedule
    samples = draw_samples(plan, 3 * channels + 2, rng)
    record = run_memory(memory, samples)
    assert np.diff(record.accepted).tolist() == [schedule.cycles_per_sample] * (len(samples) - 1)
    groups = order // lanes
    assert schedule.groups == groups
    first_beats = record.taken[::groups]
    assert [b - a for a, b in zip(record.accepted, first_beats, strict=True)] == [schedule.first_beat] * len(samples)
    spacing = 1 if rule == "ab2" else order
    for k in range(0, len(record.taken), groups):
        assert np.diff(record.taken[k : k + groups]).tolist() == [spacing] * (groups - 1)


@pytest.mark.parametrize(("rule", "order", "lanes", "channels"), SHAPES)
def test_the_schedule_is_the_documented_formula(rule: str, order: int, lanes: int, channels: int) -> None:
    plan = _plan(rule, order)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    slots = order // lanes if rule == "ab2" else order * order // lanes
    wait = 3 if rule == "ab2" else max(0, 4 - (order - lanes))
    pause = max(0, -((slots + wait) // -channels) - slots)
    assert memory.schedule == Schedule(order // lanes, slots, pause, 3 if rule == "ab2" else order + 3)
    assert memory.schedule.cycles_per_sample == slots + pause
    assert plan.multiplications_per_sample == slots * lanes


@pytest.mark.parametrize("rule", ["euler", "zoh"])
def test_long_orders_leave_the_multipliers_idle_for_few_cycles_or_none(rule: str) -> None:
    memory = build_memory(_plan(rule, 16) if rule == "zoh" else plan_memory(LMUSpec(16, 200.0, 1.0, rule)))
    idle = memory.schedule.cycles_per_sample - memory.schedule.slots
    assert idle == (3 if rule == "euler" else 0)


@pytest.mark.parametrize("rule", ["ab2", "zoh"])
def test_after_a_pause_the_latency_is_the_same(rule: str, run_memory: Any, draw_samples: Any) -> None:
    plan = _plan(rule, 4)
    memory = build_memory(plan, lanes=2)
    samples = draw_samples(plan, 8, np.random.default_rng(0))
    record = run_memory(memory, samples, rng=np.random.default_rng(1), gap=0.95)
    latencies = [b - a for a, b in zip(record.accepted, record.taken[::2], strict=True)]
    assert latencies == [memory.schedule.first_beat] * 8
    assert max(np.diff(record.accepted)) > memory.schedule.cycles_per_sample


@pytest.mark.parametrize("rule", ["ab2", "zoh"])
def test_full_back_pressure_stops_the_intake(rule: str, run_memory: Any, draw_samples: Any) -> None:
    """With nobody taking beats the memory takes a few samples at most, and loses none."""
    plan = _plan(rule, 2)
    memory = build_memory(plan)
    samples = draw_samples(plan, 12, np.random.default_rng(0))
    with pytest.raises(AssertionError, match=r"^[0-3] samples and 0 beats in 500 cycles"):
        run_memory(memory, samples, stall=1.0, most_cycles=500)
