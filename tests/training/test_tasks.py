"""The tasks as a whole: what is trained, chosen and scored is what the outcome says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.io.splits import digest_of
from lmu_hw.networks.model import Network, Output, arrays
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.digits import load_digits
from lmu_hw.reference.layers import MemoryParameters
from lmu_hw.training.recipe import Recipe
from lmu_hw.training.tasks import capacity as remembering
from lmu_hw.training.tasks.arrays import RECIPE, OwnData, OwnModel, read_arrays, train_arrays
from lmu_hw.training.tasks.base import Run
from lmu_hw.training.tasks.capacity import train_capacity
from lmu_hw.training.tasks.classification import Classifier, train_recurrent
from lmu_hw.training.tasks.delay import echoes
from lmu_hw.training.tasks.digits import digits_task
from lmu_hw.training.tasks.mnist import Mnist
from lmu_hw.training.tasks.psmnist import PSMNIST, psmnist_task
from lmu_hw.training.tasks.table import Capacity, Digits


def accuracy_of(network: Network, x: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(np.argmax(FloatNetwork(network).run(x), axis=-1) == labels))


def test_digits_are_those_of_the_reference_and_apart() -> None:
    task, data = digits_task(), load_digits(0)
    assert np.allclose(task.sequences(task.test.x)[..., 0], data.test.sequences)
    assert np.array_equal(task.test.y, data.test.labels)
    together = np.concatenate([task.train.x, task.validation.x])
    assert len(together) == len(data.train.labels)
    assert len(np.unique(together.reshape(len(together), -1), axis=0)) == len(
        np.unique(data.train.sequences, axis=0)
    )  # each one is in one of the two parts


def test_linear_digits_are_learned_and_rewritten_without_a_difference() -> None:
    """The units were trained on standardised states; the network has the states as they are."""
    outcome = Digits().prepare()(Run(seed=3, epochs=25))
    task, trained = digits_task(), outcome.trained
    memory = trained.network.layers[0]
    assert isinstance(memory, MemoryParameters)
    assert str(memory.spec.discretization) == "bilinear"
    assert outcome.value > 0.9
    assert outcome.value == accuracy_of(trained.network, task.sequences(task.test.x), task.test.y)
    again = accuracy_of(trained.network, task.sequences(task.validation.x), task.validation.y)
    assert abs(again - trained.validation) <= 1.0 / len(task.validation.y) + 1e-12  # float32 may tip one
    assert trained.validation == max(row["accuracy"] for row in trained.curve)
    assert outcome.to_dict()["parameters"] == trained.network.parameters == 1 + 64 * 64 + 64 + 64 * 10 + 10


def test_recurrent_digits_feed_back() -> None:
    small = Classifier(LMUSpec(4, 64.0, 1.0), 8, Recipe(epochs=6, batch=100, learning_rate=1e-2))
    trained = train_recurrent(digits_task(), small, Run())
    cell = trained.network.layers[0]
    for name in ("hidden_encoder", "memory_encoder", "hidden_kernel", "input_kernel"):
        assert np.abs(getattr(cell, name)).max() > 1e-3  # zero at first
    assert trained.test > 0.2


def test_the_same_seed_gives_the_same_network() -> None:
    one, same = (Digits().prepare()(Run(seed=5, epochs=1)).trained for _ in range(2))
    for layer, again in zip(one.network.layers, same.network.layers, strict=True):
        for name, array in arrays(layer).items():
            assert np.array_equal(array, arrays(again)[name])
    assert one.curve == same.curve


def test_psmnist_keeps_the_test_images_apart() -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (5100, 28, 28), dtype=np.uint8), rng.integers(0, 10, 5100, dtype=np.uint8)
    task = psmnist_task(Mnist(images, labels, images[:7], labels[:7]))
    assert (len(task.train.x), len(task.validation.x), len(task.test.x)) == (100, 5000, 7)
    assert np.array_equal(task.validation.x, images[100:])
    u = task.scale * (task.sequences(task.test.x) - task.offset)
    assert u.shape == (7, 784, 1)
    assert np.array_equal(u * 256, np.rint(u * 256))
    assert u.max() < 1.0
    order = np.random.default_rng(0).permutation(784)
    assert np.array_equal(u[2, :, 0] * 256.0, images[2].ravel()[order])


def test_psmnist_networks_are_small_enough() -> None:
    linear, recurrent = PSMNIST.kinds["linear"], PSMNIST.kinds["recurrent"]
    d, n = linear.spec.order, linear.hidden
    assert 1 + n * d + n + 10 * n + 10 <= 170_000
    d, n = recurrent.spec.order, recurrent.hidden
    assert 1 + n + d + n + n * n + n * d + n + 10 * n + 10 <= 103_000
    assert (d, n, str(linear.spec.discretization)) == (256, 212, "bilinear")


def test_echoes_are_late() -> None:
    x, y = echoes(0.5, 3, seed=1, steps=40)
    assert x.shape == y.shape == (3, 400, 1)
    assert np.array_equal(y[:, 40:], x[:, :-40])
    fine, _ = echoes(0.5, 3, seed=1, steps=80)
    assert np.corrcoef(fine[0, ::2, 0], x[0, :, 0])[0, 1] > 0.999


def test_capacity_tells_of_the_largest_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "_SEQUENCES", (32, 4, 4))
    outcome = train_capacity(Capacity(steps=(100, 200), order=60, lstm_steps=40), Run(seed=1, epochs=1))
    assert [row["steps"] for row in outcome.details["windows"]] == [100, 200]
    assert outcome.value == max(outcome.details["windows"][1]["mse"]) < 1e-6
    assert outcome.parameters == 301
    assert outcome.models["lstm"].test == max(outcome.details["lstm"]["mse"]) > 1e-3
    network = outcome.trained.network
    u = np.sin(np.arange(900) * 2.0 * np.pi * 3.0 / 200.0)[None, :, None]
    read = FloatNetwork(network).run(u)[0]
    for k, delay in enumerate((0, 50, 100, 150, 200)):
        assert np.allclose(read[600:, k], u[0, 600 - delay : 900 - delay, 0], atol=1e-3)


def slow_or_fast(count: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Tones in noise, with an offset and a size that a network does not like."""
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, count)
    phase = rng.uniform(0.0, 1.0, count)[:, None] + np.arange(30) * np.where(label, 0.1, 0.25)[:, None]
    return 40.0 + 7.0 * np.sin(phase) + rng.standard_normal((count, 30)), label


