"""The LMU cell with feedback, as fast as this package knows: what `scan_cell` gives, values and gradients.

Where the cell is large enough it runs in blocks of steps; see `lmu_hw.training.recurrent_blocks`.

Where JAX has several CPU devices the batch is divided among them: the products of one step are too small to be
divided themselves. Importing this module gives JAX one device per core, unless it has started or been told.
Gradients are then summed in another order, so results for different numbers of devices differ by rounding.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lmu_hw.reference.definition import Activation, CellWeights, Step
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.discretization import Matrices
from lmu_hw.training.recurrent_blocks import block_steps, memory_powers, run_in_blocks
from lmu_hw.training.scan import scan_cell

Tensor = jax.Array

#: Part of the multiplications that blocks must save.
LEAST_SAVING = 0.2
#: Devices at most, and sequences for each at least.
MOST_DEVICES = 8
LEAST_SHARE = 8


def _claim_cores() -> None:
    """One CPU device for each core that this process may use, unless the user has set a number."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    config: Any = jax.config  # without types
    chosen = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not chosen and config.jax_num_cpu_devices < 1:
        with contextlib.suppress(RuntimeError):  # JAX has started: it stays as it is
            config.update("jax_num_cpu_devices", min(cores, MOST_DEVICES))


_claim_cores()


def blocked_cell(
    weights: CellWeights, system: Step, activation: Activation, x: Tensor, *, last: bool = False
) -> Tensor:
    """h of an LMU cell from a zero state: what `lmu_hw.training.scan.scan_cell` gives, and its gradients.

    Args:
        weights: the cell's arrays, of x's type.
        system: the sampled memory, of x's type; where its arrays are JAX's they are differentiated as well.
        activation: f.
        x: input, shape (batch, T, inputs) with T ≥ 1.
        last: give h after the last step only; saves memory and time.

    Returns:
        Shape (batch, T, hidden), or (batch, hidden).
    """
    matrices = Matrices(system.transition, system.input, system.output)
    batch, steps, _ = x.shape
    devices = jax.devices()
    share = -(-batch // len(devices))
    if devices[0].platform != "cpu" or share < LEAST_SHARE:
        devices, share = devices[:1], batch
    n, hidden, channels = system.input.shape[0], weights.bias.shape[0], weights.input_encoder.shape[0]
    if blocks_pay(n, hidden, channels, share * steps):
        memory = memory_powers(matrices, block_steps(n, hidden + channels, steps))
        cell: Callable[..., Tensor] = partial(run_in_blocks, activation, last)
    else:
        memory, cell = None, partial(_scan, activation, last)
    if len(devices) == 1:
        return cell(weights, matrices, memory, x)
    spec: Any = jax.sharding.PartitionSpec  # without types
    rows = share * len(devices)
    divided = jax.shard_map(
        cell,
        mesh=jax.sharding.Mesh(np.array(devices), ("batch",)),
        in_specs=(spec(), spec(), spec(), spec("batch")),
        out_specs=spec("batch"),
        check_vma=False,  # a custom reverse pass says nothing about what is replicated
    )
    if rows == batch:
        return divided(weights, matrices, memory, x)
    return divided(weights, matrices, memory, jnp.pad(x, ((0, rows - batch), (0, 0), (0, 0))))[:batch]


def blocks_pay(states: int, hidden: int, channels: int, samples: int) -> bool:
    """Whether blocks save enough multiplications to be worth their overhead: `LEAST_SAVING` of all.

    Args:
        states: n of each memory.
        hidden: H.
        channels: C.
        samples: steps of all sequences together; the matrices of a block are computed once for all of them,
            forwards and backwards.
    """
    width, memory = hidden + channels, channels * states
    k = max(1.0, states / math.sqrt(width))
    common = width * (memory + hidden)
    blocks = memory * states / k + k * channels * width + 2 * k * width * memory * states / samples
    return blocks + common <= (1 - LEAST_SAVING) * (memory * states + common)


def _scan(
    activation: Activation, last: bool, weights: CellWeights, system: Matrices, memory: None, x: Tensor
) -> Tensor:
    return scan_cell(weights, system, activation, x, last=last)
