"""A network as affine maps of vectors in real numbers, which is the form in which it is planned.

Every layer comes down to the two maps that `lmu_hw.networks.quantize.plan` describes: one gives the drive of the
memories, the other what the activation is taken of. The scaling of the input is folded into the first layer's maps.
`RealNetwork` runs these maps step by step, and lets a caller watch and change every vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Layer, Network, Output
from lmu_hw.networks.quantize.plan import Kind, Source
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import ACTIVATIONS, Activation, Step
from lmu_hw.reference.layers import DenseParameters, MemoryParameters


@dataclass(frozen=True, eq=False)
class RealMap:
    """The affine map sum = bias + Σ matrix·(vector of the source).

    Attributes:
        parts: The matrix for each source that the map sees, shape (rows, columns) each; none is all zero.
        bias: The constant part, shape (rows,).
    """

    parts: Mapping[Source, Array]
    bias: Array

    @property
    def input_only(self) -> bool:
        """Whether the map sees nothing but the network's input."""
        return all(source.kind is Kind.INPUT for source in self.parts)


@dataclass(frozen=True, eq=False)
class RealLayer:
    """One layer of a network as affine maps.

    Attributes:
        name: The name of the layer in messages.
        spec: The specification of each channel's memory; None without memories.
        drive: The map to the drive u, one row for each channel; None without memories.
        affine: The map to what the activation is taken of; None where the states are the output.
        activation: The activation of the dense part; the identity without one.
    """

    name: str
    spec: LMUSpec | None
    drive: RealMap | None
    affine: RealMap | None
    activation: Activation

    @property
    def recurrent(self) -> bool:
        """Whether the layer sees its own outputs of the step before."""
        maps = [each for each in (self.drive, self.affine) if each is not None]
        return any(source.kind is Kind.OUTPUT and source.previous for each in maps for source in each.parts)


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a layer stands in its network.

    Attributes:
        name: The name of the layer in messages.
        before: The source that feeds the layer.
        scale: The factors of that source's entries: the scaling of the network's input, or ones.
        offset: The offsets of that source's entries before they are scaled.
        hidden: The layer's own outputs of the step before.
        old_states: The layer's own states of the step before.
        states: The layer's own states after the step.
    """

    name: str
    before: Source
    scale: Array
    offset: Array
    hidden: Source
    old_states: Source
    states: Source

    def map(self, kernel: Array, bias: Array, others: Mapping[Source, Array]) -> RealMap:
        """The map with `kernel` on the layer's input, into which the input's scaling is folded, and `others`."""
        scaled = kernel * self.scale
        parts = {self.before: scaled} | dict(others)
        return RealMap({source: m for source, m in parts.items() if m.any()}, bias - scaled @ self.offset)


def _of_dense(layer: DenseParameters, at: _Place) -> RealLayer:
    return RealLayer(at.name, None, None, at.map(layer.kernel, layer.bias, {}), layer.activation)


def _of_cell(layer: CellParameters, at: _Place) -> RealLayer:
    encoders = {at.hidden: layer.hidden_encoder, at.old_states: layer.memory_encoder}
    kernels = {at.hidden: layer.hidden_kernel, at.states: layer.memory_kernel}
    drive = at.map(layer.input_encoder, np.zeros(layer.channels), encoders)
    return RealLayer(at.name, layer.spec, drive, at.map(layer.input_kernel, layer.bias, kernels), layer.activation)


def _of_memory(layer: MemoryParameters, at: _Place) -> RealLayer:
    drive, dense = at.map(layer.input_encoder, layer.input_bias, {}), None
    if layer.memory_kernel is not None and layer.input_kernel is not None and layer.bias is not None:
        dense = at.map(layer.input_kernel, layer.bias, {at.states: layer.memory_kernel})
    return RealLayer(at.name, layer.spec, drive, dense, layer.activation)


#: How each kind of layer that can be planned becomes affine maps. An LSTM, whose gates multiply vectors, cannot.
_MAPS: Mapping[type[Layer], Callable[[Any, _Place], RealLayer]] = {
    DenseParameters: _of_dense,
    CellParameters: _of_cell,
    MemoryParameters: _of_memory,
}


def real_layers(network: Network) -> tuple[RealLayer, ...]:
    """The layers of `network` as affine maps.

    Raises:
        DesignError: A layer is an LSTM.
    """
    layers = []
    for k, layer in enumerate(network.layers):
        name = network.name(k)
        if type(layer) not in _MAPS:
            raise DesignError(name, "of memories and dense parts, for a plan in integers", f"an {layer.kind.upper()}")
        at = _Place(
            name,
            before=Source(Kind.OUTPUT, k - 1) if k else Source(Kind.INPUT),
            scale=np.ones(layer.inputs) if k else network.input_scale,
            offset=np.zeros(layer.inputs) if k else network.input_offset,
            hidden=Source(Kind.OUTPUT, k, previous=True),
            old_states=Source(Kind.MEMORY, k, previous=True),
            states=Source(Kind.MEMORY, k),
        )
        layers.append(_MAPS[type(layer)](layer, at))
    return tuple(layers)


#: A change of a vector as it arises, given its kind ("input", "drive", "memory", "sum", "output"), layer and value.
Change = Callable[[str, int, Array], Array]


class RealNetwork:
    """A network in float64, step by step, whose vectors can be watched and changed.

    Attributes:
        layers: The layers as affine maps.
        output: Whether there is an output per step or one per sequence.
    """

    def __init__(
        self, layers: Sequence[RealLayer], output: Output, systems: Sequence[Step | None] | None = None
    ) -> None:
        """Build the network of these layers.

        Args:
            layers: The layers as affine maps.
            output: Whether there is an output per step or one per sequence.
            systems: The sampled memories to use in place of those that the layers specify.
        """
        self.layers, self.output = tuple(layers), output
        specified = (None if layer.spec is None else discretize(layer.spec) for layer in self.layers)
        self._systems: list[Step | None] = list(specified if systems is None else systems)
        self._stateful = max(
            (k + 1 for k, layer in enumerate(self.layers) if layer.spec is not None or layer.recurrent), default=0
        )

    def counts(self, k: int, *, last: bool) -> bool:
        """Whether anything depends on the output of layer `k` at a step that is, or is not, the last one."""
        every = last or self.output is Output.SEQUENCE
        return every or k + 1 < self._stateful or self.layers[k].recurrent

    def run(
        self,
        x: Array,
        *,
        change: Change | None = None,
        watch: Callable[[str, int, list[Array], Array], None] | None = None,
    ) -> Array:
        """Return the outputs, shape (batch, T, outputs), or (batch, outputs) where there is one per sequence.

        Args:
            x: The input, shape (batch, T, inputs).
            change: A function that is applied to every vector, one column a sequence, before anything sees it.
            watch: A function that is called for each map with "drive" or "affine", the number of its layer, the
                vectors that it sees, and its result.

        Raises:
            DesignError: A layer diverges through its feedback.
        """
        batch, steps = x.shape[:2]
        changed = change or (lambda _what, _k, vector: vector)
        vectors: dict[tuple[Kind, int], Array] = {}
        states: list[Array] = []
        for k, (layer, system) in enumerate(zip(self.layers, self._systems, strict=True)):
            channels = 0 if layer.drive is None else layer.drive.bias.size
            states.append(np.zeros((0 if system is None else system.input.size, channels * batch)))
            if system is not None:
                vectors[Kind.MEMORY, k] = np.zeros((channels * system.output.shape[0], batch))
            vectors[Kind.OUTPUT, k] = np.zeros((0 if layer.affine is None else layer.affine.bias.size, batch))

        def mapped(which: str, k: int, real: RealMap) -> Array:
            seen = [vectors[source.kind, source.layer] for source in real.parts]
            total = np.repeat(real.bias[:, None], batch, axis=1)
            for matrix, vector in zip(real.parts.values(), seen, strict=True):
                total += matrix @ vector
            if watch is not None:
                watch(which, k, seen, total)
            return total

        outputs = []
        for step in range(steps):
            last = step + 1 == steps
            vectors[Kind.INPUT, 0] = changed("input", 0, np.ascontiguousarray(x[:, step].T))
            for k, (layer, system) in enumerate(zip(self.layers, self._systems, strict=True)):
                if k >= self._stateful and not self.counts(k, last=last):
                    break
                if system is not None and layer.drive is not None:
                    u = changed("drive", k, mapped("drive", k, layer.drive))
                    states[k] = system.transition @ states[k] + system.input[:, None] * u.reshape(1, -1)
                    m = states[k] if system.output.shape[0] == states[k].shape[0] else system.output @ states[k]
                    m = m.reshape(m.shape[0], -1, batch).swapaxes(0, 1).reshape(-1, batch)
                    vectors[Kind.MEMORY, k] = changed("memory", k, m)
                    if layer.affine is None:
                        vectors[Kind.OUTPUT, k] = vectors[Kind.MEMORY, k]
                if layer.affine is not None and self.counts(k, last=last):
                    a = changed("sum", k, mapped("affine", k, layer.affine))
                    vectors[Kind.OUTPUT, k] = changed("output", k, ACTIVATIONS[layer.activation](a))
            if last or self.output is Output.SEQUENCE:
                outputs.append(vectors[Kind.OUTPUT, len(self.layers) - 1].T.copy())
        for k, layer in enumerate(self.layers):
            if not (np.all(np.isfinite(vectors[Kind.OUTPUT, k])) and np.all(np.isfinite(states[k]))):
                raise DesignError(f"state of {layer.name}", "finite at every step (its feedback diverges)", "infinity")
        return np.stack(outputs, axis=1) if self.output is Output.SEQUENCE else outputs[0]
