"""Images as sequences of pixels, classified by a memory that feeds back, or by one that does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
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
from lmu_hw.training.tasks.base import HeldOut, Run, Trained, accuracy_of
from lmu_hw.training.tasks.images import PixelSequences

Tensor = jax.Array

#: Training images that are kept beside the test part.
_KNOWN = 200


@dataclass(frozen=True, eq=False)
class ImageTask:
    """Images, divided, and how a network takes them in.

    Attributes:
        train: images (count, height, width) and classes; what weights are fitted to.
        validation: what the epoch is chosen on.
        test: looked at once, when everything is chosen.
        classes: how many there are.
        pixels: from images to sequences.
        offset, scale: the memory sees scale·(pixel − offset).
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    classes: int
    pixels: PixelSequences
    offset: float
    scale: float

    def sequences(self, images: Any) -> Array:
        """Images as sequences in the network's unit, shape (count, pixels, 1)."""
        flat = np.asarray(images).reshape(len(images), -1)
        return flat[:, self.pixels.order, None].astype(np.float64)

    def held_out(self) -> HeldOut:
        """The test part in the network's unit."""
        labels: IntArray = np.asarray(self.test.y)
        return HeldOut(ACCURACY, self.sequences(self.test.x), labels, self.sequences(self.train.x[:_KNOWN]))

    def score(self, network: Network, data: Dataset) -> float:
        """Accuracy of the golden network."""
        labels: IntArray = np.asarray(data.y)
        return accuracy_of(network, self.sequences(data.x), labels)


@dataclass(frozen=True)
class Classifier:
    """A kind of network and how it is trained.

    Attributes:
        spec: the memory.
        hidden: units between memory and classes.
        recipe: of the training; its seed and epochs are the run's.
        smoothing: of the labels.
    """

    spec: LMUSpec
    hidden: int
    recipe: Recipe
    smoothing: float = 0.0

    def recipe_for(self, run: Run) -> Recipe:
        """The recipe of a run."""
        return replace(self.recipe, seed=run.seed, epochs=run.epochs or self.recipe.epochs)


def train_recurrent(task: ImageTask, kind: Classifier, run: Run) -> Trained:
    """An LMU whose hidden state feeds back into its memory, and a readout of the last hidden state.

    It begins as a memory of its input alone: e_x is 1, and e_h, e_m, W_x and W_h are 0; all of them are
    trained.
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
    return _scored(task, model.network(result.params, _notes(run)), result)


def train_linear(task: ImageTask, kind: Classifier, run: Run) -> Trained:
    """A memory of the pixels, a layer of rectified units that sees its last state, and a readout.

    Nothing feeds back, so the last state is one product of the pixels with the memory's impulse response. The
    units are trained on states of mean 0 and variance 1 over the training part; their weights are then
    rewritten for the states as they are.
    """
    steps = task.pixels.order.size
    states = final_states(kind.spec, task.scale * (task.sequences(task.train.x)[..., 0] - task.offset))
    mean, deviation = states.mean(axis=0), states.std(axis=0)
    gain = np.empty((steps, kind.spec.order))
    gain[task.pixels.order] = impulse_response(kind.spec, steps)[::-1] * (task.scale / deviation)
    constant = mean / deviation + task.offset * gain.sum(axis=0)
    features = _States(task.pixels, gain.astype(np.float32), constant.astype(np.float32))
    model = Model(
        inputs=kind.spec.order,
        layers=(DenseLayer(kind.hidden, Activation.RELU), DenseLayer(task.classes)),
        output=Output.LAST,
    )
    result = _fit(task, kind, run, "linear", model, model.init(run.seed), features)
    units, readout = ({name: np.asarray(array, np.float64) for name, array in layer.items()} for layer in result.params)
    kernel = _narrow(units["kernel"] / deviation)
    memory = MemoryParameters(
        kind.spec,
        input_encoder=np.ones((1, 1)),
        input_bias=np.zeros(1),
        memory_kernel=kernel,
        input_kernel=np.zeros((kind.hidden, 1)),
        bias=_narrow(units["bias"] - kernel @ mean),
        activation=Activation.RELU,
    )
    network = Network(
        (memory, DenseParameters(readout["kernel"], readout["bias"])),
        Output.LAST,
        np.asarray(task.offset),
        np.asarray(task.scale),
        _notes(run),
    )
    return _scored(task, network, result)


@dataclass(frozen=True, eq=False)
class _States:
    """Images to standardised last states, shape (batch, 1, order)."""

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
        recipe=kind.recipe_for(run),
        params=params,
        prepare=prepare,
        checkpoint=run.checkpoint(name),
        setup=setup,
    )


def _notes(run: Run) -> dict[str, Any]:
    return {"command": run.command, "seed": run.seed}


def _narrow(values: Array) -> Array:
    """The nearest numbers of float32, as all other weights are."""
    return np.asarray(values.astype(np.float32), np.float64)


def _scored(task: ImageTask, network: Network, result: FitResult) -> Trained:
    return Trained(network, result.value, task.score(network, task.test), result.history)
