"""Images as sequences of pixels, classified by a memory that hidden units feed back into, or by one without feedback.

A task of this kind is a row: an `ImageClassification` with a `Classifier` for each kind of memory. `psmnist` and
`digits` are such rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Network, Output
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.reference.memory import final_states, impulse_response
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.layers import DenseLayer, LMULayer
from lmu_hw.training.loop import FitResult, fit
from lmu_hw.training.model import Model, ModelParameters
from lmu_hw.training.objectives import ACCURACY, Dataset, cross_entropy
from lmu_hw.training.recipe import Recipe
from lmu_hw.training.tasks.base import HeldOut, Outcome, Run, Trained
from lmu_hw.training.tasks.images import Deformation, PixelSequences

Tensor = jax.Array

#: The number of training images that the test part carries for choices of scale.
_KNOWN = 200


@dataclass(frozen=True, eq=False)
class ImageTask:
    """Images in three parts, and how they become the input of a network.

    Attributes:
        train: The images (count, height, width) and classes that weights are fitted to.
        validation: The images and classes that the epoch is chosen by.
        test: The images and classes that everything is scored on once it is chosen.
        classes: The number of classes.
        pixels: The conversion of images to sequences.
        offset: The value of a pixel that the memory sees as 0.
        scale: A factor: the memory sees scale·(pixel − offset).
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    classes: int
    pixels: PixelSequences
    offset: float
    scale: float

    def sequences(self, images: Any) -> Array:
        """Convert images to sequences in the unit of the network's input, shape (count, pixels, 1)."""
        flat = np.asarray(images).reshape(len(images), -1)
        return flat[:, self.pixels.order, None].astype(np.float64)

    def held_out(self) -> HeldOut:
        """The test part, in the unit of the network's input."""
        labels: IntArray = np.asarray(self.test.y)
        return HeldOut(ACCURACY, self.sequences(self.test.x), labels, self.sequences(self.train.x[:_KNOWN]))


@dataclass(frozen=True)
class Classifier:
    """A kind of network and how it is trained.

    Attributes:
        spec: The memory.
        hidden: The number of hidden units between memory and classes.
        recipe: The settings of the training; seed and number of epochs are the run's.
        smoothing: The share of each label that is spread over all classes.
        deformation: The random deformation of training images.
    """

    spec: LMUSpec
    hidden: int
    recipe: Recipe
    smoothing: float = 0.0
    deformation: Deformation | None = None


def train_recurrent(task: ImageTask, kind: Classifier, run: Run) -> Trained:
    """Train an LMU whose hidden units feed back into its memory, and a readout of its last hidden state.

    It begins as a memory of its input alone: e_x is 1, and e_h, e_m, W_x and W_h are 0. All of them are trained.
    """
    model = Model(
        inputs=1,
        layers=(LMULayer(kind.spec, kind.hidden), DenseLayer(task.classes)),
        output=Output.LAST,
        input_offset=task.offset,
        input_scale=task.scale,
    )
    cell, readout = model.init(run.seed)
    cell = cell | {name: jnp.zeros_like(cell[name]) for name in ("hidden_encoder", "input_kernel", "hidden_kernel")}
    cell = cell | {"input_encoder": jnp.ones_like(cell["input_encoder"])}
    result = _fit(task, kind, run, "recurrent", model, [cell, readout], task.pixels)
    return run.trained(model, result, task.held_out())


def train_linear(task: ImageTask, kind: Classifier, run: Run) -> Trained:
    """Train rectified units that see the last state of a memory of the pixels, and a readout of them.

    Nothing feeds back, so the last state is one product of the pixels with the memory's impulse response. The units are
    trained on states of mean 0 and variance 1 over the training part; their weights are then rewritten for the states
    as they are.
    """
    states = final_states(kind.spec, task.scale * (task.sequences(task.train.x)[..., 0] - task.offset))
    mean, deviation = states.mean(axis=0), states.std(axis=0)
    features = _standardised_states(task, kind.spec, mean, deviation)
    model = Model(
        inputs=kind.spec.order,
        layers=(DenseLayer(kind.hidden, Activation.RELU), DenseLayer(task.classes)),
        output=Output.LAST,
    )
    result = _fit(task, kind, run, "linear", model, model.init(run.seed), features)
    network = _on_states_as_they_are(task, kind, run, result.params, mean, deviation)
    return Trained(network, result.value, task.held_out().score(network), result.history)


