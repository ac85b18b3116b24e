from .analysis.monte_carlo import Tolerances as Tolerances
from .analysis.tolerance import analyse as analyse
from .circuit.devices import IdealOpAmp as IdealOpAmp
from .circuit.devices import IdealOta as IdealOta
from .circuit.devices import MacroOpAmp as MacroOpAmp
from .circuit.devices import MacroOta as MacroOta
from .circuit.devices import SinglePoleOpAmp as SinglePoleOpAmp
from .circuit.graph import Circuit as Circuit
from .design.memory import AnalogDesign as AnalogDesign
from .design.memory import design_memory as design_memory
from .export.files import write_design as write_design

__all__ = [
    "AnalogDesign",
    "Circuit",
    "IdealOpAmp",
    "IdealOta",
    "MacroOpAmp",
    "MacroOta",
    "SinglePoleOpAmp",
    "Tolerances",
    "analyse",
    "design_memory",
    "write_design",
]
