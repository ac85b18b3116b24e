"""The experiments in fixed point: small errors that shrink with the words, designs that the search finds, speeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.experiments import app, fixed_point
from lmu_hw.experiments.fixed_point import CASES, measure_delay, measure_speed
from lmu_hw.fixed_point.fidelity import Band
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.fixed_point.search import search
from tests.experiments.conftest import called


@pytest.mark.parametrize("method", list(Discretization))
def test_sixteen_bits_are_far_below_the_chips(method: Discretization) -> None:
    assert measure_delay(method, 16) <= 0.003
    assert measure_delay(method, 16) < 0.05 * measure_delay(method, 10)


def test_a_memory_that_forgets_its_input_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = IntegerMemory.run
    monkeypatch.setattr(fixed_point.IntegerMemory, "run", lambda model, codes: whole(model, np.zeros_like(codes)))
    assert measure_delay(Discretization.ZOH, 16) == pytest.approx(1.0)


def test_the_command_prints_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_point, "DELAY_SECONDS", 1.0)
    assert set(called(fixed_point.delay_network)["nrmse"]) == {str(method) for method in Discretization}


def test_each_datapath_gets_its_cheapest_design_or_says_how_near_it_comes() -> None:
    order = called(fixed_point.comparison, "--order", "6", "--target-nrmse", "1e-3")["orders"]["6"]
    found = search(LMUSpec(6, CASES[6], 1.0), Band(6 / (8 * CASES[6])), structured_error=3e-4)
    assert len(order["designs"]) == len(found.by_datapath) == 4
    for design in order["designs"]:
        group = next(g for (method, _), g in found.by_datapath.items() if method == design["discretization"])
        good = [each for each in group if each.nrmse <= 1e-3]
        assert design["reached"] is bool(good)
        if good:
            assert design["state_bits"] == good[0].state_bits
            assert design["nrmse"] <= 1e-3
        else:
            assert design["nrmse"] == min(each.nrmse for each in group) > 1e-3


def test_updates_are_states_times_sequences_times_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that ticks once per look, every task takes a second."""
    ticks = itertools.count()
    monkeypatch.setattr(app.time, "perf_counter", lambda: float(next(ticks)))
    plan = plan_memory(LMUSpec(4, 40.0, 1.0, "ab2"))
    result = measure_speed(plan, batch=3, samples=5, workers=1, repeats=2)
    assert (result.integer, result.integer_final, result.floating) == (60.0, 60.0, 60.0)
    assert result.ratio == 1.0


def test_speed_prints_all_three_and_refuses() -> None:
    flags = ["--order", "4", "--ratio", "40", "--batch", "2", "--samples", "3", "--repeats", "1", "--workers", "1"]
    said = called(fixed_point.speed, *flags)
    assert said["datapath"] == "chain"
    assert said["ratio"] == pytest.approx(said["integer"] / said["floating"])
    refused = CliRunner().invoke(fixed_point.speed, ["--order", "0"])
    assert isinstance(refused.exception, DesignError)
    assert "order must be" in str(refused.exception)


def test_counts_that_are_refused() -> None:
    plan = plan_memory(LMUSpec(2, 40.0, 1.0, "ab2"))
    with pytest.raises(DesignError, match="workers must be an integer of at least 1"):
        measure_speed(plan, workers=0)


def test_speed_of_networks_counts_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(np.cumsum([0, 2, 0, 4, 0, 1, 0, 8]).tolist())  # the integer model takes 2 s, then 1 s; float 4 and 8
    monkeypatch.setattr(app.time, "perf_counter", lambda: float(next(ticks)))
    flags = ["--network", "digits_linear", "--batch", "6", "--steps", "8", "--repeats", "2"]
    said = called(fixed_point.quantized_speed, *flags)
    assert (said["integer_per_second"], said["float_per_second"], said["ratio"]) == (6.0, 1.5, 4.0)
