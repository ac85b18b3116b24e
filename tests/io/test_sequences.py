"""Sequences and classes from a user's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile

from lmu_hw.errors import DesignError
from lmu_hw.io import recordings
from lmu_hw.io import recordings as sequences
from lmu_hw.io.recordings import read_classes, read_sequences


def error_of(path: Path, inputs: int = 1) -> str:
    with pytest.raises(DesignError) as caught:
        read_sequences(path, inputs)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("shape", "inputs", "batched", "expected"),
    [
        ((7,), 1, False, (1, 7, 1)),
        ((7, 2), 1, True, (7, 2, 1)),
        ((1, 7), 1, True, (1, 7, 1)),
        ((7, 3), 3, False, (1, 7, 3)),
        ((2, 7, 3), 3, True, (2, 7, 3)),
        ((1, 7, 1), 1, True, (1, 7, 1)),
    ],
)
def test_shapes_of_arrays(shape, inputs, batched, expected, tmp_path, rng):
    """In the units of the input: nothing is scaled, and integers are as good as floats."""
    values = rng.integers(-300, 300, shape)
    np.save(tmp_path / "x.npy", values)
    read = read_sequences(tmp_path / "x.npy", inputs)
    assert (read.values.shape, read.batched) == (expected, batched)
    assert read.values.dtype == np.float64
    np.testing.assert_array_equal(read.values.ravel(), values.ravel())


def test_columns_of_a_table_are_the_inputs(tmp_path):
    (tmp_path / "x.csv").write_text("left;right\n1;-2\n30;4\n", encoding="utf-8")
    read = read_sequences(tmp_path / "x.csv", 2)
    assert not read.batched
    np.testing.assert_array_equal(read.values, [[[1, -2], [30, 4]]])
    assert error_of(tmp_path / "x.csv") == "x.csv must be a column for each of the 1 inputs, got 2 columns"


def test_channels_of_a_wav_are_the_inputs(tmp_path, rng):
    stereo = rng.uniform(-1, 1, (50, 2)).astype(np.float32)
    scipy.io.wavfile.write(tmp_path / "x.wav", 8000, stereo)
    np.testing.assert_array_equal(read_sequences(tmp_path / "x.wav", 2).values[0], stereo.astype(np.float64))


@pytest.mark.parametrize(
    ("array", "inputs", "words"),
    [
        (
            np.zeros((5, 1)),
            1,
            "x.npy of shape (5, 1) may be one sequence or 5 of one step; give it the shape (1, 5) or",
        ),
        (np.zeros(5), 2, "x.npy must be an array of shape (T, 2) or (sequences, T, 2), not empty, got (5,)"),
        (np.zeros((5, 3)), 2, "x.npy must be an array of shape (T, 2) or (sequences, T, 2), not empty, got (5, 3)"),
        (np.zeros((1, 2, 3, 1)), 1, "x.npy must be an array of shape (T,), (sequences, T) or (sequences, T, 1), not"),
        (np.zeros((3, 0, 1)), 1, "x.npy must be an array of shape (T,), (sequences, T)"),
        (np.zeros((3, 4, 2)), 1, "x.npy must be an array of shape (T,), (sequences, T)"),
        (np.zeros(()), 1, "x.npy must be an array of shape (T,), (sequences, T)"),
        (np.array([[[0.0], [np.nan]]]), 1, "x.npy must be finite in every sample, got nan at sample 1"),
        (np.array(["a"]), 1, "x.npy must be an array of real numbers, got <U1"),
        (np.array([{}], dtype=object), 1, "x.npy must be an array of numbers (nothing pickled is loaded)"),
    ],
)
def test_arrays_are_refused(array, inputs, words, tmp_path):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    assert error_of(tmp_path / "x.npy", inputs).startswith(words)


def test_sizes_are_bounded(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.zeros((3, 5, 2)))
    monkeypatch.setattr(sequences, "MAX_VALUES", 29)
    assert error_of(tmp_path / "x.npy", 2) == "x.npy must be at most 29 numbers, got (3, 5, 2)"
    monkeypatch.setattr(recordings, "MAX_SAMPLES", 4)
    assert error_of(tmp_path / "x.npy", 2) == "x.npy must be at most 4 samples long, got 5"


@pytest.mark.parametrize("kind", ["npy", "csv", "floats"])
def test_classes(kind, tmp_path):
    path = tmp_path / ("y.csv" if kind == "csv" else "y.npy")
    if kind == "csv":
        path.write_text("3\n0\n9\n", encoding="utf-8")
    else:
        np.save(path, np.array([3, 0, 9], dtype=np.float64 if kind == "floats" else np.uint8))
    classes = read_classes(path, 3, 10)
    assert classes.dtype == np.int64
    np.testing.assert_array_equal(classes, [3, 0, 9])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((3, 2)), "y.npy must be of shape (3,), a class for each sequence, got (3, 2)"),
        (np.zeros(2), "y.npy must be of shape (3,), a class for each sequence, got (2,)"),
        (np.array([0, 1, 10]), "y.npy must be whole numbers from 0 to 9, got 10"),
        (np.array([0, -1, 3]), "y.npy must be whole numbers from 0 to 9, got -1"),
        (np.array([0, 0.5, 3]), "y.npy must be whole numbers from 0 to 9, got 0.5"),
        (np.array([0, np.nan, 3]), "y.npy must be whole numbers from 0 to 9, got nan"),
    ],
)
def test_classes_are_refused(values, words, tmp_path):
    np.save(tmp_path / "y.npy", values)
    with pytest.raises(DesignError) as caught:
        read_classes(tmp_path / "y.npy", 3, 10)
    assert str(caught.value) == words
