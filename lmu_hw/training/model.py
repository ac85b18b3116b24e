"""A stack of layers that can be trained, made from a network and made into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.core.registry import member
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.networks.model import Network, Note, Output, arrays
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.layers import TRAINED_LAYERS, Parameters, TrainedLayer

Tensor = jax.Array
#: The parameters of each layer, in the layers' order.
ModelParameters = list[Parameters]


@dataclass(frozen=True)
class Model:
    """Layers in sequence. A model holds no numbers to train: they are the first argument of its functions.

    Attributes:
        inputs: The number of inputs, the length of x.
        layers: One layer or more; see `lmu_hw.training.layers`.
        output: Whether there is an output for each step, or one after the last step.
        input_offset: An offset in units of the input, one number for all inputs or one for each.
        input_scale: A factor: the first layer sees input_scale·(x − input_offset).
        dtype: The type of the parameters and of everything computed from them, "float32" or "float64".

    Raises:
        DesignError: There is no layer, or no such output or type.
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
        object.__setattr__(self, "output", member(Output, self.output, "output"))
        if self.dtype not in ("float32", "float64"):
            raise DesignError("dtype", "float32 or float64", self.dtype)

    def init(self, seed: int | Tensor = 0) -> ModelParameters:
        """Draw initial parameters from a seed, or from a JAX key; layer k draws from the key folded with k."""
        key = jax.random.key(seed) if isinstance(seed, int) else seed
        params, width = [], self.inputs
        for k, layer in enumerate(self.layers):
            params.append(layer.init(jax.random.fold_in(key, k), width, self.dtype))
            width = layer.width(width)
        return params

    def apply(self, params: ModelParameters, x: Any) -> Tensor:
        """Compute the outputs for a batch of sequences from a zero state; a pure function, for jit, grad and vmap.

        Args:
            params: Parameters like those that `init` gives.
            x: The input, an array of numbers of shape (batch, T, inputs).

        Returns:
            The outputs, shape (batch, T, outputs), or (batch, outputs) where `output` is last.
        """
        offset, scale = jnp.asarray(self.input_offset, self.dtype), jnp.asarray(self.input_scale, self.dtype)
        y = (jnp.asarray(x).astype(self.dtype) - offset) * scale
        # If only the last output is wanted, steps are dropped as early as possible: behind the last layer with a state,
        # as the layers after it work on each step alone.
        last = self.output is Output.LAST
        deepest = max((k for k, layer in enumerate(self.layers) if layer.has_state), default=-1)
        if last and deepest < 0:
            y = y[:, -1]
        for k, (layer, p) in enumerate(zip(self.layers, params, strict=True)):
            typed = {name: jnp.asarray(array, self.dtype) for name, array in p.items()}
            values = {n: a if layer.trained(n) else jax.lax.stop_gradient(a) for n, a in typed.items()}
            y = layer.apply(values, y, last=last and k == deepest)
        return y

    def trained(self, params: ModelParameters) -> list[dict[str, bool]]:
        """State for each array whether it is trained, in the structure of `params`."""
        return [{name: layer.trained(name) for name in p} for layer, p in zip(self.layers, params, strict=True)]

    def count(self, params: ModelParameters) -> int:
        """The number of trained entries, learned windows included."""
        flags = self.trained(params)
        return sum(a.size for p, f in zip(params, flags, strict=True) for name, a in p.items() if f[name])

    def project(self, params: ModelParameters) -> ModelParameters:
        """The admissible parameters that are nearest to these: every learned θ is one at which the step is stable."""
        return [layer.project(p) for layer, p in zip(self.layers, params, strict=True)]

    def network(self, params: ModelParameters, notes: Mapping[str, Note] | None = None) -> Network:
        """The network with these parameters, in float64."""
        return Network(
            tuple(layer.parameters(p) for layer, p in zip(self.layers, params, strict=True)),
            self.output,
            np.asarray(self.input_offset, np.float64),
            np.asarray(self.input_scale, np.float64),
            notes or {},
        )

    @staticmethod
    def of(network: Network, *, learn_theta: bool = False, dtype: str = "float32") -> tuple[Model, ModelParameters]:
        """Make a model and its parameters from a network; arrays of zeros are left out where a layer can do without.

        Args:
            network: The network to start from.
            learn_theta: Whether to learn the window of every memory.
            dtype: The type of the parameters, "float32" or "float64".
        """
        layers = tuple(TRAINED_LAYERS[type(layer)].of(layer, learn_theta=learn_theta) for layer in network.layers)
        params = [
            {n: jnp.asarray(a, dtype) for n, a in arrays(layer).items() if n not in trained.without}
            | trained.learned_window(dtype)
            for layer, trained in zip(network.layers, layers, strict=True)
        ]
        offset, scale = (tuple(array.tolist()) for array in (network.input_offset, network.input_scale))
        return Model(network.inputs, layers, network.output, offset, scale, dtype), params
