"""The score of a trained network in spikes, on the test part of its task."""

from __future__ import annotations

from dataclasses import dataclass

from lmu_hw.networks.model import Network
from lmu_hw.reference.layers import MemoryLayer
from lmu_hw.spiking.network import NetworkOptions, SpikingNetwork
from lmu_hw.training.tasks.base import HeldOut

#: The largest number of values, in all layers together, that are kept to scale the ensembles by.
_MOST_NUMBERS = 1 << 24


@dataclass(frozen=True)
class SpikingScore:
    """A network in spikes and its score.

    Attributes:
        neurons: The number of neurons.
        value: The score, in the metric of the task.
    """

    neurons: int
    value: float


def spiking_score(network: Network, held_out: HeldOut, options: NetworkOptions) -> SpikingScore:
    """Represent a network by spiking neurons, scaled by training sequences, and score it on the test part.

    Args:
        network: The trained network.
        held_out: The test part, or some of it.
        options: The options of the spiking network, with its seed.

    Raises:
        DesignError: The network has no spiking form (the message names the layer), or the options do not fit.
    """
    spiking = SpikingNetwork(network, options, held_out.known[: _sequences(network, held_out.known.shape[1])])
    return SpikingScore(spiking.neurons, held_out.metric.function(spiking.run(held_out.x), held_out.y))


def _sequences(network: Network, steps: int) -> int:
    """The number of training sequences that the ensembles are scaled by."""
    each = 1
    for layer in network.layers:
        states = layer.channels * layer.order if isinstance(layer, MemoryLayer) else 0
        each += steps * (states + layer.outputs)
    return max(1, _MOST_NUMBERS // each)
