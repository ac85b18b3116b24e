"""The layers of a network: what all kinds have in common, and memories without feedback, LSTM and dense layers.

A kind of layer is one class: its arrays with their shapes, what it carries from one step to the next, and how it runs
in float64. The LMU cell, which feeds its outputs back, is in `lmu_hw.reference.cell`. Matrices act on columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import DiscreteSystem, discretize
from lmu_hw.errors import DesignError
from lmu_hw.reference.definition import (
    ACTIVATIONS,
    Activation,
    LSTMWeights,
    check_activation,
    columns,
    lstm_step,
    read,
)
from lmu_hw.reference.memory import all_states, final_state, times

#: What a layer carries from one step to the next: arrays of shape (batch, …) by name. Empty for a dense layer.
LayerState = Mapping[str, Array]

_NOT_ARRAYS = ("spec", "activation")


class LayerParameters(Displayed, ABC):
    """Everything that defines one layer. Subclasses are frozen dataclasses of arrays, kept as read-only float64.

    Attributes:
        kind: The name of this kind of layer in files and messages.
        sizes: The names of the sizes, in the order in which `shapes` takes them.
        sizing: The arrays that determine the sizes, with the names of their dimensions.
        shapes: The shape of each array for given sizes; arrays that are absent at these sizes are left out.
    """

    kind: ClassVar[str]
    sizes: ClassVar[tuple[str, ...]]
    sizing: ClassVar[Mapping[str, tuple[str, ...]]]
    shapes: ClassVar[Callable[..., dict[str, tuple[int, ...]]]]

    @property
    @abstractmethod
    def inputs(self) -> int:
        """The length of x."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The length of the output."""

    @property
    def memory_spec(self) -> LMUSpec | None:
        """The specification of the layer's memories; None for a layer without memories."""
        return None

    def at_step(self, dt: float) -> Self:
        """The same layer for samples that are `dt` seconds apart."""
        return self

    def zero_state(self, batch: int) -> LayerState:
        """What the layer carries before the first step of `batch` sequences."""
        return {}

    @abstractmethod
    def run(self, x: Array, state: LayerState, *, start: int = 0, last_only: bool = False) -> tuple[Array, LayerState]:
        """The outputs for a batch of sequences, and what is carried on after the last step.

        Args:
            x: The input, shape (batch, T, inputs).
            state: What the layer carries before the first step.
            start: The number of the first step, for messages.
            last_only: Whether only the last output counts; a layer may then return that one alone.

        Returns:
            The outputs, shape (batch, T, outputs), or (batch, 1, outputs) where only the last one counts; the state.

        Raises:
            DesignError: The layer diverges through its feedback.
        """

    def numbers_per_step(self, *, last_only: bool) -> int:
        """How many numbers `run` keeps in memory for each step of a sequence."""
        return self.outputs

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, in the order of the class; absent ones are left out."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    @classmethod
    def has_activation(cls) -> bool:
        """Whether layers of this kind have an activation of their own."""
        return "activation" in _names(cls)

    def _check(self) -> None:
        """Make the activation a member and the arrays read-only float64, and check them.

        Raises:
            DesignError: There is no such activation, or an array has the wrong shape or an entry that is not finite.
        """
        given = {name: getattr(self, name) for name in _names(type(self)) if getattr(self, name) is not None}
        if "activation" in given:
            object.__setattr__(self, "activation", check_activation(given["activation"]))
        for name, values in given.items():
            if name not in _NOT_ARRAYS:
                object.__setattr__(self, name, read_only(values, name))
        for name, dimensions in self.sizing.items():
            if name in given:
                _check_size(name, getattr(self, name), dimensions)
        for name, shape in self.shapes(*(getattr(self, size) for size in self.sizes)).items():
            if getattr(self, name).shape != shape:
                raise DesignError(name, f"of shape {shape}", getattr(self, name).shape)


