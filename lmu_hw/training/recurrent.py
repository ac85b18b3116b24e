"""Cells with feedback over a sequence: LMU and LSTM step by step, and the LMU in blocks of steps, which is faster.

`blocked_cell` gives what `scan_cell` gives, with the same gradients. Where the cell is large enough it takes fewer
multiplications, as follows. The memory is linear, and only its input depends on the nonlinear part. With z_{t−1},
h_{t−1} and x_t a step gives the pre-activations a and the drives u of all channels, stacked into one vector y:

    y_t = [a_t; u_t] = M z_{t−1} + V h_{t−1} + S x_t + β,    h_t = f(a_t),    z_t = G z_{t−1} + H u_t

where M, V, S and β follow from the cell's arrays (a_t sees m_t, which m_{t−1} and u_t determine). Over a block of k
steps that begins after step s the recurrence of z is written out, so that for j = 1 … k

    y_{s+j} = M G^{j−1} z_s + Σ_{1≤i<j} M G^{j−1−i} H u_{s+i} + V h_{s+j−1} + S x_{s+j} + β
    z_{s+k} = G^k z_s + Σ_{1≤i≤k} G^{k−i} H u_{s+i}

The first term is one large product for the whole block. Each step is left with one product of [V; MH; MGH; …] with h
and the few drives of the block so far. For one channel, n states and H hidden units, a step takes n² + (H + 1)(n + H)
multiplications without blocks, and n²/k + (H + 1)(n + H + k) with them, which is least at k = n/√(H + 1).

The reverse pass is the transpose of this, written by hand. It keeps h, u and the states between blocks; f'(a) follows
from h. The gradients of all matrices are products over a block, and G needs none where it is fixed.

Where JAX has several CPU devices the batch is divided among them: the products of one step are too small to be divided
themselves. Importing this module gives JAX one device for each core, unless it has started already or the user has set
a number. Gradients are then summed in another order, so results for different numbers of devices differ by rounding.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lmu_hw.reference.definition import (
    ACTIVATIONS,
    Activation,
    AnyArray,
    CellWeights,
    LSTMWeights,
    Step,
    cell_step,
    lstm_step,
)
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.discretization import Matrices

Tensor = jax.Array


def scan_cell(weights: CellWeights, system: Step, activation: Activation, x: Tensor, *, last: bool = False) -> Tensor:
    """Compute h of an LMU cell from a zero state, for any weights and any sampled memory, step by step.

    Args:
        weights: The cell's arrays, of the type of x.
        system: The sampled memory, of the type of x.
        activation: The activation function f.
        x: The input, shape (batch, T, inputs).
        last: Whether to give h after the last step only.

    Returns:
        h after each step, shape (batch, T, hidden), or after the last one, (batch, hidden).
    """
    batch, channels, hidden = x.shape[0], weights.input_encoder.shape[0], weights.bias.shape[0]
    z = jnp.zeros((batch, channels, system.input.shape[0]), x.dtype)
    h = jnp.zeros((batch, hidden), x.dtype)

    def step(state: tuple[Tensor, Tensor], sample: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
        z, h, _, _ = cell_step(weights, system, activation, *state, sample)
        return (z, h), None if last else h

    return _scan(step, (z, h), x, last=last)


def scan_lstm(weights: LSTMWeights, x: Tensor, *, last: bool = False) -> Tensor:
    """Compute h of an LSTM from a zero state; arguments and result are those of `scan_cell`."""
    zero = jnp.zeros((x.shape[0], weights.hidden_kernel.shape[1]), x.dtype)

    def step(state: tuple[Tensor, Tensor], sample: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
        c, h = lstm_step(weights, *state, sample)
        return (c, h), None if last else h

    return _scan(step, (zero, zero), x, last=last)


def _scan(step: Any, state: tuple[Tensor, Tensor], x: Tensor, *, last: bool) -> Tensor:
    """Carry a state whose second part is h through all steps of x, shape (batch, T, inputs)."""
    (_, h), sequence = jax.lax.scan(step, state, jnp.swapaxes(x, 0, 1))
    return h if last else jnp.swapaxes(sequence, 0, 1)


#: The largest number of steps in a block: the steps of a block are compiled one by one.
LONGEST_BLOCK = 24

#: The slope f'(a) as a function of h = f(a); at the corner of relu it is 0, as in jax.nn.relu.
_SLOPES: Mapping[Activation, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        Activation.TANH: lambda h: 1.0 - h * h,
        Activation.SIGMOID: lambda h: h * (1.0 - h),
        Activation.RELU: lambda h: (h > 0).astype(h.dtype),
        Activation.IDENTITY: jnp.ones_like,
    }
)


def block_steps(states: int, width: int, steps: int) -> int:
    """The number of steps in a block that takes the fewest multiplications, k = n/√(H + C).

    The minimum is flat, so a neighbour within a quarter that divides the length of the sequence is taken instead where
    there is one: it leaves no shorter block to be compiled.

    Args:
        states: The number n of states of each memory.
        width: The number H + C of hidden units and channels.
        steps: The length of the sequence, which a block does not exceed.
    """
    best = max(1, min(steps, LONGEST_BLOCK, round(states / math.sqrt(width))))
    near = range(best - best // 4, best + best // 4 + 1)
    return min((k for k in near if steps % k == 0), key=lambda k: abs(k - best), default=best)


class Powers(NamedTuple):
    """The powers of a memory's transition that a block of k steps needs.

    Attributes:
        transition: The powers G⁰ … G^k, shape (k + 1, n, n).
        impulse: The effect of each step's drive on the last state, shape (k, n): row i is G^{k−1−i} H.
    """

    transition: AnyArray
    impulse: AnyArray


class _Block(NamedTuple):
    """The matrices of a block of k steps. All but `power` act on rows from the right; R = hidden + channels.

    Attributes:
        start: M G^{j−1} for each j, from the state before the block to y of all its steps, shape (channels·n, k·R).
        step: [V; MH; MGH; …; MG^{k−1}H], from h and the drives so far to y, shape (hidden + k·channels, R).
        feed: S, from the input to y, shape (inputs, R).
        bias: β, shape (R,).
        power: G^k, from the state before the block to the one after it, shape (n, n).
        impulse: The effect of each step's drive on the state after the block, shape (k, n).
    """

    start: AnyArray
    step: AnyArray
    feed: AnyArray
    bias: AnyArray
    power: AnyArray
    impulse: AnyArray


class _Kept(NamedTuple):
    """The values that the reverse pass needs of each block.

    Attributes:
        hidden: h after each step, shape (blocks, batch, k, hidden).
        drive: u of each step, shape (blocks, batch, k, channels).
        memory: z before the block, shape (blocks, batch, channels, n).
        before: h before the block, shape (blocks, batch, hidden).
    """

    hidden: Tensor
    drive: Tensor
    memory: Tensor
    before: Tensor


#: z, shape (batch, channels, n), and h, shape (batch, hidden).
_State = tuple[Tensor, Tensor]


def run_in_blocks(
    activation: Activation, last: bool, weights: CellWeights, system: Matrices, memory: Powers, x: Tensor
) -> Tensor:
    """Compute h of the cell from a zero state, in blocks of k steps and a shorter one for the rest.

    Args:
        activation: The activation function f.
        last: Whether to give h after the last step only.
        weights: The cell's arrays, of the type of x.
        system: The sampled memory.
        memory: The powers of its transition up to the k-th, `memory_powers(system, k)`.
        x: The input, shape (batch, T, inputs).

    Returns:
        h after each step, shape (batch, T, hidden), or after the last one, (batch, hidden).
    """
    batch, steps, inputs = x.shape
    hidden, channels = weights.bias.shape[0], weights.input_encoder.shape[0]
    k, n = memory.impulse.shape
    state = (jnp.zeros((batch, channels, n), x.dtype), jnp.zeros((batch, hidden), x.dtype))
    parts = []
    for begin, length, count in ((0, k, steps // k), (steps - steps % k, steps % k, 1)):
        if length:  # the second is what is left after whole blocks
            part = x[:, begin : begin + count * length].reshape(batch, count, length, inputs).swapaxes(0, 1)
            block = _matrices(weights, system, Powers(memory.transition[: length + 1], memory.impulse[k - length :]))
            state, h = _run(activation, last, block, state, part)
            if h is not None:
                parts.append(h.swapaxes(0, 1).reshape(batch, -1, hidden))
    return state[1] if last else jnp.concatenate(parts, axis=1)


def _matrices(weights: CellWeights, system: Matrices, memory: Powers) -> _Block:
    """The matrices of a block, from the cell's arrays and the powers of its memory."""
    hidden, channels, k = weights.bias.shape[0], weights.input_encoder.shape[0], memory.impulse.shape[0]
    order = weights.memory_kernel.shape[1] // channels
    kernel = weights.memory_kernel.reshape(hidden, channels, order)
    encoder = weights.memory_encoder.reshape(channels, channels, order)
    if system.input.shape[0] != order:  # z holds more than m: both act on m = output · z
        kernel, encoder = kernel @ system.output, encoder @ system.output
    direct = kernel @ system.input  # the part of a_t that u_t contributes through m_t, (hidden, channels)
    through = kernel @ system.transition + jnp.einsum("hc,cdn->hdn", direct, encoder)
    m = jnp.concatenate([through, encoder])
    v = jnp.concatenate([weights.hidden_kernel + direct @ weights.hidden_encoder, weights.hidden_encoder])
    s = jnp.concatenate([weights.input_kernel + direct @ weights.input_encoder, weights.input_encoder])
    width = hidden + channels
    lagged = jnp.einsum("rcn,kn->kcr", m, memory.impulse[::-1]).reshape(k * channels, width)
    return _Block(
        start=jnp.einsum("rcm,kmn->cnkr", m, memory.transition[:-1]).reshape(-1, k * width),
        step=jnp.concatenate([v.T, lagged]),
        feed=s.T,
        bias=jnp.concatenate([weights.bias, jnp.zeros(channels, weights.bias.dtype)]),
        power=memory.transition[k],
        impulse=memory.impulse,
    )


