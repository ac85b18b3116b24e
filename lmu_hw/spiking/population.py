"""Populations: equal ensembles side by side, their encoders and decoders block-diagonal and stored as blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
import scipy.linalg

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.spiking.tuning import LeakyIntegrateAndFire, RateCurve, Tuning, TuningCurves, draw_curves

#: The number of neurons whose rates are held at once, so that these stay in the cache.
_CHUNK = 256
#: The mean rate, in Hz, that a slower neuron counts with, so that a neuron which never fires gets a decoder of zero
#: and not a division by zero.
_SILENT = 1e-7
#: How far the points reach, in radii, and the weight of the outermost points relative to that of the central ones.
REACH, _FLOOR = 1.2, 1e-3
_LINE_POINTS = 256


@dataclass(frozen=True, eq=False)
class DecodingPoints:
    """The points at which values are to be decoded well.

    Attributes:
        values: The points in radii, shape (points, dimensions).
        weights: The positive weights of the points, shape (points,), whose sum is 1.
    """

    values: Array
    weights: Array


def gaussian_points(dimensions: int, rng: np.random.Generator) -> DecodingPoints:
    """Points for a Gaussian variable with the standard deviation `deviation(dimensions)` in each dimension.

    In one dimension they lie on a grid that reaches beyond the radius, weighted by the density plus a thousandth of its
    maximum; in more dimensions they are drawn, a tenth of them uniformly from the ball of that reach.
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
    """The standard deviation in each dimension, 1/(2 + √dimensions) radii, with which few values exceed the radius."""
    return 1.0 / (2.0 + float(np.sqrt(dimensions)))


