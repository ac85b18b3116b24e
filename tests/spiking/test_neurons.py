"""Spikes in time: rates, variances and intervals against what each kind of neuron promises, at fine and coarse dt."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

from lmu_hw.errors import DesignError
from lmu_hw.spiking import neurons as neurons_module
from lmu_hw.spiking import poisson
from lmu_hw.spiking.neurons import NeuronKind, make_neurons
from lmu_hw.spiking.population import Population, build_population
from lmu_hw.spiking.tuning import Tuning

POISSON = [NeuronKind.POISSON_LIF, NeuronKind.POISSON_RELU]


def counts_of(
    kind: NeuronKind, population: Population, x: np.ndarray, dt: float, steps: int, rng: np.random.Generator
) -> np.ndarray:
    """Spikes of each neuron in each step, shape (steps, neurons)."""
    neurons = make_neurons(kind, population, dt, rng=rng)
    counts = np.zeros((steps, population.neurons))
    for k in range(steps):
        decoded = neurons.step(x[None])
        sequence, who = neurons.spikes()
        assert not sequence.any()
        np.add.at(counts[k], who, 1.0)
        by_hand = population.decode(counts[k].reshape(population.ensembles, -1))[None] / dt
        assert np.allclose(decoded, by_hand, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(by_hand).max()))
    return counts


def busiest_of(
    kind: NeuronKind, population: Population, value: float, dt: float, steps: int, rng: np.random.Generator
) -> tuple[int, np.ndarray]:
    """The neuron that fires most at a constant value, and the intervals between its spikes in seconds."""
    counts = counts_of(kind, population, np.array([[value]]), dt, steps, rng)
    busiest = int(np.argmax(counts.sum(axis=0)))
    return busiest, np.diff(np.flatnonzero(counts[:, busiest])) * dt


@pytest.mark.parametrize("kind", POISSON)
@pytest.mark.parametrize(("dimensions", "dt"), [(1, 1e-4), (1, 1e-3), (1, 0.02), (2, 1e-3)])
def test_poisson_counts_have_the_mean_and_variance_of_their_rates(
    kind: NeuronKind, dimensions: int, dt: float, rng: np.random.Generator
) -> None:
    population = build_population(24 * dimensions, 2, dimensions, curve=kind.curve, seed=3)
    x = np.array([[0.7] * dimensions, [-0.4] * dimensions])
    steps = 3000
    counts = counts_of(kind, population, x, dt, steps, rng)
    mean = population.rates(x).ravel() * dt
    if dt == 0.02:
        assert counts.max() > 5.0  # several spikes a step
    silent = mean == 0.0
    assert silent.any()
    assert not counts[:, silent].any()
    # Each neuron's total is Poisson: no two-sided tail below 1e-5 among so few of them.
    totals, expected = counts.sum(axis=0)[~silent], steps * mean[~silent]
    tails = np.minimum(scipy.stats.poisson.cdf(totals, expected), scipy.stats.poisson.sf(totals - 1, expected))
    assert tails.min() > 1e-5
    # The Fano factor of n Poisson counts of mean λ has the standard deviation √(2/n + 1/(nλ)), nearly.
    fano = counts[:, ~silent].var(axis=0) / np.maximum(totals / steps, 1e-12)
    weight = expected / expected.sum()
    spread = math.sqrt(2.0 / steps * float(weight @ weight) + 1.0 / expected.sum())
    assert abs(weight @ fano - 1.0) < 5.0 * spread + 2.0 / steps


def test_poisson_neurons_are_independent_of_each_other_and_of_the_step_before(rng: np.random.Generator) -> None:
    population = build_population(20, 1, 1, seed=1)
    counts = counts_of(NeuronKind.POISSON_LIF, population, np.array([[0.9]]), 0.005, 4000, rng)
    active = counts[:, counts.sum(axis=0) > 200]
    assert active.shape[1] >= 8
    correlation = np.corrcoef(active.T) - np.eye(active.shape[1])
    assert np.abs(correlation).max() < 5.0 / math.sqrt(4000)
    later = [np.corrcoef(active[1:, i], active[:-1, i])[0, 1] for i in range(active.shape[1])]
    assert np.abs(later).max() < 5.0 / math.sqrt(4000)


def test_the_intervals_of_a_poisson_train_are_exponential(rng: np.random.Generator) -> None:
    population, dt = build_population(4, 1, 1, seed=2), 1e-4
    busiest, intervals = busiest_of(NeuronKind.POISSON_LIF, population, 1.0, dt, 12_000, rng)
    rate = population.rates(np.array([[1.0]])).ravel()[busiest]
    assert len(intervals) > 200
    dithered = intervals + dt * (rng.random(len(intervals)) - 0.5)  # steps have a width
    assert scipy.stats.kstest(dithered, "expon", args=(0.0, 1.0 / rate)).pvalue > 1e-3


@pytest.mark.parametrize("kind", POISSON)
def test_poisson_rates_follow_values_that_move_and_leave_the_table(kind: NeuronKind, rng: np.random.Generator) -> None:
    """Fast and slow motion, within and beyond the tabulated bounds: the mean over many trains is the rate."""
    population = build_population(30, 1, 1, curve=kind.curve, seed=4)
    batch, dt = 400, 1e-3
    neurons = make_neurons(kind, population, dt, batch=batch, rng=rng)
    for value in [0.0, 0.001, 0.002, 0.003, 0.5, -0.5, -0.501, 2.5, 2.6, -4.0, 0.1, 0.1, 0.1]:
        neurons.step(np.full((batch, 1, 1), value))
        sequence, who = neurons.spikes()
        mean = population.rates(np.full((1, 1), value)).ravel() * dt
        totals = np.bincount(who, minlength=30)
        tails = np.minimum(
            scipy.stats.poisson.cdf(totals, batch * mean), scipy.stats.poisson.sf(totals - 1, batch * mean)
        )
        assert tails.min() > 1e-6
        assert totals.sum() == len(sequence)
        assert len(sequence) == 0 or sequence.max() < batch


@pytest.mark.parametrize("kind", POISSON)
@pytest.mark.parametrize(("dimensions", "dt"), [(1, 1e-3), (1, 0.02), (2, 1e-3)])
def test_neurons_in_many_pools_and_stretches_fire_at_their_rates(
    kind: NeuronKind, dimensions: int, dt: float, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sides divided by maximum rates and by intercepts, drawn for a few pools at a time, for sequences side by side
    that see different values, in jumps and in small steps, within the table and beyond it: the same law."""
    for name, value in (("_POOL", 4), ("_BANDS", 3), ("_GROUPS", 2), ("_STRETCH", 20), ("_DRAWN", 200)):
        monkeypatch.setattr(poisson, name, value)
    population, batch, steps = build_population(96, 2, dimensions, curve=kind.curve, seed=9), 100, 24
    x = np.empty((batch, 2, dimensions))
    x[::2], x[1::2] = np.array([[0.4], [-0.8]]), np.array([[-2.3], [0.9]])
    neurons = make_neurons(kind, population, dt, batch=batch, rng=rng)
    totals, expected, squares, spread = np.zeros((2, 96)), np.zeros((2, 96)), 0.0, 0.0
    for k in range(steps):
        seen = x * (0.5 if k % 8 < 4 else 1.0) + 1e-3 * (k % 2)
        decoded = neurons.step(seen)
        sequence, who = neurons.spikes()
        counts = np.zeros((batch, 96))
        np.add.at(counts, (sequence, who), 1.0)
        by_hand = population.decode(counts.reshape(batch, 2, 48)) / dt
        assert np.allclose(decoded, by_hand, rtol=1e-9, atol=1e-9 * np.abs(by_hand).max())
        mean = population.rates(seen).reshape(batch, 96) * dt
        assert not counts[mean == 0.0].any()
        for parity in (0, 1):
            totals[parity] += counts[parity::2].sum(axis=0)
            expected[parity] += mean[parity::2].sum(axis=0)
        squares += float(np.sum((counts - mean) ** 2 - mean))
        spread += float(np.sum(2.0 * mean**2 + mean))  # the variance of (N − λ)² − λ
    fires = expected > 0.0
    above, below = scipy.stats.poisson.sf(totals - 1.0, expected), scipy.stats.poisson.cdf(totals, expected)
    assert np.minimum(above, below)[fires].min() > 1e-6
    total = float(expected.sum())
    assert abs(float(totals.sum()) - total) < 4.5 * math.sqrt(total)
    assert abs(squares) < 4.5 * math.sqrt(spread)
    assert len(neurons._drawn) > 10  # type: ignore[attr-defined]


