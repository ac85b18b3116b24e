"""The trained networks of the tasks of `lmu-hw train` in spikes: the task's own score on its own test part.

    python -m lmu_hw.experiments.spiking_tasks digits
    python -m lmu_hw.experiments.spiking_tasks mackey-glass --sequences 8
    LMU_HW_MNIST=DIR python -m lmu_hw.experiments.spiking_tasks psmnist --sequences 50
    lmu-hw train delay --out out/delay
    python -m lmu_hw.experiments.spiking_tasks delay --network out/delay/delay_delay.npz

The network is one of the package, or a file of `lmu-hw train`, which says the same with --spiking right after it has
trained. A sample lasts a step of the network where that is short enough for the synapse, so the delay runs in real
time; pixels and the samples of Mackey–Glass, whose step is a second by name only, last half the synapse's time
constant, 50 ms. Ensembles are scaled by what happens in the trained network on sequences of the training part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import click

from lmu_hw.cli.options import spiking_network_options
from lmu_hw.cli.output import answer
from lmu_hw.cli.parameters import Wholes
from lmu_hw.cli.train_spiking import SpikingTest, spiking_tables
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import DesignError
from lmu_hw.experiments.start import command
from lmu_hw.networks.model import Network
from lmu_hw.training.tasks import (
    arrays,
    delay,
    digits,
    mnist,
    psmnist,
)
from lmu_hw.training.tasks import (
    capacity as remembering,
)
from lmu_hw.training.tasks import (
    mackey_glass as prediction,
)
from lmu_hw.training.tasks.base import HeldOut
from lmu_hw.training.tasks.capacity import THETA, CapacityTask
from lmu_hw.training.tasks.mackey_glass import load_mackey_glass

NEURONS = (25, 100, 400)


@dataclass(frozen=True)
class Data:
    """Where the data of tasks come from that need some."""

    mnist: Path | None = None
    source: Path | None = None
    target: Path | None = None


def _step(network: Network) -> float:
    if network.dt is None:
        raise DesignError("network", "one with a memory", "none")
    return network.dt


def _seed(network: Network) -> int:
    """Of the run that made it, which its test part goes by."""
    seed = network.notes.get("seed", 0)
    return seed if isinstance(seed, int) else 0


def _arrays(network: Network, data: Data) -> HeldOut:
    if data.source is None or data.target is None:
        raise DesignError("input and target", "given, by --input X.npy and --target Y.npy", "nothing")
    return arrays.held_out(arrays.read_arrays(data.source, data.target))


#: The package's network for each task, if it has one, and the test part for a network.
TASKS: Mapping[str, tuple[str | None, Callable[[Network, Data], HeldOut]]] = MappingProxyType(
    {
        "digits": ("digits_linear", lambda network, data: digits.digits_task().held_out()),
        "psmnist": (
            "psmnist_linear",
            lambda network, data: psmnist.psmnist_task(mnist.load_mnist(data.mnist)).held_out(),
        ),
        "mackey-glass": ("mackey_glass_lmu", lambda network, data: prediction.held_out(load_mackey_glass())),
        "delay": (
            None,
            lambda network, data: delay.held_out(_step(network) * delay.STEPS_PER_DELAY, _seed(network)),
        ),
        "capacity": (
            None,
            lambda network, data: remembering.held_out(CapacityTask(round(THETA / _step(network))), _seed(network)),
        ),
        "arrays": (None, _arrays),
    }
)


@click.command()
@click.argument("task", type=click.Choice(list(TASKS)))
@click.option("--network", help="A network file, or a name; by default the package's network for the task.")
@click.option("--neurons", type=Wholes(), default=NEURONS, metavar="N,N,...", help="For each state and hidden unit.")
@click.option("--sequences", type=int, help="Of the test part, the first ones; all by default.")
@click.option("--seeds", default=1, help="Runs of each, with tuning curves and spikes of their own; 1 by default.")
@click.option("--data", type=click.Path(path_type=Path), envvar="LMU_HW_MNIST", help="Folder of MNIST.")
@click.option("--input", "source", type=click.Path(path_type=Path), help="Of arrays, as the network was trained on.")
@click.option("--target", type=click.Path(path_type=Path), help="The same.")
@spiking_network_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    task: str,
    network: str | None,
    neurons: tuple[int, ...],
    sequences: int | None,
    seeds: int,
    data: Path | None,
    source: Path | None,
    target: Path | None,
    spiking: SpikingChoice,
    as_json: bool,
) -> None:
    """Print the score of TASK in float64 and in spikes."""
    asked = SpikingTest(neurons, spiking, sequences, seeds)
    shipped, part = TASKS[task]
    name = network or shipped
    if name is None:
        raise DesignError("network", f"given: a file of lmu-hw train {task}", "nothing")
    trained = NetworkDesign(name).load()
    result = asked.run(trained, part(trained, Data(data, source, target)))
    answer({"task": task, "network": name, **result}, spiking_tables(result), as_json=as_json)


if __name__ == "__main__":
    command(main)
