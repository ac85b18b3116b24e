"""Sequences that a network is run on, and their classes, from a user's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.legendre import Array
from lmu_hw.recordings import check_count, check_finite, read_array, read_columns

#: The most numbers in a batch of sequences.
MAX_VALUES = 1 << 27


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of one length.

    Attributes:
        values: shape (batch, T, inputs), finite.
        batched: whether the file had the axis of the batch; otherwise that is 1.
    """

    values: Array
    batched: bool


def read_sequences(path: Path, inputs: int) -> Sequences:
    """Read a batch of sequences for a network of `inputs` inputs.

    A `.npy` file has the shape (T,) where there is one input, (T, inputs) or (batch, T, inputs); `.csv` and `.wav`
    files hold one sequence with a column or channel for each input (see `lmu_hw.recordings`). The values are
    taken as they are, in the units of the network's input.

    Raises:
        DesignError: the file cannot be read, is damaged, too large or empty, has another shape, or holds values
            that are not finite.
    """
    batched = False
    if path.suffix.lower() == ".npy":
        array = read_array(path, lambda shape: _check_shape(path, shape, inputs)).astype(np.float64)
        batched = array.ndim == 3
        sequences = array.reshape(-1, array.shape[-2] if array.ndim > 1 else array.shape[0], inputs)
    else:

        def every(count: int, _: tuple[str, ...]) -> range:
            if count != inputs:
                raise DesignError(path.name, f"a column for each of the {inputs} inputs", f"{count} columns")
            return range(count)

        sequences = read_columns(path, every)[0][None]
    check_finite(path, np.moveaxis(sequences, 1, 0))
    return Sequences(sequences, batched)


def read_classes(path: Path, count: int, classes: int) -> IntArray:
    """Read the class of each of `count` sequences, integers from 0 to `classes` − 1, shape (count,).

    Raises:
        DesignError: the file cannot be read, or holds anything else.
    """
    if path.suffix.lower() == ".npy":
        values = read_array(path, lambda _: None)
    else:
        values = read_columns(path, lambda columns, _: range(columns))[0]
        values = values[:, 0] if values.shape[1] == 1 else values
    if values.shape != (count,):
        raise DesignError(path.name, f"of shape ({count},), a class for each sequence", values.shape)
    wrong = (values != np.floor(values)) | (values < 0) | (values >= classes)
    if wrong.any():
        raise DesignError(path.name, f"whole numbers from 0 to {classes - 1}", values[wrong][0].item())
    return values.astype(np.int64)


def _check_shape(path: Path, shape: tuple[int, ...], inputs: int) -> None:
    several = f"(T, {inputs}) or (batch, T, {inputs})"
    allowed = f"an array of shape (T,), {several}" if inputs == 1 else f"an array of shape {several}"
    if len(shape) not in (1, 2, 3) or (shape[-1] if len(shape) > 1 else 1) != inputs or 0 in shape:
        raise DesignError(path.name, f"{allowed}, not empty", shape)
    check_count(path, shape[-2] if len(shape) > 1 else shape[0])
    if int(np.prod(shape, dtype=object)) > MAX_VALUES:
        raise DesignError(path.name, f"at most {MAX_VALUES} numbers", shape)
