# amaranth: UnusedElaboratable=no
"""The unrolled memory: the integer model's words, a sample every cycle once enough channels take turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.unrolled import UnrolledMemory

RULES = list(Discretization)


def _plan(rule: str, order: int, **bits: Any) -> MemoryPlan:
    ratio = max(40.0, 4.0 * least_theta_over_dt(order, Discretization(rule)))
    return plan_memory(LMUSpec(order, ratio, 1.0, rule), **{"input_bits": 8, "state_bits": 12, **bits})


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("order", "channels"), [(1, 1), (2, 2), (3, 9), (5, 3), (8, 1)])
def test_every_kind_equals_the_integer_model(
    rule: str,
    order: int,
    channels: int,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    draw_samples: Any,
) -> None:
    plan = _plan(rule, order)
    memory = build_memory(plan, unrolled=True, channels=channels)
    samples = draw_samples(plan, 8 * channels, rng, restarts=0.25)
    for odds in (0.0, 0.35):
        assert run_memory(memory, samples, rng=rng, stall=odds, gap=odds).beats == expected_beats(memory, samples)


@pytest.mark.parametrize("rule", RULES)
def test_a_sample_every_cycle_at_order_16(
    rule: str, rng: np.random.Generator, run_memory: Any, expected_beats: Any, draw_samples: Any
) -> None:
    """At the stated number of channels; with one less there is a pause."""
    plan = _plan(rule, 16)
    enough = UnrolledMemory(plan).full_rate_channels
    memory = UnrolledMemory(plan, channels=enough)
    assert memory.schedule.cycles_per_sample == 1
    assert UnrolledMemory(plan, channels=enough - 1).schedule.cycles_per_sample == 2
    samples = draw_samples(plan, 2 * enough + 3, rng)
    record = run_memory(memory, samples)
    assert np.diff(record.accepted).tolist() == [1] * (len(samples) - 1)
    assert record.beats == expected_beats(memory, samples)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("channels", [1, 2, 5, 40])
def test_throughput_and_latency_are_as_stated(rule: str, channels: int, run_memory: Any, draw_samples: Any) -> None:
    plan = _plan(rule, 4)
    memory = UnrolledMemory(plan, channels=channels)
    spacing = -(-memory.full_rate_channels // channels)
    assert memory.schedule.cycles_per_sample == spacing
    samples = draw_samples(plan, channels + 4, np.random.default_rng(0))
    record = run_memory(memory, samples)
    assert np.diff(record.accepted).tolist() == [spacing] * (len(samples) - 1)
    latencies = [out - taken for taken, out in zip(record.accepted, record.taken, strict=True)]
    assert latencies == [memory.latency + 1] * len(samples)


@pytest.mark.parametrize("rule", RULES)
def test_its_cost_is_the_plan_s(rule: str) -> None:
    plan = _plan(rule, 6)
    memory = UnrolledMemory(plan)
    assert memory.multipliers == plan.multiplications_per_sample
    assert UnrolledMemory(plan, channels=memory.full_rate_channels).utilisation == 1.0
    assert memory.utilisation == pytest.approx(1.0 / memory.full_rate_channels)


@pytest.mark.parametrize("order", [17, 64])
def test_large_orders_are_refused(order: int) -> None:
    with pytest.raises(DesignError, match=rf"^order must be at most 16 for an unrolled memory, got {order}$"):
        build_memory(_plan("zoh", order), unrolled=True)


def test_lanes_make_no_sense_with_it() -> None:
    with pytest.raises(DesignError, match=r"^lanes has no effect where everything is unrolled; leave one of them out$"):
        build_memory(_plan("zoh", 4), lanes=2, unrolled=True)
