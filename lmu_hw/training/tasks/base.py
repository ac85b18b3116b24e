"""The run that a task is trained in, and the outcome that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.errors import check_integer
from lmu_hw.io.splits import Split
from lmu_hw.networks.model import Network
from lmu_hw.networks.reference import FloatNetwork

if TYPE_CHECKING:
    from lmu_hw.training.loop import FitResult
    from lmu_hw.training.model import Model
    from lmu_hw.training.objectives import Metric
    from lmu_hw.training.recipe import Recipe

#: The rows of a learning curve, one for each epoch; see `lmu_hw.training.FitResult`.
Curve = Sequence[Mapping[str, float]]
_PIECE = 1000  # sequences that run at once


@dataclass(frozen=True)
class Run:
    """A seed, and everything else that may differ between two trainings of a task.

    Attributes:
        seed: The seed of the initial weights, the shuffling and all else that is random but the division of the data.
        epochs: The number of passes over the training part; None for the number in the task's recipe.
        folder: The folder in which checkpoints are kept and from which they are resumed; None for no checkpoints.
        command: The command that is noted in the network as its origin.

    Raises:
        DesignError: The seed or the number of epochs is out of range.
    """

    seed: int = 0
    epochs: int | None = None
    folder: Path | None = None
    command: str = ""

    def __post_init__(self) -> None:
        check_integer("seed", self.seed, 0, 2**32 - 1)
        if self.epochs is not None:
            check_integer("epochs", self.epochs, 1)

    def checkpoint(self, model: str) -> Path | None:
        """The file in which the training of a model keeps its state."""
        return None if self.folder is None else self.folder / f"{model}_seed{self.seed}.checkpoint.npz"

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe of a task with the seed and the number of epochs of this run."""
        return replace(recipe, seed=self.seed, epochs=self.epochs or recipe.epochs)

    @property
    def notes(self) -> dict[str, str | int]:
        """The notes on its origin that a network of this run carries."""
        return {"command": self.command, "seed": self.seed}

    def trained(self, model: Model, result: FitResult, held_out: HeldOut) -> Trained:
        """The network that a model has become, scored on the test part."""
        network = model.network(result.params, self.notes)
        return Trained(network, result.value, held_out.score(network), result.history)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The test part of a task, by which nothing is chosen, and the metric of scores on it.

    Attributes:
        metric: The metric, a function of outputs and `y`.
        x: The sequences, in the unit of the network's input, shape (count, T, inputs).
        y: The target or class of each sequence, `count` entries.
        known: Some sequences of the training part, for choices of scale, shape (…, T', inputs).
    """

    metric: Metric
    x: Array
    y: NDArray[Any]
    known: Array

    def first(self, sequences: int | None) -> HeldOut:
        """The first `sequences` of the test part, or all of them for None.

        Raises:
            DesignError: There are fewer.
        """
        if sequences is None:
            return self
        count = check_integer("sequences", sequences, 1, len(self.x))
        return replace(self, x=self.x[:count], y=self.y[:count])

    def score(self, network: Network) -> float:
        """The score of a network, computed in float64 by the reference."""
        return self.metric.function(outputs_of(network, self.x), self.y)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and its scores.

    Attributes:
        network: The network with the weights that were best on the validation part.
        validation: The score of the network on the validation part, in the precision of the training.
        test: The score of the network on the test part, in float64.
        curve: The learning curve; empty where nothing was trained by gradients.
    """

    network: Network
    validation: float
    test: float
    curve: Curve = ()


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a task.

    Attributes:
        task: The name of the task.
        model: The name of the model that the result is about, a key of `models`.
        models: The trained networks by the name of the model.
        seed: The seed of the run.
        held_out: The test part on which that model is scored.
        details: Whatever else was measured, as plain values.
        split: The indices of the sequences of each part, where a user's sequences were divided.
    """

    task: str
    model: str
    models: Mapping[str, Trained]
    seed: int
    held_out: HeldOut
    details: Mapping[str, Any] = field(default_factory=dict)
    split: Split | None = None

    @property
    def metric(self) -> str:
        """The name of the metric of the scores."""
        return self.held_out.metric.name

    @property
    def trained(self) -> Trained:
        """The network that the result is about."""
        return self.models[self.model]

    @property
    def value(self) -> float:
        """The score of that network on the test part."""
        return self.trained.test

    @property
    def parameters(self) -> int:
        """The number of parameters of that network."""
        return self.trained.network.parameters

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values."""
        return {
            "task": self.task,
            "metric": self.metric,
            "value": self.value,
            "parameters": self.parameters,
            "seed": self.seed,
            "validation": self.trained.validation,
            "models": {
                name: {"value": t.test, "validation": t.validation, "parameters": t.network.parameters}
                for name, t in self.models.items()
            },
            **self.details,
        }


def outputs_of(network: Network, x: ArrayLike) -> Array:
    """Compute the outputs of a network in float64 for sequences (count, T, inputs), each from a zero state."""
    sequences = np.asarray(x)
    pieces = range(0, len(sequences), _PIECE)
    return np.concatenate([FloatNetwork(network).run(sequences[k : k + _PIECE]) for k in pieces])
