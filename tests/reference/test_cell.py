"""The LMU cell against its equations, written out as loops over Python numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmu_hw.core.legendre import readout
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.reference.cell import ACTIVATIONS, Activation, CellParameters, LMUCell
from lmu_hw.reference.memory import FloatMemory

Array = NDArray[np.float64]

SCALARS: dict[Activation, Callable[[float], float]] = {
    Activation.TANH: math.tanh,
    Activation.SIGMOID: lambda a: 1.0 / (1.0 + math.exp(-a)),
    Activation.RELU: lambda a: a if a > 0.0 else 0.0,
    Activation.IDENTITY: lambda a: a,
}


def random_cell(
    rng: np.random.Generator,
    spec: LMUSpec,
    *,
    inputs: int = 2,
    hidden: int = 3,
    channels: int = 1,
    activation: Activation = Activation.TANH,
) -> CellParameters:
    """Weights so small that no feedback diverges."""
    states = channels * spec.order

    def draw(*shape: int) -> Array:
        return rng.uniform(-1, 1, shape) / (2.0 * shape[-1])

    return CellParameters(
        spec,
        input_encoder=draw(channels, inputs),
        hidden_encoder=draw(channels, hidden),
        memory_encoder=0.1 * draw(channels, states),
        input_kernel=draw(hidden, inputs),
        hidden_kernel=draw(hidden, hidden),
        memory_kernel=draw(hidden, states),
        bias=draw(hidden),
        activation=activation,
    )


def euler_by_hand(p: CellParameters, sequence: list[list[float]]) -> tuple[Any, Any, Any]:
    """The paper's equations with the paper's Euler step (its eq. 5), one number at a time."""
    d, h = p.spec.order, p.spec.dt / p.spec.theta

    def a(i: int, j: int) -> float:
        return (2 * i + 1) * (-1.0 if i < j else (-1.0) ** (i - j + 1))

    def dot(row: Any, column: list[float]) -> float:
        return math.fsum(float(w) * v for w, v in zip(row, column, strict=True))

    memory = [[0.0] * d for _ in range(p.channels)]
    hidden = [0.0] * p.hidden
    drives, memories, hiddens = [], [], []
    for x in sequence:
        flat = [m for channel in memory for m in channel]
        drive = [
            dot(p.input_encoder[c], x) + dot(p.hidden_encoder[c], hidden) + dot(p.memory_encoder[c], flat)
            for c in range(p.channels)
        ]
        memory = [
            [m[i] + h * (sum(a(i, j) * m[j] for j in range(d)) + (2 * i + 1) * (-1.0) ** i * u) for i in range(d)]
            for m, u in zip(memory, drive, strict=True)
        ]
        flat = [m for channel in memory for m in channel]
        hidden = [
            SCALARS[p.activation](
                dot(p.input_kernel[k], x)
                + dot(p.hidden_kernel[k], hidden)
                + dot(p.memory_kernel[k], flat)
                + float(p.bias[k])
            )
            for k in range(p.hidden)
        ]
        drives.append(drive)
        memories.append(memory)
        hiddens.append(hidden)
    return drives, memories, hiddens


@given(
    order=st.integers(1, 5),
    inputs=st.integers(1, 3),
    hidden=st.integers(1, 4),
    channels=st.integers(1, 3),
    activation=st.sampled_from(Activation),
    seed=st.integers(0, 2**32 - 1),
)
def test_trace_is_the_equations_number_by_number(
    order: int, inputs: int, hidden: int, channels: int, activation: Activation, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    spec = LMUSpec(order, 1.0, 1.0 / 16.0, Discretization.EULER)
    cell = LMUCell(random_cell(rng, spec, inputs=inputs, hidden=hidden, channels=channels, activation=activation))
    x = rng.uniform(-1, 1, (12, inputs))
    trace = cell.trace(x)
    drive, memory, h = euler_by_hand(cell.parameters, x.tolist())
    np.testing.assert_allclose(trace.drive, drive, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(trace.memory, memory, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(trace.hidden, h, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("method", Discretization)
@pytest.mark.parametrize("basis", Basis)
def test_the_memory_of_a_cell_is_the_float_memory_driven_by_u(
    method: Discretization, basis: Basis, rng: np.random.Generator
) -> None:
    spec = LMUSpec(5, 1.0, 0.02, method, basis)
    cell = LMUCell(random_cell(rng, spec, channels=2))
    trace = cell.trace(rng.uniform(-1, 1, (3, 40, 2)))
    memory = FloatMemory(spec).run(np.moveaxis(trace.drive, -1, -2))  # time last there
    np.testing.assert_allclose(trace.memory, np.moveaxis(memory, -2, -3), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", Discretization)
def test_steps_sequences_parts_and_batches_agree(method: Discretization, rng: np.random.Generator) -> None:
    parameters = random_cell(rng, LMUSpec(4, 1.0, 0.02, method), channels=2)
    x = rng.uniform(-1, 1, (3, 20, 2))
    whole = LMUCell(parameters).run(x)
    assert whole.shape == (3, 20, 3)
    np.testing.assert_array_equal(LMUCell(parameters).trace(x).hidden, whole)
    stepped = LMUCell(parameters)
    np.testing.assert_array_equal(np.stack([stepped.step(x[:, k]) for k in range(20)], axis=1), whole)
    parts = LMUCell(parameters)
    np.testing.assert_array_equal(np.concatenate([parts.run(x[:, :7]), parts.run(x[:, 7:])], axis=1), whole)
    for one, expected in zip(x, whole, strict=True):
        np.testing.assert_allclose(LMUCell(parameters).run(one), expected, rtol=1e-12, atol=1e-13)
    nested = LMUCell(parameters).run(x.reshape(3, 1, 20, 2))
    np.testing.assert_allclose(nested, whole.reshape(3, 1, 20, 3), rtol=1e-12, atol=1e-13)


def test_state_is_kept_put_back_and_forgotten(rng: np.random.Generator) -> None:
    cell = LMUCell(random_cell(rng, LMUSpec(4, 1.0, 0.02, Discretization.AB2)))
    x = rng.uniform(-1, 1, (10, 2))
    assert cell.state is None
    first = cell.run(x)
    kept = cell.state
    assert kept is not None
    second = cell.run(x)
    assert not np.array_equal(first, second)
    cell.state = kept
    np.testing.assert_array_equal(cell.run(x), second)
    cell.reset()
    assert cell.state is None
    np.testing.assert_array_equal(cell.run(x), first)


def test_a_cell_can_be_a_delay_line() -> None:
    """u = x, h = C(θ)·m: a linear cell without feedback gives back what went in one window ago."""
    spec = LMUSpec(12, 1.0, 0.005)
    cell = LMUCell(
        CellParameters(
            spec,
            input_encoder=np.eye(1),
            hidden_encoder=np.zeros((1, 1)),
            memory_encoder=np.zeros((1, 12)),
            input_kernel=np.zeros((1, 1)),
            hidden_kernel=np.zeros((1, 1)),
            memory_kernel=readout(12, [1.0]),
            bias=np.zeros(1),
            activation=Activation.IDENTITY,
        )
    )
    t = spec.dt * np.arange(800)
    x = np.sin(2 * np.pi * 0.8 * t) * (1 - np.exp(-t))
    late = cell.run(x[:, None])[:, 0]
    np.testing.assert_allclose(late[400:], x[400 - 200 : -200], atol=0.02)


def test_every_activation_is_the_function_of_its_name() -> None:
    points = np.array([-800.0, -3.0, -0.5, 0.0, 0.5, 3.0, 800.0])
    for activation, function in SCALARS.items():
        expected = [function(max(p, -700.0)) for p in points]  # math.exp overflows beyond; the value is 0
        if activation is Activation.IDENTITY:
            expected = points.tolist()
        np.testing.assert_allclose(ACTIVATIONS[activation](points), expected, rtol=1e-14, atol=1e-300)
    assert set(ACTIVATIONS) == set(Activation)


def test_parameters_are_frozen_copies_and_counted(rng: np.random.Generator) -> None:
    spec = LMUSpec(4, 1.0, 0.02)
    bias = np.ones(3)
    name: Any = "relu"
    parameters = CellParameters(
        spec,
        np.ones((2, 5)),
        np.zeros((2, 3)),
        np.zeros((2, 8)),
        np.zeros((3, 5)),
        np.zeros((3, 3)),
        np.zeros((3, 8)),
        bias,
        name,
    )
    assert (parameters.inputs, parameters.channels, parameters.hidden) == (5, 2, 3)
    assert parameters.activation is Activation.RELU
    assert parameters.count == 10 + 6 + 16 + 15 + 9 + 24 + 3
    bias[0] = 7.0
    assert parameters.bias[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        parameters.bias[0] = 7.0
    with pytest.raises(FrozenInstanceError):
        setattr(parameters, "bias", bias)  # noqa: B010, an assignment is what a type checker refuses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": np.zeros((3, 1))}, r"bias must be of shape \(hidden,\), none of them 0, got \(3, 1\)"),
        ({"bias": np.zeros(0)}, r"bias must be of shape \(hidden,\), none of them 0, got \(0,\)"),
        ({"input_encoder": np.zeros(2)}, r"input_encoder must be of shape \(channels, inputs\), .* \(2,\)"),
        ({"hidden_encoder": np.zeros((3, 1))}, r"hidden_encoder must be of shape \(1, 3\), got \(3, 1\)"),
        ({"memory_encoder": np.zeros((1, 3))}, r"memory_encoder must be of shape \(1, 4\), got \(1, 3\)"),
        ({"input_kernel": np.zeros((3, 3))}, r"input_kernel must be of shape \(3, 2\), got \(3, 3\)"),
        ({"hidden_kernel": np.zeros(3)}, r"hidden_kernel must be of shape \(3, 3\), got \(3,\)"),
        ({"memory_kernel": np.zeros((4, 3))}, r"memory_kernel must be of shape \(3, 4\), got \(4, 3\)"),
        ({"bias": [0.0, np.nan, 0.0]}, "bias must be finite in every entry, got NaN or infinity"),
        ({"bias": ["a", "b", "c"]}, "bias must be an array of real numbers, got list"),
        ({"bias": np.zeros(3, complex)}, "bias must be an array of real numbers, got ndarray"),
        ({"activation": "gelu"}, "activation must be one of tanh, sigmoid, relu, identity, got gelu"),
    ],
)
def test_parameters_refuse(change: dict[str, Any], message: str) -> None:
    arrays: dict[str, Any] = {
        "input_encoder": np.zeros((1, 2)),
        "hidden_encoder": np.zeros((1, 3)),
        "memory_encoder": np.zeros((1, 4)),
        "input_kernel": np.zeros((3, 2)),
        "hidden_kernel": np.zeros((3, 3)),
        "memory_kernel": np.zeros((3, 4)),
        "bias": np.zeros(3),
    }
    with pytest.raises(DesignError, match=message):
        CellParameters(LMUSpec(4, 1.0, 0.02), **(arrays | change))


def test_inputs_are_refused_by_shape_and_value(rng: np.random.Generator) -> None:
    cell = LMUCell(random_cell(rng, LMUSpec(4, 1.0, 0.02)))
    with pytest.raises(DesignError, match=r"input of the cell must be of shape \(…, T, 2\), got \(2,\)"):
        cell.run(np.zeros(2))
    with pytest.raises(DesignError, match=r"input of the cell must be of shape \(…, 2\), got \(3,\)"):
        cell.step(np.zeros(3))
    with pytest.raises(DesignError, match="input of the cell must be finite numbers, got NaN or infinity"):
        cell.run([[0.0, np.nan]])
    cell.step(np.zeros((2, 2)))
    with pytest.raises(DesignError, match=r"batch shape must be \(2,\) as before \(or reset first\), got \(\)"):
        cell.step(np.zeros(2))


def test_a_diverging_cell_is_refused_and_keeps_its_last_finite_state(rng: np.random.Generator) -> None:
    spec = LMUSpec(2, 1.0, 0.1)
    cell = LMUCell(
        CellParameters(
            spec,
            input_encoder=np.ones((1, 1)),
            hidden_encoder=np.full((1, 1), 1e200),
            memory_encoder=np.zeros((1, 2)),
            input_kernel=np.ones((1, 1)),
            hidden_kernel=np.zeros((1, 1)),
            memory_kernel=np.full((1, 2), 1e200),
            bias=np.zeros(1),
            activation=Activation.IDENTITY,
        )
    )
    message = r"the cell's state must be finite at every step \(its feedback diverges\), got step 1"
    with pytest.raises(DesignError, match=message):
        cell.run(np.ones((5, 1)))
    assert cell.state is not None
    assert np.all(np.isfinite(cell.state.memory))
    assert np.all(np.isfinite(cell.state.hidden))
