"""Memories and networks carried by spiking neurons.

    design = design_memory(LMUSpec(6, 0.5, 1e-3), SpikingOptions(neurons=3000, band_hz=3.0))
    memory = SpikingMemory(design)
    states = memory.run(samples, record=True)    # (T,) → (T, 6); the spikes are in memory.spikes

    network = SpikingNetwork(load("digits_linear"), NetworkOptions(per_state=100, scope=Scope.ALL), examples)
    classes = network.classify(sequences)

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
