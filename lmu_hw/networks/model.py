"""A network: layers in sequence between a scaled input and a readout. What is trained, stored and built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.reference.cell import CellParameters, read_only
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters

#: What a layer may be.
Layer = CellParameters | MemoryParameters | LSTMParameters | DenseParameters

#: The name of each kind of layer, in files and in messages.
KINDS: Mapping[type[Layer], str] = MappingProxyType(
    {CellParameters: "lmu", MemoryParameters: "memory", LSTMParameters: "lstm", DenseParameters: "dense"}
)

MAX_LAYERS = 64
Note = str | int | float


class Output(StrEnum):
    """Which outputs of the last layer are the network's: one per step, or the one after the last step."""

    SEQUENCE = "sequence"
    LAST = "last"


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in sequence, each fed with what the one before it gives on.

    The first layer sees input_scale·(x − input_offset). The last layer's outputs are the network's; for
    classes they are scores, and the largest one wins.

    Attributes:
        layers: 1 … 64 layers whose widths fit; all memories have the same dt.
        output: an output per step, or one per sequence.
        input_offset: in units of the input, shape (inputs,), or one number for all; 0 by default.
        input_scale: per unit of the input, shape (inputs,), or one number for all; 1 by default.
        notes: where the network comes from, as plain names and values; of no effect.

    Raises:
        DesignError: a layer does not fit the one before it, the memories' steps differ, or a scale is not a
            finite number.
    """

    layers: tuple[Layer, ...]
    output: Output = Output.SEQUENCE
    input_offset: Array = field(default_factory=lambda: np.zeros(()))
    input_scale: Array = field(default_factory=lambda: np.ones(()))
    notes: Mapping[str, Note] = field(default_factory=dict)

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
        steps = {layer.spec.dt for layer in self.layers if isinstance(layer, CellParameters | MemoryParameters)}
        if len(steps) > 1:
            raise DesignError("dt of the memories", "the same in all layers", sorted(steps))
        try:
            object.__setattr__(self, "output", Output(str(self.output)))
        except ValueError:
            raise DesignError("output", "one of " + ", ".join(Output), self.output) from None
        for name in ("input_offset", "input_scale"):
            array = read_only(getattr(self, name), name)
            if array.shape not in ((), (self.inputs,)):
                raise DesignError(name, f"one number, or of shape ({self.inputs},)", array.shape)
            object.__setattr__(self, name, read_only(np.broadcast_to(array, (self.inputs,)), name))
        object.__setattr__(self, "notes", MappingProxyType(_check_notes(self.notes)))

    def name(self, index: int) -> str:
        """What messages call a layer, such as "layer 0 (lmu)"."""
        return f"layer {index} ({KINDS[type(self.layers[index])]})"

    @property
    def inputs(self) -> int:
        """Length of x."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Length of y."""
        return self.layers[-1].outputs

    @property
    def dt(self) -> float | None:
        """The step in seconds; None where no layer has a memory."""
        return next((x.spec.dt for x in self.layers if isinstance(x, CellParameters | MemoryParameters)), None)

    @property
    def parameters(self) -> int:
        """Number of entries in all arrays of all layers, but for arrays of zeros: connections that aren't there.

        Ā and B̄ follow from the specifications and do not count.
        """
        return sum(array.size for layer in self.layers for array in arrays(layer).values() if array.any())

    def at_step(self, dt: float) -> Network:
        """The same network for samples that are `dt` seconds apart: every memory keeps its window θ.

        Raises:
            DesignError: a memory's rule is unstable at that step, or `dt` is not a positive number.
        """
        check_positive("dt", dt, "seconds")

        def changed(layer: Layer) -> Layer:
            if isinstance(layer, CellParameters | MemoryParameters):
                return replace(layer, spec=replace(layer.spec, dt=dt))
            return layer

        return replace(self, layers=tuple(changed(layer) for layer in self.layers))


def arrays(layer: Layer) -> dict[str, Array]:
    """The arrays of a layer by name, in the order of its class; absent ones are left out."""
    return {name: value for name, value in vars(layer).items() if isinstance(value, np.ndarray)}


def _check_notes(notes: Mapping[Any, Any]) -> dict[str, Note]:
    for key, value in notes.items():
        plain = isinstance(value, str) or (isinstance(value, int | float) and np.isfinite(value))
        if not isinstance(key, str) or not plain:
            raise DesignError(f"note {key!r}", "a text or a finite number under a text", value)
    return dict(notes)
