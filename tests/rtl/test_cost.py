"""What a manifest says of cost: bits of storage, and whether a sample or step fits between two clocks of samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.interface.cost import ClockBudget
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.network import generate_network_verilog
from tests.rtl.networks import LayerShape, random_network
from tests.rtl.ports import memory_bits


@pytest.mark.parametrize(
    ("method", "options", "hardware"),
    [
        ("euler", {}, {}),
        ("euler", {"delays": (0.3, 1.0)}, {"lanes": 2, "channels": 3}),
        ("zoh", {}, {"lanes": 2}),
        ("bilinear", {}, {"channels": 2}),
        ("zoh", {"datapath": "structured"}, {}),
        ("zoh", {}, {"unrolled": True, "channels": 4}),
    ],
)
def test_the_bits_of_a_memory_are_those_of_the_text(
    method: str, options: dict[str, Any], hardware: dict[str, Any]
) -> None:
    plan = plan_memory(LMUSpec(8, 1.0, 0.01, method), **options)
    made = generate_verilog(plan, name="memory", **hardware)
    bits = made.manifest["memory_bits"]
    assert made.manifest["memory_bits_total"] == sum(bits.values()) == memory_bits(made.text, "memory")
    assert (bits["readout_tables"] > 0) == bool(plan.readouts)


def test_a_memory_fits_where_all_channels_have_their_cycles() -> None:
    plan = plan_memory(LMUSpec(6, 0.01, 1 / 48_000))
    budgets = [generate_verilog(plan, channels=2, clock=clock).manifest for clock in (3.5e6, 3.4e6)]
    assert [each["cycles_per_sample"] for each in budgets] == [36, 36]
    fast, slow = (each["clock_budget"] for each in budgets)
    assert (fast["cycles_needed"], fast["cycles_available"], fast["fits"]) == (72, 72, True)
    assert (slow["cycles_needed"], slow["cycles_available"], slow["fits"]) == (72, 70, False)
    assert slow["utilisation"] == pytest.approx(72 * 48_000 / 3.4e6)
    assert slow["highest_rate_hz"] == pytest.approx(3.4e6 / 72)
    assert slow["latency_seconds"] == pytest.approx(budgets[1]["latency_cycles"] / 3.4e6)
    assert slow["seconds_per_inference"] is None
    assert generate_verilog(plan).manifest["clock_budget"] is None


def test_an_inference_of_a_network_takes_its_whole_sequence() -> None:
    shapes = [LayerShape(Datapath.CHAIN, order=4, hidden=3), LayerShape(hidden=2)]
    plan = random_network(np.random.default_rng(2), shapes, 1)
    made = generate_network_verilog(plan, lanes=2, clock=1e6, steps=20).manifest
    budget = made["clock_budget"]
    assert budget["seconds_per_inference"] == pytest.approx(
        (19 * made["cycles_per_step"] + made["cycles_per_last_step"]) / 1e6
    )
    assert budget["cycles_needed"] == max(made["cycles_per_step"], made["cycles_per_last_step"])
    dt = next(layer.memory.spec.dt for layer in plan.layers if layer.memory is not None)
    assert budget["cycles_available"] == math.floor(1e6 * dt)
    assert made["memory_bits_total"] == sum(made["memory_bits"].values())


def test_a_clock_is_positive_and_no_dt_is_no_answer() -> None:
    with pytest.raises(DesignError, match="clock must be a positive number of Hz, got 0"):
        ClockBudget(0.0, 1.0, 3, 3)
    told = ClockBudget(1e6, None, 3, 3).to_dict()
    assert (told["fits"], told["cycles_available"], told["utilisation"]) == (None, None, None)
