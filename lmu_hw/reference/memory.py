"""The golden float64 memory that every other form is compared with, and its states without the steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.arguments import check_integer
from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array
from lmu_hw.spec import LMUSpec
from lmu_hw.system import discretize


class FloatMemory:
    """z⁺ = G z + H u in float64, step by step or whole sequences, with a state that is kept.

    Attributes:
        spec: the specification.
        system: its sampled system.
        state: z, shape (…, n), set by the first input's batch shape; None before.
    """

    def __init__(self, spec: LMUSpec) -> None:
        self.spec = spec
        self.system = discretize(spec)
        self.state: Array | None = None

    def reset(self) -> None:
        """Forget everything."""
        self.state = None

    def step(self, sample: ArrayLike) -> Array:
        """Take in one sample per sequence, shape (…), and return the states after it, shape (…, order)."""
        u = _finite(sample)
        z = self._begin(u.shape)
        self.state = z @ self.system.transition.T + u[..., None] * self.system.input
        return self.state @ self.system.output.T

    def run(self, samples: ArrayLike) -> Array:
        """States after each sample, shape (…, T, order), for samples of shape (…, T)."""
        u = _finite(samples)
        if u.ndim == 0:
            raise DesignError("samples", "an array of at least one dimension (time comes last)", u.shape)
        z = self._begin(u.shape[:-1])
        transition, drive = self.system.transition.T.copy(), self.system.input
        states = np.empty((*u.shape, z.shape[-1]))
        for k in range(u.shape[-1]):
            z = z @ transition + u[..., k, None] * drive
            states[..., k, :] = z
        self.state = z
        if z.shape[-1] == self.spec.order:
            return states
        return states @ self.system.output.T

    def _begin(self, shape: tuple[int, ...]) -> Array:
        if self.state is None:
            return np.zeros((*shape, self.system.input.size))
        if self.state.shape[:-1] != shape:
            raise DesignError("batch shape", f"{self.state.shape[:-1]} as before (or reset first)", shape)
        return self.state


def impulse_response(spec: LMUSpec, steps: int) -> Array:
    """K Gᵏ H for k = 0 … steps−1, shape (steps, order): the states k steps after a single sample of 1 went in.

    Raises:
        DesignError: `steps` is not an integer of at least 1.
    """
    steps = check_integer("steps", steps, 1)
    system = discretize(spec)
    response = np.empty((steps, system.input.size))
    z = system.input
    for k in range(steps):
        response[k] = z
        z = system.transition @ z
    return response if z.size == spec.order else response @ system.output.T


def final_states(spec: LMUSpec, samples: ArrayLike) -> Array:
    """States after the last sample of whole sequences, from zero: one product with the impulse response.

    Args:
        spec: the specification.
        samples: sequences, shape (…, T) with T ≥ 1.

    Returns:
        States, shape (…, order); the last states of `FloatMemory(spec).run(samples)`, but for rounding.

    Raises:
        DesignError: there is no sample, or one is not finite.
    """
    u = _finite(samples)
    if u.ndim == 0 or u.shape[-1] == 0:
        raise DesignError("samples", "sequences of at least one sample (time comes last)", u.shape)
    return u @ impulse_response(spec, u.shape[-1])[::-1]


def _finite(values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise DesignError("samples", "finite numbers", "NaN or infinity")
    return array
