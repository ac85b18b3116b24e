"""Parameters of memory, LSTM and dense layers: what is accepted and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters

SPEC = LMUSpec(4, 1.0, 0.02)


def arrays(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    return {name: np.ones(shape) for name, shape in shapes.items()}


def test_sizes_follow_from_the_arrays() -> None:
    memory = MemoryParameters(SPEC, **arrays(MemoryParameters.shapes(4, 3, 2, 5)), activation=Activation.RELU)
    assert (memory.inputs, memory.channels, memory.hidden, memory.outputs) == (3, 2, 5, 5)
    bare = MemoryParameters(SPEC, **arrays(MemoryParameters.shapes(4, 3, 2, 0)))
    assert (bare.hidden, bare.outputs, bare.bias) == (0, 8, None)
    lstm = LSTMParameters(**arrays(LSTMParameters.shapes(3, 2)))
    assert (lstm.inputs, lstm.hidden, lstm.outputs) == (3, 2, 2)
    dense = DenseParameters(**arrays(DenseParameters.shapes(3, 2)))
    assert (dense.inputs, dense.outputs, dense.activation) == (3, 2, Activation.IDENTITY)
    with pytest.raises(ValueError, match="read-only"):
        dense.bias[0] = 7.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "dense part must be memory_kernel, input_kernel and bias, or none of them, got memory_"),
        ({"bias": np.zeros(0)}, r"bias must be of shape \(hidden,\), none of them 0, got \(0,\)"),
        ({"memory_kernel": np.zeros((5, 4))}, r"memory_kernel must be of shape \(5, 8\), got \(5, 4\)"),
        ({"input_bias": np.zeros(1)}, r"input_bias must be of shape \(2,\), got \(1,\)"),
        ({"input_encoder": np.zeros(2)}, r"input_encoder must be of shape \(channels, inputs\), none of them 0, got"),
        ({"input_bias": [0.0, np.inf]}, "input_bias must be finite in every entry, got NaN or infinity"),
        ({"activation": "gelu"}, "activation must be one of tanh, sigmoid, relu, identity, got gelu"),
    ],
)
def test_memory_parameters_refuse(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        MemoryParameters(SPEC, **(arrays(MemoryParameters.shapes(4, 3, 2, 5)) | change))


def test_a_nonlinearity_needs_a_dense_part() -> None:
    with pytest.raises(DesignError, match="activation must be identity without a dense part, got "):
        MemoryParameters(SPEC, **arrays(MemoryParameters.shapes(4, 1, 1, 0)), activation=Activation.TANH)


def test_lstm_and_dense_parameters_refuse() -> None:
    with pytest.raises(DesignError, match=r"hidden_kernel must be of shape \(8, 2\), got \(4, 2\)"):
        LSTMParameters(np.zeros((8, 3)), np.zeros((4, 2)), np.zeros(8))
    with pytest.raises(DesignError, match=r"input_kernel must be of shape \(4·hidden, inputs\), none of them 0, got"):
        LSTMParameters(np.zeros((8, 0)), np.zeros((8, 2)), np.zeros(8))
    with pytest.raises(DesignError, match=r"bias must be of shape \(2,\), got \(3,\)"):
        DenseParameters(np.zeros((2, 4)), np.zeros(3))