def test_a_large_ensemble_fires_at_its_rates(rng: np.random.Generator) -> None:
    """Divided as it is by default; all totals together have the variance of Poisson counts."""
    population, dt = build_population(80_000, 2, 1, seed=10), 1e-3
    neurons = make_neurons(NeuronKind.POISSON_LIF, population, dt, rng=rng)
    totals, expected = np.zeros(80_000), np.zeros(80_000)
    for value in (0.1, 0.13, 0.7, -0.6):
        x = np.array([[value], [0.3]])
        for _ in range(50):
            neurons.step(x[None])
            totals += np.bincount(neurons.spikes()[1], minlength=80_000)
        expected += population.rates(x).ravel() * 50 * dt
    assert not totals[expected == 0.0].any()
    fires = expected > 0.0
    above, below = scipy.stats.poisson.sf(totals - 1.0, expected), scipy.stats.poisson.cdf(totals, expected)
    assert np.minimum(above, below)[fires].min() > 1e-9
    surplus = np.sum((totals - expected) ** 2 - expected)
    assert abs(surplus) < 4.5 * math.sqrt(np.sum(2.0 * expected**2 + expected))
    # By intercept and by maximum rate: no part of the neurons fires too often.
    for order in (np.argsort(population.intercepts.ravel()), np.argsort(population.max_rates.ravel())):
        got, due = (np.add.reduceat(values[order], np.arange(0, 80_000, 2_000)) for values in (totals, expected))
        assert np.abs((got - due)[due > 0.0] / np.sqrt(due[due > 0.0])).max() < 4.5


