"""A sequence classifier: the memory's state after the last sample, and a linear readout of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.reference.fitting import PenaltyChoice, choose_penalty, discriminant
from lmu_hw.reference.memory import final_states
from lmu_hw.reference.readout import IntegerReadout, LinearReadout


@dataclass(frozen=True, eq=False)
class MemoryClassifier:
    """One memory from a zero state and a readout of its last state, in float64.

    Attributes:
        spec: the memory.
        readout: scores of the classes; its features are the states in the coordinates of `spec`.
    """

    spec: LMUSpec
    readout: LinearReadout

    def __post_init__(self) -> None:
        if self.readout.weights.shape[1] != self.spec.order:
            raise DesignError("features of the readout", f"the {self.spec.order} states", self.readout.weights.shape)

    def classify(self, sequences: ArrayLike) -> IntArray:
        """Classes, shape (…), of sequences of shape (…, T)."""
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
        plan: the fixed-point plan of the memory.
        readout: integer readout of the state words.
    """

    plan: MemoryPlan
    readout: IntegerReadout

    def final_words(self, codes: ArrayLike) -> IntArray:
        """State words after the last sample, shape (batch, order), for input codes of shape (batch, T)."""
        return IntegerMemory(self.plan).final(codes)

    def classify(self, codes: ArrayLike) -> IntArray:
        """Classes, shape (batch,), of input codes of shape (batch, T)."""
        return self.readout.classify(self.final_words(codes))


def fit_classifier(
    spec: LMUSpec, sequences: ArrayLike, labels: ArrayLike, *, seed: int = 0
) -> tuple[MemoryClassifier, PenaltyChoice]:
    """Fit linear discriminants on the memory's last states, with the penalty chosen by cross-validation.

    Args:
        spec: the memory.
        sequences: training sequences, shape (samples, T).
        labels: their classes 0, 1, …, shape (samples,).
        seed: of the cross-validation.

    Raises:
        DesignError: the arrays do not fit each other, or a class has fewer than five sequences.
    """
    features = final_states(spec, sequences)
    choice = choose_penalty(features, labels, seed=seed)
    return MemoryClassifier(spec, discriminant(features, labels, choice.alpha)), choice


def accuracy(predicted: IntArray, labels: IntArray) -> float:
    """Share of equal entries, 0 … 1.

    Raises:
        DesignError: the shapes differ, or there is nothing to compare.
    """
    if predicted.shape != labels.shape or labels.size == 0:
        raise DesignError("predictions", f"one for each of the labels, shape {labels.shape}", predicted.shape)
    return float(np.mean(predicted == labels))
