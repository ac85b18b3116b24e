"""The capacity task in fixed point, at a size that takes no time."""

from __future__ import annotations

import numpy as np
from click.testing import CliRunner

from lmu_hw.experiments.capacity import main, measure
from lmu_hw.training.tasks.capacity import FRACTIONS, HELD_OUT_WINDOWS, WASHOUT, CapacityTask, states_of


def test_fixed_point_follows_the_float_memory_that_reads_at_the_same_delays() -> None:
    """The error of the float memory, which the order sets, plus what words of 20 bits add."""
    found = measure(400, order=24, state_bits=20, output_bits=26, coefficient_bits=24, input_bits=20)
    task = CapacityTask(400)
    spec = task.spec(24, "ab2")
    signal = task.signal(WASHOUT + HELD_OUT_WINDOWS, 2)
    readouts = found.plan.readouts
    assert readouts is not None
    states = np.concatenate(list(states_of(spec, signal)))[WASHOUT * 400 :]
    rows = readouts.coefficients * 2.0**-readouts.fraction
    exact = np.mean((states @ rows.T - task.targets(signal)[(WASHOUT - 1) * 400 :]) ** 2, axis=0)
    assert found.errors.shape == (len(FRACTIONS),)
    assert np.all(np.abs(found.errors - exact) < 1e-6 + 0.02 * exact)
    assert found.clipped == 0


def test_fewer_bits_remember_less() -> None:
    """The newest sample is limited by the words; the oldest, at order 48, by the order too."""
    fine, coarse = (measure(4000, order=48, state_bits=bits, output_bits=bits + 8).errors for bits in (20, 12))
    assert coarse[0] > 1000 * fine[0]
    assert coarse[4] > 3 * fine[4]
    assert fine.max() < 1e-4


def test_the_command_prints_and_refuses() -> None:
    called = CliRunner().invoke(main, ["--steps", "40000", "--state-bits", "99", "--json"])
    assert called.exit_code == 1
    assert "state_bits must be" in str(called.exception)
