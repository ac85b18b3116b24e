from .coordinates import Coordinates as Coordinates
from .design import SpikingDesign as SpikingDesign
from .design import SpikingOptions as SpikingOptions
from .design import design_memory as design_memory
from .memory import SpikeTrains as SpikeTrains
from .memory import SpikingMemory as SpikingMemory
from .network import NetworkOptions as NetworkOptions
from .network import Scope as Scope
from .network import SpikingNetwork as SpikingNetwork
from .neurons import NeuronKind as NeuronKind
from .population import Population as Population
from .population import build_population as build_population
from .synapses import Synapse as Synapse
from .synapses import SynapseForm as SynapseForm
from .tuning import LeakyIntegrateAndFire as LeakyIntegrateAndFire
from .tuning import RectifiedLinear as RectifiedLinear
from .tuning import Tuning as Tuning

__all__ = [
    "Coordinates",
    "LeakyIntegrateAndFire",
    "NetworkOptions",
    "NeuronKind",
    "Population",
    "RectifiedLinear",
    "Scope",
    "SpikeTrains",
    "SpikingDesign",
    "SpikingMemory",
    "SpikingNetwork",
    "SpikingOptions",
    "Synapse",
    "SynapseForm",
    "Tuning",
    "build_population",
    "design_memory",
]
