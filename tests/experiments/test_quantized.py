"""Experiments on quantised networks: what they compare with, what they print, and that they are right about it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.core.steps import Discretization
from lmu_hw.experiments import quantized_mackey_glass, quantized_psmnist, quantized_speed
from lmu_hw.experiments.quantized_naive import naive_network, rounded_by_peak
from lmu_hw.networks.model import Output
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.training.tasks.mnist import Mnist
from tests.networks.quantize.small import random_network


def test_rounding_by_the_largest_entry() -> None:
    array = np.array([[-1.0, 0.26, 0.0], [0.49, 0.1, 0.8]])
    assert np.allclose(rounded_by_peak(array, 3), np.array([[-1.0, 1 / 3, 0.0], [1 / 3, 0.0, 2 / 3]]))
    assert np.array_equal(rounded_by_peak(np.zeros(3), 3), np.zeros(3))


def test_a_naive_network_of_many_bits_is_the_float_network(rng: np.random.Generator) -> None:
    network = random_network(rng, ["lmu", "memory", "dense"], output=Output.SEQUENCE, rule=Discretization.AB2)
    x = rng.uniform(-1, 1, (2, 20, 2))
    exact = FloatNetwork(network).run(x)
    assert np.abs(naive_network(network, 30).run(x) - exact).max() < 1e-6
    assert np.abs(naive_network(network, 4).run(x) - exact).max() > 1e-3


def test_mackey_glass_prints_a_row_for_each_width() -> None:
    flags = ["--series", "8", "--steps", "80", "--workers", "1", "--bits", "6"]
    said = CliRunner().invoke(quantized_mackey_glass.main, [*flags, "--bits", "12", "--json"], catch_exceptions=False)
    result = json.loads(said.output)
    coarse, fine = result["widths"]
    assert (coarse["weight_bits"], fine["weight_bits"]) == (6, 12)
    assert fine["from_float"] < 0.2 * coarse["from_float"]
    assert fine["naive"] > fine["from_float"]
    table = CliRunner().invoke(quantized_mackey_glass.main, [*flags, "--no-naive"], catch_exceptions=False).output
    assert f"{100 * coarse['integer']:.3f} %" in table


@pytest.mark.slow
def test_psmnist_counts_right_classes(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """On noise for images, labelled by the float network: with many bits, it is right about nearly all."""
    images = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8)
    network = load("psmnist_recurrent")
    labels = FloatNetwork(network).run(quantized_psmnist._sequences(images)).argmax(axis=1).astype(np.uint8)
    labels[:3] = (labels[:3] + 1) % 10
    monkeypatch.setattr(quantized_psmnist, "load_mnist", lambda _: Mnist(images, labels, images, labels))
    flags = ["--network", "recurrent", "--bits", "12", "--images", "20", "--calibration", "10", "--no-naive"]
    said = CliRunner().invoke(quantized_psmnist.main, [*flags, "--workers", "1", "--json"], catch_exceptions=False)
    result = json.loads(said.output)
    assert result["images"] == 20
    assert result["float"] == 17 / 20
    (row,) = result["widths"]
    assert row["as_float"] >= 0.9
    assert abs(row["integer"] - 0.85) <= 0.1
    assert "naive" not in row


def test_psmnist_refuses_what_it_cannot_train() -> None:
    said = CliRunner().invoke(quantized_psmnist.main, ["--network", "recurrent", "--train-images", "2"])
    assert "train_images must be 0 with a recurrent memory" in str(said.exception)


def test_speed_counts_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(np.cumsum([0, 2, 0, 4, 0, 1, 0, 8]).tolist())  # the integer model takes 2 s, then 1 s; float 4 and 8
    monkeypatch.setattr(quantized_speed.time, "perf_counter", lambda: float(next(ticks)))
    flags = ["--network", "digits_linear", "--sequences", "6", "--steps", "8", "--repeats", "2", "--json"]
    said = json.loads(CliRunner().invoke(quantized_speed.main, flags, catch_exceptions=False).output)
    assert (said["integer_per_second"], said["float_per_second"], said["ratio"]) == (6.0, 1.5, 4.0)
