"""`lmu-hw cosim`: all checks on one recording, their report, and a status that tells when one fails."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from lmu_hw.cli import plots
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.sim.cosim import base
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
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == [
        "README.txt",
        "bench/analog_memory.cir",
        "bench/expected_out_0.hex",
        "bench/input.npy",
        "bench/lmu_hw_harness.v",
        "bench/lmu_hw_testbench.v",
        "bench/lmu_memory.v",
        "bench/run.sh",
        "bench/samples_0.hex",
        "bench/traffic_0.hex",
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


def test_a_long_run_leaves_the_waveform_of_its_beginning_and_says_so(
    lmu: Lmu, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmu_hw.design.requests.TRACED_CYCLES", 90)
    words = ["cosim", *MEMORY, "--no-analog", "--input", recording.name, "--out", "out"]
    called = lmu(*words)
    answer = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert answer["waveform_samples"] == 90 // answer["cycles_per_sample"] < 60
    assert (tmp_path / "out" / "lmu_memory.fst").stat().st_size > 0
    told = f"lmu_memory.fst, the first {answer['waveform_samples']} of 60 samples; --wave-samples for more"
    assert told in called.out
    assert told in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_samples_traffic_runs_and_waveform_are_as_asked_for(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    bench = ["--samples", 30, "--gap", "40%", "--stall", 0, "--runs", 3, "--wave-samples", 5]
    called = lmu("cosim", *MEMORY, "--no-analog", "--input", recording.name, *bench, "--out", "out", "--json")
    answer = called.answer
    assert (called.status, called.err) == (0, "")
    assert answer["input"]["samples"] == 30
    assert answer["traffic"] == {"gap": 0.4, "stall": 0.0, "runs": 3, "seed": 0}
    assert (answer["digital"]["samples"], answer["digital"]["beats"], answer["digital"]["runs"]) == (90, 270, 3)
    assert answer["waveform_samples"] == 5
    assert answer["command"].endswith("--samples 30 --gap 0.4 --stall 0.0 --runs 3 --wave-samples 5 --no-analog")
    out = tmp_path / "out"
    assert np.array_equal(np.load(out / "bench" / "input.npy"), np.load(recording)[:30])
    assert (out / "bench" / "traffic_0.hex").read_text().split()[1:] == ["66", "0"]  # 102 and 0 of 256


def test_noise_is_as_long_as_asked_for_and_no_waveform_is_left_where_none_is_wanted(lmu: Lmu, tmp_path: Path) -> None:
    words = ["--no-analog", "--samples", 1, "--wave-samples", 0, "--out", "out", "--json"]
    answer = lmu("cosim", *MEMORY, *words).answer
    assert (answer["input"]["samples"], answer["digital"]["samples"], answer["waveform"]) == (1, 1, None)
    assert not list((tmp_path / "out").glob("*.fst"))


def test_a_waveform_needs_a_folder(lmu: Lmu) -> None:
    called = lmu("cosim", *MEMORY, "--wave-samples", 5)
    assert (called.status, called.err) == (2, "lmu-hw: --wave-samples has no effect without --out\n")


def test_a_difference_in_any_run_fails(lmu: Lmu, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats of the run with the second seed are damaged on their way to the scoreboard."""
    simulate = base.run_targets

    def damaged(targets: Any, **settings: Any) -> Any:
        if settings["seed"] == 1:
            settings["expected"] = [settings["expected"][0] + 1]
        return simulate(targets, **settings)

    monkeypatch.setattr(base, "run_targets", damaged)
    called = lmu("cosim", *MEMORY, "--no-analog", "--input", recording.name, "--runs", 2, "--json")
    assert called.status == 1
    assert called.answer["digital"]["mismatches"] == 180  # every word of one of two runs
    assert called.answer["digital"]["passed"] is False


def test_the_bench_runs_again_without_this_package_and_can_fail(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    words = ["--no-analog", "--delays", "1", "--port-bits", 16, "--input", recording.name]
    assert lmu("cosim", *MEMORY, *words, "--out", "out").status == 0
    folder = tmp_path / "out" / "bench"

    def run(*more: str) -> tuple[int, str]:
        words = ["sh", str(folder / "run.sh"), *more]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
        return done.returncode, done.stdout

    before = {path.name for path in folder.iterdir()}
    assert run() == (0, "PASSED: 240 beats, 0 mismatches\n")
    assert {path.name for path in folder.iterdir()} == before
    assert run("+waves")[0] == 0
    assert (folder / "waves.vcd").stat().st_size > 0
    (folder / "traffic_0.hex").write_text("5\n80\n80\n")  # half of the cycles are gaps, and half stalls
    assert run() == (0, "PASSED: 240 beats, 0 mismatches\n")
    verilog = (folder / "lmu_memory.v").read_text(encoding="utf-8")
    name = sorted(folder.glob("expected_out_*"))[0]
    lines = name.read_text().splitlines()
    name.write_text("\n".join([*lines[:7], f"{int(lines[7], 16) ^ 1:x}", *lines[8:]]) + "\n")
    status, said = run()
    assert (status, said.splitlines()[-1]) == (1, "FAILED: 240 beats, 1 mismatches")
    assert said.startswith("lmu_memory, out, beat 7: expected ")
    (folder / "lmu_memory.v").write_text(verilog.replace("endmodule", "syntax error", 1), encoding="utf-8")
    assert run()[0] != 0


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
    slow = ("--gbw", 1e5, "--no-correction", "--tolerance", "0.5%")
    called = lmu("cosim", *MEMORY, "--input", recording.name, *slow, "--out", "out", "--json")
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
