"""The measurement of speed: what it counts, what it prints, and what it refuses."""

from __future__ import annotations

import itertools
import json

import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.experiments import speed
from lmu_hw.fixed_point.planner import plan_memory


def test_updates_are_states_times_sequences_times_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that ticks once per look, every task takes a second."""
    ticks = itertools.count()
    monkeypatch.setattr(speed.time, "perf_counter", lambda: float(next(ticks)))
    plan = plan_memory(LMUSpec(4, 40.0, 1.0, "ab2"))
    result = speed.measure_speed(plan, batch=3, samples=5, workers=1, repeats=2)
    assert (result.integer, result.integer_final, result.floating) == (60.0, 60.0, 60.0)
    assert result.ratio == 1.0


def test_the_command_prints_all_three(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--order", "4", "--ratio", "40", "--batch", "2", "--samples", "3", "--repeats", "1", "--workers", "1"]
    assert speed.main(flags) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["datapath"] == "chain"
    assert said["ratio"] == pytest.approx(said["integer"] / said["floating"])
    assert speed.main(["--order", "0"]) == 2
    assert "order must be" in capsys.readouterr().err


def test_counts_that_are_refused() -> None:
    plan = plan_memory(LMUSpec(2, 40.0, 1.0, "ab2"))
    with pytest.raises(DesignError, match="workers must be an integer of at least 1"):
        speed.measure_speed(plan, workers=0)
