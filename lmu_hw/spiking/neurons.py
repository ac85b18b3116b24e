"""Neurons in time: what a population's ensembles decode from one step to the next.

Each kind keeps its state in arrays that are made once, takes the values that its ensembles see during a step, and
gives back what they decode from the spikes of that step. The currents are constant within a step; so are the laws of
the spikes, which are exact for it however long it is: a neuron fires as often in a step as its rate asks for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmu_hw.arguments import check_positive
from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array
from lmu_hw.spiking.curves import LeakyIntegrateAndFire, RateCurve, RectifiedLinear
from lmu_hw.spiking.poisson import poisson_neurons
from lmu_hw.spiking.population import Population

#: Numbers of sequences and of neurons that fired, in pairs; a neuron that fired twice is there twice.
Spikes = tuple[NDArray[np.intp], NDArray[np.intp]]

_E = TypeVar("_E", bound=StrEnum)


class NeuronKind(StrEnum):
    """How neurons turn a current into output, by the names of the command line."""

    POISSON_LIF = "poisson-lif"
    POISSON_RELU = "poisson-relu"
    LIF = "lif"
    RATE_LIF = "rate-lif"
    RATE_RELU = "rate-relu"

    @property
    def curve(self) -> RateCurve:
        """The curve of its rates, with the usual time constants."""
        return RectifiedLinear() if self in (NeuronKind.POISSON_RELU, NeuronKind.RATE_RELU) else LeakyIntegrateAndFire()

    @property
    def random(self) -> bool:
        """Whether its spikes are."""
        return self in (NeuronKind.POISSON_LIF, NeuronKind.POISSON_RELU)


def one_of(kind: type[_E], value: object, what: str) -> _E:
    """The member of `kind` that `value` is or names.

    Raises:
        DesignError: there is none; says `what`.
    """
    try:
        return kind(str(value))
    except ValueError:
        raise DesignError(what, "one of " + ", ".join(kind), value) from None


class Neurons(Protocol):
    """A population in time, for a batch of sequences side by side."""

    def step(self, x: Array) -> Array:
        """What a step decodes to, per second: shape (batch, ensembles, outputs), for values in radii, shape (batch,
        ensembles, dimensions)."""

    def spikes(self) -> Spikes:
        """Who fired in the last step."""


def make_neurons(
    kind: NeuronKind, population: Population, dt: float, *, batch: int = 1, rng: np.random.Generator
) -> Neurons:
    """Neurons of a population at rest.

    Args:
        kind: of neuron; its curve must be the population's.
        population: tuning curves and decoders.
        dt: s.
        batch: sequences side by side.
        rng: what Poisson spikes are drawn from, and the phases that regular neurons begin with.

    Raises:
        DesignError: the population has another kind of curve, or `dt` is not positive.
    """
    check_positive("dt", dt, "seconds")
    if not isinstance(population.curve, type(kind.curve)):
        raise DesignError(f"curve of {kind} neurons", type(kind.curve).__name__, type(population.curve).__name__)
    if kind.random:
        return poisson_neurons(population, dt, batch, rng)
    if kind is NeuronKind.LIF:
        return LIFNeurons(population, dt, batch, rng)
    return RateNeurons(population, batch)


class RateNeurons:
    """No spikes: each neuron gives out its rate."""

    def __init__(self, population: Population, batch: int) -> None:
        self._population = population

    def step(self, x: Array) -> Array:
        """See `Neurons`."""
        return self._population.decode(self._population.rates(x))

    def spikes(self) -> Spikes:
        """There are none."""
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)


class LIFNeurons:
    """Regular leaky integrate-and-fire neurons: τ_rc v̇ = J − v, a spike at v = 1, then v = 0 for τ_ref.

    The equation is solved within the step: the spike's time follows from the voltage in closed form, the refractory
    period begins at it, and whatever is left of the step is integrated again, until no neuron fires any more. At a
    constant current the rate is that of the curve at every dt. Voltages begin uniformly between 0 and 1.

    Attributes:
        voltage: shape (batch, ensembles, size), from 0 to 1.
        refractory: what is left of the refractory period at the end of the step, s, same shape.
    """

    def __init__(self, population: Population, dt: float, batch: int, rng: np.random.Generator) -> None:
        if not isinstance(population.curve, LeakyIntegrateAndFire):
            raise DesignError("curve of lif neurons", "LeakyIntegrateAndFire", type(population.curve).__name__)
        shape = (batch, population.ensembles, population.size)
        self._population, self._curve, self._dt = population, population.curve, dt
        self.voltage: Array = rng.random(shape)
        self.refractory: Array = np.zeros(shape)
        self._counts: Array = np.zeros(shape)
        self._decay = np.expm1(-dt / self._curve.tau_rc)

    def step(self, x: Array) -> Array:
        """See `Neurons`."""
        tau_rc, tau_ref, dt = self._curve.tau_rc, self._curve.tau_ref, self._dt
        current = self._population.currents(x)
        counts, flat = self._counts, current.ravel()
        counts.fill(0.0)
        voltage, refractory, fired = self.voltage.ravel(), self.refractory.ravel(), counts.ravel()
        held = np.flatnonzero(refractory)
        before = voltage[held]
        voltage += (voltage - flat) * self._decay
        rest = np.maximum(dt - refractory[held], 0.0)
        voltage[held] = before + (before - flat[held]) * np.expm1(-rest / tau_rc)
        np.maximum(voltage, 0.0, out=voltage)
        refractory[held] = np.maximum(refractory[held] - dt, 0.0)
        active = np.flatnonzero(voltage >= 1.0)
        while active.size:
            fired[active] += 1.0
            over = flat[active]
            # From the crossing to the end of the step v went from 1 to `voltage`: J − v = (J − 1) e^{−t/τ}.
            left = np.minimum(tau_rc * np.log((over - 1.0) / np.maximum(over - voltage[active], 1e-300)), dt)
            after = np.maximum(left - tau_ref, 0.0)
            voltage[active] = -over * np.expm1(-after / tau_rc)
            refractory[active] = np.maximum(tau_ref - left, 0.0)
            active = active[voltage[active] >= 1.0]
        return self._population.decode(counts) / dt

    def spikes(self) -> Spikes:
        """See `Neurons`."""
        batch, size = self._counts.shape[0], self._population.neurons
        counts = self._counts.reshape(batch, size).astype(np.intp)
        sequence, neuron = np.nonzero(counts)
        times = counts[sequence, neuron]
        return np.repeat(sequence, times), np.repeat(neuron, times)
