"""The memory in spikes: its error as predicted and as neurons grow, its chance, its batches, its errors."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.core.legendre import energy_scale
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.coordinates import Coordinates, balanced, equal_diagonal, noise_gain
from lmu_hw.spiking.design import SpikingDesign, SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse, SynapseForm, map_sampled
from lmu_hw.spiking.tuning import Tuning

SPEC = LMUSpec(4, 0.4, 1e-3)
BAND = 2.5


def noise(steps: int, seed: int = 0) -> np.ndarray:
    return band_limited_noise(max(steps, 2000), SPEC.dt, BAND, seed)[:steps]


def made(neurons: int, spec: LMUSpec = SPEC, **options: object) -> SpikingDesign:
    return design_memory(spec, SpikingOptions(neurons, band_hz=BAND, **options))  # type: ignore[arg-type]


def window_error(design: SpikingDesign, u: np.ndarray, spec: LMUSpec = SPEC) -> float:
    states, ideal, lag = SpikingMemory(design).run(u), FloatMemory(spec).run(u), design.recurrence.lag
    units = energy_scale(spec.order) if spec.basis is Basis.LEGENDRE else np.ones(spec.order)
    error = (states[lag:] - ideal[: len(ideal) - lag]) / units
    return float(np.sqrt(np.mean(np.sum(error**2, axis=1))))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": NeuronKind.POISSON_RELU},
        {"coordinates": Coordinates.STATES},
        {"ensembles": 2},
        {"ensembles": 1},
        {"synapse": Synapse.low_pass(0.05, 0.05)},
    ],
)
def test_poisson_spikes_err_as_predicted(options: dict[str, object]) -> None:
    design = made(800, **options)
    u = np.stack([noise(1500, seed) for seed in range(8)])
    u *= design.options.rms / np.sqrt(np.mean(u**2))
    ideal, lag = FloatMemory(SPEC).run(u), design.recurrence.lag
    error = (SpikingMemory(design).run(u)[:, lag:] - ideal[:, : 1500 - lag]) / energy_scale(4)
    measured = np.sqrt(np.mean(np.sum(error[:, 500:] ** 2, axis=-1)))
    assert measured == pytest.approx(design.predicted_error, rel=0.25)


def test_four_times_the_neurons_halve_the_error() -> None:
    errors = [np.mean([window_error(made(m, seed=s), noise(3000, s)) for s in (0, 1)]) for m in (120, 480, 1920)]
    assert 1.6 < errors[0] / errors[1] < 2.5
    assert 1.6 < errors[1] / errors[2] < 2.5


def test_regular_neurons_and_rates_err_less() -> None:
    u = noise(3000)
    poisson, lif, rate = (
        window_error(made(400, kind=kind), u) for kind in (NeuronKind.POISSON_LIF, NeuronKind.LIF, NeuronKind.RATE_LIF)
    )
    assert lif < 0.6 * poisson
    assert rate < 0.3 * poisson


def test_the_basis_of_the_states_changes_nothing_but_their_units() -> None:
    other = LMUSpec(4, 0.4, 1e-3, basis=Basis.ORTHONORMAL)
    legendre, orthonormal = (made(200, spec) for spec in (SPEC, other))
    assert np.allclose(legendre.transform, energy_scale(4)[:, None] * orthonormal.transform, rtol=1e-6)
    assert np.allclose(legendre.recurrence.matrix, orthonormal.recurrence.matrix, rtol=1e-6)
    assert legendre.predicted_error == pytest.approx(orthonormal.predicted_error, rel=1e-6)
    error = window_error(orthonormal, noise(1000), other)
    assert error < 3.0 * orthonormal.predicted_error


def test_the_continuous_form_errs_more_than_the_sampled_one() -> None:
    u = noise(3000)
    kind = NeuronKind.RATE_LIF
    sampled, flow = (window_error(made(2000, kind=kind, form=form), u) for form in SynapseForm)
    assert flow > 2.0 * sampled


def test_chosen_delays_are_read_better() -> None:
    from lmu_hw.core.legendre import readout

    decode = readout(4, [1.0])
    errors = {}
    for delays in ((), (1.0,)):
        design = made(800, delays=delays)
        gain = noise_gain(design.recurrence, decode @ design.transform)
        errors[delays] = float(np.diag(gain) @ design.population.spike_noise.ravel())
    assert errors[(1.0,)] < 0.95 * errors[()]


def test_balanced_coordinates_reach_the_least_noise_and_no_others_less(rng: np.random.Generator) -> None:
    system = discretize(SPEC)
    loop = map_sampled(Synapse.low_pass(0.1), system.transition, system.input, SPEC.dt)
    root = rng.standard_normal((4, 4))
    covariance, gain = root @ root.T + 0.01 * np.eye(4), noise_gain(loop, np.eye(4))

    def cost(transform: np.ndarray) -> float:
        into = np.linalg.inv(transform)
        return float(np.diag(into @ covariance @ into.T) @ np.diag(transform.T @ gain @ transform))

    least = np.sum(np.sqrt(np.linalg.eigvals(covariance @ gain).real)) ** 2 / 4
    assert cost(balanced(covariance, gain)) == pytest.approx(least, rel=1e-9)
    for _ in range(50):
        assert cost(rng.standard_normal((4, 4))) > least


def test_noise_gain_is_the_variance_that_white_noise_leaves(rng: np.random.Generator) -> None:
    spec = LMUSpec(2, 0.05, 1e-3)
    system = discretize(spec)
    loop = map_sampled(Synapse.low_pass(0.02, 0.01), system.transition, system.input, spec.dt)
    transition, entry = loop.companion()
    state, total, steps = np.zeros((len(transition), 400)), 0.0, 1200
    for k in range(steps):
        state = transition @ state + entry @ loop.matrix @ rng.standard_normal((2, 400))
        total += np.sum(state[:2] ** 2) / 400 if k >= 400 else 0.0
    assert total / (steps - 400) == pytest.approx(np.trace(noise_gain(loop, np.eye(2))), rel=0.05)


def test_a_rotation_makes_diagonals_equal(rng: np.random.Generator) -> None:
    for values in (np.array([3.0]), np.array([1.0, 1.0]), 10.0 ** rng.uniform(-6, 2, 9)):
        rotation = equal_diagonal(values)
        assert np.allclose(rotation.T @ rotation, np.eye(values.size), atol=1e-12)
        turned = np.diag(rotation.T @ np.diag(values) @ rotation)
        assert np.allclose(turned, values.mean(), rtol=1e-9)


def test_a_memory_whose_noise_nothing_sees_is_built() -> None:
    design = made(4, LMUSpec(1, 0.1, 1e-3), kind=NeuronKind.POISSON_RELU)
    assert np.isfinite(design.transform).all()


def test_steps_runs_and_batches_are_one_simulation() -> None:
    design, u = made(120), noise(300)
    whole = SpikingMemory(design).run(u)
    parts, steps = SpikingMemory(design), SpikingMemory(design)
    assert np.allclose(np.concatenate([parts.run(u[:77]), parts.run(u[77:])]), whole, rtol=1e-12, atol=1e-12)
    assert np.allclose([steps.step(v) for v in u], whole, rtol=1e-12, atol=1e-12)
    parts.reset()
    assert np.array_equal(parts.run(u), whole)
    two = SpikingMemory(design).run(np.stack([u, u]))
    assert two.shape == (2, 300, 4)
    assert np.abs(two[0] - two[1]).max() > 0.0
    assert not np.array_equal(SpikingMemory(design, seed=1).run(u), whole)


def test_a_lag_is_carried_from_run_to_run() -> None:
    design, u = made(120, synapse=Synapse.low_pass(0.05, 0.02, 0.02)), noise(200)
    assert design.recurrence.lag == 2
    parts = SpikingMemory(design)
    pieces = [parts.run(piece) for piece in (u[:1], u[1:3], u[3:100], u[100:])]
    assert np.allclose(np.concatenate(pieces), SpikingMemory(design).run(u), rtol=1e-12, atol=1e-12)


def test_recorded_spikes_decode_to_the_states() -> None:
    """The whole loop again from the spikes alone."""
    design, u = made(80), noise(200)
    memory = SpikingMemory(design)
    states = memory.run(u, record=True)
    trains, r, p = memory.spikes, design.recurrence, design.population
    assert trains is not None
    assert trains.count > 100
    counts = np.zeros((200, p.neurons))
    np.add.at(counts, (trains.step, trains.neuron), 1.0)
    y, again = np.zeros(4), np.empty((200, 4))
    for k in range(200):
        decoded = p.decode(counts[k].reshape(p.ensembles, -1)).ravel() / design.dt
        y = (r.matrix @ decoded + r.taps[0] * u[k] - r.denominator[0] * y) / r.denominator[1]
        again[k] = design.transform @ y
    assert np.allclose(again, states, rtol=1e-9, atol=1e-9)
    memory.run(u)
    assert memory.spikes is None


def test_the_recurrence_is_never_larger_than_the_states_and_the_neurons() -> None:
    design = made(8_000)
    for holder in (design, design.recurrence, design.population):
        for value in vars(holder).values():
            assert not isinstance(value, np.ndarray) or value.size <= 8_000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"neurons": 102}, "neurons must be a multiple of the 4 ensembles, got 102"),
        ({"neurons": 4}, "neurons of an ensemble must be at least 2"),
        ({"ensembles": 3}, "ensembles must be a divisor of the 4 states, got 3"),
        ({"ensembles": 5}, "ensembles must be an integer from 1 to 4"),
        ({"synapse": Synapse.low_pass(0.001)}, "dt must be at most half the synapse's fastest"),
        ({"band_hz": 501.0}, "band must be at most half the sampling rate"),
        ({"rms": 0.0}, "rms must be a positive"),
        ({"tuning": Tuning((200.0, 600.0))}, "maximum rates must be 0 < low ≤ high < 500"),
        ({"kind": "izhikevich"}, "kind must be one of poisson-lif, poisson-relu, lif, rate-lif, rate-relu"),
        ({"form": "digital"}, "form must be one of sampled, continuous"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"delays": (1.5,)}, "delay as a fraction of the window"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(DesignError) as refused:
        design_memory(SPEC, SpikingOptions(**{"neurons": 100, **options}))  # type: ignore[arg-type]
    assert words in str(refused.value)


def test_a_rule_with_two_banks_is_refused() -> None:
    with pytest.raises(DesignError, match="discretization must be one with a single bank"):
        made(100, LMUSpec(2, 0.4, 1e-3, "ab2"))


def test_bad_input_is_refused() -> None:
    memory = SpikingMemory(made(40))
    with pytest.raises(DesignError, match="finite"):
        memory.run([0.0, np.nan])
    with pytest.raises(DesignError, match="shape"):
        memory.run(np.zeros((2, 3, 4)))
    memory.run(np.zeros(3))
    with pytest.raises(DesignError, match="batch must be 1 as before"):
        memory.run(np.zeros((2, 3)))
