"""The long window in Verilog, shortened; the figure itself comes from the module's command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lmu_hw.sim.regression.long_window import LongWindow, run_long_window


@pytest.mark.slow
def test_a_shorter_window_is_bit_exact_and_near_its_input(tmp_path: Path) -> None:
    result = run_long_window(tmp_path, samples=22_000, window=10_000)
    assert result.mismatches == 0
    assert result.words == 22_000 * 101
    assert result.nrmse < 0.03  # the words' noise is that of a window ten times as short
    assert max(result.multiplier_bits) <= 18
    assert result.multiplications_per_sample == 100


def test_what_fails() -> None:
    good = LongWindow(1, 0, 101, 5e-4, (18, 18), 100, 103)
    assert good.passed
    for wrong in ({"mismatches": 1}, {"mismatches": -1}, {"words": 0}, {"nrmse": 2e-3}):
        assert not replace(good, **wrong).passed
