"""The measures of error that reports and checks share: the NRMSE, and what a classifier gets right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.errors import DesignError


def nrmse(measured: ArrayLike, reference: ArrayLike) -> float:
    """The root mean square of measured − reference over that of the reference, over all entries.

    Args:
        measured: The values to judge, of any shape.
        reference: The values to compare them with, of the same shape, not all zero.

    Raises:
        DesignError: the shapes differ, an entry is not finite, or the reference is empty or zero.
    """
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if x.shape != y.shape:
        raise DesignError("measured values", f"of the reference's shape {y.shape}", x.shape)
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise DesignError("values to compare", "finite numbers", "NaN or infinity")
    peak = float(np.abs(y).max(initial=0.0))
    if peak == 0.0:
        raise DesignError("reference of an NRMSE", "different from zero somewhere", "only zeros")
    # Scaled by the peak, so that no square leaves the range of a double.
    return float(np.linalg.norm(((x - y) / peak).ravel()) / np.linalg.norm((y / peak).ravel()))


@dataclass(frozen=True, eq=False)
class ClassScores:
    """How a classifier does on labelled sequences.

    Attributes:
        confusion: The number of sequences of each class (row) that it takes for each class (column), shape
            (classes, classes).
    """

    confusion: NDArray[np.int64]

    @classmethod
    def of(cls, found: ArrayLike, labels: ArrayLike, classes: int) -> ClassScores:
        """Compare the found classes with the labels, both integers from 0 to `classes` − 1, shape (sequences,)."""
        confusion = np.zeros((classes, classes), dtype=np.int64)
        np.add.at(confusion, (np.asarray(labels), np.asarray(found)), 1)
        return cls(confusion)

    @property
    def accuracy(self) -> float:
        """The share of all sequences whose class is found, 0 … 1."""
        return float(np.trace(self.confusion) / self.confusion.sum())

    @property
    def per_class(self) -> list[float | None]:
        """The share of the sequences of each class whose class is found; None for a class without sequences."""
        counts = self.confusion.sum(axis=1)
        return [
            float(right / count) if count else None
            for right, count in zip(np.diag(self.confusion).tolist(), counts.tolist(), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain values."""
        return {"accuracy": self.accuracy, "per_class": self.per_class, "confusion": self.confusion.tolist()}


def classes_of(outputs: ArrayLike) -> NDArray[np.int64]:
    """The class of each sequence: the index of the largest output after the last step, the first of equals.

    Args:
        outputs: The outputs, shape (sequences, [T,] outputs).

    Returns:
        The classes, shape (sequences,).
    """
    array = np.asarray(outputs)
    return np.asarray(np.argmax(array if array.ndim == 2 else array[:, -1], axis=-1), dtype=np.int64)
