"""What a component promises about time is what is measured: latency, cycles per sample, beats."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.datapaths.structured.increment import StructuredIncrement
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.chain import ChainMemory
from lmu_hw.rtl.memory.dense import DenseMemory
from lmu_hw.rtl.memory.structured import structured_program
from lmu_hw.rtl.memory.tridiagonal import TridiagonalMemory, tridiagonal_program
from lmu_hw.rtl.primitives.schedule import Schedule

SHAPES = [
    (rule, order, lanes, channels)
    for rule in ("ab2", "zoh")
    for order, lanes in ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (5, 1), (6, 3), (6, 6))
    for channels in (1, 2, 5)
] + [("zoh", order, lanes, channels) for order, lanes in ((2, 4), (4, 8), (6, 18), (6, 36)) for channels in (1, 3)]


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
    groups = max(1, order // lanes)
    assert schedule.groups == groups
    assert schedule.words == min(order, lanes)
    first_beats = record.taken[::groups]
    assert [b - a for a, b in zip(record.accepted, first_beats, strict=True)] == [schedule.first_beat] * len(samples)
    spacing = 1 if rule == "ab2" else order // max(1, lanes // order)
    for k in range(0, len(record.taken), groups):
        assert np.diff(record.taken[k : k + groups]).tolist() == [spacing] * (groups - 1)


@pytest.mark.parametrize(("rule", "order", "lanes", "channels"), SHAPES)
def test_the_schedule_is_the_documented_formula(rule: str, order: int, lanes: int, channels: int) -> None:
    plan = _plan(rule, order)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    slots = order // lanes if rule == "ab2" else order * order // lanes
    words, columns = min(order, lanes), max(1, lanes // order)
    tree = {1: 0, 2: 1, 3: 1, 6: 2}[columns]
    wait = 3 if rule == "ab2" else max(0, 4 + tree - (order - words))
    pause = max(0, -((slots + wait) // -channels) - slots)
    latency = 3 if rule == "ab2" else order // columns + 3 + tree
    assert memory.schedule == Schedule(order // words, words, slots, pause, latency)
    assert memory.schedule.cycles_per_sample == slots + pause
    assert plan.multiplications_per_sample == slots * lanes
    assert memory.utilisation == pytest.approx(slots / (slots + pause))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_solve_takes_the_length_of_its_program(order: int, channels: int, run_memory: Any, draw_samples: Any) -> None:
    plan = _plan("bilinear", order)
    memory = build_memory(plan, channels=channels)
    program, schedule = tridiagonal_program(order), memory.schedule
    assert schedule.cycles_per_sample == len(program.entries) + (program.wait if channels == 1 else 0)
    assert schedule.first_beat == program.increments[0] + 6
    samples = draw_samples(plan, 3 * channels + 2, np.random.default_rng(0))
    record = run_memory(memory, samples)
    assert np.diff(record.accepted).tolist() == [schedule.cycles_per_sample] * (len(samples) - 1)
    for k, accepted in enumerate(record.accepted):
        beats = record.taken[k * order : (k + 1) * order]
        assert [beat - accepted for beat in beats] == [cycle + 6 for cycle in program.increments]


@pytest.mark.parametrize("order", [1, 2, 4, 6])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_structured_step_takes_the_length_of_its_program(
    order: int, channels: int, run_memory: Any, draw_samples: Any
) -> None:
    plan = plan_memory(LMUSpec(order, 40.0, 1.0), input_bits=6, state_bits=10, datapath="structured")
    memory = build_memory(plan, channels=channels)
    assert isinstance(plan.increment, StructuredIncrement)
    program, schedule = structured_program(plan.increment), memory.schedule
    slots = len(program.slots)
    assert schedule.cycles_per_sample == max(slots, -(-(slots + program.wait) // channels))
    assert schedule.first_beat == program.increments[0] + 7
    samples = draw_samples(plan, 3 * channels + 2, np.random.default_rng(0))
    record = run_memory(memory, samples)
    assert np.diff(record.accepted).tolist() == [schedule.cycles_per_sample] * (len(samples) - 1)
    for k, accepted in enumerate(record.accepted):
        beats = record.taken[k * order : (k + 1) * order]
        assert [beat - accepted for beat in beats] == [slot + 7 for slot in program.increments]


@pytest.mark.parametrize(("order", "lanes", "channels"), [(4, 2, 2), (4, 4, 8), (6, 3, 3)])
def test_channels_in_step_share_a_round(
    order: int, lanes: int, channels: int, run_memory: Any, draw_samples: Any
) -> None:
    """As many samples as lanes in the time of one; each lane's beats come a cycle after those of the one before."""
    plan = _plan("bilinear", order)
    memory = build_memory(plan, lanes=lanes, channels=channels)
    schedule = memory.schedule
    rounds = 4
    record = run_memory(memory, draw_samples(plan, rounds * lanes, np.random.default_rng(0)))
    starts = np.array(record.accepted)[lanes - 1 :: lanes]  # the last lane's sample starts a round
    assert np.diff(starts).tolist() == [schedule.cycles_per_round] * (rounds - 1)
    assert schedule.cycles_per_sample == pytest.approx(schedule.cycles_per_round / lanes)
    beats = np.array(record.taken).reshape(rounds, order // lanes, lanes)
    assert (beats[:, 0, 0] - starts).tolist() == [schedule.first_beat] * rounds
    assert np.all(np.diff(beats, axis=2) == 1)


@pytest.mark.parametrize("order", [64, 65, 100, 256])
@pytest.mark.parametrize("rule", ["ab2", "bilinear", "zoh"])
def test_one_lane_is_busy_in_95_percent_of_the_cycles(rule: str, order: int) -> None:
    """With one channel and samples waiting; what the schedules promise is measured above."""
    kind = {"ab2": ChainMemory, "bilinear": TridiagonalMemory, "zoh": DenseMemory}[rule]
    products = {"ab2": order, "bilinear": 3 * order - 1, "zoh": order * order}[rule]
    schedule = kind.schedule_for(SimpleNamespace(spec=SimpleNamespace(order=order)), 1, 1)  # type: ignore[arg-type]
    assert products / schedule.cycles_per_sample >= 0.95


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