def memory_powers(system: Matrices, k: int) -> Powers:
    """Compute the powers up to the k-th, for a fixed memory in float64; they are then rounded to its type.

    A memory in NumPy's arrays is fixed. One in JAX's has a learned θ, and the gradient passes through the powers.
    """
    fixed = isinstance(system.transition, np.ndarray)
    namespace: Any = np if fixed else jnp
    dtype = system.transition.dtype
    g, h = (a.astype(np.float64) if fixed else a for a in (system.transition, system.input))
    powers = namespace.stack([namespace.eye(h.shape[0], dtype=g.dtype), g])
    while powers.shape[0] <= k:  # G⁰ … Gʲ, and from them G^{j+1} … G^{2j}
        powers = namespace.concatenate([powers, powers[1:] @ powers[-1]])[: k + 1]
    return Powers(powers.astype(dtype), (powers[:k][::-1] @ h).astype(dtype))


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run(activation: Activation, last: bool, block: _Block, state: _State, x: Tensor) -> tuple[_State, Tensor | None]:
    """Compute the state after the blocks, and h after each step unless only the last one is wanted.

    Args:
        activation: The activation function f.
        last: Whether only h after the last step is wanted.
        block: The matrices of a block.
        state: The state before the first block.
        x: The input, shape (blocks, batch, k, inputs).
    """
    state, kept = _forward(activation, block, state, x, keep=False)
    return state, None if last else kept


