"""`lmu-hw demo`: its recording, its figures and its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.cli.demo import DIGITS, SCANNER, STEPS_PER_PIXEL, scan
from lmu_hw.reference.digits import DIGITS_SPEC, load_digits
from tests.cli.conftest import Lmu


def test_the_scan_passes_through_every_pixel_in_turn() -> None:
    data = load_digits(0)
    u = scan(data)
    pixels = u[STEPS_PER_PIXEL - 1 :: STEPS_PER_PIXEL]
    assert u.shape == (13 * 64 * STEPS_PER_PIXEL,)
    assert np.all(pixels[:64] == data.test.sequences[:12].min())  # white paper
    for k in range(12):
        image = np.empty(64)
        image[data.permutation] = data.test.sequences[k]
        rows = image.reshape(8, 8)
        for i in range(8):
            line = pixels[64 * (k + 1) + 8 * i :][:8]
            assert np.array_equal(line, rows[i] if i % 2 == 0 else rows[i, ::-1])
    assert np.abs(np.diff(u)).max() <= 2.0 / STEPS_PER_PIXEL


def test_the_designs_are_those_of_the_task() -> None:
    assert DIGITS.spec() == DIGITS_SPEC
    assert DIGITS.state_bits == 12
    assert SCANNER.spec().ratio == pytest.approx(64 * STEPS_PER_PIXEL)
    data = load_digits(0)
    plan = DIGITS.plan()
    codes = plan.input_format.encode(data.test.sequences)
    assert np.array_equal(plan.input_format.decode(codes), data.test.sequences)  # nothing is lost at the input


@pytest.mark.slow
def test_the_whole_demonstration(lmu: Lmu, tmp_path: Path) -> None:
    called = lmu("demo", "--out", "out", "--json")
    answer = called.answer
    assert (called.status, called.err) == (0, "")
    assert answer["passed"] is True
    assert answer["held_out"] >= 500
    assert answer["accuracy"]["float"] >= 0.93
    assert answer["accuracy"]["float"] - answer["accuracy"]["fixed"] <= 0.005
    assert answer["accuracy"]["rtl"] == answer["accuracy"]["fixed"]
    assert answer["different_predictions"] == answer["digital"]["mismatches"] == 0
    assert answer["digital"]["samples"] == 64 * answer["held_out"]
    assert answer["in_verilog"] == answer["held_out"]
    assert answer["small"]["analog"]["nrmse"] <= 0.01
    assert answer["scanner"]["multiplications_per_sample"] == 48
    out = tmp_path / "out"
    assert json.loads((out / "results.json").read_text(encoding="utf-8")) == answer
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {
        "README.txt",
        "report.html",
        "results.json",
        *(f"digits/{name}" for name in ("digits.v", "digits.core", "manifest.json", "plan.json")),
        *(f"digits/{name}" for name in ("system.json", "system.svg")),
        *(f"small/{name}" for name in ("small_memory.v", "small_memory.core", "manifest.json", "plan.json")),
        "small/small_memory.vcd",
        *(f"circuit/small_memory.{kind}" for kind in ("cir", "lib", "net", "svg")),
        *(f"circuit/{name}" for name in ("bom.csv", "manifest.json")),
        *(f"scanner/{name}" for name in ("scanner.v", "scanner.core", "manifest.json", "plan.json")),
    }