def test_own_classes() -> None:
    outcome = train_arrays(OwnData(*slow_or_fast()), OwnModel(LMUSpec(6, 30.0, 1.0), 16), Run(epochs=40))
    assert (outcome.metric, outcome.details["classes"]) == ("accuracy", 2)
    assert outcome.value >= 0.9
    assert outcome.trained.network.output is Output.LAST
    assert outcome.trained.network.input_offset == pytest.approx([40.0], abs=0.5)
    assert sum(outcome.details["sequences"].values()) == 100


def test_own_numbers_per_step_in_their_unit() -> None:
    x, _ = slow_or_fast()
    y = 1000.0 + np.cumsum(x - 40.0, axis=1)[..., None]
    outcome = train_arrays(OwnData(x, y), OwnModel(LMUSpec(6, 30.0, 1.0), 16), Run(epochs=40))
    assert outcome.metric == "nrmse"
    spread = float(np.std(y) / np.sqrt(np.mean(y**2)))
    assert outcome.value < 0.5 * spread  # a constant gets `spread`
    assert outcome.trained.network.output is Output.SEQUENCE


def test_own_sequences_are_divided_once(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((50, 6)), rng.standard_normal(50)
    outcome = train_arrays(OwnData(x, y), OwnModel(LMUSpec(2, 6.0, 1.0), 4), Run(epochs=1))
    split = outcome.split
    assert split is not None
    assert sorted(np.concatenate(list(split.parts.values())).tolist()) == list(range(50))
    assert {name: len(part) for name, part in split.parts.items()} == outcome.details["sequences"]
    np.testing.assert_array_equal(outcome.held_out.x[..., 0], x[split.parts["test"]])
    assert outcome.trained.network.notes["input_sha256"] == split.digest == digest_of(x[..., None])


def test_own_sequences_are_trained_on_to_the_plateau() -> None:
    """Or the answer says that they were not."""
    data, kind = OwnData(*slow_or_fast()), OwnModel(LMUSpec(6, 30.0, 1.0), 16, patience=6)
    few = train_arrays(data, kind, Run(epochs=3)).details["training"]
    assert (few["epochs"], few["most_epochs"], few["plateau"]) == (3, 3, False)
    all_of_them = train_arrays(data, kind, Run()).details["training"]
    assert all_of_them["plateau"]
    assert all_of_them["epochs_without_gain"] == 6
    assert all_of_them["epochs"] < all_of_them["most_epochs"] == 1250
    assert all_of_them["best_epoch"] >= all_of_them["epochs"] - 6


def test_the_budget_of_own_sequences() -> None:
    def budget(run: Run = Run(), **choices: Any) -> tuple[Recipe, int]:  # noqa: B008
        recipe = replace(RECIPE, schedule=choices.pop("schedule", "constant"))
        return OwnModel(LMUSpec(2, 6.0, 1.0), recipe=recipe, **choices).budget(700, run)

    recipe, patience = budget()
    assert (recipe.batch, recipe.epochs, recipe.patience, patience, recipe.averaging) == (32, 477, 24, 24, 0.99)
    recipe, patience = budget(schedule="cosine")
    assert (recipe.epochs, recipe.patience, patience, recipe.averaging) == (100, None, 24, 0.0)
    recipe, patience = budget(Run(epochs=7), batch=100, patience=0)
    assert (recipe.batch, recipe.epochs, recipe.patience, patience) == (100, 7, None, 72)


def _nan() -> tuple[object, object]:
    x = np.zeros((12, 5))
    x[3, 4] = np.nan
    return x, np.zeros(12, int)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: (np.zeros(12), np.zeros(12, int)), "input must be numbers of shape"),
        (lambda: (np.zeros((12, 0)), np.zeros(12, int)), "input must be numbers of shape"),
        (lambda: (np.zeros((12, 5), complex), np.zeros(12, int)), "input must be numbers of shape"),
        (lambda: (np.zeros((4, 5)), np.zeros(4, int)), "input must be at least 10 sequences"),
        (lambda: (np.zeros((12, 5)), np.zeros(11, int)), "target must be one for each of the 12"),
        (lambda: (np.zeros((12, 5)), np.full(12, -1)), "classes must be from 0"),
        (lambda: (np.zeros((12, 5)), np.zeros((12, 6, 2))), "one per step (n, 5, outputs)"),
        (lambda: (np.zeros((12, 5)), np.array(["a"] * 12)), "target must be classes"),
        (_nan, "input must be finite in every entry, got NaN or infinity at index [3, 4, 0]"),
        (lambda: (np.zeros((12, 5)), np.full(12, np.inf)), "target must be finite"),
    ],
)
def test_arrays_that_make_no_sense(make: Callable[[], tuple[np.ndarray, np.ndarray]], said: str) -> None:
    with pytest.raises(DesignError) as error:
        OwnData(*make())
    assert said in str(error.value)


def test_files_that_are_no_arrays(tmp_path: Path) -> None:
    good = tmp_path / "y.npy"
    np.save(good, np.zeros(12, int))
    bad = tmp_path / "x.npy"
    with pytest.raises(DesignError, match=r"there is no file .*x\.npy for --input"):
        read_arrays(bad, good)
    bad.write_bytes(good.read_bytes()[:-8])
    with pytest.raises(DesignError, match="input must be a whole"):
        read_arrays(bad, good)
    np.save(bad, np.array([{}], dtype=object))
    with pytest.raises(DesignError, match="input must be a whole"):
        read_arrays(bad, good)


@pytest.mark.parametrize("words", [{"seed": -1}, {"epochs": 0}, {"seed": 2**40}])
def test_a_run_is_checked(words: dict[str, int]) -> None:
    with pytest.raises(DesignError):
        Run(**words)  # type: ignore[arg-type]
