"""Trained networks in spikes: the memories alone, the rest as trained, or everything.

Each sample lasts `sample_seconds` of simulated time, and that is the step of the simulation: neurons see what their
ensembles carry held over the sample, and their spikes are counted over it. So the sampled map (see `synapses`) carries
each memory exactly by the step it was trained with, whatever the rule; a longer sample, like more neurons, means more
spikes and less noise.

With everything in spikes each hidden unit has an ensemble that sees the unit's sum, and whose decoders give the unit's
nonlinearity from the spikes of one sample; linear layers are weights on connections. With the memories alone hidden
units are computed from the decoded states as trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.arguments import check_integer, check_positive
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.legendre import Array
from lmu_hw.network import Network, Output
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import ACTIVATIONS, Activation, columns, drive
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_system
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory, join_trains
from lmu_hw.spiking.neurons import NeuronKind, Spikes, one_of
from lmu_hw.spiking.synapses import Synapse
from lmu_hw.spiking.tuning import Tuning
from lmu_hw.spiking.units import SpikingUnits
from lmu_hw.system import discretize, energy_per_unit

#: Weight of the window beside what the layer reads from the states, as a share of it.
_WINDOW_SHARE = 0.1

#: Neurons of sequences that are simulated side by side: more of them and their spikes leave the cache.
_TOGETHER = 100_000

_Trains = dict[str, list[tuple[int, Spikes]]]


class Scope(StrEnum):
    """What of a network is in spikes."""

    MEMORY = "memory"
    ALL = "all"


@dataclass(frozen=True)
class NetworkOptions:
    """How a network is carried by neurons.

    Attributes:
        per_state: neurons for each state of each memory.
        per_unit: neurons for each hidden unit, where everything is in spikes.
        scope: what is in spikes.
        sample_seconds: how long a sample lasts, s.
        kind: of neuron.
        synapse: of the memories.
        tuning: distribution of the tuning curves.
        seed: of tuning curves and spikes.

    Raises:
        DesignError: a count or the time is out of range, or the synapse is not of first order.
    """

    per_state: int = 100
    per_unit: int = 100
    scope: Scope = Scope.MEMORY
    sample_seconds: float = 0.02
    kind: NeuronKind = NeuronKind.POISSON_LIF
    synapse: Synapse = field(default_factory=lambda: Synapse.low_pass(0.1))
    tuning: Tuning = field(default_factory=Tuning)
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", one_of(NeuronKind, self.kind, "kind"))
        object.__setattr__(self, "scope", one_of(Scope, self.scope, "scope"))
        check_integer("neurons per state", self.per_state, 2)
        check_integer("neurons per unit", self.per_unit, 2)
        check_positive("sample_seconds", self.sample_seconds, "seconds")
        if self.synapse.order != 1:
            raise DesignError("synapse of a network", "of first order, which is never late", self.synapse.order)


class SpikingNetwork:
    """A network in spikes, whole sequences from rest.

    Attributes:
        network: as trained.
        options: how it is carried.
        neurons: how many there are.
        spikes: of the first sequence of the last `run` with `record`, by layer: "layerK.memory", neurons of channel
            after channel, and "layerK.units".
        states: of the memories there, by layer, shape (T, channels, order).
    """

    def __init__(self, network: Network, options: NetworkOptions, calibration: ArrayLike) -> None:
        """Build it, scaled to what happens in the trained network on some inputs.

        Args:
            network: of memory layers, cells and dense layers.
            options: how it is carried.
            calibration: inputs like those to come, shape (count, T, inputs).

        Raises:
            DesignError: a layer is of a kind that has no spiking form, or the options do not fit.
        """
        self.network, self.options = network, options
        self.spikes: dict[str, SpikeTrains] = {}
        self.states: dict[str, Array] = {}
        self._layers: list[_Layer] = []
        seen = _checked(network, calibration)
        seen = (seen - network.input_offset) * network.input_scale
        for k, layer in enumerate(network.layers):
            if not isinstance(layer, CellParameters | MemoryParameters | DenseParameters):
                raise DesignError(network.name(k), "of a kind that has a spiking form: lmu, memory or dense", "lstm")
            made = _Layer(layer, options, 1000 * options.seed + k, seen)
            seen = made.reference
            self._layers.append(made)
        self.neurons = sum(layer.neurons for layer in self._layers)

    def run(
        self, x: ArrayLike, *, seed: int | None = None, return_sequences: bool | None = None, record: bool = False
    ) -> Array:
        """Outputs for a batch of sequences, each with neurons of its own, from rest.

        Args:
            x: shape (batch, T, inputs).
            seed: of the spikes; that of the options by default.
            return_sequences: an output per sample, or the one after the last; by default what the network says.
            record: keep the spikes of the first sequence in `spikes`, and its decoded states in `states`.

        Returns:
            Shape (batch, T, outputs) or (batch, outputs).
        """
        samples = _checked(self.network, x)
        every = self.network.output is Output.SEQUENCE if return_sequences is None else return_sequences
        seed = self.options.seed if seed is None else seed
        trains: _Trains = {}
        states: dict[str, list[Array]] = {}
        together = max(1, _TOGETHER // max(1, self.neurons))
        outputs = np.empty((*samples.shape[:2], self.network.outputs))
        for start in range(0, len(samples), together):
            part = samples[start : start + together]
            for k, layer in enumerate(self._layers):
                layer.begin(len(part), (seed, start, k))
            for t in range(samples.shape[1]):
                y = (part[:, t] - self.network.input_offset) * self.network.input_scale
                for layer in self._layers:
                    y = layer.sample(y)
                outputs[start : start + together, t] = y
                if record and start == 0:
                    for k, layer in enumerate(self._layers):
                        layer.note(t, f"layer{k}", trains, states)
        self.spikes = {name: join_trains(parts) for name, parts in trains.items()}
        self.states = {name: np.stack(parts) for name, parts in states.items()}
        return outputs if every else outputs[:, -1]

    def classify(self, x: ArrayLike, *, seed: int | None = None) -> IntArray:
        """The class of the largest output after the last sample, shape (batch,)."""
        classes: IntArray = np.argmax(self.run(x, seed=seed, return_sequences=False), axis=-1)
        return classes


class _Layer:
    """One layer in time; `reference` are the trained layer's outputs on the calibration's inputs."""

    def __init__(
        self, layer: CellParameters | MemoryParameters | DenseParameters, options: NetworkOptions, seed: int, x: Array
    ) -> None:
        self._layer, self._options = layer, options
        self._design: SpikingDesign | None = None
        self._gains: Array = np.ones(0)
        self.neurons = 0
        sums, self.reference = self._calibrate(x, seed)
        activation = Activation.IDENTITY if sums is None else layer.activation
        self._units = None
        if sums is not None and options.scope is Scope.ALL and activation is not Activation.IDENTITY:
            self._units = SpikingUnits(
                sums.reshape(-1, sums.shape[-1]),
                activation,
                options.per_unit,
                kind=options.kind,
                tuning=options.tuning,
                seconds=options.sample_seconds,
                seed=seed + 500,
            )
            self.neurons += self._units.neurons

    def begin(self, batch: int, seed: Sequence[int]) -> None:
        """Come to rest, for a batch of sequences."""
        layer = self._layer
        if isinstance(layer, CellParameters | MemoryParameters) and self._design is not None:
            self._memory = SpikingMemory(self._design, seed=(*seed, 0))
            self._states = np.zeros((batch, layer.channels, layer.spec.order))
            self._hidden = np.zeros((batch, layer.hidden))
        if self._units is not None:
            self._units.begin(batch, (*seed, 1))

    def sample(self, x: Array) -> Array:
        """What the layer gives on after a sample, shape (batch, outputs)."""
        layer = self._layer
        if isinstance(layer, DenseParameters):
            return self._react(x @ layer.kernel.T + layer.bias)
        u = _drive(layer, x, self._states, self._hidden)
        self._states = self._memory.step((u / self._gains).ravel()).reshape(self._states.shape) * self._gains[:, None]
        sums = _sums(layer, x, self._states, self._hidden)
        if sums is None:
            return np.asarray(columns(self._states))
        self._hidden = self._react(sums)
        return self._hidden

    def note(
        self, t: int, name: str, trains: dict[str, list[tuple[int, Spikes]]], states: dict[str, list[Array]]
    ) -> None:
        """Add what the first sequence did in sample `t`."""
        if self._design is not None and isinstance(self._layer, CellParameters | MemoryParameters):
            channel, neuron = self._memory.fired()
            mine = channel < self._layer.channels
            numbers = channel[mine] * self._design.population.neurons + neuron[mine]
            trains.setdefault(f"{name}.memory", []).append((t, (np.zeros_like(numbers), numbers)))
            states.setdefault(name, []).append(self._states[0].copy())
        if self._units is not None:
            sequence, neuron = self._units.fired()
            first = sequence == 0
            trains.setdefault(f"{name}.units", []).append((t, (sequence[first], neuron[first])))

    def _react(self, sums: Array) -> Array:
        """Hidden units for their sums, shape (batch, hidden)."""
        if self._units is None:
            return np.asarray(ACTIVATIONS[self._layer.activation](sums))
        return self._units.step(sums)

    def _calibrate(self, x: Array, seed: int) -> tuple[Array | None, Array]:
        """Build the memories, and give sums and outputs of the trained layer, shape (count, T, hidden)."""
        layer = self._layer
        if isinstance(layer, DenseParameters):
            sums = x @ layer.kernel.T + layer.bias
            return sums, np.asarray(ACTIVATIONS[layer.activation](sums))
        system = discretize(layer.spec)
        if system.input.size != layer.spec.order:
            raise DesignError(
                "discretization", "one with a single bank of states for spikes", layer.spec.discretization
            )
        count, steps = x.shape[:2]
        z, hidden = np.zeros((count, layer.channels, layer.spec.order)), np.zeros((count, layer.hidden))
        drives, states, sums = (np.empty((steps, *a.shape)) for a in (z[..., 0], z, hidden))
        for t in range(steps):
            drives[t] = _drive(layer, x[:, t], z, hidden)
            z = z @ system.transition.T + drives[t][..., None] * system.input
            states[t] = z
            after = _sums(layer, x[:, t], z, hidden)
            if after is not None:
                sums[t], hidden = after, np.asarray(ACTIVATIONS[layer.activation](after))
        self._build_memory(layer, drives, states, seed)
        if not layer.hidden:
            return None, np.moveaxis(columns(states), 0, 1)
        sums = np.moveaxis(sums, 0, 1)
        return sums, np.asarray(ACTIVATIONS[layer.activation](sums))

    def _build_memory(self, layer: CellParameters | MemoryParameters, drives: Array, states: Array, seed: int) -> None:
        options, order = self._options, layer.spec.order
        self._gains = np.sqrt(np.mean(drives**2, axis=(0, 1)))
        self._gains[self._gains == 0.0] = 1.0
        scaled = (states / self._gains[:, None]).reshape(-1, order)
        system = discretize(layer.spec)
        window = np.diag(energy_per_unit(layer.spec))
        rows = [kernel.reshape(-1, layer.channels, order) for kernel in _readers(layer)]
        weights = np.concatenate([(kernel * self._gains[:, None]).reshape(-1, order) for kernel in rows] or [window])
        scale = np.linalg.norm(weights) / np.linalg.norm(window)
        self._design = design_system(
            system.transition,
            system.input,
            options.sample_seconds,
            np.concatenate([weights, _WINDOW_SHARE * scale * window]),
            SpikingOptions(
                options.per_state * order,
                kind=options.kind,
                synapse=options.synapse,
                tuning=options.tuning,
                seed=seed,
            ),
            covariance=scaled.T @ scaled / len(scaled),
        )
        self.neurons += layer.channels * self._design.population.neurons


def _drive(layer: CellParameters | MemoryParameters, x: Array, states: Array, hidden: Array) -> Array:
    """u, shape (batch, channels)."""
    if isinstance(layer, MemoryParameters):
        return x @ layer.input_encoder.T + layer.input_bias
    return np.asarray(drive(layer.weights, x, hidden, states))


def _sums(layer: CellParameters | MemoryParameters, x: Array, states: Array, hidden: Array) -> Array | None:
    """What the hidden units' nonlinearity sees, shape (batch, hidden); None without hidden units."""
    if layer.memory_kernel is None or layer.input_kernel is None or layer.bias is None:
        return None
    sums = columns(states) @ layer.memory_kernel.T + x @ layer.input_kernel.T + layer.bias
    if isinstance(layer, CellParameters):
        sums += hidden @ layer.hidden_kernel.T
    return np.asarray(sums)


def _readers(layer: CellParameters | MemoryParameters) -> list[Array]:
    """The matrices that read the states, shape (r, channels·order) each."""
    if isinstance(layer, CellParameters):
        return [layer.memory_kernel, layer.memory_encoder]
    return [] if layer.memory_kernel is None else [layer.memory_kernel]


def _checked(network: Network, x: ArrayLike) -> Array:
    samples = np.asarray(x, dtype=np.float64)
    if samples.ndim != 3 or samples.shape[-1] != network.inputs or 0 in samples.shape:
        raise DesignError(
            "input of the network", f"of shape (batch, T, {network.inputs}), none of them 0", samples.shape
        )
    if not np.all(np.isfinite(samples)):
        raise DesignError("input of the network", "finite", "NaN or infinity")
    return samples
