"""Units become layers that do the same: compared with the equations, step by step, for every kind of connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.networks.importers.assembly import Unit, assemble, identity
from lmu_hw.networks.model import Network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import ACTIVATIONS, Activation
from lmu_hw.reference.layers import DenseParameters, MemoryParameters

SPEC = LMUSpec(3, 8.0, 1.0)
OPTIONAL = ("input_bias", "hidden_encoder", "memory_encoder", "input_kernel", "hidden_kernel", "bias")


def drawn(rng: np.random.Generator, channels: int, inputs: int, hidden: int) -> Unit:
    """A unit with every array."""
    shapes = CellParameters.shapes(SPEC.order, inputs, channels, hidden) | {"input_bias": (channels,)}
    return Unit(SPEC, **{name: rng.uniform(-0.4, 0.4, shape) for name, shape in shapes.items()})


def simulated(unit: Unit, x: np.ndarray) -> np.ndarray:
    """h after each step, by the module's equations."""
    system = discretize(unit.spec)
    kernel = unit.memory_kernel
    channels = unit.input_encoder.shape[0]
    states = channels * unit.spec.order
    m, h = np.zeros((len(x), states)), np.zeros((len(x), 0 if kernel is None else len(kernel)))
    if kernel is None:
        h = np.zeros((len(x), states + x.shape[2] * unit.passes_input))

    def product(matrix: np.ndarray | None, vector: np.ndarray) -> Any:
        return 0.0 if matrix is None else vector @ matrix.T

    answers = []
    for now in x.swapaxes(0, 1):
        bias = 0.0 if unit.input_bias is None else unit.input_bias
        u = ACTIVATIONS[unit.encoder_activation](product(unit.input_encoder, now) + bias)
        u = u + product(unit.hidden_encoder, h) + product(unit.memory_encoder, m)
        z = m.reshape(len(x), channels, -1) @ system.transition.T + u[..., None] * system.input
        m = z.reshape(len(x), states)
        if kernel is None:
            h = np.hstack([m, now]) if unit.passes_input else m
        else:
            a = product(unit.input_kernel, now) + product(unit.hidden_kernel, h) + product(kernel, m)
            h = ACTIVATIONS[unit.activation](a + (0.0 if unit.bias is None else unit.bias))
        answers.append(h)
    return np.stack(answers, axis=1)


@settings(max_examples=60)
@given(
    st.sets(st.sampled_from(OPTIONAL)),
    st.sampled_from(list(Activation)),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(0, 1 << 30),
)
def test_any_subset_of_the_connections(
    left_out: set[str], activation: Activation, channels: int, inputs: int, hidden: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    unit = replace(drawn(rng, channels, inputs, hidden), activation=activation, **dict.fromkeys(left_out))
    layers = assemble("x", unit)
    fed_back = {"hidden_encoder", "memory_encoder", "hidden_kernel"} - left_out
    assert isinstance(layers[-1], CellParameters if fed_back else MemoryParameters)
    assert len(layers) == 1 + bool(fed_back and "input_bias" not in left_out)
    x = rng.uniform(-1, 1, (2, 6, inputs))
    np.testing.assert_allclose(FloatNetwork(Network(layers)).run(x), simulated(unit, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("passes_input", [False, True])
@pytest.mark.parametrize("fed_back", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_without_a_hidden_part(passes_input: bool, fed_back: bool, biased: bool, rng: np.random.Generator) -> None:
    whole = drawn(rng, 2, 3, 1)
    unit = Unit(
        SPEC,
        whole.input_encoder,
        whole.input_bias if biased else None,
        memory_encoder=whole.memory_encoder if fed_back else None,
        passes_input=passes_input,
    )
    x = rng.uniform(-1, 1, (2, 6, 3))
    layers = assemble("x", unit)
    np.testing.assert_allclose(FloatNetwork(Network(layers)).run(x), simulated(unit, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("sees_input", [False, True])
@pytest.mark.parametrize("activation", Activation)
def test_an_encoder_with_an_activation(activation: Activation, sees_input: bool, rng: np.random.Generator) -> None:
    whole = drawn(rng, 2, 3, 4)
    unit = replace(
        whole,
        encoder_activation=activation,
        hidden_encoder=None,
        memory_encoder=np.zeros((2, 6)),  # no connection either
        hidden_kernel=None,
        input_kernel=whole.input_kernel if sees_input else None,
        activation=Activation.RELU,
    )
    x = rng.uniform(-1, 1, (2, 6, 3))
    if sees_input and activation in (Activation.TANH, Activation.SIGMOID):
        with pytest.raises(DesignError, match="activation of the encoder of x must be relu or identity beside"):
            assemble("x", unit)
        return
    layers = assemble("x", unit)
    assert [type(layer) for layer in layers[:-1]] == [DenseParameters] * (activation is not Activation.IDENTITY)
    np.testing.assert_allclose(FloatNetwork(Network(layers)).run(x), simulated(unit, x), rtol=0, atol=1e-12)


def test_what_has_no_exact_form_or_the_wrong_shape_is_refused(rng: np.random.Generator) -> None:
    unit = drawn(rng, 2, 3, 4)
    with pytest.raises(DesignError, match="activation of the encoder of x must be identity where something is fed"):
        assemble("x", replace(unit, encoder_activation=Activation.RELU))
    with pytest.raises(DesignError, match=r"memory_kernel of x must be of shape \(4, 6\), got \(4, 7\)"):
        assemble("x", replace(unit, memory_kernel=np.ones((4, 7))))
    with pytest.raises(DesignError, match=r"input_encoder of x must be of shape \(channels, inputs\), none of them 0"):
        assemble("x", replace(unit, input_encoder=np.ones(3)))
    with pytest.raises(DesignError, match="memory_kernel of x must be given where there is a hidden part, got None"):
        assemble("x", replace(unit, memory_kernel=None))
    with pytest.raises(DesignError, match="bias of x must be finite in every entry"):
        assemble("x", replace(unit, bias=np.full(4, np.nan)))


def test_sizes_are_bounded_before_anything_is_made() -> None:
    with pytest.raises(DesignError, match="size must be at most 33554432 numbers, got 100000000"):
        identity(10_000)
    with pytest.raises(DesignError, match=r"shape of identity must be at most 65536 in every dimension, got"):
        identity(100_000)
    tall = Unit(SPEC, np.ones((1, 1)), memory_kernel=np.ones((60_000, 3)), hidden_kernel=np.ones((1, 1)))
    with pytest.raises(DesignError, match="size of x must be at most 33554432 numbers, got 3600"):
        assemble("x", tall)
