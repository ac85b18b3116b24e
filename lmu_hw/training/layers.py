"""Layers that can be trained: their sizes and choices, initial values, and outputs for given parameters.

A layer holds no numbers to train. Its parameters are a dictionary of arrays under the names, and in the shapes, that
`lmu_hw.reference` documents; where θ is learned, `log_ratio` = log(θ/dt) joins them.

The initial values are those of Voelker, Kajić and Eliasmith (NeurIPS 2019): encoders of inputs and hidden units are
LeCun uniform, those of memories zero, kernels Glorot normal. Biases are zero, but one for the forget gates of an LSTM
(Jozefowicz, Zaremba and Sutskever, ICML 2015).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import least_theta_over_dt
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.networks.model import Layer, arrays
from lmu_hw.reference.cell import CellParameters, check_activation
from lmu_hw.reference.definition import ACTIVATIONS, Activation, CellWeights, LSTMWeights
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.discretization import Matrices, fixed_step, learned_step
from lmu_hw.training.parallel import all_memories, final_memory
from lmu_hw.training.quantization import (
    NO_QUANTIZATION,
    LayerQuantization,
    clipped,
    integer_states,
    scan_quantized,
)
from lmu_hw.training.recurrent import blocked_cell, scan_lstm

Tensor = jax.Array
#: The arrays of one layer by name.
Parameters = dict[str, Tensor]
#: The shape of each array of a layer, in the layer's order.
Shapes = Mapping[str, tuple[int, ...]]

#: A learned θ/dt stays this factor above the least one that is stable.
STABLE_MARGIN = 1.0 + 1e-3


def _lecun_uniform(key: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Uniform over ±√(3/fan-in), which has the variance 1/fan-in."""
    limit = math.sqrt(3.0 / shape[1])
    return jax.random.uniform(key, shape, jnp.dtype(dtype), -limit, limit)


