"""Random memories, networks and spiking memories: all kinds come up, none differs, and limits are kept."""

from __future__ import annotations

import pytest

from lmu_hw.cli import main
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.regression.memory import Limits, run_regression
from lmu_hw.sim.regression.network import NetworkLimits, run_network_regression
from lmu_hw.sim.regression.spiking import run_spiking_regression

both = pytest.mark.parametrize("simulator", list(Simulator))


@both
def test_random_specifications(simulator, tmp_path):
    limits = Limits(order=12, samples=100, cycles=4_000)
    result = run_regression(4, seed=1, workdir=tmp_path, simulator=simulator, limits=limits, batch=2, jobs=2)
    assert result.passed, result.failures
    assert result.designs == sum(result.kinds.values()) == 4
    assert {kind.split()[-1] for kind in result.kinds} == set(Datapath)
    assert result.with_readouts > 0
    assert result.samples > 300


@pytest.mark.slow
@both
def test_forty_random_specifications(simulator, tmp_path):
    limits = Limits(samples=200, cycles=20_000)
    result = run_regression(40, seed=0, workdir=tmp_path, simulator=simulator, limits=limits)
    assert result.passed, result.failures
    assert result.designs == 40
    assert len(result.kinds) == 2 * len(Datapath)


def test_a_few_random_networks(tmp_path):
    limits = NetworkLimits(layers=2, order=4, width=4, lanes=4, sequences=2, steps=20, cycles=8_000)
    result = run_network_regression(4, seed=1, workdir=tmp_path, simulator="icarus", limits=limits, batch=4)
    assert result.passed, result.failures
    assert result.networks == 4
    assert result.words > 100
    assert sum(result.layers.values()) >= 4


@pytest.mark.slow
@both
def test_random_networks(simulator, tmp_path):
    result = run_network_regression(20, seed=3, workdir=tmp_path, simulator=simulator)
    assert result.passed, result.failures
    assert set(result.layers) == {"dense", "lmu", "memory"}
    assert set(result.datapaths) == {"chain", "dense", "tridiagonal", "structured"}


@pytest.mark.slow
def test_random_spiking_memories(tmp_path):
    result = run_spiking_regression(3, seed=2, samples=16, cycles=4_000, workdir=tmp_path, simulator="icarus")
    assert result.passed, result.failures
    assert set(result.kinds) == {"poisson-lif", "poisson-relu", "lif"}
    assert result.samples == 48
    assert result.words >= 48


@pytest.mark.slow
def test_more_random_spiking_memories(tmp_path):
    result = run_spiking_regression(12, seed=3, samples=200, cycles=100_000, workdir=tmp_path)
    assert result.passed, result.failures
    assert result.several_spikes > 0


def test_a_spiking_regression_refuses(capsys):
    words = ["regression", "spiking", "--designs"]
    assert main([*words, "0"]) == 2
    assert "designs must be an integer of at least 1, got 0" in capsys.readouterr().err
    assert main([*words, "1", "--cycles", "5"]) == 2
    assert "cycles must be enough for what is drawn, got 5" in capsys.readouterr().err
