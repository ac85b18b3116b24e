"""State dicts: names that public LMUs have, mappings, and memories that are not what θ and the method give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from safetensors.numpy import save_file

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.networks.importers import NamedCell, import_state_dict, read_mapping
from lmu_hw.networks.model import Network, Output
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.definition import Activation
from lmu_hw.reference.layers import DenseParameters, MemoryParameters
from tests.networks.importers.files import Array, legendre

ORDER, THETA, INPUTS, HIDDEN = 4, 20.0, 2, 3
PAPER = ("e_x", "e_h", "e_m", "W_x", "W_h", "W_m", "A", "B")
JOINED = ("ex", "eh", "em", "Wx", "Wh", "Wm", "A", "B")
LONG = (
    "input_encoders",
    "hidden_encoders",
    "memory_encoders",
    "input_kernel",
    "hidden_kernel",
    "memory_kernel",
    "AT",
    "BT",
)
GIVEN = NamedCell(THETA)


def memory(theta: float = THETA, order: int = ORDER) -> tuple[Array, Array]:
    """Ā and B̄ by SciPy."""
    a, b = legendre(order)
    system = (a / theta, b / theta, np.eye(order), np.zeros((order, 1)))
    transition, given, *_ = scipy.signal.cont2discrete(system, 1.0)
    return transition, given


@pytest.fixture
def cell(rng: np.random.Generator) -> CellParameters:
    """A cell with random weights that float32 holds."""
    shapes = CellParameters.shapes(ORDER, INPUTS, 1, HIDDEN)
    arrays = {name: rng.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    return CellParameters(LMUSpec(ORDER, THETA, 1.0), **(arrays | {"bias": np.zeros(HIDDEN)}))


def tensors(cell: CellParameters, names: tuple[str, ...] = PAPER, prefix: str = "lmu.cell.") -> dict[str, Array]:
    """A cell's arrays, with Ā and B̄."""
    arrays = (*cell.weights[:-1], *memory())
    return {prefix + name: array.astype(np.float32) for name, array in zip(names, arrays, strict=True)}


