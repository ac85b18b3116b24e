"""A small network for the tests of simulation."""

from __future__ import annotations

import numpy as np

from lmu_hw.core.spec import LMUSpec
from lmu_hw.networks.model import Network, Output
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from tests.networks.networks import draw


def network(rng: np.random.Generator, output: Output = Output.LAST) -> Network:
    """Feedback, several channels, a memory that gives its states on, and two activations."""
    cell = CellParameters(LMUSpec(3, 0.2, 0.02), **draw(rng, CellParameters.shapes(3, 2, 2, 4), 2.0))
    memory = MemoryParameters(LMUSpec(4, 1.0, 0.02, "bilinear"), **draw(rng, MemoryParameters.shapes(4, 4, 1, 0)))
    dense = DenseParameters(**draw(rng, DenseParameters.shapes(4, 5)), activation=Activation.RELU)
    return Network((cell, memory, dense, DenseParameters(**draw(rng, DenseParameters.shapes(5, 3)))), output)
