"""Populations: equal ensembles side by side, their encoders and decoders block-diagonal and stored as blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import scipy.linalg

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.spiking.tuning import LeakyIntegrateAndFire, RateCurve, Tuning, TuningCurves, draw_curves

#: Neurons whose rates are held at once, so that these stay in the cache.
_CHUNK = 256
#: A neuron with a lower mean rate, Hz, counts as one of this: one that never fires gets no decoder instead of a
#: division by zero.
_SILENT = 1e-7
#: Spread of the points beyond the radius, and the weight of the points far out against the ones at the centre.
REACH, _FLOOR = 1.2, 1e-3
_LINE_POINTS = 256


@dataclass(frozen=True, eq=False)
class DecodingPoints:
    """Where values are to be decoded well.

    Attributes:
        values: shape (points, dimensions), in radii.
        weights: shape (points,), positive, their sum is 1.
    """

    values: Array
    weights: Array


def gaussian_points(dimensions: int, rng: np.random.Generator) -> DecodingPoints:
    """Points for a Gaussian variable with the standard deviation `deviation(dimensions)` in each dimension.

    In one dimension they lie on a grid that reaches beyond the radius, weighted by the density and a floor of a
    thousandth of its top; in more they are drawn, a tenth of them uniformly in the ball of that reach.
    """
    if dimensions == 1:
        grid = np.linspace(-REACH, REACH, _LINE_POINTS)
        weights = np.exp(-0.5 * (grid / deviation(1)) ** 2) + _FLOOR
        return DecodingPoints(grid[:, None], weights / weights.sum())
    count = 512 + 256 * dimensions
    values = deviation(dimensions) * rng.standard_normal((count, dimensions))
    far = count // 10
    directions = rng.standard_normal((far, dimensions))
    lengths = REACH * rng.random((far, 1)) ** (1.0 / dimensions)
    values[:far] = lengths * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return DecodingPoints(values, np.full(count, 1.0 / count))


def deviation(dimensions: int) -> float:
    """Standard deviation of each dimension in radii: 1/(2 + √dimensions), so that few values lie beyond the radius."""
    return 1.0 / (2.0 + float(np.sqrt(dimensions)))


def solve_decoders(
    rates: Callable[[slice, Array], Array],
    neurons: int,
    points: DecodingPoints,
    targets: Array,
    averaging: float,
) -> tuple[Array, Array]:
    """Decoders of one ensemble; see the module's text.

    The system that is solved is the smaller of neurons × neurons and points × points, and the rates of at most 256
    neurons are held at once: time and memory are linear in the neurons once they outnumber the points. Neurons that lie
    side by side and fire at few of the points cost less.

    Args:
        rates: (neurons, points of shape (g, dimensions)) → their rates in Hz, shape (g, neurons).
        neurons: how many there are.
        points: where.
        targets: f, shape (points, outputs).
        averaging: T, s.

    Returns:
        Decoders, shape (neurons, outputs), and the mean rates ā in Hz, shape (neurons,).

    Raises:
        DesignError: `averaging` is not positive.
    """
    averaging = check_positive("averaging", averaging, "seconds")
    root = np.sqrt(points.weights)
    parts = [slice(start, min(start + _CHUNK, neurons)) for start in range(0, neurons, _CHUNK)]
    weighted = root[:, None] * targets
    if neurons <= root.size:
        a = root[:, None] * rates(slice(0, neurons), points.values)
        mean = root @ a
        gram = a.T @ a
        gram[np.diag_indices_from(gram)] += np.maximum(mean, _SILENT) / averaging
        return np.asarray(scipy.linalg.solve(gram, a.T @ weighted, assume_a="pos")), mean
    mean, gram = np.empty(neurons), np.eye(root.size)
    for part in parts:
        a = rates(part, points.values)
        live = np.flatnonzero(a.any(axis=1))
        a = root[live, None] * a[live]
        mean[part] = root[live] @ a
        a /= np.sqrt(np.maximum(mean[part], _SILENT) / averaging)
        gram[np.ix_(live, live)] += a @ a.T
    dual = root[:, None] * scipy.linalg.solve(gram, weighted, assume_a="pos")
    decoders = np.concatenate([rates(part, points.values).T @ dual for part in parts])
    return decoders * (averaging / np.maximum(mean, _SILENT))[:, None], mean


#: What one neuron takes at most while a population is made and run, bytes, for each dimension of its ensemble and
#: each output, and beside them.
_BYTES_PER_DIMENSION, _BYTES_PER_NEURON = 40, 160


@dataclass(frozen=True, eq=False)
class Population:
    """`ensembles` ensembles of `size` neurons each; ensemble k sees `dimensions` values and decodes `outputs`.

    Neuron i of ensemble k has the number k·size + i. Within an ensemble neurons are sorted as in `TuningCurves`.

    Attributes:
        curve: from current to rate.
        encoders: shape (ensembles, size, dimensions), rows of unit length.
        gain, bias: current = gain·(encoder·x) + bias, shape (ensembles, size).
        decoders: values per unit of rate (per Hz), shape (ensembles, size, outputs).
        max_rates: Hz, at encoder·x = 1, shape (ensembles, size).
        intercepts: encoder·x from which on a neuron fires, shape (ensembles, size).
        mean_rates: Hz, over the points that the decoders were fitted on, shape (ensembles, size).
    """

    curve: RateCurve
    encoders: Array
    gain: Array
    bias: Array
    decoders: Array
    max_rates: Array
    intercepts: Array
    mean_rates: Array

    @property
    def ensembles(self) -> int:
        """Number of ensembles."""
        return int(self.encoders.shape[0])

    @property
    def size(self) -> int:
        """Neurons in an ensemble."""
        return int(self.encoders.shape[1])

    @property
    def dimensions(self) -> int:
        """Values that an ensemble sees."""
        return int(self.encoders.shape[2])

    @property
    def outputs(self) -> int:
        """Values that are decoded from an ensemble."""
        return int(self.decoders.shape[2])

    @property
    def neurons(self) -> int:
        """Neurons in all ensembles."""
        return self.ensembles * self.size

    @property
    def spike_noise(self) -> Array:
        """Σ_i ā_i d_i²: variance times seconds of what Poisson spikes decode to, shape (ensembles, outputs)."""
        return np.asarray(np.einsum("ki,kio->ko", self.mean_rates, self.decoders**2))

    def part(self, ensembles: slice, neurons: slice) -> Population:
        """Some of the neurons of each of some ensembles; the arrays are shared."""
        names = [field.name for field in fields(self) if field.name != "curve"]
        return Population(self.curve, **{name: getattr(self, name)[ensembles, neurons] for name in names})

    def pieces(self, most: int) -> Iterator[tuple[slice, slice]]:
        """Ensembles and neurons of parts that have at most `most` neurons (or one) and are the whole together."""
        together, share = max(1, most // self.size), max(1, min(most, self.size))
        for k in range(0, self.ensembles, together):
            for i in range(0, self.size, share):
                yield slice(k, min(k + together, self.ensembles)), slice(i, min(i + share, self.size))

    def currents(self, x: Array) -> Array:
        """Input currents, shape (…, ensembles, size), for values in radii of shape (…, ensembles, dimensions)."""
        flat = self.dimensions == 1
        along = self.encoders[:, :, 0] * x if flat else np.einsum("kiq,...kq->...ki", self.encoders, x)
        along *= self.gain
        along += self.bias
        return np.asarray(along)

    def rates(self, x: Array) -> Array:
        """Rates in Hz, shape (…, ensembles, size), for values in radii of shape (…, ensembles, dimensions)."""
        return np.asarray(self.curve.rate(self.currents(x)))

    def decode(self, rates: Array) -> Array:
        """Values, shape (…, ensembles, outputs), from rates or spikes per second of shape (…, ensembles, size)."""
        return np.asarray(np.einsum("kio,...ki->...ko", self.decoders, rates))


def build_population(
    neurons: int,
    ensembles: int,
    dimensions: int,
    *,
    curve: RateCurve | None = None,
    tuning: Tuning | None = None,
    averaging: float = 0.2,
    seed: int = 0,
    function: Callable[[int, Array], Array] | None = None,
) -> Population:
    """A population for values that are Gaussian with the deviation of `lmu_hw.spiking.population.deviation`.

    Args:
        neurons: in all ensembles, a multiple of their number.
        ensembles: how many.
        dimensions: values that each of them sees.
        curve: from current to rate; LIF by default.
        tuning: distribution of the tuning curves.
        averaging: time over which spikes are averaged, s, which weighs noise against distortion.
        seed: of the tuning curves.
        function: what is decoded from an ensemble, (number, values of shape (points, dimensions)) to (points,
            outputs); the values themselves by default.

    Raises:
        DesignError: a count is out of range, the neurons cannot be divided, or the machine has too little memory.
    """
    ensembles = check_integer("ensembles", ensembles, 1)
    neurons = check_integer("neurons", neurons, 1)
    if neurons % ensembles:
        raise DesignError("neurons", f"a multiple of the {ensembles} ensembles", neurons)
    size, curve, tuning = neurons // ensembles, curve or LeakyIntegrateAndFire(), tuning or Tuning()
    check_memory(neurons * (_BYTES_PER_NEURON + _BYTES_PER_DIMENSION * 2 * dimensions), f"{neurons} neurons")
    streams = np.random.SeedSequence(check_integer("seed", seed, 0)).spawn(ensembles)
    made = []
    for k, stream in enumerate(streams):
        rng = np.random.default_rng(stream)
        curves = draw_curves(tuning, curve, size, dimensions, rng)
        points = gaussian_points(dimensions, rng)
        targets = points.values if function is None else function(k, points.values)
        made.append((curves, *solve_decoders(_rates_of(curves, curve), size, points, targets, averaging)))
    return Population(
        curve,
        encoders=np.stack([c.encoders for c, _, _ in made]),
        gain=np.stack([c.gain for c, _, _ in made]),
        bias=np.stack([c.bias for c, _, _ in made]),
        decoders=np.stack([decoders for _, decoders, _ in made]),
        max_rates=np.stack([c.max_rates for c, _, _ in made]),
        intercepts=np.stack([c.intercepts for c, _, _ in made]),
        mean_rates=np.stack([mean for _, _, mean in made]),
    )


def _rates_of(curves: TuningCurves, curve: RateCurve) -> Callable[[slice, Array], Array]:
    """Rates of some of an ensemble's neurons at some values, as `solve_decoders` asks for them."""

    def rates(part: slice, values: Array) -> Array:
        along = values @ curves.encoders[part].T
        found = np.zeros(along.shape)
        live = along.max(axis=1) > curves.intercepts[part].min()  # elsewhere none of them fires
        found[live] = curve.rate(along[live] * curves.gain[part] + curves.bias[part])
        return found

    return rates


def check_memory(needed: int, what: str) -> None:
    """Refuse what does not fit into the machine's memory; where the system does not tell how much there is, nothing.

    Raises:
        DesignError: says how much is needed and how much there is.
    """
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return
    if needed > there:
        gibibyte = float(1 << 30)
        raise DesignError(
            f"memory for {what}", f"at most the machine's {there / gibibyte:.3g} GiB", f"{needed / gibibyte:.3g} GiB"
        )
