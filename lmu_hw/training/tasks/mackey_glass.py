"""The Mackey–Glass series: predict a chaotic signal 15 time units ahead.

Experiment: Voelker, Kajić and Eliasmith, Legendre Memory Units, NeurIPS 2019, section 4.3, in its corrected form (the
first one fed the future and asked for the past). The data are 128 series of

    dx/dt = 0.2 x(t−τ) / (1 + x(t−τ)¹⁰) − 0.1 x(t),   τ = 17,

by Euler steps of 0.1, each from its own random history, 1.2 ± 0.1. There is one sample per unit of time, of which the
first 100 are left out; the samples are tanh(x − 1), less their mean. From the samples up to t a network gives the one
at t + 15, for each of 5,000 steps from a zero state. The score is the NRMSE over all steps of the 64 series held out:
the root mean square of the error over that of the target.

The networks have four layers of LMUs, of LSTMs, or of the two in turn, with about 18,000 parameters each, as in the
paper. The gradient is computed over windows of 300 steps; the score is that of predictions over whole series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.layers import DenseLayer, LMULayer, LSTMLayer, TrainedLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import NRMSE, Dataset
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import HeldOut, Outcome, Run, Trained
from lmu_hw.training.tasks.table import MackeyGlass

Tensor = jax.Array

TAU = 17
AHEAD = 15
SERIES, STEPS = 128, 5000
TRAIN, VALIDATION = 48, 16  # series; the others are the test part
WASHOUT = 100
_EULER_STEPS = 10  # per unit of time

WINDOW, LEAD = 300, 60  # steps
RECIPE = Recipe(epochs=100, batch=64, learning_rate=4e-3, schedule=Schedule.COSINE, warmup=0.03, clip=0.1)


def _lmu(hidden: int) -> LMULayer:
    return LMULayer(LMUSpec(order=8, theta=16.0, dt=1.0), hidden)


LAYERS: Mapping[str, tuple[TrainedLayer, ...]] = MappingProxyType(
    {
        "lmu": (_lmu(47),) * 4,
        "lstm": (LSTMLayer(25),) * 4,
        "hybrid": (_lmu(39), LSTMLayer(25), _lmu(39), LSTMLayer(25)),
    }
)


def prepare(task: MackeyGlass) -> Callable[[Run], Outcome]:
    """Make the series, and return a function that trains with one seed.

    Raises:
        DesignError: There is no such model, or none is named.
    """
    for name in task.models:
        if name not in LAYERS:
            raise DesignError("model", "one of " + ", ".join(LAYERS), name)
    if not task.models:
        raise DesignError("models", "at least one", "none")
    return partial(train_mackey_glass, load_mackey_glass(), task.models)


def mackey_glass(series: int, steps: int, seed: int) -> Array:
    """Make samples tanh(x − 1), one per unit of time, shape (series, steps).

    Args:
        series: The number of series, each from its own random history.
        steps: The number of samples of each, not counting those that are left out.
        seed: The seed; the same seed gives the same series.
    """
    series, steps = check_integer("series", series, 1), check_integer("steps", steps, 1)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    past = 1.2 + 0.2 * (rng.random((TAU * _EULER_STEPS, series)) - 0.5)
    x = np.full(series, 1.2)
    samples = np.empty((WASHOUT + steps, series))
    oldest = 0  # index into `past`, a ring of the last τ units of time
    for k in range(WASHOUT + steps):
        for _ in range(_EULER_STEPS):
            delayed, past[oldest] = past[oldest].copy(), x
            oldest = (oldest + 1) % past.shape[0]
            x = x + (0.2 * delayed / (1.0 + delayed**10) - 0.1 * x) / _EULER_STEPS
        samples[k] = x
    return np.tanh(samples[WASHOUT:].T - 1.0)


@dataclass(frozen=True, eq=False)
class MackeyGlassData:
    """The data of the experiment, in three parts. The target of each step of the input is the input 15 steps later.

    Attributes:
        train: The series that weights are fitted to.
        validation: The series that the epoch is chosen by.
        test: The series that networks are scored on once everything is chosen.
        mean: The mean of the training part, which has been subtracted from all samples.
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    mean: float


def load_mackey_glass(seed: int = 0, *, series: int = SERIES, steps: int = STEPS) -> MackeyGlassData:
    """Make the data of the experiment: three eighths of the series for training, one to choose by, one half for tests.

    Args:
        seed: The seed of the random histories.
        series: The number of series in all parts together, at least 8.
        steps: The number of steps of each.
    """
    samples = mackey_glass(check_integer("series", series, 8), steps + AHEAD, seed)
    first, second = series * TRAIN // SERIES, series * (TRAIN + VALIDATION) // SERIES
    mean = float(samples[:first].mean())
    samples = samples[..., None] - mean

    def part(which: slice) -> Dataset:
        return Dataset(samples[which, :steps], samples[which, AHEAD:])

    return MackeyGlassData(part(slice(first)), part(slice(first, second)), part(slice(second, None)), mean)


def windows(data: Dataset, length: int, lead: int) -> tuple[Array, Array]:
    """Cut series into windows that overlap by `lead` steps, for training with gradients over `length` steps.

    A window begins in a zero state, so the outputs in its first `lead` steps do not count, except where the series
    itself begins.

    Args:
        data: Whole series and their targets.
        length: The number of steps of a window, more than `lead`.
        lead: The number of steps that do not count.

    Returns:
        The inputs, shape (windows, length, 1), and the targets, shape (windows, length, 2): each target with its
        weight, 0 or 1.
    """
    length = check_integer("length of a window", length, lead + 1, data.x.shape[1])
    starts = range(0, data.x.shape[1] - length + 1, length - lead)
    x = np.concatenate([data.x[:, s : s + length] for s in starts])
    y = np.concatenate([data.y[:, s : s + length] for s in starts])
    weight = np.ones((len(starts), data.x.shape[0], length, 1))
    weight[1:, :, :lead] = 0.0
    return x, np.concatenate([y, weight.reshape(y.shape)], axis=-1)


def train_mackey_glass(data: MackeyGlassData, models: tuple[str, ...], run: Run) -> Outcome:
    """Train and test networks of the kinds named; the result is about the first one."""
    trained = {name: _train(name, data, run) for name in models}
    return Outcome("mackey-glass", models[0], trained, run.seed, held_out(data), {"ahead": AHEAD})


def held_out(data: MackeyGlassData) -> HeldOut:
    """The test part of the series."""
    return HeldOut(NRMSE, data.test.x, data.test.y, data.train.x)


def _train(name: str, data: MackeyGlassData, run: Run) -> Trained:
    model = Model(1, (*LAYERS[name], DenseLayer(1)))
    x, y = windows(data.train, min(WINDOW, data.train.x.shape[1]), LEAD)
    result = fit(
        model,
        Dataset(x, y),
        data.validation,
        loss=_weighted,
        metric=NRMSE,
        recipe=replace(run.recipe(RECIPE), batch=min(RECIPE.batch, len(x))),
        checkpoint=run.checkpoint(name),
    )
    return run.trained(model, result, held_out(data))


def _weighted(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean square error over the steps of weight 1; the last axis of the targets holds a target and its weight."""
    wanted, weight = targets[..., :1].astype(outputs.dtype), targets[..., 1:].astype(outputs.dtype)
    return jnp.sum(weight * (outputs - wanted) ** 2) / jnp.sum(weight)
