"""The one definition of the cells, for arrays of any library that follows the array API standard.

The float reference calls these functions with the arrays of NumPy and the training with those of JAX, so that the two
cannot drift apart.

Sources: Voelker, Kajić and Eliasmith, Legendre Memory Units, NeurIPS 2019, eqs. (4), (6) and (7); Hochreiter
and Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997), with the forget gate of Gers,
Schmidhuber and Cummins, Neural Computation 12 (2000).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from lmu_hw.core.registry import member

#: An array of NumPy, JAX or any other library that has `__array_namespace__`; no type says that yet.
AnyArray = Any


class Activation(StrEnum):
    """The nonlinearities of cells and layers, by name."""

    TANH = "tanh"
    SIGMOID = "sigmoid"
    RELU = "relu"
    IDENTITY = "identity"


def _tanh(a: AnyArray) -> AnyArray:
    return a.__array_namespace__().tanh(a)


def sigmoid(a: AnyArray) -> AnyArray:
    """1/(1 + e^{−a}), computed as (1 + tanh(a/2))/2, which never overflows; the absolute error is about 1e-16."""
    return 0.5 + 0.5 * _tanh(0.5 * a)


ACTIVATIONS = MappingProxyType[Activation, Callable[[AnyArray], AnyArray]](
    {
        Activation.TANH: _tanh,
        Activation.SIGMOID: sigmoid,
        Activation.RELU: lambda a: a.__array_namespace__().maximum(a, 0.0),
        Activation.IDENTITY: lambda a: a,
    }
)


def check_activation(name: object) -> Activation:
    """The activation of that name.

    Raises:
        DesignError: there is none.
    """
    return member(Activation, name, "activation")


class Step(Protocol):
    """A sampled memory z⁺ = transition·z + input·u, m = output·z, such as `DiscreteSystem` or `StepMatrices`."""

    @property
    def transition(self) -> AnyArray:
        """The matrix G, shape (n, n)."""

    @property
    def input(self) -> AnyArray:
        """The vector H, shape (n,)."""

    @property
    def output(self) -> AnyArray:
        """The matrix K, shape (order, n)."""


class CellWeights(NamedTuple):
    """The arrays of an LMU cell, as in `lmu_hw.reference.cell.CellParameters`, of NumPy or of JAX."""

    input_encoder: AnyArray
    hidden_encoder: AnyArray
    memory_encoder: AnyArray
    input_kernel: AnyArray
    hidden_kernel: AnyArray
    memory_kernel: AnyArray
    bias: AnyArray


def drive(weights: CellWeights, x: AnyArray, hidden: AnyArray, memory: AnyArray) -> AnyArray:
    """The drive u_t = e_xᵀ x_t + e_hᵀ h_{t−1} + e_mᵀ m_{t−1}, shape (…, channels).

    Args:
        weights: The arrays of the cell.
        x: The input, shape (…, inputs).
        hidden: The hidden units h before the step, shape (…, hidden).
        memory: The states m before the step, shape (…, channels, order).
    """
    return x @ weights.input_encoder.T + hidden @ weights.hidden_encoder.T + columns(memory) @ weights.memory_encoder.T


def advance(system: Step, z: AnyArray, u: AnyArray) -> AnyArray:
    """The internal states z_t = G z_{t−1} + H u_t, for z of shape (…, channels, n) and u of shape (…, channels)."""
    flat = z.reshape(-1, z.shape[-1])  # one product of two matrices, not a stack of small ones
    return (flat @ system.transition.T).reshape(z.shape) + u[..., None] * system.input


def read(system: Step, z: AnyArray) -> AnyArray:
    """The states m = K z, shape (…, order), for z of shape (…, n); K is the identity except for multi-step methods."""
    return z if z.shape[-1] == system.output.shape[0] else z @ system.output.T


def sums(weights: CellWeights, x: AnyArray, hidden: AnyArray, memory: AnyArray) -> AnyArray:
    """The argument of the activation, W_x x_t + W_h h_{t−1} + W_m m_t + b, shape (…, hidden).

    Args:
        weights: The arrays of the cell.
        x: The input, shape (…, inputs).
        hidden: The hidden units h before the step, shape (…, hidden).
        memory: The states m after the step, shape (…, channels, order).
    """
    return (
        x @ weights.input_kernel.T
        + hidden @ weights.hidden_kernel.T
        + columns(memory) @ weights.memory_kernel.T
        + weights.bias
    )


def react(weights: CellWeights, activation: Activation, x: AnyArray, hidden: AnyArray, memory: AnyArray) -> AnyArray:
    """The hidden units after the step, h_t = f(a) with the argument a of `sums`, shape (…, hidden)."""
    return ACTIVATIONS[activation](sums(weights, x, hidden, memory))


def cell_step(
    weights: CellWeights, system: Step, activation: Activation, z: AnyArray, hidden: AnyArray, x: AnyArray
) -> tuple[AnyArray, AnyArray, AnyArray, AnyArray]:
    """One step of the LMU cell: `drive`, `advance`, `read`, `react`.

    Args:
        weights: The arrays of the cell.
        system: The sampled memory.
        activation: The activation f.
        z: The internal states before the step, shape (…, channels, n).
        hidden: The hidden units h before the step, shape (…, hidden).
        x: The input, shape (…, inputs).

    Returns:
        The internal states z and the hidden units h after the step, the drive u of shape (…, channels), and the
        states m after the step, shape (…, channels, order).
    """
    u = drive(weights, x, hidden, read(system, z))
    z = advance(system, z, u)
    memory = read(system, z)
    return z, react(weights, activation, x, hidden, memory), u, memory


def columns(memory: AnyArray) -> AnyArray:
    """The states as one vector, shape (…, channels·order), channel 0 first, from shape (…, channels, order)."""
    return memory.reshape(*memory.shape[:-2], -1)


class LSTMWeights(NamedTuple):
    """The arrays of an LSTM cell, the gates stacked in the order input, forget, candidate, output.

    Attributes:
        input_kernel: The kernel of the input, shape (4·hidden, inputs).
        hidden_kernel: The kernel of the hidden units, shape (4·hidden, hidden).
        bias: The bias, shape (4·hidden,).
    """

    input_kernel: AnyArray
    hidden_kernel: AnyArray
    bias: AnyArray


def lstm_step(weights: LSTMWeights, carry: AnyArray, hidden: AnyArray, x: AnyArray) -> tuple[AnyArray, AnyArray]:
    """One step of the LSTM cell: c⁺ = σ(f) c + σ(i) tanh(g), h⁺ = σ(o) tanh(c⁺).

    Args:
        weights: The arrays of the cell.
        carry: The carry c before the step, shape (…, hidden).
        hidden: The hidden units h before the step, shape (…, hidden).
        x: The input, shape (…, inputs).

    Returns:
        The carry and the hidden units after the step.
    """
    a = x @ weights.input_kernel.T + hidden @ weights.hidden_kernel.T + weights.bias
    n = hidden.shape[-1]
    gate_in, gate_forget, candidate, gate_out = (a[..., k * n : (k + 1) * n] for k in range(4))
    carry = sigmoid(gate_forget) * carry + sigmoid(gate_in) * _tanh(candidate)
    return carry, sigmoid(gate_out) * _tanh(carry)
