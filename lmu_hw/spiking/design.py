"""A memory carried by spiking neurons, before it runs: coordinates, populations and the factored recurrence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import continuous, coordinates, discretize, energy_per_unit
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.spiking.coordinates import Coordinates, balanced, band_covariance, noise_gain, with_floor
from lmu_hw.spiking.neurons import NeuronKind, one_of
from lmu_hw.spiking.population import Population, build_population, deviation
from lmu_hw.spiking.synapses import Recurrence, Synapse, SynapseForm, map_continuous, map_sampled
from lmu_hw.spiking.tuning import Tuning

#: A signal with a peak of 1 that is roughly Gaussian has about this RMS, and so it is the default.
RMS = 1.0 / 3.0

#: Weight of the whole window beside that of chosen delays: no combination of states may go astray unseen.
_WINDOW_SHARE = 0.1


@dataclass(frozen=True)
class SpikingOptions:
    """How a memory is carried by neurons.

    Attributes:
        neurons: m, in all ensembles together.
        ensembles: how many the states are divided among; one for each state by default.
        kind: of neuron.
        synapse: at all connections.
        form: of the synapse that the recurrence is derived from.
        coordinates: what the ensembles stand for.
        band_hz: highest frequency of the input; by default order/4 cycles per window.
        rms: root mean square of the input.
        delays: fractions of the window at which the input is to be read best; the whole window by default.
        tuning: distribution of the tuning curves.
        seed: of the tuning curves, and of the spikes.

    Raises:
        DesignError: there is no such kind, form or choice of coordinates.
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
            object.__setattr__(self, name, one_of(kind, getattr(self, name), name))


@dataclass(frozen=True, eq=False)
class SpikingDesign:
    """A memory as neurons. Nothing in it is larger than order × order or neurons × (order/ensembles).

    The ensembles carry y in radii, x = transform·y being the states. In each step they see y_k, decode
    ŷ_k = D·(spikes of the step)/dt, and y_{k+p} follows from `recurrence`. The loop encoders × A_rec × decoders is
    never multiplied out.

    Attributes:
        options: how it was made.
        dt: step of the simulation, s.
        transition, drive: the sampled memory that is carried, x⁺ = transition·x + drive·u, in the states' units.
        transform: from y to the states x, shape (order, order).
        recurrence: of y.
        population: the neurons; its dimensions are order/ensembles.
        weights: what is read from the states and must be right: the error that counts is the sum of squares of
            weights·(error of x), shape (r, order). For the whole window that is diagonal: orthonormal coordinates per
            unit of each state.
    """

    options: SpikingOptions
    dt: float
    transition: Array
    drive: Array
    transform: Array
    recurrence: Recurrence
    population: Population
    weights: Array

    @property
    def order(self) -> int:
        """Number of states."""
        return int(self.drive.size)

    @cached_property
    def predicted_error(self) -> float:
        """RMS error of weights·x that Poisson spikes leave: their noise through the loop, without distortion.

        By default that is the decoded window, u(t − θ′) for 0 ≤ θ′ ≤ θ: its mean square error is the sum of squares of
        the errors of the orthonormal states.
        """
        gain = noise_gain(self.recurrence, self.weights @ self.transform)
        noise = self.population.spike_noise.ravel() / self.dt
        return float(np.sqrt(np.diag(gain) @ noise))


def design_memory(spec: LMUSpec, options: SpikingOptions, *, covariance: Array | None = None) -> SpikingDesign:
    """Carry the memory of `spec` by neurons; the step of the simulation is that of the memory.

    Args:
        spec: the memory, of a rule with one bank of states (any but ab2).
        options: how.
        covariance: of the states, shape (order, order), where it is known better than from a band of noise.

    Raises:
        DesignError: the neurons cannot be divided, a range is wrong, dt is too coarse for the synapse, or the machine
            has too little memory.
    """
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
    return design_system(system.transition, system.input, spec.dt, weights, options, covariance=covariance, flow=flow)


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
        transition, drive: shapes (n, n) and (n,).
        dt: s.
        weights: what is read and must be right, shape (r, n), of rank n.
        options: how; its band must be given where `covariance` is not.
        covariance: of the states, shape (n, n).
        flow: a and b of the continuous system, 1/s, for the continuous form.

    Raises:
        DesignError: as `design_memory`.
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