#: The training of each kind of memory.
_TRAINERS: Mapping[str, Callable[[ImageTask, Classifier, Run], Trained]] = MappingProxyType(
    {"linear": train_linear, "recurrent": train_recurrent}
)


@dataclass(frozen=True)
class ImageClassification:
    """A task of `lmu_hw.training.tasks.table` that classifies images.

    Attributes:
        name: The name of the task.
        kinds: The network for each kind of memory, "linear" or "recurrent".
    """

    name: str
    kinds: Mapping[str, Classifier]

    def prepare(
        self, memory: str, data: Callable[[Deformation | None], ImageTask], deform: bool, details: Mapping[str, Any]
    ) -> Callable[[Run], Outcome]:
        """Load the images, and return a function that trains with one seed.

        Args:
            memory: The kind of memory.
            data: A function that loads the images, for a deformation of those to train on.
            deform: Whether training images are deformed.
            details: Plain values that the outcome states beside its own.

        Raises:
            DesignError: There is no such kind of memory.
        """
        if memory not in self.kinds:
            raise DesignError("memory", "one of " + ", ".join(self.kinds), memory)
        kind = self.kinds[memory]
        return partial(self._train, memory, data(kind.deformation if deform else None), details)

    def _train(self, memory: str, task: ImageTask, details: Mapping[str, Any], run: Run) -> Outcome:
        trained = _TRAINERS[memory](task, self.kinds[memory], run)
        details = {"memory": memory, **details, "epochs": len(trained.curve)}
        return Outcome(self.name, memory, {memory: trained}, run.seed, task.held_out(), details)


def _standardised_states(task: ImageTask, spec: LMUSpec, mean: Array, deviation: Array) -> _States:
    """The function from images to last states less their mean, over their deviation.

    Images have their pixels in rows, so the rows of the impulse response are put in the order of the pixels.
    """
    steps = task.pixels.order.size
    gain = np.empty((steps, spec.order))
    gain[task.pixels.order] = impulse_response(spec, steps)[::-1] * (task.scale / deviation)
    constant = mean / deviation + task.offset * gain.sum(axis=0)
    return _States(task.pixels, gain.astype(np.float32), constant.astype(np.float32))


def _on_states_as_they_are(
    task: ImageTask, kind: Classifier, run: Run, params: ModelParameters, mean: Array, deviation: Array
) -> Network:
    """The network of a memory, units and readout, from units that were trained on standardised states."""
    units, readout = ({name: np.asarray(array, np.float64) for name, array in layer.items()} for layer in params)
    kernel = _to_float32(units["kernel"] / deviation)
    memory = MemoryParameters(
        kind.spec,
        input_encoder=np.ones((1, 1)),
        input_bias=np.zeros(1),
        memory_kernel=kernel,
        input_kernel=np.zeros((kind.hidden, 1)),
        bias=_to_float32(units["bias"] - kernel @ mean),
        activation=Activation.RELU,
    )
    return Network(
        (memory, DenseParameters(readout["kernel"], readout["bias"])),
        Output.LAST,
        np.asarray(task.offset),
        np.asarray(task.scale),
        run.notes,
    )


@dataclass(frozen=True, eq=False)
class _States:
    """The conversion of images to standardised last states, shape (batch, 1, order), as `fit` prepares batches."""

    pixels: PixelSequences
    gain: Any
    constant: Any

    def __call__(self, images: Any, key: Tensor | None) -> Tensor:
        flat = self.pixels.deformed(images, key)
        states: Tensor = (flat.reshape(flat.shape[0], -1) @ self.gain - self.constant)[:, None, :]
        return states


def _fit(
    task: ImageTask, kind: Classifier, run: Run, name: str, model: Model, params: ModelParameters, prepare: Any
) -> FitResult:
    setup = {
        "deformation": repr(task.pixels.deformation),
        "order": task.pixels.order,
        "memory": kind.spec.to_dict(),
        "smoothing": kind.smoothing,
    }
    return fit(
        model,
        task.train,
        task.validation,
        loss=cross_entropy(kind.smoothing),
        metric=ACCURACY,
        recipe=run.recipe(kind.recipe),
        params=params,
        prepare=prepare,
        checkpoint=run.checkpoint(name),
        setup=setup,
    )


def _to_float32(values: Array) -> Array:
    """The values rounded to float32, the precision of all other weights."""
    return np.asarray(values.astype(np.float32), np.float64)