def _run_forward(
    activation: Activation, last: bool, block: _Block, state: _State, x: Tensor
) -> tuple[tuple[_State, Tensor | None], tuple[_Block, Tensor, _Kept]]:
    state, kept = _forward(activation, block, state, x, keep=True)
    return (state, None if last else kept.hidden), (block, x, kept)


def _forward(activation: Activation, block: _Block, state: _State, x: Tensor, *, keep: bool) -> tuple[_State, Any]:
    """Compute the state after the blocks, and for each block the values for the reverse pass, or h alone."""
    f = ACTIVATIONS[activation]
    width = block.bias.shape[0]
    hidden = state[1].shape[1]

    def advance(state: _State, x: Tensor) -> tuple[_State, Any]:
        z, h = before = state
        batch, k, _ = x.shape
        fixed = (z.reshape(batch, -1) @ block.start).reshape(batch, k, width) + x @ block.feed + block.bias
        recent = jnp.zeros((batch, k * (width - hidden)), h.dtype)  # u of the block so far, the latest first
        drives, outputs = [], []
        for j in range(k):
            y = fixed[:, j] + jnp.concatenate([h, recent], axis=1) @ block.step
            h, u = f(y[:, :hidden]), y[:, hidden:]
            recent = jnp.concatenate([u, recent[:, : hidden - width]], axis=1)
            drives.append(u)
            outputs.append(h)
        drive, output = jnp.stack(drives, axis=1), jnp.stack(outputs, axis=1)
        z = z @ block.power.T + jnp.einsum("bkc,kn->bcn", drive, block.impulse)
        return (z, h), _Kept(output, drive, *before) if keep else output

    return jax.lax.scan(advance, state, x)


