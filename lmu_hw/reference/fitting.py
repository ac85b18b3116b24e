"""Linear readouts fitted in closed form, float64 and without chance, and the choice of their penalty.

Sources: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2nd ed.), sections 3.4.1
(ridge regression), 4.3 (linear discriminants), 7.10 (cross-validation and the one-standard-error rule);
Hastie, Buja and Tibshirani, Penalized discriminant analysis, Annals of Statistics 23 (1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.reference.readout import LinearReadout


def ridge(features: ArrayLike, targets: ArrayLike, alpha: float) -> LinearReadout:
    """Minimise Σ_n ‖y_n − W f_n − b‖² + alpha·‖W‖² over W and b; b carries no penalty.

    Args:
        features: f, shape (samples, features).
        targets: y, shape (samples, outputs) or (samples,).
        alpha: penalty, positive, in squared units of the features.

    Raises:
        DesignError: the arrays do not fit each other or are not finite, or `alpha` is not positive.
    """
    f, y = _features(features), _targets(targets, features)
    check_positive("alpha", alpha)
    mean, middle = f.mean(axis=0), y.mean(axis=0)
    u, s, vt = np.linalg.svd(f - mean, full_matrices=False)
    weights = ((u.T @ (y - middle)).T * (s / (s**2 + alpha))) @ vt
    return LinearReadout(weights, middle - weights @ mean)


def leave_one_out(features: ArrayLike, targets: ArrayLike, alphas: Sequence[float]) -> Array:
    """Mean squared error of `ridge` on each sample when fitted on all the others, shape (len(alphas),).

    In closed form: a residual of the full fit divided by 1 − its own leverage.

    Raises:
        DesignError: as `ridge`.
    """
    f, y = _features(features), _targets(targets, features)
    residuals = y - y.mean(axis=0)
    u, s, _ = np.linalg.svd(f - f.mean(axis=0), full_matrices=False)
    projected = u.T @ residuals
    errors = []
    for alpha in alphas:
        check_positive("alpha", alpha)
        gain = s**2 / (s**2 + alpha)
        leverage = (u**2) @ gain + 1.0 / f.shape[0]
        left = residuals - u @ (gain[:, None] * projected)
        errors.append(float(np.mean((left / (1.0 - leverage)[:, None]) ** 2)))
    return np.array(errors)


def one_vs_all(labels: ArrayLike) -> Array:
    """Targets for `ridge`: 1 for the own class and −1 for the others, shape (samples, classes).

    Raises:
        DesignError: the labels are not 0 … classes−1, each present.
    """
    y = _labels(labels)
    return 2.0 * np.eye(int(y.max()) + 1)[y] - 1.0


def discriminant(features: ArrayLike, labels: ArrayLike, alpha: float) -> LinearReadout:
    """Penalised linear discriminants: the scores of Gaussian classes that share one covariance.

    With class means μ_c and shares π_c, and Σ = (S + alpha·I)/samples for the scatter S within the classes,
    score_c = μ_cᵀ Σ⁻¹ f − μ_cᵀ Σ⁻¹ μ_c/2 + log π_c. Their mean over the classes, which decides nothing, is
    taken off, so that no bits of a quantised weight are spent on it.

    Args:
        features: f, shape (samples, features).
        labels: classes 0 … classes−1, each present, shape (samples,).
        alpha: penalty, positive, in squared units of the features.

    Raises:
        DesignError: the arrays do not fit each other or are not finite, or `alpha` is not positive.
    """
    check_positive("alpha", alpha)
    return _Classes(_features(features), _labels(labels, features)).readout(alpha)


@dataclass(frozen=True, eq=False)
class PenaltyChoice:
    """How a penalty was chosen.

    Attributes:
        alpha: the choice.
        alphas: all that were tried, increasing, shape (n,).
        accuracy: share of held-back samples classified right, mean over the folds, shape (n,).
        standard_error: of that mean at the best penalty.
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
        features: shape (samples, features).
        labels: classes 0 … classes−1, each present in every part, shape (samples,).
        alphas: penalties to try; by default 10⁻⁴ … 1 times the mean scatter of a feature within the classes. Less
            would rely on differences below a hundredth of a feature's spread, which state words of
            moderate width do not hold.
        folds: how many parts take turns at being held back, at least 2.
        seed: of the division into parts, which keeps the classes' shares.

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
    """Deal the samples out to `parts` parts, 0 … parts−1, at random but each class evenly; shape (samples,)."""
    part = np.empty(labels.size, dtype=np.int64)
    start = 0
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        part[members] = (start + np.arange(members.size)) % parts
        start += members.size  # where one class stops the next goes on, so the parts' sizes differ by one
    return part


class _Classes:
    """Class means and the scatter within, decomposed once for all penalties."""

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


def _targets(values: ArrayLike, features: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    samples = np.shape(features)[0]
    if array.ndim not in (1, 2) or array.shape[0] != samples or array.size == 0:
        raise DesignError("targets", f"of shape ({samples}, outputs) or ({samples},)", array.shape)
    if not np.all(np.isfinite(array)):
        raise DesignError("targets", "finite numbers", "NaN or infinity")
    return array.reshape(samples, -1)


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
