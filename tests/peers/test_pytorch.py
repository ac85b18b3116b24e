"""State dicts that the installed PyTorch saved, imported and compared with its answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmu_hw.cli import main
from lmu_hw.networks.file import load_network
from lmu_hw.networks.reference import FloatNetwork
from tests.peers.conftest import Peers

CASES = ("paper", "long", "rows", "linears", "feedforward", "fused")
TOLERANCE = 1e-3

MAPPING = """
[[layers]]
type = "lmu"
order = 5
theta = 20.0
activation = "relu"
input_encoder = {tensor = "lmu.encoder", transpose = true, columns = [0, 3]}
hidden_encoder = {tensor = "lmu.encoder", transpose = true, columns = [3, 10]}
input_kernel = {tensor = "lmu.kernel", columns = [0, 3]}
hidden_kernel = {tensor = "lmu.kernel", columns = [3, 10]}
memory_kernel = {tensor = "lmu.kernel", columns = [10, 15]}
bias = "lmu.b"

[[layers]]
type = "dense"
kernel = "classifier.weight"
bias = "classifier.bias"
"""

# PyTorch is in the peers' environment only, so that is where a .pt is read.
IMPORT = """
import sys
from pathlib import Path
from lmu_hw.errors import DesignError
from lmu_hw.networks.importers import NamedCell, import_state_dict, read_mapping
from lmu_hw.networks.file import save_network
folder, out, mapping = map(Path, sys.argv[1:4])
for name in sys.argv[4:]:
    given = read_mapping(mapping) if name == "fused" else NamedCell(None if name == "linears" else 20.0)
    try:
        save_network(out / f"{name}.npz", import_state_dict(folder / f"{name}.pt", given))
    except DesignError as error:
        print(name, error)
"""


@pytest.fixture(scope="session")
def models(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with NAME.pt, NAME.safetensors and NAME.npz of all cases, and the mapping of one."""
    folder = tmp_path_factory.mktemp("torch")
    (folder / "fused.toml").write_text(MAPPING)
    peers("build_torch.py", folder)
    return folder


@pytest.fixture(scope="session")
def from_pt(peers: Peers, models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The networks that were read from .pt files, and the refusals by name."""
    out = tmp_path_factory.mktemp("imported")
    hostile = ("checkpoint", "whole_model", "legacy", "not_finite", "view")
    said = peers(IMPORT, models, out, models / "fused.toml", *CASES, *hostile)
    return out, dict(line.split(" ", 1) for line in said.splitlines())


def compare(network: Path, answers: Path) -> None:
    with np.load(answers) as file:
        x, expected = file["x"].astype(float), file["y"]
    found = FloatNetwork(load_network(network)).run(x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(found.argmax(axis=-1), expected.argmax(axis=-1))
    assert np.ptp(expected, axis=0).max() > 20 * TOLERANCE


@pytest.mark.parametrize("name", CASES)
def test_safetensors(name: str, models: Path, tmp_path: Path) -> None:
    said = {"fused": ["--mapping", str(models / "fused.toml")], "linears": []}.get(name, ["--theta", "20"])
    assert main(["import", str(models / f"{name}.safetensors"), *said, "--out", str(tmp_path), "--json"]) == 0
    compare(tmp_path / f"{name}.npz", models / f"{name}.npz")


@pytest.mark.parametrize("name", CASES)
def test_pt(name: str, models: Path, from_pt: tuple[Path, dict[str, str]]) -> None:
    compare(from_pt[0] / f"{name}.npz", models / f"{name}.npz")


def test_a_checkpoint_around_a_state_dict(models: Path, from_pt: tuple[Path, dict[str, str]]) -> None:
    compare(from_pt[0] / "checkpoint.npz", models / "paper.npz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("whole_model", "pickle in whole_model.pt must be of tensors only, got one that names __main__.Model"),
        ("legacy", "legacy.pt must be a zip file, as torch.save writes it since 1.6, got no zip file"),
        ("not_finite", "hidden_kernel of layer 0 (lmu) must be finite in every entry, got NaN or infinity"),
        (
            "view",
            "kernel of layer 1 (dense) must be of floating-point numbers of 16, 32 or 64 bits, and not too many, got",
        ),
    ],
)
def test_what_is_no_state_dict_is_refused(name: str, message: str, from_pt: tuple[Path, dict[str, str]]) -> None:
    assert from_pt[1][name].startswith(message)