def _run_backward(
    activation: Activation, last: bool, kept: tuple[_Block, Tensor, _Kept], gradient: tuple[_State, Tensor | None]
) -> tuple[_Block, _State, Tensor]:
    """Compute the gradients of the matrices, of the state before the blocks, and of x.

    The carry of the scan, which goes backwards, holds the gradients of z and h after a block, and the sums over the
    blocks behind it of the gradients of two matrices: `block.start`, and all that a step multiplies, in one.
    """
    block, x, trace = kept
    state_gradient, outputs_gradient = gradient
    slope = _SLOPES[activation]
    hidden = trace.before.shape[-1]
    channels = block.bias.shape[0] - hidden
    matrix = jnp.concatenate([block.step, block.feed, block.bias[None]])  # it acts on `_operands`

    def retreat(carry: tuple[Tensor, Tensor, Tensor, Tensor], at: Any) -> tuple[Any, Any]:
        (adjoint, dh, d_matrix, d_start), (trace, x, dh_out) = carry, at
        batch, k, _ = trace.hidden.shape
        # A drive has an effect on z after the block, and on y of the later steps of the block, the next one first.
        after = jnp.einsum("bcn,kn->bkc", adjoint, block.impulse)
        later = jnp.zeros((batch, k * channels), dh.dtype)
        deltas = []  # the gradients of y
        for j in reversed(range(k)):
            if dh_out is not None:
                dh = dh + dh_out[:, j]
            delta = jnp.concatenate([dh * slope(trace.hidden[:, j]), after[:, j] + later[:, :channels]], axis=1)
            back = delta @ block.step.T
            dh = back[:, :hidden]
            later = jnp.pad(later[:, channels:], ((0, 0), (0, channels))) + back[:, hidden:]
            deltas.append(delta)
        delta = jnp.stack(deltas[::-1], axis=1)
        # Rows for the gradient of what a step multiplies, and one row per sequence for that of `start`.
        rows, together = delta.reshape(batch * k, -1), delta.reshape(batch, -1)
        d_matrix = d_matrix + _operands(trace, x).reshape(batch * k, -1).T @ rows
        d_start = d_start + trace.memory.reshape(batch, -1).T @ together
        before = adjoint @ block.power + (together @ block.start.T).reshape(adjoint.shape)
        return (before, dh, d_matrix, d_start), (adjoint, delta @ block.feed.T)

    zero = (jnp.zeros_like(matrix), jnp.zeros_like(block.start))
    (adjoint, dh, d_matrix, d_start), (adjoints, dx) = jax.lax.scan(
        retreat, (*state_gradient, *zero), (trace, x, outputs_gradient), reverse=True
    )
    d_step, d_feed, d_bias = jnp.split(d_matrix, [block.step.shape[0], matrix.shape[0] - 1])
    d_block = _Block(
        start=d_start,
        step=d_step,
        feed=d_feed,
        bias=d_bias[0],
        # JAX leaves these two out where the memory is fixed, as nothing uses them.
        power=jnp.einsum("abci,abcj->ij", adjoints, trace.memory),
        impulse=jnp.einsum("abkc,abcn->kn", trace.drive, adjoints),
    )
    return d_block, (adjoint, dh), dx


