"""`lmu-hw import`: files from elsewhere become network files, and what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lmu_hw.design.requests import ImportRequest
from lmu_hw.networks.file import load_network
from lmu_hw.networks.model import Output
from lmu_hw.networks.reference import FloatNetwork
from tests.cli.conftest import Lmu
from tests.networks.importers.files import Cell, Entry, dense, save

MAPPING = """
[[layers]]
type = "lmu"
order = 4
theta = 2.0
dt = 0.1
input_encoder = "e"
memory_kernel = {tensor = "W", transpose = true}
"""


@pytest.fixture
def model(rng: np.random.Generator, tmp_path: Path) -> Path:
    """A model of Keras with a softmax."""
    head = dense("readout", rng.uniform(-1, 1, (3, 4)), activation="softmax")
    return save(tmp_path / "my-model 2.keras", [Cell(rng, flags=("hidden_to_memory",)).entry(), head])


@pytest.fixture
def tensors(rng: np.random.Generator, tmp_path: Path) -> Path:
    """A state dict with known names."""
    shapes = {"e_x": (1, 2), "e_h": (1, 3), "e_m": (1, 4), "W_x": (3, 2), "W_h": (3, 3), "W_m": (3, 4)}
    path = tmp_path / "state.safetensors"
    save_file({name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}, path)
    return path


def test_a_model_of_keras(lmu: Lmu, model: Path, rng: np.random.Generator) -> None:
    done = lmu("import", model, "--dt", 0.5, "--out", "o", "--json")
    assert (done.status, done.err) == (0, "")
    network = load_network(Path("o/my_model_2.npz"))
    answer = done.answer
    assert answer["file"] == "my_model_2.npz"
    assert (answer["format"], answer["version"], answer["output"]) == ("lmu_hw network", 1, "last")
    assert [layer["type"] for layer in answer["layers"]] == ["lmu", "dense"]
    assert (answer["layers"][0]["theta"], answer["layers"][0]["dt"]) == (6.0, 0.5)
    assert (answer["inputs"], answer["outputs"], answer["parameters"]) == (2, 4, network.parameters)
    assert answer["notes"]["imported"] == "my-model 2.keras"
    assert FloatNetwork(network).run(rng.uniform(-1, 1, (2, 5, 2))).shape == (2, 4)


def test_the_table_shows_the_layers_and_what_was_left_out(lmu: Lmu, model: Path) -> None:
    done = lmu("import", model, "--out", "o", "--name", "mine")
    assert done.status == 0
    for text in ("layer 0 (lmu)", "2 × 4", "zoh", "tanh", "softmax of layer 'readout' (Dense)", "in o: mine.npz"):
        assert text in done.out
    assert Path("o/mine.npz").exists()
    again = lmu("import", model, "--out", "p", "--name", "mine")
    assert again.status == 0
    assert Path("o/mine.npz").read_bytes() == Path("p/mine.npz").read_bytes()


def test_a_state_dict_with_known_names(lmu: Lmu, tensors: Path) -> None:
    said = ("--theta", 2.0, "--dt", 0.1, "--discretization", "bilinear", "--activation", "relu", "--output", "sequence")
    done = lmu("import", tensors, *said, "--out", "o", "--json")
    assert (done.status, done.err) == (0, "")
    layer = done.answer["layers"][0]
    assert (layer["theta"], layer["dt"], layer["discretization"], layer["activation"]) == (2.0, 0.1, "bilinear", "relu")
    assert load_network(Path("o/state.npz")).output is Output.SEQUENCE


def test_a_state_dict_with_a_mapping(lmu: Lmu, tmp_path: Path) -> None:
    save_file({"e": np.ones((1, 2)), "W": np.ones((4, 3))}, tmp_path / "7.safetensors")
    (tmp_path / "m.toml").write_text(MAPPING)
    done = lmu("import", "7.safetensors", "--mapping", "m.toml", "--out", "o", "--json")
    assert (done.status, done.answer["file"], done.answer["layers"][0]["type"]) == (0, "network_7.npz", "memory")
    done = lmu("import", "7.safetensors", "--mapping", "m.toml", "--theta", 2.0)
    assert done.status == 2
    assert done.err == "lmu-hw: --theta has no effect beside --mapping, which says it itself\n"


def test_the_example_in_the_help_is_a_mapping(lmu: Lmu, tmp_path: Path) -> None:
    lines = lmu("import", "--help").out.splitlines()
    begin = next(k for k, line in enumerate(lines) if "output =" in line)
    end = next(k for k in range(begin, len(lines)) if not lines[k].strip())
    (tmp_path / "m.toml").write_text("\n".join(line.strip() for line in lines[begin:end]))
    arrays = {"cell.encoder": (1, 2), "cell.kernel": (256, 5), "readout.weight": (3, 5), "readout.bias": (3,)}
    save_file(
        {name: np.ones(shape) for name, shape in (arrays | {"cell.b1": (5,), "cell.b2": (5,)}).items()},
        tmp_path / "m.safetensors",
    )
    done = lmu("import", "m.safetensors", "--mapping", "m.toml", "--json")
    assert (done.status, done.err) == (0, "")
    assert [layer["type"] for layer in done.answer["layers"]] == ["memory", "dense"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("net.onnx",),
            "net.onnx is not of a kind that is imported; there are .keras, .h5, .hdf5, .safetensors, .pt, .pth",
        ),
        (("none.keras",), "cannot read none.keras: No such file or directory"),
        (
            ("my-model 2.keras", "--theta", "3"),
            "--theta has no effect on a model of Keras, which says it itself",
        ),
        (("my-model 2.keras", "--name", "a/b"), "--name must be a letter followed by at most 62 letters, digits or _"),
        (("my-model 2.keras", "--dt", "0"), "--dt must be a positive number of seconds, got 0"),
        (
            ("state.safetensors",),
            "state.safetensors does not say its window; give --theta",
        ),
        (
            ("state.safetensors", "--theta", "x"),
            "--theta must be a time in seconds, such as 0.01, 10ms or 1/48kHz, got x",
        ),
        (("state.safetensors", "--theta", "2", "--output", "all"), "--output must be one of sequence, last, got all"),
        (("state.safetensors", "--theta", "0.5"), "dt of layer 0 (lmu) must be at most theta = 0.5 s, got 1.0"),
        (("bad.keras",), "layer 'c' (Conv1D) must be of class LMU, RNN, LMUFeedforward, Dense, TimeDistributed, Acti"),
    ],
)
def test_wrong_requests_end_with_status_2_and_one_line(
    words: tuple[str, ...], message: str, lmu: Lmu, model: Path, tensors: Path, tmp_path: Path
) -> None:
    save(tmp_path / "bad.keras", [Entry("Conv1D", "c")])
    done = lmu("import", *words, "--out", "o")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"lmu-hw: {message}")
    assert done.err.count("\n") == 1
    assert not Path("o").exists()


def test_a_step_may_be_given_as_a_rate(lmu: Lmu, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ImportRequest] = []
    monkeypatch.setattr("lmu_hw.cli.import_.run", lambda source, name, request, *_: asked.append(request))
    for words in (["--rate", "48kHz"], ["--dt", "1/48000"], ["--theta", "10ms"]):
        assert lmu("import", "model.keras", *words).status == 0
    assert asked == [ImportRequest(dt=1 / 48_000), ImportRequest(dt=1 / 48_000), ImportRequest(theta=0.01)]
