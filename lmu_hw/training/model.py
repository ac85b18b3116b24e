"""A stack of layers that can be trained, and its way to and from a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.errors import DesignError, check_integer
from lmu_hw.networks.model import Layer, Network, Note, Output, arrays
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import LSTMParameters, MemoryParameters
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.layers import DenseLayer, LinearMemoryLayer, LMULayer, LSTMLayer, Parameters, TrainedLayer

Tensor = jax.Array
ModelParameters = list[Parameters]


@dataclass(frozen=True)
class Model:
    """Layers in sequence. It holds no numbers to train: those are its functions' first argument.

    Attributes:
        inputs: length of x.
        layers: 1 or more; see `lmu_hw.training.layers`.
        output: an output per step, or the one after the last step.
        input_offset: in units of the input, one number or one per input.
        input_scale: the first layer sees input_scale·(x − input_offset).
        dtype: "float32" or "float64", of the parameters and everything computed from them.

    Raises:
        DesignError: there is no layer, or no such output or type.
    """

    inputs: int
    layers: tuple[TrainedLayer, ...]
    output: Output = Output.SEQUENCE
    input_offset: float | tuple[float, ...] = 0.0
    input_scale: float | tuple[float, ...] = 1.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        check_integer("inputs", self.inputs, 1)
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise DesignError("layers", "at least one", "none")
        if str(self.output) not in tuple(Output):
            raise DesignError("output", "one of " + ", ".join(Output), self.output)
        object.__setattr__(self, "output", Output(str(self.output)))
        if self.dtype not in ("float32", "float64"):
            raise DesignError("dtype", "float32 or float64", self.dtype)

    def init(self, seed: int | Tensor = 0) -> ModelParameters:
        """Initial parameters from a seed, or from a JAX key; layer k draws from the key folded with k."""
        key = jax.random.key(seed) if isinstance(seed, int) else seed
        params, width = [], self.inputs
        for k, layer in enumerate(self.layers):
            params.append(layer.init(jax.random.fold_in(key, k), width, self.dtype))
            width = layer.width(width)
        return params

    def apply(self, params: ModelParameters, x: Any, *, key: Tensor | None = None) -> Tensor:
        """Outputs for a batch of sequences from a zero state; a pure function, for jit, grad and vmap.

        Args:
            params: as from `init`.
            x: input, shape (batch, T, inputs), of any number type.
            key: in training, for layers that draw.

        Returns:
            Shape (batch, T, outputs), or (batch, outputs) where `output` is last.
        """
        y = (jnp.asarray(x).astype(self.dtype) - jnp.asarray(self.input_offset, self.dtype)) * jnp.asarray(
            self.input_scale, self.dtype
        )
        last = self.output is Output.LAST
        deepest = max((k for k, layer in enumerate(self.layers) if layer.has_state), default=-1)
        if last and deepest < 0:
            y = y[:, -1]
        for k, (layer, p) in enumerate(zip(self.layers, params, strict=True)):
            typed = {name: jnp.asarray(array, self.dtype) for name, array in p.items()}
            values = {n: a if layer.trained(n) else jax.lax.stop_gradient(a) for n, a in typed.items()}
            drawn = None if key is None else jax.random.fold_in(key, k)
            y = layer.apply(values, y, last=last and k == deepest, key=drawn)
        return y

    def trained(self, params: ModelParameters) -> list[dict[str, bool]]:
        """For each array whether it is trained; the structure of `params`."""
        return [{name: layer.trained(name) for name in p} for layer, p in zip(self.layers, params, strict=True)]

    def count(self, params: ModelParameters) -> int:
        """Number of trained entries, θ's included."""
        flags = self.trained(params)
        return sum(a.size for p, f in zip(params, flags, strict=True) for name, a in p.items() if f[name])

    def project(self, params: ModelParameters) -> ModelParameters:
        """The nearest admissible parameters: every learned θ where its step is stable."""
        return [layer.project(p) for layer, p in zip(self.layers, params, strict=True)]

    def network(self, params: ModelParameters, notes: Mapping[str, Note] | None = None) -> Network:
        """The network with these parameters, in float64."""
        layers = [layer.parameters(p) for layer, p in zip(self.layers, params, strict=True)]
        return Network(
            tuple(layer for layer in layers if layer is not None),
            self.output,
            np.asarray(self.input_offset, np.float64),
            np.asarray(self.input_scale, np.float64),
            notes or {},
        )

    @staticmethod
    def of(network: Network, *, learn_theta: bool = False, dtype: str = "float32") -> tuple[Model, ModelParameters]:
        """A model and parameters for a network; arrays of zeros are taken for connections that are not there.

        Args:
            network: to go on from.
            learn_theta: learn the window of every memory.
            dtype: of the parameters.
        """
        layers, params = zip(*(_trainable(layer, learn_theta, dtype) for layer in network.layers), strict=True)
        model = Model(
            network.inputs,
            layers,
            network.output,
            tuple(network.input_offset.tolist()),
            tuple(network.input_scale.tolist()),
            dtype,
        )
        return model, list(params)


def _trainable(layer: Layer, learn_theta: bool, dtype: str) -> tuple[TrainedLayer, Parameters]:
    values = arrays(layer)
    optional = {"hidden_encoder", "memory_encoder", "hidden_kernel", "input_kernel", "input_bias", "bias"}
    trainable: TrainedLayer
    without: tuple[str, ...] = ()
    if isinstance(layer, CellParameters | MemoryParameters):
        without = tuple(name for name, array in values.items() if name in optional and not array.any())
    if isinstance(layer, CellParameters):
        trainable = LMULayer(
            layer.spec, layer.hidden, layer.channels, layer.activation, without, learn_theta=learn_theta
        )
    elif isinstance(layer, MemoryParameters):
        trainable = LinearMemoryLayer(
            layer.spec, layer.hidden or None, layer.channels, layer.activation, without, learn_theta=learn_theta
        )
    elif isinstance(layer, LSTMParameters):
        trainable = LSTMLayer(layer.hidden)
    else:
        trainable = DenseLayer(layer.outputs, layer.activation)
    params = {name: jnp.asarray(array, dtype) for name, array in values.items() if name not in without}
    if learn_theta and isinstance(layer, CellParameters | MemoryParameters):
        params["log_ratio"] = jnp.asarray(np.log(layer.spec.ratio), dtype)
    return trainable, params
