"""Every wrong request: one line (what, constraint, got), status 2, and nothing written."""

from __future__ import annotations

import ast
import os
import shlex
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Lmu, spawn

MEMORY = ["--order", "6", "--theta", "1", "--dt", "0.001"]


def _table() -> list[tuple[str, list[str]]]:
    """The calls of messages.txt with the lines of their answers."""
    _, *entries = Path(__file__).with_name("messages.txt").read_text(encoding="utf-8").split("\n$ ")
    split = [entry.rstrip("\n").split("\n  ") for entry in entries]
    return [(call, lines) for call, *lines in split]


ERRORS = _table()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Inputs and designs that are wrong in one way each."""
    return write_files(tmp_path)


def write_files(tmp_path: Path) -> Path:
    """Write inputs and designs that are wrong in one way each."""
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
    (tmp_path / "range.toml").write_text("order = 6\ntheta = 1\ndt = 2\n", encoding="utf-8")
    (tmp_path / "share.toml").write_text("order = 6\ntheta = 1\ndt = 0.001\ndelays = [2.5]\n", encoding="utf-8")
    for name, line in (
        ("quoted", 'lanes = "2"'),
        ("nan", "delays = [nan]"),
        ("call", "neurons = 40"),
        ("weights", "weight_bits = 8"),
        ("table", "[memory]\norder = 6"),
    ):
        (tmp_path / f"{name}.toml").write_text(f"theta = 1\ndt = 0.001\n{line}\n", encoding="utf-8")
    (tmp_path / "broken.toml").write_text("order = = 6\n", encoding="utf-8")
    (tmp_path / "bytes.toml").write_bytes(b"order = 6 # \xff\n")
    memory = 'order = 6\ntheta = "10ms"\nrate = "48kHz"\n'
    (tmp_path / "gm.toml").write_text(memory + 'gm = "2uS"\n', encoding="utf-8")
    (tmp_path / "both.toml").write_text(memory + "dt = 0.1\n", encoding="utf-8")
    (tmp_path / "unit.toml").write_text('order = 6\ntheta = "10Hz"\n', encoding="utf-8")
    (tmp_path / "twice.toml").write_text("resistor_sigma = 0.1\nresistor_tolerance = 0.1\n", encoding="utf-8")
    np.save(tmp_path / "x.npy", np.zeros((2, 64)))
    np.save(tmp_path / "classes.npy", np.array([0, 1]))
    np.save(tmp_path / "scores.npy", np.ones((2, 10)))
    np.save(tmp_path / "column.npy", np.zeros((64, 1)))
    np.save(tmp_path / "twelve.npy", np.eye(12))
    for name in ("bad.keras", "s.pt", "x.mp3"):
        (tmp_path / name).write_bytes(b"no")
    return tmp_path


def words_of(call: str) -> list[str]:
    """The words of a call of the table."""
    subcommand, *words = shlex.split(call.replace("@", shlex.join(MEMORY)))
    if subcommand not in ("train", "experiment", "regression", "completion") and "--out" not in words:
        words = ["--out", "out", *words]
    return [subcommand, *words]


@pytest.mark.parametrize(("call", "lines"), ERRORS, ids=[call for call, _ in ERRORS])
def test_error(lmu: Lmu, files: Path, call: str, lines: list[str]) -> None:
    before = sorted(files.iterdir())
    called = lmu(*words_of(call))
    assert (called.status, called.out) == (2, "")
    told = called.err.splitlines()
    assert len(told) == len(lines)
    for line, expected in zip(told, lines, strict=True):
        if expected.endswith("…"):
            assert line.startswith(f"lmu-hw: {expected[:-1]}")
        else:
            assert line == f"lmu-hw: {expected}"
    assert sum(not line.startswith("note: ") for line in lines) == 1
    assert sorted(files.iterdir()) == before


def test_no_message_of_the_packages_is_in_the_words_of_the_program() -> None:
    """Errors that ask for something "given", "accessible" or "readable" are sentences of their own instead."""
    root = Path(__file__).parents[2]
    found = []
    for folder in ("lmu_hw", "rtl", "analog", "sim"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DesignError" and len(node.args) == 3:
                    text = ast.unparse(node.args[1]).lstrip("f").strip("'\"")
                    if text.startswith(
                        ("accessible", "readable", "an existing", "a file that can be", "given by", "given,")
                    ):
                        found.append(f"{path.relative_to(root)}:{node.lineno} {text}")
    assert found == []


def test_an_unstable_step_is_refused_with_the_least_window(lmu: Lmu) -> None:
    called = lmu("derive", "--order", "6", "--theta", "1", "--dt", "0.2", "--discretization", "euler")
    assert called.status == 2
    assert "theta/dt must be at least 10.6" in called.err


@pytest.mark.parametrize("out", ["file", "file/inside"])
def test_out_that_is_no_folder(lmu: Lmu, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    called = lmu("verilog", *MEMORY, "--out", out)
    assert called.status == 2
    assert called.err == f"lmu-hw: cannot write into {out}: file is not a folder; choose another --out\n"
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_out_that_cannot_be_written_to(lmu: Lmu, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    called = lmu("verilog", *MEMORY, "--out", "locked")
    assert (called.status, called.err) == (2, "lmu-hw: cannot write into locked: no permission; choose another --out\n")


@pytest.mark.parametrize(
    ("simulator", "missing"), [("icarus", "Icarus Verilog (iverilog)"), ("verilator", "Verilator's requirement")]
)
def test_a_missing_simulator(tmp_path: Path, recording: Path, simulator: str, missing: str) -> None:
    words = ["--simulator", simulator, "--input", recording.name, "--out", "out"]
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    called = spawn("cosim", *MEMORY, *words, cwd=tmp_path, env=env)
    assert (called.status, called.out) == (2, "")
    assert called.err.startswith(f"lmu-hw: {missing}")
    assert " is not installed; " in called.err
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
    assert called.err == "lmu-hw: --order must be an integer from 1 to 2048, got 0\n"
