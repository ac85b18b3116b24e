"""Random networks for tests: one with every kind of layer, and small ones with chosen kinds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.networks.model import Layer, Network, Output
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters

RATIOS = {
    Discretization.ZOH: 12.0,
    Discretization.BILINEAR: 12.0,
    Discretization.EULER: 60.0,
    Discretization.AB2: 60.0,
}
"""The window in steps of the memories of `random_network`, by their method."""


def draw(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]], scale: float = 0.5) -> dict[str, Any]:
    """Weights so small that no feedback diverges."""
    return {name: scale * rng.uniform(-1, 1, shape) / shape[-1] for name, shape in shapes.items()}


def every_kind(
    rng: np.random.Generator, *, output: Output = Output.SEQUENCE, method: Discretization = Discretization.ZOH
) -> Network:
    """One layer of each kind, memories with and without a dense part, several channels and inputs."""
    spec, other = LMUSpec(4, 1.0, 0.02, method), LMUSpec(3, 0.5, 0.02, method)
    layers: tuple[Layer, ...] = (
        CellParameters(spec, **draw(rng, CellParameters.shapes(4, 2, 2, 3)), activation=Activation.SIGMOID),
        MemoryParameters(other, **draw(rng, MemoryParameters.shapes(3, 3, 2, 5)), activation=Activation.RELU),
        LSTMParameters(**draw(rng, LSTMParameters.shapes(5, 3))),
        DenseParameters(**draw(rng, DenseParameters.shapes(3, 4)), activation=Activation.TANH),
        MemoryParameters(spec, **draw(rng, MemoryParameters.shapes(4, 4, 1, 0))),
        DenseParameters(**draw(rng, DenseParameters.shapes(4, 3))),
    )
    return Network(layers, output, rng.uniform(-1, 1, 2), rng.uniform(1, 2, 2), {"seed": 3, "from": "a test"})


def draw_moderate(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]], scale: float = 0.8) -> dict[str, Any]:
    """Weights of moderate size, with which no feedback diverges either."""
    return {name: scale * rng.uniform(-1, 1, shape) / np.sqrt(shape[-1]) for name, shape in shapes.items()}


def random_network(
    rng: np.random.Generator,
    kinds: list[str],
    *,
    output: Output = Output.SEQUENCE,
    method: Discretization = Discretization.ZOH,
    inputs: int = 2,
    activations: list[Activation] | None = None,
) -> Network:
    """Layers "lmu", "memory" (with a dense part), "states" (without) and "dense", in this order."""
    layers: list[Layer] = []
    width = inputs
    for k, kind in enumerate(kinds):
        f = Activation.TANH if activations is None else activations[k % len(activations)]
        order, channels, hidden = int(rng.integers(1, 6)), int(rng.integers(1, 4)), int(rng.integers(1, 6))
        spec = LMUSpec(order, RATIOS[method], 1.0, method)
        if kind == "lmu":
            weights = draw_moderate(rng, CellParameters.shapes(order, width, channels, hidden), 0.4)
            layers.append(CellParameters(spec, **weights, activation=f))
        elif kind == "dense":
            layers.append(DenseParameters(**draw_moderate(rng, DenseParameters.shapes(width, hidden)), activation=f))
        elif kind == "memory":
            weights = draw_moderate(rng, MemoryParameters.shapes(order, width, channels, hidden))
            layers.append(MemoryParameters(spec, **weights, activation=f))
        else:
            layers.append(
                MemoryParameters(spec, **draw_moderate(rng, MemoryParameters.shapes(order, width, channels, 0)))
            )
        width = layers[-1].outputs
    return Network(tuple(layers), output, rng.uniform(-0.5, 0.5, inputs), rng.uniform(0.5, 1.5, inputs))
