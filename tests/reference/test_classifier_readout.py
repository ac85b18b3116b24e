"""The readout in real numbers and in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.reference.classifier import IntegerReadout, LinearReadout

WORDS = QFormat(12, 8)

weights = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 6)),
    elements=st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda w: w if abs(w) > 1e-6 else 0.0),
)


def test_outputs_are_w_f_plus_b(rng: np.random.Generator) -> None:
    w, b, f = rng.normal(size=(3, 5)), rng.normal(size=3), rng.normal(size=(4, 2, 5))
    readout = LinearReadout(w, b)
    expected = np.einsum("on,tkn->tko", w, f) + b
    np.testing.assert_allclose(readout(f), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(readout.classify(f), expected.argmax(axis=-1))
    assert readout.classify(f[0, 0]).shape == ()


@given(w=weights, bits=st.integers(2, 32), data=st.data())
def test_weights_take_the_finest_grid_that_holds_them(w: Any, bits: int, data: st.DataObject) -> None:
    b = data.draw(hnp.arrays(np.float64, w.shape[0], elements=st.floats(-100, 100)))
    fixed = LinearReadout(w, b).quantize(WORDS, bits)
    lsb = fixed.weight_format.lsb
    assert np.all(np.abs(fixed.weights * lsb - w) <= 0.5 * lsb)
    assert np.all(np.abs(fixed.bias * fixed.score_format.lsb - b) <= 0.5 * fixed.score_format.lsb)
    assert np.abs(fixed.weights).max() <= fixed.weight_format.high
    if w.any():  # one more binary place would not fit
        assert np.rint(np.abs(w).max() * 2 / lsb) > fixed.weight_format.high


@given(w=weights, bits=st.integers(2, 32), seed=st.integers(0, 2**32 - 1))
def test_scores_are_exact_and_as_wide_as_needed(w: Any, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fixed = LinearReadout(w, rng.normal(size=w.shape[0])).quantize(WORDS, bits)
    words = rng.integers(WORDS.low, WORDS.high, (20, w.shape[1]), endpoint=True)
    exact = words.astype(object) @ fixed.weights.astype(object).T + fixed.bias.astype(object)  # no bound
    np.testing.assert_array_equal(fixed.scores(words).astype(object), exact)
    assert fixed.scores(words).dtype == np.int64
    # The words that drive one score furthest stay within the stated width, and need all of it.
    row = int(np.argmax(np.abs(fixed.weights).sum(axis=1) * 2048 + np.abs(fixed.bias)))
    direction = np.where(fixed.weights[row] > 0, 1, -1) * (1 if fixed.bias[row] >= 0 else -1)
    extreme = fixed.scores(np.where(direction > 0, WORDS.high, WORDS.low))[row]
    assert abs(int(extreme)) <= fixed.largest_score
    assert fixed.largest_score - abs(int(extreme)) <= np.abs(fixed.weights[row]).sum()  # 2047 for 2048
    assert -(1 << fixed.score_width - 1) <= -fixed.largest_score
    assert fixed.largest_score < 1 << fixed.score_width - 1


def test_scores_approach_the_real_ones(rng: np.random.Generator) -> None:
    """|integer − real| ≤ Σ|words|·lsb/2 + half a score's code."""
    readout = LinearReadout(rng.normal(size=(10, 64)), rng.normal(size=10))
    words = rng.integers(WORDS.low, WORDS.high, (50, 64))
    real = readout(WORDS.decode(words))
    for bits in (4, 8, 16):
        fixed = readout.quantize(WORDS, bits)
        error = np.abs(fixed.score_format.decode(fixed.scores(words)) - real)
        bound = 0.5 * fixed.weight_format.lsb * np.abs(WORDS.decode(words)).sum(axis=1)
        assert np.all(error <= bound[:, None] + fixed.score_format.lsb)


