"""Initial values of parameters.

Those of Voelker, Kajić and Eliasmith (NeurIPS 2019): e_x and e_h LeCun uniform, e_m zero, kernels
Glorot normal; biases are zero, the LSTM's forget bias one (Jozefowicz, Zaremba and Sutskever, ICML 2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.base import Parameters

Tensor = jax.Array
#: (key, shape, dtype) → array.
Draw = Callable[[Tensor, tuple[int, ...], str], Tensor]


def lecun_uniform(key: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """U(−√(3/fan-in), √(3/fan-in)), of variance 1/fan-in."""
    limit = math.sqrt(3.0 / shape[1])
    return jax.random.uniform(key, shape, jnp.dtype(dtype), -limit, limit)


def glorot_normal(key: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Normal with variance 2/(fan-in + fan-out)."""
    return math.sqrt(2.0 / (shape[0] + shape[1])) * jax.random.normal(key, shape, jnp.dtype(dtype))


def draw(
    key: Tensor,
    shapes: Mapping[str, tuple[int, ...]],
    dtype: str,
    draws: Mapping[str, Draw],
    *,
    zero: set[str],
    without: tuple[str, ...] = (),
) -> Parameters:
    """Initial arrays of a layer; array k draws from `key` folded with k.

    Args:
        key: of the layer.
        shapes: of all arrays, in the layer's order.
        dtype: of all arrays.
        draws: how to draw those that are not kernels.
        zero: names of those that begin at zero.
        without: names of those that are not there.
    """
    params = {}
    for k, (name, shape) in enumerate(shapes.items()):
        if name in without:
            continue
        initial = jnp.zeros(shape, dtype)
        if name not in zero:
            initial = draws.get(name, glorot_normal)(jax.random.fold_in(key, k), shape, dtype)
        params[name] = initial
    return params