_run.defvjp(_run_forward, _run_backward)


def _operands(trace: _Kept, x: Tensor) -> Tensor:
    """The row that each step of a block multiplies: h before it, the drives before it, its input, and a one."""
    batch, k, _ = x.shape
    before = jnp.concatenate([trace.before[:, None], trace.hidden[:, :-1]], axis=1)
    return jnp.concatenate([before, _earlier(trace.drive), x, jnp.ones((batch, k, 1), x.dtype)], axis=2)


def _earlier(drive: Tensor) -> Tensor:
    """The drives before each step of a block, the latest first, as that step sees them: (batch, k, k·channels)."""
    batch, k, channels = drive.shape
    lags = np.arange(k)[:, None] - np.arange(k)[None, :]  # step j sees the drive of step j − 1 − i at place i
    padded = jnp.pad(drive, ((0, 0), (1, 0), (0, 0)))  # before the block it sees 0
    return padded[:, np.maximum(lags, 0)].reshape(batch, k, k * channels)


#: The share of the multiplications that blocks must save to be used.
LEAST_SAVING = 0.2
#: The largest number of CPU devices, and the least number of sequences for each.
MOST_DEVICES = 8
LEAST_SHARE = 8


def _claim_cores() -> None:
    """Give JAX one CPU device for each core that this process may use, unless the user has set a number."""
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
    """Compute h of an LMU cell from a zero state: the values of `scan_cell`, and its gradients.

    Args:
        weights: The cell's arrays, of the type of x.
        system: The sampled memory, of the type of x. Where its arrays are JAX's they are differentiated as well.
        activation: The activation function f.
        x: The input, shape (batch, T, inputs) with T ≥ 1.
        last: Whether to give h after the last step only, which saves memory and time.

    Returns:
        h after each step, shape (batch, T, hidden), or after the last one, (batch, hidden).
    """
    matrices = Matrices(system.transition, system.input, system.output)
    batch, steps, _ = x.shape
    devices = jax.devices()
    if devices[0].platform != "cpu" or -(-batch // len(devices)) < LEAST_SHARE:
        devices = devices[:1]
    share = -(-batch // len(devices))
    n, hidden, channels = system.input.shape[0], weights.bias.shape[0], weights.input_encoder.shape[0]
    if blocks_pay(n, hidden, channels, share * steps):
        memory = memory_powers(matrices, block_steps(n, hidden + channels, steps))
        cell: Callable[..., Tensor] = partial(run_in_blocks, activation, last)
    else:
        memory, cell = None, partial(_step_by_step, activation, last)
    if len(devices) == 1:
        return cell(weights, matrices, memory, x)
    spec: Any = jax.sharding.PartitionSpec  # without types
    rows = share * len(devices)  # the batch is filled up with sequences of zeros if it cannot be divided
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
    """Whether blocks save enough multiplications to be worth their overhead: the share `LEAST_SAVING` of all.

    Args:
        states: The number n of states of each memory.
        hidden: The number H of hidden units.
        channels: The number C of channels.
        samples: The number of steps of all sequences together. The matrices of a block are computed once for all of
            them, forwards and backwards.
    """
    width, memory = hidden + channels, channels * states
    k = max(1.0, states / math.sqrt(width))
    common = width * (memory + hidden)
    blocks = memory * states / k + k * channels * width + 2 * k * width * memory * states / samples
    return blocks + common <= (1 - LEAST_SAVING) * (memory * states + common)


def _step_by_step(
    activation: Activation, last: bool, weights: CellWeights, system: Matrices, memory: None, x: Tensor
) -> Tensor:
    """`scan_cell` with the arguments of `run_in_blocks`."""
    return scan_cell(weights, system, activation, x, last=last)