def read(folder: Path, arrays: Mapping[str, Array], given: NamedCell | str = GIVEN) -> Network:
    """The network in a file with these tensors; a text is a mapping."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "m.safetensors")
    if isinstance(given, str):
        (folder / "m.toml").write_text(given)
        return import_state_dict(folder / "m.safetensors", read_mapping(folder / "m.toml"))
    return import_state_dict(folder / "m.safetensors", given)


def same(layer: object, cell: CellParameters) -> None:
    assert isinstance(layer, CellParameters)
    assert (layer.spec, layer.activation) == (cell.spec, cell.activation)
    for name, mine, other in zip(cell.weights._fields, cell.weights, layer.weights, strict=True):
        np.testing.assert_array_equal(other, mine, err_msg=name)


@pytest.mark.parametrize("names", [PAPER, JOINED, LONG])
@pytest.mark.parametrize("prefix", ["", "model.lmu.0."])
def test_known_names_with_a_readout(
    names: tuple[str, ...], prefix: str, cell: CellParameters, rng: np.random.Generator, tmp_path: Path
) -> None:
    arrays = tensors(cell, names, prefix)
    if names is LONG:
        arrays[f"{prefix}AT"] -= np.eye(ORDER, dtype=np.float32)
    head = rng.uniform(-1, 1, (5, HIDDEN))
    network = read(tmp_path, arrays | {"out.weight": head, "out.bias": np.arange(5.0)})
    same(network.layers[0], cell)
    readout = network.layers[1]
    assert isinstance(readout, DenseParameters)
    np.testing.assert_array_equal(readout.kernel, head)
    np.testing.assert_array_equal(readout.bias, np.arange(5.0))
    assert network.output is Output.LAST


def test_matrices_on_rows_are_told_by_their_shapes(cell: CellParameters, tmp_path: Path) -> None:
    arrays = {name: array.T for name, array in tensors(cell).items()}
    same(read(tmp_path, arrays).layers[0], cell)
    flat = {name: array[:, 0] if "e_" in name else array for name, array in arrays.items()}
    same(read(tmp_path, flat).layers[0], cell)


def test_shapes_that_tell_nothing_need_a_mapping(rng: np.random.Generator, tmp_path: Path) -> None:
    square = {"e_x": (1, 1), "W_x": (3, 1), "W_h": (3, 3), "W_m": (3, 3)}
    arrays = {name: rng.uniform(-1, 1, shape) for name, shape in square.items()}
    del arrays["W_x"]
    with pytest.raises(
        DesignError, match=r"tensors in m.safetensors must be shapes that tell rows from columns, or --ma"
    ):
        read(tmp_path, arrays)
    with pytest.raises(DesignError, match=r"tensors in m.safetensors must be shapes that fit each other, got e_x"):
        read(tmp_path, arrays | {"W_h": np.ones((3, 4))})


def test_layers_nn_linear_give_their_biases(cell: CellParameters, rng: np.random.Generator, tmp_path: Path) -> None:
    arrays = {f"{name}.weight": array for name, array in tensors(cell, prefix="").items() if name not in "AB"}
    biases = {name: rng.uniform(-1, 1, 1 if name[0] == "e" else HIDDEN) for name in ("e_x", "e_h", "W_x", "W_m")}
    network = read(tmp_path, arrays | {f"{name}.bias": value for name, value in biases.items()})
    front, layer = network.layers
    assert isinstance(front, DenseParameters)
    assert isinstance(layer, CellParameters)
    np.testing.assert_array_equal(layer.bias, biases["W_x"] + biases["W_m"])
    np.testing.assert_array_equal(layer.input_encoder, np.hstack([cell.input_encoder, [biases["e_x"] + biases["e_h"]]]))


def test_theta_may_lie_in_the_file(cell: CellParameters, tmp_path: Path) -> None:
    arrays = tensors(cell) | {"lmu.cell.theta_inv": np.array(1 / THETA)}
    same(read(tmp_path, arrays, NamedCell()).layers[0], cell)
    with pytest.raises(DesignError, match=r"m.safetensors has its window in theta_inv; leave --theta out"):
        read(tmp_path, arrays)
    with pytest.raises(DesignError, match=r"m.safetensors does not say its window; give --theta"):
        read(tmp_path, tensors(cell), NamedCell())


def test_what_the_file_does_not_say_is_said(cell: CellParameters, tmp_path: Path) -> None:
    network = read(tmp_path, tensors(cell), NamedCell(0.2, 0.01, "zoh", "relu", Output.SEQUENCE))
    layer = network.layers[0]
    assert isinstance(layer, CellParameters)
    assert (layer.spec, layer.activation) == (LMUSpec(ORDER, 0.2, 0.01), Activation.RELU)
    assert network.output is Output.SEQUENCE


def test_a_memory_between_two_rectifiers(rng: np.random.Generator, tmp_path: Path) -> None:
    arrays = {
        "W_u.weight": (1, INPUTS),
        "W_u.bias": (1,),
        "W_h.weight": (HIDDEN, ORDER + INPUTS),
        "W_h.bias": (HIDDEN,),
    }
    values = {name: rng.uniform(-1, 1, shape) for name, shape in arrays.items()}
    transition, given = memory()
    front, layer = read(tmp_path, values | {"A": transition, "B": given, "H": np.ones((ORDER, 7))}).layers
    assert isinstance(front, DenseParameters)
    assert isinstance(layer, MemoryParameters)
    assert (front.activation, layer.activation) == (Activation.RELU, Activation.RELU)
    np.testing.assert_array_equal(layer.memory_kernel, values["W_h.weight"][:, :ORDER])
    values["W_h.weight"] = np.ones((HIDDEN, ORDER + 1))
    with pytest.raises(DesignError, match=r"W_h.weight in m.safetensors must be of 4 or 6 columns, got \(3, 5\)"):
        read(tmp_path, values | {"A": transition})


@pytest.mark.parametrize(
    "change", [lambda a: a.T, lambda a: a - np.eye(ORDER), lambda a: a + 1e-4 * np.abs(a - np.eye(4)).max()]
)
def test_forms_of_the_transition_that_are_the_same(change: object, cell: CellParameters, tmp_path: Path) -> None:
    assert callable(change)
    arrays = tensors(cell)
    arrays["lmu.cell.A"] = change(arrays["lmu.cell.A"].astype(np.float64))
    same(read(tmp_path, arrays).layers[0], cell)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "A",
            memory(20.1)[0],
            "transition of layer 0 (lmu) must be what theta 20 s, dt 1 s and zoh give, got one that is",
        ),
        ("A", memory()[0] + 0.01, "transition of layer 0 (lmu) must be what theta 20 s"),
        ("B", memory(20.1)[1], "input of layer 0 (lmu) must be what theta 20 s, dt 1 s and zoh give, got one that is"),
        ("B", memory()[1][:3], "input of layer 0 (lmu) must be of shape (4,), got (3,)"),
        ("A", np.full((4, 4), np.nan), "transition of layer 0 (lmu) must be finite in every entry, got NaN"),
        ("W_h", np.full((3, 3), np.inf), "hidden_kernel of layer 0 (lmu) must be finite in every entry, got NaN"),
        ("W_m", np.ones((3, 4, 1)), "lmu.cell.W_m in m.safetensors must be a matrix, got (3, 4, 1)"),
        ("other", np.ones(3), "tensors in m.safetensors beside the LMU must be one layer nn.Linear, or explained by"),
    ],
)
def test_another_memory_or_other_tensors_are_refused(
    name: str, value: Array, message: str, cell: CellParameters, tmp_path: Path
) -> None:
    with pytest.raises(DesignError) as caught:
        read(tmp_path, tensors(cell) | {f"lmu.cell.{name}": value})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wide_window_is_compared_as_closely(cell: CellParameters, tmp_path: Path) -> None:
    """For θ of 50 000 steps Ā is all but the identity: only its difference from that tells windows apart."""
    arrays = tensors(cell)
    for theta, fits in ((50_000.0, True), (52_000.0, False)):
        transition, given = (a.astype(np.float32) for a in memory(theta))
        arrays |= {"lmu.cell.A": transition, "lmu.cell.B": given}
        if fits:
            read(tmp_path, arrays, NamedCell(50_000.0))
        else:
            with pytest.raises(DesignError, match=r"transition of layer 0 \(lmu\) must be what theta 50000 s"):
                read(tmp_path, arrays, NamedCell(50_000.0))


def test_several_cells_or_none_need_a_mapping(cell: CellParameters, tmp_path: Path) -> None:
    both = tensors(cell, prefix="a.") | tensors(cell, prefix="b.")
    for arrays in (both, {"W": np.ones((2, 2))}):
        with pytest.raises(
            DesignError, match="must be those of one LMU of a known kind, or explained by --mapping, got"
        ):
            read(tmp_path, arrays)


MAPPING = """
output = "sequence"
ignore = ["spare"]

