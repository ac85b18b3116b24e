"""The LMU cell with feedback in blocks of steps: its values and gradients with fewer multiplications.

The memory is linear, and only its input depends on what the nonlinear part did. With z_{t−1}, h_{t−1} and x_t a
step gives the pre-activations a and the drives u of all channels, stacked into one vector y:

    y_t = [a_t; u_t] = M z_{t−1} + V h_{t−1} + S x_t + β,    h_t = f(a_t),    z_t = G z_{t−1} + H u_t

where M, V, S and β follow from the cell's arrays (a_t sees m_t, which is m_{t−1} and u_t). Over a block of k
steps from s on the recurrence of z is written out, so for j = 1 … k

    y_{s+j} = M G^{j−1} z_s + Σ_{1≤i<j} M G^{j−1−i} H u_{s+i} + V h_{s+j−1} + S x_{s+j} + β
    z_{s+k} = G^k z_s + Σ_{1≤i≤k} G^{k−i} H u_{s+i}

The first term is one large product for the block. What is left for each step is one product of h and the few
drives of the block so far with [V; MH; MGH; …]. For one channel a step takes n² + (H + 1)(n + H) multiplications
without blocks, for n states and H hidden; with them n²/k + (H + 1)(n + H + k), least at k = n/√(H + 1).

The reverse pass is the transpose of this, by hand. It keeps h, u and the states between blocks; f'(a) follows
from h. The gradients of all matrices are products over a block, and G needs none where it is fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lmu_hw.reference.definition import ACTIVATIONS, Activation, AnyArray, CellWeights
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.discretization import Matrices

Tensor = jax.Array

#: Steps in a block at most: the steps of a block are compiled one by one.
LONGEST_BLOCK = 24

# f'(a) from h = f(a); at the corner of relu it is 0, as in jax.nn.relu.
_SLOPES: Mapping[Activation, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        Activation.TANH: lambda h: 1.0 - h * h,
        Activation.SIGMOID: lambda h: h * (1.0 - h),
        Activation.RELU: lambda h: (h > 0).astype(h.dtype),
        Activation.IDENTITY: jnp.ones_like,
    }
)


def block_steps(states: int, width: int, steps: int) -> int:
    """k = n/√(H + C) with the fewest multiplications, for n `states` and H + C = `width`; at most T `steps`.

    The minimum is flat: a neighbour that divides T is taken instead where there is one within a quarter, as it
    leaves no shorter block to be compiled.
    """
    best = max(1, min(steps, LONGEST_BLOCK, round(states / math.sqrt(width))))
    near = range(best - best // 4, best + best // 4 + 1)
    return min((k for k in near if steps % k == 0), key=lambda k: abs(k - best), default=best)


class Powers(NamedTuple):
    """What k steps do to a memory.

    Attributes:
        transition: G⁰ … G^k, shape (k + 1, n, n).
        impulse: row i is G^{k−1−i} H, shape (k, n).
    """

    transition: AnyArray
    impulse: AnyArray


class _Block(NamedTuple):
    """The matrices of a block of k steps, acting on rows from the right; R = hidden + channels.

    Attributes:
        start: M G^{j−1} for each j, shape (channels·n, k·R).
        step: [V; MH; MGH; …; MG^{k−1}H], shape (hidden + k·channels, R).
        feed: S, shape (inputs, R).
        bias: β, shape (R,).
        power: G^k, shape (n, n); a column's.
        impulse: row i is G^{k−1−i} H, shape (k, n).
    """

    start: AnyArray
    step: AnyArray
    feed: AnyArray
    bias: AnyArray
    power: AnyArray
    impulse: AnyArray


class _Kept(NamedTuple):
    """What the reverse pass needs of each block: h after each step, u, and z and h before the block."""

    hidden: Tensor  # (blocks, batch, k, hidden)
    drive: Tensor  # (blocks, batch, k, channels)
    memory: Tensor  # (blocks, batch, channels, n)
    before: Tensor  # (blocks, batch, hidden)


_State = tuple[Tensor, Tensor]  # z of shape (batch, channels, n), and h


def run_in_blocks(
    activation: Activation, last: bool, weights: CellWeights, system: Matrices, memory: Powers, x: Tensor
) -> Tensor:
    """h of the cell from a zero state, in blocks of k steps and a shorter one for the rest.

    Args:
        activation: f.
        last: give h after the last step only.
        weights: the cell's arrays, of x's type.
        system: the sampled memory.
        memory: its powers up to the k-th, `memory_powers(system, k)`.
        x: input, shape (batch, T, inputs).

    Returns:
        Shape (batch, T, hidden), or (batch, hidden).
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
    hidden, channels, k = weights.bias.shape[0], weights.input_encoder.shape[0], memory.impulse.shape[0]
    order = weights.memory_kernel.shape[1] // channels
    kernel = weights.memory_kernel.reshape(hidden, channels, order)
    encoder = weights.memory_encoder.reshape(channels, channels, order)
    if system.input.shape[0] != order:
        kernel, encoder = kernel @ system.output, encoder @ system.output
    direct = kernel @ system.input  # what u_t adds to a_t, (hidden, channels)
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
    """Powers up to the k-th; computed in float64 where the system is NumPy's, and then rounded to its type."""
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
    """The state after the blocks, and h after each step unless only the last is wanted.

    Args:
        activation: f.
        last: h is not wanted.
        block: the matrices.
        state: before the first block.
        x: shape (blocks, batch, k, inputs).
    """
    state, kept = _forward(activation, block, state, x, keep=False)
    return state, None if last else kept


