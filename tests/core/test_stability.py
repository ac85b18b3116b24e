"""The deciding pole, the limits of the explicit steps and what powers of a step really do."""

from __future__ import annotations

import math
import warnings
from functools import cache
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from lmu_hw.core.legendre import state_matrix
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.stability import dominant_pole, spectral_norm, transient_growth
from lmu_hw.core.steps import (
    NUMPY,
    Discretization,
    is_stable,
    least_theta_over_dt,
    step_matrices,
    step_stability,
)

EULER, AB2, ZOH, BILINEAR = (
    Discretization.EULER,
    Discretization.AB2,
    Discretization.ZOH,
    Discretization.BILINEAR,
)


@cache
def _characteristic_polynomial(order: int) -> list[int]:
    """det(sI − A), leading coefficient first: Faddeev and LeVerrier's recursion in exact integers."""
    a = state_matrix(order).astype(int).astype(object)
    eye = np.eye(order, dtype=int).astype(object)
    coefficients, m = [1], eye
    for k in range(1, order + 1):
        product = a.dot(m)
        trace = sum(product.diagonal())
        assert trace % k == 0
        coefficients.append(-trace // k)
        m = product + coefficients[-1] * eye
    assert not m.any()  # Cayley and Hamilton
    return coefficients


@cache
def _poles(order: int) -> list[mpmath.mpc]:
    """All eigenvalues of A, in some thirty digits, from the exact characteristic polynomial."""
    with mpmath.workdps(40 + order):
        start = [
            2.0 * order * mpmath.expjpi(0.5 + (k + 0.5) / order) for k in range(order)
        ]  # on the left half circle that they lie near
        with warnings.catch_warnings():  # newer versions want the coefficients the other way round
            warnings.simplefilter("ignore", DeprecationWarning)
            return mpmath.polyroots(
                _characteristic_polynomial(order), maxsteps=500, extraprec=60 + 8 * order, roots_init=start
            )


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8, 13, 20, 21, 32, 40])
def test_the_deciding_pole_is_exact_and_decides(order: int) -> None:
    """Of all poles it has the largest modulus and the least damping at once."""
    poles = _poles(order)
    ours = dominant_pole(order)
    upper = [p for p in poles if p.imag >= -1e-20]
    nearest = min(upper, key=lambda p: abs(p - ours))
    assert abs(complex(nearest) - ours) <= 1e-13 * abs(ours)
    assert max(abs(p) for p in poles) <= abs(nearest) * (1 + mpmath.mpf(10) ** -20)
    assert min(-p.real for p in poles) >= -nearest.real * (1 - mpmath.mpf(10) ** -20)
    assert ours.imag >= 0


@pytest.mark.parametrize("order", [64, 100, 256, 700])
def test_the_deciding_pole_of_high_orders_is_a_root_at_the_end_of_the_arc(order: int) -> None:
    """No oracle finds all roots here: check the residual, and that nothing lies further up the arc.

    Along the arc neighbouring poles are at least 2 apart; the polynomial's zeros are counted by the
    argument principle in a box around the pole and in one above it.
    """
    ours = dominant_pole(order)

    def value(s: complex) -> mpmath.mpc:
        term, total = mpmath.mpc(1), mpmath.mpc(1)
        for j in range(1, order + 1):
            term = term * s * (order - j + 1) / (j * (2 * order - j))
            total += term
        return total

    def zeros_inside(left: float, right: float, bottom: float, top: float) -> int:
        corners = [complex(left, bottom), complex(right, bottom), complex(right, top), complex(left, top)]
        turned = mpmath.mpf(0)
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            pieces = max(2, math.ceil(abs(end - start) * 2))
            values = [value(start + (end - start) * k / pieces) for k in range(pieces + 1)]
            turns = [mpmath.arg(b / a) for a, b in pairwise(values)]
            assert max(abs(t) for t in turns) < 2.5
            turned += sum(turns)
        return round(float(turned / (2 * mpmath.pi)))

    with mpmath.workprec(100 + 8 * order):
        x, y = ours.real, ours.imag
        assert zeros_inside(x - 0.5, x + 0.5, y - 0.5, y + 0.5) == 1
        assert zeros_inside(x - 0.5, -0.01, y - 0.5, y + 20.0) == 1  # none less damped, none further up


