"""Permuted sequential MNIST: the 784 pixels of a digit one by one, in one random order for all.

Experiment: Le, Jaitly and Hinton (2015); with an LMU: Voelker, Kajić and Eliasmith, NeurIPS 2019, section 4.2;
with a linear memory: Chilkuri and Eliasmith, ICML 2021. The order is NumPy's `default_rng(0).permutation(784)`.
The last 5,000 of the 60,000 training images are the validation part; the test part is all 10,000 test images.

In training, images are shifted, turned, stretched and sheared at random before their pixels are put in order; images of
the other parts are not. The network sees pixel/256: numbers that an 8-bit input holds exactly. The recipes are for the
best score; that of the linear memory comes within half a percent of it in 20 epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.training.objectives import Dataset, hold_out
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import Outcome, Run
from lmu_hw.training.tasks.classification import Classifier, ImageClassification, ImageTask
from lmu_hw.training.tasks.images import Deformation, PixelSequences, pixel_order
from lmu_hw.training.tasks.mnist import Mnist, load_mnist
from lmu_hw.training.tasks.table import Psmnist

PIXELS = 784
ORDER_SEED = 0
VALIDATION = 5000

#: 102 239 parameters: those of the paper and a bias.
RECURRENT = Classifier(
    LMUSpec(256, float(PIXELS), 1.0),
    hidden=212,
    recipe=Recipe(epochs=30, batch=250, learning_rate=3e-3, schedule=Schedule.COSINE, warmup=0.03, clip=1.0),
    deformation=Deformation(shift=1.0, turn=5.7, stretch=0.1, shear=0.1),
)
#: 169 577 parameters behind a memory of the bilinear method, which takes 3 multiplications per state.
LINEAR = Classifier(
    LMUSpec(468, float(PIXELS), 1.0, Discretization.BILINEAR),
    hidden=354,
    recipe=Recipe(
        epochs=300,
        batch=250,
        learning_rate=1e-3,
        schedule=Schedule.COSINE,
        warmup=0.01,
        averaging=0.999,
        steps_per_call=20,
    ),
    smoothing=0.05,
    deformation=Deformation(shift=1.5, turn=8.6, stretch=0.1, shear=0.1),
)
PSMNIST = ImageClassification("psmnist", MappingProxyType({"linear": LINEAR, "recurrent": RECURRENT}))


def prepare(task: Psmnist) -> Callable[[Run], Outcome]:
    """Load MNIST, and return a function that trains with one seed.

    Raises:
        DesignError: There is no such kind of memory, or MNIST cannot be read.
    """
    details = {"pixel_order_seed": ORDER_SEED, "deformed": task.deform}
    return PSMNIST.prepare(task.memory, partial(psmnist_task, load_mnist(task.data)), task.deform, details)


def psmnist_task(data: Mnist, deformation: Deformation | None = None) -> ImageTask:
    """Divide MNIST into the parts of the task.

    Args:
        data: The digits.
        deformation: The random deformation of training images.
    """
    train, validation = hold_out(Dataset(data.train_images, data.train_labels), VALIDATION)
    pixels = PixelSequences(pixel_order(PIXELS, ORDER_SEED), deformation)
    return ImageTask(train, validation, Dataset(data.test_images, data.test_labels), 10, pixels, 0.0, 1.0 / 256.0)
