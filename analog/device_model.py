"""What the models of amplifiers share: parameters of a SPICE subcircuit, checked, described, with its library text.

The library texts are the files in ``models/``. They take their parameters at the instance, so that one definition
serves every amplifier of a netlist.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from importlib.resources import files
from numbers import Real
from typing import ClassVar

from lmu_hw.arguments import check_positive
from lmu_hw.errors import DesignError


@dataclass(frozen=True)
class DeviceModel:
    """Parameters of an amplifier, each a field: positive where it is not listed below.

    Raises:
        DesignError: a parameter is out of its range.
    """

    subcircuit: ClassVar[str]
    label: ClassVar[str]
    pins: ClassVar[tuple[str, ...]]
    device: ClassVar[str]
    signed: ClassVar[frozenset[str]] = frozenset()
    may_be_zero: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for field in fields(self):
            what, value = f"{self.device} {field.name}", getattr(self, field.name)
            if field.name in self.signed:
                check_finite(what, value)
            elif not (field.name in self.may_be_zero and value == 0):
                check_positive(what, value)

    @property
    def parameters(self) -> dict[str, float]:
        """Instance parameters of the SPICE subcircuit, in the order in which they are written."""
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}


def check_finite(what: str, value: object) -> float:
    """Return `value` as a float if it is a finite real number.

    Raises:
        DesignError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise DesignError(what, "a finite number", value)
    return float(value)


def describe(model: DeviceModel) -> str:
    """The model and its parameters in one line."""
    return " ".join([model.label, *(f"{key}={value!r}" for key, value in model.parameters.items())])


def library(model: DeviceModel) -> str:
    """Return the SPICE text of the subcircuit that `model` instantiates, as kept in ``models/``."""
    return (files(__package__) / "models" / f"{model.subcircuit}.lib").read_text(encoding="utf-8")
