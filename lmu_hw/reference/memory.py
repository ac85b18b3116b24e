"""The float64 memory that every other form is compared with, step by step and whole blocks of samples at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import DiscreteSystem, discretize
from lmu_hw.errors import DesignError, check_integer

_ENTRIES = 1 << 21  # of the largest matrix of a block: 16 MB
_LONGEST = 1024  # samples from which the last state is computed at once


def _impulse(system: DiscreteSystem, steps: int) -> Array:
    """The rows Gᵏ H for k = 0 … steps−1, shape (steps, n)."""
    rows = np.empty((steps, system.input.size))
    z = np.asarray(system.input)
    for k in range(steps):
        rows[k] = z
        z = system.transition @ z
    return rows


def block_length(internal: int, steps: int) -> int:
    """A length of block that keeps the matrices in cache: 1 … 64 samples, at most `steps`.

    Args:
        internal: The number n of internal states.
        steps: The length of the sequence, at least 1.
    """
    return max(1, min(64, _ENTRIES // internal**2, steps))


class MemoryBlock:
    """The matrices that take a sampled memory over a block of samples at once, in place of one step after another.

    For a block of L samples u_1 … u_L that begins in the state z_0,

        z_k = Gᵏ z_0 + Σ_{j ≤ k} G^{k−j} H u_j      all states of the block, by two products of matrices,
        z_L = G^L z_0 + Σ_j G^{L−j} H u_j           the last state, by one product with the impulse response,

    so only the states between blocks are left to be computed one after another. The results equal those of single
    steps but for rounding.

    Args:
        system: The sampled system.
        length: The length L of a block.

    Attributes:
        length: The length L.
        transition: The matrix G, shape (n, n).
        impulse: The rows Gᵏ H for k = 0 … L−1, shape (L, n).
    """

    def __init__(self, system: DiscreteSystem, length: int) -> None:
        self.length = length
        self.transition = system.transition
        self.impulse = _impulse(system, length)

    @cached_property
    def power(self) -> Array:
        """The power G^L, shape (n, n)."""
        return np.asarray(np.linalg.matrix_power(self.transition, self.length))

    @cached_property
    def start_gain(self) -> Array:
        """The map from the state before the block to all states in it, shape (n, L·n): columns k·n … are (G^{k+1})ᵀ."""
        n = self.transition.shape[0]
        gain = np.empty((self.length, n, n))
        gain[0] = self.transition
        for k in range(1, self.length):
            gain[k] = self.transition @ gain[k - 1]
        return np.ascontiguousarray(gain.transpose(2, 0, 1).reshape(n, -1))

    @cached_property
    def sample_gain(self) -> Array:
        """The map from the samples of the block to all states in it, shape (L, L·n): columns k·n … of row j ≤ k are
        G^{k−j}H."""
        length, n = self.impulse.shape
        gain = np.zeros((length, length, n))
        for j in range(length):
            gain[j, j:] = self.impulse[: length - j]
        return gain.reshape(length, -1)


@lru_cache(maxsize=8)
def memory_block(spec: LMUSpec, length: int) -> MemoryBlock:
    """The block of a memory with that length, shared between callers."""
    return MemoryBlock(discretize(spec), length)


def final_state(spec: LMUSpec, samples: Array, state: Array) -> Array:
    """The internal state after all samples.

    Args:
        spec: The specification of the memory.
        samples: The samples, shape (…, T) with T ≥ 1.
        state: The internal state z before the first sample, shape (…, n).

    Returns:
        The internal state, shape (…, n).
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
    """The internal states after each sample, shape (…, T, n); the arguments are those of `final_state`."""
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
    """`stack` @ `matrix` for shapes (…, n) and (n, m), as one product of two matrices.

    NumPy's own operator makes one product for each entry of the leading axes, which is slower.
    """
    product: Array = stack.reshape(-1, stack.shape[-1]) @ matrix
    return product.reshape(*stack.shape[:-1], matrix.shape[-1])


class FloatMemory(Displayed):
    """The memory z⁺ = G z + H u, m = K z in float64, step by step or whole sequences, with a state that is kept.

    Attributes:
        spec: The specification.
        system: The sampled system.
        state: The internal state z, shape (…, n), where the first input sets the batch shape; None before that.
    """

    def __init__(self, spec: LMUSpec) -> None:
        self.spec = spec
        self.system = discretize(spec)
        self.state: Array | None = None

    def _facts(self) -> Iterable[tuple[str, str]]:
        return self.spec._facts()

    def reset(self) -> None:
        """Clear the state, and with it the batch shape."""
        self.state = None

    def step(self, sample: ArrayLike) -> Array:
        """Take in one sample per sequence, shape (…), and return the states m after it, shape (…, order).

        Raises:
            DesignError: a sample is not finite, or the batch has another shape than before.
        """
        u = _finite(sample)
        z = self._begin(u.shape)
        self.state = z @ self.system.transition.T + u[..., None] * self.system.input
        return self.state @ self.system.output.T

    def run(self, samples: ArrayLike) -> Array:
        """The states m after each sample, shape (…, T, order), for samples of shape (…, T).

        Raises:
            DesignError: a sample is not finite, there is no axis of time, or the batch has another shape than before.
        """
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
    """The states k steps after a single sample of 1, K Gᵏ H for k = 0 … steps−1, shape (steps, order).

    Raises:
        DesignError: `steps` is not an integer of at least 1.
    """
    system = discretize(spec)
    response = _impulse(system, check_integer("steps", steps, 1))
    return response if response.shape[1] == spec.order else response @ system.output.T


def final_states(spec: LMUSpec, samples: ArrayLike) -> Array:
    """The states after the last sample of whole sequences, from a zero state, by one product.

    Args:
        spec: The specification.
        samples: The sequences, shape (…, T) with T ≥ 1.

    Returns:
        The states, shape (…, order): the last ones of `FloatMemory(spec).run(samples)`, but for rounding.

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
