"""Memory capacity: how well a memory of d states returns its input of up to T steps ago.

Experiment: Voelker, Kajić and Eliasmith, Legendre Memory Units, NeurIPS 2019, section 4.1. The window is θ = 1 s,
sampled T times, so T grows as dt shrinks. The input is white noise band-limited to 10 Hz, with a root mean square of
0.5; at each step the targets are the input 0, T/4, T/2, 3T/4 and T steps ago. The score is the mean square error of
each output on a signal held out. Nothing of the memory is trained: the outputs are weighted sums of its states, either

- Legendre polynomials at the delays (`legendre_readout`), which takes no data at all, or
- least squares on the states of another signal (`fit_readout`), with the penalty chosen on a third one.

The functions take any states, those of a fixed-point memory too. The task measures memories at several resolutions, and
trains an LSTM at one that it can reach. The LSTM has as many units as the memory has states, 100, and all its weights
are trained: some 41 000 in place of the 500 of the memory's readout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import coordinates, discretize
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.networks.model import Network
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.reference.memory import all_states
from lmu_hw.training.layers import DenseLayer, LSTMLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import Dataset, Metric, squared_error
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import HeldOut, Outcome, Run, Trained, outputs_of
from lmu_hw.training.tasks.table import Capacity

ORDER = Capacity.order
THETA = 1.0  # s
BAND = 10.0  # Hz
RMS = 0.5
FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)

#: The number of windows that pass before a signal counts, and the numbers of those that count, in the training signal
#: and in the others.
WASHOUT, TRAIN_WINDOWS, HELD_OUT_WINDOWS = 2, 10, 4

_BLOCK = 1 << 14  # samples whose states are in memory at once
_KEPT = 250  # steps per window that least squares use: more than ten times as many as the band has
_PENALTIES = 10.0 ** np.arange(-14.0, -1.0)

#: The training of the LSTM, the numbers of its sequences in each part, and the length of a sequence in windows.
RECIPE = Recipe(epochs=600, batch=32, learning_rate=5e-3, schedule=Schedule.COSINE, warmup=0.03, clip=1.0)
_SEQUENCES = (256, 32, 32)
_WINDOWS = 3


def prepare(task: Capacity) -> Callable[[Run], Outcome]:
    """Return a function that measures memories, and trains an LSTM, with one seed.

    Raises:
        DesignError: There is no number of steps.
    """
    if not task.steps:
        raise DesignError("steps", "at least one number", "none")
    return partial(train_capacity, task)


@dataclass(frozen=True)
class CapacityTask:
    """The task at one resolution.

    Attributes:
        steps: The number T of steps in the window, a multiple of 4 from 40.

    Raises:
        DesignError: `steps` is no such number.
    """

    steps: int

    def __post_init__(self) -> None:
        check_integer("steps", self.steps, 40)
        if self.steps % 4:
            raise DesignError("steps", "a multiple of 4, so that all delays are whole", self.steps)

    @property
    def dt(self) -> float:
        """Seconds between samples."""
        return THETA / self.steps

    @property
    def delays(self) -> tuple[int, ...]:
        """The five delays in steps."""
        return tuple(round(f * self.steps) for f in FRACTIONS)

    def spec(self, order: int = ORDER, discretization: Discretization | str = Discretization.ZOH) -> LMUSpec:
        """The memory of the task."""
        return LMUSpec(order, THETA, self.dt, Discretization(discretization))

    def signal(self, windows: int, seed: int) -> Array:
        """Make noise over `windows` windows, shape (windows·steps,): equal power up to 10 Hz, none above, rms 0.5."""
        rng = np.random.default_rng(check_integer("seed", seed, 0))
        highest = int(BAND * THETA * check_integer("windows", windows, 1))
        tones = rng.standard_normal(highest) + 1j * rng.standard_normal(highest)
        samples = windows * self.steps
        spectrum = np.zeros(samples // 2 + 1, dtype=np.complex128)
        spectrum[1 : highest + 1] = tones
        noise: Array = np.fft.irfft(spectrum, samples)
        return noise * (RMS / float(np.sqrt(np.mean(noise**2))))

    def targets(self, signal: Array) -> Array:
        """The input the five delays ago, shape (samples − T, 5), at the steps T … samples − 1."""
        return np.stack([signal[self.steps - k : signal.size - k] for k in self.delays], axis=-1)


def states_of(spec: LMUSpec, signal: Array) -> Iterator[Array]:
    """Compute the states after each sample in float64, in the basis of `spec`, a block of samples at a time."""
    system = discretize(spec)
    z = np.zeros(system.input.size)
    for start in range(0, signal.size, _BLOCK):
        internal = all_states(spec, signal[start : start + _BLOCK], z)
        z = internal[-1]
        yield internal if z.size == spec.order else internal @ system.output.T


def legendre_readout(spec: LMUSpec, delays: ArrayLike) -> Array:
    """The weights that read the input of some steps ago from the states, shape (delays, order), without any data.

    u(t − θ′) ≈ Σ_i P_i(2θ′/θ − 1) m_i, where θ′ is the delay plus the time by which the sampled memory runs ahead of
    the continuous one: half a step where the method holds its input, a whole one where it extrapolates.

    Args:
        spec: The memory, of order 2 at least.
        delays: The delays in steps, from 0 to θ/dt. Where a delay and that time exceed the window, its end is read.
    """
    return readout(spec.order, delay_fractions(spec, delays)) * coordinates(spec)


def delay_fractions(spec: LMUSpec, delays: ArrayLike) -> tuple[float, ...]:
    """The fractions θ′/θ at which the window is read for the input of some steps ago; see `legendre_readout`.

    Args:
        spec: The memory, of order 2 at least.
        delays: The delays in steps, from 0 to θ/dt.
    """
    check_integer("order", spec.order, 2)
    fractions = (np.asarray(delays, dtype=np.float64) + _lead(spec)) / spec.ratio
    return tuple(np.minimum(fractions, 1.0).tolist())


def _lead(spec: LMUSpec) -> float:
    """The time in steps by which the mean of the window, state 0, is younger than θ/2.

    It follows from the moments of the impulse response.
    """
    system = discretize(spec)
    left = np.eye(system.input.size) - system.transition
    settled = np.linalg.solve(left, system.input)  # Σ Gᵏ H
    moment = np.linalg.solve(left, system.transition @ settled)  # Σ k Gᵏ H
    return float(0.5 * spec.ratio - (system.output[0] @ moment) / (system.output[0] @ settled))


@dataclass(frozen=True, eq=False)
class Samples:
    """The states at some steps of a signal, and the targets of a readout there.

    Attributes:
        states: The states, shape (samples, order).
        targets: The input the five delays ago, shape (samples, 5).
    """

    states: Array
    targets: Array


def collect(task: CapacityTask, signal: Array, states: Iterator[Array]) -> Samples:
    """Take evenly spaced states of a signal after the washout, with their targets, to fit a readout to.

    Args:
        task: The task.
        signal: The input, longer than the washout.
        states: The states after each sample, as blocks of shape (…, order) in a row. They may be those of any memory,
            fixed point included.
    """
    stride = max(1, task.steps // _KEPT)
    kept, at = [], 0
    first = WASHOUT * task.steps
    for block in states:
        offset = (first - at) % stride if at >= first else first - at
        kept.append(block[offset::stride])
        at += block.shape[0]
    targets = task.targets(signal)[first - task.steps :: stride]
    return Samples(np.concatenate(kept), targets)


def fit_readout(train: Samples, validation: Samples) -> tuple[Array, Array]:
    """Fit weights by least squares, with the penalty that is best on the validation signal.

    There is a penalty for each output. It is relative to the mean power of the states, 10⁻¹⁴ … 10⁻².

    Returns:
        The weights, shape (5, order), and their mean square errors on the validation signal, shape (5,).
    """
    power = float(np.mean(train.states**2)) * train.states.shape[0]
    # W = V·s/(s² + λ)·Uᵀ·T for states U·s·Vᵀ: the normal equations of the usual ridge regression lose half the digits.
    left, singular, right = np.linalg.svd(train.states, full_matrices=False)
    projected = left.T @ train.targets
    best = np.empty((train.targets.shape[1], train.states.shape[1]))
    least = np.full(train.targets.shape[1], np.inf)
    for penalty in _PENALTIES:
        gain = singular / (singular**2 + penalty * power)
        weights = (right.T @ (gain[:, None] * projected)).T
        error = np.mean((validation.states @ weights.T - validation.targets) ** 2, axis=0)
        better = error < least
        best[better], least[better] = weights[better], error[better]
    return best, least


def squared_errors(task: CapacityTask, signal: Array, states: Iterator[Array], weights: Array) -> Array:
    """Compute the mean square error of each output over every step after the washout, shape (5,).

    Args:
        task: The task.
        signal: The input, longer than the washout.
        states: The states after each sample, as blocks of shape (…, order) in a row.
        weights: The weights of a readout, shape (5, order).
    """
    targets = task.targets(signal)
    total, at, first = np.zeros(weights.shape[0]), 0, WASHOUT * task.steps
    for block in states:
        counted = block[max(0, first - at) :]
        start = max(at, first) - task.steps
        total += np.sum((counted @ weights.T - targets[start : start + counted.shape[0]]) ** 2, axis=0)
        at += block.shape[0]
    return total / (signal.size - first)


@dataclass(frozen=True, eq=False)
class CapacityResult:
    """The errors at one resolution.

    Attributes:
        task: The task.
        spec: The memory.
        weights: The readout that was fitted by least squares, shape (5, order).
        validation: The largest mean square error on the signal by which the penalties were chosen.
        fitted: The mean square error of each output, shape (5,).
        legendre: The mean square error of each output of the Legendre readout, shape (5,).
        other_steps: The mean square errors of `weights` with the memory at half and at twice the step dt, by the factor
            of dt; twice the step is left out where T is no multiple of 8.
    """

    task: CapacityTask
    spec: LMUSpec
    weights: Array
    validation: float
    fitted: Array
    legendre: Array
    other_steps: dict[float, Array]


def signal_of(task: CapacityTask, part: str, seed: int) -> Array:
    """Make the signal of a part of a run, shape (samples,).

    Args:
        task: The task.
        part: The part: "train", "validation" or "test".
        seed: The seed of the run.
    """
    counted = TRAIN_WINDOWS if part == "train" else HELD_OUT_WINDOWS
    number = ("train", "validation", "test").index(part)
    return task.signal(WASHOUT + counted, 3 * check_integer("seed", seed, 0) + number)


def measure_capacity(
    steps: int, *, order: int = ORDER, discretization: Discretization | str = Discretization.ZOH, seed: int = 0
) -> CapacityResult:
    """Fit the readout on one signal, choose its penalty on another, and measure on a third.

    Args:
        steps: The number T of steps in the window, a multiple of 4 from 40.
        order: The order of the memory.
        discretization: The time-stepping method of the memory.
        seed: The seed of the signals.
    """
    task = CapacityTask(steps)
    spec = task.spec(order, discretization)
    train, validation = (
        collect(task, signal, states_of(spec, signal))
        for signal in (signal_of(task, part, seed) for part in ("train", "validation"))
    )
    weights, errors = fit_readout(train, validation)

    def test(at: CapacityTask, readout_weights: Array) -> Array:
        signal, memory = signal_of(at, "test", seed), at.spec(order, discretization)
        return squared_errors(at, signal, states_of(memory, signal), readout_weights)

    return CapacityResult(
        task,
        spec,
        weights,
        float(errors.max()),
        test(task, weights),
        test(task, legendre_readout(spec, task.delays)),
        {
            factor: test(CapacityTask(round(steps / factor)), weights)
            for factor in (0.5, 2.0)
            if steps % round(4 * factor) == 0
        },
    )


def train_capacity(task: Capacity, run: Run) -> Outcome:
    """Measure memories, and train an LSTM; the result is about the memory with the most steps.

    Raises:
        DesignError: A number of steps is not a multiple of 4 from 40.
    """
    results = [
        measure_capacity(steps, order=task.order, discretization=task.discretization, seed=run.seed)
        for steps in task.steps
    ]
    largest = max(results, key=lambda r: r.task.steps)
    models = {"lmu": Trained(_network(largest, run), largest.validation, float(largest.fitted.max()))}
    details: dict[str, Any] = {
        "delays": FRACTIONS,
        "discretization": task.discretization,
        "windows": [_row(r) for r in results],
    }
    if task.lstm_steps:
        models["lstm"], errors = _lstm(task.lstm_steps, task.order, run)
        details["lstm"] = {"steps": task.lstm_steps, "mse": errors}
    return Outcome("capacity", "lmu", models, run.seed, held_out(largest.task, run.seed), details)


def held_out(task: CapacityTask, seed: int) -> HeldOut:
    """The signal of the test part; the score on it is the largest mean square error of the five outputs.

    Args:
        task: The task.
        seed: The seed of the run.
    """
    signal, first = signal_of(task, "test", seed), WASHOUT * task.steps
    known = signal_of(task, "train", seed)[: signal.size]
    wanted = task.targets(signal)[first - task.steps :]

    def worst(outputs: Array, targets: Array) -> float:
        return float(np.mean((outputs[:, first:] - targets) ** 2, axis=(0, 1)).max())

    return HeldOut(Metric("mse", worst), signal[None, :, None], wanted[None], known[None, :, None])


def _row(result: CapacityResult) -> dict[str, object]:
    """The errors at one resolution as plain values."""
    return {
        "steps": result.task.steps,
        "mse": result.fitted,
        "mse_legendre": result.legendre,
        "mse_at_other_dt": {f"{factor:g}": errors for factor, errors in result.other_steps.items()},
    }


def _network(result: CapacityResult, run: Run) -> Network:
    memory = MemoryParameters(result.spec, np.ones((1, 1)), np.zeros(1))
    readout = DenseParameters(result.weights, np.zeros(len(FRACTIONS)))
    return Network((memory, readout), notes=run.notes)


def _lstm(steps: int, units: int, run: Run) -> tuple[Trained, Array]:
    """Train an LSTM, and give its mean square error of each output beside it."""
    task = CapacityTask(steps)
    first = (_WINDOWS - 1) * steps  # the first step of a sequence that counts, after two windows

    def part(index: int) -> Dataset:
        seeds = range(1000 * (3 * run.seed + index), 1000 * (3 * run.seed + index) + _SEQUENCES[index])
        signals = np.stack([task.signal(_WINDOWS + 1, seed) for seed in seeds])
        return Dataset(signals[:, steps:, None], np.stack([task.targets(signal) for signal in signals]))

    def errors(outputs: Array, targets: Array) -> Array:
        return np.asarray(np.mean((outputs[:, first:] - targets[:, first:]) ** 2, axis=(0, 1)))

    model = Model(1, (LSTMLayer(units), DenseLayer(len(FRACTIONS))))
    train, validation, test = (part(k) for k in range(3))
    result = fit(
        model,
        train,
        validation,
        loss=squared_error(first),
        metric=Metric("mse", lambda outputs, targets: float(errors(outputs, targets).max())),
        recipe=run.recipe(RECIPE),
        checkpoint=run.checkpoint("lstm"),
    )
    network = model.network(result.params, run.notes)
    tested = errors(outputs_of(network, test.x), test.y)
    return Trained(network, result.value, float(tested.max()), result.history), tested
