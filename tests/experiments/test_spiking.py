"""The experiments in spikes: what they measure on short runs, and that a broken memory shows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.experiments import (
    spiking_benchmark,
    spiking_cost,
    spiking_delay,
    spiking_digits,
    spiking_error,
)
from lmu_hw.experiments.spiking_benchmark import Turn, compare, started, summary
from lmu_hw.experiments.spiking_error import exponent, fitting, measure, window_error
from lmu_hw.network import Network
from lmu_hw.network_file import save_network
from lmu_hw.reference.layers import MemoryParameters
from lmu_hw.spec import LMUSpec
from lmu_hw.spiking.network import Scope
from lmu_hw.spiking.neurons import NeuronKind


def test_the_error_is_below_the_goal_and_a_broken_memory_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(250, 0, seconds=2.0) < 0.134 / 2
    assert measure(1000, 0, seconds=2.0) < 0.062 / 2
    whole = spiking_error.SpikingMemory.run
    monkeypatch.setattr(spiking_error.SpikingMemory, "run", lambda memory, u: whole(memory, np.zeros_like(u)))
    assert measure(250, 0, seconds=2.0) > 0.3


def test_exponents_are_those_of_power_laws(rng: np.random.Generator) -> None:
    x = [1.0, 4.0, 16.0, 64.0]
    noise = np.exp(0.05 * rng.standard_normal((4, 50)))
    found = exponent(x, 3.0 * np.array(x)[:, None] ** -0.5 * noise)
    assert found.low < -0.5 < found.high
    assert found.high - found.low < 0.02
    assert found.value == pytest.approx(0.5 * (found.low + found.high))


def test_the_window_is_decoded_from_legendre_states(rng: np.random.Generator) -> None:
    from lmu_hw.legendre import readout

    a, b = rng.standard_normal((2, 20, 4))
    points, weights = np.polynomial.legendre.leggauss(8)
    decode = readout(4, 0.5 * (points + 1.0))
    over_window = ((a - b) @ decode.T) ** 2 @ weights / 2.0
    assert window_error(a, b) == pytest.approx(np.sqrt(over_window.mean()))
    assert fitting(250, 6) == 246


def test_the_error_experiment_prints_and_plots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spiking_error, "NEURONS", (60, 240))
    words = ["--most", "240", "--most-lif", "60", "--seeds", "2", "--seconds", "0.5"]
    called = CliRunner().invoke(spiking_error.main, [*words, "--plot", str(tmp_path / "e.svg"), "--json"])
    assert called.exit_code == 0, called.output
    curves = json.loads(called.stdout)["over_neurons"]
    assert curves["poisson-lif"]["x"] == [60, 240]
    assert curves["lif"]["exponent"] is None
    assert np.shape(curves["poisson-relu"]["errors"]) == (2, 2)
    assert (tmp_path / "e.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "exponent" in CliRunner().invoke(spiking_error.main, words).stdout


def test_the_order_experiment_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spiking_error, "ORDERS", (2, 3))
    monkeypatch.setattr(spiking_error, "PER_STATE", 30)
    monkeypatch.setattr(spiking_error, "ALTOGETHER", 100)
    called = CliRunner().invoke(spiking_error.main, ["--over", "order", "--seeds", "2", "--seconds", "1", "--json"])
    assert called.exit_code == 0, called.output
    found = json.loads(called.stdout)["over_order"]
    assert found["per_state"]["x"] == [2, 3]
    assert found["altogether"]["exponent"]["low"] < found["altogether"]["exponent"]["high"]


def test_the_delay_network_is_better_than_the_chips() -> None:
    errors = [spiking_delay.measure(NeuronKind.POISSON_LIF, seed, seconds=2.0) for seed in (0, 1)]
    assert np.mean(errors) < 0.09
    called = CliRunner().invoke(spiking_delay.main, ["--neurons", "30", "--seeds", "1", "--seconds", "0.5", "--json"])
    assert set(json.loads(called.stdout)["nrmse"]) == {str(kind) for kind in NeuronKind}


def test_a_trained_delay_in_spikes_follows_the_echo_as_in_float(tmp_path: Path) -> None:
    # What `lmu-hw train delay` comes to: a memory whose states are summed.
    memory = MemoryParameters(
        LMUSpec(4, 0.1, 0.002), np.ones((1, 1)), np.zeros(1), np.ones((1, 4)), np.zeros((1, 1)), np.zeros(1)
    )
    network = Network((memory,))
    spiking, ideal = spiking_delay.measure_trained(network, NeuronKind.POISSON_LIF, 0, sequences=2)
    assert ideal < 0.06
    assert ideal < spiking < 0.4
    save_network(tmp_path / "delay.npz", network)
    called = CliRunner().invoke(spiking_delay.main, ["--trained", str(tmp_path / "delay.npz"), "--seeds", "1"])
    assert called.exit_code == 0, called.output
    assert "rate-relu" in called.stdout


def test_digits_in_spikes(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    neurons, score, ideal = spiking_digits.measure(100, Scope.MEMORY, kind=NeuronKind.RATE_LIF, digits=40)
    assert (neurons, ideal) == (6400, 1.0)
    assert score >= 0.95
    noisy = spiking_digits.measure(4, Scope.MEMORY, digits=40)[1]
    assert noisy < 0.8
    words = ["--per-state", "2,4", "--digits", "3", "--plot", str(tmp_path / "d.svg")]
    called = CliRunner().invoke(spiking_digits.main, words)
    assert called.exit_code == 0, called.output
    assert "Everything in spikes" in called.stdout
    assert (tmp_path / "d.svg").is_file()


def test_the_cost_experiment_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spiking_cost, "NEURONS", (120, 240))
    monkeypatch.setattr(spiking_cost, "measure_apart", spiking_cost.measure)
    called = CliRunner().invoke(spiking_cost.main, ["--seconds", "0.4", "--json"])
    assert called.exit_code == 0, called.output
    costs = json.loads(called.stdout)["costs"]
    assert [cost["neurons"] for cost in costs] == [120, 240]
    assert all(cost["peak"] > 10**6 for cost in costs)


def test_the_benchmark_runs_without_nengo_and_sums_up() -> None:
    called = CliRunner().invoke(
        spiking_benchmark.main, ["--neurons", "60", "--seeds", "1", "--seconds", "0.5", "--json"]
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
