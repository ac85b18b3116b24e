"""Quantisation-aware training: forward the integers of the hardware, backward the float layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow, QFormat
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.model import Output
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.classifier import LinearReadout
from lmu_hw.reference.definition import drive, react
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.layers import DenseLayer, LinearMemoryLayer, LMULayer
from lmu_hw.training.model import Model
from lmu_hw.training.quantization import (
    LayerQuantization,
    codes_of,
    round_to,
    round_weights,
    straight_through,
)


@given(width=st.integers(2, 24), fraction=st.integers(-4, 24), seed=st.integers(0, 2**32 - 1))
def test_codes_are_those_of_the_format(width: int, fraction: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = QFormat(width, fraction)
    x = np.concatenate([rng.normal(size=12), rng.integers(-99, 99, 12) + 0.5]) * target.lsb * 2.0 ** (width - 2)
    x[:3] = (np.array([-0.5, 0.5, 1.5])) * target.lsb  # halves go upwards
    np.testing.assert_array_equal(codes_of(jnp.asarray(x), target), target.encode(x, overflow=Overflow.SATURATE))


def test_a_rounded_value_passes_the_gradient_on_within_its_range() -> None:
    target = QFormat(4, 3)
    x = jnp.asarray([-3.0, -0.99, 0.3, 0.86, 0.95])
    value, gradient = jax.value_and_grad(lambda x: jnp.sum(2.0 * round_to(x, target)))(x)
    assert float(value) == 2.0 * (-1.0 - 1.0 + 0.25 + 0.875 + 0.875)
    np.testing.assert_array_equal(gradient, [0.0, 2.0, 2.0, 2.0, 0.0])
    assert float(straight_through(jnp.float64(0.1), jnp.float64(7.0))) == 0.1


@pytest.mark.parametrize("bits", [2, 4, 8, 12])
@pytest.mark.parametrize("largest", [0.9, 0.999999, 1.0, 3.7, 1e-3])
def test_weights_are_rounded_as_a_readouts(bits: int, largest: float, rng: np.random.Generator) -> None:
    w = rng.uniform(-largest, largest, (3, 5))
    w[1, 2] = largest
    integer = LinearReadout(w, np.zeros(3)).quantize(QFormat(8, 7), bits)
    rounded, pull = jax.vjp(lambda w: round_weights(w, bits), jnp.asarray(w))
    np.testing.assert_array_equal(rounded, integer.weight_format.decode(integer.weights))
    np.testing.assert_array_equal(pull(jnp.asarray(w))[0], w)
    np.testing.assert_array_equal(round_weights(jnp.zeros(3), bits), np.zeros(3))


def small_plan(method: Discretization) -> MemoryPlan:
    return plan_memory(LMUSpec(4, 20.0, 1.0, method), input_bits=8, state_bits=10)


@pytest.mark.parametrize(
    ("method", "output"),
    [
        (Discretization.ZOH, Output.LAST),
        (Discretization.EULER, Output.SEQUENCE),
        (Discretization.AB2, Output.SEQUENCE),
        (Discretization.BILINEAR, Output.LAST),
    ],
)
def test_memories_without_feedback_are_the_integer_model(
    method: Discretization, output: Output, rng: np.random.Generator
) -> None:
    plan = small_plan(method)
    layer = LinearMemoryLayer(plan.spec, channels=2, quantization=LayerQuantization(memory=plan))
    model = Model(2, (layer,), output, dtype="float64")
    params = model.init(0)
    params[0]["input_encoder"] = jnp.eye(2)
    u = rng.uniform(-1.3, 1.3, (3, 40, 2))  # beyond the range too
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)
    memory = IntegerMemory(plan)
    words = np.stack([memory.decode(memory.run(codes[:, :, c])) for c in range(2)], axis=2).reshape(3, 40, -1)
    expected = words if output is Output.SEQUENCE else words[:, -1]
    np.testing.assert_array_equal(jax.jit(model.apply)(params, u), expected)


@pytest.mark.parametrize("output", Output)
def test_their_gradient_is_the_float_memorys_where_nothing_saturates(output: Output, rng: np.random.Generator) -> None:
    plan = small_plan(Discretization.BILINEAR)
    layer = LinearMemoryLayer(plan.spec, frozen=("input_encoder",), quantization=LayerQuantization(memory=plan))
    model = Model(1, (layer,), output, dtype="float64")
    params = model.init(0)
    params[0]["input_encoder"] = jnp.eye(1)
    u = rng.uniform(-1.3, 1.3, (3, 40, 1))
    pick = rng.uniform(-1, 1, (3, 40, 4) if output is Output.SEQUENCE else (3, 4))
    inside = np.clip(u, plan.input_format.low * plan.input_format.lsb, plan.input_format.high * plan.input_format.lsb)
    float_model = replace(model, layers=(replace(layer, quantization=LayerQuantization()),))
    slope = jax.jit(jax.grad(lambda x: jnp.sum(pick * model.apply(params, x))))(u)
    float_slope = jax.jit(jax.grad(lambda x: jnp.sum(pick * float_model.apply(params, x))))(inside)
    np.testing.assert_allclose(slope, np.where(inside == u, float_slope, 0.0), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("method", "feedback"), [(Discretization.EULER, True), (Discretization.AB2, False)])
def test_a_quantised_cell_is_the_integer_model_in_the_cells_equations(
    method: Discretization, feedback: bool, rng: np.random.Generator
) -> None:
    plan = plan_memory(LMUSpec(4, 20.0, 1.0, method), input_bits=8, state_bits=10, error_feedback=feedback)
    words = QFormat(7, 6)
    layer = LMULayer(plan.spec, 3, channels=2, quantization=LayerQuantization(6, plan, words))
    model = Model(1, (layer,), dtype="float64")
    params = model.init(2)
    x = rng.uniform(-1, 1, (2, 25, 1))

    cell = model.network([layer.quantization.weights(params[0])]).layers[0]
    assert isinstance(cell, CellParameters)
    memory = IntegerMemory(plan)
    state = memory.zero_state(4)
    m, h = np.zeros((2, 2, 4)), np.zeros((2, 3))
    expected = []
    for k in range(25):
        u = drive(cell.weights, x[:, k], h, m)
        memory.step(state, plan.input_format.encode(u, overflow=Overflow.SATURATE).reshape(-1))
        m = memory.decode(state.output.T).reshape(2, 2, 4)
        h = words.decode(words.encode(react(cell.weights, cell.activation, x[:, k], h, m), overflow=Overflow.SATURATE))
        expected.append(h)
    np.testing.assert_array_equal(jax.jit(model.apply)(params, x), np.stack(expected, axis=1))


def test_fine_words_give_the_gradient_of_the_float_cell(rng: np.random.Generator) -> None:
    plan = plan_memory(LMUSpec(4, 20.0, 1.0), input_bits=24, state_bits=30)
    layer = LMULayer(plan.spec, 3, quantization=LayerQuantization(24, plan, QFormat(24, 23)))
    readout = DenseLayer(1, quantization=LayerQuantization(24))
    model = Model(1, (layer, readout), Output.LAST, dtype="float64")
    plain = Model(1, (LMULayer(plan.spec, 3), DenseLayer(1)), Output.LAST, dtype="float64")
    params = model.init(1)
    x = 0.3 * rng.uniform(-1, 1, (2, 20, 1))
    gradients = [jax.jit(jax.grad(lambda p, m=m: jnp.sum(m.apply(p, x))))(params) for m in (model, plain)]
    for mine, theirs in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_what_is_refused() -> None:
    plan = small_plan(Discretization.EULER)
    with pytest.raises(DesignError, match="weight_bits must be an integer from 2 to 32, got 1"):
        LayerQuantization(weight_bits=1)
    with pytest.raises(DesignError, match=r"plan must be of the layer's memory \(order 5, .*\), got order 4"):
        LMULayer(LMUSpec(5, 30.0, 1.0), 2, quantization=LayerQuantization(memory=plan))
    with pytest.raises(DesignError, match="learn_theta must be off where the memory is quantised"):
        LMULayer(plan.spec, 2, learn_theta=True, quantization=LayerQuantization(memory=plan))
    with pytest.raises(DesignError, match="quantization of a dense layer must be without a memory, got a plan"):
        DenseLayer(2, quantization=LayerQuantization(memory=plan))
