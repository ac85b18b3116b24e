"""The experiments in spikes: what they measure on short runs, and that a broken memory shows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.experiments import spiking_benchmark, spiking_forms, spiking_memory, spiking_networks
from lmu_hw.experiments.spiking_benchmark import Turn, compare, started, summary
from lmu_hw.experiments.spiking_memory import exponent, fitting, measure_error, window_error
from lmu_hw.networks.model import Network
from lmu_hw.reference.digits import load_digits
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.spiking.network import Scope
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import SynapseForm
from lmu_hw.training.tasks.delay import echoes


def test_the_error_is_below_the_goal_and_a_broken_memory_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure_error(250, 0, seconds=2.0) < 0.134 / 2
    assert measure_error(1000, 0, seconds=2.0) < 0.062 / 2
    whole = spiking_memory.SpikingMemory.run
    monkeypatch.setattr(spiking_memory.SpikingMemory, "run", lambda memory, u: whole(memory, np.zeros_like(u)))
    assert measure_error(250, 0, seconds=2.0) > 0.3


def test_exponents_are_those_of_power_laws(rng: np.random.Generator) -> None:
    x = [1.0, 4.0, 16.0, 64.0]
    noise = np.exp(0.05 * rng.standard_normal((4, 50)))
    found = exponent(x, 3.0 * np.array(x)[:, None] ** -0.5 * noise)
    assert found.low < -0.5 < found.high
    assert found.high - found.low < 0.02
    assert found.value == pytest.approx(0.5 * (found.low + found.high))


def test_the_window_is_decoded_from_legendre_states(rng: np.random.Generator) -> None:
    from lmu_hw.core.legendre import readout

    a, b = rng.standard_normal((2, 20, 4))
    points, weights = np.polynomial.legendre.leggauss(8)
    decode = readout(4, 0.5 * (points + 1.0))
    over_window = ((a - b) @ decode.T) ** 2 @ weights / 2.0
    assert window_error(a, b) == pytest.approx(np.sqrt(over_window.mean()))
    assert fitting(250, 6) == 246


def test_the_error_experiment_prints_and_plots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spiking_memory, "NEURONS", (60, 240))
    words = ["--most", "240", "--most-lif", "60", "--seeds", "2", "--seconds", "0.5"]
    called = CliRunner().invoke(spiking_memory.spiking_error, [*words, "--plot", str(tmp_path / "e.svg"), "--json"])
    assert called.exit_code == 0, called.output
    curves = json.loads(called.stdout)["over_neurons"]
    assert curves["poisson-lif"]["x"] == [60, 240]
    assert curves["lif"]["exponent"] is None
    assert np.shape(curves["poisson-relu"]["errors"]) == (2, 2)
    assert (tmp_path / "e.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "exponent" in CliRunner().invoke(spiking_memory.spiking_error, words).stdout


def test_the_order_experiment_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spiking_memory, "ORDERS", (2, 3))
    monkeypatch.setattr(spiking_memory, "PER_STATE", 30)
    monkeypatch.setattr(spiking_memory, "ALTOGETHER", 100)
    called = CliRunner().invoke(
        spiking_memory.spiking_error, ["--over", "order", "--seeds", "2", "--seconds", "1", "--json"]
    )
    assert called.exit_code == 0, called.output
    found = json.loads(called.stdout)["over_order"]
    assert found["per_state"]["x"] == [2, 3]
    assert found["altogether"]["exponent"]["low"] < found["altogether"]["exponent"]["high"]


def test_the_delay_network_is_better_than_the_chips() -> None:
    errors = [spiking_memory.measure_delay(NeuronKind.POISSON_LIF, seed, seconds=2.0) for seed in (0, 1)]
    assert np.mean(errors) < 0.09
    called = CliRunner().invoke(
        spiking_memory.spiking_delay, ["--neurons", "30", "--seeds", "1", "--seconds", "0.5", "--json"]
    )
    assert set(json.loads(called.stdout)["nrmse"]) == {str(kind) for kind in NeuronKind}


def test_digits_in_spikes(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    neurons, score, ideal = spiking_networks.measure_digits(100, Scope.MEMORY, kind=NeuronKind.RATE_LIF, count=40)
    assert (neurons, ideal) == (6400, 1.0)
    assert score >= 0.95
    noisy = spiking_networks.measure_digits(4, Scope.MEMORY, count=40)[1]
    assert noisy < 0.8
    words = ["--per-state", "2,4", "--digits", "3", "--plot", str(tmp_path / "d.svg")]
    called = CliRunner().invoke(spiking_networks.spiking_digits, words)
    assert called.exit_code == 0, called.output
    assert "Everything in spikes" in called.stdout
    first = (tmp_path / "d.svg").read_bytes()
    CliRunner().invoke(spiking_networks.spiking_digits, words)
    assert (tmp_path / "d.svg").read_bytes() == first


def test_the_time_of_a_pixel_is_chosen_on_training_digits_that_nothing_is_scaled_by() -> None:
    pytest.importorskip("sklearn")
    known, asked = spiking_networks.digits_of("training")
    assert spiking_networks.digits_of("test")[0].sequences.shape == known.sequences.shape
    everything = load_digits(0)
    assert np.array_equal(np.concatenate([known.sequences, asked.sequences]), everything.train.sequences)
    assert np.array_equal(spiking_networks.digits_of("test")[1].sequences, everything.test.sequences)
    words = ["--part", "training", "--digits", "6", "--per-state", "8", "--sample-seconds", "0.01,0.05", "--json"]
    called = CliRunner().invoke(spiking_networks.spiking_digits, words)
    assert called.exit_code == 0, called.output
    curves = json.loads(called.stdout)["curves"]
    assert [(c["scope"], c["sample_seconds"]) for c in curves] == [
        ("memory", 0.01),
        ("memory", 0.05),
        ("all", 0.01),
        ("all", 0.05),
    ]


def test_a_task_in_spikes(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    words = ["digits", "--neurons", "4,40", "--test-sequences", "20", "--seeds", "2", "--json"]
    called = CliRunner().invoke(spiking_networks.spiking_tasks, words)
    assert called.exit_code == 0, called.output
    result = json.loads(called.stdout)
    few, many = result["spiking"]
    assert (result["network"], result["metric"], result["float"]) == ("digits_linear", "accuracy", 1.0)
    assert (few["neurons"], many["neurons"]) == (256, 2560)
    assert few["mean"] < many["mean"]
    assert len(many["values"]) == 2
    assert "Over neurons, 2 seeds" in CliRunner().invoke(spiking_networks.spiking_tasks, words[:-1]).stdout


def test_every_task_says_what_its_network_is_tested_on(tmp_path: Path, rng: np.random.Generator) -> None:
    """A plain sum of the states of a memory of a delay's window is the delay."""
    memory = MemoryParameters(
        LMUSpec(6, 0.1, 0.0005, "bilinear"),
        np.ones((1, 1)),
        np.zeros(1),
        np.ones((1, 6)),
        np.zeros((1, 1)),
        np.zeros(1),
    )
    network = Network((memory,), notes={"seed": 3})
    tasks = spiking_networks.TASKS
    part = tasks["delay"][1](network, spiking_networks.Data())
    assert part.score(network) < 0.01
    assert np.array_equal(part.x, echoes(0.1, 8, 3 * 3 + 2)[0])
    assert tasks["capacity"][1](network, spiking_networks.Data()).x.shape == (1, 6 * 2000, 1)
    np.save(tmp_path / "x.npy", rng.standard_normal((20, 5)))
    np.save(tmp_path / "y.npy", rng.integers(0, 3, 20))
    own = tasks["arrays"][1](network, spiking_networks.Data(source=tmp_path / "x.npy", target=tmp_path / "y.npy"))
    assert own.x.shape == (4, 5, 1)
    dense = Network((DenseParameters(np.ones((1, 1)), np.zeros(1)),))
    with pytest.raises(DesignError, match="network must be one with a memory, got none"):
        tasks["delay"][1](dense, spiking_networks.Data())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["delay"], "--network is missing; `lmu-hw train delay` leaves such a file"),
        (["arrays", "--network", "digits_linear"], "--input X.npy and --target Y.npy are missing"),
        (["digits", "--network", "no.npz"], "is neither a file nor a network of the package"),
        (["digits", "--neurons", "1"], "neurons per state must be an integer of at least 2"),
        (["digits", "--seeds", "0"], "seeds must be an integer of at least 1, got 0"),
        (["psmnist", "--data", "nowhere"], "data must be a folder with the MNIST files, got nowhere"),
    ],
)
def test_tasks_refuse(words: list[str], said: str) -> None:
    called = CliRunner().invoke(spiking_networks.spiking_tasks, words)
    assert isinstance(called.exception, DesignError)
    assert said in str(called.exception)


