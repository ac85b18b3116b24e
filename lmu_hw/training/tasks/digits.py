"""scikit-learn's 1,797 digits of 8 × 8 pixels, pixel by pixel in one random order: small networks for hardware.

The order, the test part and the unit (−15/16 … 15/16) of the sequences are those of `lmu_hw.reference.digits`. A sixth
of the other digits is the validation part.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.reference.digits import STEPS, LabelledSequences, load_digits
from lmu_hw.training.objectives import Dataset, hold_out
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import Outcome, Run
from lmu_hw.training.tasks.classification import Classifier, ImageClassification, ImageTask
from lmu_hw.training.tasks.images import Deformation, PixelSequences
from lmu_hw.training.tasks.table import Digits

#: The seed of the order of the pixels and of the division of the digits, the same for every run.
DATA_SEED = 0
_SIDE = 8
_VALIDATION_SHARE = 6
_SPLIT_SEED = 1
_DEFORMATION = Deformation(shift=0.5, turn=8.0, stretch=0.1, shear=0.1)

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
    deformation=_DEFORMATION,
)
RECURRENT = Classifier(
    LMUSpec(64, float(STEPS), 1.0),
    hidden=64,
    recipe=Recipe(epochs=150, batch=50, learning_rate=4e-3, schedule=Schedule.COSINE, warmup=0.03, clip=1.0),
    deformation=_DEFORMATION,
)
DIGITS = ImageClassification("digits", MappingProxyType({"linear": LINEAR, "recurrent": RECURRENT}))


def prepare(task: Digits) -> Callable[[Run], Outcome]:
    """Load the digits, and return a function that trains with one seed.

    Raises:
        DesignError: There is no such kind of memory.
        MissingToolError: scikit-learn is not installed.
    """
    return DIGITS.prepare(task.memory, digits_task, True, {"data_seed": DATA_SEED})


def digits_task(deformation: Deformation | None = None) -> ImageTask:
    """Divide the digits into the parts of the task.

    Args:
        deformation: The random deformation of training images.

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
