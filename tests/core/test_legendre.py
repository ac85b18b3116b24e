"""The continuous system against its definition: integrals of Legendre polynomials, Padé, the chain."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import legendre as np_legendre

from lmu_hw.core.legendre import (
    chain_operands,
    energy_scale,
    input_vector,
    odd_weights,
    orthonormal_system,
    readout,
    state_matrix,
)
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import continuous
from lmu_hw.errors import DesignError


def _shifted_legendre(degree: int) -> list[Fraction]:
    """Coefficients of P_n(2x − 1), constant term first: (−1)^n Σ_k C(n,k) C(n+k,k) (−x)^k."""
    return [Fraction((-1) ** (degree + k) * comb(degree, k) * comb(degree + k, k)) for k in range(degree + 1)]


def _integral_of_product(p: list[Fraction], q: list[Fraction]) -> Fraction:
    """∫₀¹ p·q, exactly."""
    return sum((a * b / (i + j + 1) for i, a in enumerate(p) for j, b in enumerate(q)), start=Fraction(0))


def _derivative(p: list[Fraction]) -> list[Fraction]:
    return [k * c for k, c in enumerate(p)][1:] or [Fraction(0)]


@pytest.mark.parametrize("order", [1, 2, 3, 6, 12])
def test_a_and_b_follow_from_projecting_the_sliding_window(order: int) -> None:
    """m_i = (2i+1)∫₀¹ P_i(2x−1) w(x) dx of the window w(x, t) = u(t − θx), for which θ ∂w/∂t = −∂w/∂x.

    By parts θ ṁ_i = (2i+1)[P_i(−1) u − P_i(1) w(1) + ∫ P_i' w], with the only approximation that the
    oldest sample w(1) is what the first `order` coefficients say: Σ m_j.
    """
    polynomials = [_shifted_legendre(i) for i in range(order)]
    a, b = state_matrix(order), input_vector(order)
    for i, p in enumerate(polynomials):
        at_new_end, at_old_end = p[0], sum(p)
        assert Fraction(b[i]) == (2 * i + 1) * at_new_end
        for j, q in enumerate(polynomials):
            oldest = at_old_end * sum(q)
            expected = (2 * i + 1) * (_integral_of_product(_derivative(p), q) - oldest)
            assert Fraction(a[i, j]) == expected, (i, j)


@pytest.mark.parametrize("order", [1, 2, 7, 64, 512])
def test_all_entries_are_odd_integers(order: int) -> None:
    a, b = state_matrix(order), input_vector(order)
    assert a.shape == (order, order)
    assert b.shape == (order,)
    for entries in (a, b):
        assert np.all(np.abs(entries) % 2 == 1)
    assert np.array_equal(np.abs(a), np.repeat(odd_weights(order)[:, None], order, axis=1))


def test_the_published_matrices_of_order_three() -> None:
    assert state_matrix(3).tolist() == [[-1, -1, -1], [3, -3, -3], [-5, 5, -5]]
    assert input_vector(3).tolist() == [1, -3, 5]


@pytest.mark.parametrize("order", [1, 2, 5, 64, 300])
def test_orthonormal_coordinates_make_the_flow_passive(order: int) -> None:
    """A + Aᵀ = −(b bᵀ + c cᵀ): energy leaves through the input and through the oldest sample."""
    a, b = orthonormal_system(order)
    c = energy_scale(order)
    lost = np.outer(b, b) + np.outer(c, c)
    assert np.abs(a + a.T + lost).max() <= 1e-12 * np.abs(lost).max()


@pytest.mark.parametrize("order", [1, 2, 9])
def test_orthonormal_system_is_the_same_system(order: int) -> None:
    a, b = orthonormal_system(order)
    scale = np.diag(np.sqrt(2 * np.arange(order) + 1))
    assert np.allclose(scale @ a @ np.linalg.inv(scale), state_matrix(order), rtol=1e-13)
    assert np.allclose(scale @ b, input_vector(order), rtol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 16, 256, 1000])
def test_readout_is_the_shifted_legendre_polynomial(order: int) -> None:
    fractions = np.concatenate([np.linspace(0, 1, 41), [1e-9, 1 - 1e-9]])
    table = readout(order, fractions)
    assert table.shape == (fractions.size, order)
    tolerance = 1e-13 + 2e-16 * order**2  # P_n'(1) = n(n+1)/2 times the rounding of 2x − 1
    oracle = scipy.special.eval_legendre(np.arange(order)[None, :], 2 * fractions[:, None] - 1)
    assert np.abs(table - oracle).max() <= tolerance
    assert np.abs(table - np_legendre.legvander(2 * fractions - 1, order - 1)).max() <= tolerance


def test_readout_at_the_ends_is_the_alternating_and_the_plain_sum() -> None:
    assert readout(5, [0.0, 1.0]).tolist() == [[1, -1, 1, -1, 1], [1, 1, 1, 1, 1]]
    assert readout(4, 1.0).shape == (1, 4)


@pytest.mark.parametrize("bad", [-1e-9, 1.0000001, np.nan, np.inf, [[0.5]], [0.5, 2.0]])
def test_readout_refuses_delays_outside_the_window(bad: object) -> None:
    with pytest.raises(DesignError, match="delay as a fraction of the window must be a number from 0 to 1"):
        readout(4, bad)  # type: ignore[arg-type]


@given(
    order=st.integers(1, 40),
    batch=st.lists(st.integers(1, 3), max_size=3),
    seed=st.integers(0, 2**32 - 1),
    magnitude=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_chain_equals_the_dense_product(order: int, batch: list[int], seed: int, magnitude: float) -> None:
    rng = np.random.default_rng(seed)
    m = magnitude * rng.standard_normal((*batch, order))
    u = magnitude * rng.standard_normal(batch)
    a, b = state_matrix(order), input_vector(order)
    dense = np.einsum("ij,...j->...i", a, m) + u[..., None] * b
    scale = np.einsum("ij,...j->...i", np.abs(a), np.abs(m)) + np.abs(u)[..., None] * np.abs(b)
    chain = -odd_weights(m.shape[-1]) * chain_operands(m, u)
    assert chain.shape == m.shape
    assert np.all(np.abs(chain - dense) <= 1e-12 * scale)


@pytest.mark.parametrize("order", [1, 2, 3, 8])
def test_chain_is_exact_on_integers(order: int, rng: np.random.Generator) -> None:
    m, u = rng.integers(-1000, 1000, (7, order)).astype(float), rng.integers(-1000, 1000, 7).astype(float)
    dense = m @ state_matrix(order).T + u[:, None] * input_vector(order)
    assert np.array_equal(-odd_weights(m.shape[-1]) * chain_operands(m, u), dense)


@pytest.mark.parametrize("order", [1, 2, 3, 9])
def test_chain_operands_follow_the_recurrence(order: int, rng: np.random.Generator) -> None:
    m, u = rng.standard_normal(order), 0.7
    total = m.sum()
    expected, earlier, current = [], total + u, total - u
    for value in m:
        expected.append(current)
        earlier, current = current, earlier - 2 * value
    assert np.allclose(chain_operands(m, u), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 4, 9, 14])
def test_transfer_function_is_the_pade_approximant_of_the_delay(order: int) -> None:
    """Σ m_i of the system is the [d−1/d] Padé approximant of exp(−sθ), from mpmath's Taylor → Padé."""
    theta = 0.25
    frequencies = np.array([0.0, 0.3, 1.0, 2.5, 7.0, 40.0]) / theta
    response = continuous(LMUSpec(order, theta, theta / 100)).transfer(frequencies)[0]
    with mpmath.workdps(80):
        taylor = [mpmath.mpf(-1) ** k / mpmath.factorial(k) for k in range(2 * order)]
        p, q = mpmath.pade(taylor, order - 1, order)
        for frequency, value in zip(frequencies, response, strict=True):
            s = mpmath.mpc(0, 2 * mpmath.pi * frequency * theta)
            exact = complex(_ascending(p, s) / _ascending(q, s))
            assert abs(value - exact) <= 1e-9 * max(1.0, abs(exact)), frequency


def _ascending(coefficients: list[mpmath.mpf], s: mpmath.mpc) -> mpmath.mpc:
    value = mpmath.mpc(0)
    for coefficient in reversed(coefficients):
        value = value * s + coefficient
    return value


def test_transfer_function_approaches_the_ideal_delay_inside_the_band() -> None:
    order, theta = 24, 2.0
    frequencies = np.linspace(0.0, 0.15 * order, 20) / theta
    system = continuous(LMUSpec(order, theta, 1e-3))
    for fraction, tolerance in ((0.0, 2e-5), (0.37, 2e-6), (1.0, 1e-9)):
        ideal = np.exp(-2j * np.pi * frequencies * theta * fraction)
        error = np.abs(system.transfer(frequencies, [fraction])[0] - ideal).max()
        assert error <= tolerance, fraction
