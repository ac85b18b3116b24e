"""The float memory against its defining equation, and its last state without the steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import dlsim

from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.reference.memory import FloatMemory, final_states, impulse_response

specs = st.builds(
    LMUSpec,
    order=st.integers(1, 6),
    theta=st.just(1.0),
    dt=st.floats(1e-3, 1.0 / 12.0),  # stable for every method
    discretization=st.sampled_from(list(Discretization)),
    basis=st.sampled_from(Basis),
)


@given(spec=specs, seed=st.integers(0, 2**32 - 1))
def test_run_is_the_recurrence_as_scipy_simulates_it(spec: LMUSpec, seed: int) -> None:
    u = np.random.default_rng(seed).uniform(-1, 1, 30)
    s = discretize(spec)
    n = s.input.size
    # dlsim's output at k is before sample k is taken in
    _, _, states = dlsim((s.transition, s.input[:, None], np.eye(n), np.zeros((n, 1)), spec.dt), np.append(u, 0.0))
    np.testing.assert_allclose(FloatMemory(spec).run(u), (states @ s.output.T)[1:], atol=1e-9)


@given(spec=specs, seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 20))
def test_steps_parts_and_whole_sequences_agree(spec: LMUSpec, seed: int, cut: int) -> None:
    u = np.random.default_rng(seed).uniform(-1, 1, (3, 20))
    whole = FloatMemory(spec).run(u)
    parts, steps = FloatMemory(spec), FloatMemory(spec)
    in_parts = np.concatenate([parts.run(u[:, :cut]), parts.run(u[:, cut:])], axis=1)
    np.testing.assert_array_equal(in_parts, whole)
    step_by_step = np.stack([steps.step(u[:, k]) for k in range(20)], axis=1)
    np.testing.assert_allclose(step_by_step, whole, rtol=1e-12, atol=1e-12)


@given(spec=specs, seed=st.integers(0, 2**32 - 1), length=st.integers(1, 40))
def test_final_states_are_the_last_of_a_run(spec: LMUSpec, seed: int, length: int) -> None:
    u = np.random.default_rng(seed).uniform(-1, 1, (2, 3, length))
    last = FloatMemory(spec).run(u)[..., -1, :]
    np.testing.assert_allclose(final_states(spec, u), last, atol=1e-9)


@given(spec=specs, steps=st.integers(1, 40))
def test_impulse_response_is_the_answer_to_a_single_one(spec: LMUSpec, steps: int) -> None:
    one = np.zeros(steps)
    one[0] = 1.0
    np.testing.assert_allclose(impulse_response(spec, steps), FloatMemory(spec).run(one), atol=1e-10)


def test_a_constant_fills_the_window_of_the_constant_polynomial() -> None:
    """Once the window is full of ones, m is the expansion of 1 in Legendre polynomials: e₀."""
    memory = final_states(LMUSpec(8, 1.0, 0.01), np.ones(1000))
    np.testing.assert_allclose(memory, np.eye(8)[0], atol=1e-9)


def test_the_batch_may_not_change_without_a_reset() -> None:
    memory = FloatMemory(LMUSpec(3, 1.0, 0.01))
    memory.run(np.zeros((2, 5)))
    with pytest.raises(DesignError, match=r"batch shape must be \(2,\) as before \(or reset first\), got \(3,\)"):
        memory.run(np.zeros((3, 5)))
    memory.reset()
    assert memory.run(np.zeros((3, 5))).shape == (3, 5, 3)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (0.5, r"samples must be sequences of at least one sample \(time comes last\), got \(\)"),
        (np.zeros((2, 0)), r"samples must be sequences of at least one sample .*, got \(2, 0\)"),
        ([1.0, np.inf], "samples must be finite numbers, got NaN or infinity"),
    ],
)
def test_final_states_refuse(samples: Any, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        final_states(LMUSpec(3, 1.0, 0.01), samples)


@pytest.mark.parametrize("steps", [0, -1, 1.5, True])
def test_impulse_response_refuses(steps: Any) -> None:
    with pytest.raises(DesignError, match="steps must be an integer of at least 1, got"):
        impulse_response(LMUSpec(3, 1.0, 0.01), steps)
