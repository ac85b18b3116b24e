"""Keras models with layers of keras-lmu as networks.

The memory of keras-lmu counts time in steps: its window of θ steps is one of θ·dt seconds here. Its matrices act on
rows, so ours are their transposes. In both the states of channel 0 come first. keras-lmu computes everything in
float32, including Ā and B̄, and its LMUFeedforward convolves with an impulse response, which is cut off where the model
has conv_mode "raw" or no fixed number of steps. The network here is the exact one. The outputs of the two differ by
1e-6 for a few states and steps, and by up to 1e-3 for 256 states and 784 steps, where the Ā of keras-lmu is 2e-5 away
from the exact one.

Supported layers:

- LMU, RNN with an LMUCell, and LMUFeedforward, with a hidden cell that is None, Dense or SimpleRNNCell, and θ as
  trained;
- Dense, also under TimeDistributed, and Activation, ReLU and Softmax;
- InputLayer, Dropout and other noise of training, which have no effect outside training; Flatten where there is only
  one axis; Reshape in front of all layers, where it says how the user's data become sequences, or without effect.

A softmax at the end is left out, since the class with the largest score stays the same; a note says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import MAX_ORDER, LMUSpec
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.networks.file import MAX_UNITS
from lmu_hw.networks.importers.assembly import Unit, assemble, check_sizes, identity
from lmu_hw.networks.importers.keras_model import KerasLayer, KerasModel, read_model
from lmu_hw.networks.importers.keras_weights import Weights, open_keras
from lmu_hw.networks.model import Layer, Network, Note, Output, error_about
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters

_ACTIVATIONS = {
    "linear": Activation.IDENTITY,
    "tanh": Activation.TANH,
    "sigmoid": Activation.SIGMOID,
    "relu": Activation.RELU,
}
_SOFTMAX = ("softmax", "log_softmax")
_IDLE = (
    "Dropout",
    "SpatialDropout1D",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
    "Identity",
)


def import_keras(path: str | Path, dt: float = 1.0) -> Network:
    """The network in a `.keras` file or a whole-model HDF5 file.

    Args:
        path: The file.
        dt: The time of one step of the model, in seconds.

    Raises:
        DesignError: The file is damaged or hostile, or the model has something that no network can represent; the
            message names the layer.
        MissingToolError: The package h5py is not installed.
    """
    path = Path(path)
    check_positive("dt", dt, "seconds")
    with open_keras(path) as (text, weights):
        return _Reading(weights, dt, read_model(text, path.name)).network(path.name)


@dataclass
class _Reading:
    """The conversion of a model to a network: the layers so far, and the shape of their outputs.

    Attributes:
        weights: The weights of the file.
        dt: The time of a step, in seconds.
        model: The model that is converted.
        layers: The layers of the network so far.
        shape: The shape of the last outputs: (steps, width) for a sequence, or (width,); None stands for any number.
        softmax: The layer whose softmax was left out, which must be the last one; empty if there is none.
        notes: The notes of the network.
    """

    weights: Weights
    dt: float
    model: KerasModel
    layers: list[Layer] = field(default_factory=list)
    shape: tuple[int | None, ...] = ()
    softmax: str = ""
    notes: dict[str, Note] = field(default_factory=dict)

    def network(self, name: str) -> Network:
        """Convert all layers of the model, and return the network, which notes the name of its file.

        Raises:
            DesignError: A layer cannot be represented, or none has weights.
        """
        self.notes["imported"] = name
        self.shape = self.model.shape or (None, None)
        for layer in self.model.layers:
            self._take(layer)
        if not self.layers:
            raise DesignError(f"layers in {name}", "some with weights", ", ".join(x.kind for x in self.model.layers))
        if self.softmax:
            self.notes["left out"] = f"softmax of {self.softmax}: the outputs are its arguments"
        output = Output.SEQUENCE if len(self.shape) == 2 else Output.LAST
        return Network(tuple(self.layers), output, notes=self.notes)

    def _take(self, layer: KerasLayer) -> None:
        if layer.kind in _IDLE:
            return
        if layer.kind in ("Flatten", "Reshape"):
            self._reshape(layer)
            return
        if self.softmax:
            raise DesignError(f"softmax of {self.softmax}", f"at the end, not in front of {layer.label}", "softmax")
        layer.require("quantization_config", None)
        if layer.kind not in _CONVERSIONS:
            known = (*_CONVERSIONS, "Dropout", "Flatten")
            raise DesignError(layer.label, "of class " + ", ".join(known) + " or Reshape", layer.kind)
        _CONVERSIONS[layer.kind](self, layer)

    def _reshape(self, layer: KerasLayer) -> None:
        """Take a Flatten or Reshape, which changes `shape` only, since the entries keep their order."""
        if layer.kind == "Flatten":
            layer.require("data_format", None, "channels_last")
            wanted: Any = [-1]
        else:
            wanted = layer.config.get("target_shape")
        size = math.prod(n or 0 for n in self.shape)  # 0 where it is not known
        if not isinstance(wanted, list) or not all(isinstance(n, int) and (n >= 1 or n == -1) for n in wanted):
            raise DesignError(f"target_shape of {layer.label}", "a list of sizes", wanted)
        after = tuple(wanted)
        if after == (-1,) and len(self.shape) == 1:
            after = self.shape
        if wanted.count(-1) == 1 and size:
            rest = math.prod(n for n in wanted if n > 0)
            after = tuple(size // rest if n == -1 else n for n in wanted)
        if after == self.shape:
            return
        if self.layers:
            raise DesignError(layer.label, f"without effect on the outputs {self.shape} before it", after)
        if not size or -1 in after or math.prod(after) != size:
            raise DesignError(layer.label, f"from the {size} numbers of {self.shape} to as many", after)
        self.notes["input"] = f"sequences {after}, reshaped from {self.model.shape}"
        self.shape = after

    def _dense(self, layer: KerasLayer) -> None:
        inner = layer
        if layer.kind == "TimeDistributed":
            inside = layer.inner("layer")
            if inside is None or inside.kind != "Dense":
                raise DesignError(layer.label, "with a Dense inside", "another" if inside is None else inside.kind)
            if len(self.shape) != 2:
                raise DesignError(layer.label, "fed with sequences", self.shape)
            inner = KerasLayer("Dense", inside.name, inside.config)
        inner.require("quantization_config", None)
        names = ["kernel", "bias"] if inner.flag("use_bias", True) else ["kernel"]
        arrays = self.weights.arrays(layer, None, names)
        units = inner.whole("units", MAX_UNITS)
        kernel = self._checked(inner, "kernel", arrays["kernel"], (self._width(layer), units))
        bias = self._checked(inner, "bias", arrays.get("bias", np.zeros(units)), (units,))
        self.layers.append(DenseParameters(kernel.T, bias, self._activation(inner)))
        self.shape = (*self.shape[:-1], units)

    def _activate(self, layer: KerasLayer) -> None:
        if layer.kind == "ReLU":
            layer.require("max_value", None)
            for key in ("negative_slope", "threshold"):
                layer.require(key, 0.0, 0)
            activation = Activation.RELU
        elif layer.kind == "Softmax":
            layer.require("axis", -1)
            activation, self.softmax = Activation.IDENTITY, layer.label
        else:
            activation = self._activation(layer)
        if activation is Activation.IDENTITY:
            return
        last = self.layers[-1] if self.layers else None
        if isinstance(last, DenseParameters) and last.activation is Activation.IDENTITY:
            self.layers[-1] = replace(last, activation=activation)
            return
        width = self._width(layer)
        if width is None:
            raise DesignError(layer.label, "behind a layer or an input of a known size", self.shape)
        with error_about(layer.label):
            self.layers.append(DenseParameters(identity(width), np.zeros(width), activation))

    def _activation(self, layer: KerasLayer, *, fed_back: bool = False) -> Activation:
        """The activation of a layer; for a softmax the identity, and `softmax` becomes the name of the layer."""
        name = layer.config.get("activation", "linear")
        if name in _SOFTMAX and not fed_back:
            self.softmax = layer.label
            return Activation.IDENTITY
        if not isinstance(name, str) or name not in _ACTIVATIONS:
            raise DesignError(f"activation of {layer.label}", "one of " + ", ".join(_ACTIVATIONS), name)
        return _ACTIVATIONS[name]

    def _width(self, layer: KerasLayer) -> int | None:
        """The number of inputs of a layer; None where it is not known."""
        if len(self.shape) not in (1, 2):
            raise DesignError(f"input of {layer.label}", "of shape (steps, inputs)", self.shape)
        return self.shape[-1]

    def _checked(self, layer: KerasLayer, name: str, array: Array, shape: tuple[int | None, ...]) -> Array:
        """`array` if it has the given shape, in which None stands for any number."""
        fits = len(shape) == array.ndim and all(m is None or n == m for n, m in zip(array.shape, shape, strict=True))
        if not fits or 0 in array.shape:
            wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
            raise DesignError(f"{name} of {layer.label}", f"of shape {wanted}", array.shape)
        return array

    def _memory(self, layer: KerasLayer) -> None:
        cell = layer
        if layer.kind == "RNN":
            inside = layer.inner("cell")
            if inside is None or inside.kind != "LMUCell":
                raise DesignError(f"cell of {layer.label}", "an LMUCell", "none" if inside is None else inside.kind)
            cell = inside
            for key in ("go_backwards", "return_state", "zero_output_for_mask", "time_major"):
                layer.require(key, False)
        if len(self.shape) != 2:
            raise DesignError(f"input of {layer.label}", "sequences of shape (steps, inputs)", self.shape)
        self.layers += assemble(layer.label, self._unit(layer, cell))
        width = self.layers[-1].outputs
        self.shape = (self.shape[0], width) if layer.flag("return_sequences") else (width,)

    def _unit(self, layer: KerasLayer, cell: KerasLayer) -> Unit:
        """The arrays of a layer with a memory, whose LMUCell is `cell`; LMU and LMUFeedforward are cells themselves."""
        feedforward = layer.kind == "LMUFeedforward"
        channels, order = cell.whole("memory_d", MAX_UNITS), cell.whole("order", MAX_ORDER)
        states = channels * order
        to_memory = not feedforward and cell.flag("hidden_to_memory")
        within_memory = not feedforward and cell.flag("memory_to_memory")
        trained = not feedforward and cell.flag("trainable_theta")
        hidden = cell.inner("hidden_cell")
        kind = None if hidden is None else hidden.kind
        if hidden is not None:
            if kind not in ("Dense", "SimpleRNNCell"):
                raise DesignError(f"hidden cell of {layer.label}", "None, Dense or SimpleRNNCell", hidden.label)
            hidden.require("quantization_config", None)
        elif to_memory:
            raise DesignError(f"hidden_to_memory of {layer.label}", "false without a hidden cell", True)
        units = 0 if hidden is None else hidden.whole("units", MAX_UNITS)

        names = ["kernel"] if cell.config.get("kernel_initializer", "glorot_uniform") is not None else []
        names += ["bias"] if cell.flag("use_bias") else []
        names += ["theta_inv"] if trained else []
        names += ["recurrent_kernel"] if within_memory else []
        own = self.weights.arrays(layer, None, names)

        fed = units if to_memory else 0
        inputs = self._width(layer)
        if "kernel" in own:
            rows = None if inputs is None else inputs + fed
            kernel = self._checked(layer, "kernel", own["kernel"], (rows, channels))
        else:
            with error_about(layer.label):
                kernel = identity(channels)
            if inputs not in (None, channels - fed):
                raise DesignError(f"inputs of {layer.label}", f"{channels - fed} without an input kernel", inputs)
        inputs = kernel.shape[0] - fed
        if inputs < 1:
            raise DesignError(f"kernel of {layer.label}", f"of more than {fed} rows", kernel.shape)
        unit: dict[str, Any] = {
            "spec": self._spec(layer, cell, order, own),
            "input_encoder": kernel[:inputs].T,
            "hidden_encoder": kernel[inputs:].T if fed else None,
        }
        if "bias" in own:
            unit["input_bias"] = self._checked(layer, "bias", own["bias"], (channels,))
        if within_memory:
            recurrent = self._checked(layer, "recurrent_kernel", own["recurrent_kernel"], (states, channels))
            unit["memory_encoder"] = recurrent.T
        passes = cell.flag("input_to_hidden")
        if hidden is None:
            return Unit(**unit, passes_input=passes)

        plain_rnn = kind == "SimpleRNNCell"
        names = ["kernel", "recurrent_kernel"] if plain_rnn else ["kernel"]
        names += ["bias"] if hidden.flag("use_bias", True) else []
        arrays = self.weights.arrays(layer, hidden, names)
        shape = (states + (inputs if passes else 0), units)
        with error_about(layer.label):
            check_sizes({"kernel of the hidden cell": shape})
        kernel = self._checked(hidden, "kernel", arrays["kernel"], shape)
        unit |= {
            "memory_kernel": kernel[:states].T,
            "input_kernel": kernel[states:].T if passes else None,
            "activation": self._activation(hidden, fed_back=to_memory or plain_rnn),
        }
        if plain_rnn:
            recurrent = self._checked(hidden, "recurrent_kernel", arrays["recurrent_kernel"], (units, units))
            unit["hidden_kernel"] = recurrent.T
        if "bias" in arrays:
            unit["bias"] = self._checked(hidden, "bias", arrays["bias"], (units,))
        return Unit(**unit)

    def _spec(self, layer: KerasLayer, cell: KerasLayer, order: int, own: dict[str, Array]) -> LMUSpec:
        """The specification of the memory, with θ as trained if it was trained."""
        method = cell.config.get("discretizer", "zoh")
        if method not in ("zoh", "euler"):
            raise DesignError(f"discretizer of {layer.label}", "zoh or euler", method)
        theta = cell.positive("theta")
        if "theta_inv" in own:
            inverse = float(self._checked(layer, "theta_inv", own["theta_inv"], ()))
            check_positive(f"theta_inv of {layer.label}", inverse)
            theta = 1.0 / inverse
        with error_about(layer.label):
            return LMUSpec(order, theta * self.dt, self.dt, method)


#: The conversion of each class of layers with arrays or an activation.
_CONVERSIONS: Mapping[str, Callable[[_Reading, KerasLayer], None]] = {
    "LMU": _Reading._memory,
    "RNN": _Reading._memory,
    "LMUFeedforward": _Reading._memory,
    "Dense": _Reading._dense,
    "TimeDistributed": _Reading._dense,
    "Activation": _Reading._activate,
    "ReLU": _Reading._activate,
    "Softmax": _Reading._activate,
}
