"""A network as affine maps of vectors in real numbers, in the form in which it is planned, and its calibration.

All layers come down to the two maps that `networks.quantize.plan` describes; the scaling of the input is folded into
the first layer's. `calibrate` runs them over data and says what each map saw and gave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Network, Output
from lmu_hw.networks.quantize.plan import Kind, Source
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import ACTIVATIONS, Activation, Step
from lmu_hw.reference.layers import DenseParameters, LSTMParameters

_SAMPLES = 1 << 18  # results of a map that are kept, at most about twice as many
_BATCH = 256  # sequences that are run side by side


@dataclass(frozen=True, eq=False)
class RealMap:
    """sum = bias + Σ matrix·(vector of the source).

    Attributes:
        parts: matrices by what they see, shape (rows, columns) each; none is all zero.
        bias: shape (rows,).
    """

    parts: Mapping[Source, Array]
    bias: Array

    @property
    def input_only(self) -> bool:
        """Whether it sees the network's input and nothing else."""
        return all(source.kind is Kind.INPUT for source in self.parts)


@dataclass(frozen=True, eq=False)
class RealLayer:
    """One layer of a network.

    Attributes:
        name: what messages call it.
        spec: of each channel's memory, or None.
        drive: u, one row for each channel; None without memories.
        affine: what the activation is taken of; None where the states are given on.
        activation: f.
    """

    name: str
    spec: LMUSpec | None
    drive: RealMap | None
    affine: RealMap | None
    activation: Activation

    @property
    def recurrent(self) -> bool:
        """Whether it sees its own outputs of the step before."""
        maps = [each for each in (self.drive, self.affine) if each is not None]
        return any(source.kind is Kind.OUTPUT and source.previous for each in maps for source in each.parts)


def real_layers(network: Network) -> tuple[RealLayer, ...]:
    """The layers of `network`.

    Raises:
        DesignError: one is an LSTM.
    """
    layers = []
    for k, layer in enumerate(network.layers):
        name = network.name(k)
        if isinstance(layer, LSTMParameters):
            raise DesignError(name, "of memories and dense parts, for a plan in integers", "an LSTM")
        before = Source(Kind.OUTPUT, k - 1) if k else Source(Kind.INPUT)
        scale = np.ones(layer.inputs) if k else network.input_scale
        offset = np.zeros(layer.inputs) if k else network.input_offset
        hidden, old = Source(Kind.OUTPUT, k, previous=True), Source(Kind.MEMORY, k, previous=True)
        new = Source(Kind.MEMORY, k)

        def folded(
            kernel: Array,
            bias: Array,
            others: Mapping[Source, Array],
            at: Source = before,
            s: Array = scale,
            o: Array = offset,
        ) -> RealMap:
            parts = {at: kernel * s} | dict(others)
            return RealMap({source: m for source, m in parts.items() if m.any()}, bias - (kernel * s) @ o)

        if isinstance(layer, DenseParameters):
            layers.append(RealLayer(name, None, None, folded(layer.kernel, layer.bias, {}), layer.activation))
        elif isinstance(layer, CellParameters):
            encoders = {hidden: layer.hidden_encoder, old: layer.memory_encoder}
            kernels = {hidden: layer.hidden_kernel, new: layer.memory_kernel}
            drive = folded(layer.input_encoder, np.zeros(layer.channels), encoders)
            affine = folded(layer.input_kernel, layer.bias, kernels)
            layers.append(RealLayer(name, layer.spec, drive, affine, layer.activation))
        else:
            drive, dense = folded(layer.input_encoder, layer.input_bias, {}), None
            if layer.memory_kernel is not None and layer.input_kernel is not None and layer.bias is not None:
                dense = folded(layer.input_kernel, layer.bias, {new: layer.memory_kernel})
            layers.append(RealLayer(name, layer.spec, drive, dense, layer.activation))
    return tuple(layers)


