"""The LMU cell in float64: encoders, memory and nonlinear hidden units.

Source: Voelker, Kajić and Eliasmith, Legendre Memory Units, NeurIPS 2019, eqs. (4), (6) and (7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.reference.definition import ACTIVATIONS as ACTIVATIONS
from lmu_hw.reference.definition import Activation as Activation
from lmu_hw.reference.definition import CellWeights, cell_step, drive, sums
from lmu_hw.reference.definition import check_activation as check_activation
from lmu_hw.reference.layers import LayerState, MemoryLayer


@dataclass(frozen=True, eq=False, repr=False)
class CellParameters(MemoryLayer):
    """Everything that defines one LMU cell. Matrices act on columns; arrays are kept as read-only float64.

    Attributes:
        spec: The specification of each channel's memory.
        input_encoder: The matrix e_xᵀ, shape (channels, inputs).
        hidden_encoder: The matrix e_hᵀ, shape (channels, hidden).
        memory_encoder: The matrix e_mᵀ, shape (channels, channels·order).
        input_kernel: The matrix W_x, shape (hidden, inputs).
        hidden_kernel: The matrix W_h, shape (hidden, hidden).
        memory_kernel: The matrix W_m, shape (hidden, channels·order).
        bias: The vector b, shape (hidden,).
        activation: The activation f, by name or member.

    Raises:
        DesignError: An array has the wrong shape or an entry that is not finite, or there is no such activation.
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

    kind = "lmu"

    def __post_init__(self) -> None:
        self._check()

    @staticmethod
    def shapes(order: int, inputs: int, channels: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array, by name."""
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
    def hidden(self) -> int:
        """The number of hidden units."""
        return int(self.bias.shape[0])

    @property
    def outputs(self) -> int:
        """The length of the output, which is h."""
        return self.hidden

    @property
    def count(self) -> int:
        """The number of entries of all arrays; Ā and B̄ follow from the specification and do not count."""
        return sum(int(array.size) for array in self.weights)

    @property
    def weights(self) -> CellWeights:
        """All arrays, as `lmu_hw.reference.definition` takes them."""
        return CellWeights(*(getattr(self, name) for name in CellWeights._fields))

    @property
    def state_readers(self) -> list[Array]:
        """The matrices W_m and e_mᵀ."""
        return [self.memory_kernel, self.memory_encoder]

    def drive(self, x: Array, hidden: Array, memory: Array) -> Array:
        """The drive u_t, see `lmu_hw.reference.definition.drive`."""
        return np.asarray(drive(self.weights, x, hidden, memory))

    def sums(self, x: Array, hidden: Array, memory: Array) -> Array:
        """The argument of the activation, see `lmu_hw.reference.definition.sums`."""
        return np.asarray(sums(self.weights, x, hidden, memory))

    def zero_state(self, batch: int) -> LayerState:
        """The internal states z, shape (batch, channels, n), and the hidden units h, shape (batch, hidden)."""
        return {**super().zero_state(batch), "hidden": np.zeros((batch, self.hidden))}

    def run(self, x: Array, state: LayerState, *, start: int = 0, last_only: bool = False) -> tuple[Array, LayerState]:
        """See `lmu_hw.reference.layers.LayerParameters.run`."""
        z, h = state["memory"], state["hidden"]
        out = np.empty((*x.shape[:2], self.hidden))
        weights, system = self.weights, self.system
        with np.errstate(over="ignore", invalid="ignore"):  # an error below says it in words
            for k in range(x.shape[1]):
                z, h, _, _ = cell_step(weights, system, self.activation, z, h, x[:, k])
                out[:, k] = h
        if not (np.all(np.isfinite(z)) and np.all(np.isfinite(out))):
            bad = np.nonzero(~np.isfinite(out).all(axis=(0, 2)))[0]
            step = start + (int(bad[0]) if bad.size else x.shape[1] - 1)
            raise DesignError("state", "finite at every step (its feedback diverges)", f"step {step}")
        return out, {"memory": z, "hidden": h}


@dataclass(frozen=True, eq=False, repr=False)
class CellState(Displayed):
    """The state that a batch of cells carries from one step to the next.

    Attributes:
        memory: The internal states z of the memories, shape (…, channels, n); n is the order, or twice the order for
            ab2.
        hidden: The hidden units h, shape (…, hidden).
    """

    memory: Array
    hidden: Array


@dataclass(frozen=True, eq=False, repr=False)
class CellTrace(Displayed):
    """The drives, states and hidden units of a cell, step by step.

    Attributes:
        drive: The drive u, shape (…, T, channels).
        memory: The states m, shape (…, T, channels, order), in the basis of the specification.
        hidden: The hidden units h, shape (…, T, hidden).
    """

    drive: Array
    memory: Array
    hidden: Array


class LMUCell(Displayed):
    """The cell in float64, step by step or whole sequences, with a state that is kept.

    Attributes:
        parameters: The definition of the cell.
        system: The sampled system of its memories.
        state: What the next step starts from; None before the first input, whose batch shape it takes, and after
            `reset`. It may be kept aside and put back.
    """

    def __init__(self, parameters: CellParameters) -> None:
        self.parameters = parameters
        self.system = discretize(parameters.spec)
        self.state: CellState | None = None

    def _facts(self) -> Iterable[tuple[str, str]]:
        return self.parameters._facts()

    def reset(self) -> None:
        """Clear the state."""
        self.state = None

    def step(self, x: ArrayLike) -> Array:
        """Take in one input per sequence, shape (…, inputs), and return h after it, shape (…, hidden).

        Raises:
            DesignError: the input has another shape or is not finite, or the state diverges.
        """
        sequence = self._check(x, 1)[..., None, :]
        _, _, hidden = next(self._walk(sequence))
        return hidden

    def run(self, x: ArrayLike) -> Array:
        """The hidden units after each step, shape (…, T, hidden), for inputs of shape (…, T, inputs).

        Raises:
            DesignError: an input has another shape or is not finite, or the state diverges.
        """
        sequence = self._check(x, 2)
        hidden = np.empty((*sequence.shape[:-1], self.parameters.hidden))
        for k, (_, _, h) in enumerate(self._walk(sequence)):
            hidden[..., k, :] = h
        return hidden

    def trace(self, x: ArrayLike) -> CellTrace:
        """The drives, states and hidden units of each step, for inputs of shape (…, T, inputs).

        Raises:
            DesignError: an input has another shape or is not finite, or the state diverges.
        """
        p, sequence = self.parameters, self._check(x, 2)
        drive = np.empty((*sequence.shape[:-1], p.channels))
        memory = np.empty((*sequence.shape[:-1], p.channels, p.spec.order))
        hidden = np.empty((*sequence.shape[:-1], p.hidden))
        for k, (u, m, h) in enumerate(self._walk(sequence)):
            drive[..., k, :], memory[..., k, :, :], hidden[..., k, :] = u, m, h
        return CellTrace(drive, memory, hidden)

    def _walk(self, sequence: Array) -> Iterator[tuple[Array, Array, Array]]:
        """Yield u, m and h step by step; the state is kept after each step."""
        p = self.parameters
        shape = sequence.shape[:-2]
        state = self.state
        if state is None:
            n = self.system.input.size
            state = CellState(np.zeros((*shape, p.channels, n)), np.zeros((*shape, p.hidden)))
        elif state.hidden.shape[:-1] != shape:
            raise DesignError("batch shape", f"{state.hidden.shape[:-1]} as before (or reset first)", shape)
        for k in range(sequence.shape[-2]):
            with np.errstate(over="ignore", invalid="ignore"):  # an error below says it in words
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