def test_of_equal_scores_the_first_wins() -> None:
    fixed = IntegerReadout(np.array([[1, 0], [0, 1], [0, 1]]), np.zeros(3, dtype=int), QFormat(2, 0), QFormat(8, 4))
    np.testing.assert_array_equal(fixed.classify([[1, 1], [0, 1], [1, 0], [-1, -1]]), [0, 1, 0, 0])


def test_an_all_zero_readout_can_be_held() -> None:
    fixed = LinearReadout(np.zeros((2, 3)), np.zeros(2)).quantize(WORDS, 8)
    np.testing.assert_array_equal(fixed.scores([[1, 2, 3]]), [[0, 0]])


def test_to_dict_tells_codes_and_formats() -> None:
    described = LinearReadout(np.array([[0.5, -1.0]]), np.array([0.25])).quantize(WORDS, 4).to_dict()
    assert described["weights"] == [[2, -4]]
    assert described["bias"] == [256]  # 0.25 · 2^(2 + 8)
    assert described["formats"]["weight"] == {"width": 4, "fraction": 2, "signed": True}
    # 6 · 2048 + 256 = 12,544 takes 14 bits and a sign
    assert described["formats"]["score"] == {"width": 15, "fraction": 10, "signed": True}


@pytest.mark.parametrize(
    ("w", "b", "message"),
    [
        (np.zeros(3), np.zeros(3), r"readout weights must be an array of 2 dimension\(s\), got \(3,\)"),
        (np.zeros((0, 3)), np.zeros(0), r"readout weights must be an array of 2 dimension\(s\), got \(0, 3\)"),
        (np.zeros((2, 3)), np.zeros(3), r"readout bias must be of shape \(2,\), got \(3,\)"),
        (np.full((2, 3), np.inf), np.zeros(2), "readout weights must be finite in every entry, got NaN or"),
    ],
)
def test_linear_readout_refuses(w: Any, b: Any, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        LinearReadout(w, b)


@pytest.mark.parametrize("bits", [1, 33, 8.0, True])
def test_quantize_refuses_widths(bits: Any) -> None:
    with pytest.raises(DesignError, match="weight_bits must be an integer from 2 to 32, got"):
        LinearReadout(np.ones((1, 1)), np.ones(1)).quantize(WORDS, bits)


def test_quantize_refuses_scores_that_could_overflow() -> None:
    with pytest.raises(DesignError, match="score of the readout must be at most 62 bits wide, got 64"):
        LinearReadout(np.ones((1, 4)), np.zeros(1)).quantize(QFormat(32, 31), 31)
    with pytest.raises(DesignError, match=r"at most 62 bits wide, got a bias of 2\.81e\+24"):
        LinearReadout(np.full((1, 1), 1e-9), np.ones(1) * 1e10).quantize(WORDS, 12)


@pytest.mark.parametrize(
    ("w", "b", "message"),
    [
        (np.zeros((1, 2)), np.zeros(1, int), r"readout weights must be integers in 2 dimension\(s\), got float64"),
        (np.zeros((1, 2), int), np.zeros(2, int), r"readout bias must be of shape \(1,\), got \(2,\)"),
        (np.array([[2, 0]]), np.zeros(1, int), r"readout weights must be from -2 to 1, got \[0, 2\]"),
    ],
)
def test_integer_readout_refuses(w: Any, b: Any, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        IntegerReadout(w, b, QFormat(2, 0), WORDS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([[1.0, 2.0]], "state words must be integers, got dtype"),
        ([1, 2, 3], r"state words must be of shape \(…, 2\), got \(3,\)"),
        ([[2048, 0]], r"state words must be from -2048 to 2047, got \[0, 2048\]"),
    ],
)
def test_words_are_refused(words: Any, message: str) -> None:
    fixed = LinearReadout(np.ones((1, 2)), np.zeros(1)).quantize(WORDS, 8)
    with pytest.raises(DesignError, match=message):
        fixed.classify(words)


def test_features_are_refused_by_length() -> None:
    with pytest.raises(DesignError, match=r"features must be of shape \(…, 2\), got \(3,\)"):
        LinearReadout(np.ones((1, 2)), np.zeros(1))(np.zeros(3))
