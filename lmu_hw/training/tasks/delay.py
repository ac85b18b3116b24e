"""A delay, learned: a memory whose window θ is all there is to learn is shown a signal and its echo.

The output is the plain sum of the states, which is the input θ ago (Voelker, Kajić and Eliasmith, NeurIPS 2019,
eq. 3), so θ has found the delay when the output is the echo. The gradient with respect to θ passes through
the stepping rule (section 3.2 there: backpropagation through the ODE solver). The signal is noise up to 0.3
cycles per delay, 200 samples to the delay; θ begins at twice the delay.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import check_positive
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import MemoryParameters
from lmu_hw.training.backend import jnp
from lmu_hw.training.layers import LinearMemoryLayer
from lmu_hw.training.loop import fit
from lmu_hw.training.model import Model
from lmu_hw.training.objectives import Dataset, Metric, squared_error
from lmu_hw.training.recipe import Recipe, Schedule
from lmu_hw.training.tasks.base import HeldOut, Outcome, Run, Trained

STEPS_PER_DELAY = 200
CYCLES_PER_DELAY = 0.3
WRONG = 2.0
_LENGTH = 10  # delays in a sequence
_LEAD = 4  # delays until it counts, while the memory fills: two of the first window
_SEQUENCES = {"train": 16, "validation": 8, "test": 8}
RECIPE = Recipe(epochs=60, batch=8, learning_rate=0.05, schedule=Schedule.COSINE, clip=1.0)


def echoes(delay: float, count: int, seed: int, steps: int = STEPS_PER_DELAY) -> tuple[Array, Array]:
    """Signals and their echoes, each of shape (count, T, 1).

    Args:
        delay: seconds.
        count: of signals.
        seed: same seed, same signals, whatever `steps` is.
        steps: samples to the delay.
    """
    total = (_LENGTH + 1) * steps
    signals = np.stack(
        [band_limited_noise(total, delay / steps, CYCLES_PER_DELAY / delay, 1000 * seed + k) for k in range(count)]
    )
    return signals[:, steps:, None], signals[:, :-steps, None]


def held_out(delay: float, seed: int, steps: int = STEPS_PER_DELAY) -> HeldOut:
    """Signals of the test part of a run, with their echoes.

    Args:
        delay: seconds.
        seed: of the run.
        steps: samples to the delay.
    """
    x, y = _part("test", delay, seed, steps)
    return HeldOut(_metric(steps), x, y, _part("train", delay, seed, steps)[0])


def train_delay(run: Run, *, delay: float = 0.1, order: int = 6) -> Outcome:
    """Learn θ, and try the network at half and at twice the step.

    Args:
        run: seed, epochs, checkpoints.
        delay: to be found, s.
        order: of the memory.
    """
    delay = check_positive("delay", delay, "seconds")
    spec = LMUSpec(order, WRONG * delay, delay / STEPS_PER_DELAY, Discretization.BILINEAR)
    layer = LinearMemoryLayer(
        spec,
        hidden=1,
        activation=Activation.IDENTITY,
        without=("input_bias", "input_kernel", "bias"),
        frozen=("input_encoder", "memory_kernel"),
        learn_theta=True,
    )
    model = Model(1, (layer,))
    (start,) = model.init(run.seed)
    start = {name: jnp.ones_like(array) if name in layer.frozen else array for name, array in start.items()}
    result = fit(
        model,
        Dataset(*_part("train", delay, run.seed)),
        Dataset(*_part("validation", delay, run.seed)),
        loss=squared_error(_LEAD * STEPS_PER_DELAY),
        metric=_metric(STEPS_PER_DELAY),
        recipe=replace(RECIPE, seed=run.seed, epochs=run.epochs or RECIPE.epochs),
        params=[start],
        checkpoint=run.checkpoint("delay"),
    )
    network = model.network(result.params, {"command": run.command, "seed": run.seed})
    memory = network.layers[0]
    theta = memory.spec.theta if isinstance(memory, MemoryParameters) else np.nan

    def score(steps: int) -> float:
        return held_out(delay, run.seed, steps).score(network.at_step(delay / steps))

    test = held_out(delay, run.seed)
    trained = Trained(network, result.value, test.score(network), result.history)
    details = {
        "delay": delay,
        "theta_initial": spec.theta,
        "theta": theta,
        "theta_error": theta / delay - 1.0,
        "nrmse_at_half_dt": score(2 * STEPS_PER_DELAY),
        "nrmse_at_twice_dt": score(STEPS_PER_DELAY // 2),
    }
    return Outcome("delay", "nrmse", "delay", {"delay": trained}, run.seed, test, details)


def _part(name: str, delay: float, seed: int, steps: int = STEPS_PER_DELAY) -> tuple[Array, Array]:
    return echoes(delay, _SEQUENCES[name], 3 * seed + list(_SEQUENCES).index(name), steps)


def _metric(steps: int) -> Metric:
    """NRMSE of the steps that count."""
    skip = _LEAD * steps
    return Metric("nrmse", lambda outputs, targets: nrmse(outputs[:, skip:], targets[:, skip:]))
