"""A network of the package in Verilog, on the test data of its task: every word against the integer model.

    lmu-hw regression pretrained --network psmnist_recurrent --images 20 --lanes 16 --data FOLDER

Formats are chosen on sequences of the training part. The clock cycles per sequence are measured in the simulation and
reported beside those that the design documents and beside the lower bound, multiplications / multipliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.pretrained import NETWORKS, load
from lmu_hw.networks.quantize.options import NetworkOptions
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.cosim.network import cosimulate_network
from lmu_hw.sim.hdl.runner import Simulator


@dataclass(frozen=True, eq=False)
class TaskData:
    """Sequences of a task, shape (count, T, inputs).

    Attributes:
        calibration: Sequences of the training part.
        test: Sequences of the test part.
        labels: The classes of the test sequences, shape (count,); None if nothing is classified.
    """

    calibration: Array
    test: Array
    labels: IntArray | None


@dataclass(frozen=True)
class NetworkCheck:
    """The result of the check of a network of the package.

    Attributes:
        network: The name of the network.
        images, steps: The number of sequences that ran, and of the steps of each.
        words: The number of output words that were compared, each with its class, index and flags.
        mismatches: The number of words that differ or have a wrong class, index or flag.
        classes: The number of sequences whose class was compared; 0 if nothing is classified.
        different_classes: The number of sequences whose class in the Verilog differs from that of the integer model;
            None if the bench failed.
        accuracy_float, accuracy_fixed, accuracy_rtl: The accuracy of the float network, of the integer model and of
            the Verilog on these sequences; None without labels.
        weight_bits, state_bits: The widths of weights and of state words in the plan.
        lanes, sequences: The number of multipliers of each sequence, and of sequences side by side.
        multipliers: The number of all multipliers.
        multiplications: The number of multiplications of one sequence.
        cycles: The clock cycles per sequence as measured, from the first word in to the last word out, divided by the
            number of sequences; None if the bench failed.
        documented: The clock cycles per sequence as the design documents them, with `sequences` side by side.
        bound: The lower bound of the clock cycles per sequence, multiplications / multipliers.
        utilisation: The ratio bound / cycles; None if the bench failed.
        simulator: The HDL simulator.
        messages: The failures of the bench, a line each.
    """

    network: str
    images: int
    steps: int
    words: int
    mismatches: int
    classes: int
    different_classes: int | None
    accuracy_float: float | None
    accuracy_fixed: float | None
    accuracy_rtl: float | None
    weight_bits: int
    state_bits: int
    lanes: int
    sequences: int
    multipliers: int
    multiplications: int
    cycles: float | None
    documented: float
    bound: float
    utilisation: float | None
    simulator: str
    messages: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether something was compared and nothing differs."""
        return self.mismatches == 0 and self.words > 0 and self.different_classes == 0 and not self.messages


def task_data(network: str, images: int, calibration: int, folder: str | Path | None) -> TaskData:
    """Return the first sequences of the task on which a network of the package was trained.

    Args:
        network: The name of the network.
        images: The number of sequences of the test part.
        calibration: The number of sequences of the training part.
        folder: A folder with MNIST, if the task needs it; see `lmu_hw.training.tasks.mnist.load_mnist`.

    Raises:
        DesignError: There is no such network, the data are not valid, or the test part has fewer sequences.
        MissingToolError: A library of the task is not installed.
    """
    folder = None if folder is None else Path(folder)
    from lmu_hw.training.tasks.digits import digits_task
    from lmu_hw.training.tasks.mackey_glass import load_mackey_glass
    from lmu_hw.training.tasks.mnist import load_mnist
    from lmu_hw.training.tasks.psmnist import psmnist_task

    if network.startswith("mackey_glass"):
        series = load_mackey_glass(0)
        data = TaskData(series.train.x[:calibration], series.test.x[:images], None)
    elif network in NETWORKS:
        task = psmnist_task(load_mnist(folder)) if network.startswith("psmnist") else digits_task()
        data = TaskData(
            task.sequences(task.train.x[:calibration]),
            task.sequences(task.test.x[:images]),
            np.asarray(task.test.y[:images], dtype=np.int64),
        )
    else:
        raise DesignError("network", "one of " + ", ".join(NETWORKS), network)
    if not 1 <= images <= len(data.test):
        raise DesignError("images", f"from 1 to the {len(data.test)} of the test part", images)
    return data


def check_network(
    network: str,
    data: TaskData,
    *,
    workdir: str | Path,
    options: NetworkOptions | None = None,
    lanes: int = 1,
    sequences: int = 1,
    simulator: Simulator | str = Simulator.VERILATOR,
) -> NetworkCheck:
    """Check the Verilog of a network of the package on the data of its task.

    Args:
        network: The name of the network.
        data: The data of its task.
        workdir: The folder for the build and the recordings.
        options: The word lengths; the defaults of `NetworkOptions` if None.
        lanes: The number of multipliers of each sequence.
        sequences: The number of sequences side by side.
        simulator: The HDL simulator, verilator or icarus.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: The simulator is not installed.
    """
    workdir = Path(workdir)
    trained = load(network)
    chosen = options or NetworkOptions()
    plan = plan_network(trained, data.calibration, chosen)
    design = generate_network_verilog(plan, lanes=lanes, sequences=sequences)
    found = cosimulate_network(
        trained, plan, design, data.test, workdir=workdir, labels=data.labels, simulator=simulator, gap=0.0, stall=0.0
    )
    count, steps, _ = data.test.shape
    rounds = -(-count // sequences)
    cycles = None if found.cycles is None else found.cycles / (rounds * sequences)
    multiplications = plan.multiplications_per_sequence(steps)
    bound = multiplications / (lanes * sequences)
    per_round = (steps - 1) * design.manifest["cycles_per_step"] + design.manifest["cycles_per_last_step"]
    accuracy = found.accuracy or {}
    return NetworkCheck(
        network=network,
        images=count,
        steps=steps,
        words=found.digital.words,
        mismatches=found.digital.mismatches,
        classes=count if plan.outputs > 1 else 0,
        different_classes=found.digital.different_classes,
        accuracy_float=accuracy.get("float"),
        accuracy_fixed=accuracy.get("fixed"),
        accuracy_rtl=accuracy.get("rtl"),
        weight_bits=chosen.layer.weight_bits,
        state_bits=chosen.layer.state_bits,
        lanes=lanes,
        sequences=sequences,
        multipliers=int(design.manifest["multipliers"]),
        multiplications=multiplications,
        cycles=cycles,
        documented=per_round / sequences,
        bound=bound,
        utilisation=None if cycles is None else bound / cycles,
        simulator=str(simulator),
        messages=found.digital.messages,
    )
