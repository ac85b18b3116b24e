"""The time-stepping methods of `lmu_hw.core.methods` in JAX, differentiable in h = dt/θ: θ can be learned.

Everything is float64, and in orthonormal coordinates until the end. For a held input the derivatives are
exact: d/dh exp(hA) = A·exp(hA) and dB̄/dh = exp(hA)·B, so neither the scaling nor the squarings of the matrix
exponential are differentiated. All other methods are differentiated as they are written.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lmu_hw.core.legendre import energy_scale, orthonormal_system
from lmu_hw.core.methods import Arrays, Discretization
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import coordinates, discretize
from lmu_hw.training.backend import jax, jnp

Tensor = jax.Array
_JAX = Arrays(jnp, jax.scipy.linalg)


class Matrices(NamedTuple):
    """A sampled memory z⁺ = transition·z + input·u, m = output·z, in JAX or NumPy arrays."""

    transition: Any
    input: Any
    output: Any


def _written(method: Discretization, order: int, h: Tensor) -> Matrices:
    """The step of `method` as it is written, in JAX."""
    a, b = map(jnp.asarray, orthonormal_system(order))
    step = method.matrices(_JAX, a, b, h)
    return Matrices(step.transition, step.input, step.output)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _held(order: int, h: Tensor) -> Matrices:
    """The zero-order hold, whose derivative is `_held_jvp`."""
    return _written(Discretization.ZOH, order, h)


@_held.defjvp
def _held_jvp(order: int, primals: tuple[Tensor], tangents: tuple[Tensor]) -> tuple[Matrices, Matrices]:
    (h,), (dh,) = primals, tangents
    a, b = orthonormal_system(order)
    step = _held(order, h)
    return step, Matrices(dh * (a @ step.transition), dh * (step.transition @ b), jnp.zeros_like(step.output))


#: Methods whose derivative is stated; the others are differentiated as they are written.
_STATED = {Discretization.ZOH: _held}


def learned_step(spec: LMUSpec, h: Tensor, dtype: str) -> Matrices:
    """The step of the method of `spec` at another h = dt/θ, in the basis of `spec`; differentiable in h.

    Args:
        spec: Order, method and basis.
        h: A scalar in float64.
        dtype: The type of the matrices that are returned.
    """
    method = spec.discretization
    matrices = _STATED.get(method, partial(_written, method))(spec.order, h)
    to_basis = energy_scale(spec.order) / coordinates(spec)
    scale = np.tile(to_basis, matrices.input.shape[0] // spec.order)
    return Matrices(
        (matrices.transition * scale[:, None] / scale[None, :]).astype(dtype),
        (matrices.input * scale).astype(dtype),
        (matrices.output * to_basis[:, None] / scale[None, :]).astype(dtype),
    )


def fixed_step(spec: LMUSpec, dtype: str) -> Matrices:
    """The step of `spec` itself, computed by NumPy in float64 and then rounded to `dtype`."""
    system = discretize(spec)
    return Matrices(*(array.astype(dtype) for array in (system.transition, system.input, system.output)))
