"""Decoders: the linear map from spikes to values, by least squares that knows how noisy each neuron is.

Over points x_g of weight w_g, Σ w_g = 1, decoders D of one ensemble minimise

    Σ_g w_g ‖D a(x_g) − f(x_g)‖² + (1/T) Σ_i ā_i ‖d_i‖²,   ā_i = Σ_g w_g a_i(x_g).

A Poisson train of rate a, averaged over a time T, has variance a/T: the penalty is the variance that spikes leave in
what is decoded, so that the sum is the whole expected error. Neurons that fire little are cheap, and are used more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from lmu_hw.arguments import check_positive
from lmu_hw.legendre import Array

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
