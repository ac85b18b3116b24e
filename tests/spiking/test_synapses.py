"""Recurrences carried by synapses: exact where sampled, of first order in dt where continuous, stable or refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmu_hw.core.legendre import input_vector, state_matrix
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import continuous, discretize
from lmu_hw.errors import DesignError
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.synapses import Synapse, map_continuous, map_sampled

SYNAPSES = [
    Synapse.low_pass(0.1),
    Synapse.low_pass(0.03, 0.05),
    Synapse.low_pass(0.02, 0.02, 0.02),
    Synapse((0.04, 0.001)),  # a pair of complex poles
]


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_a_run_without_neurons_is_the_recurrence_written_out(synapse: Synapse) -> None:
    """Σ γ_i y_{k+i} = A_rec y_k + Σ W_l u_{k−l}."""
    system = discretize(LMUSpec(3, 0.4, 1e-3))
    recurrence = map_sampled(synapse, system.transition, system.input, 1e-3)
    u, p = band_limited_noise(50, 1e-3, 50.0, 0), synapse.order
    y = np.concatenate([np.zeros((1, 3)), recurrence.run(u)])
    for k in range(u.size - p):
        driven = sum(recurrence.taps[lag] * u[k - lag] for lag in range(min(p, k + 1)))
        past = sum(recurrence.denominator[i] * y[k + i] for i in range(p + 1))
        assert np.allclose(
            past, recurrence.matrix @ y[k] + driven, rtol=0.0, atol=1e-9 * np.abs(recurrence.denominator).max()
        )


@pytest.mark.parametrize("synapse", SYNAPSES)
@pytest.mark.parametrize("method", [Discretization.ZOH, Discretization.BILINEAR, Discretization.EULER])
def test_the_sampled_map_carries_the_memory_exactly(synapse: Synapse, method: Discretization) -> None:
    spec = LMUSpec(4, 0.4, 1e-3, method)
    system = discretize(spec)
    recurrence = map_sampled(synapse, system.transition, system.input, spec.dt)
    u = band_limited_noise(1500, spec.dt, 5.0, 0)
    measured, ideal = recurrence.run(u), FloatMemory(spec).run(u)
    lag = recurrence.lag
    assert lag == synapse.order - 1
    assert np.abs(measured[lag:] - ideal[: u.size - lag]).max() < 1e-7 * np.abs(ideal).max()


def test_the_maps_of_a_first_order_synapse_are_those_of_the_literature() -> None:
    tau, spec = 0.1, LMUSpec(3, 0.5, 1e-3)
    system, ideal = discretize(spec), continuous(spec)
    alpha = math.exp(-spec.dt / tau)
    sampled = map_sampled(Synapse.low_pass(tau), system.transition, system.input, spec.dt)
    assert np.allclose(sampled.matrix, (system.transition - alpha * np.eye(3)) / (1.0 - alpha))
    assert np.allclose(sampled.taps, system.input / (1.0 - alpha))
    flow = map_continuous(Synapse.low_pass(tau), ideal.A / spec.theta, ideal.B / spec.theta, spec.dt)
    assert np.allclose(flow.matrix, tau / spec.theta * state_matrix(3) + np.eye(3))
    assert np.allclose(flow.taps, tau / spec.theta * input_vector(3))


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_the_continuous_map_misses_by_first_order_in_dt(synapse: Synapse) -> None:
    """The mismatch of a continuous design in a sampled simulation, which the sampled map does not have."""
    errors = []
    for dt in (4e-4, 2e-4, 1e-4):
        spec = LMUSpec(3, 0.4, dt)
        ideal = continuous(spec)
        recurrence = map_continuous(synapse, ideal.A / spec.theta, ideal.B / spec.theta, dt)
        u = np.sin(2.0 * np.pi * 3.0 * dt * np.arange(round(1.0 / dt)))
        states = FloatMemory(spec).run(u)
        errors.append(np.sqrt(np.mean((recurrence.run(u) - states) ** 2)) / np.sqrt(np.mean(states**2)))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[0] < 0.1
    assert np.all((orders > 0.85) & (orders < 1.25))


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_a_sampled_synapse_has_the_gain_one_and_the_poles_of_the_continuous_one(synapse: Synapse) -> None:
    gamma = synapse.sampled(1e-3)
    assert gamma.sum() == pytest.approx(1.0)
    found = np.sort_complex(np.roots(gamma[::-1]))
    assert np.allclose(found, np.sort_complex(np.exp(synapse.poles * 1e-3)), rtol=1e-5)
    assert synapse.sampled(1e-3).size == synapse.order + 1


def test_time_constants() -> None:
    synapse = Synapse.low_pass(0.02, 0.05)
    assert synapse.coefficients == pytest.approx((0.07, 0.001))
    assert (synapse.total, synapse.shortest) == pytest.approx((0.07, 0.02))


@pytest.mark.parametrize("bad", [(), (0.1,) * 5, (-0.1,), (0.1, -0.001), (math.nan,), (0.1, 0.0)])
def test_synapses_that_are_none_are_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(DesignError, match="synapse must be"):
        Synapse(bad)


def test_a_step_too_coarse_for_the_synapse_is_refused() -> None:
    system = discretize(LMUSpec(2, 0.5, 0.01))
    with pytest.raises(DesignError, match=r"dt must be at most half the synapse's fastest time constant, 0\.009 s"):
        map_sampled(Synapse.low_pass(0.05, 0.018), system.transition, system.input, 0.01)
    map_sampled(Synapse.low_pass(0.05, 0.021), system.transition, system.input, 0.01)


def test_a_loop_that_the_synapse_makes_unstable_is_refused() -> None:
    system = discretize(LMUSpec(12, 0.1, 1e-3))
    with pytest.raises(DesignError, match="one whose loop around this memory is stable"):
        map_sampled(Synapse.low_pass(0.2, 0.2, 0.2), system.transition, system.input, 1e-3)
