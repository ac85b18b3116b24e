"""The steps that JAX differentiates are the project's steps, and their gradients are right."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import discretize
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.discretization import fixed_step, learned_step


@pytest.mark.parametrize("method", Discretization)
@pytest.mark.parametrize("basis", Basis)
def test_it_is_the_step_of_the_specification(method: Discretization, basis: Basis) -> None:
    spec = LMUSpec(7, 1.0, 1.0 / 50.0, method, basis)
    system = discretize(spec)
    fixed, learned = fixed_step(spec, "float64"), learned_step(spec, jnp.asarray(spec.h), "float64")
    for name in ("transition", "input", "output"):
        exact = getattr(system, name)
        np.testing.assert_array_equal(getattr(fixed, name), exact)
        np.testing.assert_allclose(getattr(learned, name), exact, rtol=1e-12, atol=1e-13)
    assert learned_step(spec, jnp.asarray(spec.h), "float32").transition.dtype == np.float32


@pytest.mark.parametrize("method", Discretization)
def test_derivatives_in_h_are_central_differences(method: Discretization) -> None:
    order, h, small = 6, 0.03, 1e-6
    spec = LMUSpec(order, 1.0, h, method)
    _, slopes = jax.jvp(lambda h: learned_step(spec, h, "float64"), (jnp.asarray(h),), (jnp.ones(()),))
    above, below = (discretize(LMUSpec(order, 1.0, h + s, method)) for s in (small, -small))
    for name in ("transition", "input", "output"):
        difference = (getattr(above, name) - getattr(below, name)) / (2 * small)
        np.testing.assert_allclose(getattr(slopes, name), difference, rtol=1e-7, atol=1e-6)


def test_a_held_input_can_be_differentiated_twice() -> None:
    def corner(h: jax.Array) -> jax.Array:
        return learned_step(LMUSpec(4, 1.0, 0.1), h, "float64").transition[0, -1]

    h, small = 0.1, 1e-5
    slope = jax.grad(corner)
    difference = (slope(jnp.asarray(h + small)) - slope(jnp.asarray(h - small))) / (2 * small)
    assert float(jax.grad(slope)(jnp.asarray(h))) == pytest.approx(float(difference), rel=1e-7)
