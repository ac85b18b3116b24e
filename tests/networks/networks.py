"""Random networks for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.networks.model import Layer, Network, Output
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters


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
