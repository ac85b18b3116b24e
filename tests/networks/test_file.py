"""Network files: everything comes back, anyone can write one, and bad ones are refused by layer and name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.io.archive import write_archive
from lmu_hw.networks.file import load_network, save_network
from lmu_hw.networks.model import Network, Output, arrays
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import DenseParameters
from tests.networks.networks import every_kind


def same(one: Network, other: Network) -> None:
    assert (one.output, dict(one.notes)) == (other.output, dict(other.notes))
    np.testing.assert_array_equal(one.input_offset, other.input_offset)
    np.testing.assert_array_equal(one.input_scale, other.input_scale)
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        assert type(mine) is type(theirs)
        for name, value in vars(mine).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(theirs, name), value)
            else:
                assert getattr(theirs, name) == value


@pytest.mark.parametrize("method", Discretization)
def test_every_kind_of_layer_comes_back(method: Discretization, rng: np.random.Generator, tmp_path: Path) -> None:
    network = every_kind(rng, output=Output.LAST, method=method)
    path = save_network(tmp_path / "n.npz", network)
    same(load_network(path), network)
    assert save_network(tmp_path / "again.npz", load_network(path)).read_bytes() == path.read_bytes()


def test_float32_numbers_take_half_the_room_and_lose_nothing(rng: np.random.Generator, tmp_path: Path) -> None:
    kernel = rng.normal(size=(50, 40)).astype(np.float32).astype(np.float64)
    single = Network((DenseParameters(kernel, np.zeros(50)),))
    double = Network((DenseParameters(kernel + 1e-12, np.zeros(50)),))
    small, large = (save_network(tmp_path / f"{n}.npz", w) for n, w in (("s", single), ("d", double)))
    assert large.stat().st_size - small.stat().st_size == 4 * 2000
    same(load_network(small), single)
    same(load_network(large), double)


def test_the_documented_layout_is_enough_to_write_one(tmp_path: Path) -> None:
    layer = {"type": "lmu", "inputs": 1, "channels": 1, "hidden": 2, "activation": "tanh"}
    layer |= {"order": 3, "theta": 0.5, "dt": 0.01, "discretization": "zoh", "basis": "legendre"}
    readout = {"type": "dense", "inputs": 2, "outputs": 4, "activation": "identity"}
    text = {"format": "lmu_hw network", "version": 1, "output": "sequence", "layers": [layer, readout]}
    values = {
        "input_offset": np.zeros(1, np.float32),
        "input_scale": np.ones(1, np.float32),
        "0.input_encoder": np.ones((1, 1)),
        "0.hidden_encoder": np.ones((1, 2)),
        "0.memory_encoder": np.zeros((1, 3)),
        "0.input_kernel": np.ones((2, 1)),
        "0.hidden_kernel": np.ones((2, 2)),
        "0.memory_kernel": np.full((2, 3), 0.5),
        "0.bias": np.zeros(2),
        "1.kernel": np.ones((4, 2), np.float32),
        "1.bias": np.zeros(4, np.float32),
    }
    np.savez(tmp_path / "n.npz", header=np.frombuffer(json.dumps(text).encode(), dtype=np.uint8), **values)
    network = load_network(tmp_path / "n.npz")
    cell = network.layers[0]
    assert isinstance(cell, CellParameters)
    np.testing.assert_array_equal(cell.memory_kernel, values["0.memory_kernel"])
    assert (cell.spec.theta, network.outputs, network.output, dict(network.notes)) == (0.5, 4, Output.SEQUENCE, {})


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Path:
    """A copy of a network file whose header and arrays were changed."""
    with np.load(path) as file:
        values: dict[str, Any] = {name: file[name] for name in file.files}
    text = json.loads(values.pop("header").tobytes())
    change(text, values)
    return write_archive(path.parent / "bad.npz", text, values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, a: h.update(format="else"), "format of bad.npz must be 'lmu_hw network', got else"),
        (lambda h, a: h.update(version=2), "version of bad.npz must be 1, the one that this program reads, got 2"),
        (lambda h, a: h.update(extra=1), "key of header of bad.npz must be one of format, version, .*, got extra"),
        (lambda h, a: h.pop("output"), "header of bad.npz must be an object with the key 'output', got"),
        (lambda h, a: h.update(output="first"), "output must be one of sequence, last, got first"),
        (lambda h, a: h.update(layers=[]), r"layers of bad.npz must be a list of 1 to 64 objects, got \[\]"),
        (lambda h, a: h.update(notes=[]), r"notes of bad.npz must be an object, got \[\]"),
        (lambda h, a: h["layers"][2].update(type="gru"), "type of layer 2 must be one of lmu, memory, .*, got gru"),
        (lambda h, a: h["layers"][1].pop("order"), r"layer 1 \(memory\) must be an object with the key 'order'"),
        (lambda h, a: h["layers"][3].update(axis=1), r"key of layer 3 \(dense\) must be one of type, .*, got axis"),
        (
            lambda h, a: h["layers"][0].update(hidden=10**9),
            r"hidden of layer 0 \(lmu\) must be an integer from 1 to 65536, got 1000000000",
        ),
        (lambda h, a: h["layers"][0].update(hidden=True), r"hidden of layer 0 \(lmu\) must be an integer from 1"),
        (lambda h, a: h["layers"][0].update(order=4096), r"order of layer 0 \(lmu\) must be an integer from 1 to 2048"),
        (lambda h, a: h["layers"][0].update(theta=-1), r"theta of layer 0 \(lmu\) must be a positive number of sec"),
        (
            lambda h, a: h["layers"][0].update(discretization="rk4"),
            r"discretization of layer 0 \(lmu\) must be one of zoh, .*, got rk4",
        ),
        (lambda h, a: h["layers"][1].update(activation="gelu"), r"activation of layer 1 \(memory\) must be one of"),
        (
            lambda h, a: h["layers"][0].update(hidden=4),
            r"hidden_encoder of layer 0 \(lmu\) in bad.npz must be floats of shape \(2, 4\), got \(2, 3\) of type <f8",
        ),
        (
            lambda h, a: a.update({"3.bias": np.zeros(4, np.int64)}),
            r"bias of layer 3 \(dense\) in bad.npz must be floats of shape \(4,\), got \(4,\) of type <i8",
        ),
        (
            lambda h, a: a.update({"2.bias": np.full(12, np.nan)}),
            r"bias of layer 2 \(lstm\) must be finite in every entry, got NaN or infinity",
        ),
        (lambda h, a: a.pop("2.bias"), r"bias of layer 2 \(lstm\) must be an array in bad.npz, got none of that name"),
        (
            lambda h, a: a.update({"9.bias": np.zeros(1)}),
            "arrays in bad.npz must be those that its header accounts for, got 9.bias",
        ),
        (
            lambda h, a: (h["layers"].pop(1), [a.pop(n) for n in list(a) if n[:2] == "5."]),
            r"in bad.npz must be|got none of that name",
        ),
    ],
)
def test_bad_files_are_refused_by_layer_and_name(
    change: Callable[[dict[str, Any], dict[str, Any]], None],
    message: str,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    path = rewritten(save_network(tmp_path / "n.npz", every_kind(rng)), change)
    with pytest.raises(DesignError, match=message) as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


def test_layers_that_do_not_fit_each_other_are_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    def widen(header: dict[str, Any], values: dict[str, Any]) -> None:
        header["layers"][5]["inputs"] = 7
        values["5.kernel"] = np.ones((3, 7))

    path = rewritten(save_network(tmp_path / "n.npz", every_kind(rng)), widen)
    with pytest.raises(DesignError, match=r"inputs of layer 5 \(dense\) must be the 4 outputs of layer 4 \(memory\)"):
        load_network(path)


def test_a_memory_budget_is_kept(rng: np.random.Generator, tmp_path: Path) -> None:
    network = every_kind(rng)
    path = save_network(tmp_path / "n.npz", network)
    size = sum(a.nbytes for layer in network.layers for a in arrays(layer).values())
    with pytest.raises(DesignError, match=rf"n.npz must be at most {size} bytes large once unpacked, got"):
        load_network(path, max_bytes=size)
