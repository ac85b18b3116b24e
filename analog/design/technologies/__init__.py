"""Technologies, what the stages of a circuit are made of: op-amp RC, its fully differential form, gm-C.

A further technology is one class and one entry of the table.
"""

from __future__ import annotations

from lmu_hw.analog.circuit.devices import AnyOpAmp, Cell
from lmu_hw.analog.design.technologies.base import Technology
from lmu_hw.analog.design.technologies.gm_c import GmC
from lmu_hw.analog.design.technologies.opamp_rc import OpAmpRC, OpAmpRCDifferential
from lmu_hw.errors import DesignError

TECHNOLOGIES: dict[str, type[Technology]] = {each.style: each for each in (OpAmpRC, OpAmpRCDifferential, GmC)}
"""The technologies by their styles, as the command line names them."""

STYLES = tuple(TECHNOLOGIES)
"""The names of the technologies of this package."""


def technology_of(style: str, opamp: AnyOpAmp, ota: Cell) -> Technology:
    """Return the technology of a style, with the one of the two models that it uses.

    Args:
        style: One of `STYLES`, or of those registered since.
        opamp: The model of every op-amp; in a differential circuit its differential counterpart.
        ota: The model of every transconductor.

    Raises:
        DesignError: There is no such style, or it cannot use the op-amp.
    """
    if style not in TECHNOLOGIES:
        raise DesignError("style", f"one of {', '.join(TECHNOLOGIES)}", style)
    return TECHNOLOGIES[style].with_models(opamp, ota)
