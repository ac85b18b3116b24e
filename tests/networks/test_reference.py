"""Networks in float64 against their layers' equations, whole or in parts, and the state between."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.networks import reference as module
from lmu_hw.networks.model import Network, Output
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.cell import CellParameters, LMUCell
from lmu_hw.reference.definition import ACTIVATIONS, lstm_step
from lmu_hw.reference.layers import LSTMParameters, MemoryParameters
from lmu_hw.reference.memory import FloatMemory
from tests.networks.networks import draw, every_kind


def by_layers(network: Network, x: Array) -> Array:
    """All outputs, layer after layer, with the recurrent forms of memory and cell."""
    y = (x - network.input_offset) * network.input_scale
    for layer in network.layers:
        if isinstance(layer, CellParameters):
            y = LMUCell(layer).run(y)
        elif isinstance(layer, MemoryParameters):
            u = np.einsum("btx,cx->bct", y, layer.input_encoder) + layer.input_bias[:, None]
            m = np.moveaxis(FloatMemory(layer.spec).run(u), 1, 2).reshape(*y.shape[:2], -1)
            if layer.memory_kernel is None or layer.input_kernel is None or layer.bias is None:
                y = m
            else:
                a = m @ layer.memory_kernel.T + y @ layer.input_kernel.T + layer.bias
                y = ACTIVATIONS[layer.activation](a)
        elif isinstance(layer, LSTMParameters):
            c = h = np.zeros((len(y), layer.hidden))
            outputs = []
            for k in range(y.shape[1]):
                c, h = lstm_step(layer.weights, c, h, y[:, k])
                outputs.append(h)
            y = np.stack(outputs, axis=1)
        else:
            y = ACTIVATIONS[layer.activation](y @ layer.kernel.T + layer.bias)
    return y


@pytest.mark.parametrize("method", Discretization)
@pytest.mark.parametrize("piece", [1 << 22, 100, 1])
def test_every_kind_of_layer_in_any_pieces(
    method: Discretization, piece: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PIECE", piece)
    network = every_kind(rng, method=method)
    x = rng.uniform(-1, 1, (3, 40, 2))
    expected = by_layers(network, x)
    np.testing.assert_allclose(FloatNetwork(network).run(x), expected, rtol=1e-10, atol=1e-10)
    float_network = FloatNetwork(network)
    last = float_network.run(x, return_sequences=False)
    assert last.shape == (3, 3)
    np.testing.assert_allclose(last, expected[:, -1], rtol=1e-10, atol=1e-10)
    float_network.reset()
    np.testing.assert_array_equal(float_network.classify(x), np.argmax(expected[:, -1], axis=1))


def test_output_says_what_a_run_returns(rng: np.random.Generator) -> None:
    x = rng.uniform(-1, 1, (2, 9, 2))
    assert FloatNetwork(every_kind(rng, output=Output.SEQUENCE)).run(x).shape == (2, 9, 3)
    assert FloatNetwork(every_kind(rng, output=Output.LAST)).run(x).shape == (2, 3)


def test_a_network_keeps_its_window_at_another_step() -> None:
    """A delay of θ found at dt is the same delay at dt/2 and at 2·dt, without any new weights."""
    theta = 1.0
    ones = {"memory_kernel": np.ones((1, 8)), "input_kernel": np.zeros((1, 1)), "bias": np.zeros(1)}
    memory = MemoryParameters(LMUSpec(8, theta, 0.01), np.ones((1, 1)), np.zeros(1), **ones)
    for dt in (0.005, 0.01, 0.02):
        t = dt * np.arange(round(4 * theta / dt))
        x = np.sin(2 * np.pi * 0.6 * t) * (1.0 - np.exp(-3.0 * t))
        late = FloatNetwork(Network((memory,)).at_step(dt)).run(x[None, :, None])[0, :, 0]
        delay = round(theta / dt)
        np.testing.assert_allclose(late[2 * delay :], x[delay:-delay], atol=0.05)


def test_state_is_kept_given_and_cleared(rng: np.random.Generator) -> None:
    network = every_kind(rng, method=Discretization.AB2)
    x = rng.uniform(-1, 1, (2, 30, 2))
    whole = FloatNetwork(network).run(x)
    parts = FloatNetwork(network)
    parts.run(x[:, :13])
    kept = parts.state
    np.testing.assert_allclose(parts.run(x[:, 13:]), whole[:, 13:], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(parts.run(x[:, 13:], kept), whole[:, 13:], rtol=1e-11, atol=1e-12)
    parts.reset()
    assert parts.state is None
    np.testing.assert_array_equal(parts.run(x), whole)


def test_a_state_of_another_batch_is_an_error(rng: np.random.Generator) -> None:
    one = FloatNetwork(every_kind(rng))
    one.run(rng.uniform(-1, 1, (2, 5, 2)))
    message = r"batch of the state of layer 0 \(lmu\) \(memory\) must be 3, that of the input \(or reset first\), got 2"
    with pytest.raises(DesignError, match=message):
        one.run(rng.uniform(-1, 1, (3, 5, 2)))


def test_input_is_refused_by_shape_and_value(rng: np.random.Generator) -> None:
    one = FloatNetwork(every_kind(rng))
    with pytest.raises(
        DesignError, match=r"input of the network must be of shape \(batch, T, 2\), none of them 0, got"
    ):
        one.run(np.zeros((4, 2)))
    x = np.zeros((2, 5, 2))
    x[1, 3, 0] = np.nan
    with pytest.raises(DesignError, match=r"must be finite, got NaN or infinity \(sequence 1, step 3\)"):
        one.run(x)


def test_divergence_names_the_layer_and_the_step(rng: np.random.Generator) -> None:
    spec = LMUSpec(2, 1.0, 0.1)
    values = draw(rng, CellParameters.shapes(2, 1, 1, 1))
    values |= {"hidden_encoder": np.full((1, 1), 1e200), "memory_kernel": np.full((1, 2), 1e200)}
    cell = CellParameters(spec, **values, activation="identity")
    message = r"state of layer 0 \(lmu\) must be finite at every step \(its feedback diverges\), got step [12]"
    with pytest.raises(DesignError, match=message):
        FloatNetwork(Network((cell,))).run(np.ones((1, 6, 1)))
