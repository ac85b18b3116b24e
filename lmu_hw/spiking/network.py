"""Trained networks in spikes: the memories alone, the rest as trained, or everything.

Each sample lasts `sample_seconds` of simulated time, and that is the step of the simulation: neurons see what their
ensembles carry held over the sample, and their spikes are counted over it. So the sampled map (see `synapses`) carries
each memory exactly by the step it was trained with, whatever the method; a longer sample, like more neurons, means more
spikes and less noise.

With everything in spikes each hidden unit has an ensemble that sees the unit's sum, and whose decoders give the unit's
nonlinearity from the spikes of one sample; linear layers are weights on connections. With the memories alone hidden
units are computed from the decoded states as trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Network, Output
from lmu_hw.spiking.layers import NetworkOptions as NetworkOptions
from lmu_hw.spiking.layers import Scope as Scope
from lmu_hw.spiking.layers import SpikingLayer, spiking_layer
from lmu_hw.spiking.memory import SpikeTrains, join_trains
from lmu_hw.spiking.neurons import Spikes

#: Neurons of sequences that are simulated side by side: more of them and their spikes leave the cache.
_TOGETHER = 100_000


@dataclass(frozen=True, eq=False, repr=False)
class Recorded(Displayed):
    """What happened in one sequence.

    Attributes:
        spikes: The spikes by population, as in `SpikingNetwork.groups`; a step is a sample.
        drives: The drives of the memories by layer ("layerK"), shape (T, channels).
        states: The states that the spikes decoded to behind the synapses, by layer, shape (T, channels, order).
        outputs: The outputs of the network after every sample, shape (T, outputs).
    """

    spikes: Mapping[str, SpikeTrains]
    drives: Mapping[str, Array]
    states: Mapping[str, Array]
    outputs: Array


class SpikingNetwork(Displayed):
    """A network in spikes; every sequence starts from rest.

    Attributes:
        network: The trained network.
        options: How it is carried.
        neurons: The number of neurons.
        groups: The populations by name: "layerK.memory", whose neurons are those of channel after channel, and
            "layerK.units".
        recorded: What happened in the first sequence of the last `run` with `record`, else None.
    """

    def __init__(self, network: Network, options: NetworkOptions, calibration: ArrayLike) -> None:
        """Build the network, scaled to what happens in the trained network on some inputs.

        Args:
            network: The trained network, of memory layers, cells and dense layers.
            options: How it is carried.
            calibration: Inputs like those to come, shape (count, T, inputs).

        Raises:
            DesignError: A layer is of a kind that has no spiking form, or the options do not fit.
        """
        self.network, self.options = network, options
        self.recorded: Recorded | None = None
        self._layers: list[SpikingLayer] = []
        seen = _checked(network, calibration)
        seen = (seen - network.input_offset) * network.input_scale
        for k, layer in enumerate(network.layers):
            made = spiking_layer(network.name(k), layer, options, 1000 * options.seed + k, seen)
            seen = made.reference
            self._layers.append(made)
        self.groups = {f"layer{k}.{name}": g for k, made in enumerate(self._layers) for name, g in made.groups.items()}
        self.neurons = sum(group.neurons for group in self.groups.values())

    def run(
        self, x: ArrayLike, *, seed: int | None = None, return_sequences: bool | None = None, record: bool = False
    ) -> Array:
        """Return the outputs for a batch of sequences, each with neurons of its own, from rest.

        Args:
            x: The input, shape (batch, T, inputs).
            seed: The seed of the spikes; that of the options by default.
            return_sequences: Whether to return an output per sample, or the one after the last; by default what the
                network says.
            record: Whether to keep what happens in the first sequence in `recorded`.

        Returns:
            The outputs, shape (batch, T, outputs) or (batch, outputs).
        """
        samples = _checked(self.network, x)
        every = self.network.output is Output.SEQUENCE if return_sequences is None else return_sequences
        seed = self.options.seed if seed is None else seed
        recorder = _Recorder(self._layers) if record else None
        together = max(1, _TOGETHER // max(1, self.neurons))
        outputs = np.empty((len(samples), samples.shape[1] if every else 1, self.network.outputs))
        for start in range(0, len(samples), together):
            part = samples[start : start + together]
            for k, layer in enumerate(self._layers):
                layer.begin(len(part), (seed, start, k))
            for t in range(samples.shape[1]):
                y = (part[:, t] - self.network.input_offset) * self.network.input_scale
                for layer in self._layers:
                    y = layer.sample(y)
                outputs[start : start + together, t if every else 0] = y
                if recorder is not None and start == 0:
                    recorder.note(t, y[0])
        self.recorded = None if recorder is None else recorder.recorded()
        return outputs if every else outputs[:, 0]

    def classify(self, x: ArrayLike, *, seed: int | None = None) -> IntArray:
        """The class of the largest output after the last sample, shape (batch,)."""
        classes: IntArray = np.argmax(self.run(x, seed=seed, return_sequences=False), axis=-1)
        return classes


class _Recorder:
    """Collects what the first sequence does, sample by sample."""

    def __init__(self, layers: Sequence[SpikingLayer]) -> None:
        self._layers = layers
        self._trains: dict[str, list[tuple[int, Spikes]]] = {}
        self._held: dict[str, list[tuple[Array, Array]]] = {}
        self._outputs: list[Array] = []

    def note(self, t: int, output: Array) -> None:
        """Add the sample `t`, after which the output of the network was `output`."""
        for k, layer in enumerate(self._layers):
            for name, fired in layer.fired():
                self._trains.setdefault(f"layer{k}.{name}", []).append((t, fired))
            if (held := layer.held()) is not None:
                self._held.setdefault(f"layer{k}", []).append(held)
        self._outputs.append(output.copy())

    def recorded(self) -> Recorded:
        """Return everything that was collected."""
        held = {name: [np.stack(parts) for parts in zip(*pairs, strict=True)] for name, pairs in self._held.items()}
        return Recorded(
            {name: join_trains(parts) for name, parts in self._trains.items()},
            {name: drives for name, (drives, _) in held.items()},
            {name: states for name, (_, states) in held.items()},
            np.stack(self._outputs),
        )


def _checked(network: Network, x: ArrayLike) -> Array:
    samples = np.asarray(x, dtype=np.float64)
    if samples.ndim != 3 or samples.shape[-1] != network.inputs or 0 in samples.shape:
        raise DesignError(
            "input of the network", f"of shape (batch, T, {network.inputs}), none of them 0", samples.shape
        )
    if not np.all(np.isfinite(samples)):
        raise DesignError("input of the network", "finite", "NaN or infinity")
    return samples
