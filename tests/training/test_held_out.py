"""The test parts of the tasks: what an outcome was scored on, and that spikes are scored on the same."""

from __future__ import annotations

import os

import numpy as np
import pytest

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # compilation is most of these tests' time

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.networks.pretrained import NETWORKS, load
from lmu_hw.spiking.network import NetworkOptions
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.training.tasks.arrays import OwnData, OwnModel, train_arrays
from lmu_hw.training.tasks.base import Outcome, Run
from lmu_hw.training.tasks.capacity import train_capacity
from lmu_hw.training.tasks.delay import train_delay
from lmu_hw.training.tasks.digits import digits_task
from lmu_hw.training.tasks.mackey_glass import load_mackey_glass, train_mackey_glass
from lmu_hw.training.tasks.spiking import spiking_score
from lmu_hw.training.tasks.table import Capacity, Delay


def _arrays() -> Outcome:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 12))
    return train_arrays(OwnData(x, x[:, :3].sum(axis=1)), OwnModel(LMUSpec(3, 12.0, 1.0), 8), Run(epochs=1))


def _mackey_glass() -> Outcome:
    return train_mackey_glass(load_mackey_glass(series=8, steps=70), ("lmu",), Run(epochs=1))


@pytest.mark.parametrize("task", [_arrays, _mackey_glass, lambda: train_delay(Delay(), Run(epochs=1))])
def test_an_outcome_keeps_what_it_was_scored_on(task: object) -> None:
    outcome = task()  # type: ignore[operator]
    assert outcome.held_out.metric.name == outcome.metric
    assert outcome.held_out.score(outcome.trained.network) == outcome.value
    assert len(outcome.held_out.y) == len(outcome.held_out.x)


def test_capacity_is_scored_after_the_memory_has_filled() -> None:
    outcome = train_capacity(Capacity(steps=(80, 160), order=24, lstm_steps=0), Run())
    assert outcome.held_out.x.shape == (1, 6 * 160, 1)
    assert outcome.held_out.score(outcome.trained.network) == pytest.approx(outcome.value, rel=1e-6)


def test_the_packages_digits_in_spikes_and_in_rates() -> None:
    pytest.importorskip("sklearn")
    part, network = digits_task().held_out(), load("digits_linear")
    assert part.score(network) == pytest.approx(NETWORKS["digits_linear"].value, abs=1e-6)
    some = part.first(30)
    assert len(some.x) == len(some.y) == 30
    rates = spiking_score(network, some, NetworkOptions(100, sample_seconds=0.05, kind=NeuronKind.RATE_LIF))
    assert rates.neurons == 6400
    assert rates.value >= 0.95
    assert spiking_score(network, some, NetworkOptions(3, sample_seconds=0.01)).value < 0.6


@pytest.mark.parametrize("count", [0, 540])
def test_more_sequences_than_there_are_are_refused(count: int) -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(DesignError, match="sequences must be an integer from 1 to 539"):
        digits_task().held_out().first(count)
