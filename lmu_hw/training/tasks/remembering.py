"""The capacity task as a whole: Legendre memories at several resolutions, and an LSTM at the one it can reach.

The LSTM has as many units as the memory has states, 100, and all its weights are trained: some 41 000 in place
of the 500 of the memory's readout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array
from lmu_hw.network import Network
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from lmu_hw.training.layers import DenseLayer, LSTMLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import Dataset, Metric, squared_error
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.capacity import (
    FRACTIONS,
    ORDER,
    WASHOUT,
    CapacityResult,
    CapacityTask,
    measure_capacity,
    signal_of,
)
from lmu_hw.training.tasks.outcome import HeldOut, Outcome, Run, Trained, outputs_of

LSTM_STEPS = 100
RECIPE = Recipe(epochs=600, batch=32, learning_rate=5e-3, schedule=Schedule.COSINE, warmup=0.03, clip=1.0)
_SEQUENCES = (256, 32, 32)
_WINDOWS = 3


def train_capacity(
    run: Run,
    *,
    steps: Sequence[int] = (100, 1000, 10_000, 100_000),
    order: int = ORDER,
    discretization: str = "zoh",
    lstm_steps: int = LSTM_STEPS,
) -> Outcome:
    """Measure memories, and train an LSTM; the result is about the memory with the most steps.

    Args:
        run: seed; epochs and checkpoints of the LSTM.
        steps: T of each memory.
        order: states of the memories, units of the LSTM.
        discretization: the memories' rule.
        lstm_steps: T of the LSTM; 0 for no LSTM.

    Raises:
        DesignError: a T is not a multiple of 4 from 40.
    """
    if not steps:
        raise DesignError("steps", "at least one number", "none")
    results = [measure_capacity(t, order=order, discretization=discretization, seed=run.seed) for t in steps]
    largest = max(results, key=lambda r: r.task.steps)
    models = {"lmu": Trained(_network(largest, run), largest.validation, float(largest.fitted.max()))}
    details: dict[str, Any] = {
        "delays": FRACTIONS,
        "discretization": discretization,
        "windows": [_row(r) for r in results],
    }
    if lstm_steps:
        models["lstm"], errors = _lstm(lstm_steps, order, run)
        details["lstm"] = {"steps": lstm_steps, "mse": errors}
    return Outcome("capacity", "mse", "lmu", models, run.seed, held_out(largest.task, run.seed), details)


def held_out(task: CapacityTask, seed: int) -> HeldOut:
    """The signal that memories are tested on; the score is the largest mean square error of the outputs.

    Args:
        task: the task.
        seed: of the run.
    """
    signal, first = signal_of(task, "test", seed), WASHOUT * task.steps
    known = signal_of(task, "train", seed)[: signal.size]
    wanted = task.targets(signal)[first - task.steps :]

    def worst(outputs: Array, targets: Array) -> float:
        return float(np.mean((outputs[:, first:] - targets) ** 2, axis=(0, 1)).max())

    return HeldOut(Metric("mse", worst), signal[None, :, None], wanted[None], known[None, :, None])


def _row(result: CapacityResult) -> dict[str, object]:
    return {
        "steps": result.task.steps,
        "mse": result.fitted,
        "mse_legendre": result.legendre,
        "mse_at_other_dt": {f"{factor:g}": errors for factor, errors in result.other_steps.items()},
    }


def _network(result: CapacityResult, run: Run) -> Network:
    memory = MemoryParameters(result.spec, np.ones((1, 1)), np.zeros(1))
    readout = DenseParameters(result.weights, np.zeros(len(FRACTIONS)))
    return Network((memory, readout), notes={"command": run.command, "seed": run.seed})


def _lstm(steps: int, units: int, run: Run) -> tuple[Trained, Array]:
    task = CapacityTask(steps)
    first = (_WINDOWS - 1) * steps  # of a sequence: two windows pass before an output counts

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
        recipe=replace(RECIPE, seed=run.seed, epochs=run.epochs or RECIPE.epochs),
        checkpoint=run.checkpoint("lstm"),
    )
    network = model.network(result.params, {"command": run.command, "seed": run.seed})
    tested = errors(outputs_of(network, test.x), test.y)
    return Trained(network, result.value, float(tested.max()), result.history), tested