class CalibrationStatistics:
    """What a map saw and gave, over all sequences and those steps at which it counts.

    Attributes:
        count: how many vectors.
        samples: some of the results, flat.
        low, high: least and largest result of each row.
    """

    def __init__(self, parts: Mapping[Source, Array], rows: int) -> None:
        columns = sum(matrix.shape[1] for matrix in parts.values())
        self.count = 0
        self._sum, self._products = np.zeros(columns), np.zeros((columns, columns))
        self.low, self.high = np.full(rows, np.inf), np.full(rows, -np.inf)
        self._kept: list[Array] = []

    @property
    def mean(self) -> Array:
        """Of the vectors, all parts side by side, shape (columns,)."""
        return self._sum / self.count

    @property
    def covariance(self) -> Array:
        """Of the vectors, shape (columns, columns)."""
        return np.asarray(self._products / self.count - np.outer(self.mean, self.mean))

    @property
    def samples(self) -> Array:
        return np.concatenate(self._kept)

    def take(self, vectors: Sequence[Array], results: Array, stride: int) -> None:
        """Take in vectors and results as columns."""
        stacked = np.concatenate(list(vectors)) if vectors else np.zeros((0, results.shape[1]))
        self.count += stacked.shape[1]
        self._sum += stacked.sum(axis=1)
        self._products += stacked @ stacked.T
        self.low, self.high = np.minimum(self.low, results.min(axis=1)), np.maximum(self.high, results.max(axis=1))
        self._kept.append(results.ravel()[::stride].copy())


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the maps of a network saw and gave over a batch of sequences.

    Attributes:
        inputs: the sequences, shape (batch, T, inputs).
        drives, affines: of each layer, or None.
    """

    inputs: Array
    drives: tuple[CalibrationStatistics | None, ...]
    affines: tuple[CalibrationStatistics | None, ...]


#: What is done to each vector as it arises, by its kind ("input", "drive", "memory", "sum", "output") and layer.
Change = Callable[[str, int, Array], Array]


class RealNetwork:
    """A network in float64, step by step, open to changes of its vectors.

    Attributes:
        layers: of the network.
        output: an output per step, or one per sequence.
    """

    def __init__(
        self, layers: Sequence[RealLayer], output: Output, systems: Sequence[Step | None] | None = None
    ) -> None:
        """A network of these layers; `systems` are other memories than those that the layers specify."""
        self.layers, self.output = tuple(layers), output
        specified = (None if layer.spec is None else discretize(layer.spec) for layer in self.layers)
        self._systems: list[Step | None] = list(specified if systems is None else systems)
        self._stateful = max(
            (k + 1 for k, layer in enumerate(self.layers) if layer.spec is not None or layer.recurrent), default=0
        )

    def counts(self, k: int, *, last: bool) -> bool:
        """Whether what layer `k` gives on at a step that is (not) the last one matters to anything."""
        every = last or self.output is Output.SEQUENCE
        return every or k + 1 < self._stateful or self.layers[k].recurrent

    def run(
        self,
        x: Array,
        *,
        change: Change | None = None,
        watch: Callable[[str, int, list[Array], Array], None] | None = None,
    ) -> Array:
        """Outputs, shape (batch, T, outputs), or (batch, outputs) where there is one per sequence.

        Args:
            x: shape (batch, T, inputs).
            change: applied to every vector (as columns) before anything sees it.
            watch: called for each map with "drive" or "affine", its layer, the vectors that it sees and the result.

        Raises:
            DesignError: a layer diverges.
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


def calibrate(layers: Sequence[RealLayer], output: Output, x: ArrayLike, inputs: int) -> Calibration:
    """Run the layers over `x` and say what their maps saw and gave.

    A map counts at the steps at which its result matters: behind the last state of a network with one output per
    sequence, at the last step.

    Args:
        layers: of the network.
        output: an output per step, or one per sequence.
        x: shape (batch, T, inputs).
        inputs: length of the network's x.

    Raises:
        DesignError: `x` has another shape or is not finite.
    """
    sequences = check_sequences(x, inputs, "calibration data")
    network = RealNetwork(layers, output)
    steps = sequences.shape[1]
    maps = {("drive", k): layer.drive for k, layer in enumerate(layers) if layer.drive is not None}
    maps |= {("affine", k): layer.affine for k, layer in enumerate(layers) if layer.affine is not None}
    seen = {key: CalibrationStatistics(real.parts, real.bias.size) for key, real in maps.items()}
    strides = {}
    for (which, k), real in maps.items():
        often = steps if which == "drive" or network.counts(k, last=False) else 1
        strides[which, k] = max(1, real.bias.size * often * sequences.shape[0] // _SAMPLES)

    def watch(which: str, k: int, vectors: list[Array], result: Array) -> None:
        seen[which, k].take(vectors, result, strides[which, k])

    for start in range(0, sequences.shape[0], _BATCH):
        network.run(sequences[start : start + _BATCH], watch=watch)
    return Calibration(
        sequences,
        tuple(seen.get(("drive", k)) for k in range(len(layers))),
        tuple(seen.get(("affine", k)) for k in range(len(layers))),
    )


def check_sequences(x: ArrayLike, inputs: int, what: str) -> Array:
    """Return `x` in float64 if it is a batch of finite sequences.

    Raises:
        DesignError: it is not.
    """
    array = np.asarray(x, dtype=np.float64)
    if array.ndim != 3 or array.shape[-1] != inputs or 0 in array.shape:
        raise DesignError(what, f"of shape (batch, T, {inputs}), none of them 0", array.shape)
    if not np.all(np.isfinite(array)):
        sequence, step = (int(k[0]) for k in np.nonzero(~np.isfinite(array).all(axis=2)))
        raise DesignError(what, "finite", f"NaN or infinity (sequence {sequence}, step {step})")
    return array
