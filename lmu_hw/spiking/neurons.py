"""Neurons in time: what a population's ensembles decode from one step to the next.

Each kind keeps its state in arrays that are made once, takes the values that its ensembles see during a step, and
returns what they decode from the spikes of that step. Currents are constant within a step, and the laws of the spikes
are exact for it however long it is: a neuron fires as often in a step as its rate asks for.

A further kind of neuron is a member of `NeuronKind` and a row of `_FORMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.spiking.poisson import PoissonNeurons
from lmu_hw.spiking.population import Population
from lmu_hw.spiking.tuning import LeakyIntegrateAndFire, RateCurve, RectifiedLinear

#: Sequence number and neuron number of each spike; a neuron that fired twice is there twice.
Spikes = tuple[NDArray[np.intp], NDArray[np.intp]]

#: Neurons, over all sequences, that are stepped together, so few that the intermediate results stay in the cache.
_TOGETHER = 1 << 16


class NeuronKind(StrEnum):
    """How neurons turn a current into output, by the names of the command line."""

    POISSON_LIF = "poisson-lif"
    POISSON_RELU = "poisson-relu"
    LIF = "lif"
    RATE_LIF = "rate-lif"
    RATE_RELU = "rate-relu"

    @property
    def curve(self) -> RateCurve:
        """The curve of the neuron's rates, with the usual time constants."""
        return _FORMS[self].curve()

    @property
    def random(self) -> bool:
        """Whether the spikes are random."""
        return _FORMS[self].neurons is PoissonNeurons


class Neurons(Protocol):
    """A population in time, for a batch of sequences side by side."""

    def step(self, x: Array) -> Array:
        """Advance by one step.

        Args:
            x: The values that the ensembles see, in radii, shape (batch, ensembles, dimensions).

        Returns:
            The values that the spikes of the step decode to, per second, shape (batch, ensembles, outputs).
        """

    def spikes(self) -> Spikes:
        """The spikes of the last step."""


def make_neurons(
    kind: NeuronKind, population: Population, dt: float, *, batch: int = 1, rng: np.random.Generator
) -> Neurons:
    """Neurons of a population at rest.

    Args:
        kind: The kind of neuron; its curve must be that of the population.
        population: The tuning curves and decoders.
        dt: The step, in seconds.
        batch: The number of sequences side by side.
        rng: The generator that Poisson spikes, and the voltages that regular neurons begin with, are drawn from.

    Raises:
        DesignError: The population has another kind of curve, or `dt` is not positive.
    """
    check_positive("dt", dt, "seconds")
    if not isinstance(population.curve, type(kind.curve)):
        raise DesignError(f"curve of {kind} neurons", type(kind.curve).__name__, type(population.curve).__name__)
    return _FORMS[kind].neurons(population, dt, batch, rng)


