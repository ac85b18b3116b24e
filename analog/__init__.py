"""The memory as an analog circuit: realisation, circuit graph, electrical rules, SPICE, schematic.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.analog.circuit import Circuit as Circuit
    from lmu_hw.analog.design import AnalogDesign as AnalogDesign
    from lmu_hw.analog.design import design_memory as design_memory
    from lmu_hw.analog.export import write_design as write_design
    from lmu_hw.analog.monte_carlo import Tolerances as Tolerances
    from lmu_hw.analog.opamp import IdealOpAmp as IdealOpAmp
    from lmu_hw.analog.opamp import MacroOpAmp as MacroOpAmp
    from lmu_hw.analog.opamp import SinglePoleOpAmp as SinglePoleOpAmp
    from lmu_hw.analog.ota import IdealOta as IdealOta
    from lmu_hw.analog.ota import MacroOta as MacroOta
    from lmu_hw.analog.tolerance import analyse as analyse

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "circuit": ["Circuit"],
        "design": ["AnalogDesign", "design_memory"],
        "export": ["write_design"],
        "monte_carlo": ["Tolerances"],
        "opamp": ["IdealOpAmp", "MacroOpAmp", "SinglePoleOpAmp"],
        "ota": ["IdealOta", "MacroOta"],
        "tolerance": ["analyse"],
    },
)
