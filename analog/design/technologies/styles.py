"""The technology of a style by its name, with the models that it uses."""

from __future__ import annotations

from lmu_hw.analog.circuit.devices import (
    DifferentialOpAmpModel,
    IdealDifferentialOpAmp,
    IdealOpAmp,
    MacroDifferentialOpAmp,
    MacroOpAmp,
    OpAmpModel,
    SinglePoleDifferentialOpAmp,
    SinglePoleOpAmp,
    describe,
)
from lmu_hw.analog.design.technologies.base import Technology
from lmu_hw.analog.design.technologies.gm_c import Cell, GmC
from lmu_hw.analog.design.technologies.opamp_rc import OpAmpRC
from lmu_hw.analog.design.technologies.opamp_rc_differential import OpAmpRCDifferential
from lmu_hw.errors import DesignError

STYLES = (OpAmpRC.style, OpAmpRCDifferential.style, GmC.style)


def technology_of(style: str, opamp: OpAmpModel | DifferentialOpAmpModel, ota: Cell) -> Technology:
    """The technology of a style, with the models that it uses.

    Raises:
        DesignError: there is no such style, or the op-amp is differential and the style is not.
    """
    if style == OpAmpRC.style:
        if isinstance(opamp, DifferentialOpAmpModel):
            raise DesignError(f"the op-amp of style {style}", "single-ended", describe(opamp))
        return OpAmpRC(opamp)
    if style == OpAmpRCDifferential.style:
        return OpAmpRCDifferential(differential(opamp))
    if style == GmC.style:
        return GmC(ota)
    raise DesignError("style", f"one of {', '.join(STYLES)}", style)


def differential(opamp: OpAmpModel | DifferentialOpAmpModel) -> DifferentialOpAmpModel:
    """The differential counterpart of an op-amp's model; a differential one is its own."""
    match opamp:
        case IdealOpAmp(gain=gain):
            return IdealDifferentialOpAmp(gain)
        case SinglePoleOpAmp(gain=gain, gbw=gbw, rout=rout):
            return SinglePoleDifferentialOpAmp(gain, gbw, rout)
        case MacroOpAmp():
            return MacroDifferentialOpAmp(**opamp.parameters)
    return opamp
