"""`lmu-hw train TASK --spiking`: the trained network in spikes, and what is refused before any training."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # compilation is most of these tests' time

from lmu_hw.networks.file import load_network
from lmu_hw.spiking.network import NetworkOptions
from lmu_hw.training.tasks.delay import held_out
from lmu_hw.training.tasks.spiking import spiking_score
from tests.cli.conftest import Lmu


def test_a_delay_in_spikes(lmu: Lmu, tmp_path: Path) -> None:
    words = ["train", "delay", "--epochs", 30, "--seed", 2, "--out", "out"]
    plain = lmu(*words, "--json")
    called = lmu(*words, "--spiking", "20,320", "--spiking-sequences", 2, "--json")
    assert (called.status, called.err) == (0, "")
    told = called.answer["spiking"]
    assert (told["metric"], told["sequences"], told["sample_seconds"]) == ("nrmse", 2, 0.0005)
    few, many = told["spiking"]
    assert (few["neurons"], many["neurons"]) == (6 * 20, 6 * 320)
    assert told["float"] < many["mean"] < few["mean"] < 0.9
    network = load_network(tmp_path / "out" / "delay_delay.npz")
    part = held_out(0.1, 2).first(2)
    assert told["float"] == part.score(network)
    assert few["values"] == [spiking_score(network, part, NetworkOptions(20, 20, sample_seconds=0.0005, seed=2)).value]
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == called.answer
    # It has no effect on the network, nor on what is said of its training.
    assert called.answer["command"] == plain.answer["command"] == network.notes["command"]
    assert {name: value for name, value in called.answer.items() if name != "spiking"} == plain.answer


def test_own_arrays_in_spikes_are_shown(lmu: Lmu, tmp_path: Path, rng: np.random.Generator) -> None:
    label = rng.integers(0, 2, 40)
    np.save(tmp_path / "x.npy", np.where(label, 1.0, -1.0)[:, None] + rng.standard_normal((40, 12)))
    np.save(tmp_path / "y.npy", label)
    words = ["--input", "x.npy", "--target", "y.npy", "--order", 3, "--hidden", 8, "--epochs", 40]
    called = lmu("train", "arrays", *words, "--spiking", "50", "--scope", "all", "--neuron-kind", "lif")
    assert (called.status, called.err) == (0, "")
    for shown in ("In spikes", "memories and hidden units", "lif", "accuracy in float64", str(3 * 50 + 8 * 50)):
        assert shown in called.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--scope all", "--scope has no effect without --spiking"),
        ("--spiking-sequences 3", "--spiking-sequences has no effect without --spiking"),
        ("--spiking 1", "neurons per state must be an integer of at least 2, got 1"),
        ("--spiking 20,x", "--spiking must be integers with commas between them, got 20,x"),
        ("--spiking 20 --tau 0.1,0.1", "synapse of a network must be of first order"),
        ("--spiking 20 --sample-seconds 0.06", "dt must be at most half the synapse's fastest time constant"),
        ("--spiking 20 --sample-seconds 0", "--sample-seconds must be a positive number of seconds, got 0"),
        ("--spiking 20 --max-rates 200,100", "--max-rates must be 0 < low ≤ high"),
        ("--spiking 20 --spiking-sequences 0", "sequences must be an integer of at least 1, got 0"),
    ],
)
def test_refused_before_training(
    lmu: Lmu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    from lmu_hw.cli import train

    monkeypatch.setattr(train, "_carry_out", lambda *_: pytest.fail("it trained"))
    called = lmu("train", "delay", *words.split(), "--out", "out")
    assert (called.status, called.out) == (2, "")
    assert said in called.err
    assert called.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
