"""The Mackey–Glass data: the equation, the division, the windows; and the size of the networks."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.training.backend import jax
from lmu_hw.training.layers import DenseLayer
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import Dataset
from lmu_hw.training.tasks.base import Run
from lmu_hw.training.tasks.mackey_glass import (
    LAYERS,
    load_mackey_glass,
    mackey_glass,
    train_mackey_glass,
    windows,
)
from lmu_hw.training.tasks.table import MackeyGlass


def test_the_equation_step_by_step() -> None:
    seed, steps = 3, 40
    past = 1.2 + 0.2 * (np.random.default_rng(seed).random((170, 2)) - 0.5)
    expected = np.empty((2, steps))
    for series in range(2):
        history, x = past[:, series].tolist(), 1.2
        for k in range(100 + steps):
            for _ in range(10):
                delayed = history[-170]
                history.append(x)
                x += 0.1 * (0.2 * delayed / (1.0 + delayed**10) - 0.1 * x)
            if k >= 100:
                expected[series, k - 100] = np.tanh(x - 1.0)
    assert np.allclose(mackey_glass(2, steps, seed), expected, atol=1e-12)


def test_it_neither_dies_nor_repeats() -> None:
    x = mackey_glass(1, 1500, 0)[0]
    assert x.std() > 0.15
    late = x[500:1000]
    distance = [np.sqrt(np.mean((x[500 + k : 1000 + k] - late) ** 2)) for k in range(20, 500)]
    assert min(distance) > 0.02


def test_the_task_is_the_future() -> None:
    data = load_mackey_glass(0, series=16, steps=60)
    assert [len(part.x) for part in (data.train, data.validation, data.test)] == [6, 2, 8]
    for part in (data.train, data.validation, data.test):
        assert part.x.shape == part.y.shape == (len(part.x), 60, 1)
        assert np.array_equal(part.y[:, :-15], part.x[:, 15:])
    whole = mackey_glass(16, 75, 0)
    together = np.concatenate([part.x for part in (data.train, data.validation, data.test)])[..., 0]
    assert np.allclose(together + data.mean, whole[:, :60], atol=1e-15)
    assert data.mean == whole[:6].mean()


def test_each_step_counts_in_one_window() -> None:
    series, steps, length, lead = 3, 360, 120, 40
    x = np.arange(series * steps, dtype=np.float64).reshape(series, steps, 1)
    seen, targets = windows(Dataset(x, -x), length, lead)
    assert seen.shape == (len(targets), length, 1)
    assert np.array_equal(targets[..., :1], -seen)
    counts = np.zeros(series * steps)
    np.add.at(counts, seen.astype(int).ravel(), targets[..., 1].ravel())
    assert np.array_equal(counts, np.ones_like(counts))


def test_a_window_is_longer_than_its_lead() -> None:
    data = Dataset(np.zeros((1, 100, 1)), np.zeros((1, 100, 1)))
    for length in (40, 101):
        with pytest.raises(DesignError, match="length of a window"):
            windows(data, length, 40)


@pytest.mark.parametrize("name", LAYERS)
def test_the_networks_are_of_equal_size(name: str) -> None:
    model = Model(1, (*LAYERS[name], DenseLayer(1)))
    shapes = jax.eval_shape(lambda: model.init(0))
    assert 17_500 < sum(array.size for array in jax.tree.leaves(shapes)) <= 18_100


def test_a_network_learns() -> None:
    data = load_mackey_glass(0, series=16, steps=300)
    outcome = train_mackey_glass(data, ("lstm",), Run(seed=1, epochs=30))
    assert (outcome.metric, outcome.model, outcome.parameters) == ("nrmse", "lstm", 18_026)
    assert len(outcome.trained.curve) == 30
    assert outcome.value < 0.9  # 1 is what a constant gets
    assert outcome.trained.validation == min(row["nrmse"] for row in outcome.trained.curve)


def test_models_are_known() -> None:
    with pytest.raises(DesignError, match="model must be one of lmu, lstm, hybrid"):
        MackeyGlass(models=("gru",)).prepare()
