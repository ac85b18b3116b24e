"""Poisson neurons by thinning: the work of a step follows the spikes that fall in it, not the neurons there are.

The neurons of an ensemble are divided into pools that one number bounds: in one dimension those of encoder −1 and
those of +1, seen by ξ = e·x; in more all of them, seen by ξ = ‖x‖ ≥ e·x. Within a pool neurons are sorted by
intercept, so the ones that may fire at ξ are its first n(ξ), and none of them fires faster than r(ξ). So a pool's
candidates come as a Poisson number of mean n·r·dt; each belongs to one of the n neurons by equal chance, and is kept
with probability rate/r. What is left are independent Poisson counts of mean rate·dt for every neuron, exactly and for
every dt (Lewis and Shedler, Naval Research Logistics Quarterly 26, 1979).

A candidate that is kept with probability rate/r is one that fires from a certain ξ on: where the rate exceeds a
uniform share of r. So candidates are drawn for several steps ahead, for ξ up to a little beyond what it is now, and
what is left for each step is to compare. Once ξ leaves that span, the candidates of the steps to come are drawn anew:
nothing that has happened depended on them, so that changes no law.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmu_hw.legendre import Array
from lmu_hw.spiking.population import Population

#: The bounds are tabulated for ξ up to this many radii; beyond, they follow the ceiling or the steepest neuron.
_TABLE_REACH, _CELLS = 2.0, 128
#: Steps ahead at most, and candidates that are drawn at once at most, so that they stay in the cache.
_STEPS_AHEAD, _CANDIDATES = 16, 1 << 15
#: The span in radii: so many times what ξ moved lately, but at least this. Where that is more than the most, too many
#: candidates would be refused, and one step at a time costs less.
_SPAN_MARGIN, _LEAST_SPAN, _MOST_SPAN = 1.5, 0.005, 0.25


#: Neurons, over all sequences, above which ensembles are simulated apart: what they gather then stays in the cache.
_TOGETHER = 1 << 17


class EnsemblesApart:
    """Large populations, a few ensembles at a time: the same neurons with less traffic to memory."""

    def __init__(self, population: Population, dt: float, batch: int, rng: np.random.Generator) -> None:
        self._size = population.size
        count = max(1, _TOGETHER // (population.size * batch))
        self._slices = [slice(k, k + count) for k in range(0, population.ensembles, count)]
        self._parts = [PoissonNeurons(population.part(each), dt, batch, rng) for each in self._slices]

    def step(self, x: Array) -> Array:
        """See `lmu_hw.spiking.neurons.Neurons`."""
        pairs = zip(self._parts, self._slices, strict=True)
        return np.concatenate([part.step(x[:, each]) for part, each in pairs], axis=1)

    def spikes(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """See `lmu_hw.spiking.neurons.Neurons`."""
        found = [part.spikes() for part in self._parts]
        shifted = [neuron + each.start * self._size for (_, neuron), each in zip(found, self._slices, strict=True)]
        return np.concatenate([sequence for sequence, _ in found]), np.concatenate(shifted)


def poisson_neurons(
    population: Population, dt: float, batch: int, rng: np.random.Generator
) -> PoissonNeurons | EnsemblesApart:
    """A population whose neurons fire as independent Poisson processes at their curve's rates.

    Args:
        population: tuning curves and decoders.
        dt: s.
        batch: sequences side by side.
        rng: what the spikes are drawn from.
    """
    large = population.neurons * batch > _TOGETHER and population.ensembles > 1
    return (EnsemblesApart if large else PoissonNeurons)(population, dt, batch, rng)


class PoissonNeurons:
    """A population whose neurons fire as independent Poisson processes at their curve's rates."""

    def __init__(self, population: Population, dt: float, batch: int, rng: np.random.Generator) -> None:
        p = population
        self._curve, self._dt, self._rng = p.curve, dt, rng
        self._batch, self._ensembles, self._outputs, self._flat = batch, p.ensembles, p.outputs, p.dimensions == 1
        # A candidate gathers these; single precision halves the traffic and leaves rates right to a millionth.
        self._bias, self._slope = p.bias.ravel().astype(np.float32), (1.0 / p.gain.ravel()).astype(np.float32)
        self._decoders = p.decoders.reshape(-1, p.outputs) / dt
        self._encoders = None if self._flat else p.encoders.reshape(-1, p.dimensions)
        starts, stops = _pools(p)
        self._pools = starts.size // p.ensembles  # of one ensemble
        self._steepest = np.maximum.reduceat(p.gain.ravel(), starts)
        self._bound, self._active = _tables(p, starts, stops)
        self._rows = np.arange(starts.size * batch) % starts.size * _CELLS
        self._first = np.tile(starts, batch)
        self._xi = np.zeros(starts.size * batch)
        self._centre = np.zeros((batch, p.ensembles, p.dimensions))
        self._span, self._recent = 0.0, _LEAST_SPAN
        self._at, self._ahead = 0, 0
        self._fired: tuple[NDArray[np.intp], NDArray[np.bool_], int] | None = None

    def step(self, x: Array) -> Array:
        """What a step decodes to, per second; see `lmu_hw.spiking.neurons.Neurons`."""
        if self._at == self._ahead or np.abs(x - self._centre).max() > self._span:
            self._look_ahead(x)
        k, self._at = self._at, self._at + 1
        begin, end = self._cuts[k], self._cuts[k + 1]
        if self._encoders is None:
            along = self._seen(x).astype(np.float32).repeat(self._counts[k])
        else:
            seen = x.reshape(-1, x.shape[-1]).repeat(self._counts[k], axis=0)
            along = np.einsum("cq,cq->c", self._encoders[self._index[begin:end]], seen)
        fired = self._threshold[begin:end] < along
        self._fired = self._index[begin:end], fired, k
        rows = np.empty((fired.size + 1, self._outputs))  # one more, so that an empty last sum has a place to begin
        rows[-1] = 0.0
        np.multiply(self._values[begin:end], fired[:, None], out=rows[:-1])
        sums = np.add.reduceat(rows, self._begins[k], axis=0)
        if self._some_empty[k]:
            sums[self._empty[k]] = 0.0
        return np.asarray(sums).reshape(self._batch, self._ensembles, self._outputs)

    def spikes(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Who fired in the last step, as pairs of sequence and neuron."""
        if self._fired is None:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
        index, fired, k = self._fired
        sequence = np.arange(self._batch).repeat(self._ensembles * self._pools).repeat(self._counts[k])
        return sequence[fired], index[fired]

    def _seen(self, x: Array) -> Array:
        """ξ of each sequence's pools."""
        if self._flat:
            wings = self._xi.reshape(self._batch, self._ensembles, 2)
            wings[..., 1] = x[..., 0]
            np.negative(x[..., 0], out=wings[..., 0])
        else:
            self._xi[:] = np.linalg.norm(x, axis=2).ravel()
        return self._xi

    def _look_ahead(self, x: Array) -> None:
        """Draw the candidates of the next steps, for values that stay within the span around `x`."""
        moved = float(np.abs(x - self._centre).max())
        self._recent = max(_LEAST_SPAN, _SPAN_MARGIN * moved, 0.8 * self._recent)
        self._centre, xi = x.copy(), self._seen(x)
        bound, active = self._bounds(xi)
        mean = bound * active * self._dt
        ahead = int(min(_CANDIDATES // max(float(mean.sum()), 1.0), _STEPS_AHEAD))
        self._span = 0.0
        if ahead > 1 and self._recent < _MOST_SPAN:
            # In more dimensions each coordinate may move by the span, and the norm by √dimensions as much.
            self._span = self._recent
            bound, active = self._bounds(xi + self._span * np.sqrt(x.shape[-1]))
            mean = bound * active * self._dt
        else:
            ahead = 1
        counts = self._rng.poisson(mean, (ahead, mean.size))
        each = counts.ravel()
        table = np.tile(np.stack([active, bound]), (1, ahead))
        actives, bounds = table.repeat(each, axis=1)
        place = self._rng.random(actives.size)
        place *= actives
        index = place.astype(np.intp)
        place -= index  # uniform again, and independent of the place that was cut off
        place *= bounds
        index += np.tile(self._first, ahead).repeat(each)
        with np.errstate(divide="ignore"):
            threshold = self._curve.current(place.astype(np.float32))
        threshold -= self._bias.take(index)
        threshold *= self._slope.take(index)
        self._index, self._threshold = index, threshold
        self._values = self._decoders.take(index, axis=0)
        self._counts = counts
        self._cuts = [0, *np.cumsum(counts.sum(axis=1)).tolist()]
        per_ensemble = counts.reshape(ahead, -1, self._pools).sum(axis=2)
        self._begins = np.cumsum(per_ensemble, axis=1) - per_ensemble
        self._empty = per_ensemble == 0
        self._some_empty = self._empty.any(axis=1).tolist()
        self._at, self._ahead = 0, ahead

    def _bounds(self, xi: Array) -> tuple[Array, Array]:
        """For each ξ what no neuron of its pool exceeds, Hz, and how many may fire."""
        cells = np.clip((xi + _TABLE_REACH) * (0.5 * _CELLS / _TABLE_REACH), 0.0, _CELLS - 1.0).astype(np.intp)
        cells += self._rows
        bound, active = self._bound.take(cells), self._active.take(cells)
        far = np.flatnonzero(xi > _TABLE_REACH)
        if far.size and self._curve.ceiling == np.inf:
            # Currents rise no faster than with the pool's largest gain.
            beyond = self._steepest[cells[far] // _CELLS] * (xi[far] - _TABLE_REACH)
            bound[far] = self._curve.rate(self._curve.current(bound[far]) + beyond)
        return bound, active


def _pools(p: Population) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First neuron of each pool, and the one after its last, shape (ensembles·pools of one,)."""
    base = np.arange(p.ensembles, dtype=np.intp) * p.size
    if p.dimensions > 1:
        return base, base + p.size
    negative = np.count_nonzero(p.encoders[:, :, 0] < 0.0, axis=1)
    starts = np.stack([base, base + negative], axis=1).ravel()
    return starts, np.append(starts[1:], p.neurons)


def _tables(p: Population, starts: NDArray[np.intp], stops: NDArray[np.intp]) -> tuple[Array, Array]:
    """For each pool and cell of ξ: the largest rate in the cell, Hz, and the number of neurons that may fire; flat."""
    edges = _TABLE_REACH * (2.0 * np.arange(1, _CELLS + 1) / _CELLS - 1.0)
    gain, bias, intercepts = p.gain.ravel(), p.bias.ravel(), p.intercepts.ravel()
    highest, active = np.zeros((starts.size, _CELLS)), np.zeros((starts.size, _CELLS))
    for k, (a, b) in enumerate(zip(starts, stops, strict=True)):
        for cell, edge in enumerate(edges):
            highest[k, cell] = (gain[a:b] * edge + bias[a:b]).max(initial=0.0)
        active[k] = np.searchsorted(intercepts[a:b], edges, side="right")
    # Rounding of what candidates gather must not lift a rate above its bound; beyond the table there is the ceiling.
    bound = np.asarray(p.curve.rate(highest * (1.0 + 1e-5)), dtype=np.float64)
    if p.curve.ceiling < np.inf:
        bound[:, -1] = p.curve.ceiling
    return bound.ravel(), active.ravel()
