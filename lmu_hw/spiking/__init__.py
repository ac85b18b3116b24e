"""Memories and networks carried by spiking neurons.

    design = design_memory(LMUSpec(6, 0.5, 1e-3), SpikingOptions(neurons=3000, band_hz=3.0))
    memory = SpikingMemory(design)
    states = memory.run(samples, record=True)    # (T,) → (T, 6); who fired when is in memory.spikes

    network = SpikingNetwork(load("digits_linear"), NetworkOptions(per_state=100, scope=Scope.ALL), examples)
    classes = network.classify(sequences)

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmu_hw.lazy import load_on_demand

if TYPE_CHECKING:
    from lmu_hw.spiking.coordinates import Coordinates as Coordinates
    from lmu_hw.spiking.curves import LeakyIntegrateAndFire as LeakyIntegrateAndFire
    from lmu_hw.spiking.curves import RectifiedLinear as RectifiedLinear
    from lmu_hw.spiking.design import SpikingDesign as SpikingDesign
    from lmu_hw.spiking.design import SpikingOptions as SpikingOptions
    from lmu_hw.spiking.design import design_memory as design_memory
    from lmu_hw.spiking.memory import SpikeTrains as SpikeTrains
    from lmu_hw.spiking.memory import SpikingMemory as SpikingMemory
    from lmu_hw.spiking.network import NetworkOptions as NetworkOptions
    from lmu_hw.spiking.network import Scope as Scope
    from lmu_hw.spiking.network import SpikingNetwork as SpikingNetwork
    from lmu_hw.spiking.neurons import NeuronKind as NeuronKind
    from lmu_hw.spiking.population import Population as Population
    from lmu_hw.spiking.population import build_population as build_population
    from lmu_hw.spiking.synapses import Synapse as Synapse
    from lmu_hw.spiking.synapses import SynapseForm as SynapseForm
    from lmu_hw.spiking.tuning import Tuning as Tuning

__getattr__, __dir__ = load_on_demand(
    __name__,
    {
        "coordinates": ["Coordinates"],
        "curves": ["LeakyIntegrateAndFire", "RectifiedLinear"],
        "design": ["SpikingDesign", "SpikingOptions", "design_memory"],
        "memory": ["SpikeTrains", "SpikingMemory"],
        "network": ["NetworkOptions", "Scope", "SpikingNetwork"],
        "neurons": ["NeuronKind"],
        "population": ["Population", "build_population"],
        "synapses": ["Synapse", "SynapseForm"],
        "tuning": ["Tuning"],
    },
)