def _run_forward(
    activation: Activation, last: bool, block: _Block, state: _State, x: Tensor
) -> tuple[tuple[_State, Tensor | None], tuple[_Block, Tensor, _Kept]]:
    state, kept = _forward(activation, block, state, x, keep=True)
    return (state, None if last else kept.hidden), (block, x, kept)


def _forward(activation: Activation, block: _Block, state: _State, x: Tensor, *, keep: bool) -> tuple[_State, Any]:
    """The state after the blocks, and for each block what is kept, or h alone."""
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
    """Gradients of the matrices, of the state before and of x; λ is the gradient of z, δ that of y."""
    block, x, trace = kept
    state_gradient, outputs_gradient = gradient
    slope = _SLOPES[activation]
    hidden = trace.before.shape[-1]
    channels = block.bias.shape[0] - hidden
    matrix = jnp.concatenate([block.step, block.feed, block.bias[None]])  # of [h, recent u, x, 1], as below

    def retreat(carry: tuple[Tensor, Tensor, Tensor, Tensor], at: Any) -> tuple[Any, Any]:
        (adjoint, dh, d_matrix, d_start), (trace, x, dh_out) = carry, at
        batch, k, _ = trace.hidden.shape
        # Gradient of u_j and of those before it, the latest first: from z after the block, and from later steps.
        after = jnp.einsum("bcn,kn->bkc", adjoint, block.impulse)
        later = jnp.zeros((batch, k * channels), dh.dtype)
        deltas = []
        for j in reversed(range(k)):
            if dh_out is not None:
                dh = dh + dh_out[:, j]
            delta = jnp.concatenate([dh * slope(trace.hidden[:, j]), after[:, j] + later[:, :channels]], axis=1)
            back = delta @ block.step.T
            dh = back[:, :hidden]
            later = jnp.pad(later[:, channels:], ((0, 0), (0, channels))) + back[:, hidden:]
            deltas.append(delta)
        delta = jnp.stack(deltas[::-1], axis=1)
        rows, together = delta.reshape(batch * k, -1), delta.reshape(batch, -1)
        arguments = jnp.concatenate(
            [
                jnp.concatenate([trace.before[:, None], trace.hidden[:, :-1]], axis=1),
                _earlier(trace.drive),
                x,
                jnp.ones((batch, k, 1), x.dtype),
            ],
            axis=2,
        )
        d_matrix = d_matrix + arguments.reshape(batch * k, -1).T @ rows
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
        # Not computed where the memory is fixed: nothing uses them.
        power=jnp.einsum("abci,abcj->ij", adjoints, trace.memory),
        impulse=jnp.einsum("abkc,abcn->kn", trace.drive, adjoints),
    )
    return d_block, (adjoint, dh), dx


_run.defvjp(_run_forward, _run_backward)


def _earlier(drive: Tensor) -> Tensor:
    """For each step of a block the drives before it, the latest first, as its step saw them: (batch, k, k·channels)."""
    batch, k, channels = drive.shape
    lags = np.arange(k)[:, None] - np.arange(k)[None, :]  # step j sees step j − 1 − i at place i
    padded = jnp.pad(drive, ((0, 0), (1, 0), (0, 0)))  # step −1 gives 0
    return padded[:, np.maximum(lags, 0)].reshape(batch, k, k * channels)
