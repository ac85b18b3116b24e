"""`lmu-hw cosim`: all checks on one recording, their report, and a status that tells when one fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from lmu_hw.cli import plots
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from tests.cli.conftest import Lmu

MEMORY = ["--order", 3, "--theta", 0.003, "--dt", 0.0001, "--simulator", "icarus"]
COMMAND = (
    "lmu-hw cosim --order 3 --theta 0.003 --dt 0.0001 --simulator icarus --seed 1 --input recording.npy --no-analog"
)


def test_everything_agrees(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    called = lmu("cosim", *MEMORY, "--input", recording.name, "--out", "out", "--json")
    answer = called.answer
    assert (called.status, called.err) == (0, "")
    assert answer["passed"] is True
    assert (answer["digital"]["samples"], answer["digital"]["mismatches"]) == (60, 0)
    assert 0.0 < answer["fixed_vs_float"]["max_error"] <= answer["fixed_vs_float"]["bound"]
    assert 0.0 < answer["analog"]["nrmse"] <= 0.01
    assert answer["input"]["input"] == recording.name
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "README.txt",
        "lmu_memory.fst",
        "report.html",
        "results.json",
    ]
    assert answer["waveform"] == "lmu_memory.fst"
    assert json.loads((out / "results.json").read_text(encoding="utf-8")) == answer
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "SPICE – float" in page
    assert page.count("<figure ") == 4


def test_the_same_call_gives_the_same_report(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    words = ["cosim", *MEMORY, "--seed", 1, "--no-analog", "--input", recording.name]
    for folder in ("a", "b"):
        assert lmu(*words, "--out", folder).status == 0
    pages = [(tmp_path / folder / "report.html").read_text(encoding="utf-8") for folder in ("a", "b")]
    assert pages[0] == pages[1]
    assert f"<pre>{COMMAND}</pre>" in pages[0]
    assert "SPICE" not in pages[0]
    assert json.loads((tmp_path / "a" / "results.json").read_text(encoding="utf-8"))["analog"] is None


def test_without_a_file_it_runs_on_noise_and_writes_nothing(lmu: Lmu, tmp_path: Path) -> None:
    called = lmu("cosim", *MEMORY, "--no-analog")
    assert called.status == 0
    assert "band-limited noise, 90 samples" in called.out
    assert "0 mismatches in 270 beats of 90 samples" in called.out
    assert list(tmp_path.iterdir()) == []


def test_a_long_run_leaves_the_waveform_of_its_beginning(
    lmu: Lmu, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmu_hw.cli.cosim._TRACED_CYCLES", 90)
    answer = lmu("cosim", *MEMORY, "--no-analog", "--input", recording.name, "--out", "out", "--json").answer
    assert answer["waveform_samples"] == 90 // answer["cycles_per_sample"] < 60
    assert (tmp_path / "out" / "lmu_memory.fst").stat().st_size > 0


def test_wrong_verilog_fails_and_the_report_says_so(
    lmu: Lmu, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Design(order=3, theta=0.0031, dt=0.0001).plan()  # the same ports, other coefficients

    def wrong(plan: MemoryPlan, **settings: Any) -> VerilogDesign:
        return generate_verilog(other, **settings)

    monkeypatch.setattr("lmu_hw.cli.cosim.generate_verilog", wrong)
    called = lmu("cosim", *MEMORY, "--no-analog", "--input", recording.name, "--out", "out", "--json")
    assert called.status == 1
    assert called.err.startswith("lmu-hw: Verilog: ")
    assert len(called.err.splitlines()) == 1
    assert called.answer["passed"] is False
    assert called.answer["digital"]["mismatches"] > 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "a check failed" in page
    assert "FAILED" in page


def test_a_circuit_that_is_too_slow_fails(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    called = lmu("cosim", *MEMORY, "--input", recording.name, "--gbw", 3e5, "--out", "out", "--json")
    assert called.status == 1
    assert called.err.startswith("lmu-hw: circuit: ")
    answer = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert answer == called.answer
    assert max(answer["analog"][key] for key in ("nrmse", "readout_nrmse")) > answer["analog"]["tolerance"]
    assert answer["digital"]["passed"] is answer["fixed_vs_float"]["passed"] is True


def test_the_parts_of_the_bound_in_the_figure_add_up_to_it(lmu: Lmu, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tridiagonal datapath rounds inside its increment too: more than a tenth of a bound."""
    drawn: list[Figure] = []

    def kept(figure: Figure) -> str:
        drawn.append(figure)
        return "<svg/>"

    monkeypatch.setattr(plots, "svg_of", kept)
    words = ["--order", 2, "--theta", 1, "--dt", 0.1, "--discretization", "bilinear", "--simulator", "icarus"]
    assert lmu("cosim", *words, "--no-analog", "--out", "out").status == 0
    panel, _ = (  # for narrow windows and for wide ones
        panel for figure in drawn for panel in figure.axes if panel.get_title(loc="left").startswith("Bound by source")
    )
    heights = {bars.get_label(): [bar.get_height() for bar in bars] for bars in panel.containers}
    budget = Design(order=2, theta=1.0, dt=0.1, discretization="bilinear").plan().budget
    np.testing.assert_allclose(np.sum(list(heights.values()), axis=0), budget.total)
    np.testing.assert_allclose(heights["bound: internal"], budget.internal)
    assert budget.internal[1] > 0.1 * budget.total[1]
