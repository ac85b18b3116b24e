"""Recurrent cells step by step, from the definition that the golden model uses."""

from __future__ import annotations

from typing import Any

from lmu_hw.reference.definition import Activation, CellWeights, LSTMWeights, Step, cell_step, lstm_step
from lmu_hw.training.backend import jax, jnp

Tensor = jax.Array


def scan_cell(weights: CellWeights, system: Step, activation: Activation, x: Tensor, *, last: bool = False) -> Tensor:
    """h of an LMU cell from a zero state, for any weights and any sampled memory.

    Args:
        weights: the cell's arrays, of x's type.
        system: the sampled memory, of x's type.
        activation: f.
        x: input, shape (batch, T, inputs).
        last: give h after the last step only.

    Returns:
        Shape (batch, T, hidden), or (batch, hidden).
    """
    batch, channels, hidden = x.shape[0], weights.input_encoder.shape[0], weights.bias.shape[0]
    z = jnp.zeros((batch, channels, system.input.shape[0]), x.dtype)
    h = jnp.zeros((batch, hidden), x.dtype)

    def step(state: tuple[Tensor, Tensor], sample: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
        z, h, _, _ = cell_step(weights, system, activation, *state, sample)
        return (z, h), None if last else h

    return _walk(step, (z, h), x, last=last)


def scan_lstm(weights: LSTMWeights, x: Tensor, *, last: bool = False) -> Tensor:
    """h of an LSTM from a zero state; arguments and result as `scan_cell`."""
    zero = jnp.zeros((x.shape[0], weights.hidden_kernel.shape[1]), x.dtype)

    def step(state: tuple[Tensor, Tensor], sample: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
        c, h = lstm_step(weights, *state, sample)
        return (c, h), None if last else h

    return _walk(step, (zero, zero), x, last=last)


def _walk(step: Any, state: tuple[Tensor, Tensor], x: Tensor, *, last: bool) -> Tensor:
    (_, h), sequence = jax.lax.scan(step, state, jnp.swapaxes(x, 0, 1))
    return h if last else jnp.swapaxes(sequence, 0, 1)
