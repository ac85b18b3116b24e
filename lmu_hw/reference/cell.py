"""The golden float64 LMU cell: encoders, memory, nonlinear hidden state.

Source: Voelker, Kajić and Eliasmith, Legendre Memory Units, NeurIPS 2019, eqs. (4), (6) and (7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.reference.definition import ACTIVATIONS as ACTIVATIONS
from lmu_hw.reference.definition import Activation as Activation
from lmu_hw.reference.definition import CellWeights, cell_step


@dataclass(frozen=True, eq=False)
class CellParameters:
    """Everything that defines one LMU cell. Matrices act on columns; arrays are kept as read-only float64.

    The memory has one or more channels with the same order, window and step. Where it meets a matrix its
    states are one vector of channels·order entries, all states of channel 0 first.

    Attributes:
        spec: the memory of each channel.
        input_encoder: e_xᵀ, shape (channels, inputs).
        hidden_encoder: e_hᵀ, shape (channels, hidden).
        memory_encoder: e_mᵀ, shape (channels, channels·order).
        input_kernel: W_x, shape (hidden, inputs).
        hidden_kernel: W_h, shape (hidden, hidden).
        memory_kernel: W_m, shape (hidden, channels·order).
        bias: b, shape (hidden,).
        activation: f, by name or member.

    Raises:
        DesignError: an array has the wrong shape or an entry that is not finite, or there is no such
            activation.
    """

    spec: LMUSpec
    input_encoder: Array
    hidden_encoder: Array
    memory_encoder: Array
    input_kernel: Array
    hidden_kernel: Array
    memory_kernel: Array
    bias: Array
    activation: Activation = Activation.TANH

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", check_activation(self.activation))
        for name in _ARRAYS:
            object.__setattr__(self, name, read_only(getattr(self, name), name))
        for name in ("input_encoder", "bias"):  # these two fix the sizes of all the others
            array: Array = getattr(self, name)
            if array.ndim != 1 + (name == "input_encoder") or 0 in array.shape:
                dimensions = "(channels, inputs)" if name == "input_encoder" else "(hidden,)"
                raise DesignError(name, f"of shape {dimensions}, none of them 0", array.shape)
        for name, shape in self.shapes(self.spec.order, self.inputs, self.channels, self.hidden).items():
            if getattr(self, name).shape != shape:
                raise DesignError(name, f"of shape {shape}", getattr(self, name).shape)

    @staticmethod
    def shapes(order: int, inputs: int, channels: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        states = channels * order
        return {
            "input_encoder": (channels, inputs),
            "hidden_encoder": (channels, hidden),
            "memory_encoder": (channels, states),
            "input_kernel": (hidden, inputs),
            "hidden_kernel": (hidden, hidden),
            "memory_kernel": (hidden, states),
            "bias": (hidden,),
        }

    @property
    def inputs(self) -> int:
        """Length of x."""
        return int(self.input_encoder.shape[1])

    @property
    def channels(self) -> int:
        """Number of memories, the length of u."""
        return int(self.input_encoder.shape[0])

    @property
    def hidden(self) -> int:
        """Length of h."""
        return int(self.bias.shape[0])

    @property
    def outputs(self) -> int:
        """Length of what the layer gives on: h."""
        return self.hidden

    @property
    def count(self) -> int:
        """Number of entries in all arrays; Ā and B̄ follow from the specification and do not count."""
        return sum(int(array.size) for array in self.weights)

    @property
    def weights(self) -> CellWeights:
        """All arrays, as `lmu_hw.reference.definition` takes them."""
        return CellWeights(*(getattr(self, name) for name in _ARRAYS))


_ARRAYS = CellWeights._fields


@dataclass(frozen=True, eq=False)
class CellState:
    """What a batch of cells carries from one step to the next.

    Attributes:
        memory: internal states z of the memories, shape (…, channels, n); n is the order, or twice the
            order for ab2.
        hidden: h, shape (…, hidden).
    """

    memory: Array
    hidden: Array


@dataclass(frozen=True, eq=False)
class CellTrace:
    """What a cell did, step by step.

    Attributes:
        drive: u, shape (…, T, channels).
        memory: m, shape (…, T, channels, order), in the coordinates of the specification.
        hidden: h, shape (…, T, hidden).
    """

    drive: Array
    memory: Array
    hidden: Array


class LMUCell:
    """The cell in float64, step by step or whole sequences, with a state that is kept.

    Attributes:
        parameters: the cell's definition.
        system: the sampled system of its memories.
        state: set by the first input's batch shape; None before and after `reset`. It may be kept aside and
            put back.
    """

    def __init__(self, parameters: CellParameters) -> None:
        self.parameters = parameters
        self.system = discretize(parameters.spec)
        self.state: CellState | None = None

    def reset(self) -> None:
        """Forget everything."""
        self.state = None

    def step(self, x: ArrayLike) -> Array:
        """Take in one input per sequence, shape (…, inputs), and return h after it, shape (…, hidden)."""
        sequence = self._check(x, 1)[..., None, :]
        _, _, hidden = next(self._walk(sequence))
        return hidden

    def run(self, x: ArrayLike) -> Array:
        """h after each step, shape (…, T, hidden), for inputs of shape (…, T, inputs)."""
        sequence = self._check(x, 2)
        hidden = np.empty((*sequence.shape[:-1], self.parameters.hidden))
        for k, (_, _, h) in enumerate(self._walk(sequence)):
            hidden[..., k, :] = h
        return hidden

    def trace(self, x: ArrayLike) -> CellTrace:
        """u, m and h after each step, for inputs of shape (…, T, inputs)."""
        p, sequence = self.parameters, self._check(x, 2)
        drive = np.empty((*sequence.shape[:-1], p.channels))
        memory = np.empty((*sequence.shape[:-1], p.channels, p.spec.order))
        hidden = np.empty((*sequence.shape[:-1], p.hidden))
        for k, (u, m, h) in enumerate(self._walk(sequence)):
            drive[..., k, :], memory[..., k, :, :], hidden[..., k, :] = u, m, h
        return CellTrace(drive, memory, hidden)

    def _walk(self, sequence: Array) -> Iterator[tuple[Array, Array, Array]]:
        """u, m and h step by step; the state is kept after each step."""
        p = self.parameters
        shape = sequence.shape[:-2]
        state = self.state
        if state is None:
            n = self.system.input.size
            state = CellState(np.zeros((*shape, p.channels, n)), np.zeros((*shape, p.hidden)))
        elif state.hidden.shape[:-1] != shape:
            raise DesignError("batch shape", f"{state.hidden.shape[:-1]} as before (or reset first)", shape)
        for k in range(sequence.shape[-2]):
            with np.errstate(over="ignore", invalid="ignore"):  # refused below, in words
                z, h, u, m = cell_step(
                    p.weights, self.system, p.activation, state.memory, state.hidden, sequence[..., k, :]
                )
            state = CellState(z, h)
            if not (np.all(np.isfinite(state.memory)) and np.all(np.isfinite(state.hidden))):
                raise DesignError("the cell's state", "finite at every step (its feedback diverges)", f"step {k}")
            self.state = state
            yield u, m, state.hidden

    def _check(self, x: ArrayLike, dimensions: int) -> Array:
        array = np.asarray(x, dtype=np.float64)
        inputs = self.parameters.inputs
        if array.ndim < dimensions or array.shape[-1] != inputs:
            shape = f"(…, {'T, ' if dimensions == 2 else ''}{inputs})"
            raise DesignError("input of the cell", f"of shape {shape}", array.shape)
        if not np.all(np.isfinite(array)):
            raise DesignError("input of the cell", "finite numbers", "NaN or infinity")
        return array


def check_activation(name: object) -> Activation:
    """The member of that name.

    Raises:
        DesignError: there is none.
    """
    try:
        return Activation(str(name))
    except ValueError:
        raise DesignError("activation", "one of " + ", ".join(Activation), name) from None


def read_only(values: ArrayLike, name: str) -> Array:
    """A read-only copy in float64.

    Raises:
        DesignError: they are no real numbers, or one is not finite; says `name`.
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
