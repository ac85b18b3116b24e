"""What every task is told, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.errors import check_integer
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Network
from lmu_hw.networks.reference import FloatNetwork

if TYPE_CHECKING:
    from lmu_hw.training.objectives import Metric

#: Rows of a learning curve, one per epoch; see `lmu_hw.training.FitResult`.
Curve = Sequence[Mapping[str, float]]
_PIECE = 1000


@dataclass(frozen=True)
class Run:
    """How a task is carried out.

    Attributes:
        seed: of the initial weights, the shuffling and all else that is random but the data's division.
        epochs: passes over the training part; None for the task's own number.
        folder: where checkpoints are kept, and resumed from; None for nowhere.
        command: kept with the network as where it comes from.
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
        """Where the training of a model keeps its state."""
        return None if self.folder is None else self.folder / f"{model}_seed{self.seed}.checkpoint.npz"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The test part of a task, by which nothing is chosen, and what is measured on it.

    Attributes:
        metric: the score, of outputs and `y`.
        x: sequences in the network's unit, shape (count, T, inputs).
        y: what is wanted of each, `count` entries.
        known: some sequences of the training part, to scale things by, shape (…, T', inputs).
    """

    metric: Metric
    x: Array
    y: NDArray[Any]
    known: Array

    def first(self, sequences: int | None) -> HeldOut:
        """The same for the first `sequences` alone; None for all of them.

        Raises:
            DesignError: there are not so many.
        """
        if sequences is None:
            return self
        count = check_integer("sequences", sequences, 1, len(self.x))
        return replace(self, x=self.x[:count], y=self.y[:count])

    def score(self, network: Network) -> float:
        """What the golden float64 network reaches."""
        return self.metric.function(outputs_of(network, self.x), self.y)


@dataclass(frozen=True, eq=False)
class Trained:
    """One trained network and its scores.

    Attributes:
        network: with the weights that were best on the validation part.
        validation: its score there, in the precision of the training.
        test: its score on the test part, in float64.
        curve: learning curve; empty where nothing was trained by gradients.
    """

    network: Network
    validation: float
    test: float
    curve: Curve = ()


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a task.

    Attributes:
        task: its name.
        metric: what the scores are.
        model: name of the model that the task is about, a key of `models`.
        models: what was trained, by name.
        seed: of the run.
        held_out: the test part, as that model is scored on it.
        details: whatever else was measured, as plain values.
    """

    task: str
    metric: str
    model: str
    models: Mapping[str, Trained]
    seed: int
    held_out: HeldOut
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trained(self) -> Trained:
        """The model that the task is about."""
        return self.models[self.model]

    @property
    def value(self) -> float:
        """Its score on the test part."""
        return self.trained.test

    @property
    def parameters(self) -> int:
        """Its number of parameters."""
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
    """Outputs of the golden float64 network for sequences (count, T, inputs), each from a zero state."""
    sequences = np.asarray(x)
    pieces = range(0, len(sequences), _PIECE)
    return np.concatenate([FloatNetwork(network).run(sequences[k : k + _PIECE]) for k in pieces])


def accuracy_of(network: Network, x: ArrayLike, labels: IntArray) -> float:
    """Share of sequences that the golden float64 network classifies rightly."""
    return float(np.mean(np.argmax(outputs_of(network, x), axis=-1) == labels))
