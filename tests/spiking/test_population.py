"""Decoders as minima of the error they promise, and populations that keep their shape and their limits."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.spiking import population as module
from lmu_hw.spiking.population import build_population, deviation, gaussian_points, solve_decoders
from lmu_hw.spiking.tuning import LeakyIntegrateAndFire, Tuning, draw_curves


def objective(rates: np.ndarray, d: np.ndarray, weights: np.ndarray, targets: np.ndarray, averaging: float) -> float:
    """Expected squared error of a decoded value: distortion, and Poisson counts over the averaging time."""
    distortion = weights @ np.sum((rates @ d - targets) ** 2, axis=1)
    noise = (weights @ rates) @ np.sum(d**2, axis=1) / averaging
    return float(distortion + noise)


@pytest.mark.parametrize(("neurons", "dimensions"), [(30, 1), (700, 1), (60, 2)])
def test_decoders_are_the_minimum(neurons: int, dimensions: int, rng: np.random.Generator) -> None:
    """Both systems, neurons × neurons and points × points: every step away from the solution is uphill."""
    curve = LeakyIntegrateAndFire()
    drawn = draw_curves(Tuning(), curve, neurons, dimensions, rng)
    points = gaussian_points(dimensions, rng)
    assert (neurons > points.weights.size) == (neurons == 700)

    def rates(part: slice, x: np.ndarray) -> np.ndarray:
        return curve.rate(x @ drawn.encoders[part].T * drawn.gain[part] + drawn.bias[part])

    everything = rates(slice(0, neurons), points.values)
    d, mean = solve_decoders(rates, neurons, points, points.values, 0.2)
    assert np.allclose(mean, points.weights @ everything)
    least = objective(everything, d, points.weights, points.values, 0.2)
    for _ in range(20):
        step = rng.standard_normal(d.shape) * np.abs(d).mean()
        for size in (1e-3, 1e-1):
            assert objective(everything, d + size * step, points.weights, points.values, 0.2) > least
            assert objective(everything, d - size * step, points.weights, points.values, 0.2) > least


def test_points_have_the_deviation_they_promise(rng: np.random.Generator) -> None:
    for dimensions in (1, 3):
        points = gaussian_points(dimensions, rng)
        assert points.weights.sum() == pytest.approx(1.0)
        spread = np.sqrt(points.weights @ points.values**2)
        assert np.allclose(spread, deviation(dimensions), rtol=0.02 if dimensions == 1 else 0.25)


def test_another_function_can_be_decoded() -> None:
    population = build_population(400, 2, 1, averaging=10.0, function=lambda k, y: y**2 if k else np.tanh(3.0 * y))
    x = np.linspace(-0.9, 0.9, 31)
    both = np.repeat(x[:, None, None], 2, axis=1)
    decoded = population.decode(population.rates(both))[:, :, 0]
    assert np.abs(decoded[:, 0] - np.tanh(3.0 * x)).max() < 0.05
    assert np.abs(decoded[:, 1] - x**2).max() < 0.05


def test_spike_noise_is_the_variance_of_decoded_poisson_counts(rng: np.random.Generator) -> None:
    population = build_population(50, 1, 1, seed=3)
    dt = 0.01
    counts = rng.poisson(np.broadcast_to(population.mean_rates[0] * dt, (40_000, 50)))
    variance = (counts @ population.decoders[0, :, 0] / dt).var()
    assert variance == pytest.approx(population.spike_noise[0, 0] / dt, rel=0.03)


@pytest.mark.parametrize("most", [0, 1, 7, 20, 45, 100])
def test_the_pieces_of_a_population_are_the_whole(most: int) -> None:
    population = build_population(60, 3, 1, seed=4)
    seen = np.zeros((3, 20))
    for ensembles, neurons in population.pieces(most):
        part = population.part(ensembles, neurons)
        assert part.neurons <= max(1, most)
        assert np.array_equal(part.gain, population.gain[ensembles, neurons])
        seen[ensembles, neurons] += 1.0
    assert np.all(seen == 1.0)


@pytest.mark.parametrize("neurons", [40, 400])
def test_neurons_that_never_fire_get_no_decoder_and_change_no_other(neurons: int) -> None:
    points = gaussian_points(1, np.random.default_rng(0))
    curve = LeakyIntegrateAndFire()
    drawn = draw_curves(Tuning(), curve, neurons, 1, np.random.default_rng(1))
    silent = np.arange(2 * neurons) % 2 == 1

    def fire(part: slice, x: np.ndarray) -> np.ndarray:
        return curve.rate(x @ drawn.encoders[part].T * drawn.gain[part] + drawn.bias[part])

    def with_silent(part: slice, x: np.ndarray) -> np.ndarray:
        everything = np.zeros((len(x), 2 * neurons))
        everything[:, ~silent] = fire(slice(0, neurons), x)
        return everything[:, part]

    d, mean = solve_decoders(with_silent, 2 * neurons, points, points.values, 0.2)
    assert not mean[silent].any()
    assert not d[silent].any()
    alone = solve_decoders(fire, neurons, points, points.values, 0.2)
    assert np.allclose(d[~silent], alone[0], rtol=1e-6, atol=1e-6 * np.abs(alone[0]).max())
    assert np.allclose(mean[~silent], alone[1])


def test_a_seed_gives_one_population_and_ensembles_differ() -> None:
    one, same, other = (build_population(60, 3, 1, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.decoders, same.decoders)
    assert not np.array_equal(one.gain, other.gain)
    assert not np.array_equal(one.intercepts[0], one.intercepts[1])


def test_what_cannot_be_built_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DesignError, match="neurons must be a multiple of the 3 ensembles, got 100"):
        build_population(100, 3, 1)
    with pytest.raises(DesignError, match="averaging"):
        build_population(30, 3, 1, averaging=0.0)
    monkeypatch.setattr(module.os, "sysconf", lambda name: 4096)
    with pytest.raises(DesignError, match=r"memory for 120000 neurons must be at most the machine's 0.0156 GiB"):
        build_population(120_000, 3, 1)


def test_where_the_system_does_not_tell_its_memory_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(module.os, "sysconf", unknown)
    module.check_memory(1 << 60, "neurons")
