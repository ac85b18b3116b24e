"""A port wider than the input format: out of range means saturated and flagged, never wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.build import build_memory

SHAPES: list[tuple[str, dict[str, Any]]] = [
    ("ab2", {"lanes": 2}),
    ("zoh", {"channels": 2}),
    ("bilinear", {"lanes": 2, "channels": 4}),
    ("bilinear", {"unrolled": True, "channels": 3}),
]


def _plan(rule: str = "euler") -> MemoryPlan:
    return plan_memory(LMUSpec(4, 40.0, 1.0, rule), input_bits=5, state_bits=12)


@pytest.mark.parametrize("clear", [0.0, 0.2])
@pytest.mark.parametrize("port_bits", [5, 6, 9, 60])
@pytest.mark.parametrize(("rule", "options"), SHAPES)
def test_samples_out_of_range_saturate_and_set_the_status_bit(
    rule: str,
    options: dict[str, Any],
    port_bits: int,
    clear: float,
    rng: np.random.Generator,
    run_memory: Any,
    expected_beats: Any,
    draw_samples: Any,
) -> None:
    """The bench compares the bit in every cycle: set by what is accepted, not by what is merely offered."""
    plan = _plan(rule)
    memory = build_memory(plan, **options, port_bits=port_bits)
    ends = [-(1 << (port_bits - 1)), (1 << (port_bits - 1)) - 1]
    samples = draw_samples(plan, 5 * memory.channels, rng)
    codes = rng.choice([*ends, -17, -16, 15, 16, 32, 48], len(samples)).clip(*ends).tolist()
    wild = rng.random(len(samples)) < 0.3
    samples = [s._replace(code=int(c)) if w else s for s, c, w in zip(samples, codes, wild, strict=True)]
    record = run_memory(memory, samples, rng=rng, stall=0.3, gap=0.3, clear=clear)
    assert record.beats == expected_beats(memory, samples)


def test_a_reset_clears_the_status_bit(rng: np.random.Generator, run_memory: Any, draw_samples: Any) -> None:
    memory = build_memory(_plan(), port_bits=8)
    bad = [s._replace(code=100) for s in draw_samples(memory.plan, 3, rng)]
    run_memory(memory, bad, reset_at=6)  # compares the bit in every cycle after the reset


@pytest.mark.parametrize("port_bits", [4, 0, 61, 6.0, True, "8"])
def test_port_widths_that_are_refused(port_bits: Any) -> None:
    with pytest.raises(DesignError, match=r"^port_bits must be an integer from 5 to 60, got"):
        build_memory(_plan(), port_bits=port_bits)
