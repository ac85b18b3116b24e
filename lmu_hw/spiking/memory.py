"""The memory in spikes, step by step or for whole recordings, with a state that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.spiking.design import SpikingDesign
from lmu_hw.spiking.neurons import Spikes, make_neurons

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True, eq=False, repr=False)
class SpikeTrains(Displayed):
    """Which neuron fired when: one entry for each spike, in the order of the steps.

    Attributes:
        step: The number of the step, from 0, int64.
        sequence: The number of the sequence in the batch, int64.
        neuron: The number of the neuron, counted ensemble by ensemble, int64.
    """

    step: NDArray[np.int64]
    sequence: NDArray[np.int64]
    neuron: NDArray[np.int64]

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "spikes", str(self.count)
        if self.count:
            yield "steps", f"{int(self.step.min())} to {int(self.step.max())}"
            yield "neurons that fired", str(np.unique(self.neuron).size)

    def plot(self) -> Plot:
        """Draw a dot for each spike of the first sequence: the neuron over the step."""
        from lmu_hw.core.figures import points_figure

        own = self.sequence == 0
        return points_figure(f"{int(own.sum())} spikes", "step", "neuron", self.step[own], self.neuron[own])

    @property
    def count(self) -> int:
        """The number of spikes."""
        return int(self.step.size)


class SpikingMemory(Displayed):
    """A design in time. The states are what its synapses hold: decoded from spikes, filtered and mapped.

    Attributes:
        design: The design that runs.
        spikes: The spikes of the last `run` with `record`, else None.
    """

    def __init__(self, design: SpikingDesign, *, seed: int | Sequence[int] | None = None) -> None:
        """Prepare the memory, at rest.

        Args:
            design: The design that runs.
            seed: The seed of the spikes; that of the design by default.
        """
        self.design = design
        self.spikes: SpikeTrains | None = None
        seed = design.options.seed if seed is None else seed
        self._seed = (seed,) if isinstance(seed, int) else tuple(seed)
        r = design.recurrence
        self._loop = r.matrix.T / r.denominator[-1]
        self._taps = r.taps / r.denominator[-1]
        self._past = [float(g) for g in -r.denominator[:-1] / r.denominator[-1]]
        self.reset()

    def _facts(self) -> Iterable[tuple[str, str]]:
        return self.design._facts()

    def reset(self) -> None:
        """Bring the memory to rest; the spikes are drawn from the same seed again."""
        self._values: list[Array] | None = None

    def step(self, sample: ArrayLike) -> Array:
        """Take in one sample per sequence, shape () or (batch,), and return the states after it, shape (…, order)."""
        u = np.asarray(sample, dtype=np.float64)
        return self.run(u[..., None])[..., 0, :]

    def run(self, samples: ArrayLike, *, record: bool = False) -> Array:
        """Return the states after each sample.

        Args:
            samples: The samples, shape (T,), or (batch, T) for sequences side by side, each with neurons of its own.
            record: Whether to keep the spikes in `spikes`.

        Returns:
            The states, shape (…, T, order), in the units of the design's states; `recurrence.lag` samples late.

        Raises:
            DesignError: A sample is not finite, the shape is wrong, or the batch is not that of the run before.
        """
        u = np.asarray(samples, dtype=np.float64)
        if u.ndim not in (1, 2):
            raise DesignError("samples", "of shape (T,) or (batch, T)", u.shape)
        if not np.all(np.isfinite(u)):
            raise DesignError("samples", "finite numbers", "NaN or infinity")
        rows = np.atleast_2d(u)
        batch, steps = rows.shape
        self._begin(batch)
        out = np.empty((steps, batch, self.design.order))
        trains: list[tuple[int, Spikes]] = []
        driven = self._driven(rows)
        for k in range(steps):
            out[k] = self._advance(driven[k])
            if record:
                trains.append((k, self._neurons.spikes()))
        self.spikes = join_trains(trains) if record else None
        states = (out.reshape(-1, self.design.order) @ self.design.transform.T).reshape(out.shape)
        return states[:, 0] if u.ndim == 1 else np.ascontiguousarray(np.moveaxis(states, 0, 1))

    def fired(self) -> Spikes:
        """The spikes of the last step, as sequence and neuron of each."""
        return self._neurons.spikes()

    def _begin(self, batch: int) -> None:
        design = self.design
        if self._values is None:
            p = design.recurrence.order
            self._values = [np.zeros((batch, design.order)) for _ in range(p)]  # y_k … y_{k+p−1}
            self._inputs = np.zeros((batch, p - 1))  # the last ones, oldest first
            rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence((*self._seed, 1))))
            self._neurons = make_neurons(design.options.kind, design.population, design.dt, batch=batch, rng=rng)
        elif self._inputs.shape[0] != batch:
            raise DesignError("batch", f"{self._inputs.shape[0]} as before (or reset first)", batch)

    def _driven(self, rows: Array) -> Array:
        """What the input adds to the recurrence in each step, shape (T, batch, order)."""
        late = self._inputs.shape[1]
        whole = np.concatenate([self._inputs, rows], axis=1)
        self._inputs = whole[:, whole.shape[1] - late :]
        driven = np.zeros((rows.shape[1], rows.shape[0], self.design.order))
        for lag, tap in enumerate(self._taps):
            driven += whole[:, late - lag : whole.shape[1] - lag].T[:, :, None] * tap
        return driven

    def _advance(self, driven: Array) -> Array:
        values, population = self._values, self.design.population
        if values is None:
            raise DesignError("memory", "begun before a step", "none")
        decoded = self._neurons.step(values[0].reshape(-1, population.ensembles, population.dimensions))
        following = decoded.reshape(-1, self.design.order) @ self._loop
        following += driven
        for weight, value in zip(self._past, values, strict=True):
            following += weight * value
        values.append(following)
        del values[0]
        return values[0]


def join_trains(parts: Sequence[tuple[int, Spikes]]) -> SpikeTrains:
    """The spikes of all given steps, in the order of steps, sequences and neurons."""
    if not parts:
        return SpikeTrains(*(np.empty(0, dtype=np.int64) for _ in range(3)))
    steps = np.repeat([k for k, _ in parts], [spikes[1].size for _, spikes in parts])
    sequences = np.concatenate([spikes[0] for _, spikes in parts])
    neurons = np.concatenate([spikes[1] for _, spikes in parts])
    order = np.lexsort((neurons, sequences, steps))
    return SpikeTrains(*(values[order].astype(np.int64) for values in (steps, sequences, neurons)))
