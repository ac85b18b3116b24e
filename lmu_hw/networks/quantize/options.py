"""The word lengths of a network, as a user states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from lmu_hw.core.registry import member
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.fixed_point.plan import Datapath
from lmu_hw.fixed_point.planner import MAX_COEFFICIENT_BITS, MAX_INPUT_BITS, MAX_STATE_BITS, MIN_BITS
from lmu_hw.networks.quantize.activations import MAX_TABLE_BITS, MIN_TABLE_BITS

MIN_WEIGHT_BITS, MAX_WEIGHT_BITS = 2, 24


class Granularity(StrEnum):
    """What has a binary point of its own: every row of a matrix (one output of the map), or the whole matrix."""

    ROW = "row"
    TENSOR = "tensor"


class Clipping(StrEnum):
    """How a grid is chosen: by the largest entry, or by the least mean square error on the calibration data."""

    LARGEST = "largest"
    ERROR = "error"


@dataclass(frozen=True)
class LayerOptions:
    """The word lengths of one layer; `lmu_hw.fixed_point.planner.plan_memory` describes those of memories.

    Attributes:
        weight_bits: The width of encoders and kernels, sign included, 2 … 24. Biases are as wide as accumulators.
        activation_bits: The width of the output words of the layer, 4 … 18, except for the network's outputs.
        drive_bits: The width of a memory's samples u, 3 … 24.
        state_bits: The width of a memory's state words, 3 … 32.
        coefficient_bits: The width of a memory's coefficients; None for the default of `plan_memory`.
        datapath: The datapath of a memory; None for the default of `plan_memory`.
        granularity: What has a grid of its own among the weights.
        clipping: How the grids of weights and words are chosen.
        compensated: Whether each weight is rounded so that it takes back, on the calibration data, what the weights
            before it in its row have lost; else it is rounded to nearest.
        margin: The share by which words may exceed the range of the calibration data, where no bound is known.

    Raises:
        DesignError: A value is out of its range.
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

    if TYPE_CHECKING:  # what type checkers are told, because members may be given by name

        def __init__(
            self,
            weight_bits: int = 8,
            activation_bits: int = 16,
            drive_bits: int = 12,
            state_bits: int = 16,
            coefficient_bits: int | None = None,
            datapath: Datapath | str | None = None,
            granularity: Granularity | str = Granularity.ROW,
            clipping: Clipping | str = Clipping.ERROR,
            compensated: bool = True,
            margin: float = 0.125,
        ) -> None: ...

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
            object.__setattr__(self, name, member(kind, getattr(self, name), name))
        if not 0.0 <= self.margin <= 8.0:
            raise DesignError("margin", "from 0 to 8", self.margin)


@dataclass(frozen=True)
class NetworkOptions:
    """The word lengths of a network.

    Attributes:
        layer: The word lengths of all layers except those in `layers`.
        layers: The word lengths of single layers, by their numbers.
        input_bits: The width of the input words, 3 … 24, where the calibration data are not on a grid of whole codes.
        input_format: The format of the input words; None to choose it from the calibration data.
        output_bits: The largest width of the output words of a last layer that is linear or rectified and without
            feedback, 8 … 32. They get as many fractional bits as the proved range leaves room for.
        memory_bits: The budget of bits for all weights, tables and states; None for no limit.

    Raises:
        DesignError: A value is out of its range.
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
        """The word lengths of one layer."""
        return self.layers.get(layer, self.layer)
