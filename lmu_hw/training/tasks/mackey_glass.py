"""The Mackey–Glass series: predict a chaotic signal 15 time units ahead.

Experiment: Voelker, Kajić and Eliasmith, Legendre Memory Units, NeurIPS 2019, section 4.3, in its corrected
form (the first one fed the future and asked for the past). 128 series of

    dx/dt = 0.2 x(t−τ) / (1 + x(t−τ)¹⁰) − 0.1 x(t),   τ = 17,

by Euler steps of 0.1, each from its own random history, 1.2 ± 0.1; one sample per unit of time, of which the
first 100 are left out; the samples are tanh(x − 1), less their mean. From the samples up to t a network gives
the one at t + 15, for each of 5,000 steps from a zero state. The score is the NRMSE over all steps of the 64
series held out: root mean square of the error over that of the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

TAU = 17
AHEAD = 15
SERIES, STEPS = 128, 5000
TRAIN, VALIDATION = 48, 16  # the rest is the test part
WASHOUT = 100
_EULER_STEPS = 10  # per unit of time


def mackey_glass(series: int, steps: int, seed: int) -> Array:
    """Samples tanh(x − 1), one per unit of time, shape (series, steps).

    Args:
        series: how many, each from its own random history.
        steps: samples of each, after those that are left out.
        seed: same seed, same series.
    """
    series, steps = check_integer("series", series, 1), check_integer("steps", steps, 1)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    past = 1.2 + 0.2 * (rng.random((TAU * _EULER_STEPS, series)) - 0.5)
    x = np.full(series, 1.2)
    samples = np.empty((WASHOUT + steps, series))
    oldest = 0
    for k in range(WASHOUT + steps):
        for _ in range(_EULER_STEPS):
            delayed, past[oldest] = past[oldest].copy(), x
            oldest = (oldest + 1) % past.shape[0]
            x = x + (0.2 * delayed / (1.0 + delayed**10) - 0.1 * x) / _EULER_STEPS
        samples[k] = x
    return np.tanh(samples[WASHOUT:].T - 1.0)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Series and what is to be said about them.

    Attributes:
        x: input, shape (series, steps, 1).
        y: the input 15 steps later, same shape.
    """

    x: Array
    y: Array


@dataclass(frozen=True, eq=False)
class MackeyGlassData:
    """The experiment's data, divided by series.

    Attributes:
        train: what weights are fitted to.
        validation: what the epoch is chosen on.
        test: looked at once.
        mean: of the training part, which is taken off all samples.
    """

    train: Prediction
    validation: Prediction
    test: Prediction
    mean: float


def load_mackey_glass(seed: int = 0, *, series: int = SERIES, steps: int = STEPS) -> MackeyGlassData:
    """Data of the experiment: three eighths of the series to train, one eighth to choose, one half to test.

    Args:
        seed: of the histories.
        series: in all, at least 8.
        steps: of each.
    """
    samples = mackey_glass(check_integer("series", series, 8), steps + AHEAD, seed)
    first, second = series * TRAIN // SERIES, series * (TRAIN + VALIDATION) // SERIES
    mean = float(samples[:first].mean())
    samples = samples[..., None] - mean

    def part(which: slice) -> Prediction:
        return Prediction(samples[which, :steps], samples[which, AHEAD:])

    return MackeyGlassData(part(slice(first)), part(slice(first, second)), part(slice(second, None)), mean)


def windows(data: Prediction, length: int, lead: int) -> tuple[Array, Array]:
    """Series cut into windows that overlap by `lead` steps, for training with gradients over `length` steps.

    A window begins in a zero state, so what a network says in its first `lead` steps does not count, except
    where the series itself begins.

    Args:
        data: whole series.
        length: steps of a window, more than `lead`.
        lead: steps that do not count.

    Returns:
        Inputs, shape (windows, length, 1), and targets, shape (windows, length, 2): the target and its weight,
        0 or 1.
    """
    length = check_integer("length of a window", length, lead + 1, data.x.shape[1])
    starts = range(0, data.x.shape[1] - length + 1, length - lead)
    x = np.concatenate([data.x[:, s : s + length] for s in starts])
    y = np.concatenate([data.y[:, s : s + length] for s in starts])
    weight = np.ones((len(starts), data.x.shape[0], length, 1))
    weight[1:, :, :lead] = 0.0
    return x, np.concatenate([y, weight.reshape(y.shape)], axis=-1)


Tensor = jax.Array

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


def train_mackey_glass(data: MackeyGlassData, run: Run, *, models: Sequence[str] = tuple(LAYERS)) -> Outcome:
    """Train and test networks of the kinds named; the result is about the first one.

    Args:
        data: the series.
        run: seed, epochs, checkpoints.
        models: some of "lmu", "lstm" and "hybrid".

    Raises:
        DesignError: there is no such model, or none is named.
    """
    check_models(models)
    trained = {name: _train(name, data, run) for name in models}
    return Outcome("mackey-glass", "nrmse", models[0], trained, run.seed, held_out(data), {"ahead": AHEAD})


def held_out(data: MackeyGlassData) -> HeldOut:
    """The series of the test part."""
    return HeldOut(NRMSE, data.test.x, data.test.y, data.train.x)


def check_models(models: Sequence[str]) -> None:
    """Refuse a name that is no model's, or an empty list.

    Raises:
        DesignError: as said.
    """
    for name in models:
        if name not in LAYERS:
            raise DesignError("model", "one of " + ", ".join(LAYERS), name)
    if not models:
        raise DesignError("models", "at least one", "none")


def _train(name: str, data: MackeyGlassData, run: Run) -> Trained:
    model = Model(1, (*LAYERS[name], DenseLayer(1)))
    x, y = windows(data.train, min(WINDOW, data.train.x.shape[1]), LEAD)
    result = fit(
        model,
        Dataset(x, y),
        Dataset(data.validation.x, data.validation.y),
        loss=_weighted,
        metric=NRMSE,
        recipe=replace(RECIPE, seed=run.seed, epochs=run.epochs or RECIPE.epochs, batch=min(RECIPE.batch, len(x))),
        checkpoint=run.checkpoint(name),
    )
    network = model.network(result.params, {"command": run.command, "seed": run.seed})
    return Trained(network, result.value, held_out(data).score(network), result.history)


def _weighted(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean square error over the steps of weight 1; the last axis of the targets holds target and weight."""
    wanted, weight = targets[..., :1].astype(outputs.dtype), targets[..., 1:].astype(outputs.dtype)
    return jnp.sum(weight * (outputs - wanted) ** 2) / jnp.sum(weight)
