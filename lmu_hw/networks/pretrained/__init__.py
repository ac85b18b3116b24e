"""Trained networks that come with the package: what each computes, the command that trained it, and its score.

Each command was run once. Its network is that of the epoch with the best score on the validation part; the value given
here is its score on the test part, computed by the float64 reference. The network for the Mackey–Glass series is the
best of the seeds 0, 1 and 2 on the validation part; the others have seed 0. On another machine the same command trains
a network of the same kind with other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from types import MappingProxyType
from typing import TYPE_CHECKING

from lmu_hw.errors import DesignError

if TYPE_CHECKING:
    from lmu_hw.networks.model import Network


@dataclass(frozen=True)
class Shipped:
    """One network of the package.

    Attributes:
        task: What it computes, and from what.
        command: The command that trained it.
        metric: The name of the metric that scores it.
        value: The score of the network on the test part.
        parameters: The number of its parameters.
    """

    task: str
    command: str
    metric: str
    value: float
    parameters: int


NETWORKS: Mapping[str, Shipped] = MappingProxyType(
    {
        "digits_linear": Shipped(
            "digits from 64 pixels in a random order; memory of 64 states, bilinear, without feedback",
            "lmu-hw train digits --seed 0",
            "accuracy",
            0.983302,
            4_811,
        ),
        "psmnist_linear": Shipped(
            "digits from 784 pixels in a random order; memory of 468 states, bilinear, without feedback",
            "lmu-hw train psmnist --seed 0",
            "accuracy",
            0.9924,
            169_577,
        ),
        "psmnist_recurrent": Shipped(
            "the same; memory of 256 states, fed back from 212 hidden units",
            "lmu-hw train psmnist --memory recurrent --seed 0",
            "accuracy",
            0.9858,
            102_239,
        ),
        "mackey_glass_lmu": Shipped(
            "a chaotic series 15 steps ahead; four layers of 8 states and 47 hidden units",
            "lmu-hw train mackey-glass --models lmu --seed 1",
            "nrmse",
            0.008614,
            17_612,
        ),
    }
)


def load_pretrained(name: str) -> Network:
    """The trained network of the package with this name, one of `lmu_hw.networks.pretrained.NETWORKS`.

    Raises:
        DesignError: There is no network of that name.
    """
    return load(name)


def load(name: str) -> Network:
    """The network of `NETWORKS` with this name.

    Raises:
        DesignError: There is no network of that name.
    """
    from lmu_hw.networks.file import load_network

    if name not in NETWORKS:
        raise DesignError("network", "one of " + ", ".join(NETWORKS), name)
    with as_file(files("lmu_hw.networks.pretrained") / f"{name}.npz") as path:
        return load_network(path)
