"""Plans from calibration data: close to float where bits allow, formats that hold what they must, errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.networks.model import Network, Output
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.affine import RealNetwork, real_layers
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import Granularity, LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.planner import NetworkPlanner, plan_network
from lmu_hw.networks.quantize.report import format_report
from lmu_hw.networks.quantize.storage import layer_storage
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import LSTMParameters
from tests.networks.networks import RATIOS, draw_moderate, random_network

FINE = {"weight_bits": 20, "activation_bits": 16, "drive_bits": 22, "state_bits": 24}


def options(*, input_bits: int = 20, **layer: Any) -> NetworkOptions:
    return NetworkOptions(layer=LayerOptions(**layer), input_bits=input_bits, output_bits=32)


def smooth(rng: np.random.Generator, batch: int, steps: int, inputs: int) -> Array:
    return np.asarray(np.clip(np.cumsum(0.2 * rng.normal(size=(batch, steps, inputs)), axis=1), -1, 1))


def deviation(network: Network, x: Array, chosen: NetworkOptions) -> float:
    """RMS of integer less float outputs, over the RMS of the outputs."""
    plan = plan_network(network, x, chosen)
    model = IntegerNetwork(plan)
    wanted = FloatNetwork(network).run(x)
    found = model.decode(model.run(model.encode(x)))
    return float(np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2)))


@pytest.mark.parametrize("method", list(Discretization))
@pytest.mark.parametrize("kinds", [["lmu", "dense"], ["memory", "lmu"], ["states", "dense"], ["dense", "states"]])
def test_comes_close_to_float(method: Discretization, kinds: list[str], rng: np.random.Generator) -> None:
    network = random_network(rng, kinds, method=method, activations=list(Activation))
    assert deviation(network, smooth(rng, 6, 40, 2), options(**FINE)) < 2e-4


def test_real_network_is_the_float_network(rng: np.random.Generator) -> None:
    for output in Output:
        network = random_network(rng, ["lmu", "states", "memory", "dense"], output=output, method=Discretization.AB2)
        x = smooth(rng, 3, 12, 2)
        found = RealNetwork(real_layers(network), output).run(x)
        assert np.allclose(found, FloatNetwork(network).run(x), rtol=0, atol=1e-12)


def test_error_halves_with_each_bit(rng: np.random.Generator) -> None:
    """Weights that are the only rounding that counts, to nearest."""
    network = random_network(rng, ["memory", "dense"], activations=[Activation.TANH], inputs=3)
    x = smooth(rng, 8, 40, 3)
    bits = np.arange(4, 12)
    errors = [
        deviation(network, x, options(**(FINE | {"weight_bits": b, "compensated": False, "clipping": "largest"})))
        for b in bits.tolist()
    ]
    slope = np.polyfit(bits, np.log2(errors), 1)[0]
    assert -1.25 < slope < -0.75


def test_compensation_and_rows_pay(rng: np.random.Generator) -> None:
    network = load("mackey_glass_lmu")
    x = smooth(rng, 8, 100, 1) * 0.4
    each = {
        name: deviation(network, x, options(**({"weight_bits": 6} | chosen)))
        for name, chosen in {
            "both": {},
            "rows": {"compensated": False},
            "neither": {"compensated": False, "granularity": Granularity.TENSOR, "clipping": "largest"},
        }.items()
    }
    assert each["both"] < 0.6 * each["rows"]
    assert each["both"] < 0.6 * each["neither"]


def test_single_layers_take_options_of_their_own(rng: np.random.Generator) -> None:
    network = random_network(rng, ["lmu", "dense"], activations=[Activation.TANH, Activation.IDENTITY])
    x = smooth(rng, 3, 20, 2)
    chosen = NetworkOptions(layer=LayerOptions(weight_bits=9), layers={1: LayerOptions(weight_bits=4)})
    first, second = plan_network(network, x, chosen).layers
    assert first.affine is not None
    assert second.affine is not None
    assert first.affine.weight_bits == 9
    assert second.affine.weight_bits <= 4


def test_whole_inputs_stay_whole() -> None:
    network = load("digits_linear")
    pixels = np.arange(0, 17)[None, :, None] / 16.0
    assert plan_network(network, pixels).input_format == QFormat(6, 4)
    (drive, *_) = (layer.drive for layer in plan_network(network, pixels * 15 / 16).layers)
    assert drive is not None


def test_the_unit_of_a_drive_makes_its_weight_exact(rng: np.random.Generator) -> None:
    """A weight of 1/255 on whole numbers up to 255: with the unit 256/255, u is x/256, exactly."""
    network = replace(load("digits_linear"), input_scale=1.0 / 255.0)
    plan = plan_network(network, np.arange(256.0).reshape(4, 64, 1))
    layer = plan.layers[0]
    assert layer.drive is not None
    assert layer.gains.tolist() == [256.0 / 255.0]
    (segment,) = layer.drive.segments
    assert segment.weights[0, 0] * 2.0 ** -int(segment.fractions[0]) == 2.0**-8
    assert layer.drive.bias.tolist() == [0]


def test_outputs_never_saturate(rng: np.random.Generator) -> None:
    """Not even where every word that the last map sees is the worst one."""
    network = random_network(rng, ["memory", "dense"], activations=[Activation.TANH, Activation.IDENTITY])
    for bits in (8, 16, 32):
        plan = plan_network(network, smooth(rng, 2, 10, 2), NetworkOptions(output_bits=bits))
        last = plan.layers[-1].affine
        assert last is not None
        assert last.target.width <= bits
        for sign in (1, -1):
            assert np.array_equal(
                last.requantise(sign * last.largest_sums),
                (sign * last.largest_sums + (1 << (last.accumulator.fraction - last.target.fraction) >> 1))
                >> (last.accumulator.fraction - last.target.fraction),
            )


def test_report_of_every_tensor(rng: np.random.Generator) -> None:
    network = random_network(rng, ["lmu", "memory", "dense"], activations=[Activation.TANH])
    planner = NetworkPlanner(network, smooth(rng, 6, 30, 2))
    coarse = LayerOptions(weight_bits=4, activation_bits=12, compensated=False)
    plan = planner.plan(NetworkOptions(layers={1: coarse}, layer=LayerOptions(**FINE), input_bits=20))
    report = format_report(planner, plan)
    segments = [s for layer in plan.layers for m in (layer.drive, layer.affine) if m is not None for s in m.segments]
    assert len(report) == len(segments) + 2 + 3 + 2
    weights = {entry.layer: 0.0 for entry in report}
    for entry in report:
        assert 0.0 <= entry.clipped <= 1.0
        assert entry.low <= entry.high
        if "weights" in entry.tensor:
            weights[entry.layer] = max(weights[entry.layer], entry.output_error)
    assert weights["layer 1 (memory)"] > 50 * weights["layer 0 (lmu)"]
    everything = report[-1]
    assert 0.3 * weights["layer 1 (memory)"] < everything.output_error < 4 * weights["layer 1 (memory)"]


def test_storage_and_its_budget(rng: np.random.Generator) -> None:
    network = random_network(rng, ["lmu", "dense"], activations=[Activation.TANH, Activation.IDENTITY])
    x = smooth(rng, 2, 10, 2)
    plan = plan_network(network, x)
    each = [layer_storage(layer) for layer in plan.layers]
    need = sum(storage.total for storage in each)
    assert plan_network(network, x, NetworkOptions(memory_bits=need)).outputs == plan.outputs
    wanted = rf"memory_bits must be at least {need}, of which layer 0 \(lmu\) takes {each[0].total}, got {need - 1}"
    with pytest.raises(DesignError, match=wanted):
        plan_network(network, x, NetworkOptions(memory_bits=need - 1))


def test_refuses_an_lstm_by_name(rng: np.random.Generator) -> None:
    (first,) = random_network(rng, ["dense"]).layers
    lstm = LSTMParameters(**draw_moderate(rng, LSTMParameters.shapes(first.outputs, 2)))
    network = Network((first, lstm))
    with pytest.raises(DesignError, match=r"layer 1 \(lstm\) must be of memories and dense parts"):
        plan_network(network, np.zeros((1, 3, 2)))


def test_errors(rng: np.random.Generator) -> None:
    spec = LMUSpec(5, RATIOS[Discretization.ZOH], 1.0)  # three bits do not hold the ranges of so many states
    network = Network((CellParameters(spec, **draw_moderate(rng, CellParameters.shapes(5, 2, 1, 3), 0.4)),))
    x = smooth(rng, 2, 10, 2)
    with pytest.raises(DesignError, match=r"calibration data must be of shape \(batch, T, 2\)"):
        plan_network(network, x[0])
    spoiled = x.copy()
    spoiled[1, 4, 0] = np.inf
    with pytest.raises(
        DesignError, match=r"calibration data must be finite, got NaN or infinity \(sequence 1, step 4\)"
    ):
        plan_network(network, spoiled)
    with pytest.raises(
        DesignError, match=r"calibration data must be from -0.5 to 0.4375, the range of the input format"
    ):
        plan_network(network, x + 1.0, NetworkOptions(input_format=QFormat(4, 4)))
    with pytest.raises(DesignError, match="calibration data must be different from zero somewhere, got only zeros"):
        plan_network(network, 0.0 * x)
    with pytest.raises(DesignError, match=r"state_bits of layer 0 \(lmu\) must be enough for a range of"):
        plan_network(network, x, NetworkOptions(layer=LayerOptions(state_bits=3)))
    with pytest.raises(DesignError, match="layers of the options must be from 0 to 0, got 3"):
        plan_network(network, x, NetworkOptions(layers={3: LayerOptions()}))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"weight_bits": 1}, "weight_bits must be an integer from 2 to 24, got 1"),
        ({"activation_bits": 3}, "activation_bits must be an integer from 4 to 18, got 3"),
        ({"drive_bits": 40}, "drive_bits must be an integer from 3 to 24, got 40"),
        ({"state_bits": 2}, "state_bits must be an integer from 3 to 32, got 2"),
        ({"coefficient_bits": 0}, "coefficient_bits must be an integer from 3 to 32, got 0"),
        ({"datapath": "ladder"}, "datapath must be one of chain, tridiagonal, dense, structured, got ladder"),
        ({"granularity": "cell"}, "granularity must be one of row, tensor, got cell"),
        ({"clipping": "none"}, "clipping must be one of largest, error, got none"),
        ({"margin": float("nan")}, "margin must be from 0 to 8, got nan"),
    ],
)
def test_options_are_checked(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        LayerOptions(**keys)