def _glorot_normal(key: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Normal with the variance 2/(fan-in + fan-out)."""
    return math.sqrt(2.0 / (shape[0] + shape[1])) * jax.random.normal(key, shape, jnp.dtype(dtype))


def _zeros(_: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    return jnp.zeros(shape, dtype)


#: The distribution of an array's initial values by the array's name; kernels, the rest, are Glorot's.
_INITIAL: Mapping[str, Callable[[Tensor, tuple[int, ...], str], Tensor]] = MappingProxyType(
    {
        "input_encoder": _lecun_uniform,
        "hidden_encoder": _lecun_uniform,
        "memory_encoder": _zeros,
        "input_bias": _zeros,
        "bias": _zeros,
    }
)


def _initial(key: Tensor, shapes: Shapes, dtype: str, without: tuple[str, ...] = ()) -> Parameters:
    """Draw the initial arrays of a layer, except those named in `without`.

    Array number k draws from `key` folded with k, so that leaving an array out does not change the others.
    """
    return {
        name: _INITIAL.get(name, _glorot_normal)(jax.random.fold_in(key, k), shape, dtype)
        for k, (name, shape) in enumerate(shapes.items())
        if name not in without
    }


class TrainedLayer(ABC):
    """A layer that can be trained: sizes and choices, and functions of parameters that it does not hold."""

    #: Whether the layer carries a state from one step to the next.
    has_state: ClassVar[bool] = False
    #: The names of arrays that the layer does not have; they are zero in the layer of a network.
    without: tuple[str, ...] = ()

    @classmethod
    @abstractmethod
    def of(cls, layer: Any, *, learn_theta: bool) -> TrainedLayer:
        """The trainable form of a network's layer.

        Args:
            layer: The layer of a network.
            learn_theta: Whether to learn the window of a memory.
        """

    @abstractmethod
    def width(self, inputs: int) -> int:
        """The number of outputs for a number of inputs."""

    @abstractmethod
    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for a number of inputs, drawn from a JAX key."""

    @abstractmethod
    def apply(self, params: Parameters, x: Tensor, *, last: bool) -> Tensor:
        """Outputs (batch, T, width) for inputs (batch, T, inputs).

        Where `last` is set, a layer with a state gives the outputs of the last step only, (batch, width). A layer
        without one gives an output for each step of its input, whatever `last` is.
        """

    @abstractmethod
    def parameters(self, params: Parameters) -> Layer:
        """The layer of a network with these parameters, in float64."""

    def learned_window(self, dtype: str) -> Parameters:
        """The initial parameter of a learned window, as a dictionary; empty where no window is learned."""
        return {}

    def trained(self, name: str) -> bool:
        """Whether the array of that name is trained."""
        return True

    def project(self, params: Parameters) -> Parameters:
        """The admissible parameters that are nearest to these."""
        return params


@dataclass(frozen=True)
class _MemoryLayer(TrainedLayer):
    """The part that is common to the two layers with Legendre memories."""

    spec: LMUSpec
    hidden: int | None
    channels: int = 1
    activation: Activation = Activation.TANH
    without: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    learn_theta: bool = False
    quantization: LayerQuantization = NO_QUANTIZATION

    has_state = True
    #: The names of arrays that may be left out.
    optional: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        if self.hidden is not None:
            check_integer("hidden", self.hidden, 1)
        check_integer("channels", self.channels, 1)
        object.__setattr__(self, "activation", check_activation(self.activation))
        plan = self.quantization.memory
        if plan is not None and plan.spec != self.spec:
            raise DesignError("plan", f"of the layer's memory ({self.spec.summary()})", plan.spec.summary())
        if plan is not None and self.learn_theta:
            raise DesignError("learn_theta", "off where the memory is quantised: a plan has one θ", True)
        _check_names("without", self.without, self.optional)
        _check_names("frozen", self.frozen, tuple(self._shapes(1)))

    @classmethod
    def of(cls, layer: Any, *, learn_theta: bool) -> TrainedLayer:
        """The trainable form of a network's layer, without the arrays that are zero and may be left out."""
        values = arrays(layer)
        without = tuple(name for name in cls.optional if name in values and not values[name].any())
        return cls(layer.spec, layer.hidden or None, layer.channels, layer.activation, without, learn_theta=learn_theta)

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for a number of inputs, drawn from a JAX key."""
        return _initial(key, self._shapes(inputs), dtype, self.without) | self.learned_window(dtype)

    def learned_window(self, dtype: str) -> Parameters:
        """`log_ratio` = log(θ/dt), where it is learned."""
        return {"log_ratio": jnp.asarray(math.log(self.spec.ratio), dtype)} if self.learn_theta else {}

    def trained(self, name: str) -> bool:
        """Whether the array of that name is trained."""
        return name not in self.frozen

    def project(self, params: Parameters) -> Parameters:
        """Raise a learned θ/dt to the least one that is stable, by a margin."""
        if "log_ratio" not in params:
            return params
        least = math.log(least_theta_over_dt(self.spec.order, self.spec.discretization) * STABLE_MARGIN)
        return params | {"log_ratio": jnp.maximum(params["log_ratio"], jnp.asarray(least, params["log_ratio"].dtype))}

    @abstractmethod
    def _shapes(self, inputs: int) -> Shapes:
        """The shape of each array, whether it is left out or not."""

    def _weights(self, params: Parameters, x: Tensor) -> dict[str, Any]:
        """All arrays, rounded where the layer is quantised, with zeros for those that are left out."""
        shapes = self._shapes(x.shape[-1])
        complete = {n: params[n] if n in params else jnp.zeros(shape, x.dtype) for n, shape in shapes.items()}
        return self.quantization.weights(complete)

    def _float64(self, params: Parameters) -> dict[str, Array]:
        """All arrays in float64, with zeros for those that are left out."""
        shapes = self._shapes(params["input_encoder"].shape[1])
        return {name: np.asarray(params.get(name, np.zeros(shape)), np.float64) for name, shape in shapes.items()}

    def _learned_step(self, params: Parameters, dtype: Any) -> Matrices | None:
        """The sampled memory at the learned θ, or None where θ is not learned."""
        if "log_ratio" not in params:
            return None
        return learned_step(self.spec, jnp.exp(-params["log_ratio"].astype("float64")), str(dtype))

    def _spec_at(self, params: Parameters) -> LMUSpec:
        """The specification of the memory, with the learned θ where it is learned."""
        if "log_ratio" not in params:
            return self.spec
        return replace(self.spec, theta=self.spec.dt * math.exp(float(params["log_ratio"])))


@dataclass(frozen=True)
class LMULayer(_MemoryLayer):
    """An LMU cell; its equations are in `lmu_hw.reference.definition`.

    Attributes:
        spec: The memory of each channel. Its θ is the initial one where θ is learned.
        hidden: The number of hidden units, the length of h.
        channels: The number of memories.
        activation: The activation function f.
        without: The names of arrays that are left out, as if they were zero: any but `input_encoder` and
            `memory_kernel`.
        frozen: The names of arrays that keep their initial values.
        learn_theta: Whether θ is learned, through the discretisation.
        quantization: The word lengths that the forward values are rounded to.

    Raises:
        DesignError: A size is not positive, a name in `without` or `frozen` is not allowed there, or the quantisation
            has the plan of another memory, or one where θ is learned.
    """

    hidden: int

    optional = ("hidden_encoder", "memory_encoder", "input_kernel", "hidden_kernel", "bias")

    def __post_init__(self) -> None:
        check_integer("hidden", self.hidden, 1)
        super().__post_init__()

    def width(self, inputs: int) -> int:
        """The number of hidden units."""
        return self.hidden

    def apply(self, params: Parameters, x: Tensor, *, last: bool) -> Tensor:
        """h after each step, or after the last one."""
        weights = CellWeights(**self._weights(params, x))
        step = self._learned_step(params, x.dtype) or fixed_step(self.spec, str(x.dtype))
        if self.quantization.memory is not None or self.quantization.output is not None:
            return scan_quantized(weights, step, self.activation, self.quantization, x, last=last)
        return blocked_cell(weights, step, self.activation, x, last=last)

    def parameters(self, params: Parameters) -> Layer:
        """The cell with these parameters, in float64."""
        return CellParameters(self._spec_at(params), activation=self.activation, **self._float64(params))

    def _shapes(self, inputs: int) -> Shapes:
        return CellParameters.shapes(self.spec.order, inputs, self.channels, self.hidden)


@dataclass(frozen=True)
class LinearMemoryLayer(_MemoryLayer):
    """Memories without feedback and an optional dense part, for all steps at once; see `MemoryParameters`.

    Attributes:
        spec: The memory of each channel. Its θ is the initial one where θ is learned.
        hidden: The number of hidden units of the dense part, the length of h. Where it is None there is no dense part,
            and the outputs are the states.
        channels: The number of memories.
        activation: The activation function f of the dense part.
        without: The names of arrays that are left out, as if they were zero: `input_bias`, `input_kernel`, `bias`.
        frozen: The names of arrays that keep their initial values.
        learn_theta: Whether θ is learned, through the discretisation.
        quantization: The word lengths that the forward values are rounded to.

    Raises:
        DesignError: A size is not positive, a name in `without` or `frozen` is not allowed there, or the quantisation
            has the plan of another memory, or one where θ is learned.
    """

    hidden: int | None = None

    optional = ("input_bias", "input_kernel", "bias")

    def width(self, inputs: int) -> int:
        """The number of hidden units, or of all states where there is no dense part."""
        return self.hidden or self.channels * self.spec.order

    def apply(self, params: Parameters, x: Tensor, *, last: bool) -> Tensor:
        """h, or all states, after each step or after the last one."""
        plan, weights = self.quantization.memory, self._weights(params, x)
        u = x @ weights["input_encoder"].T + weights["input_bias"]
        drive = u if plan is None else clipped(u, plan.input_format)
        memory = (final_memory if last else all_memories)(self.spec, drive, self._learned_step(params, x.dtype))
        if plan is not None:  # the integer model's words, with the gradient of the float memory
            memory = integer_states(plan, u, memory, last=last)
        memory = memory.reshape(*memory.shape[:-2], -1)
        if self.hidden is None:
            return self.quantization.round_output(memory)
        beside = x[:, -1] if last else x
        a = memory @ weights["memory_kernel"].T + beside @ weights["input_kernel"].T + weights["bias"]
        return self.quantization.round_output(ACTIVATIONS[self.activation](a))

    def parameters(self, params: Parameters) -> Layer:
        """The memories and dense part with these parameters, in float64."""
        activation = Activation.IDENTITY if self.hidden is None else self.activation
        return MemoryParameters(self._spec_at(params), activation=activation, **self._float64(params))

    def _shapes(self, inputs: int) -> Shapes:
        return MemoryParameters.shapes(self.spec.order, inputs, self.channels, self.hidden or 0)


@dataclass(frozen=True)
class LSTMLayer(TrainedLayer):
    """An LSTM, the baseline that memories are compared with.

    Attributes:
        hidden: The number of hidden units, the length of h.

    Raises:
        DesignError: `hidden` is not positive.
    """

    has_state = True
    hidden: int

    def __post_init__(self) -> None:
        check_integer("hidden", self.hidden, 1)

    @classmethod
    def of(cls, layer: Any, *, learn_theta: bool) -> TrainedLayer:
        """The trainable form of a network's LSTM."""
        return cls(layer.hidden)

    def width(self, inputs: int) -> int:
        """The number of hidden units."""
        return self.hidden

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for a number of inputs; the forget gates, the second ones, begin open."""
        params = _initial(key, LSTMParameters.shapes(inputs, self.hidden), dtype)
        gate = jnp.arange(4 * self.hidden) // self.hidden
        return params | {"bias": (gate == 1).astype(dtype)}

    def apply(self, params: Parameters, x: Tensor, *, last: bool) -> Tensor:
        """h after each step, or after the last one."""
        return scan_lstm(LSTMWeights(**params), x, last=last)

    def parameters(self, params: Parameters) -> Layer:
        """The LSTM with these parameters, in float64."""
        return LSTMParameters(**{name: np.asarray(array, np.float64) for name, array in params.items()})


@dataclass(frozen=True)
class DenseLayer(TrainedLayer):
    """f(W x + b) at each step on its own.

    Attributes:
        outputs: The number of outputs.
        activation: The activation function f.
        quantization: The word lengths that the forward values are rounded to; there is no memory among them.

    Raises:
        DesignError: `outputs` is not positive, there is no such activation, or the quantisation has a memory.
    """

    outputs: int
    activation: Activation = Activation.IDENTITY
    quantization: LayerQuantization = NO_QUANTIZATION

    def __post_init__(self) -> None:
        check_integer("outputs", self.outputs, 1)
        if self.quantization.memory is not None:
            raise DesignError("quantization of a dense layer", "without a memory", "a plan")
        object.__setattr__(self, "activation", check_activation(self.activation))

    @classmethod
    def of(cls, layer: Any, *, learn_theta: bool) -> TrainedLayer:
        """The trainable form of a network's dense layer."""
        return cls(layer.outputs, layer.activation)

    def width(self, inputs: int) -> int:
        """The number of outputs."""
        return self.outputs

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for a number of inputs, drawn from a JAX key."""
        return _initial(key, DenseParameters.shapes(inputs, self.outputs), dtype)

    def apply(self, params: Parameters, x: Tensor, *, last: bool) -> Tensor:
        """Outputs for each step of the input; `last` has no effect."""
        weights = self.quantization.weights(params)
        return self.quantization.round_output(ACTIVATIONS[self.activation](x @ weights["kernel"].T + weights["bias"]))

    def parameters(self, params: Parameters) -> Layer:
        """The dense layer with these parameters, in float64."""
        values = {name: np.asarray(array, np.float64) for name, array in params.items()}
        return DenseParameters(activation=self.activation, **values)


#: The trainable form of each kind of layer that a network may have.
TRAINED_LAYERS: Mapping[type[Layer], type[TrainedLayer]] = MappingProxyType(
    {
        CellParameters: LMULayer,
        MemoryParameters: LinearMemoryLayer,
        LSTMParameters: LSTMLayer,
        DenseParameters: DenseLayer,
    }
)


def _check_names(what: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise DesignError(what, "some of " + ", ".join(known), name)
