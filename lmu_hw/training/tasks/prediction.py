"""Networks for the Mackey–Glass series: LMUs, LSTMs, and the two in turn, of about 18,000 parameters each.

Voelker, Kajić and Eliasmith (NeurIPS 2019, section 4.3) compare four layers of each kind. The gradient sees
windows of 300 steps; what counts is the prediction over whole series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from lmu_hw.errors import DesignError
from lmu_hw.spec import LMUSpec
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.base import TrainedLayer
from lmu_hw.training.layers import DenseLayer, LMULayer, LSTMLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import NRMSE, Dataset
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.mackey_glass import AHEAD, MackeyGlassData, windows
from lmu_hw.training.tasks.outcome import HeldOut, Outcome, Run, Trained

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
