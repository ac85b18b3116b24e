"""Rounded matrices that are certain to be stable: certificates against exact arithmetic, accuracy against rounding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.bounds import noise_power
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization, step_matrices
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.experiments.matrices import contraction, growth_per_step
from lmu_hw.fixed_point.contraction import ErrorPower, Guarantee, certifies, contracting_dense, shaped_rounding
from lmu_hw.fixed_point.datapaths.structured.zoh import energy_gain, transition_of, white_error
from tests.fixed_point.rationals import is_positive_semidefinite


def _by_row(spec: LMUSpec, bits: int) -> np.ndarray:
    """The increment rounded to nearest, each row with its own binary point."""
    increment = discretize(spec).transition - np.eye(spec.order)
    fraction_bits = np.floor(np.log2((2 ** (bits - 1) - 0.51) / np.abs(increment).max(axis=1)))[:, None]
    return np.asarray(np.rint(increment * 2.0**fraction_bits) * 2.0**-fraction_bits)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    order=st.integers(1, 12),
    ratio=st.floats(1.0, 3000.0),
    bits=st.integers(3, 16),
    guarantee=st.sampled_from(list(Guarantee)),
    basis=st.sampled_from(list(Basis)),
    method=st.sampled_from([Discretization.ZOH, Discretization.BILINEAR]),
)
def test_any_specification_is_certified_or_refused(
    order: int, ratio: float, bits: int, guarantee: Guarantee, basis: Basis, method: Discretization
) -> None:
    spec = LMUSpec(order, ratio, 1.0, method, basis)
    try:
        result = contracting_dense(spec, bits, guarantee)
    except DesignError as error:
        message, result = str(error), None
    if result is None:
        assert "enough for a contraction" in message
        assert bits < 12
        return
    assert result.certified
    assert np.abs(result.coefficients).max() < 2 ** (bits - 1)
    transition = transition_of(spec, result.matrix)
    powers = [float(np.linalg.norm(np.linalg.matrix_power(transition, k), 2)) for k in (1, 2, 3, 17, 500)]
    values = np.linalg.eigvalsh(result.weight)
    growth_bound = float(np.sqrt(values[-1] / values[0]))  # of every power, by the certificate
    assert max(powers) <= growth_bound * (1 + 1e-9)
    if guarantee is Guarantee.ENERGY:
        assert energy_gain(spec, result.matrix) <= 1.0
        assert growth_bound == 1.0


@pytest.mark.parametrize("guarantee", list(Guarantee))
@pytest.mark.parametrize("bits", [4, 6, 9])
@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
def test_certificate_in_exact_arithmetic(order: int, bits: int, guarantee: Guarantee) -> None:
    """W − GᵀWG ≥ 0 in fractions. For the energy in Legendre coordinates W = diag(1/(2i+1)) is rational as well."""
    legendre = guarantee is Guarantee.ENERGY
    spec = LMUSpec(order, 40.0, 1.0, basis=Basis.LEGENDRE if legendre else Basis.ORTHONORMAL)
    result = contracting_dense(spec, bits, guarantee)
    n = range(order)
    step = [
        [Fraction(int(result.coefficients[i, j])) / Fraction(2) ** int(result.fractions[i]) + (i == j) for j in n]
        for i in n
    ]
    weight = [[Fraction(int(i == j), 2 * i + 1) if legendre else Fraction(result.weight[i, j]) for j in n] for i in n]
    carried = [[sum((weight[i][k] * step[k][j] for k in n), Fraction(0)) for j in n] for i in n]
    after = [[sum((step[k][i] * carried[k][j] for k in n), Fraction(0)) for j in n] for i in n]
    decrease = [[weight[i][j] - after[i][j] for j in n] for i in n]
    if legendre:
        assert is_positive_semidefinite(decrease)
    else:  # the weight is symmetric to rounding only; its symmetric part is what is meant
        assert is_positive_semidefinite([[(decrease[i][j] + decrease[j][i]) / 2 for j in n] for i in n])
    decrease[0][0] -= 1000  # the check can fail
    assert not is_positive_semidefinite(decrease)


def test_certificate_refuses_what_is_no_contraction() -> None:
    eye = np.eye(3)
    assert certifies(eye, 0.999 * eye)
    assert certifies(eye, (1 - 1e-12) * eye)
    assert not certifies(eye, eye)  # true, but not certain in floating point
    assert not certifies(eye, (1 + 1e-12) * eye)
    assert not certifies(-eye, 0.5 * eye)
    assert not certifies(np.diag([1.0, 1.0, -1e-3]), np.zeros((3, 3)))
    shear = np.array([[0.9, 5.0, 0.0], [0.0, 0.9, 0.0], [0.0, 0.0, 0.5]])
    assert not certifies(eye, shear)
    assert certifies(np.diag([1.0, 1e5, 1.0]), shear)


def test_eight_bits_stay_stable_where_plain_rounding_does_not() -> None:
    spec = LMUSpec(32, 784.0, 1.0)
    plain = discretize(spec).transition
    lsb = np.abs(plain).max() / 127
    assert growth_per_step(transition_of(spec, np.rint(plain / lsb) * lsb - np.eye(32))) > 1.001
    for guarantee in Guarantee:
        result = contracting_dense(spec, 8, guarantee)
        assert result.certified
        assert growth_per_step(transition_of(spec, result.matrix)) < 1.0


@pytest.mark.slow
def test_eight_bits_at_order_256() -> None:
    """Where the nearest matrix on one scale has a spectral radius of 1.0065."""
    spec = LMUSpec(256, 784.0, 1.0)
    plain = discretize(spec).transition
    lsb = np.abs(plain).max() / 127
    assert growth_per_step(transition_of(spec, np.rint(plain / lsb) * lsb - np.eye(256))) > 1.005
    result = contracting_dense(spec, 8, Guarantee.LYAPUNOV)
    assert result.certified
    assert white_error(spec, result.matrix).energy < 0.4
    assert contracting_dense(spec, 8).certified


@pytest.mark.parametrize(("order", "bits"), [(6, 8), (24, 8), (40, 10)])
def test_shaped_rounding_is_several_times_better_than_the_nearest(order: int, bits: int) -> None:
    spec = LMUSpec(order, 784.0, 1.0)
    shaped = contracting_dense(spec, bits, Guarantee.LYAPUNOV).matrix
    nearest = _by_row(spec, bits)
    assert white_error(spec, shaped).energy < 0.5 * white_error(spec, nearest).energy
    scale = np.abs(nearest - shaped) / np.abs(discretize(spec).transition - np.eye(order)).max(axis=1)[:, None]
    assert scale.max() <= 2.0 ** (2 - bits) + 1e-12  # each entry is one of its two neighbours


def test_error_power_and_its_gradient() -> None:
    """The quadratic form against the exact H2 norm at a small error, the gradient against differences."""
    step = step_matrices(8, 1 / 60, Discretization.ZOH)
    spec = LMUSpec(8, 60.0, 1.0, basis=Basis.ORTHONORMAL)
    power, rng = ErrorPower(step), np.random.default_rng(0)
    error = 1e-4 * rng.standard_normal((8, 8))
    form = 0.5 * np.vdot(power.gradient(error), error)
    exact = white_error(spec, step.transition - np.eye(8) + error).energy
    signal = noise_power(step.transition, step.input[:, None], np.eye(8)).sum()
    assert np.sqrt(form / signal) == pytest.approx(exact, rel=1e-2)
    other = 1e-4 * rng.standard_normal((8, 8))
    ahead = 0.5 * np.vdot(power.gradient(error + other), error + other)
    back = 0.5 * np.vdot(power.gradient(error - other), error - other)
    assert (ahead - back) / 2 == pytest.approx(np.vdot(power.gradient(error), other), rel=1e-3)


def test_curvature_is_that_of_single_entries() -> None:
    step = step_matrices(6, 1 / 200, Discretization.ZOH)
    power = ErrorPower(step)
    for i, j in ((0, 1), (3, 3), (5, 2)):
        entry = np.zeros((6, 6))
        entry[i, j] = 1.0
        exact = 0.5 * float(np.vdot(power.gradient(entry), entry))
        assert power.curvature[i, j] == pytest.approx(exact, rel=0.1)


def test_shaped_rounding_never_ends_above_the_nearest() -> None:
    step = step_matrices(12, 1 / 100, Discretization.ZOH)
    power = ErrorPower(step)
    target = step.transition - np.eye(12)
    grid = np.full((12, 12), 2.0**-7)

    def cost(matrix: np.ndarray) -> float:
        return 0.5 * float(np.vdot(power.gradient(matrix - target), matrix - target))

    nearest = np.rint(target / grid) * grid
    rounded = shaped_rounding(target, grid, power)
    np.testing.assert_allclose(rounded / grid, np.rint(rounded / grid), atol=1e-9)
    assert cost(rounded) < 0.5 * cost(nearest)


def test_result_is_a_dense_increment() -> None:
    spec = LMUSpec(5, 50.0, 1.0)
    result = contracting_dense(spec, 8)
    increment = result.increment()
    np.testing.assert_array_equal(increment.state_gain, result.matrix)
    np.testing.assert_array_equal(contracting_dense(spec, 8).coefficients, result.coefficients)


def test_errors() -> None:
    spec = LMUSpec(8, 100.0, 1.0)
    with pytest.raises(DesignError, match="coefficient bits must be an integer from 3 to 24, got 2"):
        contracting_dense(spec, 2)
    with pytest.raises(DesignError, match="guarantee must be one of energy, lyapunov, got none"):
        contracting_dense(spec, 8, "none")
    with pytest.raises(DesignError, match="discretization must be zoh or bilinear for a contracting matrix"):
        contracting_dense(LMUSpec(8, 100.0, 1.0, Discretization.EULER), 8)


def test_table() -> None:
    done = CliRunner().invoke(contraction, ["--orders", "4", "--bits", "8", "--ratio", "30"])
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if line.split()[:2] == ["4", "8"]]
    assert [line.endswith("yes") for line in lines] == [False, False, True, True]
    refused = CliRunner().invoke(contraction, ["--orders", "0"])
    assert isinstance(refused.exception, DesignError)
    assert "order must be" in str(refused.exception)
