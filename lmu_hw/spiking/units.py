"""Hidden units of a network in spikes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmu_hw.legendre import Array
from lmu_hw.reference.definition import ACTIVATIONS, Activation
from lmu_hw.spiking.decoders import deviation
from lmu_hw.spiking.neurons import NeuronKind, Spikes, make_neurons
from lmu_hw.spiking.population import build_population
from lmu_hw.spiking.tuning import Tuning


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