def test_the_picture_is_small_and_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        words = ["--neurons", "300", "--seconds", "1", "--plot", str(tmp_path / name), "--json"]
        called = CliRunner().invoke(spiking_memory.spiking_picture, words)
        assert called.exit_code == 0, called.output
    result = json.loads(called.stdout)
    assert result["neurons"] == 300
    assert 0.005 < result["error"] < 0.1
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.svg").stat().st_size < 150_000


def test_the_sampled_map_is_exact_and_the_continuous_one_errs_with_the_step() -> None:
    for synapse in spiking_forms.SYNAPSES.values():
        errors = {
            form: [spiking_forms.measure_map(synapse, form, dt, 120, 0, 1.0)[0] for dt in (1e-3, 5e-4)]
            for form in SynapseForm
        }
        assert max(errors[SynapseForm.SAMPLED]) < 1e-9
        assert 1.7 < errors[SynapseForm.CONTINUOUS][0] / errors[SynapseForm.CONTINUOUS][1] < 2.4


def test_the_cost_experiment_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spiking_forms, "COSTED_NEURONS", (120, 240))
    monkeypatch.setattr(spiking_forms, "measure_apart", spiking_forms.measure_cost)
    called = CliRunner().invoke(spiking_forms.spiking_cost, ["--seconds", "0.4", "--json"])
    assert called.exit_code == 0, called.output
    costs = json.loads(called.stdout)["costs"]
    assert [cost["neurons"] for cost in costs] == [120, 240]
    assert all(cost["peak"] > 10**6 for cost in costs)


