"""How good a trained network is in spikes, on the test part of its task."""

from __future__ import annotations

from dataclasses import dataclass

from lmu_hw.networks.model import Network
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import MemoryParameters
from lmu_hw.spiking.network import NetworkOptions, SpikingNetwork
from lmu_hw.training.tasks.base import HeldOut

#: Numbers that scaling the ensembles to the trained network keeps at most, in all layers together.
_MOST_NUMBERS = 1 << 24


@dataclass(frozen=True)
class SpikingScore:
    """One network in spikes.

    Attributes:
        neurons: how many it has.
        value: the task's score.
    """

    neurons: int
    value: float


def spiking_score(network: Network, held_out: HeldOut, options: NetworkOptions) -> SpikingScore:
    """Carry a network by neurons, scaled by training sequences, and score it on the test part.

    Args:
        network: as trained.
        held_out: the test part, or some of it.
        options: how it is carried, and the seed.

    Raises:
        DesignError: the network has no spiking form (the message names the layer), or the options do not fit.
    """
    spiking = SpikingNetwork(network, options, held_out.known[: _sequences(network, held_out.known.shape[1])])
    return SpikingScore(spiking.neurons, held_out.metric.function(spiking.run(held_out.x), held_out.y))


def _sequences(network: Network, steps: int) -> int:
    """How many of the known sequences are used."""
    each = 1
    for layer in network.layers:
        states = layer.channels * layer.spec.order if isinstance(layer, CellParameters | MemoryParameters) else 0
        each += steps * (states + layer.outputs)
    return max(1, _MOST_NUMBERS // each)
