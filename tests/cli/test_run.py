"""`lmu-hw run`: each backend over an input file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile

from lmu_hw.core.legendre import energy_scale, readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.reference.memory import FloatMemory
from tests.cli.conftest import Lmu

MEMORY = ["--order", 3, "--theta", 0.03, "--dt", 0.001]
BITS = ["--state-bits", 10]
PLAN = Design(order=3, theta=0.03, dt=0.001, state_bits=10).plan()


def test_float_gives_the_states(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    called = lmu("run", *MEMORY, "--input", recording, "--out", "out")
    assert (called.status, called.err) == (0, "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"README.txt", "output.npy"}
    states = FloatMemory(LMUSpec(3, 0.03, 0.001)).run(np.load(recording))
    assert np.array_equal(np.load(tmp_path / "out" / "output.npy"), states)


def test_a_long_recording_is_run_without_a_seam(lmu: Lmu, tmp_path: Path) -> None:
    u = np.sin(np.arange(2500) * 0.05)
    np.save(tmp_path / "long.npy", u)
    codes = PLAN.input_format.encode(np.minimum(u, 1.0 - 2.0**-11))
    expected = {
        "float": FloatMemory(PLAN.spec).run(u),
        "fixed": PLAN.state_format.decode(IntegerMemory(PLAN).run(codes)),
    }
    for backend, states in expected.items():
        bits = [] if backend == "float" else BITS
        lmu("run", *MEMORY, *bits, "--input", "long.npy", "--backend", backend, "--out", backend)
        assert np.allclose(np.load(tmp_path / backend / "output.npy"), states, rtol=1e-13, atol=1e-15)


def test_rtl_gives_the_words_of_the_fixed_backend(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    for backend in ("fixed", "rtl"):
        words = ["--simulator", "icarus", "--lanes", 3] if backend == "rtl" else []
        called = lmu(
            "run", *MEMORY, *BITS, "--backend", backend, *words, "--input", recording, "--out", backend, "--json"
        )
        assert (called.status, called.err) == (0, "")
    fixed, rtl = (np.load(tmp_path / backend / "output.npy") for backend in ("fixed", "rtl"))
    assert np.array_equal(rtl, fixed)
    assert np.abs(fixed).max() > 0.1


@pytest.mark.parametrize("basis", ["legendre", "orthonormal"])
def test_delays_give_the_readout(lmu: Lmu, recording: Path, tmp_path: Path, basis: str) -> None:
    words = ["--basis", basis, "--delays", "0,0.5,1", "--input", recording, "--out", "out", "--json"]
    answer = lmu("run", *MEMORY, *words).answer
    states = FloatMemory(LMUSpec(3, 0.03, 0.001, basis=basis)).run(np.load(recording))
    weights = readout(3, [0.0, 0.5, 1.0]) * (1.0 if basis == "legendre" else energy_scale(3))
    output = np.load(tmp_path / "out" / "output.npy")
    assert np.allclose(output, states @ weights.T, rtol=1e-12)
    assert answer["shape"] == [60, 3]
    assert answer["delays"] == [0.0, 0.5, 1.0]
    assert np.allclose(answer["last"], output[-1])
    assert np.allclose(answer["rms"], np.sqrt((output**2).mean(axis=0)))


def test_delays_in_fixed_point_are_the_readouts_of_the_hardware(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    words = [*BITS, "--delays", "0,0.5,1", "--output-bits", 20, "--input", recording]
    for backend in ("fixed", "rtl"):
        more = ["--simulator", "icarus"] if backend == "rtl" else []
        called = lmu("run", *MEMORY, *words, *more, "--backend", backend, "--out", backend, "--json")
        assert (called.status, called.err) == (0, "")
    fixed, rtl = (np.load(tmp_path / backend / "output.npy") for backend in ("fixed", "rtl"))
    plan = plan_memory(LMUSpec(3, 0.03, 0.001), state_bits=10, output_bits=20, delays=(0.0, 0.5, 1.0))
    model = IntegerMemory(plan)
    assert plan.readouts is not None
    codes = plan.input_format.encode(np.load(recording), overflow=Overflow.SATURATE)
    exact = plan.readouts.format.decode(model.readouts(model.run(codes)))
    assert np.array_equal(fixed, exact)
    assert np.array_equal(rtl, exact)


def test_the_rate_of_a_wav_gives_the_step(lmu: Lmu, tmp_path: Path) -> None:
    two = np.stack([np.zeros(50), 0.5 * np.sin(np.arange(50) * 0.2)], axis=1)
    scipy.io.wavfile.write(tmp_path / "two.wav", 2000, two.astype(np.float32))
    words = ["run", "--order", 3, "--theta", 0.03, "--input", "two.wav", "--input-channel", 1, "--json"]
    called = lmu(*words)
    assert (called.answer["design"]["dt"], called.err) == (0.0005, "")
    assert called.answer["peak"][0] > 0.05
    other = lmu(*words, "--dt", 0.001)
    assert other.status == 0
    assert other.err == "lmu-hw: note: two.wav has 2000 samples a second; each is taken as one step of 0.001 s\n"
    assert other.answer["design"]["dt"] == 0.001


def test_normalize_scales_the_peak_to_one(lmu: Lmu, tmp_path: Path) -> None:
    np.save(tmp_path / "loud.npy", 40.0 * np.sin(np.arange(30) * 0.1))
    answer = lmu("run", *MEMORY, "--input", "loud.npy", "--normalize", "--delays", "0", "--json").answer
    assert 0.1 < answer["peak"][0] < 2.0


def test_a_named_column_of_a_table(lmu: Lmu, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("time,level\n0,0.5\n1,-0.5\n2,0.25\n", encoding="utf-8")
    assert lmu("run", *MEMORY, "--input", "t.csv", "--input-channel", "level", "--json").answer["samples"] == 3


def test_tables_and_no_file_without_out(lmu: Lmu, recording: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    assert "60 × 3" in lmu("run", *MEMORY, "--input", recording).out
    assert sorted(tmp_path.iterdir()) == before


def test_verilog_that_differs_is_a_failed_check(
    lmu: Lmu, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmu_hw.errors import CheckFailed

    def differs(*_: object, **__: object) -> None:
        raise CheckFailed("3 words\ndiffer")

    monkeypatch.setattr("lmu_hw.sim.targets.memory.run_rtl", differs)
    called = lmu("run", *MEMORY, "--input", recording, "--backend", "rtl", "--out", "out")
    assert (called.status, called.out, called.err) == (1, "", "lmu-hw: 3 words differ\n")
    assert not (tmp_path / "out").exists()
