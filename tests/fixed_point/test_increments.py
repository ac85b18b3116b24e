"""Integer coefficients: how near they are to the system, and the map that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.core.legendre import chain_operands, input_vector, state_matrix
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import chain_increment, dense_increment


@given(
    order=st.integers(1, 40),
    bits=st.integers(3, 32),
    ratio=st.one_of(st.floats(1.0, 1e6), st.sampled_from([2.0**k * (1 + 1e-9) for k in range(20)])),
)
def test_chain_coefficients_are_held_to_a_relative_half_bit(order: int, bits: int, ratio: float) -> None:
    spec = LMUSpec(order, ratio, 1.0)  # its method plays no part
    increment = chain_increment(spec, bits)
    exact = spec.h * (2 * np.arange(order) + 1)
    assert np.all(np.abs(increment.values - exact) <= 2.0 ** -(bits - 1) * exact)
    assert np.all(increment.coefficients >= 2 ** (bits - 2))
    assert np.all(increment.coefficients <= 2 ** (bits - 1) - 1)


@pytest.mark.parametrize("order", [1, 2, 3, 8])
def test_the_chain_realises_h_times_a_and_b(order: int) -> None:
    spec = LMUSpec(order, 64.0, 1.0)
    increment = chain_increment(spec, 24)
    rounded = increment.values / (2 * np.arange(order) + 1)
    assert np.allclose(increment.state_gain, rounded[:, None] * state_matrix(order), rtol=1e-13)
    assert np.allclose(increment.input_gain, rounded * input_vector(order), rtol=1e-13)
    assert increment.multiplications == order


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("method", ["zoh", "bilinear", "euler"])
@pytest.mark.parametrize("bits", [4, 9, 16, 26])
def test_the_dense_matrix_is_rounded_to_the_finest_grid_that_fits(method: str, basis: Basis, bits: int) -> None:
    spec = LMUSpec(7, 30.0, 1.0, method, basis)
    increment = dense_increment(spec, bits)
    exact = discretize(spec).transition - np.eye(7)
    (fraction,) = set(increment.fractions.tolist())
    assert np.all(np.abs(increment.values - exact) <= 2.0 ** -(fraction + 1))
    largest = np.abs(increment.coefficients).max()
    assert largest <= 2 ** (bits - 1) - 1
    assert np.rint(np.abs(exact).max() * 2.0 ** (fraction + 1)) > 2 ** (bits - 1) - 1


def test_the_widest_product_is_that_of_the_worst_signs(rng: np.random.Generator) -> None:
    """Operands at their peaks, each with the sign that adds up, on the finest row's grid."""
    for increment in (chain_increment(LMUSpec(6, 50.0, 1.0), 9), dense_increment(LMUSpec(6, 50.0, 1.0), 9)):
        peak = rng.integers(1, 1000, 6).astype(float)
        grids = 2.0 ** (increment.fractions.max() - increment.fractions)
        if increment.coefficients.ndim == 1:
            sums = np.abs(increment.coefficients) * peak
        else:
            sums = (np.sign(increment.coefficients) * peak * increment.coefficients).sum(axis=1)
        assert increment.widest_product(peak) == pytest.approx((sums * grids).max(), rel=1e-15)


def test_operands_are_those_of_the_chain_or_the_states_themselves(rng: np.random.Generator) -> None:
    states = rng.standard_normal((5, 3))
    chain, dense = chain_increment(LMUSpec(5, 50.0, 1.0), 9), dense_increment(LMUSpec(5, 50.0, 1.0), 9)
    assert np.allclose(chain.operands(states), chain_operands(states.T, np.zeros(3)).T)
    assert np.array_equal(dense.operands(states), states)
    assert chain.operand_input.tolist() == [-1.0, 1.0, -1.0, 1.0, -1.0]
    assert dense.operand_input.tolist() == [-1.0, 0.0, 0.0, 0.0, 0.0]


def test_the_dense_product_has_no_two_step_form() -> None:
    with pytest.raises(DesignError, match=r"^discretization must be zoh, euler or bilinear for the dense product"):
        dense_increment(LMUSpec(4, 40.0, 1.0, "ab2"), 12)
