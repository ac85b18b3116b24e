"""Memories without feedback, for all steps at once: the block form of `lmu_hw.reference.memory` in JAX.

The matrices of a fixed memory come from there, computed in float64. Where θ is learned they are computed here from the
step, by doubling its powers, so that the gradient with respect to θ passes through them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.reference.definition import AnyArray, read
from lmu_hw.reference.memory import block_length, memory_block
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.discretization import Matrices, fixed_step

Tensor = jax.Array


def final_memory(spec: LMUSpec, u: Tensor, learned: Matrices | None = None) -> Tensor:
    """Compute m after the last step, shape (batch, channels, order), from a zero state.

    Args:
        spec: The memory.
        u: The drives of all steps, shape (batch, T, channels).
        learned: The sampled memory at the learned θ, where θ is learned.
    """
    steps, step = u.shape[1], learned or fixed_step(spec, str(u.dtype))
    impulse: AnyArray = memory_block(spec, steps).impulse.astype(u.dtype) if learned is None else _impulse(step, steps)
    memory: Tensor = read(step, jnp.einsum("btc,tn->bcn", u, impulse[::-1]))
    return memory


def all_memories(spec: LMUSpec, u: Tensor, learned: Matrices | None = None) -> Tensor:
    """Compute m after each step, shape (batch, T, channels, order), from a zero state.

    The arguments are those of `final_memory`. The steps are divided into blocks. First the states at the start of each
    block are computed by a scan over the blocks, then all states within them by two products.
    """
    batch, steps, channels = u.shape
    step = learned or fixed_step(spec, str(u.dtype))
    n = step.input.shape[0]
    length = block_length(n, steps)
    gains = _fixed_gains(spec, length, str(u.dtype)) if learned is None else _learned_gains(learned, length)
    blocks = -(-steps // length)
    padded = jnp.pad(u, ((0, 0), (0, blocks * length - steps), (0, 0)))
    # (blocks, batch·channels, length)
    parts = padded.reshape(batch, blocks, length, channels).transpose(1, 0, 3, 2).reshape(blocks, -1, length)

    def jump(z: Tensor, forced: Tensor) -> tuple[Tensor, Tensor]:
        return z @ gains.power.T + forced, z

    _, starts = jax.lax.scan(jump, jnp.zeros((batch * channels, n), u.dtype), parts @ gains.impulse[::-1])
    z = starts @ gains.start + parts @ gains.sample
    z = z.reshape(blocks, batch, channels, length, n).transpose(1, 0, 3, 2, 4)
    memory: Tensor = read(step, z.reshape(batch, blocks * length, channels, n)[:, :steps])
    return memory


class _Gains(NamedTuple):
    """The matrices of `lmu_hw.reference.memory.MemoryBlock`, which documents them."""

    power: AnyArray
    impulse: AnyArray
    start: AnyArray
    sample: AnyArray


def _fixed_gains(spec: LMUSpec, length: int, dtype: str) -> _Gains:
    block = memory_block(spec, length)
    return _Gains(*(a.astype(dtype) for a in (block.power, block.impulse, block.start_gain, block.sample_gain)))


def _learned_gains(step: Matrices, length: int) -> _Gains:
    n = step.input.shape[0]
    powers = step.transition[None]  # G¹ … G^k
    while powers.shape[0] < length:
        powers = jnp.concatenate([powers, powers @ powers[-1]])[:length]
    impulse = _impulse(step, length)
    shifts = np.arange(length)[None, :] - np.arange(length)[:, None]
    sample = jnp.where((shifts >= 0)[..., None], impulse[np.maximum(shifts, 0)], 0.0)
    start = powers.transpose(2, 0, 1).reshape(n, -1)
    return _Gains(powers[length - 1], impulse, start, sample.reshape(length, -1))


def _impulse(step: Matrices, length: int) -> Tensor:
    """The impulse response, shape (length, n): row k is G^k H, computed by doubling."""
    rows: Tensor = step.input[None]
    power = step.transition
    while rows.shape[0] < length:
        rows = jnp.concatenate([rows, rows @ power.T])[:length]
        power = power @ power
    return rows