def test_the_benchmark_runs_without_nengo_and_sums_up() -> None:
    called = CliRunner().invoke(
        spiking_benchmark.spiking_benchmark, ["--neurons", "60", "--seeds", "1", "--seconds", "0.5", "--json"]
    )
    assert called.exit_code == 0, called.output
    result = json.loads(called.stdout)
    assert result["nengo_version"] is None
    assert 0.0 < result["balanced"]["60"]["error"] < 0.3
    turns = {name: {6: [Turn(e, w, w) for e, w in runs]} for name, runs in _RUNS.items()}
    summed = summary(turns)
    assert summed["times_faster"]["6"]["wall"] == pytest.approx(10.0)
    assert summed["nengo"]["6"]["error"] == pytest.approx(0.3)


_RUNS = {
    "balanced": [(0.1, 1.0), (0.1, 2.0), (0.1, 1.0)],
    "nengo": [(0.2, 10.0), (0.4, 10.0), (0.3, 30.0)],
}


def test_a_peer_that_is_not_there_or_ends_is_told() -> None:
    with pytest.raises(DesignError, match="make bench-spiking"), started(Path("no/python"), 1):
        pass
    with started(Path(sys.executable), 1) as peer, pytest.raises(CheckFailed, match=r"nengo ended: .*nengo"):
        compare(peer, [60], 1, 0.5)


def test_nengos_states_are_scored_like_ours(tmp_path: Path) -> None:
    """A stand-in for its process that gives the ideal states two samples late: no error is left."""
    stub = tmp_path / "stub.py"
    stub.write_text(_STUB, encoding="utf-8")
    from lmu_hw.experiments import spiking_benchmark_nengo as peer

    original = peer.__file__
    try:
        peer.__file__ = str(stub)
        with started(Path(sys.executable), 1) as nengo:
            turns = compare(nengo, [60], 1, 0.5)
            assert nengo.version == "stub"
    finally:
        peer.__file__ = original
    assert turns["nengo"][60][0].error < 1e-9
    assert turns["nengo"][60][0].wall == pytest.approx(2.0)


_STUB = """
import json, sys
import numpy as np
for line in sys.stdin:
    task = json.loads(line)
    arrays = np.load(task["arrays"])
    u, a, b = arrays["input"], arrays["matrix"], arrays["taps"]
    keep = np.exp(-arrays["dt"] / arrays["tau"])
    x, states = np.zeros(len(b)), [np.zeros(len(b))] * 2
    for sample in u[:-2]:
        x = keep * x + (1 - keep) * (a @ x + b * sample)
        states.append(x)
    np.save(task["states"], states)
    print(json.dumps({"wall": 1.0, "cpu": 1.0, "version": "stub"}), flush=True)
"""
