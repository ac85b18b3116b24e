"""Whatever the datapath: `Increment.evaluate`, the integer model and memories held in float64 give the same words."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.fixed_point.datapaths import DenseIncrement
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.quantize.registers import is_exact, registers_for
from tests.networks.quantize.naive import NaiveMemory

CASES: list[tuple[int, float, str, dict[str, Any]]] = [
    (1, 20.0, "bilinear", {}),
    (2, 20.0, "bilinear", {}),
    (7, 30.0, "bilinear", {"output_bits": 20}),
    (40, 60.0, "bilinear", {"error_feedback": True}),
    (40, 60.0, "bilinear", {"error_feedback": False}),
    (16, 100.0, "bilinear", {"datapath": "dense"}),
    (16, 100.0, "zoh", {}),
    (16, 100.0, "zoh", {"datapath": "structured"}),
    (40, 100.0, "zoh", {"datapath": "structured", "state_bits": 12}),
    (1, 100.0, "euler", {}),
    (6, 200.0, "euler", {}),
    (1, 200.0, "ab2", {}),
    (7, 200.0, "ab2", {"output_bits": 20}),
    (12, 200.0, "ab2", {"error_feedback": False}),
    (12, 200.0, "ab2", {"state_bits": 28}),
]


def planned(order: int, ratio: float, method: str, options: dict[str, Any]) -> MemoryPlan:
    return plan_memory(LMUSpec(order, ratio, 1.0, method), **({"state_bits": 16} | options))


@pytest.fixture(params=CASES, ids=lambda case: "-".join(map(str, case[:3])))
def plan(request: pytest.FixtureRequest) -> MemoryPlan:
    """The plan of each case."""
    return planned(*request.param)


def extremes(rng: np.random.Generator, plan: MemoryPlan, batch: int, steps: int) -> IntArray:
    """Random codes; in the first sequence the largest and least ones only, for long at a time."""
    low, high = plan.input_format.low, plan.input_format.high
    codes = rng.integers(low, high + 1, (batch, steps))
    codes[0] = np.where(np.arange(steps) // 17 % 2, low, high)
    return codes


def test_equals_the_integer_model(plan: MemoryPlan, rng: np.random.Generator) -> None:
    codes = extremes(rng, plan, 3, 120)
    model = IntegerMemory(plan)
    state = model.zero_state(3)
    words = model.run(codes, state)
    registers = registers_for(plan, 3)
    for k in range(120):
        if k == 50:  # go on from a stored state
            stored = registers.store()
            registers = registers_for(plan, 3)
            registers.load(stored)
        registers.step(codes[:, k].astype(np.float64))
        assert np.array_equal(registers.words.T, words[:, k])
    stored = registers.store()
    for name in ("accumulator", "residue", "word", "output"):
        assert np.array_equal(getattr(stored, name), getattr(state, name))


def test_the_integer_model_is_evaluate(plan: MemoryPlan, rng: np.random.Generator) -> None:
    """With Python's integers in `evaluate`, one word at a time."""
    codes = extremes(rng, plan, 2, 40)
    words = IntegerMemory(plan).run(codes)
    for sequence, found in zip(codes, words, strict=True):
        memory = NaiveMemory(plan)
        assert [memory.step(code) for code in sequence.tolist()] == found.tolist()


class OwnIncrement(DenseIncrement):
    """A datapath that no table knows."""


def test_an_unknown_datapath_runs_by_evaluate(rng: np.random.Generator) -> None:
    plan = planned(5, 100.0, "zoh", {})
    known = plan.increment
    own = OwnIncrement(**{field.name: getattr(known, field.name) for field in fields(known)})
    other = replace(plan, increment=own)
    one, same = registers_for(plan, 2), registers_for(other, 2)
    for codes in extremes(rng, plan, 2, 40).T:
        one.step(codes.astype(np.float64))
        same.step(codes.astype(np.float64))
        assert np.array_equal(one.words, same.words)


def test_both_ways_are_taken() -> None:
    exact = [is_exact(planned(*case)) for case in CASES]
    assert exact.count(False) == 1
    assert not is_exact(plan_memory(LMUSpec(12, 200.0, 1.0, "ab2"), state_bits=28))
