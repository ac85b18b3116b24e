"""The arrays of an imported layer as layers of a network: exactly, or an error that names the layer.

The equations that are covered, for one layer with input x, memory m of `channels` memories and output h:

    u_t = g(E x_t + b_u) + E_h h_{t−1} + E_m m_{t−1}
    m_t = Ā m_{t−1} + B̄ u_t                             for each channel
    h_t = f(W_x x_t + W_h h_{t−1} + W_m m_t + b)

An array that is absent or 0 stands for no connection. Without E_h, E_m and W_h the layer becomes a `MemoryParameters`,
else a `CellParameters`. Neither has g, and the latter has no b_u, so a dense layer in front of it takes them over. Its
outputs are x with a constant 1 that carries the bias, or g(E x + b_u). Where W_x needs x beside the latter and g is a
ReLU, x passes through the dense layer as relu(x) − relu(−x).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.io.archive import MAX_BYTES
from lmu_hw.networks.file import MAX_UNITS
from lmu_hw.networks.model import Layer, error_about
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, MemoryParameters


@dataclass(frozen=True, eq=False)
class Unit:
    """One layer with a memory, in the terms of the module's equations; matrices act on columns.

    Attributes:
        spec: The specification of each channel's memory.
        input_encoder: The matrix E, shape (channels, inputs).
        input_bias: The bias b_u, shape (channels,); None stands for 0, here and for all arrays below.
        encoder_activation: The activation g, which may differ from the identity only without E_h and E_m.
        hidden_encoder: The matrix E_h, shape (channels, hidden).
        memory_encoder: The matrix E_m, shape (channels, channels·order).
        memory_kernel: The matrix W_m, shape (hidden, channels·order). With None h is m, followed by x if
            `passes_input`, and f must be the identity.
        input_kernel: The matrix W_x, shape (hidden, inputs).
        hidden_kernel: The matrix W_h, shape (hidden, hidden).
        bias: The bias b, shape (hidden,).
        activation: The activation f.
        passes_input: Whether x is part of h where there is no memory_kernel.
    """

    spec: LMUSpec
    input_encoder: Array
    input_bias: Array | None = None
    encoder_activation: Activation = Activation.IDENTITY
    hidden_encoder: Array | None = None
    memory_encoder: Array | None = None
    memory_kernel: Array | None = None
    input_kernel: Array | None = None
    hidden_kernel: Array | None = None
    bias: Array | None = None
    activation: Activation = Activation.IDENTITY
    passes_input: bool = False


def assemble(label: str, unit: Unit) -> tuple[Layer, ...]:
    """The one or two layers of a network that compute what `unit` computes.

    Args:
        label: The name of the layer in errors.
        unit: The arrays of the layer.

    Raises:
        DesignError: An array has the wrong shape, or the layer is too large or cannot be represented.
    """
    with error_about(label):
        return _assembled(unit)


def identity(size: int) -> Array:
    """The identity matrix of `size` rows, if a network file may hold it.

    Raises:
        DesignError: It is larger than `check_sizes` allows.
    """
    check_sizes({"identity": (size, size)})
    return np.eye(size)


def check_sizes(shapes: dict[str, tuple[int, ...]]) -> None:
    """Check, before arrays are made, that a network file may hold arrays of these shapes.

    Raises:
        DesignError: A dimension exceeds 65536, or all arrays together exceed 256 MiB in float64.
    """
    for name, shape in shapes.items():
        if any(n > MAX_UNITS for n in shape):
            raise DesignError(f"shape of {name}", f"at most {MAX_UNITS} in every dimension", shape)
    entries = sum(int(np.prod(shape, dtype=object)) for shape in shapes.values())
    if 8 * entries > MAX_BYTES:
        raise DesignError("size", f"at most {MAX_BYTES // 8} numbers", entries)


def _assembled(unit: Unit) -> tuple[Layer, ...]:
    _check_matrix("input_encoder", unit.input_encoder, "channels, inputs")
    channels, inputs = unit.input_encoder.shape
    states = channels * unit.spec.order
    fed_back = any(a is not None and a.any() for a in (unit.hidden_encoder, unit.memory_encoder, unit.hidden_kernel))
    if unit.memory_kernel is None:
        unit = _passing_on(unit, states, inputs, dense=fed_back or unit.passes_input)
    else:
        _check_matrix("memory_kernel", unit.memory_kernel, "hidden, channels·order")
    hidden = 0 if unit.memory_kernel is None else unit.memory_kernel.shape[0]
    order = unit.spec.order
    check_sizes((CellParameters if fed_back else MemoryParameters).shapes(order, inputs, channels, hidden))
    bias = unit.input_bias if unit.input_bias is not None and unit.input_bias.any() else None
    front: tuple[Layer, ...] = ()
    if unit.encoder_activation is not Activation.IDENTITY:
        if fed_back:
            raise DesignError("activation of the encoder", "identity where something is fed back", "another")
        dense, unit = _encoder_in_front(unit, bias)
        front, bias = (dense,), None
    elif fed_back and bias is not None:
        dense, unit = _bias_in_front(unit, bias)
        front, bias = (dense,), None
    inputs = unit.input_encoder.shape[1]

    def filled(array: Array | None, *shape: int) -> Array:
        return np.zeros(shape) if array is None else array

    if fed_back:
        return (
            *front,
            CellParameters(
                unit.spec,
                unit.input_encoder,
                filled(unit.hidden_encoder, channels, hidden),
                filled(unit.memory_encoder, channels, states),
                filled(unit.input_kernel, hidden, inputs),
                filled(unit.hidden_kernel, hidden, hidden),
                filled(unit.memory_kernel, hidden, states),
                filled(unit.bias, hidden),
                unit.activation,
            ),
        )
    if unit.memory_kernel is None:
        return (*front, MemoryParameters(unit.spec, unit.input_encoder, filled(bias, channels)))
    return (
        *front,
        MemoryParameters(
            unit.spec,
            unit.input_encoder,
            filled(bias, channels),
            unit.memory_kernel,
            filled(unit.input_kernel, hidden, inputs),
            filled(unit.bias, hidden),
            unit.activation,
        ),
    )


def _passing_on(unit: Unit, states: int, inputs: int, *, dense: bool) -> Unit:
    """The unit with h = m or h = (m, x), which becomes an explicit memory_kernel if `dense`."""
    if unit.input_kernel is not None or unit.bias is not None or unit.activation is not Activation.IDENTITY:
        raise DesignError("memory_kernel", "given where there is a hidden part", None)
    if not dense:
        return unit
    eye = identity(states + (inputs if unit.passes_input else 0))
    return replace(unit, memory_kernel=eye[:, :states], input_kernel=eye[:, states:] if unit.passes_input else None)


def _bias_in_front(unit: Unit, bias: Array) -> tuple[Layer, Unit]:
    """A dense layer that outputs x and a constant 1, and the unit with them as its input."""
    inputs = unit.input_encoder.shape[1]
    kernel = np.vstack([identity(inputs), np.zeros((1, inputs))])
    constant = np.zeros(inputs + 1)
    constant[-1] = 1.0
    return DenseParameters(kernel, constant), replace(
        unit,
        input_encoder=np.hstack([unit.input_encoder, bias[:, None]]),
        input_kernel=None if unit.input_kernel is None else np.pad(unit.input_kernel, ((0, 0), (0, 1))),
    )


def _encoder_in_front(unit: Unit, bias: Array | None) -> tuple[Layer, Unit]:
    """A dense layer that outputs g(E x + b_u), with x where it is used, and the unit with these as its input."""
    channels, inputs = unit.input_encoder.shape
    constant = np.zeros(channels) if bias is None else bias
    kernel, memory_input, input_kernel = unit.input_encoder, np.eye(channels), unit.input_kernel
    if input_kernel is not None and input_kernel.any():
        if unit.encoder_activation is not Activation.RELU:
            raise DesignError("activation of the encoder", "relu or identity beside an input_kernel", "another")
        eye = identity(inputs)
        kernel = np.vstack([kernel, eye, -eye])
        constant = np.concatenate([constant, np.zeros(2 * inputs)])
        memory_input = np.pad(memory_input, ((0, 0), (0, 2 * inputs)))
        input_kernel = np.hstack([np.zeros((input_kernel.shape[0], channels)), input_kernel, -input_kernel])
    else:
        input_kernel = None
    dense = DenseParameters(kernel, constant, unit.encoder_activation)
    return dense, replace(
        unit, input_encoder=memory_input, input_kernel=input_kernel, encoder_activation=Activation.IDENTITY
    )


def _check_matrix(name: str, array: Array, dimensions: str) -> None:
    if array.ndim != 2 or 0 in array.shape:
        raise DesignError(name, f"of shape ({dimensions}), none of them 0", array.shape)