KNOWN_EULER = {4: 5.152, 6: 10.642, 16: 59.725, 32: 196.851, 64: 638.650, 100: 1354.684, 256: 6541.513}


@pytest.mark.parametrize(("order", "least"), KNOWN_EULER.items())
def test_least_window_of_the_euler_step(order: int, least: float) -> None:
    assert least_theta_over_dt(order, EULER) == pytest.approx(least, abs=6e-4)


@pytest.mark.parametrize("order", [2, 3, 4, 6, 11, 16, 32])
def test_least_window_of_the_euler_step_from_all_poles(order: int) -> None:
    """|1 + hλ| < 1 for every λ: 1/h > |λ|²/(−2 Re λ)."""
    exact = max(abs(p) ** 2 / (-2 * p.real) for p in _poles(order))
    ours = least_theta_over_dt(order, EULER)
    assert exact <= ours <= exact * (1 + 3e-9)


def _ab2_radius(order: int, ratio: float) -> float:
    """The largest |w| with w² − (1 + 3z/2)w + z/2 = 0 over z = λ/ratio for all poles λ."""
    largest = mpmath.mpf(0)
    for pole in _poles(order):
        z = pole / ratio
        middle, root = (1 + 1.5 * z) / 2, mpmath.sqrt(((1 + 1.5 * z) / 2) ** 2 - z / 2)
        largest = max(largest, abs(middle + root), abs(middle - root))
    return float(largest)


@pytest.mark.parametrize("order", [1, 2, 4, 6, 12, 16, 32])
def test_least_window_of_the_ab2_step_from_all_poles(order: int) -> None:
    ours = least_theta_over_dt(order, AB2)
    assert _ab2_radius(order, ours * (1 + 1e-7)) < 1.0
    assert _ab2_radius(order, ours * (1 - 1e-7)) > 1.0
    if order > 1:  # no stable window hides below the limit
        assert all(_ab2_radius(order, ratio) > 1.0 for ratio in np.geomspace(1.0, 0.999 * ours, 12))


@pytest.mark.parametrize(("order", "least"), [(4, 6.2), (6, 10.4), (12, 24.7), (16, 35.2), (32, 81.8)])
def test_least_window_of_the_ab2_step_matches_known_figures(order: int, least: float) -> None:
    assert least_theta_over_dt(order, AB2) == pytest.approx(least, abs=0.05)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 7, 9, 16, 32])
@pytest.mark.parametrize("method", list(Discretization))
def test_spectral_radius_is_that_of_all_poles(order: int, method: Discretization) -> None:
    """Also where another pole than the one at the limit gives it, as for AB2 at 1.3 … 1.7 times the limit."""
    poles = _poles(order)
    for factor in (1.0001, 1.29, 1.4, 1.5, 4.0, 50.0):
        ratio = least_theta_over_dt(order, method) * factor
        if method is AB2:
            exact = _ab2_radius(order, ratio)
        elif method is EULER:
            exact = float(max(abs(1 + p / ratio) for p in poles))
        elif method is ZOH:
            exact = float(max(abs(mpmath.exp(p / ratio)) for p in poles))
        else:
            exact = float(max(abs((1 + p / ratio / 2) / (1 - p / ratio / 2)) for p in poles))
        found = step_stability(order, 1.0 / ratio, method)
        assert found.spectral_radius == pytest.approx(exact, abs=1e-12)
        assert found.margin == pytest.approx(1.0 - exact, abs=1e-12)
        assert found.stable


@pytest.mark.parametrize("method", [EULER, AB2])
@pytest.mark.parametrize("order", [2, 3, 4, 8, 12])
def test_powers_grow_below_the_limit_and_decay_above(order: int, method: Discretization) -> None:
    """Plain double precision can tell at these orders; the margin of 10⁻³ needs some 10⁵ steps."""
    limit = least_theta_over_dt(order, method)
    for factor, decays in ((0.999, False), (1.001, True)):
        ratio = limit * factor
        power = step_matrices(order, 1.0 / ratio, method).transition
        for _ in range(19):
            power = power @ power
            if not 1e-60 < np.abs(power).max() < 1e60:
                break
        size = float(np.abs(power).max())
        assert size < 1e-6 if decays else size > 1e6, factor
        assert is_stable(order, 1.0 / ratio, method) is decays


