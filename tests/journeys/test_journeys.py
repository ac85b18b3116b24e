"""Four users' tasks as scripts of commands: each goes through without a line of Python."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile

from tests.networks.importers.files import Cell, dense, save

SCRIPTS = sorted(Path(__file__).parent.glob("*.sh"))
#: What a user needs besides this package: two simulators of their own, and what every shell has.
PROGRAMS = {"lmu-hw", "iverilog", "ngspice", "printf", "sh", "test"}
LIMIT = 600.0  # seconds, after which a script hangs


def commands(script: Path) -> list[list[str]]:
    """The words of each command of a script."""
    lines = script.read_text(encoding="utf-8").splitlines()
    return [shlex.split(line) for line in lines if line and not line.startswith("#")]


@pytest.fixture
def desk(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A folder with what the users have: a recording, a pulse, labelled sequences, and a model of Keras."""
    time = np.arange(4_800) / 48_000
    tone = np.sin(2 * np.pi * 40 * time) * np.exp(-8 * time)
    scipy.io.wavfile.write(tmp_path / "recording.wav", 48_000, (20_000 * tone).astype(np.int16))
    np.save(tmp_path / "pulse.npy", np.r_[np.full(20, 0.8), np.zeros(130)])
    # Two classes of pulses, early and late ones, which a window over the whole sequence tells apart.
    labels = rng.integers(0, 2, 240)
    position = rng.uniform(4.0, 12.0, 240) + 14.0 * labels
    pulses = np.exp(-(((np.arange(32) - position[:, None]) / 3.0) ** 2))
    np.save(tmp_path / "x.npy", pulses + 0.02 * rng.standard_normal(pulses.shape))
    np.save(tmp_path / "labels.npy", labels)
    save(
        tmp_path / "model.keras",
        [
            Cell(rng, flags=("hidden_to_memory",)).entry(),
            dense("readout", rng.uniform(-1, 1, (3, 4)), activation="softmax"),
        ],
    )
    np.save(tmp_path / "x_model.npy", rng.uniform(-1, 1, (4, 12, 2)))
    return tmp_path


def travel(script: Path, desk: Path) -> str:
    """Run a script in a folder, and return what it printed."""
    path = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    done = subprocess.run(
        ["sh", "-eu", script],
        cwd=desk,
        env={**os.environ, "PATH": path, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_journey_takes_no_other_programs(script: Path) -> None:
    assert {words[0] for words in commands(script)} <= PROGRAMS


def test_every_user_has_a_journey() -> None:
    assert {script.stem for script in SCRIPTS} == {
        "analog_designer",
        "fpga_engineer",
        "researcher",
        "verification_engineer",
    }


def test_the_fpga_engineer_gets_verilog_that_fits_the_clock_and_is_right(desk: Path) -> None:
    told = travel(Path(__file__).with_name("fpga_engineer.sh"), desk)
    manifest = json.loads((desk / "hardware" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["cycles_per_sample"] <= 100e6 / 48e3
    assert f"{manifest['cycles_per_sample']}" in told
    results = json.loads((desk / "check" / "results.json").read_text(encoding="utf-8"))
    assert results["passed"] is True
    assert results["digital"]["samples"] == 200
    assert (desk / "plan" / "front.csv").stat().st_size > 0


def test_the_researcher_gets_scores_and_the_same_answers_from_verilog(desk: Path) -> None:
    told = travel(Path(__file__).with_name("researcher.sh"), desk)
    lines = (desk / "scores" / "word_lengths.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4  # the names of the columns, and three lengths
    assert re.search(r"accuracy\D+(9[0-9]|100)", told)
    results = json.loads((desk / "check" / "results.json").read_text(encoding="utf-8"))
    assert results["passed"] is True


def test_the_verification_engineer_sees_what_was_run(desk: Path) -> None:
    travel(Path(__file__).with_name("verification_engineer.sh"), desk)
    results = json.loads((desk / "bench" / "results.json").read_text(encoding="utf-8"))
    assert results["passed"] is True
    assert results["traffic"] == {"gap": 0.5, "stall": 0.7, "runs": 2, "seed": 7}
    assert results["waveform_samples"] == 20
    assert (desk / "answer").is_dir()


def test_the_analog_designer_gets_a_circuit_that_runs(desk: Path) -> None:
    travel(Path(__file__).with_name("analog_designer.sh"), desk)
    assert (desk / "circuit" / "bom.csv").stat().st_size > 0
    results = json.loads((desk / "check" / "results.json").read_text(encoding="utf-8"))
    assert results["analog"]["nrmse"] <= 0.01


def test_a_command_that_fails_ends_a_journey(desk: Path) -> None:
    script = desk / "wrong.sh"
    shutil.copy(SCRIPTS[0], script)
    text = script.read_text(encoding="utf-8")
    script.write_text("lmu-hw derive --order 0 --theta 1 --dt 0.1\n" + text, encoding="utf-8")
    with pytest.raises(AssertionError, match="order must be an integer from 1 to 2048"):
        travel(script, desk)
