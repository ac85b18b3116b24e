"""The drives u of a network's memories: how large they get, and the same network with smaller ones.

Fixed-point memories take |u| ≤ 1. Nothing else in a network depends on the unit of u, so it can be chosen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array
from lmu_hw.network import Layer, Network, Output
from lmu_hw.reference.blocks import times
from lmu_hw.reference.cell import CellParameters, LMUCell, read_only
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.reference.network import FloatNetwork


def drive_peaks(network: Network, x: ArrayLike) -> dict[int, Array]:
    """The largest |u| of each channel over a batch of sequences, shape (channels,), by layer.

    Args:
        network: of any layers.
        x: input, shape (batch, T, inputs); every layer's outputs are held for all steps.
    """
    values = np.asarray(x, dtype=np.float64)
    peaks = {}
    for k, layer in enumerate(network.layers):
        if k == 0:
            seen = (values - network.input_offset) * network.input_scale
        else:
            before = replace(network, layers=network.layers[:k], output=Output.SEQUENCE)
            seen = FloatNetwork(before).run(values)
        if isinstance(layer, CellParameters):
            peaks[k] = np.abs(LMUCell(layer).trace(seen).drive).max(axis=(0, 1))
        elif isinstance(layer, MemoryParameters):
            peaks[k] = np.abs(times(seen, layer.input_encoder.T) + layer.input_bias).max(axis=(0, 1))
    return peaks


def scale_drive(network: Network, index: int, gains: ArrayLike) -> Network:
    """The same network with u/gains in place of u in one layer: its outputs change by rounding only.

    With gains that are powers of two they do not change at all.

    Args:
        network: the network.
        index: of a layer with memories.
        gains: positive, one per channel or one for all.

    Raises:
        DesignError: the layer has no memory, a gain is not positive, or the memory's states are the network's
            outputs.
    """
    layer = network.layers[index]
    if not isinstance(layer, CellParameters | MemoryParameters):
        raise DesignError(network.name(index), "a layer with memories", "none")
    values = read_only(gains, "gains")
    if values.shape not in ((), (layer.channels,)) or not np.all(values > 0.0):
        raise DesignError("gains", f"one positive number, or {layer.channels}", gains)
    per_channel = np.broadcast_to(values, (layer.channels,))
    per_state = np.repeat(per_channel, layer.spec.order)
    layers = list(network.layers)
    if isinstance(layer, CellParameters):
        layers[index] = replace(
            layer,
            input_encoder=layer.input_encoder / per_channel[:, None],
            hidden_encoder=layer.hidden_encoder / per_channel[:, None],
            memory_encoder=layer.memory_encoder * per_state / per_channel[:, None],
            memory_kernel=layer.memory_kernel * per_state,
        )
        return replace(network, layers=tuple(layers))
    kernel = None if layer.memory_kernel is None else layer.memory_kernel * per_state
    layers[index] = replace(
        layer,
        input_encoder=layer.input_encoder / per_channel[:, None],
        input_bias=layer.input_bias / per_channel,
        memory_kernel=kernel,
    )
    if kernel is None:
        if index + 1 == len(layers):
            raise DesignError(network.name(index), "followed by a layer that takes the gains up", "the last one")
        layers[index + 1] = _with_inputs_scaled(layers[index + 1], per_state)
    return replace(network, layers=tuple(layers))


def _with_inputs_scaled(layer: Layer, factors: Array) -> Layer:
    """The layer that gives on for x what `layer` gives on for factors·x."""
    if isinstance(layer, DenseParameters):
        return replace(layer, kernel=layer.kernel * factors)
    names = [name for name in ("input_encoder", "input_kernel") if getattr(layer, name, None) is not None]
    return replace(layer, **{name: getattr(layer, name) * factors for name in names})
