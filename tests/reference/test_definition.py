"""One definition, two libraries: the cells in NumPy and in JAX, and the LSTM against its equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.core.system import discretize
from lmu_hw.reference.cell import Activation, CellParameters
from lmu_hw.reference.definition import CellWeights, LSTMWeights, cell_step, lstm_step


@settings(max_examples=40)
@given(
    sizes=st.sampled_from([(1, 1, 1, 1), (6, 2, 3, 4)]),  # few: JAX compiles every shape anew
    method=st.sampled_from(list(Discretization)),
    basis=st.sampled_from(Basis),
    activation=st.sampled_from(Activation),
    seed=st.integers(0, 2**32 - 1),
)
def test_numpy_and_jax_agree_to_1e_12_over_random_cells(
    sizes: tuple[int, int, int, int],
    method: Discretization,
    basis: Basis,
    activation: Activation,
    seed: int,
) -> None:
    from lmu_hw.training.backend import jnp

    rng = np.random.default_rng(seed)
    order, inputs, channels, hidden = sizes
    spec = LMUSpec(order, 1.0, 1.0 / 64.0, method, basis)
    shapes = CellParameters.shapes(order, inputs, channels, hidden)
    weights = CellWeights(**{name: rng.uniform(-1, 1, shape) / shape[-1] for name, shape in shapes.items()})
    system = discretize(spec)
    in_jax = CellWeights(*map(jnp.asarray, weights))
    z = np.zeros((2, channels, system.input.size))
    h = np.zeros((2, hidden))
    state = (jnp.asarray(z), jnp.asarray(h))
    for x in rng.uniform(-1, 1, (4, 2, inputs)):
        z, h, u, m = cell_step(weights, system, activation, z, h, x)
        *state, u_jax, m_jax = cell_step(in_jax, system, activation, *state, jnp.asarray(x))
        assert state[1].dtype == np.float64
        for mine, theirs in ((z, state[0]), (h, state[1]), (u, u_jax), (m, m_jax)):
            np.testing.assert_allclose(theirs, mine, rtol=1e-12, atol=1e-12)


def test_lstm_step_is_its_equations_number_by_number(rng: np.random.Generator) -> None:
    hidden, inputs = 3, 2
    weights = LSTMWeights(rng.normal(size=(12, inputs)), rng.normal(size=(12, hidden)), rng.normal(size=12))
    c, h, x = rng.normal(size=(1, hidden)), rng.normal(size=(1, hidden)), rng.normal(size=(1, inputs))
    c_next, h_next = lstm_step(weights, c, h, x)

    def gate(k: int, i: int) -> float:
        row = k * hidden + i
        return math.fsum(
            [float(weights.input_kernel[row, j] * x[0, j]) for j in range(inputs)]
            + [float(weights.hidden_kernel[row, j] * h[0, j]) for j in range(hidden)]
            + [float(weights.bias[row])]
        )

    def logistic(a: float) -> float:
        return 1.0 / (1.0 + math.exp(-a))

    for i in range(hidden):
        expected = logistic(gate(1, i)) * float(c[0, i]) + logistic(gate(0, i)) * math.tanh(gate(2, i))
        assert c_next[0, i] == pytest.approx(expected, rel=1e-13)
        assert h_next[0, i] == pytest.approx(logistic(gate(3, i)) * math.tanh(expected), rel=1e-13)
