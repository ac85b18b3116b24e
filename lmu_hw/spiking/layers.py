"""The layers of a network in spikes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.registry import member
from lmu_hw.core.system import energy_per_unit
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.networks.model import Layer
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import ACTIVATIONS, Activation, columns
from lmu_hw.reference.layers import DenseParameters, MemoryLayer, MemoryParameters
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_system
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind, Spikes, make_neurons
from lmu_hw.spiking.population import build_population, deviation
from lmu_hw.spiking.synapses import Synapse
from lmu_hw.spiking.tuning import Tuning


class Scope(StrEnum):
    """Which parts of a network are in spikes."""

    MEMORY = "memory"
    ALL = "all"


@dataclass(frozen=True)
class NetworkOptions:
    """How a network is carried by neurons.

    Attributes:
        per_state: The number of neurons for each state of each memory.
        per_unit: The number of neurons for each hidden unit, where everything is in spikes.
        scope: Which parts of the network are in spikes.
        sample_seconds: The duration of a sample, in seconds.
        kind: The kind of neuron.
        synapse: The synapse at the connections of the memories.
        tuning: The distribution of the tuning curves.
        seed: The seed of the tuning curves and of the spikes.

    Raises:
        DesignError: A count or the duration is out of range, or the synapse is not of first order.
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
        object.__setattr__(self, "kind", member(NeuronKind, self.kind, "kind"))
        object.__setattr__(self, "scope", member(Scope, self.scope, "scope"))
        check_integer("neurons per state", self.per_state, 2)
        check_integer("neurons per unit", self.per_unit, 2)
        check_positive("sample_seconds", self.sample_seconds, "seconds")
        if self.synapse.order != 1:
            raise DesignError("synapse of a network", "of first order, which is never late", self.synapse.order)


class SpikingUnits:
    """Hidden units as one ensemble each, which sees the unit's sum and whose decoders give the unit's activation.

    Attributes:
        neurons: The number of neurons of all units.
        mean_rate: The mean rate of a neuron over the sums that the units see, in Hz.
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
        """Make ensembles that are scaled to what the trained units see.

        Args:
            sums: Examples of the sums that the trained units see, shape (count, hidden).
            activation: The activation that is decoded from the spikes.
            per_unit: The number of neurons for each unit.
            kind: The kind of neuron.
            tuning: The distribution of the tuning curves.
            seconds: The duration of a sample, in seconds.
            seed: The seed of the tuning curves.

        Raises:
            DesignError: The population cannot be built; see `build_population`.
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
        """Bring the neurons to rest, for a batch of sequences whose spikes are drawn from `seed`."""
        rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(tuple(seed))))
        self._neurons = make_neurons(self._kind, self._population, self._seconds, batch=batch, rng=rng)

    def step(self, sums: Array) -> Array:
        """Return what the units' spikes over a sample decode to, given their sums; both of shape (batch, hidden)."""
        return self._neurons.step(((sums - self._centre) / self._radius)[..., None])[..., 0]

    def fired(self) -> Spikes:
        """The spikes of the last step."""
        return self._neurons.spikes()


MEMORY, UNITS = "memory", "units"

#: The weight of the window beside that of the matrices which read the states, as a share of theirs.
_WINDOW_SHARE = 0.1


@dataclass(frozen=True)
class Group:
    """The neurons of a memory, channel after channel, or those of the hidden units.

    Attributes:
        neurons: The number of neurons.
        ensembles: The number of ensembles, which are of equal size; a state or a hidden unit has one each.
        mean_rate: The mean rate of a neuron, in Hz, as expected from the trained network.
    """

    neurons: int
    ensembles: int
    mean_rate: float


class SpikingLayer(ABC):
    """One layer in time.

    Attributes:
        groups: The populations of the layer by name, `MEMORY` and `UNITS`.
        reference: The outputs of the trained layer on the calibration inputs, shape (count, T, outputs).
    """

    groups: dict[str, Group]
    reference: Array

    @abstractmethod
    def begin(self, batch: int, seed: Sequence[int]) -> None:
        """Bring the layer to rest, for a batch of sequences whose spikes are drawn from `seed`."""

    @abstractmethod
    def sample(self, x: Array) -> Array:
        """Return the outputs after a sample, shape (batch, outputs)."""

    @abstractmethod
    def fired(self) -> Iterator[tuple[str, Spikes]]:
        """Yield the spikes of the first sequence in the last sample, population by population."""

    def held(self) -> tuple[Array, Array] | None:
        """What the memories of the first sequence saw in the last sample and hold after it.

        Returns:
            The drive, shape (channels,), and the states, shape (channels, order); None for a layer without memories.
        """
        return None