[[layers]]
type = "lmu"
order = 4
theta = 20.0
activation = "sigmoid"
input_encoder = {tensor = "encoders", transpose = true, columns = [0, 2]}
hidden_encoder = {tensor = "encoders", transpose = true, columns = [2, 5]}
memory_encoder = "e_m"
input_kernel = "W_x"
hidden_kernel = "W_h"
memory_kernel = {tensor = "W_m", transpose = true}
bias = ["b", "b", {tensor = "c"}]
transition = "A"
input = "B"

[[layers]]
type = "dense"
kernel = "out"
activation = "tanh"
"""


def mapped(cell: CellParameters) -> dict[str, Array]:
    transition, given = memory()
    return {
        "encoders": np.hstack([cell.input_encoder, cell.hidden_encoder]).T,
        "e_m": cell.memory_encoder,
        "W_x": cell.input_kernel,
        "W_h": cell.hidden_kernel,
        "W_m": cell.memory_kernel.T,
        "b": np.full(HIDDEN, 0.25),
        "c": np.full(HIDDEN, 0.5),
        "A": transition,
        "B": given,
        "out": np.ones((2, HIDDEN)),
        "spare": np.ones(3),
    }


def test_a_mapping_with_parts_and_sums(cell: CellParameters, tmp_path: Path) -> None:
    network = read(tmp_path, mapped(cell), MAPPING)
    same(network.layers[0], replace(cell, bias=np.ones(HIDDEN), activation=Activation.SIGMOID))
    readout = network.layers[1]
    assert isinstance(readout, DenseParameters)
    assert (readout.activation, network.output) == (Activation.TANH, Output.SEQUENCE)
    assert not readout.bias.any()


def test_a_mapping_without_a_hidden_part_gives_on_the_memory(tmp_path: Path) -> None:
    text = '[[layers]]\ntype = "lmu"\norder = 4\ntheta_inv = "t"\ndt = "100ms"\n'
    text += 'basis = "orthonormal"\ninput_encoder = "e"\n'
    layer = read(tmp_path, {"e": np.ones((2, 3)), "t": np.array([0.05])}, text).layers[0]
    assert isinstance(layer, MemoryParameters)
    assert layer.spec == LMUSpec(4, 2.0, 0.1, basis="orthonormal")  # type: ignore[arg-type]
    assert (layer.hidden, layer.outputs) == (0, 8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"sequence"', '"all"', "output of m.toml must be one of sequence, last, got all"),
        ("output", "outputs", "key of mapping m.toml must be one of output, ignore, layers, got outputs"),
        ('"lmu"', '"gru"', "type of layer 0 must be one of lmu, dense, got gru"),
        ("order = 4", "order = 4\nunits = 3", "key of layer 0 (lmu) must be one of type, order, theta,"),
        ("order = 4", "", "layer 0 (lmu) has no order"),
        ("order = 4", "order = 4.5", "order of layer 0 (lmu) must be an integer from 1 to 2048, got 4.5"),
        ("theta = 20.0", "", "layer 0 (lmu) has neither theta nor theta_inv, or both; give one of them"),
        (
            "theta = 20.0",
            'theta = "20"\ndt = "1/0"',
            "dt of layer 0 (lmu) must be a time in seconds, such as 0.01, 10ms",
        ),
        ("theta = 20.0", 'theta = "10Hz"', "10Hz is a frequency, 1/10Hz a time"),
        ("theta = 20.0", "theta = -1", "theta of layer 0 (lmu) must be a positive number of seconds, got -1"),
        ('"sigmoid"', '"gelu"', "activation of layer 0 (lmu) must be one of tanh, sigmoid, relu, identity, got gelu"),
        ('"W_x"', '"W_y"', "input_kernel of layer 0 (lmu) must be a tensor in m.safetensors, got none of the name W_y"),
        ('"W_x"', "3", "input_kernel of layer 0 (lmu) must be a tensor's name, a table with tensor, transpose and"),
        ('"W_x"', '{name = "W_x"}', "key of input_kernel of layer 0 (lmu) must be one of tensor, transpose, columns"),
        ('"W_x"', '"W_h"', "input_kernel of layer 0 (lmu) must be of shape (3, 2), got (3, 3)"),
        ("[2, 5]", "[2, 6]", "hidden_encoder of layer 0 (lmu) must be a matrix of at least 6 columns, got (1, 5)"),
        ("[2, 5]", "[5, 2]", "columns of hidden_encoder of layer 0 (lmu) must be the first one and the one after the"),
        ('["b", "b",', '["b", "B",', "bias of layer 0 (lmu) must be a sum of tensors of one shape, got [(3,), (4, 1)"),
        ('"zoh"', '"ab2"', "transition of layer 0 (lmu) must be left out for ab2, which has more states, got given"),
        ('kernel = "out"', 'kernel = "c"', "kernel of layer 1 (dense) must be a matrix, got shape (3,)"),
        (
            'kernel = "out"',
            'kernel = {tensor = "out", columns = [0, 2]}',
            "inputs of layer 1 (dense) must be the 3 outputs of layer 0 (lmu), got 2",
        ),
        ('["spare"]', "[]", "tensors in m.safetensors must be used by a layer, or listed under ignore, got spare"),
        ("[[layers]]", "[layers", "m.toml must be a TOML file, got "),
    ],
)
def test_bad_mappings_are_refused_by_layer_and_name(
    old: str, new: str, message: str, cell: CellParameters, tmp_path: Path
) -> None:
    text = MAPPING.replace("theta = 20.0", 'theta = 20.0\ndiscretization = "zoh"').replace(old, new, 1)
    with pytest.raises(DesignError) as caught:
        read(tmp_path, mapped(cell), text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mapping_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=r"cannot read .*none.toml: No such file"):
        read_mapping(tmp_path / "none.toml")
    (tmp_path / "big.toml").write_text("#" * ((1 << 20) + 1))
    with pytest.raises(DesignError, match=r"big.toml must be at most 1048576 bytes large, got 1048577"):
        read_mapping(tmp_path / "big.toml")
