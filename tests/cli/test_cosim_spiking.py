"""`lmu-hw cosim --spiking`: one report for fixed point, floats and spikes; a status that tells when a check fails."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmu_hw.cli import cosim
from lmu_hw.cli.recording import Recording
from lmu_hw.design.memory import Design
from lmu_hw.design.requests import BenchRequest
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog

DESIGN = Design(order=2, theta=0.05, dt=0.001, simulator="icarus")
CHOICE = SpikingChoice(neurons=16, band=20.0, max_rates=(150.0, 300.0))


def test_one_report_of_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = BenchRequest(runs=2, wave_samples=3)
    cosim.run_spiking(DESIGN, CHOICE, 2, Recording(None), bench, tmp_path, True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["passed"] is True
    assert answer["digital"]["mismatches"] == answer["spiking"]["mismatches"] == 0
    assert answer["spiking"]["neurons"] == 16
    assert 0.0 < answer["fixed_vs_float"]["max_error"] <= answer["fixed_vs_float"]["bound"]
    assert answer["spiking_vs_float"]["rtl"] == pytest.approx(answer["spiking_vs_float"]["integer"])
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == answer
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "spiking Verilog (icarus) = integer model" in page
    assert "Poisson noise predicts" in page
    assert "--spiking --neurons 16 --scaling-frequency 20.0 --max-rates 150.0,300.0 --spiking-lanes 2" in page
    assert page.count("<figure ") == 2
    assert answer["digital"]["runs"] == answer["spiking"]["runs"] == 2
    assert (answer["waveform"], answer["waveform_samples"]) == ("lmu_memory.fst", 3)
    done = subprocess.run(["sh", tmp_path / "bench" / "run.sh"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("PASSED: ")


def test_a_wrong_design_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def wrong(plan: Any, **names: Any) -> Any:
        return generate_spiking_verilog(replace(plan, drive=plan.drive + 500), **names)

    monkeypatch.setattr(cosim, "generate_spiking_verilog", wrong)
    with pytest.raises(CheckFailed, match=r"^spiking Verilog: beat"):
        cosim.run_spiking(DESIGN, CHOICE, 1, Recording(None), BenchRequest(), None, False)
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 2}, "channels must be 1 for one recording"),
        ({"delays": (1.0,)}, "--delays has no effect with --spiking"),
    ],
)
def test_what_a_comparison_cannot_have_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        cosim.run_spiking(replace(DESIGN, **change), CHOICE, 1, Recording(None), BenchRequest(), None, False)
