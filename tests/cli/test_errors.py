"""Every wrong request: one line (what, constraint, got), status 2, and nothing written."""

from __future__ import annotations

import os
import shlex
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Lmu, spawn

MEMORY = ["--order", "6", "--theta", "1", "--dt", "0.001"]

# The call, with @ for the flags of a good memory, and what the line says.
ERRORS = [
    ("derive --order 0 --theta 1 --dt 0.1", "order must be an integer from 1 to 2048, got 0"),
    ("derive --order 2.5 --theta 1 --dt 0.1", "order must be an integer, got 2.5"),
    ("derive --order 6 --theta -1 --dt 0.1", "theta must be a positive number of seconds, got -1.0"),
    ("derive --order 6 --theta 1 --dt 2", "dt must be at most theta = 1 s, got 2.0"),
    ("derive --order 6 --theta nan --dt 1", "theta must be a positive number of seconds, got nan"),
    ("derive --order 6 --theta 1 --dt inf", "dt must be a positive number of seconds, got inf"),
    ("derive --order 6 --theta one --dt 1", "theta must be a number, got one"),
    ("derive --order 6 --theta 1", "dt must be given, by --dt or in a design file, got nothing"),
    ("derive @ --discretization rk4", "discretization must be one of zoh, euler, ab2, bilinear, got rk4"),
    ("derive @ --basis fourier", "basis must be one of legendre, orthonormal, got fourier"),
    ("derive @ --seed -1", "seed must be an integer of 0 or more, got -1"),
    ("derive @ --oder 6", "got --oder; did you mean --order?"),
    ("derive @ extra", "Got unexpected extra argument (extra)"),
    ("derive --order", "Option '--order' requires an argument."),
    ("deriv @", "got deriv; did you mean derive?"),
    (
        "xyz @",
        "subcommand must be one of derive, quantize, verilog, spice, cosim, run, train, import, demo, doctor, "
        "experiment, regression, got xyz",
    ),
    ("quantize @ --state-bits 2", "state_bits must be an integer from 3 to 32, got 2"),
    ("quantize @ --state-bits 3", "state_bits must be enough for a range of "),
    ("quantize @ --input-bits 25", "input_bits must be an integer from 3 to 24, got 25"),
    ("quantize @ --coefficient-bits 1", "coefficient_bits must be an integer from 3 to 32, got 1"),
    ("quantize @ --target-nrmse 0", "target-nrmse must be a positive finite number, got 0"),
    ("quantize @ --target-nrmse nan", "target-nrmse must be a positive finite number, got nan"),
    ("quantize @ --target-nrmse 1e-3 --state-bits 9", "without --state-bits, which it searches"),
    ("quantize @ --target-nrmse 1e-3 --no-error-feedback", "without --error-feedback, which it searches"),
    ("quantize @ --target-nrmse 1e-3 --bandwidth 0", "bandwidth must be a positive number of Hz, got 0"),
    ("quantize @ --target-nrmse 1e-3 --bandwidth 900", "bandwidth must be below half the sampling rate, 500 Hz"),
    ("quantize @ --target-nrmse 1e-3 --clock nan", "clock must be a positive number of Hz, got nan"),
    ("quantize @ --bandwidth 3", "bandwidth must be given with --target-nrmse, got 3"),
    ("quantize @ --output-bits 9", "output_bits must be an integer from 16 to 48, got 9"),
    ("quantize @ --datapath chain", "datapath of zoh must be one of dense, structured, got chain"),
    ("quantize @ --delays 0,1.5", "must be a number from 0 to 1"),
    ("verilog @ --name 2nd", "name must be a letter followed by at most 62 letters, digits or _, got 2nd"),
    ("verilog @ --name 'a b'", "name must be a letter followed by"),
    ("verilog @ --name ../x", "name must be a letter followed by"),
    ("verilog @ --lanes 4", "lanes must be a divisor of the order 6, or 6 times one, got 4"),
    ("verilog @ --channels 0", "channels must be an integer from 1 to 4096, got 0"),
    ("spice --order 6 --theta 0.01 --topology star", "topology must be one of dense, chain, ladder, got star"),
    ("spice --order 6 --theta 0.01 --style lc", "style must be one of opamp-rc, opamp-rc-differential, gm-c, got lc"),
    (
        "spice --order 6 --theta 0.01 --resistors E10",
        "resistors must be one of E3, E6, E12, E24, E48, E96, E192, got E10",
    ),
    ("spice --order 6 --theta 0.01 --supply 0", "supply in volts must be a positive finite number, got 0.0"),
    ("spice --order 6 --theta 0.01 --resistor-tolerance 0.3", "resistor tolerance must be from 0 to less than 0.25"),
    ("spice --order 6 --theta 0.01 --capacitors E3 --circuit-error 1e-9", "error must be above"),
    ("spice --order 6 --theta 1e-13", "a capacitor from 1e-12 to 0.001 F must be such that resistors stay within"),
    ("spice --order 6 --theta 0.01 --style gm-c --gm 0", "transconductor gm must be a positive finite number, got 0.0"),
    ("spice --order 6 --theta 0.01 --ota best", "ota must be one of ideal, macro, got best"),
    ("spice --order 6 --theta 0.01 --opamp best", "opamp must be one of ideal, single-pole, macro, got best"),
    ("spice --order 6 --theta 0.01 --gbw -1", "op-amp gbw must be a positive finite number, got -1.0"),
    ("spice --order 6 --theta 0.01 --gbw 1", "the op-amps must be fast enough for a stable circuit"),
    ("spice --order 0 --theta 0.01", "order must be an integer from 1 to 2048, got 0"),
    ("spice --theta 0.01", "order must be given, by --order or in a design file, got nothing"),
    ("run @", "input must be given, by --input FILE, got nothing"),
    ("run @ --input none.wav", "input file must be an existing file, got none.wav"),
    ("run @ --input empty.wav", "empty.wav must be a RIFF WAVE file"),
    ("run @ --input empty.csv", "empty.csv must be a recording of at least one sample, got none"),
    ("run @ --input empty.npy", "empty.npy must be a whole .npy file"),
    ("run @ --input two.wav", "channel must be chosen among 0 to 1 for the 2 channels of two.wav, got none"),
    ("run @ --input two.wav --channel 2", "channel must be one of 0 to 1 in two.wav, got 2"),
    ("run @ --input loud.npy", "loud.npy must be within [-1, 1], got a peak of"),
    ("run @ --input hole.npy", "hole.npy must be finite in every sample, got nan at sample 3"),
    ("run @ --input quiet.npy --delays 0,2", "must be a number from 0 to 1"),
    ("run @ --input quiet.npy --delays a", "delays must be numbers with commas between them, got a"),
    ("run @ --input quiet.npy --backend analog", "backend must be one of float, fixed, rtl, spiking, got analog"),
    ("run @ --input quiet.npy --channels 2", "channels must be 1 for one recording, got 2"),
    ("cosim @ --input none.csv", "input file must be an existing file, got none.csv"),
    ("cosim @ --simulator vcs", "simulator must be one of verilator, icarus, got vcs"),
    ("cosim @ --channels 2", "channels must be 1 for one recording, got 2"),
    ("cosim @ --basis orthonormal", "basis must be legendre for a circuit, got orthonormal"),
    ("cosim --order 2 --theta 9 --dt 1", "beside a circuit (or give --no-analog), got 1.0"),
    ("demo --seed -1", "seed must be "),
    ("derive --design none.toml", "design file must be a readable file, got none.toml (No such file or directory)"),
    ("derive --design typo.toml", "got ordr; did you mean order?"),
    ("derive --design words.toml", "order must be an integer, got six"),
    ("derive --design broken.toml", "design file must be valid TOML in UTF-8, got broken.toml ("),
    ("derive --design bytes.toml", "design file must be valid TOML in UTF-8, got bytes.toml ("),
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Inputs and designs that are wrong in one way each."""
    for name in ("empty.wav", "empty.csv", "empty.npy"):
        (tmp_path / name).write_bytes(b"")
    np.save(tmp_path / "loud.npy", np.array([0.0, 3.0]))
    np.save(tmp_path / "quiet.npy", np.zeros(8))
    np.save(tmp_path / "hole.npy", np.array([0.0, 0.1, 0.2, np.nan]))
    with wave.open(str(tmp_path / "two.wav"), "wb") as two:
        two.setnchannels(2)
        two.setsampwidth(2)
        two.setframerate(1000)
        two.writeframes(bytes(40))
    (tmp_path / "typo.toml").write_text("ordr = 6\n", encoding="utf-8")
    (tmp_path / "words.toml").write_text('order = "six"\n', encoding="utf-8")
    (tmp_path / "broken.toml").write_text("order = = 6\n", encoding="utf-8")
    (tmp_path / "bytes.toml").write_bytes(b"order = 6 # \xff\n")
    return tmp_path


@pytest.mark.parametrize(("call", "said"), ERRORS, ids=[call for call, _ in ERRORS])
def test_error(lmu: Lmu, files: Path, call: str, said: str) -> None:
    before = sorted(files.iterdir())
    subcommand, *words = shlex.split(call.replace("@", shlex.join(MEMORY)))
    called = lmu(subcommand, "--out", "out", *words)
    assert (called.status, called.out) == (2, "")
    lines = called.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("lmu-hw: ")
    assert said in lines[0]
    assert sorted(files.iterdir()) == before


def test_an_unstable_step_is_refused_with_the_least_window(lmu: Lmu) -> None:
    called = lmu("derive", "--order", "6", "--theta", "1", "--dt", "0.2", "--discretization", "euler")
    assert called.status == 2
    assert "theta/dt must be at least 10.6" in called.err


@pytest.mark.parametrize("out", ["file", "file/inside"])
def test_out_that_is_no_folder(lmu: Lmu, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    called = lmu("verilog", *MEMORY, "--out", out)
    assert called.status == 2
    assert called.err.startswith("lmu-hw: out must be a folder, or the name of a new one, got ")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_out_that_cannot_be_written_to(lmu: Lmu, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    called = lmu("verilog", *MEMORY, "--out", "locked")
    assert (called.status, called.err) == (2, "lmu-hw: out must be a folder that can be written to, got locked\n")


@pytest.mark.parametrize(
    ("simulator", "missing"), [("icarus", "Icarus Verilog (iverilog)"), ("verilator", "Verilator's requirement")]
)
def test_a_missing_simulator(tmp_path: Path, recording: Path, simulator: str, missing: str) -> None:
    words = ["--simulator", simulator, "--input", recording.name, "--out", "out"]
    called = spawn("cosim", *MEMORY, *words, cwd=tmp_path, env={"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert (called.status, called.out) == (2, "")
    assert called.err.startswith(f"lmu-hw: {missing}")
    assert " must be installed (" in called.err
    assert len(called.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_error_leaves_what_was_there(lmu: Lmu, tmp_path: Path) -> None:
    assert lmu("verilog", *MEMORY, "--out", "out").status == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert lmu("verilog", *MEMORY, "--lanes", "4", "--out", "out").status == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_real_processes_end_with_the_same_status_and_line(tmp_path: Path) -> None:
    called = spawn("derive", "--order", "0", "--theta", "1", "--dt", "0.1", cwd=tmp_path)
    assert (called.status, called.out) == (2, "")
    assert called.err == "lmu-hw: order must be an integer from 1 to 2048, got 0\n"
