"""Rounding and tolerances keep the chain passive and the bilinear step a contraction, whatever they are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.legendre import odd_weights, state_matrix
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import NUMPY, Discretization, least_theta_over_dt
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import chain_increment, tridiagonal_increment
from lmu_hw.fixed_point.datapaths.tridiagonal import TridiagonalIncrement
from lmu_hw.fixed_point.formats import IntArray
from tests.fixed_point.rationals import is_positive_semidefinite

orders = st.integers(1, 10)


def _positive(most: int) -> st.SearchStrategy[Fraction]:
    return st.fractions(min_value=Fraction(1, 100), max_value=most, max_denominator=100)


def _couplings(order: int) -> list[list[int]]:
    """M of A = −W·M, entries ±1."""
    return np.rint(-state_matrix(order) / odd_weights(order)[:, None]).astype(int).tolist()


def _solve(matrix: list[list[Fraction]], columns: list[list[Fraction]]) -> list[list[Fraction]]:
    """matrix⁻¹·columns in rationals."""
    n = len(matrix)
    rows = [list(row) + list(extra) for row, extra in zip(matrix, columns, strict=True)]
    for k in range(n):
        swap = next(i for i in range(k, n) if rows[i][k] != 0)
        rows[k], rows[swap] = rows[swap], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows]


def _contracts(step: list[list[Fraction]], weights: list[Fraction]) -> bool:
    """Whether stepᵀ·D·step ≤ D for D = diag(1/weights), decided in rationals."""
    n = len(step)
    drop = [
        [
            (1 / weights[i] if i == j else Fraction(0)) - sum(step[k][i] * step[k][j] / weights[k] for k in range(n))
            for j in range(n)
        ]
        for i in range(n)
    ]
    return is_positive_semidefinite(drop)


def test_the_decision_itself_can_say_no() -> None:
    f = Fraction
    assert is_positive_semidefinite([[f(1), f(1)], [f(1), f(1)]])
    assert not is_positive_semidefinite([[f(1), f(2)], [f(2), f(1)]])
    assert not is_positive_semidefinite([[f(0), f(1)], [f(1), f(5)]])
    assert not _contracts([[f(1), f(1)], [f(0), f(1)]], [f(1), f(1)])
    assert _contracts([[f(3, 5), f(4, 5)], [f(-4, 5), f(3, 5)]], [f(1), f(1)])


@settings(max_examples=40)
@given(order=orders, weights=st.lists(_positive(1000), min_size=10, max_size=10))
def test_any_positive_weights_keep_the_chain_passive(order: int, weights: list[Fraction]) -> None:
    """d/dt Σ m_i²/w_i = −mᵀ(M + Mᵀ)m ≤ 0 for θ ṁ = −W M m: exactly, whatever the w_i > 0 are."""
    couplings = _couplings(order)
    a = [[-weights[i] * couplings[i][j] for j in range(order)] for i in range(order)]
    rate = [[-(a[i][j] / weights[i] + a[j][i] / weights[j]) for j in range(order)] for i in range(order)]
    assert is_positive_semidefinite(rate)


@pytest.mark.parametrize("order", range(3, 9))
def test_a_wrong_coupling_breaks_it(order: int) -> None:
    """The ±1 are what passivity rests on: with one sign flipped it is gone almost everywhere."""
    survives = 0
    for i, j in np.ndindex(order, order):
        couplings = _couplings(order)
        couplings[i][j] = -couplings[i][j]
        both = [[Fraction(couplings[r][c] + couplings[c][r]) for c in range(order)] for r in range(order)]
        survives += is_positive_semidefinite(both)
    assert 3 * survives <= order * order


@settings(max_examples=25)
@given(
    order=st.integers(1, 6),
    h=_positive(4),
    tolerances=st.lists(
        st.fractions(min_value=Fraction(1, 3), max_value=3, max_denominator=50), min_size=6, max_size=6
    ),
)
def test_cayley_contracts_for_any_weights_and_any_step(order: int, h: Fraction, tolerances: list[Fraction]) -> None:
    """(I + hWM/2)⁻¹(I − hWM/2) in the norm Σ m_i²/w_i, with every weight far off."""
    couplings = _couplings(order)
    weights = [(2 * i + 1) * tolerances[i] for i in range(order)]
    half = [[h * weights[i] * couplings[i][j] / 2 for j in range(order)] for i in range(order)]
    plus = [[(i == j) + half[i][j] for j in range(order)] for i in range(order)]
    minus = [[(i == j) - half[i][j] for j in range(order)] for i in range(order)]
    assert _contracts(_solve(plus, minus), weights)


@settings(max_examples=40)
@given(
    order=st.integers(1, 8),
    seed=st.integers(0, 2**32 - 1),
    spread=st.floats(0.0, 0.5),
    method=st.sampled_from([Discretization.EULER, Discretization.AB2]),
)
def test_explicit_steps_of_any_weights_are_stable_below_their_limit(
    order: int, seed: int, spread: float, method: Discretization
) -> None:
    """Random tolerances: such weights have poles with Re < 0, hence a limit, and below it a Lyapunov function."""
    rng = np.random.default_rng(seed)
    weights = odd_weights(order) * rng.uniform(1.0 - spread, 1.0 + spread, order)
    root = np.sqrt(weights)
    flow = root[:, None] * np.array(_couplings(order)) * -root[None, :]  # the coordinates in which it contracts
    poles = np.linalg.eigvals(flow)
    assert poles.real.max() < 0.0
    low, high = 0.0, 4.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        stable = all(method.log_radius(complex(middle * pole)) < 0.0 for pole in poles)
        low, high = (middle, high) if stable else (low, middle)
    below = method.matrices(NUMPY, flow, root, 0.97 * low).transition
    energy = scipy.linalg.solve_discrete_lyapunov(below.T, np.eye(below.shape[0]))
    assert np.linalg.eigvalsh(energy).min() >= 1.0 - 1e-6  # P = I + GᵀPG exists and is positive: stable
    above = method.matrices(NUMPY, flow, root, 1.03 * low).transition
    early, late = (np.abs(np.linalg.matrix_power(above, steps)).max() for steps in (4000, 8000))
    assert late > 10.0 * early > 10.0


@settings(max_examples=40)
@given(order=st.integers(1, 10), bits=st.integers(3, 20), stretch=st.floats(1.5, 20.0))
def test_the_chain_as_it_is_rounded_is_passive(order: int, bits: int, stretch: float) -> None:
    ratio = stretch * least_theta_over_dt(order, Discretization.EULER)
    increment = chain_increment(LMUSpec(order, ratio, 1.0, "euler"), bits)
    weights = _rationals(increment.coefficients, increment.fractions)
    assert min(weights) > 0
    for exact, weight in zip(odd_weights(order) / ratio, weights, strict=True):
        assert abs(float(weight) / exact - 1.0) <= 2.0 ** -(bits - 1)
    gain = increment.state_gain
    couplings = _couplings(order)
    for i, weight in enumerate(weights):
        assert gain[i].tolist() == [-float(weight) * c for c in couplings[i]]


@settings(max_examples=40)
@given(order=st.integers(1, 8), bits=st.integers(4, 20), ratio=st.floats(1.0, 5000.0))
def test_the_solve_as_it_is_rounded_contracts_exactly(order: int, bits: int, ratio: float) -> None:
    """The step that the rounded constants realise, in rationals and from the definition of the elimination.

    Its energy norm is Σ x_i²/γ_i, γ the rounded coefficients over two; see `lmu_hw.fixed_point.datapaths.tridiagonal`.
    """
    try:
        increment = tridiagonal_increment(LMUSpec(order, ratio, 1.0, "bilinear"), bits)
    except DesignError:
        return
    step, gamma = _realised_step(increment)
    assert _contracts(step, gamma)


def test_a_coefficient_rounded_upwards_need_not_contract() -> None:
    """Which is why they are rounded downwards: the margin is a matter of the last place."""
    broken = 0
    for order, bits, ratio in ((4, 6, 50.0), (6, 6, 100.0), (8, 7, 300.0)):
        increment = tridiagonal_increment(LMUSpec(order, ratio, 1.0, "bilinear"), bits)
        step, gamma = _realised_step(replace(increment, coefficients=increment.coefficients + 2))
        broken += not _contracts(step, gamma)
    assert broken > 0


def _rationals(codes: IntArray, fraction_bits: IntArray) -> list[Fraction]:
    return [Fraction(c) / Fraction(2) ** p for c, p in zip(codes.tolist(), fraction_bits.tolist(), strict=True)]


def _realised_step(increment: TridiagonalIncrement) -> tuple[list[list[Fraction]], list[Fraction]]:
    """I − coefficient·(words → s), with s from the tridiagonal elimination in rationals, and the coefficients/2."""
    d, k = increment.order, increment.middle
    r = _rationals(increment.pivots, increment.pivot_fractions)
    c = _rationals(increment.coefficients, increment.fractions)
    columns = []
    for j in range(d):
        x = [Fraction(int(i == j)) for i in range(d)]
        w, s = [Fraction(0)] * d, [Fraction(0)] * d
        last = Fraction(0)
        for i in range(k):
            t = 2 * x[i] - last
            last = w[i] = t - r[i] * t
        t, last = 2 * x[k] - last, Fraction(0)
        for i in range(d - 1, k, -1):
            y = 2 * x[i] + last
            last = w[i] = y - r[i] * y
        t += last
        s[k] = t / 2 - r[k] * t
        for i in range(k - 1, -1, -1):
            s[i] = w[i] + s[i + 1] - r[i] * s[i + 1]
        for i in range(k + 1, d):
            s[i] = w[i] - s[i - 1] + r[i] * s[i - 1]
        columns.append([x[i] - c[i] * s[i] for i in range(d)])
    return [[columns[j][i] for j in range(d)] for i in range(d)], [value / 2 for value in c]


@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_realised_step_is_what_the_increment_says(order: int) -> None:
    increment = tridiagonal_increment(LMUSpec(order, 30.0, 1.0, "bilinear"), 12)
    step, _ = _realised_step(increment)
    assert np.allclose(np.array(step, dtype=float), np.eye(order) + increment.state_gain, rtol=0, atol=1e-12)
