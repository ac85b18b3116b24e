"""The stepping rules of `lmu_hw.core.steps` as functions of h = dt/θ that JAX can differentiate: θ can be learned.

Everything is float64, and in orthonormal coordinates until the end. For a held input the derivatives are
exact: d/dh exp(hA) = A·exp(hA) and dB̄/dh = exp(hA)·B, so neither the scaling nor the squarings of the matrix
exponential are differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lmu_hw.core.legendre import energy_scale, orthonormal_system
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import coordinates, discretize
from lmu_hw.training.backend import jax, jnp

Tensor = jax.Array


class Matrices(NamedTuple):
    """A sampled memory z⁺ = transition·z + input·u, m = output·z, in JAX or NumPy arrays."""

    transition: Any
    input: Any
    output: Any


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _flow(order: int, h: Tensor) -> tuple[Tensor, Tensor]:
    """exp(hA) and ∫₀ʰ exp(sA) ds B, as one exponential (Van Loan, 1978)."""
    a, b = orthonormal_system(order)
    block = np.zeros((order + 1, order + 1))
    block[:order, :order], block[:order, order] = a, b
    flow = jax.scipy.linalg.expm(h * block)
    return flow[:order, :order], flow[:order, order]


@_flow.defjvp
def _flow_jvp(order: int, primals: tuple[Tensor], tangents: tuple[Tensor]) -> tuple[Any, Any]:
    (h,), (dh,) = primals, tangents
    a, b = orthonormal_system(order)
    transition, drive = _flow(order, h)
    return (transition, drive), (dh * (a @ transition), dh * (transition @ b))


def _zoh(order: int, h: Tensor) -> Matrices:
    return Matrices(*_flow(order, h), np.eye(order))


def _euler(order: int, h: Tensor) -> Matrices:
    a, b = orthonormal_system(order)
    return Matrices(np.eye(order) + h * a, h * b, np.eye(order))


def _ab2(order: int, h: Tensor) -> Matrices:
    a, b = orthonormal_system(order)
    eye, zero = np.eye(order), np.zeros((order, order))
    flow = h * a
    transition = jnp.block([[jnp.asarray(eye), flow], [jnp.asarray(eye), 1.5 * flow]])
    return Matrices(transition, jnp.concatenate([h * b, 1.5 * h * b]), np.hstack([zero, eye]))


def _bilinear(order: int, h: Tensor) -> Matrices:
    a, b = orthonormal_system(order)
    eye = np.eye(order)
    both = jnp.linalg.solve(eye - 0.5 * h * a, jnp.concatenate([eye + 0.5 * h * a, (h * b)[:, None]], axis=1))
    return Matrices(both[:, :order], both[:, order], eye)


_RULES: Mapping[Discretization, Callable[[int, Tensor], Matrices]] = MappingProxyType(
    {
        Discretization.ZOH: _zoh,
        Discretization.EULER: _euler,
        Discretization.AB2: _ab2,
        Discretization.BILINEAR: _bilinear,
    }
)

#: Rules whose θ can be learned.
LEARNABLE = frozenset(_RULES)


def learned_step(spec: LMUSpec, h: Tensor, dtype: str) -> Matrices:
    """The step of `spec`'s rule at another h = dt/θ, in the basis of `spec`; differentiable in h.

    Args:
        spec: order, rule and basis.
        h: a scalar in float64.
        dtype: of the matrices returned.
    """
    matrices = _RULES[spec.discretization](spec.order, h)
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
