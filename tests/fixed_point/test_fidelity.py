"""Predicted fidelity in a band: against simulation, by order of convergence, and the alignment in time."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.integrate

from lmu_hw.core.legendre import orthonormal_system
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import energy_per_unit
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.fidelity import Band, BandAnalysis, ideal_response
from lmu_hw.fixed_point.planner import MemoryAnalysis, default_coefficient_bits, plan_memory
from lmu_hw.reference.memory import FloatMemory

METHODS = list(Discretization)


def test_the_ideal_response_is_that_of_the_differential_equation() -> None:
    """ẋ = (A x + B u)/θ for u = cos ωt, integrated by scipy until only the steady state is left."""
    spec, frequency = LMUSpec(4, 2.0, 0.01), 0.7
    a, b = orthonormal_system(4)
    omega = 2.0 * np.pi * frequency

    def slope(t: float, x: np.ndarray) -> np.ndarray:
        return np.asarray((a @ x + b * math.cos(omega * t)) / spec.theta)

    end = 30.0
    solution = scipy.integrate.solve_ivp(slope, (0.0, end), np.zeros(4), rtol=1e-10, atol=1e-12)
    response = ideal_response(spec, np.array([frequency]))[:, 0]
    assert np.allclose(solution.y[:, -1], (response * np.exp(1j * omega * end)).real, atol=1e-7)


@pytest.mark.parametrize(("method", "order"), [("euler", 1.0), ("ab2", 2.0), ("bilinear", 2.0), ("zoh", 2.0)])
def test_the_method_error_falls_with_the_order_of_the_method(method: str, order: float) -> None:
    """Holding the samples alone, seen half a step late, costs the second order: the droop of sin(x)/x."""
    errors = []
    for ratio in (200.0, 400.0, 800.0):
        spec = LMUSpec(6, ratio, 1.0, method)
        errors.append(BandAnalysis(spec, Band(1.5 / ratio)).method_error(spec))
    assert all(coarse / fine == pytest.approx(2.0**order, rel=0.1) for coarse, fine in pairwise(errors))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_no_error_against_its_own_exact_arithmetic(method: Discretization) -> None:
    spec = LMUSpec(5, 60.0, 1.0, method)
    analysis = BandAnalysis(spec, Band(0.02), own_method=True)
    assert analysis.method_error(spec) < 1e-12
    coarse, fine = (analysis.method_error(spec, plan_memory(spec, coefficient_bits=bits).increment) for bits in (8, 16))
    assert fine < 0.1 * coarse < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_power_is_that_of_the_float_memory_in_the_band(method: Discretization) -> None:
    spec, edge = LMUSpec(5, 80.0, 1.0, method), 0.015
    analysis = BandAnalysis(spec, Band(edge, rms=0.2), own_method=True)
    rng, samples = np.random.default_rng(3), 1 << 15
    spectrum = np.zeros(samples // 2 + 1, dtype=complex)
    count = int(edge * samples)
    spectrum[1 : count + 1] = np.exp(1j * rng.uniform(0, 2 * np.pi, count))
    u = np.fft.irfft(spectrum, samples)
    u *= 0.2 / u.std()
    states = FloatMemory(spec).run(np.concatenate([u[-1000:], u]))[1000:] * energy_per_unit(spec)
    assert np.mean(np.sum(states**2, axis=1)) == pytest.approx(analysis.power, rel=0.01)


@pytest.mark.parametrize("own_method", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_the_prediction_is_within_one_decibel_of_the_integers(method: Discretization, own_method: bool) -> None:
    """Once where the noise decides, once where the coefficients or the method do."""
    spec = LMUSpec(6, 150.0, 1.0, method)
    analysis = BandAnalysis(spec, Band(1.5 / 150), own_method=own_method)
    for state_bits, coefficient_bits in ((9, 20), (18, 7)):
        plan = plan_memory(spec, input_bits=state_bits, state_bits=state_bits, coefficient_bits=coefficient_bits)
        noise = analysis.noise_error(plan.noise, energy_per_unit(spec))
        predicted = math.hypot(analysis.method_error(spec, plan.increment), noise)
        told: list[int] = []
        measured = analysis.measure(plan, 0, told.append)
        assert abs(20 * math.log10(predicted / measured)) < 1.0
        assert sum(told) == sum(analysis.record(spec))


@pytest.mark.parametrize("edge", [0.5, 0.7, 0.0, -1.0, math.nan, math.inf])
def test_a_band_that_the_samples_cannot_carry_is_refused(edge: float) -> None:
    with pytest.raises(DesignError, match=r"^bandwidth must be"):
        BandAnalysis(LMUSpec(3, 10.0, 1.0), Band(edge))


@pytest.mark.parametrize("order", [3, 16, 32])
@pytest.mark.parametrize("method", METHODS)
def test_how_well_coefficients_are_held_by_default_never_limits_the_accuracy(
    method: Discretization, order: int
) -> None:
    """In the band, however long the window: less than the words' own noise, in a chain less than a tenth of it."""
    for ratio in (40.0 * order, 1e5):
        spec = LMUSpec(order, ratio, 1.0, method)
        bits = default_coefficient_bits(12)
        plan = MemoryAnalysis(spec, coefficient_bits=bits, certified=False).plan(12, 12)
        analysis = BandAnalysis(spec, Band(0.25 * order / ratio), own_method=True)
        noise = analysis.noise_error(plan.noise, energy_per_unit(spec))
        share = analysis.method_error(spec, plan.increment) / noise
        assert share < (0.1 if method in (Discretization.EULER, Discretization.AB2) else 0.8)