class _HiddenUnits:
    """What turns sums into outputs: spiking units, or the activation as it was trained.

    Attributes:
        groups: The population of the units, where there is one.
    """

    def __init__(self, sums: Array, activation: Activation, options: NetworkOptions, seed: int) -> None:
        """Choose the form that `options` ask for.

        Args:
            sums: Examples of what the trained units see, shape (count, T, hidden).
            activation: The activation of the units.
            options: How the network is carried.
            seed: The seed of the layer's tuning curves.

        Raises:
            DesignError: The population cannot be built; see `build_population`.
        """
        self._activation = activation
        self._units: SpikingUnits | None = None
        self.groups: dict[str, Group] = {}
        if options.scope is Scope.ALL and activation is not Activation.IDENTITY:
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
        """Bring the neurons to rest, for a batch of sequences whose spikes are drawn from `seed`."""
        if self._units is not None:
            self._units.begin(batch, seed)

    def react(self, sums: Array) -> Array:
        """Return the hidden units for their sums; both of shape (batch, hidden)."""
        if self._units is None:
            return np.asarray(ACTIVATIONS[self._activation](sums))
        return self._units.step(sums)

    def fired(self) -> Iterator[tuple[str, Spikes]]:
        """Yield the spikes of the first sequence in the last sample, where there are spiking units."""
        if self._units is not None:
            sequence, neuron = self._units.fired()
            numbers = neuron[sequence == 0]
            yield UNITS, (np.zeros_like(numbers), numbers)


class SpikingDense(SpikingLayer):
    """A dense layer: weights on connections, and hidden units."""

    def __init__(self, layer: DenseParameters, options: NetworkOptions, seed: int, x: Array) -> None:
        """See `spiking_layer`."""
        self._layer = layer
        sums = layer.sums(x)
        self._hidden = _HiddenUnits(sums, layer.activation, options, seed)
        self.groups = self._hidden.groups
        self.reference = np.asarray(ACTIVATIONS[layer.activation](sums))

    def begin(self, batch: int, seed: Sequence[int]) -> None:
        """See `SpikingLayer`."""
        self._hidden.begin(batch, (*seed, 1))

    def sample(self, x: Array) -> Array:
        """See `SpikingLayer`."""
        return self._hidden.react(self._layer.sums(x))

    def fired(self) -> Iterator[tuple[str, Spikes]]:
        """See `SpikingLayer`."""
        return self._hidden.fired()


