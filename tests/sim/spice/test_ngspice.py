"""ngspice in batch: vectors against exact solutions, and no number where anything went wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.analog.circuit.elements import PiecewiseLinear
from lmu_hw.errors import CheckFailed, DesignError, MissingToolError
from lmu_hw.sim.spice.ngspice import read_raw, run_ngspice

LOW_PASS = "* low pass\nVu u 0 {source}\nR1 u x 1e3\nC1 x 0 1e-6\n"
TAU = 1e-3
STEP = LOW_PASS.format(source="pwl(0 0 1e-9 1)") + ".options reltol=1e-6\n"
TRAN = ".tran 1e-5 5e-3 0 1e-5\n.end\n"


@pytest.fixture
def run(tmp_path):
    def go(netlist: str, timeout_s: float = 30.0, vectors=()):
        return run_ngspice(netlist, tmp_path / "a b", timeout_s, vectors)

    return go


def test_transient_of_a_low_pass(run):
    found = run(STEP + TRAN, vectors=["V(x)"])
    assert set(found) == {"time", "v(u)", "v(x)", "i(vu)"}
    assert found["time"][-1] == 5e-3
    np.testing.assert_allclose(found["v(x)"], 1 - np.exp(-found["time"] / TAU), atol=1e-5)


def test_small_signal_of_a_low_pass(run):
    found = run(LOW_PASS.format(source="dc 0 ac 1") + ".ac dec 10 1 1meg\n.end\n")
    frequency = found["frequency"].real
    np.testing.assert_allclose(frequency[[0, -1]], (1.0, 1e6), rtol=1e-9)
    np.testing.assert_allclose(found["v(x)"], 1 / (1 + 2j * np.pi * frequency * TAU), rtol=1e-9)


def test_operating_point_keeps_every_bit(run):
    found = run("* divider\nVu u 0 0.1\nR1 u x 1\nR2 x 0 2\n.op\n")
    assert found["v(u)"].tolist() == [0.1]
    assert found["v(x)"][0] == pytest.approx(0.2 / 3, rel=1e-12)


def test_a_waveform_is_followed_through_its_points(run, rng):
    times = np.cumsum(rng.uniform(1e-5, 1e-4, 40))
    values = rng.uniform(-1, 1, 40)
    source = PiecewiseLinear(tuple(times.tolist()), tuple(values.tolist())).spice_value()
    netlist = LOW_PASS.format(source=source) + f".tran 1e-5 {float(times[-1])!r} 0 1e-5\n.end\n"
    found = run(netlist)
    np.testing.assert_allclose(np.interp(times, found["time"], found["v(u)"]), values, atol=1e-9)


def test_runs_are_equal_to_the_bit(run):
    first, second = run(STEP + TRAN), run(STEP + TRAN)
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("Xq u x nosuch\n", "unknown subckt: xq u x nosuch"),
        ("D1 u x nosuch\n", "can't find model 'nosuch' from line: d1 u x nosuch"),
        ("R9 u x nonsense\n", "nonsense"),
        (".include nosuch.lib\n", "Could not find include file nosuch.lib"),
        (".foo 3\n", ".foo 3: unimplemented control card"),
        (".save v(nosuch)\n", "no data saved"),
        ("C9 q1 q2 1e-9\n", "singular matrix: check node q2"),
        ("B1 z 0 V=sqrt(-1-v(u)*v(u))\nR8 z 0 1\n", "out of range for sqrt"),
        (".model sw sw(vt=0.5 vh=0.0 ron=1e-3 roff=1e12)\nS1 x 0 x 0 sw\n", "ngspice"),
    ],
)
def test_a_complaint_of_ngspice_is_one_line(run, extra, words):
    with pytest.raises(CheckFailed) as caught:
        run(STEP + extra + TRAN)
    assert words.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)


def test_a_vector_that_is_not_computed_is_missed(run):
    with pytest.raises(CheckFailed, match=r"computed no v\(nosuch\), only time, v\(u\)"):
        run(STEP + TRAN, vectors=["v(nosuch)"])


def test_a_simulation_that_hangs_is_killed(run):
    start = time.monotonic()
    with pytest.raises(CheckFailed, match="did not end within 1 s"):
        run(STEP + ".tran 1e-9 1e3 0 1e-9\n", timeout_s=1.0)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "status 3"),
        ("exit 0", "wrote no results"),
        ("printf 'Title: x\\n' > netlist.raw", "no readable head"),
        ("head -c 600 ../full.raw > netlist.raw", "incomplete: "),
        ("cat ../full.raw ../full.raw > netlist.raw", "incomplete: "),
        ("cp ../full.raw netlist.raw; echo 'Warning: something new'", "something new"),
        ("cp ../short.raw netlist.raw", "stopped at time 0.001, before the end of the analysis at 0.005"),
    ],
)
def test_what_a_broken_ngspice_leaves_is_not_believed(run, tmp_path, monkeypatch, script, words):
    run(STEP + TRAN)
    (tmp_path / "a b" / "netlist.raw").rename(tmp_path / "full.raw")
    run(STEP + TRAN.replace("5e-3", "1e-3"))
    (tmp_path / "a b" / "netlist.raw").rename(tmp_path / "short.raw")
    program = tmp_path / "bin" / "ngspice"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CheckFailed, match=words):
        run(STEP + TRAN)


def test_results_that_are_not_finite_are_refused(run, tmp_path, monkeypatch):
    raw = bytearray((run(STEP + TRAN), (tmp_path / "a b" / "netlist.raw").read_bytes())[1])
    raw[-8:] = np.array([np.nan]).tobytes()
    program = tmp_path / "bin" / "ngspice"
    program.parent.mkdir()
    (tmp_path / "nan.raw").write_bytes(raw)
    program.write_text("#!/bin/sh\ncp ../nan.raw netlist.raw\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CheckFailed, match="not finite"):
        run(STEP + TRAN)


def test_without_ngspice(run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match="apt install ngspice"):
        run(STEP + TRAN)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        (".end\n", "exactly one of .op, .tran, .ac, .noise, .dc, got none"),
        (".op\n.tran 1e-5 1e-3\n", "got .op, .tran"),
        (".tf v(x) vu\n", "got .tf"),
        (".op\n.control\nshell date\n.endc\n", "without a .control section"),
    ],
)
def test_wrong_netlists_are_refused(run, cards, words):
    with pytest.raises(DesignError, match=words):
        run(STEP + cards)


def test_a_raw_file_that_is_not_there(tmp_path):
    with pytest.raises(CheckFailed, match="wrote no results"):
        read_raw(Path(tmp_path / "nosuch.raw"))
