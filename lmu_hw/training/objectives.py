"""Datasets, losses that a training minimises, and metrics by which its best parameters are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.metrics import nrmse
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.training.backend import jax, jnp, optax

Tensor = jax.Array
IntArray = NDArray[np.int64]
_GAIN = 0.995  # of the last score that counted, below which another one counts
#: A function of the outputs and targets of a batch.
Loss = Callable[[Tensor, Tensor], Tensor]


class Dataset(NamedTuple):
    """Sequences and their targets, along the first axis.

    Attributes:
        x: The sequences, numbers of shape (sequences, T, inputs), or whatever `prepare` makes them of.
        y: The classes (sequences,), or the targets (sequences, outputs) or (sequences, T, outputs).
    """

    x: NDArray[Any]
    y: NDArray[Any]


def check_dataset(name: str, data: Dataset) -> Dataset:
    """Return the arrays of `data` if there is a target for each sequence and every number is finite.

    Raises:
        DesignError: They are not. The message says where the first bad number is.
    """
    x, y = np.asarray(data.x), np.asarray(data.y)
    if x.ndim == 0 or y.ndim == 0 or len(x) == 0 or len(x) != len(y):
        raise DesignError(f"targets of the {name} set", f"one for each of {x.shape[:1]} sequences", y.shape[:1])
    for part, array in (("input", x), ("targets", y)):
        if array.dtype.kind not in "fiub":
            raise DesignError(f"{part} of the {name} set", "real numbers", str(array.dtype))
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            where = tuple(int(k[0]) for k in np.nonzero(~np.isfinite(array)))
            raise DesignError(f"{part} of the {name} set", "finite", f"NaN or infinity at index {list(where)}")
    return Dataset(x, y)


def hold_out(data: Dataset, count: int, *, seed: int | None = None) -> tuple[Dataset, Dataset]:
    """Split `data` into one for training and one of `count` sequences for validation.

    Args:
        data: The dataset, of at least `count` + 1 sequences.
        count: The number of sequences to hold out, at least 1.
        seed: The seed of the choice; None holds out the last ones.

    Raises:
        DesignError: There are not enough sequences.
    """
    kept, held = held_out_indices(len(data.x), count, seed=seed)
    return Dataset(data.x[kept], data.y[kept]), Dataset(data.x[held], data.y[held])


def held_out_indices(total: int, count: int, *, seed: int | None = None) -> tuple[IntArray, IntArray]:
    """The indices that `hold_out` keeps and holds out, sorted, of shape (total − count,) and (count,).

    Args:
        total: The number of sequences.
        count: The number of sequences to hold out, at least 1.
        seed: The seed of the choice; None holds out the last ones.

    Raises:
        DesignError: There are not enough sequences.
    """
    check_integer("held-out sequences", count, 1, total - 1)
    order = np.arange(total) if seed is None else np.random.default_rng(seed).permutation(total)
    return np.sort(order[:-count]), np.sort(order[-count:])


def cross_entropy(smoothing: float = 0.0) -> Loss:
    """The mean of −log softmax(outputs) at the class, for classes as integers.

    Args:
        smoothing: The share of each target that is spread over all classes, from 0 to below 1.

    Raises:
        DesignError: `smoothing` is out of its range.
    """
    if not 0.0 <= smoothing < 1.0:
        raise DesignError("smoothing", "from 0 to below 1", smoothing)

    def loss(outputs: Tensor, classes: Tensor) -> Tensor:
        targets = optax.smooth_labels(jax.nn.one_hot(classes, outputs.shape[-1], dtype=outputs.dtype), smoothing)
        return jnp.mean(optax.softmax_cross_entropy(outputs, targets))

    return loss


def squared_error(skip: int = 0) -> Loss:
    """The mean of (outputs − targets)².

    Args:
        skip: The number of leading steps that do not count, while the memory fills; for outputs per step.
    """
    check_integer("skipped steps", skip, 0)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        error = outputs - targets.astype(outputs.dtype)
        return jnp.mean((error[:, skip:] if skip else error) ** 2)

    return loss


@dataclass(frozen=True)
class Metric:
    """A score by which parameters are chosen and results are reported.

    Attributes:
        name: The name in reports.
        function: A function of the outputs and targets of all sequences.
        higher_is_better: Whether a higher score is better.
        later_of_equals: Whether the later one of equal scores is better, as of accuracies on few sequences, which are
            equal long before the network has learned what it can.
    """

    name: str
    function: Callable[[NDArray[Any], NDArray[Any]], float]
    higher_is_better: bool = False
    later_of_equals: bool = False

    def better(self, value: float, than: float | None) -> bool:
        """Whether `value` is better than the best one so far."""
        if than is None or (self.later_of_equals and value == than):
            return True
        return value > than if self.higher_is_better else value < than


def epochs_without_gain(values: Sequence[float], metric: Metric) -> int:
    """The number of epochs since the validation score last became better.

    An error has to fall by more than half a percent below the last one that counted, so that a curve that creeps
    towards its limit ends; an accuracy has to rise.

    Args:
        values: The score after each epoch.
        metric: The metric of these scores.
    """
    reference, at = None, 0
    for k, value in enumerate(values, start=1):
        if reference is None or (value > reference if metric.higher_is_better else value < _GAIN * reference):
            reference, at = value, k
    return len(values) - at


def _accuracy(outputs: NDArray[Any], classes: NDArray[Any]) -> float:
    return float(np.mean(np.argmax(outputs, axis=-1) == classes))


def _mean_square(outputs: ArrayLike, targets: ArrayLike) -> float:
    return float(np.mean((np.asarray(outputs, np.float64) - np.asarray(targets, np.float64)) ** 2))


#: The share of sequences whose largest output is that of their class.
ACCURACY = Metric("accuracy", _accuracy, higher_is_better=True)
#: The mean square error.
ERROR = Metric("mse", _mean_square)
#: The root mean square of the error over that of the targets.
NRMSE = Metric("nrmse", nrmse)
