"""Networks in spikes: what they give without noise, with it, and what has no spiking form."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Network, Output
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import DenseParameters, LSTMParameters, MemoryParameters
from lmu_hw.spiking.network import NetworkOptions, Scope, SpikingNetwork
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse


def feed_forward(rng: np.random.Generator, method: str = "bilinear") -> Network:
    """Two channels, a dense part with tanh, a readout."""
    memory = MemoryParameters(
        LMUSpec(3, 12.0, 1.0, method),
        rng.standard_normal((2, 1)),
        0.1 * rng.standard_normal(2),
        0.5 * rng.standard_normal((5, 6)),
        0.3 * rng.standard_normal((5, 1)),
        0.1 * rng.standard_normal(5),
        "tanh",
    )
    return Network(
        (memory, DenseParameters(rng.standard_normal((2, 5)), rng.standard_normal(2))), input_scale=np.array(0.8)
    )


def recurrent(rng: np.random.Generator) -> Network:
    spec, shapes = LMUSpec(3, 12.0, 1.0), CellParameters.shapes(3, 1, 2, 4)
    cell = CellParameters(spec, **{name: 0.3 * rng.standard_normal(shape) for name, shape in shapes.items()})
    return Network((cell, DenseParameters(rng.standard_normal((2, 4)), np.zeros(2))))


def sequences(rng: np.random.Generator, count: int = 6) -> np.ndarray:
    return np.cumsum(rng.standard_normal((count, 30, 1)), axis=1) / 4.0


def error(network: Network, x: np.ndarray, **options: object) -> float:
    spiking = SpikingNetwork(network, NetworkOptions(**options), x)  # type: ignore[arg-type]
    ideal = FloatNetwork(network).run(x)
    return float(np.sqrt(np.mean((spiking.run(x) - ideal) ** 2) / np.mean(ideal**2)))


@pytest.mark.parametrize("kind", [feed_forward, recurrent])
@pytest.mark.parametrize("scope", list(Scope))
def test_rates_without_spikes_give_the_trained_network(kind: object, scope: Scope, rng: np.random.Generator) -> None:
    network, x = kind(rng), sequences(rng)  # type: ignore[operator]
    options = {"kind": NeuronKind.RATE_LIF, "scope": scope, "per_state": 200, "per_unit": 200, "sample_seconds": 0.05}
    assert error(network, x, **options) < 0.05


@pytest.mark.parametrize("scope", list(Scope))
def test_more_spikes_err_less(scope: Scope, rng: np.random.Generator) -> None:
    network, x = feed_forward(rng), sequences(rng)
    few, many, longer = (
        error(network, x, scope=scope, per_state=n, per_unit=n, sample_seconds=s)
        for n, s in ((20, 0.02), (320, 0.02), (320, 0.05))
    )
    assert many < 0.45 * few
    assert longer < many


def test_the_neurons_are_counted_and_the_scope_decides_whose(rng: np.random.Generator) -> None:
    network, x = feed_forward(rng), sequences(rng, 2)
    memory, everything = (SpikingNetwork(network, NetworkOptions(10, 7, scope), x).neurons for scope in Scope)
    assert (memory, everything) == (2 * 3 * 10, 2 * 3 * 10 + 5 * 7)


def test_outputs_by_sequence_step_and_seed(rng: np.random.Generator) -> None:
    network, x = feed_forward(rng), sequences(rng)
    spiking = SpikingNetwork(network, NetworkOptions(30, 30), x)
    every = spiking.run(x)
    assert every.shape == (6, 30, 2)
    assert np.array_equal(spiking.run(x), every)
    assert np.array_equal(spiking.run(x, return_sequences=False), every[:, -1])
    assert np.array_equal(spiking.classify(x), np.argmax(every[:, -1], axis=1))
    assert not np.array_equal(spiking.run(x, seed=5), every)
    last = Network(network.layers, Output.LAST, network.input_offset, network.input_scale)
    assert SpikingNetwork(last, NetworkOptions(30, 30), x).run(x).shape == (6, 2)


def test_sequences_in_pieces_are_all_run(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmu_hw.spiking import network as module

    monkeypatch.setattr(module, "_TOGETHER", 200)
    network, x = feed_forward(rng), sequences(rng)
    spiking = SpikingNetwork(network, NetworkOptions(20, kind=NeuronKind.RATE_LIF), x)
    assert spiking.neurons == 120
    each = np.concatenate([spiking.run(x[k : k + 1]) for k in range(6)])
    assert np.allclose(spiking.run(x), each)


def test_what_the_first_sequence_did_is_recorded(rng: np.random.Generator) -> None:
    network, x = feed_forward(rng), sequences(rng)
    spiking = SpikingNetwork(network, NetworkOptions(20, 15, Scope.ALL), x)
    every = spiking.run(x, record=True)
    recorded = spiking.recorded
    assert recorded is not None
    assert {name: (g.neurons, g.ensembles) for name, g in spiking.groups.items()} == {
        "layer0.memory": (2 * 3 * 20, 2 * 3),
        "layer0.units": (5 * 15, 5),
    }
    assert set(recorded.spikes) == set(spiking.groups)
    for name, group in spiking.groups.items():  # 30 samples of 20 ms of the first of the sequences it was scaled to
        assert recorded.spikes[name].count == pytest.approx(group.neurons * group.mean_rate * 0.6, rel=0.4)
    assert recorded.states["layer0"].shape == (30, 2, 3)
    memory, units = recorded.spikes["layer0.memory"], recorded.spikes["layer0.units"]
    assert memory.neuron.max() < 2 * 3 * 20
    assert memory.neuron.max() >= 3 * 20  # of the second channel
    assert units.neuron.max() < 5 * 15
    assert not memory.sequence.any()
    assert not units.sequence.any()
    assert memory.step.max() == 29
    layer = network.layers[0]
    assert isinstance(layer, MemoryParameters)
    assert np.allclose(recorded.drives["layer0"], 0.8 * x[0] @ layer.input_encoder.T + layer.input_bias)
    assert np.array_equal(recorded.outputs, every[0])
    spiking.run(x)
    assert spiking.recorded is None


def test_the_record_holds_every_output_where_the_network_gives_the_last_one(rng: np.random.Generator) -> None:
    network, x = feed_forward(rng), sequences(rng)
    last = Network(network.layers, Output.LAST, network.input_offset, network.input_scale)
    spiking = SpikingNetwork(last, NetworkOptions(20), x)
    outputs = spiking.run(x, record=True)
    assert spiking.recorded is not None
    assert spiking.recorded.outputs.shape == (30, 2)
    assert np.array_equal(spiking.recorded.outputs[-1], outputs[0])


def test_memories_alone_are_a_network_too(rng: np.random.Generator) -> None:
    network = Network((MemoryParameters(LMUSpec(4, 20.0, 1.0), np.ones((1, 1)), np.zeros(1)),))
    assert error(network, sequences(rng), per_state=500) < 0.2


def test_what_has_no_spiking_form_is_refused(rng: np.random.Generator) -> None:
    x = sequences(rng, 2)
    lstm = LSTMParameters(np.zeros((8, 1)), np.zeros((8, 2)), np.zeros(8))
    with pytest.raises(DesignError, match=r"layer 0 \(lstm\) must be of a kind that has a spiking form"):
        SpikingNetwork(Network((lstm,)), NetworkOptions(), x)
    with pytest.raises(DesignError, match="single bank of states"):
        SpikingNetwork(feed_forward(rng, "ab2"), NetworkOptions(), x)
    with pytest.raises(DesignError, match=r"dt must be at most half the synapse's fastest time constant"):
        SpikingNetwork(feed_forward(rng), NetworkOptions(sample_seconds=0.06), x)
    with pytest.raises(DesignError, match="synapse of a network must be of first order"):
        NetworkOptions(synapse=Synapse.low_pass(0.1, 0.1))
    with pytest.raises(DesignError, match="sample_seconds"):
        NetworkOptions(sample_seconds=0.0)
    with pytest.raises(DesignError, match="neurons per state"):
        NetworkOptions(per_state=1)


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.zeros((2, 3, 2)), np.full((1, 2, 1), np.nan)])
def test_bad_input_is_refused(bad: np.ndarray, rng: np.random.Generator) -> None:
    spiking = SpikingNetwork(feed_forward(rng), NetworkOptions(4, 4), sequences(rng, 2))
    with pytest.raises(DesignError, match="input of the network"):
        spiking.run(bad)
