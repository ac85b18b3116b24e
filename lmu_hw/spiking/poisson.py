"""Poisson neurons by thinning: the work of a step is proportional to its spikes, not to the number of neurons.

An ensemble has one or two sides, and one number ξ bounds e·x for all neurons of a side. In one dimension the sides are
the neurons of encoder −1 and those of +1, with ξ = e·x; in more dimensions there is one side, with ξ = ‖x‖ ≥ e·x. A
side of many neurons is divided into pools of similar maximum rates and similar intercepts. In a pool neurons are sorted
by intercept, so those that may fire at ξ are its first n(ξ), and none of them fires faster than some r(ξ). So the
number of a pool's candidates for spikes is drawn from a Poisson distribution of mean n·r·dt; each candidate belongs to
one of the n neurons with equal probability, and is kept with probability rate/r. What remains are independent Poisson
counts of mean rate·dt for every neuron, exactly and for every dt (Lewis and Shedler, Naval Research Logistics
Quarterly 26, 1979).

To keep a candidate with probability rate/r, a uniform share of r is drawn; the candidate fires once ξ is large enough
that the rate exceeds this share. So candidates can be drawn for several steps ahead, for ξ up to a little beyond its
present value, and each step only compares. If ξ leaves that span, the candidates of the remaining steps are drawn
again. Nothing that has happened depended on them, so the distribution stays the same.

Candidates are drawn for a stretch of pools at a time, whose neurons and candidates fit into the processor's cache; this
keeps the time per spike the same up to a million neurons.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.spiking.population import Population

Floats = NDArray[np.float32]

#: The range of ξ in radii over which the bounds are tabulated, and the number of cells. Beyond it, bounds follow from
#: the ceiling of the rates or from the largest gain.
_TABLE_REACH, _CELLS = 2.0, 128
#: The least number of neurons of a pool, and the largest numbers of bands and groups: a side is divided into bands of
#: similar maximum rates, and each band into groups of similar intercepts.
_POOL, _BANDS, _GROUPS = 512, 8, 8
#: The largest number of neurons of a stretch, unless a single pool has more, and the largest mean number of candidates
#: that are drawn ahead for it.
_STRETCH, _DRAWN = 49_152, 12_288
_STEPS_AHEAD = 16
#: The span in radii is this multiple of the recent movement of ξ, but at least the second number. Beyond the third, too
#: many candidates would not be kept, and drawing for one step at a time costs less.
_SPAN_MARGIN, _LEAST_SPAN, _MOST_SPAN = 1.25, 0.005, 0.25


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The candidates of one stretch, step after step and pool after pool.

    Attributes:
        cuts: The index at which each step begins, and the one at which the last step ends.
        place: The index of each candidate's neuron in the order of the pools, shape (candidates,).
        threshold: The least e·x at which the candidate fires, shape (candidates,).
        values: What its spike decodes to, per second, shape (candidates, outputs).
        encoders: The encoders e, shape (candidates, dimensions); None in one dimension.
    """

    cuts: list[int]
    place: NDArray[np.int32]
    threshold: Floats
    values: Array
    encoders: Floats | None


