"""Closed-form fits of the readout against scikit-learn, against their defining equations, and by brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.covariance import EmpiricalCovariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lmu_hw.errors import DesignError
from lmu_hw.reference.classifier import choose_penalty, discriminant, stratified_parts

Array = NDArray[np.float64]


def classes(
    rng: np.random.Generator, samples: int = 90, features: int = 6, count: int = 3, distance: float = 1.5
) -> tuple[Array, NDArray[np.int64]]:
    """Gaussian classes with one covariance, unlike in number."""
    labels = np.concatenate([np.arange(count), rng.choice(count, samples - count, p=shares(count))])
    mixing = rng.normal(size=(features, features))
    means = distance * rng.normal(size=(count, features))
    return rng.normal(size=(samples, features)) @ mixing.T + means[labels] + 3.0, labels


def shares(count: int) -> Array:
    weights = np.arange(1.0, count + 1.0)
    total: Array = weights / weights.sum()
    return total


class Penalised(EmpiricalCovariance):
    """The covariance with alpha/samples on its diagonal, for the samples of all classes together."""

    def __init__(self, alpha: float = 0.0, samples: int = 1) -> None:
        super().__init__()
        self.alpha, self.samples = alpha, samples

    def fit(self, features: Any, y: Any = None) -> Penalised:
        super().fit(features, y)
        self.covariance_ = self.covariance_ + self.alpha / self.samples * np.eye(features.shape[1])
        return self


@pytest.mark.parametrize("alpha", [1e-6, 1.0, 100.0])
def test_discriminant_is_scikit_learns_up_to_what_all_classes_share(alpha: float, rng: np.random.Generator) -> None:
    f, y = classes(rng, count=4)
    mine = discriminant(f, y, alpha)(f)
    lda = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Penalised(alpha, y.size))
    oracle = lda.fit(f, y).decision_function(f)
    np.testing.assert_allclose(
        mine - mine.mean(axis=1, keepdims=True), oracle - oracle.mean(axis=1, keepdims=True), atol=1e-8
    )


def test_discriminant_wastes_nothing_on_what_all_classes_share(rng: np.random.Generator) -> None:
    f, y = classes(rng, count=4)
    fitted = discriminant(f, y, 1.0)
    np.testing.assert_allclose(fitted.weights.sum(axis=0), 0.0, atol=1e-12)
    assert fitted.bias.sum() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("samples", [7, 60])
def test_discriminant_solves_its_equation(samples: int, rng: np.random.Generator) -> None:
    """W (S + alpha·I) = samples·(means − centre), also with fewer samples than features."""
    f, y = classes(rng, samples=samples, features=10)
    means = np.array([f[y == c].mean(axis=0) for c in range(3)])
    within = f - means[y]
    left = discriminant(f, y, 0.3).weights @ (within.T @ within + 0.3 * np.eye(10))
    np.testing.assert_allclose(left, samples * (means - means.mean(axis=0)), rtol=1e-8, atol=1e-8)


@given(scale=st.sampled_from([2.0**-10, 4.0, 2.0**12]), shift=st.floats(-5, 5), seed=st.integers(0, 1000))
def test_discriminant_knows_no_units(scale: float, shift: float, seed: int) -> None:
    f, y = classes(np.random.default_rng(seed))
    base, other = discriminant(f, y, 0.5), discriminant(scale * f + shift, y, 0.5 * scale**2)
    np.testing.assert_allclose(other(scale * f + shift), base(f), rtol=1e-6, atol=1e-6)


def test_penalty_is_the_largest_within_one_standard_error(rng: np.random.Generator) -> None:
    f, y = classes(rng, samples=150, count=3, distance=1.0)
    alphas = [1e-3, 1e6, 1.0, 10.0, 100.0]
    choice = choose_penalty(f, y, alphas, seed=3)
    np.testing.assert_array_equal(choice.alphas, sorted(alphas))
    part = stratified_parts(y, 5, np.random.default_rng(3))
    by_hand = np.array(
        [
            [
                np.mean(discriminant(f[part != j], y[part != j], a).classify(f[part == j]) == y[part == j])
                for j in range(5)
            ]
            for a in choice.alphas
        ]
    )
    np.testing.assert_allclose(choice.accuracy, by_hand.mean(axis=1), rtol=1e-12)
    best = int(by_hand.mean(axis=1).argmax())
    assert choice.standard_error == pytest.approx(by_hand[best].std(ddof=1) / np.sqrt(5))
    threshold = choice.accuracy[best] - choice.standard_error
    assert choice.accuracy[choice.alphas == choice.alpha] >= threshold
    assert np.all(choice.accuracy[choice.alphas > choice.alpha] < threshold)
    assert choice.alpha < 1e6  # so large that the scatter plays no part


def test_penalties_by_default_follow_the_features_scale(rng: np.random.Generator) -> None:
    f, y = classes(rng)
    small, large = choose_penalty(f, y), choose_penalty(1024.0 * f, y)
    np.testing.assert_allclose(large.alphas, 1024.0**2 * small.alphas, rtol=1e-9)
    assert large.alpha == pytest.approx(1024.0**2 * small.alpha)
    np.testing.assert_array_equal(choose_penalty(f, y).accuracy, small.accuracy)  # no chance in it


@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    parts=st.integers(2, 7),
    seed=st.integers(0, 1000),
)
def test_parts_are_even_in_size_and_in_every_class(counts: list[int], parts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    part = stratified_parts(labels, parts, rng)
    for group in [np.ones(labels.size, dtype=bool), *(labels == c for c in range(len(counts)))]:
        sizes = np.bincount(part[group], minlength=parts)
        assert sizes.size == parts
        assert sizes.max() - sizes.min() <= 1


F, Y = np.arange(20.0).reshape(10, 2) ** 1.5, np.arange(10) % 2


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (F[0], Y, r"features must be of shape \(samples, features\), none of them 0, got \(2,\)"),
        (F * np.nan, Y, "features must be finite numbers, got NaN or infinity"),
        (F, Y[:9], "labels must be as many as there are samples, 10, got 9"),
        (F, Y * 1.0, r"labels must be integers of shape \(samples,\), got float64 \(10,\)"),
        (F, Y * 2, r"labels must be the classes 0, 1, …, at least two and each present, got \[0, 2\]"),
        (F, Y * 0, r"labels must be the classes 0, 1, …, at least two and each present, got \[0\]"),
        (F, Y - 1, r"labels must be the classes 0, 1, .*, got \[-1, 0\]"),
    ],
)
def test_discriminant_refuses(features: Any, labels: Any, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        discriminant(features, labels, 1.0)
    with pytest.raises(DesignError, match=message):
        choose_penalty(features, labels)


@pytest.mark.parametrize("alpha", [0.0, -1.0, np.nan, np.inf, True, "1"])
def test_penalties_are_refused(alpha: Any) -> None:
    with pytest.raises(DesignError, match="alpha must be a positive finite number, got"):
        discriminant(F, Y, alpha)


def test_cross_validation_refuses_too_few() -> None:
    with pytest.raises(DesignError, match="samples in each class must be at least 6, one for each fold, got 5"):
        choose_penalty(F, Y, folds=6)
    with pytest.raises(DesignError, match="folds must be an integer of at least 2, got 1"):
        choose_penalty(F, Y, folds=1)
    with pytest.raises(DesignError, match="seed must be an integer of at least 0, got -1"):
        choose_penalty(F, Y, seed=-1)