class MemoryLayer(LayerParameters):
    """A layer with memories: one or more channels with the same order, window and step.

    Where the memories meet a matrix their states are one vector of channels·order entries, all states of channel 0
    first.
    """

    spec: LMUSpec
    input_encoder: Array
    activation: Activation
    sizes = ("order", "inputs", "channels", "hidden")
    sizing: ClassVar[Mapping[str, tuple[str, ...]]] = {"input_encoder": ("channels", "inputs"), "bias": ("hidden",)}

    @property
    def memory_spec(self) -> LMUSpec:
        """The specification of each channel's memory."""
        return self.spec

    @cached_property
    def system(self) -> DiscreteSystem:
        """The sampled system of each channel's memory."""
        return discretize(self.spec)

    @property
    def order(self) -> int:
        """The number of states of each memory."""
        return self.spec.order

    @property
    def inputs(self) -> int:
        """The length of x."""
        return int(self.input_encoder.shape[1])

    @property
    def channels(self) -> int:
        """The number of memories, which is the length of u."""
        return int(self.input_encoder.shape[0])

    @property
    @abstractmethod
    def hidden(self) -> int:
        """The number of hidden units; 0 without a dense part."""

    @property
    @abstractmethod
    def state_readers(self) -> list[Array]:
        """The matrices of the layer that read the states, shape (rows, channels·order) each."""

    @abstractmethod
    def drive(self, x: Array, hidden: Array, memory: Array) -> Array:
        """The drive u of the memories, shape (…, channels).

        Args:
            x: The input, shape (…, inputs).
            hidden: The hidden units before the step, shape (…, hidden).
            memory: The states before the step, shape (…, channels, order).
        """

    @abstractmethod
    def sums(self, x: Array, hidden: Array, memory: Array) -> Array | None:
        """The argument of the activation of the hidden units, shape (…, hidden); None without hidden units.

        Args:
            x: The input, shape (…, inputs).
            hidden: The hidden units before the step, shape (…, hidden).
            memory: The states after the step, shape (…, channels, order).
        """

    def at_step(self, dt: float) -> Self:
        """The same layer for samples that are `dt` seconds apart; the window θ stays."""
        changed: Any = replace(self, spec=replace(self.spec, dt=dt))  # type: ignore[type-var]
        return changed  # type: ignore[no-any-return]

    def zero_state(self, batch: int) -> LayerState:
        """The internal states of the memories, shape (batch, channels, n)."""
        return {"memory": np.zeros((batch, self.channels, self.system.input.size))}


