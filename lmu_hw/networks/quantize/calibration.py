"""Calibration: a network is run over data, and what each of its affine maps sees and gives is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.affine import RealLayer, RealNetwork
from lmu_hw.networks.quantize.plan import Source
from lmu_hw.networks.reference import check_sequences

_SAMPLES = 1 << 18  # results of a map that are kept, at most about twice as many
_BATCH = 256  # sequences that are run side by side


class CalibrationStatistics:
    """Ranges and second moments of the vectors of one map, over all sequences and those steps at which it counts.

    Attributes:
        count: The number of vectors that were seen.
        low: The least result of each row, shape (rows,).
        high: The largest result of each row, shape (rows,).
    """

    def __init__(self, parts: Mapping[Source, Array], rows: int) -> None:
        columns = sum(matrix.shape[1] for matrix in parts.values())
        self.count = 0
        self._sum, self._products = np.zeros(columns), np.zeros((columns, columns))
        self.low, self.high = np.full(rows, np.inf), np.full(rows, -np.inf)
        self._kept: list[Array] = []

    @property
    def mean(self) -> Array:
        """The mean of the vectors, all sources side by side, shape (columns,)."""
        return self._sum / self.count

    @property
    def covariance(self) -> Array:
        """The covariance of the vectors, all sources side by side, shape (columns, columns)."""
        return np.asarray(self._products / self.count - np.outer(self.mean, self.mean))

    @property
    def samples(self) -> Array:
        """Some of the results of all rows, one after the other."""
        return np.concatenate(self._kept)

    def take(self, vectors: Sequence[Array], results: Array, stride: int) -> None:
        """Add vectors and results, one column a sequence; every `stride`-th result is kept as a sample."""
        stacked = np.concatenate(list(vectors)) if vectors else np.zeros((0, results.shape[1]))
        self.count += stacked.shape[1]
        self._sum += stacked.sum(axis=1)
        self._products += stacked @ stacked.T
        self.low, self.high = np.minimum(self.low, results.min(axis=1)), np.maximum(self.high, results.max(axis=1))
        self._kept.append(results.ravel()[::stride].copy())


@dataclass(frozen=True, eq=False)
class Calibration:
    """The statistics of all maps of a network over a batch of sequences.

    Attributes:
        inputs: The sequences, shape (batch, T, inputs).
        drives: The statistics of each layer's map to the drive; None for a layer without memories.
        affines: The statistics of each layer's map to the activation; None for a layer without a dense part.
    """

    inputs: Array
    drives: tuple[CalibrationStatistics | None, ...]
    affines: tuple[CalibrationStatistics | None, ...]


def calibrate(layers: Sequence[RealLayer], output: Output, x: ArrayLike, inputs: int) -> Calibration:
    """Run the layers over `x` and return the statistics of their maps.

    A map counts at the steps at which its result matters. Behind the last state of a network with one output per
    sequence, that is the last step alone.

    Args:
        layers: The layers as affine maps.
        output: Whether there is an output per step or one per sequence.
        x: The calibration data, shape (batch, T, inputs).
        inputs: The length of the network's input.

    Raises:
        DesignError: `x` has another shape or is not finite.
    """
    sequences = check_sequences(x, inputs, "calibration data")
    network = RealNetwork(layers, output)
    steps = sequences.shape[1]
    maps = {("drive", k): layer.drive for k, layer in enumerate(layers) if layer.drive is not None}
    maps |= {("affine", k): layer.affine for k, layer in enumerate(layers) if layer.affine is not None}
    found = {key: CalibrationStatistics(real.parts, real.bias.size) for key, real in maps.items()}
    strides = {}
    for (which, k), real in maps.items():
        often = steps if which == "drive" or network.counts(k, last=False) else 1
        strides[which, k] = max(1, real.bias.size * often * sequences.shape[0] // _SAMPLES)

    def watch(which: str, k: int, vectors: list[Array], result: Array) -> None:
        found[which, k].take(vectors, result, strides[which, k])

    for start in range(0, sequences.shape[0], _BATCH):
        network.run(sequences[start : start + _BATCH], watch=watch)
    return Calibration(
        sequences,
        tuple(found.get(("drive", k)) for k in range(len(layers))),
        tuple(found.get(("affine", k)) for k in range(len(layers))),
    )
