"""What a model asks of a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from lmu_hw.network import Layer
from lmu_hw.training.backend import jax

Tensor = jax.Array
#: The arrays of one layer by name.
Parameters = dict[str, Tensor]


class TrainedLayer(ABC):
    """A layer that can be trained: sizes and choices, and functions of parameters that it does not hold."""

    #: Whether it carries something from one step to the next.
    has_state: ClassVar[bool] = False

    @abstractmethod
    def width(self, inputs: int) -> int:
        """Length of what it gives on for inputs of that length."""

    @abstractmethod
    def init(self, key: Tensor, inputs: int, dtype: str) -> Parameters:
        """Initial parameters for inputs of that length."""

    @abstractmethod
    def apply(self, params: Parameters, x: Tensor, *, last: bool, key: Tensor | None) -> Tensor:
        """Outputs (batch, T, width) for inputs (batch, T, inputs).

        A layer with a state gives those of the last step only, (batch, width), where `last` is set; the
        others take steps as they come. `key` is given in training, for layers that draw.
        """

    @abstractmethod
    def parameters(self, params: Parameters) -> Layer | None:
        """The layer as part of a network, in float64; None where it exists in training only."""

    def trained(self, name: str) -> bool:
        """Whether the array of that name is trained."""
        return True

    def project(self, params: Parameters) -> Parameters:
        """The nearest parameters that are admissible."""
        return params