@dataclass(frozen=True, eq=False, repr=False)
class MemoryParameters(MemoryLayer):
    """Memories without feedback, and an optional dense part that sees them and the input:

        u_t = E x_t + b_u
        m_t = Ā m_{t−1} + B̄ u_t
        h_t = f(W_m m_t + W_x x_t + b)

    The output is h, or all states m (channel 0 first) where there is no dense part. For parallel training see
    Chilkuri and Eliasmith, Parallelizing Legendre Memory Unit Training, ICML 2021.

    Attributes:
        spec: The specification of each channel's memory.
        input_encoder: The matrix E, shape (channels, inputs).
        input_bias: The vector b_u, shape (channels,).
        memory_kernel: The matrix W_m, shape (hidden, channels·order); None without a dense part, as the next two.
        input_kernel: The matrix W_x, shape (hidden, inputs).
        bias: The vector b, shape (hidden,).
        activation: The activation f, by name or member; the identity without a dense part.

    Raises:
        DesignError: An array has the wrong shape or an entry that is not finite, or the dense part is incomplete.
    """

    spec: LMUSpec
    input_encoder: Array
    input_bias: Array
    memory_kernel: Array | None = None
    input_kernel: Array | None = None
    bias: Array | None = None
    activation: Activation = Activation.IDENTITY

    kind = "memory"

    def __post_init__(self) -> None:
        activation = check_activation(self.activation)
        parts = [name for name in ("memory_kernel", "input_kernel", "bias") if getattr(self, name) is not None]
        if len(parts) not in (0, 3):
            raise DesignError("dense part", "memory_kernel, input_kernel and bias, or none of them", ", ".join(parts))
        if not parts and activation is not Activation.IDENTITY:
            raise DesignError("activation", "identity without a dense part", activation)
        self._check()

    @staticmethod
    def shapes(order: int, inputs: int, channels: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array that there is; without a dense part `hidden` is 0."""
        shapes: dict[str, tuple[int, ...]] = {"input_encoder": (channels, inputs), "input_bias": (channels,)}
        if hidden:
            shapes |= {"memory_kernel": (hidden, channels * order), "input_kernel": (hidden, inputs), "bias": (hidden,)}
        return shapes

    @property
    def hidden(self) -> int:
        """The length of h; 0 without a dense part."""
        return 0 if self.bias is None else int(self.bias.shape[0])

    @property
    def outputs(self) -> int:
        """The length of the output: of h, or of m without a dense part."""
        return self.hidden or self.channels * self.spec.order

    @property
    def state_readers(self) -> list[Array]:
        """The matrix W_m, where there is one."""
        return [] if self.memory_kernel is None else [self.memory_kernel]

    def drive(self, x: Array, hidden: Array, memory: Array) -> Array:
        """The drive u_t = E x_t + b_u."""
        return times(x, self.input_encoder.T) + self.input_bias

    def sums(self, x: Array, hidden: Array, memory: Array) -> Array | None:
        """The argument W_m m_t + W_x x_t + b of the activation; None without a dense part."""
        if self.memory_kernel is None or self.input_kernel is None or self.bias is None:
            return None
        return times(columns(memory), self.memory_kernel.T) + times(x, self.input_kernel.T) + self.bias

    def run(self, x: Array, state: LayerState, *, start: int = 0, last_only: bool = False) -> tuple[Array, LayerState]:
        """See `LayerParameters.run`; the memories take all steps at once."""
        nothing = np.zeros(0)
        u = np.moveaxis(self.drive(x, nothing, nothing), -1, 1)  # (batch, channels, T)
        if last_only:
            after = final_state(self.spec, u, state["memory"])
            z = after[:, :, None, :]
            x = x[:, -1:]
        else:
            z = all_states(self.spec, u, state["memory"])
            after = z[:, :, -1]
        memory = np.moveaxis(read(self.system, z), 1, 2)  # (batch, T, channels, order)
        sums = self.sums(x, nothing, memory)
        y = columns(memory) if sums is None else ACTIVATIONS[self.activation](sums)
        return y, {"memory": after}

    def numbers_per_step(self, *, last_only: bool) -> int:
        """The number of states, or 0 where only the last ones are computed."""
        return 0 if last_only else self.channels * self.spec.order


@dataclass(frozen=True, eq=False, repr=False)
class LSTMParameters(LayerParameters):
    """An LSTM, the baseline that memories are compared with; see `lmu_hw.reference.definition.lstm_step`.

    Attributes:
        input_kernel: The kernel of the input, shape (4·hidden, inputs), gates in the order input, forget, candidate,
            output.
        hidden_kernel: The kernel of the hidden units, shape (4·hidden, hidden).
        bias: The bias, shape (4·hidden,).

    Raises:
        DesignError: An array has the wrong shape or an entry that is not finite.
    """

    input_kernel: Array
    hidden_kernel: Array
    bias: Array

    kind = "lstm"
    sizes = ("inputs", "hidden")
    sizing: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "hidden_kernel": ("4·hidden", "hidden"),
        "input_kernel": ("4·hidden", "inputs"),
    }

    def __post_init__(self) -> None:
        self._check()

    @staticmethod
    def shapes(inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        return {"input_kernel": (4 * hidden, inputs), "hidden_kernel": (4 * hidden, hidden), "bias": (4 * hidden,)}

    @property
    def inputs(self) -> int:
        """The length of x."""
        return int(self.input_kernel.shape[1])

    @property
    def hidden(self) -> int:
        """The length of h."""
        return int(self.hidden_kernel.shape[1])

    @property
    def outputs(self) -> int:
        """The length of the output, which is h."""
        return self.hidden

    @property
    def weights(self) -> LSTMWeights:
        """All arrays, as `lmu_hw.reference.definition` takes them."""
        return LSTMWeights(self.input_kernel, self.hidden_kernel, self.bias)

    def zero_state(self, batch: int) -> LayerState:
        """The carry c and the hidden units h, shape (batch, hidden) each."""
        return {"carry": np.zeros((batch, self.hidden)), "hidden": np.zeros((batch, self.hidden))}

    def run(self, x: Array, state: LayerState, *, start: int = 0, last_only: bool = False) -> tuple[Array, LayerState]:
        """See `LayerParameters.run`."""
        c, h = state["carry"], state["hidden"]
        out = np.empty((*x.shape[:2], self.hidden))
        weights = self.weights
        for k in range(x.shape[1]):
            c, h = lstm_step(weights, c, h, x[:, k])
            out[:, k] = h
        return out, {"carry": c, "hidden": h}


@dataclass(frozen=True, eq=False, repr=False)
class DenseParameters(LayerParameters):
    """The map y_t = f(W x_t + b) of each step on its own; with the identity for f, a linear readout.

    Attributes:
        kernel: The matrix W, shape (outputs, inputs).
        bias: The vector b, shape (outputs,).
        activation: The activation f, by name or member.

    Raises:
        DesignError: An array has the wrong shape or an entry that is not finite.
    """

    kernel: Array
    bias: Array
    activation: Activation = Activation.IDENTITY

    kind = "dense"
    sizes = ("inputs", "outputs")
    sizing: ClassVar[Mapping[str, tuple[str, ...]]] = {"kernel": ("outputs", "inputs")}

    def __post_init__(self) -> None:
        self._check()

    @staticmethod
    def shapes(inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        return {"kernel": (outputs, inputs), "bias": (outputs,)}

    @property
    def inputs(self) -> int:
        """The length of x."""
        return int(self.kernel.shape[1])

    @property
    def outputs(self) -> int:
        """The length of y."""
        return int(self.kernel.shape[0])

    def sums(self, x: Array) -> Array:
        """The argument W x + b of the activation, shape (…, outputs), for x of shape (…, inputs)."""
        return times(x, self.kernel.T) + self.bias

    def run(self, x: Array, state: LayerState, *, start: int = 0, last_only: bool = False) -> tuple[Array, LayerState]:
        """See `LayerParameters.run`."""
        return ACTIVATIONS[self.activation](self.sums(x)), {}


def read_only(values: ArrayLike, name: str) -> Array:
    """A read-only copy in float64, in the same shape.

    Raises:
        DesignError: The values are not real numbers, or one is not finite; the error calls them `name`.
    """
    try:
        array = np.array(values)
        if np.iscomplexobj(array):  # the conversion would drop the imaginary part
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise DesignError(name, "an array of real numbers", type(values).__name__) from None
    if not np.all(np.isfinite(array)):
        raise DesignError(name, "finite in every entry", "NaN or infinity")
    array.setflags(write=False)
    return array


def _names(layer: type[Any]) -> list[str]:
    """The names of the fields of a kind of layer."""
    return [field.name for field in fields(layer)]


def _check_size(name: str, array: Array, dimensions: tuple[str, ...]) -> None:
    """Raise an error about an array that cannot determine the sizes of the others."""
    if array.ndim != len(dimensions) or 0 in array.shape:
        wanted = ", ".join(dimensions) + ("," if len(dimensions) == 1 else "")
        raise DesignError(name, f"of shape ({wanted}), none of them 0", array.shape)
