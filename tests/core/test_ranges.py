"""The certified ranges: above every sum and every simulation, and attained by the worst input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from lmu_hw.core.bounds import Flow, continuous_ranges, l1_bound, power_sum, state_ranges
from lmu_hw.core.legendre import energy_scale, input_vector, state_matrix
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, StepMatrices, least_theta_over_dt, step_matrices
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError

METHODS = list(Discretization)


def _impulse_response(transition: np.ndarray, drive: np.ndarray, output: np.ndarray, steps: int) -> np.ndarray:
    """output·Gᵏ·H for k < steps, shape (steps, rows of output, columns of H)."""
    z, rows = drive, []
    for _ in range(steps):
        rows.append(output @ z)
        z = transition @ z
    return np.array(rows)


def _steps_of_decay(transition: np.ndarray) -> int:
    """After how many steps, a power of two, the powers have fallen below a millionth."""
    power, steps = transition, 1
    while np.linalg.norm(power, 2) > 1e-6:
        power, steps = power @ power, 2 * steps
    return steps


def _random_step(rng: np.random.Generator, longest: float) -> tuple[StepMatrices, int]:
    method = METHODS[rng.integers(len(METHODS))]
    order = int(rng.integers(1, 11))
    ratio = least_theta_over_dt(order, method) * (1.02 + 10 ** rng.uniform(-1.5, 1.0))
    ratio = min(ratio, longest)
    return step_matrices(order, 1.0 / ratio, method), order


@pytest.mark.parametrize("seed", range(12))
def test_bound_is_above_longer_sums_and_within_a_percent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrices, order = _random_step(rng, 400.0)
    drive = np.column_stack([matrices.input, rng.standard_normal((matrices.input.size, 2))])
    output = rng.standard_normal((order + 1, order)) @ matrices.output
    bound = l1_bound(Flow.of(matrices.transition), drive, lambda z: output @ z)
    # The bound is summed until the powers have decayed; this sum goes on for three times as long.
    steps = 3 * _steps_of_decay(matrices.transition)
    exact = np.abs(_impulse_response(matrices.transition, drive, output, steps)).sum(axis=0)
    assert np.all(bound >= exact * (1 - 1e-13))
    assert np.all(bound <= exact * 1.01 + 1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_skipping_steps_keeps_the_bound_above_and_near(seed: int) -> None:
    """The path for long windows, forced by allowing little work; the coarser it is, the looser."""
    rng = np.random.default_rng(100 + seed)
    method = METHODS[seed % 4]
    order = int(rng.integers(1, 9))
    ratio = max(least_theta_over_dt(order, method) * 1.1, 3000.0)
    matrices = step_matrices(order, 1.0 / ratio, method)
    drive = np.column_stack([matrices.input, 1e-3 * rng.standard_normal((matrices.input.size, 2))])

    def observe(z: np.ndarray) -> np.ndarray:
        return matrices.output @ z

    steps = _steps_of_decay(matrices.transition)
    exact = np.abs(_impulse_response(matrices.transition, drive, matrices.output, steps)).sum(axis=0)
    all_steps = 2.0 * drive.shape[0] ** 2 * drive.shape[1] * steps
    excess = []
    for fewer, most in ((4, 0.002), (32, 0.10), (1e9, 6.0)):
        skipped = l1_bound(Flow.of(matrices.transition), drive, observe, work=all_steps / fewer)
        assert np.all(skipped >= exact * (1 - 1e-12))
        excess.append(float((skipped / exact).max()) - 1.0)
        assert excess[-1] <= most, fewer
    assert excess[0] < excess[1] < excess[2]


def test_skipping_steps_stays_above_where_the_response_turns_fastest() -> None:
    """Order 16 moves at 32 rad a window: the coarsest skipping allowed must still not lose an extremum."""
    order, ratio = 16, 2000.0
    matrices = step_matrices(order, 1.0 / ratio, Discretization.ZOH)
    exact = np.abs(
        _impulse_response(matrices.transition, matrices.input[:, None], matrices.output, int(20 * ratio))
    ).sum(axis=0)[:, 0]
    for work in (1e8, 1e7, 1e6, 1.0):
        bound = l1_bound(Flow.of(matrices.transition), matrices.input[:, None], lambda z: z, work=work)
        assert np.all(bound[:, 0] >= exact * (1 - 1e-12)), work


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", [1, 2, 5, 9])
def test_bang_bang_input_attains_the_range(method: Discretization, order: int) -> None:
    """The sign of the time-reversed response drives each state to its bound, within one per cent."""
    ratio = max(1.15 * least_theta_over_dt(order, method), 30.0)
    bound = state_ranges(order, 1.0 / ratio, method)
    system = discretize(LMUSpec(order, ratio, 1.0, method))
    steps = int(60 * ratio)
    response = _impulse_response(system.transition, system.input, system.output, steps)
    for i in range(order):
        z, peak = np.zeros(system.input.size), 0.0
        for u in np.where(response[::-1, i] >= 0, 1.0, -1.0):
            z = system.transition @ z + system.input * u
            peak = max(peak, abs(float(system.output[i] @ z)))
        assert 0.99 * bound[i] <= peak <= bound[i] * (1 + 1e-12)


def test_blocks_side_by_side_are_one_matrix(rng: np.random.Generator) -> None:
    """Also where steps are skipped; the difference of two equal systems is nothing."""
    blocks = tuple(step_matrices(order, 1.0 / 500.0, Discretization.ZOH).transition for order in (3, 5, 1))
    whole, drive, output = scipy.linalg.block_diag(*blocks), rng.standard_normal((9, 2)), rng.standard_normal((4, 9))
    assert np.allclose(Flow(blocks).apply(drive), whole @ drive, rtol=1e-14)
    assert Flow(blocks).norm() == pytest.approx(np.linalg.norm(whole, 2), rel=1e-12)
    assert Flow(blocks).size == 9
    for work in (1e10, 1e5):
        apart = l1_bound(Flow(blocks), drive, lambda z: output @ z, work=work)
        together = l1_bound(Flow.of(whole), drive, lambda z: output @ z, work=work)
        assert np.allclose(apart, together, rtol=1e-9)
    twins, same = Flow.of(blocks[0], blocks[0]), np.tile(drive[:3], (2, 1))
    assert l1_bound(twins, same, lambda z: z[:3] - z[3:], tail=1e-10).max() <= 1e-6


def test_known_ranges() -> None:
    """One state: the sum of h(1 − h)ᵏ is 1 for Euler. Largest gains of the exact flow at known orders."""
    assert state_ranges(1, 0.01, Discretization.EULER) == pytest.approx([1.0], rel=2e-6)
    assert state_ranges(6, 1e-3, Discretization.ZOH).max() == pytest.approx(2.1, abs=0.05)
    assert state_ranges(32, 1e-3, Discretization.ZOH).max() == pytest.approx(4.9, abs=0.05)


def test_l1_bound_of_a_step_that_does_not_decay_is_refused() -> None:
    for transition in (np.eye(2), np.array([[1.001]]), np.array([[0.99, 1e12], [0.0, 0.99]])):
        with pytest.raises(DesignError, match="the step must be one whose powers decay"):
            l1_bound(Flow.of(transition), np.ones((transition.shape[0], 1)), lambda z: z)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", [1, 2, 4, 12])
def test_power_sum_is_above_the_sum_of_norms(method: Discretization, order: int) -> None:
    """For a contraction it is near, too; a large transient growth makes it loose."""
    for factor in (1.05, 1.5, 4.0, 20.0):
        ratio = factor * least_theta_over_dt(order, method)
        transition = step_matrices(order, 1.0 / ratio, method).transition
        bound = power_sum(transition)
        power, total = np.eye(transition.shape[0]), 0.0
        while (norm := float(np.linalg.norm(power, 2))) > 1e-9:
            total += norm
            power = power @ transition
        assert total <= bound
        if method in (Discretization.ZOH, Discretization.BILINEAR):
            assert bound <= 2.5 * total


def test_power_sum_of_known_matrices() -> None:
    assert power_sum(np.zeros((2, 2))) == pytest.approx(1.0)
    assert 2.0 <= power_sum(np.array([[0.5]])) <= 3.0
    assert power_sum(np.eye(2)) == math.inf


@pytest.mark.parametrize("order", [1, 2, 3, 6, 10])
def test_continuous_ranges_are_above_quadrature_and_tight(order: int) -> None:
    """∫|m_i(t)| dt of the impulse response, by adaptive quadrature between its zeros."""
    a, b = state_matrix(order), input_vector(order)
    values, vectors = np.linalg.eig(a)
    weights = np.linalg.solve(vectors, b.astype(complex))
    bound = continuous_ranges(order)
    for i in range(order):

        def response(t: float, row: int = i) -> float:
            return abs(float((vectors[row] * np.exp(values * t) @ weights).real))

        fine = np.linspace(0.0, 12.0, 6001)
        pieces = np.array([response(t) for t in fine])
        trapezium = scipy.integrate.simpson(pieces, x=fine)
        exact, _ = scipy.integrate.quad(response, 0.0, 12.0, limit=2000, epsabs=1e-7, epsrel=1e-7)
        assert exact == pytest.approx(trapezium, rel=1e-3)
        assert exact * (1 - 1e-6) <= bound[i] <= exact * 1.005


@pytest.mark.parametrize("order", [1, 3, 8])
def test_continuous_ranges_cover_every_held_input(order: int) -> None:
    """A held input is one of the inputs in continuous time, so no sampled range can be larger."""
    for ratio in (2.0, 30.0, 500.0, 5000.0):
        sampled = state_ranges(order, 1.0 / ratio, Discretization.ZOH)
        assert np.all(sampled <= continuous_ranges(order) * (1 + 2e-6))
    # At 5000 samples a window the two are nearly one.
    assert np.all(sampled >= 0.98 * continuous_ranges(order))


@pytest.mark.parametrize("order", [2, 6])
def test_a_fast_bang_bang_input_attains_the_continuous_ranges(order: int) -> None:
    scale, h = energy_scale(order), 1.0 / 2000.0
    matrices = step_matrices(order, h, Discretization.ZOH)
    steps = 12 * 2000
    response = scale * _impulse_response(matrices.transition, matrices.input, np.eye(order), steps)
    bound = continuous_ranges(order)
    for i in range(order):
        x = np.zeros(order)
        for u in np.where(response[::-1, i] >= 0, 1.0, -1.0):
            x = matrices.transition @ x + matrices.input * u
        assert 0.98 * bound[i] <= abs(scale[i] * x[i]) <= bound[i] * (1 + 1e-9)


def test_continuous_ranges_of_readouts(rng: np.random.Generator) -> None:
    """Rows of C in place of the states: the identity changes nothing, and the triangle inequality holds."""
    order = 5
    states = continuous_ranges(order)
    assert np.array_equal(continuous_ranges(order, np.eye(order)), states)
    rows = rng.uniform(-1, 1, (4, order))
    assert np.all(continuous_ranges(order, rows) <= np.abs(rows) @ states * (1 + 1e-3))
    # A held input at 500 samples a window is one of the inputs that the bound must cover.
    matrices = step_matrices(order, 1.0 / 500.0, Discretization.ZOH)
    output = rows * energy_scale(order)[None, :]
    sampled = l1_bound(Flow.of(matrices.transition), matrices.input[:, None], lambda z: output @ z)[:, 0]
    assert np.all(sampled <= continuous_ranges(order, rows) * (1 + 2e-6))
    assert np.all(sampled >= 0.97 * continuous_ranges(order, rows))
