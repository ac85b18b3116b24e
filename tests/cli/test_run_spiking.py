"""`lmu-hw run --backend spiking`: memories and networks, what they leave behind, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.legendre import readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.networks.file import save_network
from lmu_hw.networks.model import Network, Output
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from tests.cli.conftest import Lmu

MEMORY = ["run", "--order", 3, "--theta", 0.1, "--dt", 0.001, "--backend", "spiking"]
SPEC = LMUSpec(3, 0.1, 0.001)


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    """300 samples within the band of the memory."""
    path = tmp_path / "wave.npy"
    np.save(path, 0.8 * np.sin(np.arange(300) * 0.03))
    return path


def test_a_memory_leaves_states_spikes_and_a_report(lmu: Lmu, wave: Path, tmp_path: Path) -> None:
    called = lmu(*MEMORY, "--neurons", 150, "--seed", 3, "--input", wave, "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"README.txt", "output.npy", "spikes.npz", "report.html"}
    memory = SpikingMemory(design_memory(SPEC, SpikingOptions(150, seed=3)))
    states = memory.run(np.load(wave), record=True)
    trains = memory.spikes
    assert trains is not None
    assert np.allclose(np.load(out / "output.npy"), states)
    with np.load(out / "spikes.npz", allow_pickle=False) as saved:
        assert np.array_equal(saved["step"], trains.step)
        assert np.array_equal(saved["neuron"], trains.neuron)
        assert np.allclose(saved["states"], states)
    told = called.answer["spiking"]
    assert (told["neurons"], told["ensembles"], told["spikes"]) == (150, 3, trains.count)
    ideal = FloatMemory(SPEC).run(np.load(wave))
    error = np.sqrt(np.mean(np.sum((states - ideal) ** 2 / [1, 3, 5], axis=1)))
    assert told["window_error"] == pytest.approx(error)
    report = (out / "report.html").read_text(encoding="utf-8")
    assert report.count("<figure ") == 3
    assert "--backend spiking --neurons 150" in report


def test_a_long_recording_is_run_without_a_seam(lmu: Lmu, tmp_path: Path) -> None:
    u = 0.8 * np.sin(np.arange(1300) * 0.03)
    np.save(tmp_path / "long.npy", u)
    lmu(*MEMORY, "--neurons", 30, "--input", "long.npy", "--out", "out")
    memory = SpikingMemory(design_memory(SPEC, SpikingOptions(30)))
    assert np.allclose(np.load(tmp_path / "out" / "output.npy"), memory.run(u, record=True), rtol=1e-9, atol=1e-9)
    with np.load(tmp_path / "out" / "spikes.npz", allow_pickle=False) as saved:
        assert memory.spikes is not None
        assert np.array_equal(saved["step"], memory.spikes.step)


def test_delays_give_the_readout(lmu: Lmu, wave: Path, tmp_path: Path) -> None:
    called = lmu(*MEMORY, "--delays", "0.5,1", "--neurons", 90, "--input", wave, "--out", "out", "--json")
    assert called.answer["shape"] == [300, 2]
    states = SpikingMemory(design_memory(SPEC, SpikingOptions(90, delays=(0.5, 1.0)))).run(np.load(wave))
    assert np.allclose(np.load(tmp_path / "out" / "output.npy"), states @ readout(3, [0.5, 1.0]).T)


@pytest.mark.parametrize("kind", ["poisson-relu", "lif", "rate-lif"])
def test_every_kind_runs_and_says_so(lmu: Lmu, wave: Path, kind: str) -> None:
    words = ["--neuron-kind", kind, "--neurons", 60, "--tau", "0.05,0.02", "--ensembles", 1, "--scaling-frequency", 4]
    called = lmu(*MEMORY, *words, "--coordinates", "states", "--max-rates", "100,200", "--input", wave)
    assert (called.status, called.err) == (0, "")
    assert kind in called.out
    assert "lag samples" in called.out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--neurons", 100], "neurons must be a multiple of the 3 ensembles, got 100"),
        (["--ensembles", 2], "ensembles must be a divisor of the 3 states, got 2"),
        (["--tau", "0.001"], "dt must be at most half the synapse's fastest time constant, 0.0005 s, got 0.001"),
        (
            ["--max-rates", "200,600"],
            "--max-rates must be 0 < low ≤ high < 500 Hz, one over the refractory period, got 200,600",
        ),
        (["--max-rates", "200"], "--max-rates has one number; give two, the lowest and the highest"),
        (["--intercepts", "-2,0.5"], "intercepts must be −1 ≤ low ≤ high < 1"),
        (["--neurons", 3 * 10**12], "memory for 3000000000000 neurons must be at most the machine's"),
        (["--scope", "all"], "--scope has no effect without a NETWORK"),
        (["--neuron-kind", "izhikevich"], "--neuron-kind must be one of poisson-lif"),
        (["--discretization", "ab2"], "discretization must be one with a single bank of states"),
    ],
)
def test_bad_requests_are_refused(lmu: Lmu, wave: Path, words: list[object], error: str) -> None:
    called = lmu(*MEMORY, *words, "--input", wave, "--out", "out")
    assert (called.status, called.out) == (2, "")
    assert error in called.err
    assert called.err.count("\n") == 1


def test_options_of_neurons_are_refused_elsewhere(lmu: Lmu, wave: Path) -> None:
    called = lmu(*MEMORY[:-2], "--neurons", 30, "--input", wave)
    assert called.status == 2
    assert called.err == "lmu-hw: --neurons has no effect with --backend float; it belongs to --backend spiking\n"


def test_a_network_in_spikes(lmu: Lmu, tmp_path: Path, rng: np.random.Generator) -> None:
    memory = MemoryParameters(
        LMUSpec(3, 10.0, 1.0),
        np.ones((1, 1)),
        np.zeros(1),
        rng.standard_normal((4, 3)),
        rng.standard_normal((4, 1)),
        np.zeros(4),
        "relu",
    )
    network = Network((memory, DenseParameters(rng.standard_normal((3, 4)), np.zeros(3))), Output.LAST)
    save_network(tmp_path / "net.npz", network)
    np.save(tmp_path / "x.npy", rng.standard_normal((4, 12, 1)))
    words = ["run", "net.npz", "--backend", "spiking", "--input", "x.npy", "--scope", "all", "--neurons", 40]
    called = lmu(*words, "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "README.txt",
        "output.npy",
        "classes.npy",
        "spikes.npz",
        "report.html",
    }
    assert np.load(out / "output.npy").shape == (4, 3)
    assert np.array_equal(np.load(out / "classes.npy"), np.argmax(np.load(out / "output.npy"), axis=1))
    with np.load(out / "spikes.npz", allow_pickle=False) as saved:
        assert {"layer0.memory.step", "layer0.units.neuron", "layer0.states"} <= set(saved.files)
        assert saved["layer0.states"].shape == (12, 1, 3)
    assert called.answer["spiking"]["neurons"] == 3 * 40 + 4 * 40
    assert called.answer["spiking"]["sample_seconds"] == 0.05  # half the synapse's time constant: a step is longer
    report = (out / "report.html").read_text(encoding="utf-8")
    assert report.count("<figure ") == 5  # two rasters, states, window, outputs
    for told in ("layer0.memory", "layer0.units", "lmu-hw run net.npz --input x.npy", "--neurons 40 --scope all"):
        assert told in report
    lmu(*words, "--out", "again")
    for name in ("report.html", "spikes.npz", "output.npy"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    refused = lmu(*words, "--ensembles", 1)
    assert (refused.status, refused.err) == (
        2,
        "lmu-hw: --ensembles has no effect with a NETWORK; it belongs to a memory\n",
    )


def test_a_network_with_an_output_per_step_and_one_sequence(lmu: Lmu, tmp_path: Path, rng: np.random.Generator) -> None:
    spec, shapes = LMUSpec(2, 0.1, 0.01), CellParameters.shapes(2, 1, 1, 3)
    cell = CellParameters(spec, **{name: 0.3 * rng.standard_normal(shape) for name, shape in shapes.items()})
    save_network(tmp_path / "net.npz", Network((cell, DenseParameters(rng.standard_normal((1, 3)), np.zeros(1)))))
    np.save(tmp_path / "x.npy", rng.standard_normal(25))
    called = lmu("run", "net.npz", "--backend", "spiking", "--input", "x.npy", "--out", "out", "--json")
    assert (called.status, called.err) == (0, "")
    assert called.answer["spiking"]["sample_seconds"] == 0.01  # a step of its memory
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.txt",
        "output.npy",
        "spikes.npz",
        "report.html",
    }
    assert np.load(tmp_path / "out" / "output.npy").shape == (25, 1)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert report.count("<figure ") == 4


def test_a_layer_without_a_spiking_form_is_named(lmu: Lmu, tmp_path: Path) -> None:
    save_network(tmp_path / "net.npz", Network((LSTMParameters(np.zeros((8, 1)), np.zeros((8, 2)), np.zeros(8)),)))
    np.save(tmp_path / "x.npy", np.zeros(5))
    called = lmu("run", "net.npz", "--backend", "spiking", "--input", "x.npy", "--out", "out")
    assert (called.status, called.out) == (2, "")
    assert "layer 0 (lstm) must be of a kind that has a spiking form: lmu, memory or dense" in called.err
    assert not (tmp_path / "out").exists()


def test_more_spikes_than_can_be_kept_are_refused_only_where_they_are_kept(
    lmu: Lmu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmu_hw.cli import run_spiking

    monkeypatch.setattr(run_spiking, "_MOST_NETWORK_SPIKES", 100)
    save_network(tmp_path / "net.npz", Network((MemoryParameters(LMUSpec(2, 5.0, 1.0), np.ones((1, 1)), np.zeros(1)),)))
    np.save(tmp_path / "x.npy", np.sin(np.arange(20.0)))
    words = ["run", "net.npz", "--backend", "spiking", "--input", "x.npy"]
    called = lmu(*words, "--out", "out")
    assert (called.status, called.out) == (2, "")
    assert "spikes of the first sequence must be at most 100 to be kept, got about " in called.err
    assert called.err.endswith("; without --out none are\n")
    assert lmu(*words).status == 0
