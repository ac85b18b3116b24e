"""Tasks in integers, at sizes that take no time: what is compared, what is printed, and that it is right."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.core.steps import Discretization
from lmu_hw.experiments import tasks
from lmu_hw.experiments.tasks import measure_capacity, naive_network, rounded_by_peak
from lmu_hw.networks.model import Output
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.training.tasks.capacity import FRACTIONS, HELD_OUT_WINDOWS, WASHOUT, CapacityTask, states_of
from lmu_hw.training.tasks.mnist import Mnist
from tests.experiments.conftest import called
from tests.networks.networks import random_network


def test_fixed_point_follows_the_float_memory_that_reads_at_the_same_delays() -> None:
    """The error of the float memory, which the order sets, plus what words of 20 bits add."""
    found = measure_capacity(400, order=24, state_bits=20, output_bits=26, coefficient_bits=24, input_bits=20)
    task = CapacityTask(400)
    spec = task.spec(24, "ab2")
    signal = task.signal(WASHOUT + HELD_OUT_WINDOWS, 2)
    readouts = found.plan.readouts
    assert readouts is not None
    states = np.concatenate(list(states_of(spec, signal)))[WASHOUT * 400 :]
    rows = readouts.coefficients * 2.0**-readouts.fraction
    exact = np.mean((states @ rows.T - task.targets(signal)[(WASHOUT - 1) * 400 :]) ** 2, axis=0)
    assert found.errors.shape == (len(FRACTIONS),)
    assert np.all(np.abs(found.errors - exact) < 1e-6 + 0.02 * exact)
    assert found.clipped == 0


def test_fewer_bits_remember_less() -> None:
    """The newest sample is limited by the words; the oldest, at order 48, by the order too."""
    fine, coarse = (measure_capacity(4000, order=48, state_bits=bits, output_bits=bits + 8).errors for bits in (20, 12))
    assert coarse[0] > 1000 * fine[0]
    assert coarse[4] > 3 * fine[4]
    assert fine.max() < 1e-4


def test_capacity_refuses() -> None:
    done = CliRunner().invoke(tasks.capacity, ["--steps", "40000", "--state-bits", "99", "--json"])
    assert done.exit_code == 1
    assert "--state-bits must be" in str(done.exception)


def test_rounding_by_the_largest_entry() -> None:
    array = np.array([[-1.0, 0.26, 0.0], [0.49, 0.1, 0.8]])
    assert np.allclose(rounded_by_peak(array, 3), np.array([[-1.0, 1 / 3, 0.0], [1 / 3, 0.0, 2 / 3]]))
    assert np.array_equal(rounded_by_peak(np.zeros(3), 3), np.zeros(3))


def test_a_naive_network_of_many_bits_is_the_float_network(rng: np.random.Generator) -> None:
    network = random_network(rng, ["lmu", "memory", "dense"], output=Output.SEQUENCE, method=Discretization.AB2)
    x = rng.uniform(-1, 1, (2, 20, 2))
    exact = FloatNetwork(network).run(x)
    assert np.abs(naive_network(network, 30).run(x) - exact).max() < 1e-6
    assert np.abs(naive_network(network, 4).run(x) - exact).max() > 1e-3


def test_mackey_glass_prints_a_row_for_each_width() -> None:
    flags = ["--series", "8", "--steps", "80", "--workers", "1", "--bits", "6"]
    result = called(tasks.quantized_mackey_glass, *flags, "--bits", "12")
    coarse, fine = result["widths"]
    assert (coarse["weight_bits"], fine["weight_bits"]) == (6, 12)
    assert fine["from_float"] < 0.2 * coarse["from_float"]
    assert fine["naive"] > fine["from_float"]
    table = CliRunner().invoke(tasks.quantized_mackey_glass, [*flags, "--no-naive"], catch_exceptions=False).output
    assert f"{100 * coarse['integer']:.3f} %" in table


@pytest.mark.slow
def test_psmnist_counts_right_classes(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """On noise for images, labelled by the float network: with many bits, it is right about nearly all."""
    images = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8)
    network = load("psmnist_recurrent")
    labels = FloatNetwork(network).run(tasks.pixel_sequences(images)).argmax(axis=1).astype(np.uint8)
    labels[:3] = (labels[:3] + 1) % 10
    monkeypatch.setattr(tasks, "load_mnist", lambda _: Mnist(images, labels, images, labels))
    flags = ["--network", "recurrent", "--bits", "12", "--images", "20", "--calibration", "10", "--no-naive"]
    result = called(tasks.quantized_psmnist, *flags, "--workers", "1")
    assert result["images"] == 20
    assert result["float"] == 17 / 20
    (row,) = result["widths"]
    assert row["as_float"] >= 0.9
    assert abs(row["integer"] - 0.85) <= 0.1
    assert "naive" not in row


def test_psmnist_refuses_what_it_cannot_train() -> None:
    said = CliRunner().invoke(tasks.quantized_psmnist, ["--network", "recurrent", "--train-images", "2"])
    assert "--train-images must be 0 with a recurrent memory" in str(said.exception)