@pytest.mark.parametrize("kind", POISSON)
def test_no_neuron_exceeds_the_bound_of_its_pool(kind: NeuronKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any ξ, in one dimension and in more, and with all encoders on one side."""
    monkeypatch.setattr(poisson, "_POOL", 16)
    line, plane = (build_population(240, 2, q, curve=kind.curve, seed=11) for q in (1, 2))
    names = [f.name for f in dataclasses.fields(line) if f.name != "curve"]
    up = Population(line.curve, **{name: getattr(line, name)[:, 60:] for name in names})
    for population in (line, plane, up):
        neurons = poisson.PoissonNeurons(population, 1e-3, 1, np.random.default_rng(0))
        order, starts, stops = poisson._pools(population)
        assert np.array_equal(np.sort(order), np.arange(population.neurons))
        for xi in (-3.0, -0.31, 0.0, 0.77, 1.999, 2.0, 2.3, 7.0):
            bound, active = neurons._bounds(np.full(neurons._xi.size, xi))
            rates = population.curve.rate(population.gain * xi + population.bias).ravel()[order]
            for a, b, most, n in zip(starts, stops, bound, active.astype(int), strict=True):
                assert rates[a:b].max(initial=0.0) <= most
                assert not rates[a + n : b].any()


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 0.01])
def test_regular_lif_neurons_fire_at_the_rate_of_their_curve_at_every_dt(dt: float, rng: np.random.Generator) -> None:
    population = build_population(60, 1, 1, tuning=Tuning((300.0, 490.0)), seed=5)
    x = np.array([[0.95]])
    seconds = 0.5
    counts = counts_of(NeuronKind.LIF, population, x, dt, round(seconds / dt), rng)
    rates = population.rates(x).ravel()
    # A regular train of rate a has a·T spikes but for the one that has begun or not yet ended.
    assert np.abs(counts.sum(axis=0) - rates * seconds).max() <= 1.01
    if dt == 0.01:
        assert counts.max() >= 4.0
    busiest = int(np.argmax(rates))
    assert counts[:, busiest].std() < 0.5 + 1e-9


def test_regular_lif_intervals_are_the_closed_form(rng: np.random.Generator) -> None:
    population, dt = build_population(4, 1, 1, seed=6), 5e-5
    busiest, intervals = busiest_of(NeuronKind.LIF, population, 0.8, dt, 6_000, rng)
    current = population.currents(np.array([[0.8]])).ravel()[busiest]
    expected = 0.002 - 0.02 * math.log(1.0 - 1.0 / current)
    assert np.abs(intervals - expected).max() <= dt * 1.001


def test_without_a_refractory_period_many_spikes_fall_in_one_step(rng: np.random.Generator) -> None:
    from lmu_hw.spiking.tuning import LeakyIntegrateAndFire

    curve = LeakyIntegrateAndFire(0.02, 0.0)
    population = build_population(10, 1, 1, curve=curve, tuning=Tuning((2000.0, 4000.0)), seed=7)
    counts = counts_of(NeuronKind.LIF, population, np.array([[1.0]]), 1e-3, 500, rng)
    rates = population.rates(np.array([[1.0]])).ravel()
    assert counts.max() >= 3.0
    assert np.abs(counts.sum(axis=0) - 0.5 * rates).max() <= 1.01


@pytest.mark.parametrize("kind", [NeuronKind.RATE_LIF, NeuronKind.RATE_RELU])
def test_rate_neurons_give_out_their_rates(kind: NeuronKind, rng: np.random.Generator) -> None:
    population = build_population(40, 2, 1, curve=kind.curve, seed=8)
    neurons = make_neurons(kind, population, 1e-3, rng=rng)
    x = np.array([[[0.3], [-0.8]]])
    assert np.allclose(neurons.step(x), population.decode(population.rates(x)))
    assert neurons.spikes()[1].size == 0


@pytest.mark.parametrize("kind", [NeuronKind.LIF, NeuronKind.RATE_LIF])
@pytest.mark.parametrize("together", [1, 50, 100, 250])
def test_neurons_that_are_stepped_in_parts_are_the_same_neurons(
    kind: NeuronKind, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of one neuron, of some of an ensemble, of an ensemble and of several ensembles, for two sequences."""
    population, batch = build_population(90, 3, 1, seed=12), 2
    whole = make_neurons(kind, population, 4e-3, batch=batch, rng=np.random.default_rng(5))
    monkeypatch.setattr(neurons_module, "_TOGETHER", together)
    parts = make_neurons(kind, population, 4e-3, batch=batch, rng=np.random.default_rng(5))
    for k in range(40):
        x = 0.9 * np.sin(0.2 * k + np.arange(6.0)).reshape(batch, 3, 1)
        assert np.allclose(parts.step(x), whole.step(x), rtol=1e-12, atol=1e-12)
        for one, other in zip(parts.spikes(), whole.spikes(), strict=True):
            assert np.array_equal(one, other)


def test_the_kind_must_fit_the_curve(rng: np.random.Generator) -> None:
    population = build_population(10, 1, 1, curve=NeuronKind.RATE_RELU.curve)
    with pytest.raises(DesignError, match="LeakyIntegrateAndFire"):
        make_neurons(NeuronKind.LIF, population, 1e-3, rng=rng)
    with pytest.raises(DesignError, match="dt must be a positive number of seconds"):
        make_neurons(NeuronKind.RATE_RELU, population, 0.0, rng=rng)