class PoissonNeurons:
    """A population whose neurons fire as independent Poisson processes at their curve's rates."""

    def __init__(self, population: Population, dt: float, batch: int, rng: np.random.Generator) -> None:
        """Arrange the neurons in pools.

        Args:
            population: The tuning curves and decoders.
            dt: The step in seconds.
            batch: The number of sequences that run side by side.
            rng: The generator from which spikes are drawn.
        """
        p = population
        self._curve, self._dt, self._rng = p.curve, dt, rng
        self._batch, self._ensembles, self._outputs, self._flat = batch, p.ensembles, p.outputs, p.dimensions == 1
        # Every candidate gathers these. Single precision halves the traffic, and keeps rates right to a millionth.
        self._order, starts, stops = _pools(p)
        self._bias = p.bias.ravel().astype(np.float32)[self._order]
        self._slope = (1.0 / p.gain.ravel()).astype(np.float32)[self._order]
        self._decoders = p.decoders.reshape(-1, p.outputs)[self._order] / dt
        self._encoders = None
        if not self._flat:
            self._encoders = p.encoders.reshape(-1, p.dimensions).astype(np.float32)[self._order]
        sides = 2 * batch * p.ensembles if self._flat else batch * p.ensembles
        rows = starts.size * batch
        self._pools = rows // sides  # of a side
        self._bound, self._active, self._steepest = _tables(p, self._order, starts, stops)
        self._rows = np.arange(rows) % starts.size * _CELLS
        # A row is a pool of one sequence. In each step its candidates share n, r and the index of its first neuron.
        self._common = np.empty((3, _STEPS_AHEAD, rows))
        self._common[2] = np.tile(starts, batch)
        wide = max(1, _STRETCH // int((stops - starts).max()))
        self._stretches = [slice(k, min(k + wide, rows)) for k in range(0, rows, wide)]
        self._drawn: list[_Candidates] = []
        self._xi = np.zeros(sides)
        self._centre = np.zeros((batch, p.ensembles, p.dimensions))
        self._span, self._recent = 0.0, _LEAST_SPAN
        self._at, self._ahead = 0, 0
        self._fired: tuple[NDArray[np.bool_], int] | None = None

    def step(self, x: Array) -> Array:
        """The values that the spikes of a step decode to, per second; see `lmu_hw.spiking.neurons.Neurons`."""
        if self._at == self._ahead or np.abs(x - self._centre).max() > self._span:
            self._look_ahead(x)
        k, self._at = self._at, self._at + 1
        if self._flat:
            along = self._seen(x).astype(np.float32).repeat(self._counts[k])
        else:
            seen = x.reshape(-1, x.shape[-1]).astype(np.float32).repeat(self._counts[k], axis=0)
            along = np.einsum("cq,cq->c", self._of_step("encoders", k), seen)
        fired = self._of_step("threshold", k) < along
        self._fired = fired, k
        rows = np.empty((fired.size + 1, self._outputs))  # one more, in which an empty last sum can begin
        rows[-1] = 0.0
        np.multiply(self._of_step("values", k), fired[:, None], out=rows[:-1])
        sums = np.add.reduceat(rows, self._begins[k], axis=0)
        if self._some_empty[k]:
            sums[self._empty[k]] = 0.0
        return np.asarray(sums).reshape(self._batch, self._ensembles, self._outputs)

    def spikes(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The sequences and the neurons of the spikes of the last step, two arrays of shape (spikes,)."""
        if self._fired is None:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
        fired, k = self._fired
        sequence = np.arange(self._batch).repeat(self._counts[k].reshape(self._batch, -1).sum(axis=1))
        return sequence[fired], self._order[self._of_step("place", k)[fired]]

    def _of_step(self, name: str, k: int) -> NDArray[Any]:
        """An attribute of the candidates of step `k` ahead, in the order of sequences, ensembles and pools."""
        parts = [getattr(each, name)[each.cuts[k] : each.cuts[k + 1]] for each in self._drawn]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _seen(self, x: Array) -> Array:
        """The ξ of all sides of all sequences, shape (sides,)."""
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
        ahead = int(min(_DRAWN * len(self._stretches) // max(float(mean.sum()), 1.0), _STEPS_AHEAD))
        self._span = 0.0
        if ahead > 1 and self._recent < _MOST_SPAN:
            # In more dimensions each coordinate may move by the span, and the norm by √dimensions as much.
            self._span = self._recent
            bound, active = self._bounds(xi + self._span * np.sqrt(x.shape[-1]))
            mean = bound * active * self._dt
        else:
            ahead = 1
        counts = self._rng.poisson(mean, (ahead, mean.size))
        self._common[0, :ahead], self._common[1, :ahead] = active, bound
        with np.errstate(divide="ignore"):
            self._drawn = [self._draw(counts[:, each], self._common[:, :ahead, each]) for each in self._stretches]
        self._counts = counts.reshape(ahead, self._xi.size, self._pools).sum(axis=2)
        per_ensemble = self._counts.reshape(ahead, self._batch * self._ensembles, -1).sum(axis=2)
        self._begins = np.cumsum(per_ensemble, axis=1) - per_ensemble
        self._empty = per_ensemble == 0
        self._some_empty = self._empty.any(axis=1).tolist()
        self._at, self._ahead = 0, ahead

    def _draw(self, counts: NDArray[np.intp], common: Array) -> _Candidates:
        """Draw the candidates of a stretch.

        Args:
            counts: The number of candidates for each step and row, shape (steps, rows).
            common: The n, the r and the index of the first neuron for each of them, shape (3, steps, rows).
        """
        active, bound, first = common.reshape(3, -1).repeat(counts.ravel(), axis=1)
        share = self._rng.random(active.size)
        share *= active
        whole = np.floor(share)
        share -= whole  # uniform in [0, 1) again, and independent of the neuron in the integer part
        share *= bound
        whole += first
        place = whole.astype(np.intp)
        threshold = self._curve.current(share.astype(np.float32))
        threshold -= self._bias.take(place)
        threshold *= self._slope.take(place)
        encoders = None if self._encoders is None else self._encoders.take(place, axis=0)
        cuts = [0, *np.cumsum(counts.sum(axis=1)).tolist()]
        return _Candidates(cuts, place.astype(np.int32), threshold, self._decoders.take(place, axis=0), encoders)

    def _bounds(self, xi: Array) -> tuple[Array, Array]:
        """The r in Hz and the n of every pool at the given ξ of its side, each of shape (rows,)."""
        cells = np.clip((xi + _TABLE_REACH) * (0.5 * _CELLS / _TABLE_REACH), 0.0, _CELLS - 1.0).astype(np.intp)
        cells = cells.repeat(self._pools) + self._rows
        bound, active = self._bound.take(cells), self._active.take(cells)
        if self._curve.ceiling == np.inf and xi.max() > _TABLE_REACH:
            # A current rises no faster with ξ than by the largest gain of the pool.
            beyond = np.maximum(xi - _TABLE_REACH, 0.0).repeat(self._pools)
            far = np.flatnonzero(beyond)
            steepest = self._steepest[cells[far] // _CELLS]
            bound[far] = self._curve.rate(self._curve.current(bound[far]) + steepest * beyond[far])
        return bound, active


def _pools(p: Population) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The numbers of the neurons in the order of the pools, and the start and the stop of each pool in it.

    All sides have the same number of pools.
    """
    sides = np.arange(p.ensembles, dtype=np.intp) * p.size
    if p.dimensions == 1:
        sides = np.stack([sides, sides + np.count_nonzero(p.encoders[:, :, 0] < 0.0, axis=1)], axis=1).ravel()
    sides = np.append(sides, p.neurons)
    largest = int(np.diff(sides).max())
    bands = min(max(largest // _POOL, 1), _BANDS)
    groups = min(max(largest // (_POOL * bands), 1), _GROUPS)
    order, max_rates = np.arange(p.neurons), p.max_rates.ravel()
    cuts = _cut(sides, bands)
    if bands > 1:
        for a, b in pairwise(sides):
            order[a:b] = a + np.argsort(max_rates[a:b], kind="stable")
        for a, b in pairwise(cuts):
            order[a:b].sort()  # by intercept again
    edges = _cut(cuts, groups)
    return order, edges[:-1], edges[1:]


def _cut(edges: NDArray[np.intp], parts: int) -> NDArray[np.intp]:
    """The edges after each interval is divided into `parts` parts, whose sizes differ by at most one."""
    inner = edges[:-1, None] + np.diff(edges)[:, None] * np.arange(parts) // parts
    return np.append(inner.ravel(), edges[-1])


def _tables(
    p: Population, order: NDArray[np.intp], starts: NDArray[np.intp], stops: NDArray[np.intp]
) -> tuple[Array, Array, Array]:
    """For each pool and cell of ξ the largest rate in Hz and the number of neurons that may fire, both flat.

    The third array holds the largest gain of each pool.
    """
    edges = _TABLE_REACH * (2.0 * np.arange(1, _CELLS + 1) / _CELLS - 1.0)
    # One more entry, in which an empty pool can begin.
    gain, bias, intercepts = (np.append(values.ravel()[order], 0.0) for values in (p.gain, p.bias, p.intercepts))
    highest = np.stack([np.maximum.reduceat(gain * edge + bias, starts) for edge in edges], axis=1)
    pools = zip(starts, stops, strict=True)
    active = np.stack([np.searchsorted(intercepts[a:b], edges, side="right") for a, b in pools]).astype(np.float64)
    # The rounding of gathered values must not raise a rate above its bound. Beyond the table the ceiling bounds it.
    bound = np.asarray(p.curve.rate(np.maximum(highest, 0.0) * (1.0 + 1e-5)), dtype=np.float64)
    if p.curve.ceiling < np.inf:
        bound[:, -1] = p.curve.ceiling
    return bound.ravel(), active.ravel(), np.maximum.reduceat(gain, starts)
