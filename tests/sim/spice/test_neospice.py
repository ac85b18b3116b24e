"""neospice in its process: what it must not be given, and what becomes of a process that misbehaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.errors import CheckFailed, DesignError, MissingToolError
from lmu_hw.sim.spice import neospice
from lmu_hw.sim.spice.neospice import Neospice

DECK = "* divider\nVu u 0 3\nR1 u x 2e3\nR2 x 0 1e3\n"
OP = DECK + ".op\n"


@pytest.mark.parametrize(
    ("netlist", "words"),
    [
        (DECK + ".meas when x\n.op\n", "got .meas"),
        (DECK + ".include models.lib\n.op\n", "got .include"),
        (DECK + "A1 u x gain\n.op\n", "got a1"),
        (DECK + "V2 y 0 external\nR3 y 0 1\n.op\n", "got v2"),
        (DECK + "V2 y 0 dc 0 trnoise(1 1e-3 0 0)\nR3 y 0 1\n.op\n", "got v2"),
        (DECK + ".options seed=3\n.op\n", "got {'seed'}"),
        (DECK + ".tran 1e-3 1 0.5\n", "from time 0"),
        (DECK + ".tran 1e-3 1 0 1e-3 uic\n", "the operating point"),
    ],
)
def test_what_it_would_pass_over_is_refused(netlist: str, words: str) -> None:
    with Neospice() as engine, pytest.raises(DesignError, match=words):
        engine.run(netlist, 10.0)


def test_one_process_serves_many_and_survives_an_error() -> None:
    with Neospice() as engine:
        assert engine.run(OP, 30.0)["v(x)"][0] == pytest.approx(1.0)
        process = engine._process
        with pytest.raises(CheckFailed, match="Resistor 'R9' has unrecognized value"):
            engine.run(OP + "R9 u x nonsense\n", 30.0)
        assert engine.run(OP.replace("2e3", "5e3"), 30.0)["v(x)"][0] == pytest.approx(0.5)
        assert engine._process is process
    assert process is not None
    assert process.poll() is not None


def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A worker that answers by `body` in place of the simulator's."""
    (tmp_path / "broken_worker.py").write_text(f"import sys, os, json, time\nsys.stdin.readline()\n{body}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(neospice, "_MODULE", "broken_worker")


def answer(**head: object) -> str:
    whole = {"error": None, "printed": "", "vectors": [["v(x)", "<f8", 1]], **head}
    return f"sys.stdout.write({json.dumps(json.dumps(whole))} + '\\n'); sys.stdout.flush()"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit(3)", "died: its process ended with status 3"),
        ("os.kill(os.getpid(), 11)", "died: its process was ended by signal 11"),
        ("time.sleep(60)", "did not end within 2 s"),
        (answer() + "; time.sleep(60)", "did not end within 2 s"),
        (answer() + "; sys.exit(0)", "died"),
        (answer(printed="Warning: something new\n", vectors=[]), "neospice: Warning: something new"),
        (answer(error="KeyError: 'x'", vectors=[]), "neospice: KeyError: 'x'"),
        (answer(vectors=[]), r"computed no v\(x\)"),
        (answer() + f"; os.write(1, {np.array([np.nan]).tobytes()!r})", "not finite"),
    ],
)
def test_what_a_broken_process_says_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    worker(tmp_path, monkeypatch, body)
    with Neospice() as engine, pytest.raises(CheckFailed, match=words):
        engine.run(OP, 2.0, ["v(x)"])


def test_a_process_that_never_reads_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deck that fills the pipe must not block for ever."""
    worker(tmp_path, monkeypatch, "")
    (tmp_path / "broken_worker.py").write_text("import time\ntime.sleep(60)\n")
    with Neospice() as engine, pytest.raises(CheckFailed, match="did not end within 1 s"):
        engine.run(OP + "* remark\n" * 200_000, 1.0)


def test_a_large_deck_arrives() -> None:
    parts = "".join(f"R{k + 10} x 0 1e9\n" for k in range(5000))
    with Neospice() as engine:
        assert engine.run(OP + parts, 60.0, ["v(x)"])["v(x)"][0] == pytest.approx(1.0, rel=1e-2)


def test_a_new_process_follows_one_that_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Neospice() as engine:
        with monkeypatch.context() as patched:
            worker(tmp_path, patched, "sys.exit(3)")
            with pytest.raises(CheckFailed):
                engine.run(OP, 30.0)
        assert engine.run(OP, 30.0)["v(x)"][0] == pytest.approx(1.0)


def test_without_neospice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neospice.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="pip install neospice"):
        Neospice()
