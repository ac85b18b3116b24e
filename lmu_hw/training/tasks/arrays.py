"""A user's own sequences, with a class for each, a vector for each, or a vector for each step.

The type and the shape of the targets determine which of the three it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.core.registry import member
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError, RequestError, check_integer
from lmu_hw.io.recordings import batch_shape
from lmu_hw.io.splits import Split, digest_of
from lmu_hw.networks.model import Network, Output
from lmu_hw.reference.layers import DenseParameters
from lmu_hw.training.layers import DenseLayer, LinearMemoryLayer, LMULayer, TrainedLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import (
    ACCURACY,
    NRMSE,
    Dataset,
    Loss,
    cross_entropy,
    epochs_without_gain,
    held_out_indices,
    squared_error,
)
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import HeldOut, Outcome, Run, Trained
from lmu_hw.training.tasks.table import Arrays

MAX_BYTES = 1 << 32
MAX_CLASSES = 10_000
RECIPE = Recipe(epochs=100, batch=32, learning_rate=Arrays.learning_rate, warmup=0.03, clip=1.0)
_TEST_SHARE, _VALIDATION_SHARE = 0.2, 0.1
_SPLIT_SEED = 0
_LEAST_STEPS = 8  # in an epoch: where there are few sequences batches are smaller than the recipe's
# With a constant rate averaged weights take the place of a rate that goes to 0, so that the end need not be known.
_AVERAGING = 0.99
_PATIENCE_EPOCHS, _PATIENCE_STEPS = 20, 500
_MOST_EPOCHS, _MOST_STEPS = 300, 10_000
_CHOSEN_BY = replace(ACCURACY, later_of_equals=True)


def prepare(task: Arrays) -> Callable[[Run], Outcome]:
    """Read the sequences and targets, and return a function that trains with one seed.

    Raises:
        DesignError: An option is out of range, a file cannot be read, or the arrays do not fit.
    """
    data = read_arrays(task.source, task.target)
    theta = task.dt * data.x.shape[1] if task.theta is None else task.theta
    spec = LMUSpec(task.order, theta, task.dt, Discretization(task.discretization))
    known = round((1.0 - _TEST_SHARE) * len(data.x))
    if task.batch is not None:
        check_integer("batch", task.batch, 1, known - max(1, round(_VALIDATION_SHARE * len(data.x))))
    if task.patience is not None:
        check_integer("patience", task.patience, 0)
    schedule = member(Schedule, task.schedule, "schedule")
    recipe = replace(RECIPE, learning_rate=task.learning_rate, schedule=schedule)
    return partial(train_arrays, data, OwnModel(spec, task.hidden, task.memory, recipe, task.batch, task.patience))


@dataclass(frozen=True, eq=False)
class OwnData:
    """Sequences and targets that have been checked.

    Attributes:
        x: The sequences, shape (sequences, T, inputs).
        y: The classes, integers of shape (sequences,), or the targets, numbers of shape (sequences, outputs) or
            (sequences, T, outputs).

    Raises:
        DesignError: An array has another shape or type or is not finite, there are fewer than 10 sequences, or a class
            is out of range.
    """

    x: Array
    y: NDArray[Any]

    def __post_init__(self) -> None:
        x, y = np.asarray(self.x), np.asarray(self.y)
        if x.ndim not in (2, 3) or 0 in x.shape or x.dtype.kind not in "fiub":
            raise DesignError("input", "numbers of shape (sequences, T) or (sequences, T, inputs)", _form(self.x))
        x = x.reshape(batch_shape("input", x.shape))
        if len(x) < 10:
            raise DesignError("input", "at least 10 sequences, so that some can be held out", len(x))
        if y.ndim == 0 or len(y) != len(x):
            raise DesignError("target", f"one for each of the {len(x)} sequences of the input", _form(y))
        for name, array in (("input", x), ("target", y)):
            if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
                where = tuple(int(k[0]) for k in np.nonzero(~np.isfinite(array)))
                raise DesignError(name, "finite in every entry", f"NaN or infinity at index {list(where)}")
        if y.ndim == 1 and y.dtype.kind in "iub":
            if y.min() < 0 or y.max() >= MAX_CLASSES:
                raise DesignError("classes", f"from 0 to {MAX_CLASSES - 1}", [int(y.min()), int(y.max())])
            y = y.astype(np.int64)
        elif y.dtype.kind in "fiub" and (y.ndim <= 2 or (y.ndim == 3 and y.shape[1] == x.shape[1])):
            y = (y[:, None] if y.ndim == 1 else y).astype(np.float64)
        else:
            wanted = f"classes (n,), numbers (n,) or (n, outputs), or one per step (n, {x.shape[1]}, outputs)"
            raise DesignError("target", wanted, _form(y))
        object.__setattr__(self, "x", x.astype(np.float64))
        object.__setattr__(self, "y", y)

    @property
    def classes(self) -> int:
        """The number of classes, or 0 where the targets are numbers."""
        return int(self.y.max()) + 1 if self.y.dtype.kind == "i" else 0


def read_arrays(source: str | Path, target: str | Path) -> OwnData:
    """Read sequences and targets from two `.npy` files.

    Raises:
        DesignError: A file is missing, damaged, no such file or too large, or the arrays do not fit.
    """
    source = Path(source)
    target = Path(target)
    return OwnData(_read(source, "input"), _read(target, "target"))


@dataclass(frozen=True)
class OwnModel:
    """The network that is trained on own sequences.

    Attributes:
        spec: The memory.
        hidden: The number of hidden units.
        memory: The kind of memory, "linear" (without feedback) or "recurrent".
        recipe: The settings of the training; seed and number of epochs are the run's, and batch, averaging and patience
            follow from what is below.
        batch: The number of sequences in a step; None for 32, or an eighth of the training part where that is less.
        patience: The number of epochs without a better validation score after which the training stops, 0 for never;
            None for that of 500 steps, at least 20, with a constant learning rate, and never with another schedule.

    Raises:
        DesignError: `hidden` is not positive, or there is no such kind of memory.
    """

    spec: LMUSpec
    hidden: int = Arrays.hidden
    memory: str = Arrays.memory
    recipe: Recipe = RECIPE
    batch: int | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        check_integer("hidden", self.hidden, 1)
        if self.memory not in ("linear", "recurrent"):
            raise DesignError("memory", "linear or recurrent", self.memory)

    def budget(self, sequences: int, run: Run) -> tuple[Recipe, int]:
        """The recipe for a training part of so many sequences, and the patience by which a plateau is judged.

        With a constant learning rate the training goes on to its plateau, for at most 10 000 steps or 300 epochs,
        whichever is more. With another schedule, whose end must be known, it takes the recipe's number of epochs.
        """
        batch = self.batch or min(self.recipe.batch, max(1, sequences // _LEAST_STEPS))
        steps = sequences // batch
        judged = self.patience or max(_PATIENCE_EPOCHS, -(-_PATIENCE_STEPS // steps))
        constant = self.recipe.schedule is Schedule.CONSTANT
        epochs = max(_MOST_EPOCHS, -(-_MOST_STEPS // steps)) if constant else self.recipe.epochs
        stops = constant if self.patience is None else self.patience > 0
        recipe = replace(
            self.recipe,
            batch=batch,
            epochs=epochs,
            averaging=_AVERAGING if constant else 0.0,
            patience=judged if stops else None,
        )
        return run.recipe(recipe), judged


def train_arrays(data: OwnData, kind: OwnModel, run: Run) -> Outcome:
    """Train on seven tenths of the sequences, choose the epoch by one tenth, test on two tenths.

    The sequences are divided at random. Inputs are scaled to [−1, 1] by their range in the training part, and targets
    to mean 0 and deviation 1; both scales become part of the network.
    """
    train, validation, test, split = _divided(data)
    model = _model(data, kind, train)
    outputs = data.classes or data.y.shape[-1]
    mean, deviation = np.zeros(outputs), np.ones(outputs)
    if not data.classes:
        flat = train.y.reshape(-1, outputs)
        mean, deviation = flat.mean(axis=0), np.where(flat.std(axis=0) > 0.0, flat.std(axis=0), 1.0)

    def scaled(part: Dataset) -> Dataset:
        return part if data.classes else Dataset(part.x, (part.y - mean) / deviation)

    loss: Loss = cross_entropy() if data.classes else squared_error()
    recipe, patience = kind.budget(len(train.x), run)
    metric = _CHOSEN_BY if data.classes else test.metric
    result = fit(
        model,
        scaled(train),
        scaled(validation),
        loss=loss,
        metric=metric,
        recipe=recipe,
        checkpoint=run.checkpoint(kind.memory),
    )
    notes = {**run.notes, "input_sha256": split.digest}
    network = _unscaled(model.network(result.params, notes), mean, deviation)
    stalled = epochs_without_gain([row[metric.name] for row in result.history], metric)
    trained = Trained(network, result.value, test.score(network), result.history)
    details = {
        "sequences": {"train": len(train.x), "validation": len(validation.x), "test": len(test.x)},
        "memory": kind.memory,
        "output": str(model.output),
        "classes": data.classes or None,
        "training": {
            "learning_rate": recipe.learning_rate,
            "batch": recipe.batch,
            "schedule": str(recipe.schedule),
            "patience": recipe.patience,
            "epochs": len(result.history),
            "most_epochs": recipe.epochs,
            "best_epoch": result.epoch,
            "epochs_without_gain": stalled,
            "plateau": stalled >= patience or (data.classes > 0 and result.value == 1.0),  # no score is better
        },
    }
    return Outcome("arrays", kind.memory, {kind.memory: trained}, run.seed, test, details, split)


def _model(data: OwnData, kind: OwnModel, train: Dataset) -> Model:
    """The model for some data, with the scale of the inputs of its training part."""
    low, high = train.x.min(axis=(0, 1)), train.x.max(axis=(0, 1))
    half = np.where(high > low, 0.5 * (high - low), 1.0)
    inputs = data.x.shape[2]
    layer: TrainedLayer = LMULayer(kind.spec, kind.hidden)
    if kind.memory == "linear":
        layer = LinearMemoryLayer(kind.spec, kind.hidden, channels=inputs)
    return Model(
        inputs,
        (layer, DenseLayer(data.classes or data.y.shape[-1])),
        Output.SEQUENCE if data.y.ndim == 3 else Output.LAST,
        input_offset=tuple((0.5 * (high + low)).tolist()),
        input_scale=tuple((1.0 / half).tolist()),
    )


def held_out(data: OwnData) -> HeldOut:
    """The test part of the sequences."""
    return _divided(data)[2]


def _divided(data: OwnData) -> tuple[Dataset, Dataset, HeldOut, Split]:
    """Divide the sequences into the training, the validation and the test part."""
    total = len(data.x)
    known, test = held_out_indices(total, round(_TEST_SHARE * total), seed=_SPLIT_SEED)
    kept, held = held_out_indices(len(known), max(1, round(_VALIDATION_SHARE * total)), seed=_SPLIT_SEED)
    split = Split(total, digest_of(data.x), {"train": known[kept], "validation": known[held], "test": test})
    train, validation, held_back = (Dataset(data.x[part], data.y[part]) for part in split.parts.values())
    metric = ACCURACY if data.classes else NRMSE
    return train, validation, HeldOut(metric, held_back.x, held_back.y, train.x), split


def _unscaled(network: Network, mean: Array, deviation: Array) -> Network:
    """The network with the scale of the targets in its readout."""
    *layers, readout = network.layers
    if not isinstance(readout, DenseParameters):
        raise TypeError("the last layer is the readout")
    scaled = DenseParameters(deviation[:, None] * readout.kernel, deviation * readout.bias + mean)
    return replace(network, layers=(*layers, scaled))


def _read(path: Path, what: str) -> NDArray[Any]:
    if not path.is_file():
        raise RequestError(f"there is no file {path} for --{what}")
    if path.stat().st_size > MAX_BYTES:
        raise DesignError(what, f"at most {MAX_BYTES} bytes", path.stat().st_size)
    try:
        # Mapped before it is read: a header that promises more than the file holds allocates nothing.
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, OSError, EOFError) as error:
        raise DesignError(what, "a whole .npy file of numbers", f"{path}: {error}") from None


def _form(array: Any) -> str:
    values = np.asarray(array)
    return f"{values.dtype} of shape {values.shape}"
