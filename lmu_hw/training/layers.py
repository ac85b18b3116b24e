"""Layers that can be trained: sizes and choices, initial values, and the outputs for given parameters.

Parameters are dictionaries of arrays under the names, and in the shapes, that `lmu_hw.reference` documents;
`log_ratio` = log(θ/dt) joins them where θ is learned.

Initial values are in `lmu_hw.training.layers`; every array draws from its own key, the layer's folded with
the array's place in its layer.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import least_theta_over_dt
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.networks.model import Layer
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


class TrainedLayer(ABC):
    """A layer that can be trained: sizes and choices, and functions of parameters that it does not hold."""

    #: Whether it carries something from one step to the next.
    has_state: ClassVar[bool] = False

    @abstractmethod
    def width(self, inputs: int) -> int:
        """Length of what it gives on for inputs of that length."""

    @abstractmethod
    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for inputs of that length."""

    @abstractmethod
    def apply(self, params: Parameters, x: Tensor, *, last: bool, key: Tensor | None) -> Tensor:
        """Outputs (batch, T, width) for inputs (batch, T, inputs).

        A layer with a state gives those of the last step only, (batch, width), where `last` is set; the
        others take steps as they come. `key` is given in training, for layers that draw.
        """

    @abstractmethod
    def parameters(self, params: Parameters) -> Layer | None:
        """The layer as part of a network, in float64; None where it exists in training only."""

    def trained(self, name: str) -> bool:
        """Whether the array of that name is trained."""
        return True

    def project(self, params: Parameters) -> Parameters:
        """The nearest parameters that are admissible."""
        return params


#: (key, shape, dtype) → array.
Draw = Callable[[Tensor, tuple[int, ...], str], Tensor]


