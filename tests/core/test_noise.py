"""Predicted rounding noise: against Lyapunov equations, and within 1 dB of what the integers do."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from lmu_hw.core.bounds import noise_power
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import energy_per_unit
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan, realised_step
from lmu_hw.fixed_point.planner import plan_memory

METHODS = list(Discretization)


def test_noise_power_solves_the_lyapunov_equation(rng: np.random.Generator) -> None:
    for n, m in ((1, 1), (4, 2), (7, 9)):
        transition = rng.standard_normal((n, n))
        transition *= 0.97 / np.abs(np.linalg.eigvals(transition)).max()
        injection, rows = rng.standard_normal((n, m)), rng.standard_normal((3, n))
        gramian = scipy.linalg.solve_discrete_lyapunov(transition, injection @ injection.T)
        assert np.allclose(noise_power(transition, injection, rows), np.diag(rows @ gramian @ rows.T), rtol=1e-9)
    assert noise_power(np.eye(2) / 2, np.zeros((2, 0)), np.eye(2)).tolist() == [0.0, 0.0]


def test_an_unstable_loop_has_no_noise_power() -> None:
    with pytest.raises(DesignError, match=r"^the step must be one whose powers decay"):
        noise_power(np.array([[1.0]]), np.eye(1), np.eye(1))


def _measured(plan: MemoryPlan, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations of states and readouts from the same loop in float64, on noise at full scale."""
    spec, step = plan.spec, realised_step(plan.spec, plan.increment)
    model, batch, samples = IntegerMemory(plan), 40, 1200
    skip = 400
    u = rng.uniform(-1.0, 1.0 - plan.input_format.lsb, (samples, batch))
    z, state = np.zeros((step.input.size, batch)), model.zero_state(batch)
    states, readouts = [], []
    for k in range(samples):
        model.step(state, plan.input_format.encode(u[k]))
        z = step.transition @ z + step.input[:, None] * u[k]
        if k < skip:
            continue
        exact = (step.output @ z) / energy_per_unit(spec)[:, None]
        states.append(model.decode(state.output) - exact)
        if plan.readouts is not None:
            rows = plan.readouts.coefficients * 2.0**-plan.readouts.fraction
            words = model.readouts(np.ascontiguousarray(state.output.T)).T
            readouts.append(plan.readouts.format.decode(words) - rows @ exact)
    nothing = np.zeros((1, 0, 1))
    return np.std(states, axis=(0, 2)), np.std(readouts if readouts else nothing, axis=(0, 2))


@pytest.mark.parametrize("words", [(10, 12, None), (14, 9, None), (12, 12, 20)])
@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_the_prediction_is_within_one_decibel(
    method: Discretization, feedback: bool, words: tuple[int, int, int | None], rng: np.random.Generator
) -> None:
    input_bits, state_bits, output_bits = words
    plan = plan_memory(
        LMUSpec(6, 40.0, 1.0, method),
        input_bits=input_bits,
        state_bits=state_bits,
        output_bits=output_bits,
        coefficient_bits=16,
        error_feedback=feedback,
        delays=(0.0, 0.4, 1.0) if output_bits is not None else (),
    )
    states, readouts = _measured(plan, rng)
    assert np.all(np.abs(20 * np.log10(plan.noise / states)) < 1.0)
    if plan.readouts is not None:
        assert np.all(np.abs(20 * np.log10(plan.readouts.noise / readouts)) < 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("order", "ratio"), [(2, 30.0), (16, 400.0), (32, 1000.0)])
def test_the_prediction_is_within_one_decibel_for_every_width(method: Discretization, order: int, ratio: float) -> None:
    for state_bits in range(10, 25, 2):
        plan = plan_memory(LMUSpec(order, ratio, 1.0, method), input_bits=state_bits - 2, state_bits=state_bits)
        states, _ = _measured(plan, np.random.default_rng(state_bits))
        assert np.all(np.abs(20 * np.log10(plan.noise / states)) < 1.0)