class SpikingMemoryLayer(SpikingLayer):
    """A layer with memories, which neurons carry, and hidden units where it has any."""

    def __init__(self, layer: MemoryLayer, options: NetworkOptions, seed: int, x: Array) -> None:
        """See `spiking_layer`."""
        system = layer.system
        if system.input.size != layer.order:
            raise DesignError(
                "discretization", "one with a single bank of states for spikes", layer.spec.discretization
            )
        self._layer = layer
        count, steps = x.shape[:2]
        z, hidden = np.zeros((count, layer.channels, layer.order)), np.zeros((count, layer.hidden))
        drives, states, sums = (np.empty((steps, *a.shape)) for a in (z[..., 0], z, hidden))
        for t in range(steps):
            drives[t] = layer.drive(x[:, t], hidden, z)
            z = z @ system.transition.T + drives[t][..., None] * system.input
            states[t] = z
            after = layer.sums(x[:, t], hidden, z)
            if after is not None:
                sums[t], hidden = after, np.asarray(ACTIVATIONS[layer.activation](after))
        self._gains = np.sqrt(np.mean(drives**2, axis=(0, 1)))
        self._gains[self._gains == 0.0] = 1.0
        self._design = self._designed(options, seed, states)
        population = self._design.population
        rate = float(population.mean_rates.mean())
        neurons, ensembles = layer.channels * population.neurons, layer.channels * population.ensembles
        self.groups = {MEMORY: Group(neurons, ensembles, rate)}
        self._neurons = population.neurons
        self._units: _HiddenUnits | None = None
        if layer.hidden:
            sums = np.moveaxis(sums, 0, 1)
            self._units = _HiddenUnits(sums, layer.activation, options, seed)
            self.groups |= self._units.groups
            self.reference = np.asarray(ACTIVATIONS[layer.activation](sums))
        else:
            self.reference = np.moveaxis(columns(states), 0, 1)

    def begin(self, batch: int, seed: Sequence[int]) -> None:
        """See `SpikingLayer`."""
        layer = self._layer
        self._memory = SpikingMemory(self._design, seed=(*seed, 0))
        self._states = np.zeros((batch, layer.channels, layer.order))
        self._hidden = np.zeros((batch, layer.hidden))
        if self._units is not None:
            self._units.begin(batch, (*seed, 1))

    def sample(self, x: Array) -> Array:
        """See `SpikingLayer`."""
        u = self._seen = self._layer.drive(x, self._hidden, self._states)
        self._states = self._memory.step((u / self._gains).ravel()).reshape(self._states.shape) * self._gains[:, None]
        sums = self._layer.sums(x, self._hidden, self._states)
        if sums is None or self._units is None:
            return np.asarray(columns(self._states))
        self._hidden = self._units.react(sums)
        return self._hidden

    def fired(self) -> Iterator[tuple[str, Spikes]]:
        """See `SpikingLayer`."""
        row, neuron = self._memory.fired()  # a row for each channel of each sequence, the first sequence's first
        mine = row < self._layer.channels
        numbers = row[mine] * self._neurons + neuron[mine]
        yield MEMORY, (np.zeros_like(numbers), numbers)
        if self._units is not None:
            yield from self._units.fired()

    def held(self) -> tuple[Array, Array] | None:
        """See `SpikingLayer`."""
        return self._seen[0].copy(), self._states[0].copy()

    def _designed(self, options: NetworkOptions, seed: int, states: Array) -> SpikingDesign:
        """The memory of one channel in neurons, scaled to the states of the trained layer, (T, count, channels, order).

        The error that counts is that of what the layer's own matrices read, and of the whole window beside it. The
        matrices of the next layer are left out: where a memory has no hidden units, scaling the ensembles by the whole
        window loses less, because what a readout does not see must not saturate either.
        """
        layer, order = self._layer, self._layer.order
        scaled = (states / self._gains[:, None]).reshape(-1, order)
        window = np.diag(energy_per_unit(layer.spec))
        rows = [kernel.reshape(-1, layer.channels, order) for kernel in layer.state_readers]
        weights = np.concatenate([(kernel * self._gains[:, None]).reshape(-1, order) for kernel in rows] or [window])
        scale = np.linalg.norm(weights) / np.linalg.norm(window)
        return design_system(
            layer.system.transition,
            layer.system.input,
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


#: The spiking form of each kind of layer that has one.
_FORMS: Mapping[type[Layer], Any] = {
    CellParameters: SpikingMemoryLayer,
    MemoryParameters: SpikingMemoryLayer,
    DenseParameters: SpikingDense,
}


def spiking_layer(name: str, layer: Layer, options: NetworkOptions, seed: int, x: Array) -> SpikingLayer:
    """Build the spiking form of a trained layer, scaled to what happens in it on some inputs.

    Args:
        name: The name of the layer in messages.
        layer: The trained layer.
        options: How the network is carried.
        seed: The seed of the tuning curves.
        x: Inputs of the layer like those to come, shape (count, T, inputs).

    Raises:
        DesignError: The layer is of a kind that has no spiking form, or the options do not fit.
    """
    if type(layer) not in _FORMS:
        *others, last = (kind.kind for kind in _FORMS)
        raise DesignError(name, f"of a kind that has a spiking form: {', '.join(others)} or {last}", layer.kind)
    made: SpikingLayer = _FORMS[type(layer)](layer, options, seed, x)
    return made