def lecun_uniform(key: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """U(−√(3/fan-in), √(3/fan-in)), of variance 1/fan-in."""
    limit = math.sqrt(3.0 / shape[1])
    return jax.random.uniform(key, shape, jnp.dtype(dtype), -limit, limit)


def glorot_normal(key: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Normal with variance 2/(fan-in + fan-out)."""
    return math.sqrt(2.0 / (shape[0] + shape[1])) * jax.random.normal(key, shape, jnp.dtype(dtype))


def draw(
    key: Tensor,
    shapes: Mapping[str, tuple[int, ...]],
    dtype: str,
    draws: Mapping[str, Draw],
    *,
    zero: set[str],
    without: tuple[str, ...] = (),
) -> Parameters:
    """Initial arrays of a layer; array k draws from `key` folded with k.

    Args:
        key: of the layer.
        shapes: of all arrays, in the layer's order.
        dtype: of all arrays.
        draws: how to draw those that are not kernels.
        zero: names of those that begin at zero.
        without: names of those that are not there.
    """
    params = {}
    for k, (name, shape) in enumerate(shapes.items()):
        if name in without:
            continue
        initial = jnp.zeros(shape, dtype)
        if name not in zero:
            initial = draws.get(name, glorot_normal)(jax.random.fold_in(key, k), shape, dtype)
        params[name] = initial
    return params


Shapes = Mapping[str, tuple[int, ...]]

#: A learned θ/dt stays this factor above the least one that is stable.
STABLE_MARGIN = 1.0 + 1e-3


class _MemoryLayer(TrainedLayer):
    """What the two layers with Legendre memories share."""

    has_state = True
    spec: LMUSpec
    frozen: tuple[str, ...]
    learn_theta: bool
    quantization: LayerQuantization

    def trained(self, name: str) -> bool:
        """Whether the array of that name is trained."""
        return name not in self.frozen

    def project(self, params: Parameters) -> Parameters:
        """A learned θ/dt no less than what is stable."""
        if "log_ratio" not in params:
            return params
        least = math.log(least_theta_over_dt(self.spec.order, self.spec.discretization) * STABLE_MARGIN)
        return params | {"log_ratio": jnp.maximum(params["log_ratio"], jnp.asarray(least, params["log_ratio"].dtype))}

    def _check_quantization(self) -> None:
        plan = self.quantization.memory
        if plan is None:
            return
        if plan.spec != self.spec:
            raise DesignError("plan", f"of the layer's memory ({self.spec.summary()})", plan.spec.summary())
        if self.learn_theta:
            raise DesignError("learn_theta", "off where the memory is quantised: a plan has one θ", True)

    def _learned(self, params: Parameters, dtype: Any) -> Matrices | None:
        """The step at the learned θ, where it is learned."""
        if "log_ratio" not in params:
            return None
        return learned_step(self.spec, jnp.exp(-params["log_ratio"].astype("float64")), str(dtype))

    def _spec_at(self, params: Parameters) -> LMUSpec:
        """The specification with the learned θ, where it is learned."""
        if "log_ratio" not in params:
            return self.spec
        return replace(self.spec, theta=self.spec.dt * math.exp(float(params["log_ratio"])))


@dataclass(frozen=True)
class LMULayer(_MemoryLayer):
    """An LMU cell; its equations are in `lmu_hw.reference.definition`.

    Attributes:
        spec: the memory of each channel; θ is the initial one where it is learned.
        hidden: length of h.
        channels: number of memories.
        activation: f.
        without: names of arrays that are not there (zero, and no parameters): any but `input_encoder` and
            `memory_kernel`.
        frozen: names of arrays that keep their initial values.
        learn_theta: learn θ, through the discretisation.
        quantization: word lengths that the forward values are rounded to.
    """

    spec: LMUSpec
    hidden: int
    channels: int = 1
    activation: Activation = Activation.TANH
    without: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    learn_theta: bool = False
    quantization: LayerQuantization = NO_QUANTIZATION

    def __post_init__(self) -> None:
        check_integer("hidden", self.hidden, 1)
        check_integer("channels", self.channels, 1)
        object.__setattr__(self, "activation", check_activation(self.activation))
        optional = ("hidden_encoder", "memory_encoder", "input_kernel", "hidden_kernel", "bias")
        self._check_quantization()
        _check_names("without", self.without, optional)
        _check_names("frozen", self.frozen, CellWeights._fields)

    def width(self, inputs: int) -> int:
        """Length of h."""
        return self.hidden

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for inputs of that length."""
        shapes = CellParameters.shapes(self.spec.order, inputs, self.channels, self.hidden)
        draws = {"input_encoder": lecun_uniform, "hidden_encoder": lecun_uniform}
        zero = {"memory_encoder", "bias"}
        params = draw(key, shapes, dtype, draws, zero=zero, without=self.without)
        return params | _initial_ratio(self.spec, self.learn_theta, dtype)

    def apply(self, params: Parameters, x: Tensor, *, last: bool, key: Tensor | None) -> Tensor:
        """h after each step or the last one."""
        shapes = CellParameters.shapes(self.spec.order, x.shape[-1], self.channels, self.hidden)
        weights = CellWeights(**self.quantization.weights(_complete(params, shapes, x.dtype)))
        step = self._learned(params, x.dtype) or fixed_step(self.spec, str(x.dtype))
        if self.quantization.memory is not None or self.quantization.output is not None:
            return scan_quantized(weights, step, self.activation, self.quantization, x, last=last)
        return blocked_cell(weights, step, self.activation, x, last=last)

    def parameters(self, params: Parameters) -> Layer:
        """The cell's parameters, in float64."""
        inputs = params["input_encoder"].shape[1]
        shapes = CellParameters.shapes(self.spec.order, inputs, self.channels, self.hidden)
        return CellParameters(
            self._spec_at(params), activation=self.activation, **_complete(params, shapes, np.float64)
        )


@dataclass(frozen=True)
class LinearMemoryLayer(_MemoryLayer):
    """Memories without feedback and an optional dense part, for all steps at once; see `MemoryParameters`.

    Attributes:
        spec: the memory of each channel; θ is the initial one where it is learned.
        hidden: length of h; None gives the states on themselves.
        channels: number of memories.
        activation: f of the dense part.
        without: names of arrays that are not there: `input_bias`, `input_kernel`, `bias`.
        frozen: names of arrays that keep their initial values.
        learn_theta: learn θ, through the discretisation.
        quantization: word lengths that the forward values are rounded to.
    """

    spec: LMUSpec
    hidden: int | None = None
    channels: int = 1
    activation: Activation = Activation.TANH
    without: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    learn_theta: bool = False
    quantization: LayerQuantization = NO_QUANTIZATION

    def __post_init__(self) -> None:
        if self.hidden is not None:
            check_integer("hidden", self.hidden, 1)
        check_integer("channels", self.channels, 1)
        object.__setattr__(self, "activation", check_activation(self.activation))
        self._check_quantization()
        _check_names("without", self.without, ("input_bias", "input_kernel", "bias"))
        _check_names("frozen", self.frozen, tuple(self._shapes(1)))

    def width(self, inputs: int) -> int:
        """Length of h, or number of states."""
        return self.hidden or self.channels * self.spec.order

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for inputs of that length."""
        zero = {"input_bias", "bias"}
        draws = {"input_encoder": lecun_uniform}
        params = draw(key, self._shapes(inputs), dtype, draws, zero=zero, without=self.without)
        return params | _initial_ratio(self.spec, self.learn_theta, dtype)

    def apply(self, params: Parameters, x: Tensor, *, last: bool, key: Tensor | None) -> Tensor:
        """h, or all states, after each step or the last one."""
        plan = self.quantization.memory
        arrays = self.quantization.weights(_complete(params, self._shapes(x.shape[-1]), x.dtype))
        u = x @ arrays["input_encoder"].T + arrays["input_bias"]
        seen = u if plan is None else clipped(u, plan.input_format)
        memory = (final_memory if last else all_memories)(self.spec, seen, self._learned(params, x.dtype))
        if plan is not None:
            memory = integer_states(plan, u, memory, last=last)
        memory = memory.reshape(*memory.shape[:-2], -1)
        if self.hidden is None:
            return self.quantization.give_on(memory)
        beside = x[:, -1] if last else x
        a = memory @ arrays["memory_kernel"].T + beside @ arrays["input_kernel"].T + arrays["bias"]
        return self.quantization.give_on(ACTIVATIONS[self.activation](a))

    def parameters(self, params: Parameters) -> Layer:
        """The layer's parameters, in float64."""
        arrays = _complete(params, self._shapes(params["input_encoder"].shape[1]), np.float64)
        activation = Activation.IDENTITY if self.hidden is None else self.activation
        return MemoryParameters(self._spec_at(params), activation=activation, **arrays)

    def _shapes(self, inputs: int) -> Shapes:
        return MemoryParameters.shapes(self.spec.order, inputs, self.channels, self.hidden or 0)


@dataclass(frozen=True)
class LSTMLayer(TrainedLayer):
    """An LSTM, the baseline that memories are compared with.

    Attributes:
        hidden: length of h.
    """

    has_state = True
    hidden: int

    def __post_init__(self) -> None:
        check_integer("hidden", self.hidden, 1)

    def width(self, inputs: int) -> int:
        """Length of h."""
        return self.hidden

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for inputs of that length."""
        params = draw(key, LSTMParameters.shapes(inputs, self.hidden), dtype, {}, zero={"bias"})
        gate = jnp.arange(4 * self.hidden) // self.hidden
        return params | {"bias": (gate == 1).astype(dtype)}

    def apply(self, params: Parameters, x: Tensor, *, last: bool, key: Tensor | None) -> Tensor:
        """h after each step or the last one."""
        return scan_lstm(LSTMWeights(**params), x, last=last)

    def parameters(self, params: Parameters) -> Layer:
        """The layer's parameters, in float64."""
        return LSTMParameters(**{name: np.asarray(array, np.float64) for name, array in params.items()})


@dataclass(frozen=True)
class DenseLayer(TrainedLayer):
    """f(W x + b) at each step on its own.

    Attributes:
        outputs: length of what it gives on.
        activation: f.
        quantization: word lengths that the forward values are rounded to; there is no memory.
    """

    outputs: int
    activation: Activation = Activation.IDENTITY
    quantization: LayerQuantization = NO_QUANTIZATION

    def __post_init__(self) -> None:
        check_integer("outputs", self.outputs, 1)
        if self.quantization.memory is not None:
            raise DesignError("quantization of a dense layer", "without a memory", "a plan")
        object.__setattr__(self, "activation", check_activation(self.activation))

    def width(self, inputs: int) -> int:
        """Length of what it gives on."""
        return self.outputs

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for inputs of that length."""
        return draw(key, DenseParameters.shapes(inputs, self.outputs), dtype, {}, zero={"bias"})

    def apply(self, params: Parameters, x: Tensor, *, last: bool, key: Tensor | None) -> Tensor:
        """Outputs for each step that there is; `last` is of no effect."""
        arrays = self.quantization.weights(params)
        return self.quantization.give_on(ACTIVATIONS[self.activation](x @ arrays["kernel"].T + arrays["bias"]))

    def parameters(self, params: Parameters) -> Layer:
        """The layer's parameters, in float64."""
        arrays = {name: np.asarray(array, np.float64) for name, array in params.items()}
        return DenseParameters(activation=self.activation, **arrays)


@dataclass(frozen=True)
class Dropout(TrainedLayer):
    """In training, each number is 0 with probability `rate` and scaled up otherwise; elsewhere nothing happens.

    Attributes:
        rate: from 0 to below 1.
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate < 1.0:
            raise DesignError("rate of the dropout", "from 0 to below 1", self.rate)

    def width(self, inputs: int) -> int:
        """As many as go in."""
        return inputs

    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """No parameters."""
        return {}

    def apply(self, params: Parameters, x: Tensor, *, last: bool, key: Tensor | None) -> Tensor:
        """x, thinned out where there is a key."""
        if key is None or self.rate == 0.0:
            return x
        kept = jax.random.bernoulli(key, 1.0 - self.rate, x.shape)
        return jnp.where(kept, x / (1.0 - self.rate), jnp.zeros((), x.dtype))

    def parameters(self, params: Parameters) -> None:
        """It is no part of a network."""


def _complete(params: Parameters, shapes: Shapes, dtype: Any) -> dict[str, Any]:
    """All arrays of the layer, those that are not there as zeros; NumPy's for NumPy's float64."""
    if dtype is np.float64:
        return {
            name: np.asarray(params[name], np.float64) if name in params else np.zeros(shape)
            for name, shape in shapes.items()
        }
    return {name: params[name] if name in params else jnp.zeros(shape, dtype) for name, shape in shapes.items()}


def _initial_ratio(spec: LMUSpec, learn: bool, dtype: str) -> Parameters:
    return {"log_ratio": jnp.asarray(math.log(spec.ratio), dtype)} if learn else {}


def _check_names(what: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise DesignError(what, "some of " + ", ".join(known), name)
