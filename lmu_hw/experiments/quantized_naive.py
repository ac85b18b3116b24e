"""What quantised networks are compared with: every array of a network rounded by its largest entry, Ā included.

Each array has one scale, its largest modulus over the largest code, and is rounded to nearest; everything else stays
in float64. A matrix rounded so need not be stable any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.steps import StepMatrices
from lmu_hw.core.system import discretize
from lmu_hw.networks.model import Layer, Network, arrays
from lmu_hw.networks.quantize.affine import RealNetwork, real_layers
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Step
from lmu_hw.reference.layers import MemoryParameters


def rounded_by_peak(array: Array, bits: int) -> Array:
    """`array` on 2^bits − 1 codes from its negative to its positive largest modulus."""
    peak = float(np.abs(array).max(initial=0.0))
    if peak == 0.0:
        return array
    scale = peak / (2 ** (bits - 1) - 1)
    return np.asarray(np.rint(array / scale) * scale)


def naive_network(network: Network, bits: int) -> RealNetwork:
    """The network with all weights and both matrices of every memory rounded; it runs in float64."""

    def rounded(layer: Layer) -> Layer:
        changes: dict[str, Any] = {name: rounded_by_peak(array, bits) for name, array in arrays(layer).items()}
        return replace(layer, **changes)

    systems: list[Step | None] = []
    for layer in network.layers:
        if isinstance(layer, CellParameters | MemoryParameters):
            exact = discretize(layer.spec)
            transition, drive = (rounded_by_peak(matrix, bits) for matrix in (exact.transition, exact.input))
            systems.append(StepMatrices(transition, drive, exact.output))
        else:
            systems.append(None)
    return RealNetwork(
        real_layers(replace(network, layers=tuple(map(rounded, network.layers)))), network.output, systems
    )
