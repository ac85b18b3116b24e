"""The digits as data, and the classifier on them in real numbers and in integers."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import sklearn.datasets

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.reference.classifier import LinearReadout, MemoryClassifier, accuracy, fit_classifier
from lmu_hw.reference.digits import DIGITS_SPEC, Digits, fit_digits, load_digits
from lmu_hw.reference.memory import FloatMemory


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_digits()


@pytest.fixture(scope="module")
def classifier(digits: Digits) -> MemoryClassifier:
    return fit_digits(digits)[0]


@pytest.fixture(scope="module")
def plan() -> MemoryPlan:
    return plan_memory(DIGITS_SPEC, input_bits=8, state_bits=12)


def test_every_digit_is_there_once(digits: Digits) -> None:
    bunch = sklearn.datasets.load_digits()
    back = np.empty((1797, 64))
    sequences = np.concatenate([digits.train.sequences, digits.test.sequences])
    back[:, digits.permutation] = sequences * 128 / 15 + 8
    labels = np.concatenate([digits.train.labels, digits.test.labels])
    given_rows = np.column_stack([bunch.target, bunch.data])
    rows = np.column_stack([labels, back])
    np.testing.assert_array_equal(rows[np.lexsort(rows.T)], given_rows[np.lexsort(given_rows.T)])
    np.testing.assert_array_equal(np.sort(digits.permutation), np.arange(64))


def test_at_least_500_digits_are_held_out_class_by_class(digits: Digits) -> None:
    assert digits.test.labels.size >= 500
    total = np.bincount(digits.train.labels) + np.bincount(digits.test.labels)
    np.testing.assert_allclose(np.bincount(digits.test.labels), 0.3 * total, atol=0.5)


def test_samples_are_exact_in_eight_bits(digits: Digits, plan: MemoryPlan) -> None:
    codes = plan.input_format.encode(digits.test.sequences)
    np.testing.assert_array_equal(plan.input_format.decode(codes), digits.test.sequences)
    assert (codes.min(), codes.max()) == (-120, 120)


def test_the_seed_decides_everything() -> None:
    one, again, other = load_digits(3), load_digits(3), load_digits(4)
    np.testing.assert_array_equal(one.test.sequences, again.test.sequences)
    assert not np.array_equal(one.permutation, other.permutation)
    assert not np.array_equal(np.sort(one.test.sequences.sum(axis=1)), np.sort(other.test.sequences.sum(axis=1)))


def test_the_fit_does_not_see_the_test_part(digits: Digits, classifier: MemoryClassifier) -> None:
    blind = replace(digits, test=replace(digits.test, sequences=np.full((0, 64), np.nan)))
    np.testing.assert_array_equal(fit_digits(blind)[0].readout.weights, classifier.readout.weights)


def test_held_out_digits_are_told_apart_in_float_and_in_twelve_bits(
    digits: Digits, classifier: MemoryClassifier, plan: MemoryPlan
) -> None:
    test = digits.test
    in_float = accuracy(classifier.classify(test.sequences), test.labels)
    fixed = classifier.quantize(plan, weight_bits=10)
    in_integers = accuracy(fixed.classify(plan.input_format.encode(test.sequences)), test.labels)
    assert in_float >= 0.93
    assert abs(in_integers - in_float) <= 0.005


def test_classifying_is_running_the_memory_and_reading_it_out(digits: Digits, classifier: MemoryClassifier) -> None:
    some = digits.test.sequences[:20]
    last = FloatMemory(DIGITS_SPEC).run(some)[:, -1]
    np.testing.assert_array_equal(classifier.classify(some), classifier.readout.classify(last))


def test_final_words_are_the_last_of_a_run(plan: MemoryPlan, classifier: MemoryClassifier, digits: Digits) -> None:
    codes = plan.input_format.encode(digits.test.sequences[:5])
    fixed = classifier.quantize(plan, weight_bits=10)
    words = IntegerMemory(plan).run(codes)[:, -1]
    np.testing.assert_array_equal(fixed.final_words(codes), words)
    np.testing.assert_array_equal(fixed.classify(codes), fixed.readout.classify(words))
    np.testing.assert_array_equal(fixed.final_words(codes[0]), words[:1])


def test_a_classifier_is_fitted_on_any_sequences(rng: np.random.Generator) -> None:
    """Ramps up and down under noise, longer than the window."""
    spec = LMUSpec(3, 1.0, 0.02)
    labels = rng.integers(0, 2, 120)
    ramps = (2 * labels[:, None] - 1) * np.linspace(-0.5, 0.5, 80) + 0.3 * rng.normal(size=(120, 80))
    fitted, choice = fit_classifier(spec, ramps[:60], labels[:60], seed=1)
    assert fitted.spec == spec
    assert choice.alpha in choice.alphas
    assert accuracy(fitted.classify(ramps[60:]), labels[60:]) > 0.95


def test_mismatches_are_refused(plan: MemoryPlan, classifier: MemoryClassifier) -> None:
    small = LMUSpec(4, 64.0, 1.0)
    with pytest.raises(DesignError, match=r"features of the readout must be the 4 states, got \(10, 64\)"):
        MemoryClassifier(small, classifier.readout)
    other = MemoryClassifier(small, LinearReadout(np.ones((2, 4)), np.zeros(2)))
    with pytest.raises(DesignError, match=r"plan must be of the classifier's memory \(order 4, .*got order 64,"):
        other.quantize(plan, 8)
    with pytest.raises(DesignError, match=r"predictions must be one for each of the labels, shape \(3,\)"):
        accuracy(np.zeros(2, dtype=np.int64), np.zeros(3, dtype=np.int64))


def test_a_negative_seed_is_an_error() -> None:
    with pytest.raises(DesignError, match="seed must be an integer of at least 0, got -1"):
        load_digits(-1)


def test_without_scikit_learn_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingToolError) as error:
        load_digits()
    assert str(error.value) == "scikit-learn is not installed; pip install 'lmu-hw[demo]'"