def solve_decoders(
    rates: Callable[[slice, Array], Array],
    neurons: int,
    points: DecodingPoints,
    targets: Array,
    averaging: float,
) -> tuple[Array, Array]:
    """Decoders of one ensemble, by least squares that knows how noisy each neuron is.

    Over points x_g of weight w_g, Σ w_g = 1, the decoders D minimise

        Σ_g w_g ‖D a(x_g) − f(x_g)‖² + (1/T) Σ_i ā_i ‖d_i‖²,   ā_i = Σ_g w_g a_i(x_g).

    A Poisson train of rate a, averaged over a time T, has variance a/T: the penalty is the variance that spikes leave
    in what is decoded, so the sum is the whole expected error. Neurons that fire little are cheap, and are used more.

    The system that is solved is the smaller of neurons × neurons and points × points, and the rates of at most 256
    neurons are held at once: time and memory are linear in the neurons once they outnumber the points. Neurons that
    fire at few of the points cost less where they lie side by side.

    Args:
        rates: A function from some neurons and points, shape (g, dimensions), to rates in Hz, shape (g, neurons).
        neurons: The number of neurons.
        points: The points at which the targets are given.
        targets: The values f at these points, shape (points, outputs).
        averaging: The averaging time T, in seconds.

    Returns:
        The decoders, shape (neurons, outputs), and the mean rates ā in Hz, shape (neurons,).

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


#: The largest number of bytes that a neuron takes while a population is made and run: for each dimension of its
#: ensemble and each output, and beside these.
_BYTES_PER_DIMENSION, _BYTES_PER_NEURON = 40, 160


@dataclass(frozen=True, eq=False, repr=False)
class Population(Displayed):
    """Ensembles of equal size, of which each sees `dimensions` values and decodes to `outputs` values.

    Neuron i of ensemble k has the number k·size + i. Within an ensemble neurons are sorted as in `TuningCurves`.

    Attributes:
        curve: The rate curve of the neurons.
        encoders: The encoders, shape (ensembles, size, dimensions), rows of unit length.
        gain: The gains in current = gain·(encoder·x) + bias, shape (ensembles, size).
        bias: The biases in that equation, shape (ensembles, size).
        decoders: The decoded values per Hz of rate, shape (ensembles, size, outputs).
        max_rates: The rates at encoder·x = 1, in Hz, shape (ensembles, size).
        intercepts: The encoder·x from which on each neuron fires, shape (ensembles, size).
        mean_rates: The mean rates in Hz over the points at which the decoders were fitted, shape (ensembles, size).
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
        """The number of ensembles."""
        return int(self.encoders.shape[0])

    @property
    def size(self) -> int:
        """The number of neurons in an ensemble."""
        return int(self.encoders.shape[1])

    @property
    def dimensions(self) -> int:
        """The number of values that an ensemble sees."""
        return int(self.encoders.shape[2])

    @property
    def outputs(self) -> int:
        """The number of values that are decoded from an ensemble."""
        return int(self.decoders.shape[2])

    @property
    def neurons(self) -> int:
        """The number of neurons in all ensembles."""
        return self.ensembles * self.size

    @property
    def spike_noise(self) -> Array:
        """The sum Σ_i ā_i d_i²: variance times seconds of what Poisson spikes decode to, shape (ensembles, outputs)."""
        return np.asarray(np.einsum("ki,kio->ko", self.mean_rates, self.decoders**2))

    def part(self, ensembles: slice, neurons: slice) -> Population:
        """The given neurons of each of the given ensembles, as a population that shares the arrays."""
        names = [field.name for field in fields(self) if field.name != "curve"]
        return Population(self.curve, **{name: getattr(self, name)[ensembles, neurons] for name in names})

    def pieces(self, most: int) -> Iterator[tuple[slice, slice]]:
        """Yield ensembles and neurons of parts that make up the whole, each with at most `most` neurons, or one."""
        together, share = max(1, most // self.size), max(1, min(most, self.size))
        for k in range(0, self.ensembles, together):
            for i in range(0, self.size, share):
                yield slice(k, min(k + together, self.ensembles)), slice(i, min(i + share, self.size))

    def currents(self, x: Array) -> Array:
        """The input currents, shape (…, ensembles, size), for values in radii, shape (…, ensembles, dimensions)."""
        flat = self.dimensions == 1
        along = self.encoders[:, :, 0] * x if flat else np.einsum("kiq,...kq->...ki", self.encoders, x)
        along *= self.gain
        along += self.bias
        return np.asarray(along)

    def rates(self, x: Array) -> Array:
        """The rates in Hz, shape (…, ensembles, size), for values in radii, shape (…, ensembles, dimensions)."""
        return np.asarray(self.curve.rate(self.currents(x)))

    def decode(self, rates: Array) -> Array:
        """The values, (…, ensembles, outputs), that rates or spikes per second, (…, ensembles, size), decode to."""
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
    """Build a population for values that are Gaussian with the standard deviation `deviation(dimensions)`.

    Args:
        neurons: The number of neurons in all ensembles, a multiple of the number of ensembles.
        ensembles: The number of ensembles.
        dimensions: The number of values that each ensemble sees.
        curve: The rate curve; that of LIF neurons by default.
        tuning: The distribution of the tuning curves.
        averaging: The time over which spikes are averaged, in seconds, which weighs noise against distortion.
        seed: The seed of the tuning curves.
        function: What is decoded from an ensemble: a function from its number and values of shape (points, dimensions)
            to targets of shape (points, outputs); the values themselves by default.

    Raises:
        DesignError: A count is out of range, the neurons cannot be divided, or the machine has too little memory.
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
    """The rates of an ensemble's neurons, in the form that `solve_decoders` takes."""

    def rates(part: slice, values: Array) -> Array:
        along = values @ curves.encoders[part].T
        found = np.zeros(along.shape)
        live = along.max(axis=1) > curves.intercepts[part].min()  # elsewhere none of them fires
        found[live] = curve.rate(along[live] * curves.gain[part] + curves.bias[part])
        return found

    return rates


def check_memory(needed: int, what: str) -> None:
    """Check that something fits into the machine's memory, where the system tells how much there is.

    Raises:
        DesignError: It does not; the message says how much is needed and how much there is.
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
