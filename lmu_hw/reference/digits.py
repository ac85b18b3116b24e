"""scikit-learn's 1,797 handwritten digits as permuted sequences of 64 samples.

Data: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (test part), UCI Machine Learning
Repository, 1998, as shipped with scikit-learn: 8 × 8 counts of ink from 0 to 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import MissingToolError, check_integer
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.reference.classifier import MemoryClassifier, PenaltyChoice, fit_classifier

#: The number of samples in a sequence, one for each pixel.
STEPS = 64

#: The memory of the task: the window is the whole sequence, one sample a second.
DIGITS_SPEC = LMUSpec(order=64, theta=float(STEPS), dt=1.0)

#: The share of the digits in the test part, which makes 539 of them.
_HELD_OUT = 0.3

#: The size of one count of ink. The counts 0 … 16 are centred, and the largest sample is 15/16, since formats end short
#: of 1; an input of 8 bits holds every sample exactly.
_INK = 15.0 / 128.0


@dataclass(frozen=True, eq=False, repr=False)
class LabelledSequences(Displayed):
    """Sequences and their classes.

    Attributes:
        sequences: The samples, in [−15/16, 15/16] and multiples of 1/128, shape (count, 64).
        labels: The digits 0 … 9, shape (count,).
    """

    sequences: Array
    labels: IntArray


@dataclass(frozen=True, eq=False, repr=False)
class Digits(Displayed):
    """The digits, permuted and divided.

    Attributes:
        train: The part that every choice is made on.
        test: The held-out part, with the same shares of the classes.
        permutation: The pixel, counted row by row, that is sample k of every sequence, shape (64,).
        seed: The seed of the permutation and of the division.
    """

    train: LabelledSequences
    test: LabelledSequences
    permutation: IntArray
    seed: int


def load_digits(seed: int = 0) -> Digits:
    """The digits, with one permutation of the pixels for all, divided at random class by class.

    Args:
        seed: The seed of the permutation and of the division.

    Raises:
        DesignError: the seed is not an integer of at least 0.
        MissingToolError: scikit-learn is not installed.
    """
    seed = check_integer("seed", seed, 0)
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        raise MissingToolError("scikit-learn", "pip install 'lmu-hw[demo]'") from None
    bunch = load()
    ink: Array = np.asarray(bunch.data, dtype=np.float64)
    labels: IntArray = np.asarray(bunch.target, dtype=np.int64)
    rng = np.random.default_rng(seed)
    permutation = rng.permutation(STEPS)
    test = np.zeros(labels.size, dtype=bool)
    for digit in range(10):
        members = rng.permutation(np.flatnonzero(labels == digit))
        test[members[: round(_HELD_OUT * members.size)]] = True
    sequences = (ink[:, permutation] - 8.0) * _INK
    return Digits(
        LabelledSequences(sequences[~test], labels[~test]),
        LabelledSequences(sequences[test], labels[test]),
        permutation,
        seed,
    )


def fit_digits(data: Digits) -> tuple[MemoryClassifier, PenaltyChoice]:
    """A classifier of the digits with the memory of `DIGITS_SPEC`, fitted on the training part alone.

    Raises:
        DesignError: for the reasons of `fit_classifier`.
    """
    return fit_classifier(DIGITS_SPEC, data.train.sequences, data.train.labels, seed=data.seed)
