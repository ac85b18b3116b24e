"""A training that the tests kill: run as a program, it goes on until it is done."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.networks.model import Output
from lmu_hw.training.backend import jax
from lmu_hw.training.layers import DenseLayer, LinearMemoryLayer
from lmu_hw.training.loop import FitResult, fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import ERROR, Dataset, squared_error
from lmu_hw.training.recipe import Recipe, Schedule


def noisy(x: jax.Array, key: jax.Array | None) -> jax.Array:
    """The sequences, in training with noise that is drawn anew in each step."""
    return x if key is None else x + 0.3 * jax.random.normal(key, x.shape, x.dtype)


def train(checkpoint: Path | None, checkpoint_seconds: float = 0.0) -> FitResult:
    """Everything that must survive: Adam's moments, an average, a schedule, shuffling, noise on the input and θ."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 12, 1)), rng.normal(size=(40, 2))
    memory = LinearMemoryLayer(LMUSpec(3, 20.0, 1.0, Discretization.EULER), learn_theta=True)
    return fit(
        Model(1, (memory, DenseLayer(2)), Output.LAST),
        Dataset(x[:32], y[:32]),
        Dataset(x[32:], y[32:]),
        loss=squared_error(),
        metric=ERROR,
        recipe=Recipe(60, 4, schedule=Schedule.COSINE, warmup=0.1, averaging=0.9, clip=1.0, steps_per_call=2),
        prepare=noisy,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
    )


if __name__ == "__main__":
    train(Path(sys.argv[1]))
