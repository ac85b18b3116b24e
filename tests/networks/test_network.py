"""Networks: layers that fit each other, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import MAX_LAYERS, Network, Output, arrays
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from tests.networks.networks import every_kind


def dense(inputs: int, outputs: int) -> DenseParameters:
    return DenseParameters(np.ones((outputs, inputs)), np.ones(outputs))


def memory(dt: float = 0.02) -> MemoryParameters:
    return MemoryParameters(LMUSpec(4, 1.0, dt, Discretization.EULER), np.ones((1, 1)), np.zeros(1))


def test_sizes_names_step_and_parameters(rng: np.random.Generator) -> None:
    network = every_kind(rng)
    assert (network.inputs, network.outputs, network.dt) == (2, 3, 0.02)
    assert [network.name(k) for k in range(3)] == ["layer 0 (lmu)", "layer 1 (memory)", "layer 2 (lstm)"]
    assert network.parameters == sum(a.size for layer in network.layers for a in arrays(layer).values())
    assert Network((dense(2, 3),)).dt is None


def test_arrays_of_zeros_are_no_parameters() -> None:
    shapes = CellParameters.shapes(4, 1, 1, 3)
    values: dict[str, Any] = {name: np.ones(shape) for name, shape in shapes.items()}
    values["memory_encoder"] = np.zeros(shapes["memory_encoder"])
    cell = CellParameters(LMUSpec(4, 1.0, 0.02), **values)
    assert Network((cell,)).parameters == cell.count - 4


def test_scales_are_spread_over_the_inputs() -> None:
    network = Network((dense(3, 1),), input_offset=np.float64(0.5), input_scale=np.float64(2.0))
    np.testing.assert_array_equal(network.input_offset, np.full(3, 0.5))
    np.testing.assert_array_equal(network.input_scale, np.full(3, 2.0))


def test_another_step_keeps_the_window() -> None:
    network = Network((memory(), dense(4, 1))).at_step(0.01)
    assert network.dt == 0.01
    layer = network.layers[0]
    assert isinstance(layer, MemoryParameters)
    assert (layer.spec.theta, layer.spec.order) == (1.0, 4)
    with pytest.raises(DesignError, match="theta/dt must be at least"):
        network.at_step(0.5)
    with pytest.raises(DesignError, match="dt must be a positive number of seconds"):
        network.at_step(-1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": ()}, f"layers must be from 1 to {MAX_LAYERS}, got 0"),
        ({"layers": (dense(1, 1),) * 65}, f"layers must be from 1 to {MAX_LAYERS}, got 65"),
        ({"layers": (None,)}, "layer 0 must be one of CellParameters, MemoryParameters, .*, got NoneType"),
        (
            {"layers": (dense(2, 3), dense(4, 1))},
            r"inputs of layer 1 \(dense\) must be the 3 outputs of layer 0 \(dense\), got 4",
        ),
        (
            {"layers": (memory(), dense(4, 1), memory(0.01))},
            r"dt of the memories must be the same in all layers, got \[0.01, 0.02\]",
        ),
        ({"output": "first"}, "output must be one of sequence, last, got first"),
        ({"input_scale": np.ones(2)}, r"input_scale must be one number, or of shape \(1,\), got \(2,\)"),
        ({"input_offset": np.array(np.nan)}, "input_offset must be finite in every entry"),
        ({"notes": {"seed": None}}, "note 'seed' must be a text or a finite number under a text, got None"),
        ({"notes": {"loss": np.inf}}, "note 'loss' must be a text or a finite number under a text, got inf"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        Network(**({"layers": (dense(1, 1),), "output": Output.LAST} | arguments))
