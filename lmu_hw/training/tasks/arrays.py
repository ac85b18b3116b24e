"""A user's own sequences: classes, one vector per sequence, or one per step, told by the targets' shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.networks.model import Network, Output
from lmu_hw.reference.layers import DenseParameters
from lmu_hw.training.layers import DenseLayer, LinearMemoryLayer, LMULayer, TrainedLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import ACCURACY, NRMSE, Dataset, Loss, cross_entropy, hold_out, squared_error
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import HeldOut, Outcome, Run, Trained

MAX_BYTES = 1 << 32
MAX_CLASSES = 10_000
RECIPE = Recipe(epochs=100, batch=32, learning_rate=3e-3, schedule=Schedule.COSINE, warmup=0.03, clip=1.0)
_TEST_SHARE, _VALIDATION_SHARE = 0.2, 0.1
_SPLIT_SEED = 0
_LEAST_STEPS = 8  # per epoch, where there are few sequences


@dataclass(frozen=True, eq=False)
class OwnData:
    """Sequences and targets, checked.

    Attributes:
        x: shape (sequences, T, inputs).
        y: classes, shape (sequences,), integers; or numbers, (sequences, outputs) or (sequences, T, outputs).
    """

    x: Array
    y: NDArray[Any]

    def __post_init__(self) -> None:
        x, y = np.asarray(self.x), np.asarray(self.y)
        if x.ndim == 2:
            x = x[..., None]
        if x.ndim != 3 or 0 in x.shape or x.dtype.kind not in "fiub":
            raise DesignError("input", "numbers of shape (sequences, T) or (sequences, T, inputs)", _form(self.x))
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
        """Number of classes; 0 for numbers."""
        return int(self.y.max()) + 1 if self.y.dtype.kind == "i" else 0


def read_arrays(source: Path, target: Path) -> OwnData:
    """Sequences and targets from two `.npy` files.

    Raises:
        DesignError: a file is missing, damaged, no such file or too large, or the arrays do not fit.
    """
    return OwnData(_read(source, "input"), _read(target, "target"))


@dataclass(frozen=True)
class OwnModel:
    """What is trained on them.

    Attributes:
        spec: the memory; θ and dt in seconds.
        hidden: units.
        memory: "linear" (nothing feeds back) or "recurrent".
        recipe: of the training; its seed and epochs are the run's.
    """

    spec: LMUSpec
    hidden: int = 64
    memory: str = "linear"
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        check_integer("hidden", self.hidden, 1)
        if self.memory not in ("linear", "recurrent"):
            raise DesignError("memory", "linear or recurrent", self.memory)


def train_arrays(data: OwnData, kind: OwnModel, run: Run) -> Outcome:
    """Train on seven tenths of the sequences, choose the epoch on one, test on two; divided at random.

    Inputs are scaled to [−1, 1] by their range in the training part; the scale is part of the network.
    """
    train, validation, test = _divided(data)
    low, high = train.x.min(axis=(0, 1)), train.x.max(axis=(0, 1))
    half = np.where(high > low, 0.5 * (high - low), 1.0)
    output = Output.SEQUENCE if data.y.ndim == 3 else Output.LAST
    inputs, outputs = data.x.shape[2], data.classes or data.y.shape[-1]
    layer: TrainedLayer = (
        LinearMemoryLayer(kind.spec, kind.hidden, channels=inputs)
        if kind.memory == "linear"
        else LMULayer(kind.spec, kind.hidden)
    )
    model = Model(
        inputs,
        (layer, DenseLayer(outputs)),
        output,
        input_offset=tuple((0.5 * (high + low)).tolist()),
        input_scale=tuple((1.0 / half).tolist()),
    )
    loss: Loss
    mean, deviation = np.zeros(outputs), np.ones(outputs)
    if data.classes:
        loss = cross_entropy()
    else:
        loss = squared_error()
        flat = train.y.reshape(-1, outputs)
        mean, deviation = flat.mean(axis=0), np.where(flat.std(axis=0) > 0.0, flat.std(axis=0), 1.0)

    def scaled(part: Dataset) -> Dataset:
        return part if data.classes else Dataset(part.x, (part.y - mean) / deviation)

    batch = min(kind.recipe.batch, max(1, len(train.x) // _LEAST_STEPS))
    result = fit(
        model,
        scaled(train),
        scaled(validation),
        loss=loss,
        metric=test.metric,
        recipe=replace(kind.recipe, seed=run.seed, epochs=run.epochs or kind.recipe.epochs, batch=batch),
        checkpoint=run.checkpoint(kind.memory),
    )
    network = _unscaled(model.network(result.params, {"command": run.command, "seed": run.seed}), mean, deviation)
    trained = Trained(network, result.value, test.score(network), result.history)
    details = {
        "sequences": {"train": len(train.x), "validation": len(validation.x), "test": len(test.x)},
        "memory": kind.memory,
        "output": str(output),
        "classes": data.classes or None,
    }
    return Outcome("arrays", test.metric.name, kind.memory, {kind.memory: trained}, run.seed, test, details)


def held_out(data: OwnData) -> HeldOut:
    """The sequences of the test part."""
    return _divided(data)[2]


def _divided(data: OwnData) -> tuple[Dataset, Dataset, HeldOut]:
    """What is trained on, what chooses the epoch, what is tested on."""
    total = len(data.x)
    known, test = hold_out(Dataset(data.x, data.y), round(_TEST_SHARE * total), seed=_SPLIT_SEED)
    train, validation = hold_out(known, max(1, round(_VALIDATION_SHARE * total)), seed=_SPLIT_SEED)
    return train, validation, HeldOut(ACCURACY if data.classes else NRMSE, test.x, test.y, train.x)


def _unscaled(network: Network, mean: Array, deviation: Array) -> Network:
    """The network with the targets' scale in its readout."""
    *layers, readout = network.layers
    if not isinstance(readout, DenseParameters):
        raise TypeError("the last layer is the readout")
    scaled = DenseParameters(deviation[:, None] * readout.kernel, deviation * readout.bias + mean)
    return replace(network, layers=(*layers, scaled))


def _read(path: Path, what: str) -> NDArray[Any]:
    if not path.is_file():
        raise DesignError(what, "an existing .npy file", str(path))
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
