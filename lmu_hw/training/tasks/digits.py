"""scikit-learn's 1,797 digits of 8 × 8 pixels, pixel by pixel in one random order: small networks for hardware.

Order, test part and unit (−15/16 … 15/16) of the sequences are those of `lmu_hw.reference.digits`; a sixth of the
digits that are not the test part are the validation part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.reference.digits import STEPS, LabelledSequences, load_digits
from lmu_hw.training.objectives import Dataset, hold_out
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import Outcome, Run, Trained
from lmu_hw.training.tasks.classification import Classifier, ImageTask, train_linear, train_recurrent
from lmu_hw.training.tasks.images import Deformation, PixelSequences

#: Seed of the pixels' order and of the digits' division, the same for every run.
DATA_SEED = 0
_SIDE = 8
_VALIDATION_SHARE = 6
_SPLIT_SEED = 1

LINEAR = Classifier(
    LMUSpec(64, float(STEPS), 1.0, Discretization.BILINEAR),
    hidden=64,
    recipe=Recipe(
        epochs=400,
        batch=50,
        learning_rate=4e-3,
        schedule=Schedule.COSINE,
        warmup=0.02,
        averaging=0.99,
        steps_per_call=20,
    ),
    smoothing=0.05,
)
RECURRENT = Classifier(
    LMUSpec(64, float(STEPS), 1.0),
    hidden=64,
    recipe=Recipe(epochs=150, batch=50, learning_rate=4e-3, schedule=Schedule.COSINE, warmup=0.03, clip=1.0),
)
KINDS: Mapping[str, tuple[Classifier, Callable[[ImageTask, Classifier, Run], Trained]]] = MappingProxyType(
    {"linear": (LINEAR, train_linear), "recurrent": (RECURRENT, train_recurrent)}
)
_DEFORMATION = Deformation(shift=0.5, turn=8.0, stretch=0.1, shear=0.1)


def digits_task(deformation: Deformation | None = None) -> ImageTask:
    """The digits as the task has them.

    Raises:
        MissingToolError: scikit-learn is not installed.
    """
    data = load_digits(DATA_SEED)
    place: IntArray = np.argsort(data.permutation)

    def images(part: LabelledSequences) -> Dataset:
        return Dataset(part.sequences[:, place].reshape(-1, _SIDE, _SIDE), part.labels)

    known = images(data.train)
    train, validation = hold_out(known, len(known.x) // _VALIDATION_SHARE, seed=_SPLIT_SEED)
    pixels = PixelSequences(data.permutation, deformation, background=float(known.x.min()))
    return ImageTask(train, validation, images(data.test), 10, pixels, 0.0, 1.0)


def train_digits(run: Run, *, memory: str = "linear") -> Outcome:
    """Train and test one network.

    Args:
        run: seed, epochs, checkpoints.
        memory: "linear" (nothing feeds back) or "recurrent".

    Raises:
        DesignError: there is no such kind of memory.
        MissingToolError: scikit-learn is not installed.
    """
    if memory not in KINDS:
        raise DesignError("memory", "one of " + ", ".join(KINDS), memory)
    kind, train = KINDS[memory]
    task = digits_task(_DEFORMATION)
    trained = train(task, kind, run)
    details = {"memory": memory, "data_seed": DATA_SEED, "epochs": len(trained.curve)}
    return Outcome("digits", "accuracy", memory, {memory: trained}, run.seed, task.held_out(), details)
