"""The trained networks of the package: what the table says of them is true."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import nrmse
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Network
from lmu_hw.networks.pretrained import NETWORKS, load
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.training.tasks.digits import digits_task
from lmu_hw.training.tasks.mackey_glass import load_mackey_glass
from lmu_hw.training.tasks.mnist import PARTS, Mnist, load_mnist
from lmu_hw.training.tasks.psmnist import psmnist_task

#: A float64 product in another order may tip a digit or two.
_TIPPED = 2


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    """From the folder LMU_HW_MNIST, or from shared/data beside the checkout."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("LMU_HW_MNIST", beside))
    if not folder.is_dir() or not (list(folder.glob("*.npz")) or list(folder.glob(f"{PARTS[0].stem}*"))):
        pytest.skip("no MNIST: set LMU_HW_MNIST to its folder")
    return load_mnist(folder)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_table(name: str) -> None:
    network, shipped = load(name), NETWORKS[name]
    assert network.parameters == shipped.parameters
    assert network.notes["command"] == shipped.command
    assert (files("lmu_hw.networks.pretrained") / f"{name}.npz").stat().st_size < 1 << 20  # type: ignore[attr-defined]


def test_no_file_is_without_an_entry() -> None:
    found = {path.name for path in files("lmu_hw.networks.pretrained").iterdir() if path.name.endswith(".npz")}
    assert found == {f"{name}.npz" for name in NETWORKS}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(DesignError, match="network must be one of digits_linear, psmnist_linear"):
        load("psmnist")


def test_sizes_of_the_goals() -> None:
    sizes = {name: NETWORKS[name].parameters for name in NETWORKS}
    assert sizes["psmnist_linear"] <= 170_000
    assert sizes["psmnist_recurrent"] <= 103_000
    assert sizes["mackey_glass_lmu"] <= 18_100


def test_psmnist_linear(mnist: Mnist) -> None:
    task, shipped = psmnist_task(mnist), NETWORKS["psmnist_linear"]
    accuracy = task.held_out().score(load("psmnist_linear"))
    assert abs(accuracy - shipped.value) * 10_000 <= _TIPPED
    assert accuracy >= 0.9876


def test_psmnist_linear_one_pixel_after_the_other(mnist: Mnist) -> None:
    """The last state by one product, as above, is the one that the steps of the memory reach."""
    task, network = psmnist_task(mnist), load("psmnist_linear")
    x = task.sequences(task.test.x[:20])
    memory = network.layers[0]
    m = FloatMemory(memory.spec).run((x[..., 0] - network.input_offset) * network.input_scale)[:, -1]  # type: ignore[union-attr]
    h = np.maximum(m @ memory.memory_kernel.T + memory.bias, 0.0)  # type: ignore[union-attr]
    y = h @ network.layers[1].kernel.T + network.layers[1].bias  # type: ignore[union-attr]
    assert np.allclose(FloatNetwork(network).run(x), y, atol=1e-8)


@pytest.mark.slow
def test_psmnist_recurrent(mnist: Mnist) -> None:
    task, shipped = psmnist_task(mnist), NETWORKS["psmnist_recurrent"]
    accuracy = task.held_out().score(load("psmnist_recurrent"))
    assert abs(accuracy - shipped.value) * 10_000 <= _TIPPED
    assert accuracy >= 0.972


def test_some_of_psmnist_recurrent(mnist: Mnist) -> None:
    some = psmnist_task(mnist).held_out().first(40)
    assert some.score(load("psmnist_recurrent")) >= 0.9


def predicted(network: Network, count: int) -> tuple[Array, Array]:
    test = load_mackey_glass(0).test
    return FloatNetwork(network).run(test.x[:count]), test.y[:count]


def test_mackey_glass() -> None:
    y, wanted = predicted(load("mackey_glass_lmu"), 64)
    error = nrmse(y, wanted)
    assert error == pytest.approx(NETWORKS["mackey_glass_lmu"].value, rel=1e-3)
    assert error <= 0.044


def test_digits() -> None:
    task = digits_task()
    accuracy = task.held_out().score(load("digits_linear"))
    assert abs(accuracy - NETWORKS["digits_linear"].value) * len(task.test.y) <= _TIPPED
