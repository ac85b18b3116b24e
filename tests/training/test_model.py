"""Models: the golden network's values in both directions, gradients against differences, initial values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Output
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.definition import CellWeights
from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.layers import DenseLayer, LinearMemoryLayer, LMULayer, LSTMLayer
from lmu_hw.training.model import Model, ModelParameters
from tests.networks.networks import every_kind

STEPS = 70  # more than a block of a memory


def stack(method: Discretization, *, learn: bool, output: Output) -> Model:
    spec = LMUSpec(5, 30.0, 1.0, method)
    layers = (
        LMULayer(spec, 4, channels=2, learn_theta=learn),
        LinearMemoryLayer(spec, 3, channels=2, learn_theta=learn),
        LSTMLayer(3),
        LinearMemoryLayer(spec, learn_theta=learn),
        DenseLayer(2),
    )
    return Model(2, layers, output, 0.1, (2.0, 0.5), "float64")


@pytest.mark.parametrize(
    ("method", "learn", "output"),
    [
        (Discretization.ZOH, True, Output.LAST),  # the others follow with their gradients, or in single precision
        (Discretization.EULER, False, Output.SEQUENCE),
    ],
)
def test_a_stack_gives_the_golden_networks_outputs(
    method: Discretization, learn: bool, output: Output, rng: np.random.Generator
) -> None:
    model = stack(method, learn=learn, output=output)
    params = model.init(3)
    x = rng.uniform(-1, 1, (3, STEPS, 2))
    expected = FloatNetwork(model.network(params)).run(x)
    np.testing.assert_allclose(jax.jit(model.apply)(params, x), expected, rtol=1e-10, atol=1e-11)


def test_a_network_becomes_a_model_and_comes_back(rng: np.random.Generator) -> None:
    network = every_kind(rng)
    model, params = Model.of(network, dtype="float64", learn_theta=True)
    x = rng.uniform(-1, 1, (2, 9, 2))
    np.testing.assert_allclose(jax.jit(model.apply)(params, x), FloatNetwork(network).run(x), rtol=1e-11, atol=1e-12)
    assert model.count(params) == network.parameters + 3  # three windows
    back = model.network(params, network.notes)
    np.testing.assert_allclose(FloatNetwork(back).run(x), FloatNetwork(network).run(x), rtol=1e-12, atol=1e-13)
    assert dict(back.notes) == dict(network.notes)


def test_single_precision_is_close_and_stays_single(rng: np.random.Generator) -> None:
    model = replace(stack(Discretization.BILINEAR, learn=False, output=Output.LAST), dtype="float32")
    params = model.init(3)
    x = rng.uniform(-1, 1, (3, STEPS, 2))
    y = jax.jit(model.apply)(params, x)
    assert y.dtype == np.float32
    assert {a.dtype for p in params for a in p.values()} == {np.dtype("float32")}
    np.testing.assert_allclose(y, FloatNetwork(model.network(params)).run(x), rtol=1e-3, atol=1e-5)


def loss_by_golden(model: Model, params: ModelParameters, x: Array, weights: Array) -> float:
    return float(np.sum(weights * FloatNetwork(model.network(params)).run(x)))


def check_gradients(model: Model, params: ModelParameters, rng: np.random.Generator) -> int:
    """A sum of outputs, and one entry of every array's gradient against the central difference of that sum.

    Both sums are the golden network's. Returns how many θ there were.
    """
    x = rng.uniform(-1, 1, (2, STEPS, model.inputs))
    weights = rng.uniform(-1, 1, FloatNetwork(model.network(params)).run(x).shape)
    value, gradient = jax.jit(jax.value_and_grad(lambda p: jnp.sum(weights * model.apply(p, x))))(params)
    assert float(value) == pytest.approx(loss_by_golden(model, params, x, weights), rel=1e-10)
    small = 1e-5
    for k, layer in enumerate(params):
        for name, array in layer.items():
            index = tuple(int(rng.integers(n)) for n in array.shape)
            moved = []
            for sign in (1.0, -1.0):
                values = np.array(array)
                values[index] += sign * small
                changed = [*params[:k], layer | {name: values}, *params[k + 1 :]]
                moved.append(loss_by_golden(model, changed, x, weights))
            difference = (moved[0] - moved[1]) / (2 * small)
            assert float(gradient[k][name][index]) == pytest.approx(difference, rel=1e-5, abs=1e-7), (k, name)
    return sum("log_ratio" in layer for layer in params)


def test_gradients_of_every_layer_are_differences_of_the_golden_network(rng: np.random.Generator) -> None:
    model = stack(Discretization.AB2, learn=True, output=Output.SEQUENCE)
    params = model.init(5)
    params[0]["memory_encoder"] = jnp.asarray(0.01 * rng.uniform(-1, 1, (2, 10)))
    assert check_gradients(model, params, rng) == 3


@pytest.mark.parametrize(
    ("method", "output"),
    [
        (Discretization.ZOH, Output.LAST),
        (Discretization.EULER, Output.SEQUENCE),
        (Discretization.AB2, Output.LAST),
        (Discretization.BILINEAR, Output.SEQUENCE),
    ],
)
def test_the_gradient_of_theta_is_the_difference_under_every_rule(
    method: Discretization, output: Output, rng: np.random.Generator
) -> None:
    layer = LinearMemoryLayer(LMUSpec(5, 30.0, 1.0, method), learn_theta=True)
    model = Model(1, (layer,), output, dtype="float64")
    assert check_gradients(model, model.init(1), rng) == 1


def test_frozen_arrays_have_no_gradient_and_absent_ones_do_not_exist(rng: np.random.Generator) -> None:
    layer = LMULayer(LMUSpec(4, 20.0, 1.0), 3, without=("memory_encoder", "bias"), frozen=("input_encoder",))
    model = Model(1, (layer, DenseLayer(1)), Output.LAST, dtype="float64")
    params = model.init(0)
    assert set(params[0]) == set(CellWeights._fields) - {"memory_encoder", "bias"}
    x = rng.uniform(-1, 1, (2, 12, 1))
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(model.apply(p, x))))(params)
    assert not np.any(gradient[0]["input_encoder"])
    assert all(np.any(a) for n, a in gradient[0].items() if n != "input_encoder")
    assert model.count(params) == 3 + 3 + 9 + 12 + 4  # hidden encoder, three kernels, readout
    assert model.network(params).parameters == model.count(params)  # the input encoder joins, a zero bias leaves


def test_theta_is_kept_where_its_step_is_stable() -> None:
    spec = LMUSpec(6, 30.0, 1.0, Discretization.EULER)
    model = Model(1, (LMULayer(spec, 2, learn_theta=True),), dtype="float64")
    params = model.init(0)
    assert float(params[0]["log_ratio"]) == np.log(30.0)
    assert model.project(params)[0]["log_ratio"] == params[0]["log_ratio"]
    params[0]["log_ratio"] = jnp.log(3.0)
    ratio = float(np.exp(model.project(params)[0]["log_ratio"]))
    assert ratio == pytest.approx(1.001 * least_theta_over_dt(6, Discretization.EULER))
    model.network(model.project(params))  # whose specification accepts the step


def test_initial_values_follow_from_the_seed() -> None:
    model = Model(2, (LinearMemoryLayer(LMUSpec(3, 20.0, 1.0), 2), LSTMLayer(2)))
    params = model.init(7)
    for same in (model.init(7), model.init(jax.random.key(7))):
        assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(same), strict=True))
    for mine, other in zip(params, model.init(8), strict=True):
        assert all(not np.array_equal(a, other[name]) for name, a in mine.items() if "bias" not in name)
    np.testing.assert_array_equal(params[1]["bias"], np.repeat([0.0, 1.0, 0.0, 0.0], 2))


def test_initial_values_have_the_papers_variances() -> None:
    model = Model(4, (LMULayer(LMUSpec(64, 200.0, 1.0), 100, channels=4),))
    cell = {name: np.asarray(a, np.float64) for name, a in model.init(7)[0].items()}
    assert not cell["memory_encoder"].any()
    assert not cell["bias"].any()
    assert np.abs(cell["hidden_encoder"]).max() <= np.sqrt(3.0 / 100)
    assert cell["hidden_encoder"].std() == pytest.approx(0.1, rel=0.15)
    assert np.abs(cell["input_encoder"]).max() <= np.sqrt(3.0 / 4)
    assert cell["memory_kernel"].std() == pytest.approx(np.sqrt(2.0 / 356), rel=0.05)
    assert cell["hidden_kernel"].std() == pytest.approx(0.1, rel=0.05)


def test_a_model_without_states_takes_the_last_step(rng: np.random.Generator) -> None:
    model = Model(2, (DenseLayer(3),), Output.LAST, dtype="float64")
    params, x = model.init(0), rng.uniform(-1, 1, (4, 5, 2))
    np.testing.assert_allclose(model.apply(params, x), x[:, -1] @ params[0]["kernel"].T, rtol=1e-14)


def test_parameters_of_another_type_are_taken_as_the_models(rng: np.random.Generator) -> None:
    model = Model(1, (DenseLayer(1),))
    doubles = [{"kernel": np.ones((1, 1)), "bias": np.zeros(1)}]
    assert model.apply(doubles, np.ones((1, 1, 1))).dtype == np.float32


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Model(0, (DenseLayer(1),)), "inputs must be an integer of at least 1, got 0"),
        (lambda: Model(1, ()), "layers must be at least one, got none"),
        (lambda: Model(1, (DenseLayer(1),), "first"), "output must be one of sequence, last, got first"),
        (lambda: Model(1, (DenseLayer(1),), dtype="float16"), "dtype must be float32 or float64, got float16"),
        (lambda: LMULayer(LMUSpec(4, 20.0, 1.0), 0), "hidden must be an integer of at least 1, got 0"),
        (
            lambda: LMULayer(LMUSpec(4, 20.0, 1.0), 2, without=("memory_kernel",)),
            "without must be some of hidden_encoder, .*, got memory_kernel",
        ),
        (
            lambda: LinearMemoryLayer(LMUSpec(4, 20.0, 1.0), frozen=("memory_kernel",)),
            "frozen must be some of input_encoder, input_bias, got memory_kernel",
        ),
        (lambda: DenseLayer(2, "gelu"), "activation must be one of tanh, .*, got gelu"),
    ],
)
def test_what_is_refused(build: Any, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        build()
