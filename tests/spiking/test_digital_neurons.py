"""Neurons in integers: chances on the curve, rates of regular neurons, refractory periods."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.digital.neurons import (
    DRAW_BITS,
    TIME_BITS,
    VOLTAGE_BITS,
    IntegrateUnit,
    PoissonUnit,
    plan_neurons,
)
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse
from lmu_hw.spiking.tuning import Tuning


def planned(kind: str, *, dt: float = 1e-3, spikes: int | None = None, **options):
    spec = LMUSpec(2, 0.5, dt)
    design = design_memory(spec, SpikingOptions(40, kind=NeuronKind(kind), band_hz=2.0, **options))
    made = plan_neurons(design, spikes, 4.0)
    return design, made.unit, made.gain, made.bias, made.fraction


@pytest.mark.parametrize(("dt", "spikes"), [(1e-4, None), (1e-3, None), (1e-3, 3), (5e-3, None)])
def test_chances_follow_the_curve_of_the_rates(dt, spikes):
    """Between two codes of the current, within a thousandth of the rate and a draw's last bit."""
    design, unit, _, _, fraction = planned("poisson-lif", dt=dt, spikes=spikes)
    assert isinstance(unit, PoissonUnit)
    assert unit.table is not None
    octaves = (unit.table.size - 1) // 16
    codes = np.unique(np.geomspace(1, 2**octaves - 1, 4000).astype(np.int64))
    rates = design.population.curve.rate(1.0 + codes * 2.0**-fraction)
    expected = np.minimum(rates * dt / unit.spikes, 1.0) * 2.0**DRAW_BITS
    assert np.abs(unit.chances(codes) - expected).max() <= 1.5 + 1e-3 * expected.max()
    assert unit.chances(np.array([0, -1, -(2**20)])).tolist() == [0, 0, 0]
    assert np.all(np.diff(unit.chances(codes)) >= 0)


def test_chances_of_rectified_linear_neurons_are_brought_into_range():
    _, unit, *_ = planned("poisson-relu")
    assert unit.chances(np.array([-5, 0, 7, 65536, 70000])).tolist() == [0, 0, 7, 65536, 65536]


def test_a_chance_of_one_always_fires_and_of_none_never():
    unit = PoissonUnit(3, None)
    draws = np.array([[0, 65535, 0, 0]], dtype=np.int32)
    assert unit.count(np.array([1 << DRAW_BITS]), draws).tolist() == [3]
    assert unit.count(np.array([0]), draws).tolist() == [0]
    assert unit.count(np.array([1]), draws).tolist() == [2]  # the fourth draw is not used


@pytest.mark.parametrize("kind", ["poisson-lif", "poisson-relu"])
@pytest.mark.parametrize(("dt", "tau"), [(1e-3, 0.1), (1e-2, 0.1)])
def test_enough_spikes_for_the_fastest_neuron(kind, dt, tau):
    design, unit, gain, bias, fraction = planned(kind, dt=dt, synapse=Synapse.low_pass(tau))
    population = design.population
    fastest = population.curve.rate(1.2 * population.gain + population.bias).max() * dt
    assert unit.spikes - 1 < max(fastest, 0.5) <= unit.spikes
    # What a chance stands for is the rate at every value that neurons are made for.
    at = np.rint((0.7 * gain + bias) * 2.0**fraction).astype(np.int64)
    rates = unit.chances(at) * unit.spikes / dt * 2.0**-DRAW_BITS
    wanted = population.curve.rate(0.7 * population.gain + population.bias)
    assert np.abs(rates - wanted).max() <= 1e-3 * wanted.max() + unit.spikes / dt * 2.0**-DRAW_BITS


@pytest.mark.parametrize("dt", [1e-3, 5e-4, 2e-3])
def test_regular_neurons_fire_at_the_rates_of_the_curve(dt):
    design, unit, *_ = planned("lif", dt=dt)
    assert isinstance(unit, IntegrateUnit)
    curve, steps = design.population.curve, round(4.0 / dt)
    current = np.array([0.5, 1.0, 1.02, 1.2, 2.0, 5.0, 12.0, 30.0, 60.0])
    leak = -np.expm1(-dt / curve.tau_rc)
    codes = np.rint(current * leak * 2.0**VOLTAGE_BITS).astype(np.int64)
    voltage, waiting = np.zeros_like(codes), np.zeros_like(codes)
    trains = np.array([unit.advance(codes, voltage, waiting) for _ in range(steps)])
    measured, wanted = trains.sum(axis=0) / (steps * dt), curve.rate(current.copy())
    assert measured[:2].tolist() == [0.0, 0.0]
    assert np.abs(measured - wanted).max() <= 0.5 + 0.012 * wanted.max()
    assert trains.max() == 1


def test_the_refractory_period_is_kept_to_a_part_of_a_step():
    """With so much current that the membrane takes no time, intervals are the period itself."""
    _, unit, *_ = planned("lif")
    code = np.array([1 << 26])
    voltage, waiting = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    fired = np.array([unit.advance(code, voltage, waiting)[0] for _ in range(1000)])
    assert unit.refractory == 2 << TIME_BITS
    assert fired.sum() == pytest.approx(1000 / 2.0, abs=4)
    assert np.diff(np.flatnonzero(fired)).min() == 2


def test_voltages_begin_evenly_below_the_threshold():
    _, unit, *_ = planned("lif")
    assert unit.phases.min() >= 0
    assert unit.phases.max() < 1 << VOLTAGE_BITS
    assert unit.phases.mean() == pytest.approx(0.5 * (1 << VOLTAGE_BITS), rel=0.2)


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("rate-lif", {}, "kind of neuron must be one that fires"),
        ("lif", {"spikes": 2}, "spikes must be left to the refractory period"),
        ("lif", {"dt": 4e-3}, "dt must be at most the refractory period, 0.002 s"),
        ("poisson-lif", {"spikes": 0}, "spikes must be an integer from 1 to 16"),
        ("poisson-relu", {"dt": 0.04, "tuning": Tuning((400.0, 500.0))}, "spikes must be an integer from 1 to 16"),
    ],
)
def test_errors(kind, more, message):
    with pytest.raises(DesignError, match=message):
        planned(kind, **more)
