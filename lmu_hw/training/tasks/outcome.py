"""What every task is told, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.arguments import check_integer
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.legendre import Array
from lmu_hw.network import Network
from lmu_hw.reference.network import FloatNetwork

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
        details: whatever else was measured, as plain values.
    """

    task: str
    metric: str
    model: str
    models: Mapping[str, Trained]
    seed: int
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
