"""The bits that a planned network stores: weights, coefficients, tables and states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths import Increment, TridiagonalIncrement
from lmu_hw.fixed_point.datapaths.structured.increment import StructuredIncrement
from lmu_hw.fixed_point.formats import signed_width
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.networks.quantize.activations import table_bits
from lmu_hw.networks.quantize.plan import AffinePlan, LayerPlan, NetworkPlan

#: The constants that an increment stores beside its `coefficients`, for the datapaths that have such.
_FURTHER_CONSTANTS: Mapping[type[Increment], Callable[[Any], int]] = {
    TridiagonalIncrement: lambda increment: int(increment.pivots.size),
    StructuredIncrement: lambda increment: sum(int(np.count_nonzero(block.codes)) for block in increment.inner),
}


@dataclass(frozen=True)
class Storage:
    """The bits that one layer stores.

    Attributes:
        weights: The bits of the weights and biases of the affine maps; each row of a segment is as wide as its largest
            weight.
        coefficients: The bits of the coefficients of the memories' increments, which the channels share.
        tables: The bits of the table of the activation.
        states: The bits of the registers of the memories, and of the words that the layer outputs.
    """

    weights: int
    coefficients: int
    tables: int
    states: int

    @property
    def total(self) -> int:
        """The sum of all of them."""
        return self.weights + self.coefficients + self.tables + self.states


def layer_storage(layer: LayerPlan) -> Storage:
    """The bits that `layer` stores."""
    maps = [each for each in (layer.drive, layer.affine) if each is not None]
    table = 0
    if layer.activation is not None and layer.activation.tabulated:
        table = table_bits(layer.activation.base, layer.activation.slope)
    registers = 0 if layer.memory is None else layer.states * _register_bits(layer.memory)
    outputs = 0 if layer.affine is None else layer.outputs * layer.output_format.width
    coefficients = 0 if layer.memory is None else _coefficients(layer.memory)
    return Storage(sum(map(_map_bits, maps)), coefficients, table, registers + outputs)


def check_budget(plan: NetworkPlan, memory_bits: int | None) -> None:
    """Check that a plan stores no more than `memory_bits`.

    Raises:
        DesignError: It stores more; the message names the layer that stores most.
    """
    if memory_bits is None:
        return
    each = [layer_storage(layer).total for layer in plan.layers]
    if sum(each) > memory_bits:
        largest = int(np.argmax(each))
        name = plan.layers[largest].name
        raise DesignError("memory_bits", f"at least {sum(each)}, of which {name} takes {each[largest]}", memory_bits)


def _map_bits(affine: AffinePlan) -> int:
    """The bits of the weights and biases of an affine map."""
    bits = int(affine.bias.size) * signed_width(float(np.abs(affine.bias).max(initial=0)))
    for segment in affine.segments:
        bits += sum(segment.columns * signed_width(float(row)) for row in np.abs(segment.weights).max(axis=1))
    return bits


def _coefficients(memory: MemoryPlan) -> int:
    """The bits of the constants of a memory's increment."""
    increment = memory.increment
    count = int(np.count_nonzero(increment.coefficients))
    if (further := _FURTHER_CONSTANTS.get(type(increment))) is not None:
        count += further(increment)
    return count * increment.coefficient_bits


def _register_bits(memory: MemoryPlan) -> int:
    """The bits of one state: accumulator, state word, residue, and the output word where it is finer."""
    bits = memory.accumulator_format.width + memory.state_format.width
    bits += memory.requantisation if memory.error_feedback else 0
    return bits + (memory.output_format.width if memory.separate_output else 0)
