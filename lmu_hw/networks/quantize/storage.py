"""What a planned network holds, in bits: weights, tables, states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import TridiagonalIncrement
from lmu_hw.fixed_point.datapaths.structured.increment import StructuredIncrement
from lmu_hw.fixed_point.formats import signed_width
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.networks.quantize.activations import table_bits
from lmu_hw.networks.quantize.plan import AffinePlan, LayerPlan, NetworkPlan


@dataclass(frozen=True)
class Storage:
    """Bits of one layer.

    Attributes:
        weights: of the affine maps, each row of a segment as wide as its largest weight, and of their biases.
        coefficients: of the memories' increments; channels share them.
        tables: of the activation.
        states: registers of the memories, and the words that the layer gives on.
    """

    weights: int
    coefficients: int
    tables: int
    states: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.coefficients + self.tables + self.states


def layer_storage(layer: LayerPlan) -> Storage:
    """The bits of `layer`."""
    maps = [each for each in (layer.drive, layer.affine) if each is not None]
    table = 0
    if layer.activation is not None and layer.activation.tabulated:
        table = table_bits(layer.activation.base, layer.activation.slope)
    registers = 0 if layer.memory is None else layer.states * _register_bits(layer.memory)
    given = 0 if layer.affine is None else layer.outputs * layer.output_format.width
    coefficients = 0 if layer.memory is None else _coefficients(layer.memory)
    return Storage(sum(map(_map_bits, maps)), coefficients, table, registers + given)


def check_budget(plan: NetworkPlan, memory_bits: int | None) -> None:
    """Refuse a plan that holds more than `memory_bits`, by the name of the layer that holds most.

    Raises:
        DesignError: it does.
    """
    if memory_bits is None:
        return
    each = [layer_storage(layer).total for layer in plan.layers]
    if sum(each) > memory_bits:
        largest = int(np.argmax(each))
        name = plan.layers[largest].name
        raise DesignError("memory_bits", f"at least {sum(each)}, of which {name} takes {each[largest]}", memory_bits)


def _map_bits(affine: AffinePlan) -> int:
    bits = int(affine.bias.size) * signed_width(float(np.abs(affine.bias).max(initial=0)))
    for segment in affine.segments:
        bits += sum(segment.columns * signed_width(float(row)) for row in np.abs(segment.weights).max(axis=1))
    return bits


def _coefficients(memory: MemoryPlan) -> int:
    increment = memory.increment
    count = int(np.count_nonzero(increment.coefficients))
    if isinstance(increment, TridiagonalIncrement):
        count += increment.pivots.size
    if isinstance(increment, StructuredIncrement):
        count += sum(int(np.count_nonzero(block.codes)) for block in increment.inner)
    return count * increment.coefficient_bits


def _register_bits(memory: MemoryPlan) -> int:
    """Of one state: accumulator, state word, residue, and the finer word that leaves."""
    bits = memory.accumulator_format.width + memory.state_format.width
    bits += memory.requantisation if memory.error_feedback else 0
    return bits + (memory.output_format.width if memory.separate_output else 0)
