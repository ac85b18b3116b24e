"""The memory as an analog circuit: realisation, circuit graph, electrical rules, SPICE, schematic.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.analog.circuit import Circuit as Circuit
    from lmu_hw.analog.design import AnalogDesign as AnalogDesign
    from lmu_hw.analog.design import design_opamp_rc as design_opamp_rc
    from lmu_hw.analog.export import write_design as write_design
    from lmu_hw.analog.opamp import IdealOpAmp as IdealOpAmp
    from lmu_hw.analog.opamp import SinglePoleOpAmp as SinglePoleOpAmp

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "circuit": ["Circuit"],
        "design": ["AnalogDesign", "design_opamp_rc"],
        "export": ["write_design"],
        "opamp": ["IdealOpAmp", "SinglePoleOpAmp"],
    },
)
