"""`lmu-hw quantize`: the plan and its measured error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.verilog import generate_verilog
from tests.cli.conftest import Lmu

WORDS = ["quantize", "--order", 6, "--theta", 1, "--dt", 0.005]


def test_json_is_the_plan_with_its_measurement(lmu: Lmu, tmp_path: Path) -> None:
    called = lmu(*WORDS, "--state-bits", 14, "--input-bits", 10, "--lanes", 2, "--out", "out", "--json")
    answer, plan = called.answer, plan_memory(LMUSpec(6, 1.0, 0.005), state_bits=14, input_bits=10)
    assert (called.status, called.err) == (0, "")
    assert answer.items() >= plan.to_dict().items()
    assert answer.keys() >= {"formats", "error_bound", "nrmse", "multiplications_per_sample"}
    manifest = generate_verilog(plan, lanes=2).manifest
    assert answer["cost"]["cycles_per_sample"] == manifest["cycles_per_sample"]
    assert answer["cost"]["latency_cycles"] == manifest["latency_cycles"]
    assert (tmp_path / "out" / "plan.json").read_text(encoding="utf-8") == called.out
    assert answer["design"]["coefficient_bits"] == plan.increment.coefficient_bits


@pytest.mark.parametrize("method", ["zoh", "euler", "ab2", "bilinear"])
def test_measured_error_lies_within_the_bound_and_is_not_nothing(lmu: Lmu, method: str) -> None:
    answer = lmu(*WORDS, "--discretization", method, "--state-bits", 12, "--json").answer
    measured = np.array(answer["measured"]["max_error"])
    assert np.all(measured > 0.0)
    assert np.all(measured <= answer["error_bound"])
    worst = answer["measured"]["worst_state"]
    ratios = np.array(answer["error_bound"]) / np.array(measured)
    assert answer["measured"]["largest_bound_over_max_error"] == pytest.approx(ratios.max())
    assert answer["measured"]["bound_over_max_error"] == pytest.approx(answer["error_bound"][worst] / measured[worst])


def test_measurement_is_that_of_the_whole_record() -> None:
    from lmu_hw.cli.quantize import measure
    from lmu_hw.cli.recording import noise_record
    from lmu_hw.core.metrics import nrmse
    from lmu_hw.fixed_point.model import IntegerMemory
    from lmu_hw.reference.memory import FloatMemory

    plan = Design(order=4, theta=1.0, dt=0.0007, state_bits=10).plan()  # more samples than one chunk
    u = noise_record(plan.spec, 5)
    model = IntegerMemory(plan)
    fixed, exact = model.decode(model.run(plan.input_format.encode(u))), FloatMemory(plan.spec).run(u)
    told: list[float] = []
    measured = measure(plan, 5, told.append)
    assert measured.nrmse == pytest.approx(nrmse(fixed, exact), rel=1e-12)
    assert np.allclose(measured.max_error, np.abs(fixed - exact).max(axis=0), rtol=1e-12)
    assert sum(told) == measured.samples == u.size > 1000


def test_seed_decides_the_record(lmu: Lmu) -> None:
    by_seed = {seed: lmu(*WORDS, "--seed", seed, "--json").answer["nrmse"] for seed in (0, 1)}
    assert by_seed[0] != by_seed[1]
    assert lmu(*WORDS, "--seed", 1, "--json").answer["nrmse"] == by_seed[1]


def test_tables(lmu: Lmu) -> None:
    out = lmu(*WORDS).out
    assert "measured NRMSE" in out
    assert "error bound" in out
    assert "(some of 20)" in lmu("quantize", "--order", 20, "--theta", 1, "--dt", 0.01).out