class RateNeurons:
    """Neurons without spikes, whose output is their rate."""

    def __init__(self, population: Population, dt: float, batch: int, rng: np.random.Generator) -> None:
        self._shape = batch, population.ensembles, population.outputs
        self._parts = [(k, population.part(k, i)) for k, i in population.pieces(_TOGETHER // batch)]

    def step(self, x: Array) -> Array:
        """See `Neurons`."""
        decoded = np.zeros(self._shape)
        for ensembles, part in self._parts:
            decoded[:, ensembles] += part.decode(part.rates(x[:, ensembles]))
        return decoded

    def spikes(self) -> Spikes:
        """No spikes."""
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)


class LIFNeurons:
    """Regular leaky integrate-and-fire neurons: τ_rc v̇ = J − v, a spike at v = 1, then v = 0 for τ_ref.

    The equation is solved within the step: the spike's time follows from the voltage in closed form, the refractory
    period begins at it, and whatever is left of the step is integrated again, until no neuron fires any more. At a
    constant current the rate is that of the curve at every dt. Voltages begin uniformly between 0 and 1.
    """

    def __init__(self, population: Population, dt: float, batch: int, rng: np.random.Generator) -> None:
        self._shape, self._size, self._dt = (batch, population.ensembles, population.outputs), population.size, dt
        voltage = rng.random((batch, population.ensembles, population.size))
        self._parts = [
            (k, i, _LIFPart(population.part(k, i), dt, np.ascontiguousarray(voltage[:, k, i])))
            for k, i in population.pieces(_TOGETHER // batch)
        ]

    def step(self, x: Array) -> Array:
        """See `Neurons`."""
        decoded = np.zeros(self._shape)
        for ensembles, _, part in self._parts:
            decoded[:, ensembles] += part.step(x[:, ensembles])
        decoded /= self._dt
        return decoded

    def spikes(self) -> Spikes:
        """See `Neurons`."""
        found = [(ensembles, neurons, part.fired()) for ensembles, neurons, part in self._parts]
        sequence = np.concatenate([sequence for _, _, (sequence, _, _) in found])
        neuron = np.concatenate([(e + k.start) * self._size + i.start + n for k, i, (_, e, n) in found])
        order = np.lexsort((neuron, sequence))
        return sequence[order], neuron[order]


class _LIFPart:
    """Some of the neurons of a population.

    Attributes:
        voltage: The voltages, from 0 to 1, shape (batch, ensembles, size).
        refractory: What is left of the refractory periods at the end of the step, in seconds, of the same shape.
    """

    def __init__(self, population: Population, dt: float, voltage: Array) -> None:
        if not isinstance(population.curve, LeakyIntegrateAndFire):
            raise DesignError("curve of lif neurons", "LeakyIntegrateAndFire", type(population.curve).__name__)
        self._population, self._curve, self._dt = population, population.curve, dt
        self.voltage = voltage
        self.refractory: Array = np.zeros(voltage.shape)
        self._fired = [np.empty(0, dtype=np.intp)]
        self._decay = np.expm1(-dt / self._curve.tau_rc)

    def step(self, x: Array) -> Array:
        """Advance by one step; return the values that its spikes decode to, shape (batch, ensembles, outputs)."""
        tau_rc, tau_ref, dt = self._curve.tau_rc, self._curve.tau_ref, self._dt
        current, counts = self._population.currents(x).ravel(), np.zeros(self.voltage.shape)
        voltage, refractory, fired = self.voltage.ravel(), self.refractory.ravel(), counts.ravel()
        held = np.flatnonzero(refractory)
        before = voltage[held]
        voltage += (voltage - current) * self._decay
        rest = np.maximum(dt - refractory[held], 0.0)
        voltage[held] = before + (before - current[held]) * np.expm1(-rest / tau_rc)
        np.maximum(voltage, 0.0, out=voltage)
        refractory[held] = np.maximum(refractory[held] - dt, 0.0)
        active = np.flatnonzero(voltage >= 1.0)
        self._fired = [active]
        while active.size:
            fired[active] += 1.0
            over = current[active]
            # From the crossing to the end of the step v went from 1 to `voltage`: J − v = (J − 1) e^{−t/τ}.
            left = np.minimum(tau_rc * np.log((over - 1.0) / np.maximum(over - voltage[active], 1e-300)), dt)
            after = np.maximum(left - tau_ref, 0.0)
            voltage[active] = -over * np.expm1(-after / tau_rc)
            refractory[active] = np.maximum(tau_ref - left, 0.0)
            active = active[voltage[active] >= 1.0]
            self._fired.append(active)
        return self._population.decode(counts)

    def fired(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """The sequence, ensemble and neuron of each spike of the last step, numbered within the part."""
        sequence, ensemble, neuron = np.unravel_index(np.concatenate(self._fired), self.voltage.shape)
        return sequence, ensemble, neuron


@dataclass(frozen=True)
class _Form:
    """How one kind of neuron turns a current into output.

    Attributes:
        curve: The rate curve of the neurons.
        neurons: The neurons in time, from population, step, batch and generator.
    """

    curve: Callable[[], RateCurve]
    neurons: Callable[[Population, float, int, np.random.Generator], Neurons]


_FORMS: Mapping[NeuronKind, _Form] = {
    NeuronKind.POISSON_LIF: _Form(LeakyIntegrateAndFire, PoissonNeurons),
    NeuronKind.POISSON_RELU: _Form(RectifiedLinear, PoissonNeurons),
    NeuronKind.LIF: _Form(LeakyIntegrateAndFire, LIFNeurons),
    NeuronKind.RATE_LIF: _Form(LeakyIntegrateAndFire, RateNeurons),
    NeuronKind.RATE_RELU: _Form(RectifiedLinear, RateNeurons),
}
