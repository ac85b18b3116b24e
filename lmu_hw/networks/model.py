"""A network: layers in sequence between a scaled input and a readout. What is trained, stored and built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.core.registry import member
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters, read_only

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lmu_hw.core.figures import Plot

#: The kinds of layers. A further kind is a subclass of `lmu_hw.reference.layers.LayerParameters` that is listed here.
Layer = CellParameters | MemoryParameters | LSTMParameters | DenseParameters

#: The name of each kind of layer, in files and in messages.
KINDS: Mapping[type[Layer], str] = MappingProxyType({layer: layer.kind for layer in get_args(Layer)})

MAX_LAYERS = 64
Note = str | int | float


class Output(StrEnum):
    """Which outputs of the last layer are the network's: one per step, or the one after the last step."""

    SEQUENCE = "sequence"
    LAST = "last"


@dataclass(frozen=True, eq=False, repr=False)
class Network(Displayed):
    """Layers in sequence, each fed with the outputs of the one before it.

    The first layer sees input_scale·(x − input_offset). The outputs of the last layer are those of the network; for
    classes they are scores, and the largest one wins.

    Attributes:
        layers: From 1 to 64 layers whose widths fit each other; all memories have the same dt.
        output: Whether there is an output per step or one per sequence.
        input_offset: The offset of the input, in its units, shape (inputs,), or one number for all; 0 by default.
        input_scale: The factor per unit of the input, shape (inputs,), or one number for all; 1 by default.
        notes: Where the network comes from, as plain names and values; they have no effect.

    Raises:
        DesignError: A layer does not fit the one before it, the memories' steps differ, or a scale is not a
            finite number.
    """

    layers: tuple[Layer, ...]
    output: Output = Output.SEQUENCE
    input_offset: Array = field(default_factory=lambda: np.zeros(()))
    input_scale: Array = field(default_factory=lambda: np.ones(()))
    notes: Mapping[str, Note] = field(default_factory=dict)

    if TYPE_CHECKING:  # what type checkers are told, because the output may be given by name

        def __init__(
            self,
            layers: Sequence[Layer],
            output: Output | str = Output.SEQUENCE,
            input_offset: ArrayLike = ...,
            input_scale: ArrayLike = ...,
            notes: Mapping[str, Note] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not 1 <= len(self.layers) <= MAX_LAYERS:
            raise DesignError("layers", f"from 1 to {MAX_LAYERS}", len(self.layers))
        for k, layer in enumerate(self.layers):
            if type(layer) not in KINDS:
                raise DesignError(f"layer {k}", "one of " + ", ".join(t.__name__ for t in KINDS), type(layer).__name__)
            if k and layer.inputs != self.layers[k - 1].outputs:
                raise DesignError(
                    f"inputs of {self.name(k)}",
                    f"the {self.layers[k - 1].outputs} outputs of {self.name(k - 1)}",
                    layer.inputs,
                )
        steps = {layer.memory_spec.dt for layer in self.layers if layer.memory_spec is not None}
        if len(steps) > 1:
            raise DesignError("dt of the memories", "the same in all layers", sorted(steps))
        object.__setattr__(self, "output", member(Output, self.output, "output"))
        for name in ("input_offset", "input_scale"):
            array = read_only(getattr(self, name), name)
            if array.shape not in ((), (self.inputs,)):
                raise DesignError(name, f"one number, or of shape ({self.inputs},)", array.shape)
            object.__setattr__(self, name, read_only(np.broadcast_to(array, (self.inputs,)), name))
        object.__setattr__(self, "notes", MappingProxyType(_check_notes(self.notes)))

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "layers", ", ".join(layer.kind for layer in self.layers)
        yield "inputs", str(self.inputs)
        often = "each step" if self.output is Output.SEQUENCE else "the last step"
        yield "outputs", f"{self.outputs} after {often}"
        yield "parameters", str(self.parameters)
        if self.dt is not None:
            yield "dt", f"{self.dt:.4g} s"

    def to_dict(self) -> dict[str, Any]:
        """The network as plain values: each layer with its arrays as lists, and the scaling of the input."""
        return {
            "output": str(self.output),
            "input_offset": self.input_offset.tolist(),
            "input_scale": self.input_scale.tolist(),
            "layers": [{"type": layer.kind} | layer.to_dict() for layer in self.layers],
            "notes": dict(self.notes),
        }

    def plot(self) -> Plot:
        """Draw the number of parameters of each layer."""
        from lmu_hw.core.figures import bar_figure

        counts = [sum(array.size for array in layer.arrays().values()) for layer in self.layers]
        names = [self.name(k) for k in range(len(self.layers))]
        return bar_figure("Parameters", names, {"parameters": counts}, "numbers")

    def name(self, index: int) -> str:
        """The name of a layer in messages, such as "layer 0 (lmu)"."""
        return f"layer {index} ({self.layers[index].kind})"

    @property
    def inputs(self) -> int:
        """The length of x."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """The length of y."""
        return self.layers[-1].outputs

    @property
    def dt(self) -> float | None:
        """The step in seconds; None where no layer has a memory."""
        return next((layer.memory_spec.dt for layer in self.layers if layer.memory_spec is not None), None)

    @property
    def parameters(self) -> int:
        """The number of entries in the arrays of all layers, without arrays of zeros, which stand for no connection.

        Ā and B̄ follow from the specifications and do not count.
        """
        return sum(array.size for layer in self.layers for array in arrays(layer).values() if array.any())

    def at_step(self, dt: float) -> Network:
        """The same network for samples that are `dt` seconds apart: every memory keeps its window θ.

        Raises:
            DesignError: The method of a memory is unstable at that step, or `dt` is not a positive number.
        """
        check_positive("dt", dt, "seconds")
        return replace(self, layers=tuple(layer.at_step(dt) for layer in self.layers))


def arrays(layer: Layer) -> dict[str, Array]:
    """The arrays of a layer by name, in the order of its class; absent ones are left out."""
    return layer.arrays()


@contextmanager
def error_about(label: str) -> Iterator[None]:
    """Name `label`, such as "layer 0 (lmu)", in every error of the block.

    Raises:
        DesignError: The block raised one; its message names `label` where it did not yet.
    """
    try:
        yield
    except DesignError as error:
        if label in str(error):
            raise
        raise error.of(label) from None


def _check_notes(notes: Mapping[Any, Any]) -> dict[str, Note]:
    for key, value in notes.items():
        plain = isinstance(value, str) or (isinstance(value, int | float) and np.isfinite(value))
        if not isinstance(key, str) or not plain:
            raise DesignError(f"note {key!r}", "a text or a finite number under a text", value)
    return dict(notes)
