"""JAX with the settings of this package, which hold for the whole process once this is imported.

64-bit numbers are enabled, so that an array has the type that it is given: parameters are float32 or float64 as the
model says, and θ is differentiated in float64 whatever they are. Products are computed in the type of their factors,
even where a graphics processor would shorten the factors to 10 bits: a memory of many steps adds up the losses of all.
"""

from __future__ import annotations

from lmu_hw.errors import MissingToolError

try:
    import jax as jax
    import jax.numpy as jnp
    import optax as optax
except ImportError as error:
    raise MissingToolError(f"{error.name or 'jax'}, which training needs,", "pip install 'lmu-hw[train]'") from None

for _option, _value in (("jax_enable_x64", True), ("jax_default_matmul_precision", "highest")):
    jax.config.update(_option, _value)

__all__ = ["jax", "jnp", "optax"]
