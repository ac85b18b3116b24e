"""A memory carried by spiking neurons, before it runs: coordinates, populations and the factored recurrence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmu_hw.core.display import Displayed, number
from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.registry import member
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import continuous, coordinates, discretize, energy_per_unit
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.spiking.coordinates import Coordinates, balanced, band_covariance, noise_gain, with_floor
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.population import Population, build_population, deviation
from lmu_hw.spiking.synapses import Recurrence, Synapse, SynapseForm, map_continuous, map_sampled
from lmu_hw.spiking.tuning import Tuning

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot

#: The default RMS of the input: about that of a roughly Gaussian signal with a peak of 1.
RMS = 1.0 / 3.0

#: The weight of the whole window beside that of chosen delays, so that no combination of states may drift unseen.
_WINDOW_SHARE = 0.1


@dataclass(frozen=True)
class SpikingOptions:
    """How a memory is carried by neurons.

    Attributes:
        neurons: The number of neurons in all ensembles together.
        ensembles: The number of ensembles among which the states are divided; one for each state by default.
        kind: The kind of neuron.
        synapse: The synapse at all connections.
        form: The form of the synapse from which the recurrence is derived.
        coordinates: What the ensembles represent.
        band_hz: The highest frequency of the input; by default order/4 cycles per window.
        rms: The root mean square of the input.
        delays: The fractions of the window at which the input is to be read best; the whole window by default.
        tuning: The distribution of the tuning curves.
        seed: The seed of the tuning curves and of the spikes.

    Raises:
        DesignError: There is no such kind, form or choice of coordinates.
    """

    neurons: int
    ensembles: int | None = None
    kind: NeuronKind = NeuronKind.POISSON_LIF
    synapse: Synapse = field(default_factory=lambda: Synapse.low_pass(0.1))
    form: SynapseForm = SynapseForm.SAMPLED
    coordinates: Coordinates = Coordinates.BALANCED
    band_hz: float | None = None
    rms: float = RMS
    delays: tuple[float, ...] = ()
    tuning: Tuning = field(default_factory=Tuning)
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (("kind", NeuronKind), ("form", SynapseForm), ("coordinates", Coordinates)):
            object.__setattr__(self, name, member(kind, getattr(self, name), name))


@dataclass(frozen=True, eq=False, repr=False)
class SpikingDesign(Displayed):
    """A memory as neurons. None of its arrays is larger than order × order or neurons × (order/ensembles).

    The ensembles carry y in radii, and the states are x = transform·y. In each step the ensembles see y_k and decode
    ŷ_k = D·(spikes of the step)/dt; y_{k+p} follows from `recurrence`. The product encoders × A_rec × decoders is never
    formed.

    Attributes:
        options: The options from which the design was made.
        dt: The step of the simulation, in seconds.
        transition: The transition matrix of the memory x⁺ = transition·x + drive·u that is carried, in the units of
            the states.
        drive: The input vector of that memory.
        transform: The matrix from y to the states x, shape (order, order).
        recurrence: The recurrence that y follows.
        population: The neurons; the dimensions of its ensembles are order/ensembles.
        weights: The matrix that reads the states: the error that counts is the sum of squares of weights·(error of x),
            shape (r, order). For the whole window it is diagonal: orthonormal coordinates per unit of each state.
    """

    options: SpikingOptions
    dt: float
    transition: Array
    drive: Array
    transform: Array
    recurrence: Recurrence
    population: Population
    weights: Array

    def _facts(self) -> Iterable[tuple[str, str]]:
        population = self.population
        yield "states", str(self.order)
        yield "neurons", f"{population.ensembles * population.size} {self.options.kind}"
        yield "ensembles", str(population.ensembles)
        yield "predicted RMS error", number(self.predicted_error)

    def plot(self) -> Plot:
        """Draw how often each maximum rate and each intercept occurs: the tuning of the neurons."""
        from lmu_hw.core.figures import points_figure

        population = self.population
        where = (population.intercepts.ravel(), population.max_rates.ravel())
        return points_figure("Tuning of the neurons", "intercept", "maximum rate (Hz)", *where)

    @property
    def order(self) -> int:
        """The number of states."""
        return int(self.drive.size)

    @cached_property
    def predicted_error(self) -> float:
        """The RMS error of weights·x that the noise of Poisson spikes causes through the loop, without distortion.

        By default that is the error of the decoded window, u(t − θ′) for 0 ≤ θ′ ≤ θ, whose mean square is the sum of
        squares of the errors of the orthonormal states.
        """
        gain = noise_gain(self.recurrence, self.weights @ self.transform)
        noise = self.population.spike_noise.ravel() / self.dt
        return float(np.sqrt(np.diag(gain) @ noise))


PER_STATE = 100
"""The default number of neurons for each state."""


def design_memory(
    spec: LMUSpec,
    options: SpikingOptions | None = None,
    *,
    neurons: int | None = None,
    neuron_kind: NeuronKind | str = NeuronKind.POISSON_LIF,
    ensembles: int | None = None,
    coordinates: Coordinates | str = Coordinates.BALANCED,
    tau: Sequence[float] = (0.1,),
    band: float | None = None,
    max_rates: tuple[float, float] = Tuning.max_rates,
    intercepts: tuple[float, float] = Tuning.intercepts,
    delays: Sequence[float] = (),
    seed: int = 0,
) -> SpikingDesign:
    """Carry the memory of `spec` by neurons; the step of the simulation is that of the memory.

    Args:
        spec: The specification of the memory, of a method with one bank of states (any but ab2).
        options: How the memory is carried; by default it is said by the arguments that follow, which count only then.
        neurons: The number of neurons; by default 100 for each state.
        neuron_kind: The kind of neuron.
        ensembles: The number of ensembles, a divisor of the order; by default one for each state.
        coordinates: What the ensembles represent.
        tau: The time constants of the synapse's low-pass filters, in seconds.
        band: The highest frequency of the input, in Hz; by default order/4 cycles per window.
        max_rates: The range of the maximum rates, in Hz.
        intercepts: The range of the values, from −1 to 1, from which on neurons fire.
        delays: The fractions of the window at which the input is to be read best; by default the whole window.
        seed: The seed of the tuning curves and of the spikes.

    Raises:
        DesignError: The neurons cannot be divided, a range is wrong, dt is too coarse for the synapse, or the machine
            has too little memory.
    """
    if options is None:
        options = SpikingOptions(
            PER_STATE * spec.order if neurons is None else neurons,
            ensembles=ensembles,
            kind=member(NeuronKind, neuron_kind, "neuron_kind"),
            synapse=Synapse.low_pass(*tau),
            coordinates=member(Coordinates, coordinates, "coordinates"),
            band_hz=band,
            delays=tuple(delays),
            tuning=Tuning(max_rates, intercepts),
            seed=seed,
        )
    return _designed(spec, options)


def _designed(spec: LMUSpec, options: SpikingOptions) -> SpikingDesign:
    """See `design_memory`."""
    system = discretize(spec)
    if system.input.size != spec.order:
        raise DesignError("discretization", "one with a single bank of states for spikes", str(spec.discretization))
    if options.band_hz is None:
        options = replace(options, band_hz=min(spec.order / (4.0 * spec.theta), 0.5 / spec.dt))
    flow = None
    if options.form is SynapseForm.CONTINUOUS:
        ideal = continuous(spec)
        flow = ideal.A / spec.theta, ideal.B / spec.theta
    weights = np.diag(energy_per_unit(spec))
    if options.delays:
        rows = readout(spec.order, options.delays) * coordinates(spec)
        weights = np.concatenate([rows / np.sqrt(len(rows)), _WINDOW_SHARE * weights])
    return design_system(system.transition, system.input, spec.dt, weights, options, flow=flow)


def design_system(
    transition: Array,
    drive: Array,
    dt: float,
    weights: Array,
    options: SpikingOptions,
    *,
    covariance: Array | None = None,
    flow: tuple[Array, Array] | None = None,
) -> SpikingDesign:
    """Carry x⁺ = transition·x + drive·u by neurons.

    Args:
        transition: The transition matrix of the sampled system, shape (n, n).
        drive: The input vector of the sampled system, shape (n,).
        dt: The step, in seconds.
        weights: The matrix that reads the states, shape (r, n), of rank n.
        options: How the system is carried; the band must be given where `covariance` is not.
        covariance: The covariance of the states, shape (n, n), where it is known better than from a band of noise.
        flow: The matrices a and b of the continuous system, in 1/s, for the continuous form of the synapse.

    Raises:
        DesignError: See `design_memory`.
    """
    order = drive.size
    ensembles = order if options.ensembles is None else check_integer("ensembles", options.ensembles, 1, order)
    if order % ensembles:
        raise DesignError("ensembles", f"a divisor of the {order} states", ensembles)
    if check_integer("neurons", options.neurons, 1) % ensembles:
        raise DesignError("neurons", f"a multiple of the {ensembles} ensembles", options.neurons)
    check_positive("rms", options.rms)
    dimensions = order // ensembles
    if covariance is None:
        band = check_positive("band", options.band_hz, "Hz")
        covariance = band_covariance(transition, drive, dt, band, options.rms)
    covariance = with_floor(covariance, weights)
    if flow is None:
        if options.form is SynapseForm.CONTINUOUS:
            raise DesignError("form of the synapse", "sampled where only the sampled memory is known", options.form)
        plain = map_sampled(options.synapse, transition, drive, dt)
    else:
        plain = map_continuous(options.synapse, *flow, dt)
    if options.coordinates is Coordinates.BALANCED:
        transform = balanced(covariance, noise_gain(plain, weights))
    else:
        transform = np.eye(order)
    into = np.linalg.inv(transform)
    spread = np.sqrt(np.diag(into @ covariance @ into.T))
    transform = transform * (spread / deviation(dimensions))
    population = build_population(
        options.neurons,
        ensembles,
        dimensions,
        curve=options.kind.curve,
        tuning=options.tuning,
        averaging=2.0 * options.synapse.total,  # the variance of a rate behind a first-order low pass is rate/2τ
        seed=options.seed,
    )
    into = np.linalg.inv(transform)
    recurrence = replace(plain, matrix=into @ plain.matrix @ transform, taps=plain.taps @ into.T)
    return SpikingDesign(options, dt, transition, drive, transform, recurrence, population, weights)
