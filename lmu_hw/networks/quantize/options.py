"""The word lengths of a network, as a user states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lmu_hw.core.registry import member
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.fixed_point.planner import MAX_COEFFICIENT_BITS, MAX_INPUT_BITS, MAX_STATE_BITS, MIN_BITS
from lmu_hw.networks.quantize.activations import MAX_TABLE_BITS, MIN_TABLE_BITS

MIN_WEIGHT_BITS, MAX_WEIGHT_BITS = 2, 24


class Granularity(StrEnum):
    """What has a binary point of its own: every row of a matrix (one output of the map), or the matrix."""

    ROW = "row"
    TENSOR = "tensor"


class Clipping(StrEnum):
    """What a grid is chosen by: the largest entry, or the least mean square error on the calibration data."""

    LARGEST = "largest"
    ERROR = "error"


@dataclass(frozen=True)
class LayerOptions:
    """Word lengths of one layer; those of memories are described with `lmu_hw.fixed_point.planner.plan_memory`.

    Attributes:
        weight_bits: of encoders and kernels, sign included, 2 … 24. Biases are as wide as accumulators.
        activation_bits: of the words that the layer gives on, 4 … 18, but for the network's outputs.
        drive_bits: of a memory's samples u, 3 … 24.
        state_bits: of a memory's words, 3 … 32.
        coefficient_bits, datapath: of a memory; None for what `plan_memory` takes by itself.
        granularity: of the weights' grids.
        clipping: of weights and of words.
        compensated: round each weight so that it takes back, on the calibration data, what the ones before it in
            its row have lost; else to nearest.
        margin: share by which words may exceed what the calibration data showed, where nothing better is known.

    Raises:
        DesignError: a value is out of its range.
    """

    weight_bits: int = 8
    activation_bits: int = 16
    drive_bits: int = 12
    state_bits: int = 16
    coefficient_bits: int | None = None
    datapath: Datapath | None = None
    granularity: Granularity = Granularity.ROW
    clipping: Clipping = Clipping.ERROR
    compensated: bool = True
    margin: float = 0.125

    def __post_init__(self) -> None:
        check_integer("weight_bits", self.weight_bits, MIN_WEIGHT_BITS, MAX_WEIGHT_BITS)
        check_integer("activation_bits", self.activation_bits, MIN_TABLE_BITS, MAX_TABLE_BITS)
        check_integer("drive_bits", self.drive_bits, MIN_BITS, MAX_INPUT_BITS)
        check_integer("state_bits", self.state_bits, MIN_BITS, MAX_STATE_BITS)
        if self.coefficient_bits is not None:
            check_integer("coefficient_bits", self.coefficient_bits, MIN_BITS, MAX_COEFFICIENT_BITS)
        if self.datapath is not None:
            object.__setattr__(self, "datapath", member(Datapath, self.datapath, "datapath"))
        for name, kind in (("granularity", Granularity), ("clipping", Clipping)):
            value = str(getattr(self, name))
            if value not in tuple(kind):
                raise DesignError(name, "one of " + ", ".join(kind), getattr(self, name))
            object.__setattr__(self, name, kind(value))
        if not 0.0 <= self.margin <= 8.0:
            raise DesignError("margin", "from 0 to 8", self.margin)


@dataclass(frozen=True)
class NetworkOptions:
    """Word lengths of a network.

    Attributes:
        layer: of all layers but those in `layers`.
        layers: of single layers, by their numbers.
        input_bits: of the input's words, 3 … 24, where the calibration data lie on no grid of whole codes.
        input_format: of the input's words; None to choose it from the calibration data.
        output_bits: widest output word of a last layer that is linear or rectified and without feedback, 8 … 32: as
            many places as the proved range leaves room for.
        memory_bits: budget of bits for all weights, tables and states; None for no limit.

    Raises:
        DesignError: a value is out of its range.
    """

    layer: LayerOptions = field(default_factory=LayerOptions)
    layers: Mapping[int, LayerOptions] = field(default_factory=dict)
    input_bits: int = 12
    input_format: QFormat | None = None
    output_bits: int = 24
    memory_bits: int | None = None

    def __post_init__(self) -> None:
        check_integer("input_bits", self.input_bits, MIN_BITS, MAX_INPUT_BITS)
        check_integer("output_bits", self.output_bits, 8, 32)
        if self.memory_bits is not None:
            check_integer("memory_bits", self.memory_bits, 1)
        if self.input_format is not None and not self.input_format.signed:
            raise DesignError("input_format", "signed", str(self.input_format))

    def of(self, layer: int) -> LayerOptions:
        """Those of one layer."""
        return self.layers.get(layer, self.layer)
