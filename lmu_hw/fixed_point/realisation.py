"""The linear system that a plan's integers realise, roundings of words apart."""

from __future__ import annotations

import numpy as np

from lmu_hw.fixed_point.increments import Increment
from lmu_hw.spec import LMUSpec
from lmu_hw.steps import Discretization, StepMatrices
from lmu_hw.system import energy_per_unit

_GAINS = {Discretization.AB2: (1.0, 1.5)}


def bank_gains(rule: Discretization) -> tuple[float, ...]:
    """What an increment adds to each bank of states: one bank, or w and x = w + p/2 for ab2."""
    return _GAINS.get(rule, (1.0,))


def realised_step(spec: LMUSpec, increment: Increment) -> StepMatrices:
    """z⁺ = G z + H u, x = K z with the integers' own values, in orthonormal coordinates.

    Args:
        spec: the specification; its rule says how many banks of states there are.
        increment: the integers.
    """
    d, gains = spec.order, bank_gains(spec.discretization)
    unit = energy_per_unit(spec)
    inject = increment.state_gain * unit[:, None] / unit[None, :]
    drive = increment.input_gain * unit
    n = len(gains) * d
    transition = np.zeros((n, n))
    transition[:, :d] = np.tile(np.eye(d), (len(gains), 1))
    transition[:, -d:] += np.concatenate([gain * inject for gain in gains])
    return StepMatrices(transition, np.concatenate([gain * drive for gain in gains]), np.eye(d, n, n - d))
