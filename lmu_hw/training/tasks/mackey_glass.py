"""The Mackey–Glass series: predict a chaotic signal 15 time units ahead.

Experiment: Voelker, Kajić and Eliasmith, Legendre Memory Units, NeurIPS 2019, section 4.3, in its corrected
form (the first one fed the future and asked for the past). 128 series of

    dx/dt = 0.2 x(t−τ) / (1 + x(t−τ)¹⁰) − 0.1 x(t),   τ = 17,

by Euler steps of 0.1, each from its own random history, 1.2 ± 0.1; one sample per unit of time, of which the
first 100 are left out; the samples are tanh(x − 1), less their mean. From the samples up to t a network gives
the one at t + 15, for each of 5,000 steps from a zero state. The score is the NRMSE over all steps of the 64
series held out: root mean square of the error over that of the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmu_hw.arguments import check_integer
from lmu_hw.legendre import Array

TAU = 17
AHEAD = 15
SERIES, STEPS = 128, 5000
TRAIN, VALIDATION = 48, 16  # the rest is the test part
WASHOUT = 100
_EULER_STEPS = 10  # per unit of time


def mackey_glass(series: int, steps: int, seed: int) -> Array:
    """Samples tanh(x − 1), one per unit of time, shape (series, steps).

    Args:
        series: how many, each from its own random history.
        steps: samples of each, after those that are left out.
        seed: same seed, same series.
    """
    series, steps = check_integer("series", series, 1), check_integer("steps", steps, 1)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    past = 1.2 + 0.2 * (rng.random((TAU * _EULER_STEPS, series)) - 0.5)
    x = np.full(series, 1.2)
    samples = np.empty((WASHOUT + steps, series))
    oldest = 0
    for k in range(WASHOUT + steps):
        for _ in range(_EULER_STEPS):
            delayed, past[oldest] = past[oldest].copy(), x
            oldest = (oldest + 1) % past.shape[0]
            x = x + (0.2 * delayed / (1.0 + delayed**10) - 0.1 * x) / _EULER_STEPS
        samples[k] = x
    return np.tanh(samples[WASHOUT:].T - 1.0)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Series and what is to be said about them.

    Attributes:
        x: input, shape (series, steps, 1).
        y: the input 15 steps later, same shape.
    """

    x: Array
    y: Array


@dataclass(frozen=True, eq=False)
class MackeyGlassData:
    """The experiment's data, divided by series.

    Attributes:
        train: what weights are fitted to.
        validation: what the epoch is chosen on.
        test: looked at once.
        mean: of the training part, which is taken off all samples.
    """

    train: Prediction
    validation: Prediction
    test: Prediction
    mean: float


def load_mackey_glass(seed: int = 0, *, series: int = SERIES, steps: int = STEPS) -> MackeyGlassData:
    """Data of the experiment: three eighths of the series to train, one eighth to choose, one half to test.

    Args:
        seed: of the histories.
        series: in all, at least 8.
        steps: of each.
    """
    samples = mackey_glass(check_integer("series", series, 8), steps + AHEAD, seed)
    first, second = series * TRAIN // SERIES, series * (TRAIN + VALIDATION) // SERIES
    mean = float(samples[:first].mean())
    samples = samples[..., None] - mean

    def part(which: slice) -> Prediction:
        return Prediction(samples[which, :steps], samples[which, AHEAD:])

    return MackeyGlassData(part(slice(first)), part(slice(first, second)), part(slice(second, None)), mean)


def windows(data: Prediction, length: int, lead: int) -> tuple[Array, Array]:
    """Series cut into windows that overlap by `lead` steps, for training with gradients over `length` steps.

    A window begins in a zero state, so what a network says in its first `lead` steps does not count, except
    where the series itself begins.

    Args:
        data: whole series.
        length: steps of a window, more than `lead`.
        lead: steps that do not count.

    Returns:
        Inputs, shape (windows, length, 1), and targets, shape (windows, length, 2): the target and its weight,
        0 or 1.
    """
    length = check_integer("length of a window", length, lead + 1, data.x.shape[1])
    starts = range(0, data.x.shape[1] - length + 1, length - lead)
    x = np.concatenate([data.x[:, s : s + length] for s in starts])
    y = np.concatenate([data.y[:, s : s + length] for s in starts])
    weight = np.ones((len(starts), data.x.shape[0], length, 1))
    weight[1:, :, :lead] = 0.0
    return x, np.concatenate([y, weight.reshape(y.shape)], axis=-1)
