"""Models that the installed keras-lmu built, saved and answered for, imported and compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmu_hw.cli import main
from lmu_hw.errors import DesignError
from lmu_hw.networks.file import load_network
from lmu_hw.networks.importers import import_keras
from lmu_hw.networks.model import Output
from lmu_hw.networks.reference import FloatNetwork
from tests.peers.conftest import Peers

CASES = (
    "lmu_feedforward_inside",
    "lmu_rnn",
    "lmu_rnn_without_feedback",
    "lmu_biased",
    "lmu_theta",
    "lmu_theta_euler",
    "lmu_euler",
    "lmu_without_hidden",
    "lmu_without_hidden_fed_back",
    "lmu_without_kernel",
    "lmu_no_hidden_bias",
    "sequences",
    "two_layers",
    "pixels",
    "psmnist_size",
    "cell",
    "cell_dense",
    "cell_without_hidden",
    "cell_theta",
    "feedforward",
    "feedforward_raw",
    "feedforward_without_hidden",
    "feedforward_euler",
)
REFUSED = {
    "lstm_inside": r"hidden cell of layer 'the_lmu' \(LMU\) must be None, Dense or SimpleRNNCell, got .*\(LSTMCell\)",
    "gru_inside": r"hidden cell of layer 'the_lmu' \(LMU\) must be None, Dense or SimpleRNNCell, got .*\(GRUCell\)",
    "gelu_inside": r"activation of layer 'the_cell' \(Dense\) must be one of linear, .*, got gelu",
    "softmax_inside": r"softmax of layer 'the_cell' \(Dense\) must be at the end, not in front of layer 'readout'",
    "convolution": r"layer 'the_convolution' \(Conv1D\) must be of class LMU",
    "normalised": r"layer 'the_normalisation' \(BatchNormalization\) must be of class LMU",
    "branch": r"layer 'the_sum' \(Add\) must be fed once, with the outputs of one layer, got 2 inputs",
}
# keras-lmu computes in float32, its Ā and B̄ too: for 256 states its Ā is 2e-5 away, which is all the difference.
TOLERANCE = 1e-3  # of the largest answer, where that exceeds 1


@pytest.fixture(scope="session")
def models(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with NAME.keras, NAME.h5 and NAME.npz of all cases."""
    folder = tmp_path_factory.mktemp("keras")
    built = peers("build_keras.py", folder).split()
    assert sorted(built) == sorted([*CASES, *REFUSED])
    return folder


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", CASES)
def test_the_network_gives_the_same_answers(name: str, suffix: str, models: Path, tmp_path: Path) -> None:
    with np.load(models / f"{name}.npz") as file:
        x, expected = file["x"].astype(float), file["y"]
    assert main(["import", str(models / f"{name}{suffix}"), "--out", str(tmp_path), "--json"]) == 0
    network = load_network(tmp_path / f"{name}.npz")
    found = FloatNetwork(network).run(x.reshape(len(x), -1, network.inputs))
    assert (network.output is Output.SEQUENCE) == (expected.ndim == 3)
    if "left out" in network.notes:
        found = np.exp(found) / np.exp(found).sum(axis=-1, keepdims=True)
    tolerance = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(found.argmax(axis=-1), expected.argmax(axis=-1))
    assert np.ptp(expected, axis=0).max() > 20 * tolerance  # answers that differ from input to input


def test_theta_is_the_trained_one(models: Path) -> None:
    """The models say how far they moved θ from 20 steps."""
    with np.load(models / "lmu_theta.npz") as file:
        trained = float(file["theta"])
    assert not 18 < trained < 22
    layer = import_keras(models / "lmu_theta.keras", dt=0.5).layers[0]
    assert layer.spec.theta == pytest.approx(0.5 * trained, rel=1e-6)  # type: ignore[union-attr]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_represented_is_refused(name: str, suffix: str, models: Path) -> None:
    with pytest.raises(DesignError, match=REFUSED[name]):
        import_keras(models / f"{name}{suffix}")


@pytest.mark.parametrize("name", ["cell.weights.h5", "cell_theta.weights.h5"])
def test_weights_alone_are_refused(name: str, models: Path) -> None:
    with pytest.raises(DesignError, match="must be a whole model"):
        import_keras(models / name)
