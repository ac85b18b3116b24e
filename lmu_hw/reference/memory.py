"""The golden float64 memory that every other form is compared with, and its states without the steps."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import DiscreteSystem, discretize
from lmu_hw.errors import DesignError, check_integer

_ENTRIES = 1 << 21  # of the largest matrix of a block: 16 MB
_LONGEST = 1024  # samples that the last state is computed from at once


def block_length(internal: int, steps: int) -> int:
    """A length of block that keeps the matrices in cache: 1 … 64 samples, at most `steps`.

    Args:
        internal: number of internal states, n.
        steps: length of the sequence.
    """
    return max(1, min(64, _ENTRIES // internal**2, steps))


class MemoryBlock:
    """The matrices of one block of `length` samples of a sampled memory.

    Attributes:
        length: L.
        transition: G, shape (n, n).
        impulse: row k is G^k H, shape (L, n).
    """

    def __init__(self, system: DiscreteSystem, length: int) -> None:
        self.length = length
        self.transition = system.transition
        impulse = np.empty((length, system.input.size))
        z = np.asarray(system.input)
        for k in range(length):
            impulse[k] = z
            z = system.transition @ z
        self.impulse: Array = impulse

    @cached_property
    def power(self) -> Array:
        """G^L, shape (n, n)."""
        return np.asarray(np.linalg.matrix_power(self.transition, self.length))

    @cached_property
    def start_gain(self) -> Array:
        """From the state before the block to all states in it, shape (n, L·n): columns k·n … are (G^{k+1})ᵀ."""
        n = self.transition.shape[0]
        gain = np.empty((self.length, n, n))
        gain[0] = self.transition
        for k in range(1, self.length):
            gain[k] = self.transition @ gain[k - 1]
        return np.ascontiguousarray(gain.transpose(2, 0, 1).reshape(n, -1))

    @cached_property
    def sample_gain(self) -> Array:
        """From the block's samples to all states in it, shape (L, L·n): row j, columns k·n … are G^{k−j}H."""
        length, n = self.impulse.shape
        gain = np.zeros((length, length, n))
        for j in range(length):
            gain[j, j:] = self.impulse[: length - j]
        return gain.reshape(length, -1)


@lru_cache(maxsize=8)
def memory_block(spec: LMUSpec, length: int) -> MemoryBlock:
    """The block of that memory and length, shared between callers."""
    return MemoryBlock(discretize(spec), length)


def final_state(spec: LMUSpec, samples: Array, state: Array) -> Array:
    """The internal state after all samples.

    Args:
        spec: the memory.
        samples: shape (…, T) with T ≥ 1.
        state: z before the first sample, shape (…, n).
    """
    steps = samples.shape[-1]
    block = memory_block(spec, min(steps, _LONGEST))
    z = state
    for start in range(0, steps, block.length):
        part = samples[..., start : start + block.length]
        length = part.shape[-1]
        forced = times(part, block.impulse[:length][::-1])
        if start or state.any():
            power = block.power if length == block.length else np.linalg.matrix_power(block.transition, length)
            z = times(z, power.T) + forced
        else:
            z = forced
    return z


def all_states(spec: LMUSpec, samples: Array, state: Array) -> Array:
    """The internal states after each sample, shape (…, T, n); arguments as for `final_state`."""
    steps, n = samples.shape[-1], state.shape[-1]
    length = block_length(n, steps)
    block = memory_block(spec, length)
    whole = steps // length * length
    parts = samples[..., :whole].reshape(*samples.shape[:-1], -1, length)
    starts = np.empty((*parts.shape[:-1], n))
    forced = times(parts, block.impulse[::-1])
    z = state
    for k in range(parts.shape[-2]):
        starts[..., k, :] = z
        z = times(z, block.power.T) + forced[..., k, :]
    states = np.empty((*samples.shape, n))
    inside = times(starts, block.start_gain) + times(parts, block.sample_gain)
    states[..., :whole, :] = inside.reshape(*samples.shape[:-1], whole, n)
    rest = steps - whole
    if rest:
        inside = times(z, block.start_gain[:, : rest * n])
        inside += times(samples[..., whole:], block.sample_gain[:rest, : rest * n])
        states[..., whole:, :] = inside.reshape(*samples.shape[:-1], rest, n)
    return states


def times(stack: Array, matrix: Array) -> Array:
    """`stack` @ `matrix` as one product of matrices; NumPy makes one for each entry of the leading axes."""
    product: Array = stack.reshape(-1, stack.shape[-1]) @ matrix
    return product.reshape(*stack.shape[:-1], matrix.shape[-1])


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
