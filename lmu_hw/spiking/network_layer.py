"""One layer of a network in spikes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.system import discretize, energy_per_unit
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import ACTIVATIONS, Activation, columns, drive
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_system
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind, Spikes, make_neurons, one_of
from lmu_hw.spiking.population import build_population, deviation
from lmu_hw.spiking.synapses import Synapse
from lmu_hw.spiking.tuning import Tuning


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


class SpikingUnits:
    """Hidden units, an ensemble for each: it sees the unit's sum, and its decoders give the unit's nonlinearity.

    Attributes:
        neurons: how many there are.
        mean_rate: of one, Hz, over what the units see.
    """

    def __init__(
        self,
        sums: Array,
        activation: Activation,
        per_unit: int,
        *,
        kind: NeuronKind,
        tuning: Tuning,
        seconds: float,
        seed: int,
    ) -> None:
        """Scale the ensembles to `sums`, what the trained units see, shape (count, hidden).

        Args:
            sums: examples of it.
            activation: what is decoded.
            per_unit: neurons for each.
            kind: of neuron.
            tuning: distribution of the tuning curves.
            seconds: how long a sample lasts, s.
            seed: of the tuning curves.

        Raises:
            DesignError: as `build_population`.
        """
        self._centre = sums.mean(axis=0)
        self._radius = np.maximum(sums.std(axis=0), 1e-6 * max(float(np.abs(sums).max()), 1.0)) / deviation(1)
        f = ACTIVATIONS[activation]
        self._kind, self._seconds = kind, seconds
        self._population = build_population(
            per_unit * self._centre.size,
            self._centre.size,
            1,
            curve=kind.curve,
            tuning=tuning,
            averaging=seconds,
            seed=seed,
            function=lambda unit, y: np.asarray(f(self._centre[unit] + self._radius[unit] * y)),
        )
        self.neurons = self._population.neurons
        self.mean_rate = float(self._population.mean_rates.mean())

    def begin(self, batch: int, seed: Sequence[int]) -> None:
        """Come to rest, for a batch of sequences and a seed of their spikes."""
        rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(tuple(seed))))
        self._neurons = make_neurons(self._kind, self._population, self._seconds, batch=batch, rng=rng)

    def step(self, sums: Array) -> Array:
        """What the units' spikes over a sample decode to, for their sums, shape (batch, hidden)."""
        return self._neurons.step(((sums - self._centre) / self._radius)[..., None])[..., 0]

    def fired(self) -> Spikes:
        """Who fired in the last step."""
        return self._neurons.spikes()


MEMORY, UNITS = "memory", "units"

#: Weight of the window beside what reads the states, as a share of it.
_WINDOW_SHARE = 0.1


@dataclass(frozen=True)
class Group:
    """The neurons of a memory, channel after channel, or of hidden units.

    Attributes:
        neurons: how many.
        ensembles: of equal size, one after the other; of a memory one for each state, of units one for each.
        mean_rate: of a neuron, Hz, as expected from the trained network.
    """

    neurons: int
    ensembles: int
    mean_rate: float


class SpikingLayer:
    """One layer in time.

    Attributes:
        groups: its populations by name, `MEMORY` and `UNITS`.
        reference: the trained layer's outputs on the calibration's inputs, shape (count, T, outputs).
    """

    def __init__(
        self,
        layer: CellParameters | MemoryParameters | DenseParameters,
        options: NetworkOptions,
        seed: int,
        x: Array,
    ) -> None:
        """Build it, scaled to what happens in the trained layer.

        Args:
            layer: as trained.
            options: how it is carried.
            seed: of the tuning curves.
            x: inputs like those to come, shape (count, T, inputs).

        Raises:
            DesignError: as `SpikingNetwork`.
        """
        self._layer, self._options = layer, options
        self._design: SpikingDesign | None = None
        self._channels = 0 if isinstance(layer, DenseParameters) else layer.channels
        self._gains: Array = np.ones(0)
        self.groups: dict[str, Group] = {}
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
            self.groups[UNITS] = Group(self._units.neurons, sums.shape[-1], self._units.mean_rate)

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
        u = self._seen = _drive(layer, x, self._states, self._hidden)
        self._states = self._memory.step((u / self._gains).ravel()).reshape(self._states.shape) * self._gains[:, None]
        sums = _sums(layer, x, self._states, self._hidden)
        if sums is None:
            return np.asarray(columns(self._states))
        self._hidden = self._react(sums)
        return self._hidden

    def fired(self) -> Iterator[tuple[str, Spikes]]:
        """Who of the first sequence fired in the last sample, by population."""
        for name, group in self.groups.items():
            if name == UNITS and self._units is not None:
                sequence, neuron = self._units.fired()
                numbers = neuron[sequence == 0]
            else:
                row, neuron = self._memory.fired()  # a row for each sequence's channel, those of the first one first
                mine = row < self._channels
                numbers = row[mine] * (group.neurons // self._channels) + neuron[mine]
            yield name, (np.zeros_like(numbers), numbers)

    def held(self) -> tuple[Array, Array] | None:
        """What the memory of the first sequence saw in the last sample, shape (channels,), and its states after it,
        shape (channels, order); None without a memory."""
        return (self._seen[0].copy(), self._states[0].copy()) if self._channels else None

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
        population = self._design.population
        rate = float(population.mean_rates.mean())
        self.groups[MEMORY] = Group(layer.channels * population.neurons, layer.channels * population.ensembles, rate)


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
    """The layer's own matrices that read the states, shape (r, channels·order) each.

    Those of the next layer are left out: where a memory has no hidden units, scaling the ensembles by the whole window
    loses less, because what a readout does not see must not saturate either.
    """
    if isinstance(layer, CellParameters):
        return [layer.memory_kernel, layer.memory_encoder]
    return [] if layer.memory_kernel is None else [layer.memory_kernel]
