"""A linear readout of features such as the states of a memory, in real numbers and in integers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat

MIN_WEIGHT_BITS, MAX_WEIGHT_BITS = 2, 32


@dataclass(frozen=True, eq=False)
class LinearReadout:
    """The map y = W f + b of features f; where the outputs are scores of classes, the largest one decides.

    Attributes:
        weights: The matrix W, shape (outputs, features).
        bias: The vector b, shape (outputs,).

    Raises:
        DesignError: the shapes do not fit each other, or an entry is not finite.
    """

    weights: Array
    bias: Array

    def __post_init__(self) -> None:
        for name, dimensions in (("weights", 2), ("bias", 1)):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.ndim != dimensions or array.size == 0:
                raise DesignError(f"readout {name}", f"an array of {dimensions} dimension(s)", array.shape)
            if not np.all(np.isfinite(array)):
                raise DesignError(f"readout {name}", "finite in every entry", "NaN or infinity")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.bias.shape != self.weights.shape[:1]:
            raise DesignError("readout bias", f"of shape {self.weights.shape[:1]}", self.bias.shape)

    def __call__(self, features: ArrayLike) -> Array:
        """The outputs, shape (…, outputs), for features of shape (…, features)."""
        f = np.asarray(features, dtype=np.float64)
        _check_length("features", f, self.weights)
        outputs: Array = f @ self.weights.T + self.bias
        return outputs

    def classify(self, features: ArrayLike) -> IntArray:
        """The class of the largest score, the first one of equals, shape (…)."""
        return _first_largest(self(features))

    def quantize(self, words: QFormat, bits: int) -> IntegerReadout:
        """Round the weights to `bits` bits on the finest grid that holds them, the bias to the scores' grid.

        Args:
            words: The format of the state words that take the place of the features.
            bits: The width of a weight, its sign included, 2 … 32.

        Raises:
            DesignError: `bits` is out of range, or a score could exceed 62 bits.
        """
        bits = check_integer("weight_bits", bits, MIN_WEIGHT_BITS, MAX_WEIGHT_BITS)
        largest = float(np.abs(self.weights).max())
        # largest = mantissa·2^exponent with a mantissa in [½, 1), so these fractional bits fill the word's top bit,
        fraction = bits - 1 - math.frexp(largest)[1]
        if np.rint(math.ldexp(largest, fraction)) > (1 << (bits - 1)) - 1:
            fraction -= 1  # unless it rounds up to a power of two
        format_ = QFormat(bits, fraction)
        bias = np.ldexp(self.bias, fraction + words.fraction)
        if np.abs(bias).max() >= 2.0 ** (MAX_WIDTH - 1):
            raise DesignError(
                "score of the readout", f"at most {MAX_WIDTH} bits wide", f"a bias of {np.abs(bias).max():.3g}"
            )
        weights = np.rint(np.ldexp(self.weights, fraction)).astype(np.int64)
        return IntegerReadout(weights, np.rint(bias).astype(np.int64), format_, words)


@dataclass(frozen=True, eq=False)
class IntegerReadout:
    """The scores W·words + b in integers, exact in int64, partial sums in any order included.

    Attributes:
        weights: The codes of W, shape (outputs, features).
        bias: The codes of b, in the format of the scores, shape (outputs,).
        weight_format: The format of every weight.
        word_format: The format of every state word.

    Raises:
        DesignError: an array does not consist of integers of the right shape and range, or a score could exceed 62
            bits.
    """

    weights: IntArray
    bias: IntArray
    weight_format: QFormat
    word_format: QFormat

    def __post_init__(self) -> None:
        for name, dimensions in (("weights", 2), ("bias", 1)):
            array = np.array(getattr(self, name))
            if array.ndim != dimensions or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
                raise DesignError(
                    f"readout {name}", f"integers in {dimensions} dimension(s)", f"{array.dtype} {array.shape}"
                )
            array = array.astype(np.int64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.bias.shape != self.weights.shape[:1]:
            raise DesignError("readout bias", f"of shape {self.weights.shape[:1]}", self.bias.shape)
        low, high = self.weight_format.low, self.weight_format.high
        if self.weights.min() < low or self.weights.max() > high:
            raise DesignError(
                "readout weights", f"from {low} to {high}", [int(self.weights.min()), int(self.weights.max())]
            )
        if self.score_width > MAX_WIDTH:
            raise DesignError("score of the readout", f"at most {MAX_WIDTH} bits wide", self.score_width)

    @property
    def largest_score(self) -> int:
        """A bound on the modulus of every score, and of every partial sum of one, for any state words."""
        word = max(-self.word_format.low, self.word_format.high)
        rows: list[list[int]] = self.weights.tolist()  # Python integers: the bound itself must not wrap
        biases: list[int] = self.bias.tolist()
        return max(sum(map(abs, row)) * word + abs(b) for row, b in zip(rows, biases, strict=True))

    @property
    def score_width(self) -> int:
        """The width of a two's complement accumulator that holds every score and partial sum."""
        return self.largest_score.bit_length() + 1

    @property
    def score_format(self) -> QFormat:
        """The format of a score."""
        return QFormat(self.score_width, self.weight_format.fraction + self.word_format.fraction)

    def scores(self, words: ArrayLike) -> IntArray:
        """The codes of the scores, shape (…, outputs), for state words of shape (…, features).

        Raises:
            DesignError: the words are not integers of the word format.
        """
        array = np.asarray(words)
        _check_length("state words", array, self.weights)
        if not np.issubdtype(array.dtype, np.integer):
            raise DesignError("state words", "integers", array.dtype)
        low, high = self.word_format.low, self.word_format.high
        if array.size and (array.min() < low or array.max() > high):
            raise DesignError("state words", f"from {low} to {high}", [int(array.min()), int(array.max())])
        scores: IntArray = array.astype(np.int64) @ self.weights.T + self.bias
        return scores

    def classify(self, words: ArrayLike) -> IntArray:
        """The class of the largest score, the first one of equals, shape (…)."""
        return _first_largest(self.scores(words))

    def to_dict(self) -> dict[str, Any]:
        """The readout as plain values, for manifests."""
        return {
            "weights": self.weights.tolist(),
            "bias": self.bias.tolist(),
            "formats": {
                name: {"width": f.width, "fraction": f.fraction, "signed": f.signed}
                for name, f in (
                    ("weight", self.weight_format),
                    ("word", self.word_format),
                    ("score", self.score_format),
                )
            },
        }


def _first_largest(scores: Array | IntArray) -> IntArray:
    """The index of the largest score along the last axis, the first one of equals."""
    index: IntArray = np.asarray(np.argmax(scores, axis=-1), dtype=np.int64)
    return index


def _check_length(what: str, array: Array | IntArray, weights: Array | IntArray) -> None:
    if array.ndim == 0 or array.shape[-1] != weights.shape[1]:
        raise DesignError(what, f"of shape (…, {weights.shape[1]})", array.shape)
