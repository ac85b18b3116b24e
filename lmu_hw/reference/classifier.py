"""A sequence classifier: the memory's state after the last sample, a linear readout of it, and their fit.

The readout is fitted in closed form as penalised linear discriminants. scikit-learn's LinearDiscriminantAnalysis is
not used for it: its shrinkage standardises the features first, which is another penalty, and it decomposes the
scatter again for every penalty that is tried; the tests hold both against each other.

Sources: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2nd ed.), sections 4.3 (linear
discriminants) and 7.10 (cross-validation and the one-standard-error rule); Hastie, Buja and Tibshirani, Penalized
discriminant analysis, Annals of Statistics 23 (1995).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.fixed_point.formats import MAX_WIDTH, IntArray, QFormat
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.reference.memory import final_states

MIN_WEIGHT_BITS, MAX_WEIGHT_BITS = 2, 32


@dataclass(frozen=True, eq=False)
class MemoryClassifier:
    """One memory from a zero state and a readout of its last state, in float64.

    Attributes:
        spec: The specification of the memory.
        readout: The readout that gives the scores of the classes from the states, in the basis of `spec`.
    """

    spec: LMUSpec
    readout: LinearReadout

    def __post_init__(self) -> None:
        if self.readout.weights.shape[1] != self.spec.order:
            raise DesignError("features of the readout", f"the {self.spec.order} states", self.readout.weights.shape)

    def classify(self, sequences: ArrayLike) -> IntArray:
        """The classes, shape (…), of sequences of shape (…, T).

        Raises:
            DesignError: a sequence is empty or not finite.
        """
        return self.readout.classify(final_states(self.spec, sequences))

    def quantize(self, plan: MemoryPlan, weight_bits: int) -> IntegerClassifier:
        """The same classifier on the state words of `plan`, with weights of `weight_bits` bits.

        Raises:
            DesignError: the plan is of another memory, or the readout cannot be held; see
                `LinearReadout.quantize`.
        """
        if plan.spec != self.spec:
            raise DesignError("plan", f"of the classifier's memory ({self.spec.summary()})", plan.spec.summary())
        return IntegerClassifier(plan, self.readout.quantize(plan.output_format, weight_bits))


@dataclass(frozen=True, eq=False)
class IntegerClassifier:
    """The classifier in integers from samples to class: bit-true memory, integer scores, exact argmax.

    Attributes:
        plan: The fixed-point plan of the memory.
        readout: The integer readout of the state words.
    """

    plan: MemoryPlan
    readout: IntegerReadout

    def final_words(self, codes: ArrayLike) -> IntArray:
        """The output words after the last sample, shape (batch, order), for input codes of shape (batch, T).

        Raises:
            DesignError: a code is not an integer of the input format.
        """
        return IntegerMemory(self.plan).final(codes)

    def classify(self, codes: ArrayLike) -> IntArray:
        """The classes, shape (batch,), of input codes of shape (batch, T).

        Raises:
            DesignError: a code is not an integer of the input format.
        """
        return self.readout.classify(self.final_words(codes))


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


def fit_classifier(
    spec: LMUSpec, sequences: ArrayLike, labels: ArrayLike, *, seed: int = 0
) -> tuple[MemoryClassifier, PenaltyChoice]:
    """Fit linear discriminants on the memory's last states, with the penalty chosen by cross-validation.

    Args:
        spec: The specification of the memory.
        sequences: The training sequences, shape (samples, T).
        labels: The classes of the samples, 0, 1, …, shape (samples,).
        seed: The seed of the cross-validation.

    Raises:
        DesignError: the arrays do not fit each other, or a class has fewer than five sequences.
    """
    features = final_states(spec, sequences)
    choice = choose_penalty(features, labels, seed=seed)
    return MemoryClassifier(spec, discriminant(features, labels, choice.alpha)), choice


def accuracy(predicted: IntArray, labels: IntArray) -> float:
    """The share of equal entries in two arrays of the same shape, 0 … 1.

    Raises:
        DesignError: the shapes differ, or there is nothing to compare.
    """
    if predicted.shape != labels.shape or labels.size == 0:
        raise DesignError("predictions", f"one for each of the labels, shape {labels.shape}", predicted.shape)
    return float(np.mean(predicted == labels))


def discriminant(features: ArrayLike, labels: ArrayLike, alpha: float) -> LinearReadout:
    """Penalised linear discriminants: the scores of Gaussian classes that share one covariance.

    With class means μ_c and shares π_c, and Σ = (S + alpha·I)/samples for the scatter S within the classes,

        score_c = μ_cᵀ Σ⁻¹ f − μ_cᵀ Σ⁻¹ μ_c/2 + log π_c.

    The mean score over the classes, which decides nothing, is taken off, so that no bits of a quantised weight are
    spent on it.

    Args:
        features: The feature vectors f, shape (samples, features).
        labels: The class of each sample, 0 … classes−1 with each class present, shape (samples,).
        alpha: The positive penalty, in squared units of the features.

    Raises:
        DesignError: the arrays do not fit each other or are not finite, or `alpha` is not positive.
    """
    check_positive("alpha", alpha)
    return _Classes(_features(features), _labels(labels, features)).readout(alpha)


@dataclass(frozen=True, eq=False)
class PenaltyChoice:
    """How a penalty was chosen.

    Attributes:
        alpha: The penalty that was chosen.
        alphas: All penalties that were tried, in increasing order, shape (n,).
        accuracy: The share of held-back samples that were classified correctly, averaged over the folds, shape (n,).
        standard_error: The standard error of that average at the most accurate penalty.
    """

    alpha: float
    alphas: Array
    accuracy: Array
    standard_error: float


def choose_penalty(
    features: ArrayLike,
    labels: ArrayLike,
    alphas: Sequence[float] | None = None,
    *,
    folds: int = 5,
    seed: int = 0,
) -> PenaltyChoice:
    """The penalty of `discriminant` by cross-validation, leaning towards the larger one.

    The largest penalty is taken whose accuracy is within one standard error of the best: a larger penalty
    gives smaller weights, which amplify the rounding of the state words less.

    Args:
        features: The feature vectors, shape (samples, features).
        labels: The class of each sample, 0 … classes−1 with each class present in every part, shape (samples,).
        alphas: The penalties to try; by default 10⁻⁴ … 1 times the mean scatter of a feature within the classes. A
            smaller penalty would rely on differences below a hundredth of a feature's spread, which state words of
            moderate width do not hold.
        folds: The number of parts that take turns at being held back, at least 2.
        seed: The seed of the division into parts, which keeps the shares of the classes.

    Raises:
        DesignError: the arrays do not fit each other, or there are fewer samples in a class than folds.
    """
    f, y = _features(features), _labels(labels, features)
    folds = check_integer("folds", folds, 2)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    fewest = int(np.bincount(y).min())
    if fewest < folds:
        raise DesignError("samples in each class", f"at least {folds}, one for each fold", fewest)
    if alphas is None:
        tried = float(np.mean(_Classes(f, y).scatter)) * np.array([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    else:
        tried = np.sort(np.array(alphas, dtype=np.float64))
    for alpha in tried:
        check_positive("alpha", alpha)
    part = stratified_parts(y, folds, rng)
    right = np.empty((tried.size, folds))
    for j in range(folds):
        held = part == j
        fitted = _Classes(f[~held], y[~held])
        for i, alpha in enumerate(tried):
            right[i, j] = np.mean(fitted.readout(float(alpha)).classify(f[held]) == y[held])
    accuracy = right.mean(axis=1)
    best = int(np.argmax(accuracy))
    error = float(right[best].std(ddof=1) / np.sqrt(folds))
    chosen = np.flatnonzero(accuracy >= accuracy[best] - error).max()
    return PenaltyChoice(float(tried[chosen]), tried, accuracy, error)


def stratified_parts(labels: IntArray, parts: int, rng: np.random.Generator) -> IntArray:
    """The part 0 … parts−1 of each sample, shape (samples,), at random but with each class spread evenly.

    Args:
        labels: The class of each sample, shape (samples,).
        parts: The number of parts.
        rng: The generator that shuffles each class.
    """
    part = np.empty(labels.size, dtype=np.int64)
    start = 0
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        part[members] = (start + np.arange(members.size)) % parts
        start += members.size  # where one class stops the next goes on, so the parts' sizes differ by one
    return part


class _Classes:
    """The class means, and the scatter within the classes, decomposed once for all penalties."""

    def __init__(self, features: Array, labels: IntArray) -> None:
        samples = features.shape[0]
        counts = np.bincount(labels)
        self.means = np.array([features[labels == c].mean(axis=0) for c in range(counts.size)])
        within = features - self.means[labels]
        scatter, axes = np.linalg.eigh(within.T @ within)
        self.scatter = np.maximum(scatter, 0.0)  # an eigenvalue of zero may come out slightly below
        self.axes = axes.T
        self.samples = samples
        self.log_share = np.log(counts / samples)

    def readout(self, alpha: float) -> LinearReadout:
        centre = self.means.mean(axis=0)
        weights = ((self.means - centre) @ self.axes.T * (self.samples / (self.scatter + alpha))) @ self.axes
        # ½(μ_cᵀΣ⁻¹μ_c − centreᵀΣ⁻¹centre) as one product, without the cancellation
        bias = self.log_share - 0.5 * np.einsum("cn,cn->c", weights, self.means + centre)
        return LinearReadout(weights, bias - bias.mean())


def _features(values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise DesignError("features", "of shape (samples, features), none of them 0", array.shape)
    if not np.all(np.isfinite(array)):
        raise DesignError("features", "finite numbers", "NaN or infinity")
    return array


def _labels(values: ArrayLike, features: ArrayLike | None = None) -> IntArray:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or not np.issubdtype(array.dtype, np.integer):
        raise DesignError("labels", "integers of shape (samples,)", f"{array.dtype} {array.shape}")
    if features is not None and array.size != np.shape(features)[0]:
        raise DesignError("labels", f"as many as there are samples, {np.shape(features)[0]}", array.size)
    present = np.unique(array)
    if present.size < 2 or present[0] != 0 or present[-1] != present.size - 1:
        raise DesignError("labels", "the classes 0, 1, …, at least two and each present", present.tolist())
    return array.astype(np.int64)


def _first_largest(scores: Array | IntArray) -> IntArray:
    """The index of the largest score along the last axis, the first one of equals."""
    index: IntArray = np.asarray(np.argmax(scores, axis=-1), dtype=np.int64)
    return index


def _check_length(what: str, array: Array | IntArray, weights: Array | IntArray) -> None:
    if array.ndim == 0 or array.shape[-1] != weights.shape[1]:
        raise DesignError(what, f"of shape (…, {weights.shape[1]})", array.shape)
