"""A delay, learned from a signal and its echo by a memory whose window θ is all that is trained.

The output is the plain sum of the states, which is the input θ ago (Voelker, Kajić and Eliasmith, NeurIPS 2019, eq. 3),
so θ has found the delay when the output is the echo. The gradient with respect to θ passes through the time-stepping
method (section 3.2 there: backpropagation through the ODE solver). The signal is noise up to 0.3 cycles per delay, with
200 samples to the delay; θ begins at twice the delay.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import check_positive
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.definition import Activation
from lmu_hw.training.backend import jnp
from lmu_hw.training.layers import LinearMemoryLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import Dataset, Metric, squared_error
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import HeldOut, Outcome, Run
from lmu_hw.training.tasks.table import Delay

STEPS_PER_DELAY = 200
CYCLES_PER_DELAY = 0.3
FIRST_WINDOW = 2.0  # in delays: where θ begins
_LENGTH = 10  # delays in a sequence
_LEAD = 4  # delays until a sequence counts, while the memory fills: two of the first windows
_SEQUENCES = {"train": 16, "validation": 8, "test": 8}
RECIPE = Recipe(epochs=60, batch=8, learning_rate=0.05, schedule=Schedule.COSINE, clip=1.0)


def prepare(task: Delay) -> Callable[[Run], Outcome]:
    """Check the delay, and return a function that trains with one seed.

    Raises:
        DesignError: The delay is not positive.
    """
    check_positive("delay", task.delay, "seconds")
    return partial(train_delay, task)


def echoes(delay: float, count: int, seed: int, steps: int = STEPS_PER_DELAY) -> tuple[Array, Array]:
    """Make signals and their echoes, each of shape (count, T, 1).

    Args:
        delay: The delay in seconds.
        count: The number of signals.
        seed: The seed; the same seed gives the same signals, whatever `steps` is.
        steps: The number of samples to the delay.
    """
    total = (_LENGTH + 1) * steps
    signals = np.stack(
        [band_limited_noise(total, delay / steps, CYCLES_PER_DELAY / delay, 1000 * seed + k) for k in range(count)]
    )
    return signals[:, steps:, None], signals[:, :-steps, None]


def held_out(delay: float, seed: int, steps: int = STEPS_PER_DELAY) -> HeldOut:
    """Make the test part of a run, signals and their echoes.

    Args:
        delay: The delay in seconds.
        seed: The seed of the run.
        steps: The number of samples to the delay.
    """
    x, y = _part("test", delay, seed, steps)
    return HeldOut(_metric(steps), x, y, _part("train", delay, seed, steps)[0])


def train_delay(task: Delay, run: Run) -> Outcome:
    """Learn θ, and try the network at half and at twice the step."""
    delay = task.delay
    layer = _sum_of_states(LMUSpec(task.order, FIRST_WINDOW * delay, delay / STEPS_PER_DELAY, Discretization.BILINEAR))
    model = Model(1, (layer,))
    (start,) = model.init(run.seed)
    start = {name: jnp.ones_like(array) if name in layer.frozen else array for name, array in start.items()}
    test = held_out(delay, run.seed)
    result = fit(
        model,
        Dataset(*_part("train", delay, run.seed)),
        Dataset(*_part("validation", delay, run.seed)),
        loss=squared_error(_LEAD * STEPS_PER_DELAY),
        metric=test.metric,
        recipe=run.recipe(RECIPE),
        params=[start],
        checkpoint=run.checkpoint("delay"),
    )
    trained = run.trained(model, result, test)
    spec = trained.network.layers[0].memory_spec
    theta = np.nan if spec is None else spec.theta

    def score(steps: int) -> float:
        return held_out(delay, run.seed, steps).score(trained.network.at_step(delay / steps))

    details = {
        "delay": delay,
        "theta_initial": layer.spec.theta,
        "theta": theta,
        "theta_error": theta / delay - 1.0,
        "nrmse_at_half_dt": score(2 * STEPS_PER_DELAY),
        "nrmse_at_twice_dt": score(STEPS_PER_DELAY // 2),
    }
    return Outcome("delay", "delay", {"delay": trained}, run.seed, test, details)


def _sum_of_states(spec: LMUSpec) -> LinearMemoryLayer:
    """A memory whose output is the sum of its states, if both arrays that it has are ones; only θ is trained."""
    return LinearMemoryLayer(
        spec,
        hidden=1,
        activation=Activation.IDENTITY,
        without=("input_bias", "input_kernel", "bias"),
        frozen=("input_encoder", "memory_kernel"),
        learn_theta=True,
    )


def _part(name: str, delay: float, seed: int, steps: int = STEPS_PER_DELAY) -> tuple[Array, Array]:
    """The signals and echoes of a part of a run, each part with a seed of its own."""
    return echoes(delay, _SEQUENCES[name], 3 * seed + list(_SEQUENCES).index(name), steps)


def _metric(steps: int) -> Metric:
    """The NRMSE over the steps that count."""
    skip = _LEAD * steps
    return Metric("nrmse", lambda outputs, targets: nrmse(outputs[:, skip:], targets[:, skip:]))
