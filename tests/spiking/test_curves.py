"""Rate curves against their defining equations, and tuning curves against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.errors import DesignError
from lmu_hw.spiking.tuning import LeakyIntegrateAndFire, RateCurve, RectifiedLinear, Tuning, draw_curves

CURVES = [LeakyIntegrateAndFire(), LeakyIntegrateAndFire(0.01, 0.0), RectifiedLinear()]


@pytest.mark.parametrize("current", [1.001, 1.5, 4.0, 100.0])
@pytest.mark.parametrize(("tau_rc", "tau_ref"), [(0.02, 0.002), (0.05, 0.0)])
def test_the_lif_rate_is_one_over_the_time_to_threshold(current: float, tau_rc: float, tau_ref: float) -> None:
    # v(t) = J(1 − e^{−t/τ}) reaches 1 after t; written with the other form of the logarithm.
    interval = tau_ref - tau_rc * math.log(1.0 - 1.0 / current)
    rate = LeakyIntegrateAndFire(tau_rc, tau_ref).rate(np.array([current]))
    assert rate[0] == pytest.approx(1.0 / interval, rel=1e-12)


def test_nothing_fires_at_or_below_the_threshold() -> None:
    below = np.array([-50.0, -1.0, 0.0, 0.5, 1.0])
    assert not LeakyIntegrateAndFire().rate(below).any()
    assert not LeakyIntegrateAndFire().rate(below.astype(np.float32)).any()
    assert not RectifiedLinear().rate(below - 1.0).any()


@pytest.mark.parametrize("curve", CURVES)
@given(rate=st.floats(5.0, 480.0))
def test_current_is_the_inverse_of_rate(curve: RateCurve, rate: float) -> None:
    assert curve.rate(curve.current(np.array([rate])))[0] == pytest.approx(rate, rel=1e-8)


def test_rates_stay_below_the_ceiling() -> None:
    curve = LeakyIntegrateAndFire()
    assert curve.ceiling == 500.0
    assert curve.rate(np.array([1e12]))[0] <= 500.0
    assert RectifiedLinear().ceiling == math.inf


@pytest.mark.parametrize("bad", [(0.0, 0.002), (-1.0, 0.002), (0.02, -0.001), (math.nan, 0.0), (0.02, math.inf)])
def test_time_constants_out_of_range_are_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(DesignError, match="seconds"):
        LeakyIntegrateAndFire(*bad)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("dimensions", [1, 3])
def test_neurons_begin_at_their_intercept_and_reach_their_maximum_at_one(
    curve: RateCurve, dimensions: int, rng: np.random.Generator
) -> None:
    drawn = draw_curves(Tuning((150.0, 300.0), (-0.5, 0.7)), curve, 60, dimensions, rng)
    assert np.allclose(curve.rate(drawn.gain + drawn.bias), drawn.max_rates, rtol=1e-9)
    step = 1e-6
    assert not curve.rate(drawn.gain * (drawn.intercepts - step) + drawn.bias).any()
    assert np.all(curve.rate(drawn.gain * (drawn.intercepts + step) + drawn.bias) > 0.0)
    assert np.allclose(np.linalg.norm(drawn.encoders, axis=1), 1.0)
    assert drawn.max_rates.min() >= 150.0
    assert drawn.max_rates.max() <= 300.0


def test_each_part_of_a_range_has_one_neuron(rng: np.random.Generator) -> None:
    drawn = draw_curves(Tuning((200.0, 400.0), (-0.3, 0.8)), LeakyIntegrateAndFire(), 41, 1, rng)
    assert np.array_equal(np.sort(np.floor((drawn.max_rates - 200.0) / 200.0 * 41)), np.arange(41))
    for sign, count in ((-1.0, 20), (1.0, 21)):
        of_sign = drawn.intercepts[drawn.encoders[:, 0] == sign]
        assert np.array_equal(np.floor((of_sign + 0.3) / 1.1 * count), np.arange(count))


def test_encoders_of_more_dimensions_have_no_direction(rng: np.random.Generator) -> None:
    drawn = draw_curves(Tuning(), LeakyIntegrateAndFire(), 6000, 3, rng)
    assert np.abs(drawn.encoders.mean(axis=0)).max() < 5.0 / math.sqrt(3 * 6000)
    assert np.allclose(drawn.encoders.T @ drawn.encoders / 6000, np.eye(3) / 3.0, atol=0.03)


@pytest.mark.parametrize(
    ("kwargs", "what"),
    [
        ({"max_rates": (0.0, 400.0)}, "maximum rates"),
        ({"max_rates": (400.0, 200.0)}, "maximum rates"),
        ({"max_rates": (200.0, math.inf)}, "maximum rates"),
        ({"intercepts": (-1.1, 0.5)}, "intercepts"),
        ({"intercepts": (0.5, 0.2)}, "intercepts"),
        ({"intercepts": (0.0, 1.0)}, "intercepts"),
        ({"intercepts": (math.nan, 0.5)}, "intercepts"),
    ],
)
def test_ranges_out_of_bounds_are_refused(kwargs: dict[str, tuple[float, float]], what: str) -> None:
    with pytest.raises(DesignError, match=what):
        Tuning(**kwargs)


def test_rates_that_the_refractory_period_forbids_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(DesignError, match="high < 500 Hz"):
        draw_curves(Tuning((200.0, 500.0)), LeakyIntegrateAndFire(), 10, 1, rng)
    draw_curves(Tuning((200.0, 500.0)), RectifiedLinear(), 10, 1, rng)


def test_too_few_neurons_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(DesignError, match="at least 6, two for each dimension"):
        draw_curves(Tuning(), RectifiedLinear(), 5, 3, rng)
