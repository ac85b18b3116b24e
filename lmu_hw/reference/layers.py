"""The other layers of a network: memory without feedback, LSTM, dense. Matrices act on columns."""

from __future__ import annotations

from dataclasses import dataclass

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.reference.cell import check_activation, read_only
from lmu_hw.reference.definition import Activation, LSTMWeights


@dataclass(frozen=True, eq=False)
class MemoryParameters:
    """Memories that nothing feeds back into, and an optional dense part that sees them and the input:

        u_t = E x_t + b_u
        m_t = Ā m_{t−1} + B̄ u_t
        h_t = f(W_m m_t + W_x x_t + b)

    The layer gives h on, or all states m (channel 0 first) where it has no dense part. For parallel training
    see Chilkuri and Eliasmith, Parallelizing Legendre Memory Unit Training, ICML 2021.

    Attributes:
        spec: the memory of each channel.
        input_encoder: E, shape (channels, inputs).
        input_bias: b_u, shape (channels,).
        memory_kernel: W_m, shape (hidden, channels·order); None without a dense part, as the next two.
        input_kernel: W_x, shape (hidden, inputs).
        bias: b, shape (hidden,).
        activation: f, by name or member; identity without a dense part.

    Raises:
        DesignError: an array has the wrong shape or an entry that is not finite, or the dense part is
            incomplete.
    """

    spec: LMUSpec
    input_encoder: Array
    input_bias: Array
    memory_kernel: Array | None = None
    input_kernel: Array | None = None
    bias: Array | None = None
    activation: Activation = Activation.IDENTITY

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", check_activation(self.activation))
        parts = [name for name in ("memory_kernel", "input_kernel", "bias") if getattr(self, name) is not None]
        if len(parts) not in (0, 3):
            raise DesignError("dense part", "memory_kernel, input_kernel and bias, or none of them", ", ".join(parts))
        if not parts and self.activation is not Activation.IDENTITY:
            raise DesignError("activation", "identity without a dense part", self.activation)
        for name in ("input_encoder", "input_bias", *parts):
            object.__setattr__(self, name, read_only(getattr(self, name), name))
        _check_size("input_encoder", self.input_encoder, ("channels", "inputs"))
        if self.bias is not None:
            _check_size("bias", self.bias, ("hidden",))
        _check_shapes(self, self.shapes(self.spec.order, self.inputs, self.channels, self.hidden))

    @staticmethod
    def shapes(order: int, inputs: int, channels: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array that there is; without a dense part `hidden` is 0."""
        shapes: dict[str, tuple[int, ...]] = {"input_encoder": (channels, inputs), "input_bias": (channels,)}
        if hidden:
            shapes |= {"memory_kernel": (hidden, channels * order), "input_kernel": (hidden, inputs), "bias": (hidden,)}
        return shapes

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
        """Length of h; 0 without a dense part."""
        return 0 if self.bias is None else int(self.bias.shape[0])

    @property
    def outputs(self) -> int:
        """Length of what the layer gives on."""
        return self.hidden or self.channels * self.spec.order


@dataclass(frozen=True, eq=False)
class LSTMParameters:
    """An LSTM, the baseline that memories are compared with; see `lmu_hw.reference.definition.lstm_step`.

    Attributes:
        input_kernel: shape (4·hidden, inputs), gates in the order input, forget, candidate, output.
        hidden_kernel: shape (4·hidden, hidden).
        bias: shape (4·hidden,).

    Raises:
        DesignError: an array has the wrong shape or an entry that is not finite.
    """

    input_kernel: Array
    hidden_kernel: Array
    bias: Array

    def __post_init__(self) -> None:
        for name in ("input_kernel", "hidden_kernel", "bias"):
            object.__setattr__(self, name, read_only(getattr(self, name), name))
        _check_size("hidden_kernel", self.hidden_kernel, ("4·hidden", "hidden"))
        _check_size("input_kernel", self.input_kernel, ("4·hidden", "inputs"))
        _check_shapes(self, self.shapes(self.inputs, self.hidden))

    @staticmethod
    def shapes(inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        return {"input_kernel": (4 * hidden, inputs), "hidden_kernel": (4 * hidden, hidden), "bias": (4 * hidden,)}

    @property
    def inputs(self) -> int:
        """Length of x."""
        return int(self.input_kernel.shape[1])

    @property
    def hidden(self) -> int:
        """Length of h."""
        return int(self.hidden_kernel.shape[1])

    @property
    def outputs(self) -> int:
        """Length of what the layer gives on: h."""
        return self.hidden

    @property
    def weights(self) -> LSTMWeights:
        """All arrays, as `lmu_hw.reference.definition` takes them."""
        return LSTMWeights(self.input_kernel, self.hidden_kernel, self.bias)


@dataclass(frozen=True, eq=False)
class DenseParameters:
    """y_t = f(W x_t + b), at each step on its own; with the identity, a linear readout.

    Attributes:
        kernel: W, shape (outputs, inputs).
        bias: b, shape (outputs,).
        activation: f, by name or member.

    Raises:
        DesignError: an array has the wrong shape or an entry that is not finite.
    """

    kernel: Array
    bias: Array
    activation: Activation = Activation.IDENTITY

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", check_activation(self.activation))
        for name in ("kernel", "bias"):
            object.__setattr__(self, name, read_only(getattr(self, name), name))
        _check_size("kernel", self.kernel, ("outputs", "inputs"))
        _check_shapes(self, self.shapes(self.inputs, self.outputs))

    @staticmethod
    def shapes(inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        return {"kernel": (outputs, inputs), "bias": (outputs,)}

    @property
    def inputs(self) -> int:
        """Length of x."""
        return int(self.kernel.shape[1])

    @property
    def outputs(self) -> int:
        """Length of y."""
        return int(self.kernel.shape[0])


def _check_size(name: str, array: Array, dimensions: tuple[str, ...]) -> None:
    """Refuse an array that cannot tell the sizes of the others."""
    if array.ndim != len(dimensions) or 0 in array.shape:
        wanted = ", ".join(dimensions) + ("," if len(dimensions) == 1 else "")
        raise DesignError(name, f"of shape ({wanted}), none of them 0", array.shape)


def _check_shapes(layer: object, shapes: dict[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if getattr(layer, name).shape != shape:
            raise DesignError(name, f"of shape {shape}", getattr(layer, name).shape)
