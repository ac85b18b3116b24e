"""The settings of a training: with the model and the data they determine its result, so checkpoints keep them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from lmu_hw.core.registry import member
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.training.backend import jax, jnp, optax

Tree = Any


class Schedule(StrEnum):
    """The learning rate after the warm-up: constant, or down to 0 by a cosine or a straight line."""

    CONSTANT = "constant"
    COSINE = "cosine"
    LINEAR = "linear"


@dataclass(frozen=True)
class Recipe:
    """Adam (AdamW with a decay) on minibatches that are shuffled anew in each epoch.

    Attributes:
        epochs: The number of passes over the training set.
        batch: The number of sequences in a step. Those left over at the end of an epoch are left out.
        learning_rate: The largest learning rate.
        schedule: The learning rate after the warm-up.
        warmup: The share of all steps in which the learning rate grows from 0, from 0 to below 1.
        weight_decay: The decay of kernels, decoupled from the gradient.
        clip: The bound on the norm of the whole gradient; None for no bound.
        averaging: The decay per step of an exponential average of the parameters, which is then validated and kept; 0
            for no average. It begins with shorter averages: the decay in step k is min(averaging, (1 + k)/(10 + k)).
        theta_rate: The factor on the learning rate of learned windows θ.
        betas: The decay rates of Adam's moments.
        seed: The seed of the shuffling and of random variations of the data.
        steps_per_call: The number of steps that are handed to the device at once.
        patience: The number of epochs without a better validation score after which the training stops early; None
            where it runs through all epochs. A better score is one with a lower error by half a percent of it, or with
            a higher accuracy (`lmu_hw.training.objectives.epochs_without_gain`).

    Raises:
        DesignError: A value is out of range.
    """

    epochs: int
    batch: int
    learning_rate: float = 1e-3
    schedule: Schedule = Schedule.CONSTANT
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip: float | None = None
    averaging: float = 0.0
    theta_rate: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    seed: int = 0
    steps_per_call: int = 1
    patience: int | None = None

    def __post_init__(self) -> None:
        check_integer("epochs", self.epochs, 1)
        check_integer("batch", self.batch, 1)
        check_integer("steps_per_call", self.steps_per_call, 1)
        check_integer("seed", self.seed, 0, 2**32 - 1)
        if self.patience is not None:
            check_integer("patience", self.patience, 1)
        check_positive("learning_rate", self.learning_rate)
        check_positive("theta_rate", self.theta_rate)
        if self.clip is not None:
            check_positive("clip", self.clip)
        object.__setattr__(self, "schedule", member(Schedule, self.schedule, "schedule"))
        for name in ("warmup", "averaging"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise DesignError(name, "from 0 to below 1", getattr(self, name))
        if not 0.0 <= self.weight_decay < math.inf:
            raise DesignError("weight_decay", "a number of at least 0", self.weight_decay)
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise DesignError("betas", "two numbers from 0 to below 1", self.betas)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values; `patience` is left out where there is none."""
        plain = asdict(self) | {"schedule": str(self.schedule), "betas": list(self.betas)}
        return {name: value for name, value in plain.items() if name != "patience" or value is not None}

    def rate(self, steps: int) -> Any:
        """The learning rate as a function of the step, for `steps` steps in all."""
        warm = round(self.warmup * steps)
        rest = steps - warm
        after = {
            Schedule.CONSTANT: optax.constant_schedule(self.learning_rate),
            Schedule.COSINE: optax.cosine_decay_schedule(self.learning_rate, rest),
            Schedule.LINEAR: optax.linear_schedule(self.learning_rate, 0.0, rest),
        }[self.schedule]
        if warm == 0:
            return after
        return optax.join_schedules([optax.linear_schedule(0.0, self.learning_rate, warm), after], [warm])

    def optimiser(self, steps: int, trained: list[dict[str, bool]]) -> Any:
        """The optimiser, as a transformation of optax.

        Args:
            steps: The number of steps of the whole training.
            trained: For each array whether it is trained; the others stand still.
        """
        kernels = [{name: "kernel" in name for name in layer} for layer in trained]
        fixed = [{name: not flag for name, flag in layer.items()} for layer in trained]
        thetas = [{name: name == "log_ratio" for name in layer} for layer in trained]
        parts = [
            optax.scale_by_adam(*self.betas),
            optax.add_decayed_weights(self.weight_decay, mask=kernels),
            optax.masked(optax.scale(self.theta_rate), thetas),
            optax.scale_by_learning_rate(self.rate(steps)),
            optax.masked(optax.set_to_zero(), fixed),
        ]
        if self.clip is not None:
            parts.insert(0, optax.clip_by_global_norm(self.clip))
        return optax.chain(*parts)

    def averaged(self, average: Tree, params: Tree, step: Any) -> Tree:
        """The exponential average of the parameters after step `step` (counted from 0)."""
        if self.averaging == 0.0:
            return params
        decay = jnp.minimum(self.averaging, (1.0 + step) / (10.0 + step))
        return jax.tree.map(lambda a, p: (decay * a + (1.0 - decay) * p).astype(p.dtype), average, params)
