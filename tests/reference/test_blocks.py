"""Memories for many steps at once against the same memories step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import discretize
from lmu_hw.reference.memory import all_states, block_length, final_state


@settings(max_examples=60)
@given(
    order=st.integers(1, 8),
    method=st.sampled_from(list(Discretization)),
    basis=st.sampled_from(Basis),
    steps=st.integers(1, 200),
    clear=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_blocks_equal_steps(
    order: int, method: Discretization, basis: Basis, steps: int, clear: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    spec = LMUSpec(order, 1.0, 1.0 / 60.0, method, basis)
    system = discretize(spec)
    u = rng.uniform(-1, 1, (2, 3, steps))
    z = np.zeros((2, 3, system.input.size)) if clear else rng.uniform(-1, 1, (2, 3, system.input.size))
    states, one = [], z
    for k in range(steps):
        one = one @ system.transition.T + u[..., k, None] * system.input
        states.append(one)
    stepped = np.stack(states, axis=2)
    np.testing.assert_allclose(all_states(spec, u, z), stepped, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(final_state(spec, u, z), stepped[:, :, -1], rtol=1e-10, atol=1e-10)


def test_the_last_state_of_a_long_sequence_is_computed_in_parts(rng: np.random.Generator) -> None:
    spec = LMUSpec(5, 700.0, 1.0, Discretization.BILINEAR)
    u = rng.uniform(-1, 1, (2, 2500))
    z = rng.uniform(-1, 1, (2, 5))
    np.testing.assert_allclose(final_state(spec, u, z), all_states(spec, u, z)[:, -1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("internal", "steps", "length"), [(4, 1000, 64), (4, 10, 10), (468, 784, 9), (4096, 784, 1)])
def test_blocks_fit_into_the_cache(internal: int, steps: int, length: int) -> None:
    assert block_length(internal, steps) == length
