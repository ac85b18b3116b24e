"""The programs of examples/: what keras-lmu, PyTorch and our own trainer leave comes through import to integers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from lmu_hw import FloatNetwork, IntegerNetwork, load_network, plan_network
from lmu_hw.cli import main
from tests.peers.conftest import PYTHON, Peers
from tests.project.test_examples import RUNNER, code, plain, said

TOP = Path(__file__).parents[2]
EXAMPLES = TOP / "examples"


def ours(script: str, *arguments: object) -> str:
    """Run an example with this Python; its standard output."""
    words = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True, timeout=600).stdout


def theirs(script: str, *arguments: object) -> str:
    """Run an example with the peers' Python; its standard output."""
    words = [str(PYTHON), str(EXAMPLES / script), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def accuracies(said: str) -> list[float]:
    return [float(number) for number in re.findall(r": (0\.\d{4})$", said, re.MULTILINE)]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the digits as sequences."""
    folder = tmp_path_factory.mktemp("digits")
    ours("digits.py", folder)
    assert np.load(folder / "x_train.npy").shape == (1258, 64, 1)
    return folder


def accuracy(network: Path, data: Path) -> float:
    """The accuracy of a network file in float64 on the test part."""
    classes = FloatNetwork(load_network(network)).classify(np.load(data / "x_test.npy"))
    return float(np.mean(classes == np.load(data / "y_test.npy")))


def goes_to_hardware(network: Path, data: Path, out: Path) -> None:
    """The network gets formats, and Verilog that says what it costs."""
    np.save(out / "calibration.npy", np.load(data / "x_train.npy")[:16])
    words = [str(network), "--calibration", str(out / "calibration.npy"), "--out", str(out / "build")]
    assert main(["quantize", *words]) == 0
    assert main(["verilog", *words, "--lanes", "4"]) == 0
    assert json.loads((out / "build" / "manifest.json").read_text())["multipliers"] == 4


def test_keras_lmu(data: Path, tmp_path: Path) -> None:
    (trained,) = accuracies(theirs("keras_lmu_digits.py", data, tmp_path, 2))
    assert main(["import", str(tmp_path / "digits.keras"), "--out", str(tmp_path)]) == 0
    scores = FloatNetwork(load_network(tmp_path / "digits.npz")).run(np.load(data / "x_test.npy"))
    np.testing.assert_allclose(scores, np.load(tmp_path / "scores.npy"), rtol=0, atol=1e-3)
    assert accuracy(tmp_path / "digits.npz", data) == pytest.approx(trained, abs=0.005)
    goes_to_hardware(tmp_path / "digits.npz", data, tmp_path)


def test_pytorch(data: Path, tmp_path: Path, peers: Peers) -> None:
    (trained,) = accuracies(theirs("pytorch_digits.py", data, tmp_path, 2))
    # PyTorch, which reads .pt files, is in the peers' environment only.
    program = (
        "import sys; from lmu_hw import import_state_dict, save_network\n"
        "save_network(sys.argv[2], import_state_dict(sys.argv[1], theta=64.0))"
    )
    peers(program, tmp_path / "digits.pt", tmp_path / "digits.npz")
    assert accuracy(tmp_path / "digits.npz", data) == pytest.approx(trained, abs=0.005)
    goes_to_hardware(tmp_path / "digits.npz", data, tmp_path)


def test_our_trainer(data: Path, tmp_path: Path) -> None:
    (trained,) = accuracies(ours("lmu_hw_digits.py", data, tmp_path, 10))
    assert trained > 0.8
    assert accuracy(tmp_path / "digits.npz", data) == pytest.approx(trained, abs=0.005)
    goes_to_hardware(tmp_path / "digits.npz", data, tmp_path)


def test_quantization_aware_training_in_pytorch(data: Path, tmp_path: Path) -> None:
    exact, rounded, trained = accuracies(theirs("pytorch_quantization.py", data, tmp_path))
    assert exact > trained > rounded + 0.01
    # What was trained for is what the integer model says, which the Verilog equals bit for bit.
    plan = plan_network(
        load_network(tmp_path / "digits.npz"),
        np.load(tmp_path / "calibration.npy"),
        weight_bits=2,
        activation_bits=6,
        state_bits=12,
        compensated=False,
    )
    integers = IntegerNetwork(plan)
    classes = integers.classify(integers.encode(np.load(data / "x_test.npy").astype(float)))
    assert float(np.mean(classes == np.load(data / "y_test.npy"))) == pytest.approx(trained, abs=1e-4)


STRAIGHT_THROUGH = """
import sys
import sysconfig
import torch
sys.path.insert(0, sys.argv[1])
import pytorch_quantization as example
from lmu_hw import IntegerNetwork

torch.manual_seed(1)
model = example.MemoryClassifier()
x = 2 * torch.rand(5, 64, 1) - 1
hardware = example.Quantized(model, x)
weights = torch.randn(5, 10)

def gradients(outputs):
    model.zero_grad()
    (outputs * weights).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]

of_hardware, of_float = gradients(hardware(x)), gradients(model(x))
assert all(torch.equal(a, b) for a, b in zip(of_hardware, of_float)) and any(a.any() for a in of_float)
integers = IntegerNetwork(hardware.plan())
words = integers.run(integers.encode(x.double().numpy()))
assert torch.equal(hardware(x).detach(), torch.from_numpy(integers.decode(words)).float())
assert not torch.equal(hardware(x), model(x))
print("passed")
"""


def test_forwards_the_outputs_are_the_integers_and_backwards_the_gradient_is_the_floats(peers: Peers) -> None:
    assert peers(STRAIGHT_THROUGH, EXAMPLES).strip() == "passed"


def test_the_notebook_on_pytorch_still_says_what_it_shows() -> None:
    cells = code("pytorch_to_integers")
    # The peers' environment has PyTorch, and this one everything else.
    path = os.pathsep.join([str(TOP), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    words = [str(PYTHON), "-c", RUNNER, json.dumps(["".join(cell["source"]) for cell in cells])]
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=EXAMPLES, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for cell, found in zip(cells, json.loads(done.stdout.splitlines()[-1]), strict=True):
        assert plain(found) == plain(said(cell)), "".join(cell["source"])
