"""The capacity task: its signals and targets by definition, its readouts, its figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lmu_hw.core.legendre import Array
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.training.tasks.capacity import (
    WASHOUT,
    CapacityTask,
    Samples,
    collect,
    fit_readout,
    legendre_readout,
    measure_capacity,
    squared_errors,
    states_of,
)


def in_blocks(states: Array, sizes: tuple[int, ...]) -> Iterator[Array]:
    at = 0
    for k in range(states.shape[0]):
        if at >= states.shape[0]:
            return
        size = sizes[k % len(sizes)]
        yield states[at : at + size]
        at += size


def test_targets_are_the_input_some_steps_ago() -> None:
    task = CapacityTask(40)
    u = task.signal(4, seed=1)
    targets = task.targets(u)
    assert targets.shape == (120, 5)
    for n in (0, 17, 119):
        assert targets[n].tolist() == [u[40 + n - k] for k in (0, 10, 20, 30, 40)]


def test_the_signal_has_equal_power_up_to_10_hz_and_none_above() -> None:
    task = CapacityTask(80)
    power = np.mean([np.abs(np.fft.rfft(task.signal(5, seed))) ** 2 for seed in range(200)], axis=0)
    band = power[1:51]  # 5 s: 0.2 … 10 Hz
    assert power[0] < 1e-20
    assert power[51:].max() < 1e-20
    assert np.abs(band / band.mean() - 1.0).max() < 0.4  # 200 exponential variables: deviation 0.07
    assert np.sqrt(np.mean(task.signal(5, 3) ** 2)) == pytest.approx(0.5, rel=1e-12)


def test_the_signal_is_the_same_at_every_resolution() -> None:
    coarse, fine = CapacityTask(40).signal(3, 7), CapacityTask(120).signal(3, 7)
    assert np.allclose(fine[::3], coarse, atol=1e-12)


@pytest.mark.parametrize("method", ["zoh", "bilinear", "ab2"])
def test_states_are_those_of_the_memory(method: str) -> None:
    task = CapacityTask(400)
    spec, u = task.spec(6, method), task.signal(50, 0)  # more than one block
    assert np.allclose(np.concatenate(list(states_of(spec, u))), FloatMemory(spec).run(u), atol=1e-9)


@pytest.mark.parametrize(("method", "order"), [("zoh", 4), ("bilinear", 4), ("ab2", 4), ("euler", 2)])
def test_the_legendre_readout_converges(method: str, order: int) -> None:
    """In the step: with an order of 4 in the mean square where the memory is of second order, 2 where of first."""

    def errors(steps: int) -> Array:
        task = CapacityTask(steps)
        spec, u = task.spec(24, Discretization(method)), task.signal(WASHOUT + 3, 5)
        slow = np.fft.irfft(np.fft.rfft(u)[: WASHOUT + 3], u.size)  # below 1 Hz, which 24 states hold
        weights = legendre_readout(spec, task.delays)
        return squared_errors(task, slow, states_of(spec, slow), weights)[1:4]

    ratio = errors(400) / errors(800)
    assert np.all(ratio > 0.7 * 2**order)


def test_blocks_make_no_difference(rng: np.random.Generator) -> None:
    task = CapacityTask(1000)
    u = task.signal(WASHOUT + 1, 0)
    states, weights = rng.standard_normal((u.size, 3)), rng.standard_normal((5, 3))
    first = WASHOUT * task.steps
    wanted = task.targets(u)[first - task.steps :]
    direct = np.mean((states[first:] @ weights.T - wanted) ** 2, axis=0)
    for sizes in ((u.size,), (700, 1300), (1, 999, 7)):
        assert np.allclose(squared_errors(task, u, in_blocks(states, sizes), weights), direct, rtol=1e-12)
        kept = collect(task, u, in_blocks(states, sizes))
        assert np.array_equal(kept.states, states[first::4])
        assert np.array_equal(kept.targets, wanted[::4])


def test_least_squares_find_a_linear_readout(rng: np.random.Generator) -> None:
    weights = rng.standard_normal((5, 8))
    states = rng.standard_normal((300, 8))
    train, validation = Samples(states[:200], states[:200] @ weights.T), Samples(states[200:], states[200:] @ weights.T)
    found, error = fit_readout(train, validation)
    assert np.allclose(found, weights, atol=1e-10)
    assert error.max() < 1e-20


def test_noise_makes_the_penalty_larger(rng: np.random.Generator) -> None:
    """With few noisy samples the readout that was chosen does better than the one without a penalty."""
    clean = rng.standard_normal((2000, 40)) * 0.7 ** np.arange(40)
    targets = clean[:, :5].copy()
    noisy = clean + 0.1 * rng.standard_normal(clean.shape)
    train, validation = Samples(noisy[:60], targets[:60]), Samples(noisy[60:1000], targets[60:1000])
    weights, _ = fit_readout(train, validation)
    plain = np.linalg.lstsq(train.states, train.targets, rcond=None)[0].T

    def error(w: Array) -> float:
        return float(np.mean((noisy[1000:] @ w.T - targets[1000:]) ** 2))

    assert error(weights) < 0.85 * error(plain)


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_a_hundred_states_hold_a_window(method: str) -> None:
    result = measure_capacity(400, discretization=method, seed=4)
    assert result.fitted.shape == (5,)
    assert result.fitted.max() < 1e-6
    assert result.legendre[1:4].max() < 1e-3
    assert set(result.other_steps) == {0.5, 2.0}
    assert max(e.max() for e in result.other_steps.values()) < 4e-3


def test_fewer_states_than_the_band_needs_fail() -> None:
    assert measure_capacity(400, order=12).fitted.max() > 1e-2


@pytest.mark.parametrize("steps", [0, 39, 42, True, 100.0])
def test_a_window_has_whole_delays(steps: object) -> None:
    with pytest.raises(DesignError, match="steps"):
        CapacityTask(steps)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_hundred_thousand_steps() -> None:
    assert measure_capacity(100_000).fitted.max() < 1e-6
