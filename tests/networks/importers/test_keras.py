"""Models of Keras: every connection of keras-lmu as its equations have it, and errors by layer and name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.networks.file import load_network, save_network
from lmu_hw.networks.importers import import_keras
from lmu_hw.networks.model import Network, Output
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from tests.networks.importers.files import Cell, Entry, dense, model, save, save_archive, weights_file

SUFFIXES = (".keras", ".h5")
FEEDBACK = ("hidden_to_memory", "memory_to_memory", "input_to_hidden")


def answers(network: Network, x: np.ndarray, folder: Path) -> np.ndarray:
    """Of the network after it was written and read again."""
    return FloatNetwork(load_network(save_network(folder / "again.npz", network))).run(x)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("flags", "hidden", "kind", "layers"),
    [
        (FEEDBACK, "SimpleRNNCell", "LMU", [CellParameters]),
        (FEEDBACK, "Dense", "LMU", [CellParameters]),
        (("hidden_to_memory",), "Dense", "RNN", [CellParameters]),
        ((*FEEDBACK, "use_bias"), "SimpleRNNCell", "RNN", [DenseParameters, CellParameters]),
        ((*FEEDBACK, "use_bias", "trainable_theta"), "Dense", "LMU", [DenseParameters, CellParameters]),
        (("input_to_hidden", "use_bias"), "Dense", "LMU", [MemoryParameters]),
        (("use_bias",), "Dense", "LMUFeedforward", [MemoryParameters]),
        ((), "SimpleRNNCell", "LMUFeedforward", [CellParameters]),
        (("trainable_theta",), "Dense", "RNN", [MemoryParameters]),
        (("use_bias",), None, "LMU", [MemoryParameters]),
        (("use_bias", "input_to_hidden"), None, "LMUFeedforward", [MemoryParameters]),
        (("memory_to_memory",), None, "LMU", [CellParameters]),
        (("memory_to_memory", "use_bias", "input_to_hidden"), None, "RNN", [DenseParameters, CellParameters]),
    ],
)
def test_every_connection_is_where_it_was(
    flags: tuple[str, ...],
    hidden: str | None,
    kind: str,
    layers: list[type],
    suffix: str,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    cell = Cell(rng, flags=flags, hidden=hidden)
    network = import_keras(save(tmp_path / f"m{suffix}", [cell.entry(kind, return_sequences=True)]))
    assert [type(layer) for layer in network.layers] == layers
    x = rng.uniform(-1, 1, (3, 20, 2))
    np.testing.assert_allclose(answers(network, x, tmp_path), cell.run(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("discretizer", ["zoh", "euler"])
@pytest.mark.parametrize("kind", ["Sequential", "Functional"])
def test_a_whole_model(suffix: str, discretizer: str, kind: str, rng: np.random.Generator, tmp_path: Path) -> None:
    first = Cell(rng, flags=FEEDBACK, discretizer=discretizer, theta=40.0)
    second = Cell(rng, inputs=3, memory_d=1, hidden="Dense", activation="sigmoid", units=5)
    kernels = rng.uniform(-1, 1, (5, 6)), rng.uniform(-1, 1, (6, 4))
    entries = [
        first.entry(name="a", return_sequences=True),
        Entry("Dropout", "rest", {"rate": 0.5}),
        second.entry(name="b"),
        dense("d", kernels[0]),
        Entry("Activation", "r", {"activation": "relu"}),
        Entry("Flatten", "f"),
        dense("e", kernels[1], np.arange(4.0), "softmax"),
    ]
    network = import_keras(save(tmp_path / f"m{suffix}", entries, kind), dt=0.25)
    x = rng.uniform(-1, 1, (3, 20, 2))
    expected = np.maximum(second.run(first.run(x))[:, -1] @ kernels[0], 0) @ kernels[1] + np.arange(4.0)
    np.testing.assert_allclose(answers(network, x, tmp_path), expected, rtol=0, atol=1e-12)
    assert network.output is Output.LAST
    assert [type(layer) for layer in network.layers] == [
        CellParameters,
        MemoryParameters,
        DenseParameters,
        DenseParameters,
    ]
    assert network.dt == 0.25
    assert network.notes["left out"] == "softmax of layer 'e' (Dense): the outputs are its arguments"


def test_theta_is_the_trained_one_and_counts_in_steps(rng: np.random.Generator, tmp_path: Path) -> None:
    cell = Cell(rng, flags=("trainable_theta",), theta=12.0)
    network = import_keras(save(tmp_path / "m.keras", [cell.entry()]), dt=0.01)
    layer = network.layers[0]
    assert isinstance(layer, CellParameters)
    assert layer.spec.theta == pytest.approx(0.8 * 12.0 * 0.01, rel=1e-7)


def test_an_activation_behind_a_memory_is_a_layer(rng: np.random.Generator, tmp_path: Path) -> None:
    cell = Cell(rng, flags=FEEDBACK)
    entries = [cell.entry(return_sequences=True), Entry("ReLU", "r", {"negative_slope": 0.0})]
    network = import_keras(save(tmp_path / "m.keras", entries))
    x = rng.uniform(-1, 1, (2, 9, 2))
    np.testing.assert_allclose(FloatNetwork(network).run(x), np.maximum(cell.run(x), 0), rtol=0, atol=1e-12)


def test_reshaping_in_front_tells_how_data_become_sequences(rng: np.random.Generator, tmp_path: Path) -> None:
    cell = Cell(rng, inputs=1, flags=FEEDBACK)
    entries = [Entry("Reshape", "r", {"target_shape": [-1, 1]}), cell.entry()]
    network = import_keras(save(tmp_path / "m.keras", entries, shape=(4, 6)))
    assert network.notes["input"] == "sequences (24, 1), reshaped from (4, 6)"
    assert network.inputs == 1


def test_each_of_several_layers_of_a_class_has_its_own_weights(rng: np.random.Generator, tmp_path: Path) -> None:
    kernels = [rng.uniform(-1, 1, (2, 2)) for _ in range(3)]
    entries = [dense(f"d{k}", kernel, activation="tanh") for k, kernel in enumerate(kernels)]
    for suffix in SUFFIXES:
        network = import_keras(save(tmp_path / f"m{suffix}", entries))
        for layer, kernel in zip(network.layers, kernels, strict=True):
            assert isinstance(layer, DenseParameters)
            np.testing.assert_array_equal(layer.kernel, kernel.T)
            assert layer.activation is Activation.TANH


def lmu_with(rng: np.random.Generator, **config: Any) -> list[Entry]:
    return [Cell(rng, flags=FEEDBACK).entry(**config)]


def hidden(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": "hidden", "units": 3, "activation": "tanh", **config}}


REFUSED: list[tuple[Callable[[np.random.Generator], list[Entry]], str]] = [
    (lambda r: [Entry("Conv1D", "c")], r"layer 'c' \(Conv1D\) must be of class LMU, RNN, .*, got Conv1D"),
    (lambda r: [Entry("Sequential", "s")], r"layer 's' \(Sequential\) must be of class"),
    (
        lambda r: lmu_with(r, hidden_cell=hidden("LSTMCell")),
        r"hidden cell of layer 'lmu' \(LMU\) must be None, Dense or SimpleRNNCell, got layer 'hidden' \(LSTMCell\)",
    ),
    (lambda r: lmu_with(r, hidden_cell=hidden("GRUCell")), r"hidden cell of layer 'lmu' \(LMU\) must .* \(GRUCell\)"),
    (
        lambda r: lmu_with(r, hidden_cell=hidden("SimpleRNNCell", activation="gelu")),
        r"activation of layer 'hidden' \(SimpleRNNCell\) must be one of linear, .*, got gelu",
    ),
    (
        lambda r: lmu_with(r, hidden_cell=hidden("SimpleRNNCell", activation="softmax")),
        r"activation of layer 'hidden' \(SimpleRNNCell\) must be one of linear, .*, got softmax",
    ),
    (lambda r: lmu_with(r, discretizer="tustin"), r"discretizer of layer 'lmu' \(LMU\) must be zoh or euler, got"),
    (lambda r: lmu_with(r, discretizer="euler", theta=5), r"theta/dt of layer 'lmu' \(LMU\) must be at least"),
    (lambda r: lmu_with(r, theta=0.5), r"dt of layer 'lmu' \(LMU\) must be at most theta = 0.5 s, got 1"),
    (lambda r: lmu_with(r, order=10**9), r"order of layer 'lmu' \(LMU\) must be an integer from 1 to 2048, got 10000"),
    (lambda r: lmu_with(r, memory_d="2"), r"memory_d of layer 'lmu' \(LMU\) must be an integer from 1 to 65536"),
    (
        lambda r: lmu_with(r, hidden_to_memory=1),
        r"hidden_to_memory of layer 'lmu' \(LMU\) must be true or false, got 1",
    ),
    (
        lambda r: lmu_with(r, order=5),
        r"recurrent_kernel of layer 'lmu' \(LMU\) must be of shape \(10, 2\), got \(8, 2\)",
    ),
    (
        lambda r: lmu_with(r, use_bias=True),
        r"weights of layer 'lmu' \(LMU\) must be 3 arrays \(kernel, bias, recurrent_kernel\)",
    ),
    (
        lambda r: lmu_with(r, kernel_initializer=None),
        r"weights of layer 'lmu' \(LMU\) must be 1 arrays \(recurrent_kernel\)",
    ),
    (
        lambda r: [Cell(r).entry("RNN", go_backwards=True)],
        r"go_backwards of layer 'lmu' \(RNN\) must be False, got True",
    ),
    (
        lambda r: [Entry("RNN", "r", {"cell": {"class_name": "LSTMCell", "config": {}}})],
        r"cell of layer 'r' \(RNN\) must be an LMUCell, got LSTMCell",
    ),
    (
        lambda r: [Cell(r).entry(), Cell(r).entry(name="b")],
        r"input of layer 'b' \(LMU\) must be sequences of shape \(steps, inputs\), got \(3,\)",
    ),
    (
        lambda r: [Cell(r, inputs=3).entry()],
        r"kernel of layer 'lmu' \(LMU\) must be of shape \(2, 2\), got \(3, 2\)",
    ),
    (
        lambda r: [dense("d", np.ones((2, 2)), activation="softmax"), dense("e", np.ones((2, 2)))],
        r"softmax of layer 'd' \(Dense\) must be at the end, not in front of layer 'e' \(Dense\)",
    ),
    (
        lambda r: [dense("d", np.ones((2, 3)), np.full(3, np.inf))],
        r"bias of layer 'd' \(Dense\) must be finite in every entry, got NaN or infinity",
    ),
    (
        lambda r: [dense("d", np.ones((2, 3)), np.zeros(3, np.int32))],
        r"bias of layer 'd' \(Dense\) must be of floating-point numbers of 16, 32 or 64 bits, got int32",
    ),
    (
        lambda r: [dense("d", np.ones((2, 2, 2)))],
        r"kernel of layer 'd' \(Dense\) must be of shape \(2, 2\), got \(2, 2, 2",
    ),
    (
        lambda r: [Entry("Flatten", "f"), Cell(r).entry()],
        r"input of layer 'lmu' \(LMU\) must be sequences of shape \(steps, inputs\), got \(24,\)",
    ),
    (
        lambda r: [Cell(r).entry(return_sequences=True), Entry("Flatten", "f")],
        r"layer 'f' \(Flatten\) must be without effect on the outputs \(12, 3\) before it, got \(36,\)",
    ),
    (
        lambda r: [Cell(r).entry(), Entry("ReLU", "r", {"max_value": 6.0})],
        r"max_value of layer 'r' \(ReLU\) must be None, got 6.0",
    ),
    (lambda r: [Entry("Dropout", "d")], r"layers in m\.\w+ must be some with weights, got Dropout"),
    (lambda r: [dense("d", np.ones((2, 2)))] * 2, r"names of the layers in m\.\w+ must be different from each other"),
]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("entries", "message"), REFUSED)
def test_what_cannot_be_represented_is_refused_by_layer_and_name(
    entries: Callable[[np.random.Generator], list[Entry]],
    message: str,
    suffix: str,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    found = entries(rng)
    try:
        path = save(tmp_path / f"m{suffix}", found)
    except (OSError, ValueError):  # h5py keeps two layers of one name apart
        path = save(tmp_path / "m.keras", found)
    with pytest.raises(DesignError, match=message) as caught:
        import_keras(path)
    assert "\n" not in str(caught.value)


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[np.random.Generator, Path], Path]:
    """A `.keras` file of a Functional model whose configuration was changed."""

    def write(rng: np.random.Generator, folder: Path) -> Path:
        entries = [Cell(rng).entry(), dense("d", np.ones((3, 3))), dense("e", np.ones((3, 2)))]
        config = model(entries, kind="Functional")
        value = change(config)
        return save_archive(folder / "m.keras", config if value is None else value, weights_file(entries))

    return write


def feed(config: dict[str, Any], layer: int, *names: str) -> None:
    tensors = [{"config": {"keras_history": [name, 0, 0]}} for name in names]
    config["config"]["layers"][layer]["inbound_nodes"] = [{"args": tensors, "kwargs": {}}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: b"{", r"configuration in m.keras must be JSON, got something else"),
        (lambda c: b"[" * 100_000, r"configuration in m.keras must be JSON, got something else"),
        (lambda c: b"\xff", r"config.json in m.keras must be JSON in UTF-8"),
        (lambda c: b"[]", r"model in m.keras must be of class Sequential or Functional, got something else"),
        (lambda c: c.update(class_name="MyModel"), r"model in m.keras must be of class .*, got MyModel"),
        (lambda c: c.update(config=None), r"layers in m.keras must be a list of 1 to 256, got NoneType"),
        (lambda c: c["config"].update(layers=[1]), r"layer 0 in m.keras must be a class with a configuration"),
        (lambda c: feed(c, 3, "lmu", "d"), r"layer 'e' \(Dense\) must be fed once, with the outputs of one layer"),
        (lambda c: feed(c, 3, "lmu"), r"layer 'd' \(Dense\) must be between the input and the output, in a chain"),
        (lambda c: feed(c, 2, "e"), r"layer 'input' \(InputLayer\) must be between the input and the output"),
        (
            lambda c: c["config"]["layers"][2]["inbound_nodes"][0]["kwargs"].update(training=True),
            r"training of layer 'd' \(Dense\) must be left to the caller",
        ),
        (
            lambda c: c["config"].update(output_layers=[["d", 0, 0], ["e", 0, 0]]),
            r"model in m.keras must be of one input and one output, got",
        ),
    ],
)
def test_configurations_that_are_no_chain_are_refused(
    change: Callable[[dict[str, Any]], Any], message: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    with pytest.raises(DesignError, match=message):
        import_keras(changed(change)(rng, tmp_path))


def test_the_configuration_of_keras_2_is_read_too(rng: np.random.Generator, tmp_path: Path) -> None:
    cell = Cell(rng)
    entries = [cell.entry(), dense("d", np.ones((3, 2)))]
    config = model(entries, kind="Functional")
    for layer, before in zip(config["config"]["layers"], (None, "input", "lmu"), strict=True):
        layer["inbound_nodes"] = [[[before, 0, 0, {}]]] if before else []
    config["config"] |= {"input_layers": [["input", 0, 0]], "output_layers": [["d", 0, 0]]}
    path = save_archive(tmp_path / "m.keras", config, weights_file(entries))
    x = rng.uniform(-1, 1, (3, 12, 2))
    np.testing.assert_allclose(
        FloatNetwork(import_keras(path)).run(x), cell.run(x)[:, -1] @ np.ones((3, 2)), atol=1e-12
    )


def test_names_of_keras_2_end_in_a_number(rng: np.random.Generator, tmp_path: Path) -> None:
    cell = Cell(rng, flags=FEEDBACK)
    entry = cell.entry(return_sequences=True)
    entry.names = {f"{name}:0": array for name, array in entry.names.items()}
    x = rng.uniform(-1, 1, (2, 9, 2))
    network = import_keras(save(tmp_path / "m.h5", [entry]))
    np.testing.assert_allclose(FloatNetwork(network).run(x), cell.run(x), rtol=0, atol=1e-12)


def test_weights_in_two_places_are_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    entry = Cell(rng, flags=("memory_to_memory",)).entry()
    entry.groups["layer/vars"] = entry.groups["layer/cell/vars"][:1]
    entry.names["other/kernel"] = entry.names["model/lmu/c/kernel"]
    with pytest.raises(DesignError, match=r"weights of layer 'lmu' \(LMU\) must be 2 arrays .* in one group, got 3 in"):
        import_keras(save(tmp_path / "m.keras", [entry]))
    with pytest.raises(DesignError, match=r"kernel of layer 'lmu' \(LMU\) must be there once, got twice"):
        import_keras(save(tmp_path / "m.h5", [entry]))


def test_weights_without_a_configuration_are_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    path.write_bytes(weights_file([Cell(rng).entry()]))
    with pytest.raises(DesignError, match=r"m.weights.h5 must be a whole model, as model.save\(\) writes it"):
        import_keras(path)


def test_the_size_of_what_a_configuration_makes_is_bounded(rng: np.random.Generator, tmp_path: Path) -> None:
    """A small file whose layer without a hidden cell would become an enormous identity matrix."""
    entry = Entry("LMU", "lmu", {"memory_d": 60_000, "order": 1, "theta": 2, "hidden_cell": None})
    entry.config |= {"kernel_initializer": None, "use_bias": False, "memory_to_memory": False}
    path = save(tmp_path / "m.keras", [entry], shape=(12, 60_000))
    with pytest.raises(
        DesignError, match=r"size of layer 'lmu' \(LMU\) must be at most 33554432 numbers, got 3600000000"
    ):
        import_keras(path)


def test_metadata_is_not_needed_and_json_may_hold_more(rng: np.random.Generator, tmp_path: Path) -> None:
    entries = [dense("d", np.ones((2, 3)))]
    text = json.dumps(model(entries) | {"compile_config": {"loss": "mse"}, "build_config": {}}).encode()
    assert import_keras(save_archive(tmp_path / "m.keras", text, weights_file(entries))).outputs == 3
