"""The bilinear step as a tridiagonal elimination from both ends: what it realises, its roundings, its stability."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import TridiagonalIncrement, tridiagonal_increment
from lmu_hw.fixed_point.datapaths.tridiagonal import implied_steps

ORDERS = [1, 2, 3, 4, 5, 8, 17, 64]


def _spec(order: int, ratio: float) -> LMUSpec:
    return LMUSpec(order, ratio, 1.0, "bilinear")


@pytest.mark.parametrize("ratio", [1.0, 20.0, 784.0, 1e5])
@pytest.mark.parametrize("order", ORDERS)
def test_it_realises_the_cayley_transform_as_well_as_its_constants_are_held(order: int, ratio: float) -> None:
    """dt/θ is held to a relative 2^−bits at every window, however long; windows of fewer samples than states
    have large pivots, whose reciprocals 1 − r are held no better than r."""
    spec = _spec(order, ratio)
    exact = discretize(spec)
    change = exact.transition - np.eye(order)
    for bits in (10, 16, 24):
        increment = tridiagonal_increment(spec, bits)
        limit = 8 * 2.0**-bits / (1.0 - max(0.0, increment.pivot_values.max()))
        assert limit < 16 * 2.0**-bits or ratio < 2 * order
        assert np.abs(increment.state_gain - change).max() < limit * np.abs(change).max()
        assert np.abs(increment.input_gain - exact.input).max() < limit * np.abs(exact.input).max()


@pytest.mark.parametrize("order", ORDERS)
def test_constants_lie_inside_one_and_cost_three_multiplications_a_state(order: int) -> None:
    for ratio in (1.0, 7.0, 784.0):
        increment = tridiagonal_increment(_spec(order, ratio), 18)
        assert increment.multiplications == 3 * order - 1
        assert np.all(np.abs(increment.pivot_values) < 1.0)
        for codes in (increment.pivots, increment.coefficients):
            assert np.all(np.abs(codes) < 2**17)


def _passive_energy(increment: TridiagonalIncrement) -> float:
    """Largest gain of the step in the norm √Σ x_i²/coefficient_i."""
    weight = np.sqrt(increment.values)
    step = np.eye(increment.order) + increment.state_gain
    return float(np.linalg.norm(step * weight[None, :] / weight[:, None], 2))


@given(order=st.integers(1, 24), ratio=st.floats(1.0, 1e4), bits=st.integers(3, 20))
def test_it_contracts_at_every_word_length_or_is_refused(order: int, ratio: float, bits: int) -> None:
    try:
        increment = tridiagonal_increment(_spec(order, ratio), bits)
    except DesignError:
        assert bits < 8, "only coarse constants may be refused"
        return
    assert _passive_energy(increment) <= 1.0 + 1e-9


@pytest.mark.parametrize("order", [1, 2, 3, 4, 7])
def test_the_coefficients_never_exceed_the_steps_that_the_pivots_stand_for(order: int) -> None:
    """In exact fractions: Gaussian elimination with the rounded pivots, undone row by row."""
    for bits in (6, 9, 14):
        increment = tridiagonal_increment(_spec(order, 40.0), bits)
        pairs = zip(increment.pivots.tolist(), increment.pivot_fractions.tolist(), strict=True)
        r = [Fraction(c) / Fraction(2) ** f for c, f in pairs]
        k, inverse = increment.middle, [1 - each for each in r]  # reciprocals of the pivots
        inverse[k] = Fraction(1, 2) - r[k]
        steps = []
        for i in range(order):
            above = inverse[i - 1] if i > 0 else Fraction(1)
            below = inverse[i + 1] if i + 1 < order else Fraction(1)
            pivot = 1 / inverse[i]
            steps.append(pivot - (above if i <= k else 0) - (below if i >= k else 0))
        assert np.allclose([float(s) for s in steps], implied_steps(increment.pivot_values), rtol=1e-9)
        weights = zip(increment.coefficients.tolist(), increment.fractions.tolist(), strict=True)
        assert all(Fraction(c) / Fraction(2) ** f <= s for (c, f), s in zip(weights, steps, strict=True))


@pytest.mark.parametrize("order", [1, 2, 3, 6, 11])
def test_what_is_rounded_inside_stays_within_the_noise_gains(order: int, rng: np.random.Generator) -> None:
    """Half a unit in every rounding bounds the increments; single roundings show up where the gains say."""
    increment = tridiagonal_increment(_spec(order, 30.0), 16)
    assert increment.noise_gain.shape == (order, 2 * order - 1)
    words, samples = rng.integers(-(2**18), 2**18, (order, 200)), rng.integers(-(2**18), 2**18, 200)
    exact = increment.state_gain @ words + increment.input_gain[:, None] * samples
    error = np.abs(increment.compute(words, samples) * 2.0**-increment.product_fraction_bits - exact)
    bound = 0.5 * np.abs(increment.noise_gain).sum(axis=1)
    assert np.all(error <= bound[:, None] * (1 + 1e-9))
    assert np.all(error.max(axis=1) > 0.2 * bound)


def test_too_few_bits_are_refused() -> None:
    with pytest.raises(
        DesignError, match=r"^(coefficient|state)_bits must be enough for the elimination to keep every step"
    ):
        tridiagonal_increment(_spec(10, 1.5), 3)
