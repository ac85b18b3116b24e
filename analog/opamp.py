"""Operational-amplifier models: parameters, and the SPICE subcircuit library that each one uses.

The library texts are the files in ``models/``. They take their parameters at the instance, so that one
definition serves every amplifier of a netlist.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.resources import files
from typing import ClassVar

from lmu_hw.arguments import check_positive

PINS = ("inp", "inn", "out")
"""Pins of every op-amp: non-inverting input, inverting input, output (single-ended, referred to ground)."""


def _check_positive(model: OpAmpModel) -> None:
    for field in fields(model):
        check_positive(f"op-amp {field.name}", getattr(model, field.name))


@dataclass(frozen=True)
class IdealOpAmp:
    """A voltage-controlled voltage source without bandwidth limit.

    Attributes:
        gain: V/V. The default of 1e8 keeps the error of a summing node (noise gain / gain) near 1e-7,
            below a simulator's own tolerance, and leaves its matrix well enough conditioned; a much
            larger gain buys nothing in double precision.
    """

    gain: float = 1e8

    subcircuit: ClassVar[str] = "opamp_ideal"
    label: ClassVar[str] = "ideal"

    def __post_init__(self) -> None:
        _check_positive(self)

    @property
    def parameters(self) -> dict[str, float]:
        """Instance parameters of the SPICE subcircuit, in the order in which they are written."""
        return {"gain": float(self.gain)}


@dataclass(frozen=True)
class SinglePoleOpAmp:
    """A linear macro-model with one pole: gain / (1 + s gain / (2 pi gbw)), then an output resistance.

    Attributes:
        gbw: gain-bandwidth product, Hz.
        gain: open-loop gain at direct current, V/V.
        rout: open-loop output resistance, ohm.
    """

    gbw: float = 1e7
    gain: float = 1e6
    rout: float = 50.0

    subcircuit: ClassVar[str] = "opamp_single_pole"
    label: ClassVar[str] = "single-pole"

    def __post_init__(self) -> None:
        _check_positive(self)

    @property
    def parameters(self) -> dict[str, float]:
        """Instance parameters of the SPICE subcircuit, in the order in which they are written."""
        return {"gain": float(self.gain), "gbw": float(self.gbw), "rout": float(self.rout)}


OpAmpModel = IdealOpAmp | SinglePoleOpAmp


def describe(model: OpAmpModel) -> str:
    """The model and its parameters in one line."""
    return " ".join([model.label, *(f"{key}={value!r}" for key, value in model.parameters.items())])


def library(model: OpAmpModel) -> str:
    """Return the SPICE text of the subcircuit that `model` instantiates, as kept in ``models/``."""
    return (files(__package__) / "models" / f"{model.subcircuit}.lib").read_text(encoding="utf-8")
