"""A linear memory for many steps at once: products with whole blocks in place of one step after another.

For a block of L samples u_1 … u_L that begins in the state z_0,

    z_k = G^k z_0 + Σ_{j ≤ k} G^{k−j} H u_j        (all states of the block: two matrix products)
    z_L = G^L z_0 + Σ_j G^{L−j} H u_j              (the last state: one product with the impulse response)

so only the states between blocks are left to compute one after another. Equal to the steps but for rounding.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from lmu_hw.legendre import Array
from lmu_hw.spec import LMUSpec
from lmu_hw.system import DiscreteSystem, discretize

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