@pytest.mark.parametrize("offset", [0.0, 1e-16, 1e-15, 3e-13, 1e-9, 1e-4])
@pytest.mark.parametrize("method", list(Discretization))
def test_one_state_and_a_step_as_long_as_the_window(method: Discretization, offset: float) -> None:
    """The single pole −1 meets h = 1: Euler forgets everything in one step, and nearly so beside it."""
    theta, dt = 1.0, 1.0 - offset
    if method is AB2 and offset < 1e-10:  # h = 1 is the limit itself
        return
    stability = LMUSpec(1, theta, dt, method).stability
    assert stability.stable
    if method is EULER:
        assert stability.spectral_radius == pytest.approx(offset, abs=1e-12)


def test_transient_growth_is_the_largest_norm_met() -> None:
    """Against every power, not only those of two; the reported peak may miss a little of it."""
    order, ratio = 12, 1.02 * least_theta_over_dt(12, EULER)
    step = step_matrices(order, 1.0 / ratio, EULER).transition
    power, peak = np.eye(order), 1.0
    for _ in range(5000):
        power = power @ step
        peak = max(peak, float(np.linalg.norm(power, 2)))
    assert 0.5 * peak <= transient_growth(step) <= peak * (1 + 1e-9)
    assert step_stability(order, 1.0 / ratio, EULER).transient_growth == transient_growth(step)
    assert peak > 3.0  # a case where it matters


def test_transient_growth_of_what_never_decays_is_infinite() -> None:
    assert transient_growth(np.array([[1.01]])) == math.inf
    assert transient_growth(np.array([[0.0]])) == 1.0
    assert step_stability(6, 1.0 / 5.0, EULER).transient_growth == math.inf


@pytest.mark.parametrize("size", [1, 2, 40, 64, 65, 100, 300])
def test_spectral_norm_is_an_upper_bound(size: int, rng: np.random.Generator) -> None:
    for matrix in (
        rng.standard_normal((size, size)),
        np.outer(rng.standard_normal(size), rng.standard_normal(size)),
        np.eye(size),
        1e-140 * rng.standard_normal((size, size)),
        1e150 * np.diag(rng.uniform(0, 1, size)),
    ):
        exact = np.linalg.svd(matrix, compute_uv=False)[0]
        assert exact * (1 - 1e-14) <= spectral_norm(matrix) <= exact * (1 + 1e-11)


@pytest.mark.parametrize("method", list(Discretization))
def test_spectral_norm_of_steps_and_their_powers(method: Discretization) -> None:
    """Their singular values crowd at 1, which some eigenvalue routines cannot take."""
    for order in (8, 18, 22, 32, 40):
        for ratio in (784.0, 1000.0, 5000.0, 1e5):
            power = step_matrices(order, 1.0 / ratio, method).transition
            for _ in range(5):
                exact = np.linalg.svd(power, compute_uv=False)[0]
                assert exact * (1 - 1e-14) <= spectral_norm(power) <= exact * (1 + 1e-12)
                power = power @ power


def test_spectral_norm_of_zero_and_of_infinity() -> None:
    assert spectral_norm(np.zeros((80, 80))) == 0.0
    assert spectral_norm(np.full((2, 2), np.inf)) == math.inf


def test_the_methods_know_their_radius_for_any_pole(rng: np.random.Generator) -> None:
    """log_radius is a formula per method; compare with the matrices of a scalar system of that pole."""
    for method in Discretization:
        for pole in (-0.3, -1.0, -1.9, 0.4):
            matrices = method.matrices(NUMPY, np.array([[pole]]), np.array([1.0]), 1.0)
            exact = np.abs(np.linalg.eigvals(matrices.transition)).max()
            if exact > 0.0:
                assert math.exp(method.log_radius(complex(pole))) == pytest.approx(exact, rel=1e-12), method
