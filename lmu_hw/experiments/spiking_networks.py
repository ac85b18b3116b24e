"""Trained networks in spikes: digits over the number of neurons, and the score of each task's network.

The figure of the digits is drawn, and the time of a pixel was chosen, by

    lmu-hw experiment spiking-digits --seeds 2 --plot spiking_digits.svg
    lmu-hw experiment spiking-digits --part training --per-state 25,50 --sample-seconds 0.01,0.02,0.03,0.05

The tasks are scored by

    lmu-hw experiment spiking-tasks digits
    lmu-hw experiment spiking-tasks mackey-glass --test-sequences 8
    LMU_HW_MNIST=DIR lmu-hw experiment spiking-tasks psmnist --test-sequences 50
    lmu-hw train delay --out out/delay
    lmu-hw experiment spiking-tasks delay --network out/delay/delay_delay.npz
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from lmu_hw.cli.options import spiking_network_options
from lmu_hw.cli.output import format_number, grid, progress
from lmu_hw.cli.parameters import Fractions, Wholes, option
from lmu_hw.cli.programs import Outcome
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import DesignError, RequestError
from lmu_hw.experiments.app import choice, experiment, plot_option
from lmu_hw.io.files import write_text
from lmu_hw.networks.model import Network
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.classifier import accuracy
from lmu_hw.reference.digits import LabelledSequences, load_digits
from lmu_hw.spiking.network import NetworkOptions, Scope, SpikingNetwork
from lmu_hw.spiking.neurons import NeuronKind

if TYPE_CHECKING:
    from lmu_hw.training.tasks.base import HeldOut

# Digits over the number of neurons

NETWORK = "digits_linear"
PER_STATE = (12, 25, 50, 100, 200, 400)
SAMPLE_SECONDS = 0.05
_CALIBRATION = 200
_TITLES = {Scope.MEMORY: "the memory in spikes", Scope.ALL: "everything in spikes"}


def digits_of(part: str) -> tuple[LabelledSequences, LabelledSequences]:
    """The digits by which ensembles are scaled, and those to classify.

    Args:
        part: "test" to classify the held-out digits, "training" to classify training digits.

    Raises:
        MissingToolError: scikit-learn is not installed.
    """
    data = load_digits(0)
    known, rest = (
        LabelledSequences(data.train.sequences[part], data.train.labels[part])
        for part in (slice(_CALIBRATION), slice(_CALIBRATION, None))
    )
    return known, data.test if part == "test" else rest


def measure_digits(
    per_state: int,
    scope: Scope,
    *,
    kind: NeuronKind = NeuronKind.POISSON_LIF,
    sample_seconds: float = SAMPLE_SECONDS,
    part: str = "test",
    count: int | None = None,
    seed: int = 0,
) -> tuple[int, float, float]:
    """The number of neurons, the accuracy in spikes and the accuracy in float64.

    Args:
        per_state: The number of neurons for each state, and for each hidden unit.
        scope: The parts of the network that are in spikes.
        kind: The kind of neuron.
        sample_seconds: The duration of a pixel, in seconds.
        part: The part of the digits; see `digits_of`.
        count: The number of digits; None for all.
        seed: The seed of tuning curves and spikes.

    Raises:
        MissingToolError: scikit-learn is not installed.
    """
    network, (known, asked) = load(NETWORK), digits_of(part)
    x, labels = asked.sequences[:count, :, None], asked.labels[:count]
    options = NetworkOptions(per_state, per_state, scope, sample_seconds, kind, seed=seed)
    spiking = SpikingNetwork(network, options, known.sequences[..., None])
    ideal = accuracy(FloatNetwork(network).classify(x), labels)
    return spiking.neurons, accuracy(spiking.classify(x), labels), ideal


@experiment("spiking-digits")
@click.option(
    "--per-state",
    type=Wholes(),
    default="12,25,50,100,200,400",
    metavar="N,N,...",
    help="Neurons for each state and hidden unit.",
)
@click.option(
    "--sample-seconds", type=Fractions(), default=str(SAMPLE_SECONDS), metavar="S,S,...", help="How long a pixel lasts."
)
@click.option("--part", type=click.Choice(["test", "training"]), default="test", help="Which digits are classified.")
@click.option("--kind", type=choice(NeuronKind), default="poisson-lif", help="Kind of neuron.")
@click.option("--digits", "count", type=int, help="Number of digits of the part.", show_default="all")
@click.option("--seeds", default=1, help="Number of runs of each, each with its own tuning curves and spikes.")
@plot_option("the accuracies")
def spiking_digits(
    per_state: tuple[int, ...],
    sample_seconds: tuple[float, ...],
    part: str,
    kind: str,
    count: int | None,
    seeds: int,
    plot: Path | None,
) -> Outcome:
    """Measure the accuracy on handwritten digits in spikes, over the neurons of the package's network for them.

    The network is `digits_linear`, as `lmu-hw train digits` made it: 64 states that see 64 pixels in a random order,
    64 hidden units, 10 classes. The time constant of the synapse is 100 ms; the ensembles are scaled by what happens
    in the trained network on the first training digits. Either the memory alone is in spikes, or the hidden units
    too.

    The duration of a pixel was chosen on the other training digits, with --part training and several --sample-seconds:
    the longer the better, up to half the time constant of the synapse, beyond which a step is too coarse for it. So
    it is 50 ms, before any held-out digit is seen.
    """
    seeds = max(1, seeds)
    total = len(digits_of(part)[1].labels[:count])
    result: dict[str, Any] = {"network": NETWORK, "kind": kind, "part": part, "digits": total, "seeds": seeds}
    result["curves"] = []
    with progress() as bar:
        task = bar.add_task("digits", total=len(Scope) * len(sample_seconds) * len(per_state) * seeds)
        for scope, seconds in product(Scope, sample_seconds):
            neurons, scores = [], []
            for n in per_state:
                runs = []
                for seed in range(seeds):
                    settings: dict[str, Any] = {"kind": NeuronKind(kind), "sample_seconds": seconds, "part": part}
                    runs.append(measure_digits(n, scope, **settings, count=count, seed=seed))
                    bar.advance(task)
                neurons.append(runs[0][0])
                scores.append([score for _, score, _ in runs])
                result["float"] = runs[0][2]
            curve = {"scope": str(scope), "sample_seconds": seconds, "neurons": neurons, "accuracy": scores}
            result["curves"].append(curve)
    if plot is not None:
        write_text(plot, _plot(result))
    return Outcome(result, [_table(scope, result) for scope in Scope])


def _plot(result: dict[str, Any]) -> str:
    from lmu_hw.cli.spiking_plots import Curve, accuracy_plot

    several = len({curve["sample_seconds"] for curve in result["curves"]}) > 1
    curves = [
        Curve(
            _TITLES[Scope(c["scope"])] + (f", {format_number(c['sample_seconds'])} s a pixel" if several else ""),
            np.array(c["neurons"], dtype=np.float64),
            np.array(c["accuracy"]),
        )
        for c in result["curves"]
    ]
    what = {"test": "held-out", "training": "training"}[result["part"]]
    title = f"{result['digits']} {what} digits, pixel by pixel: accuracy in spikes"
    return accuracy_plot(curves, result["float"], title)


def _table(scope: Scope, result: dict[str, Any]) -> Any:
    curves: Sequence[dict[str, Any]] = [c for c in result["curves"] if c["scope"] == scope]
    heads = ["neurons", *(f"{format_number(c['sample_seconds'])} s a pixel" for c in curves)]
    rows = [
        (str(neurons), *(_percent(c["accuracy"][k]) for c in curves)) for k, neurons in enumerate(curves[0]["neurons"])
    ]
    digits = f"{result['digits']} {result['part']} digits"
    title = f"{_TITLES[scope].capitalize()}, {digits}, {result['seeds']} seeds; float64 {result['float']:.1%}"
    return grid(title, heads, rows, right=range(len(heads)))


def _percent(scores: Sequence[float]) -> str:
    """The mean of the shares in per cent, with the least and the largest if there are several."""
    mean = f"{np.mean(scores):.1%}"
    return mean if len(scores) == 1 else f"{mean} ({min(scores):.1%} … {max(scores):.1%})"


# The tasks


@dataclass(frozen=True)
class Data:
    """The data of the tasks that need files.

    Attributes:
        mnist: The folder of MNIST.
        source: The file of the sequences that a network was trained on.
        target: The file of their targets.
    """

    mnist: Path | None = None
    source: Path | None = None
    target: Path | None = None


def _step(network: Network) -> float:
    if network.dt is None:
        raise DesignError("network", "one with a memory", "none")
    return network.dt


def _seed(network: Network) -> int:
    """The seed of the run that trained the network, which also determined its test part."""
    seed = network.notes.get("seed", 0)
    return seed if isinstance(seed, int) else 0


def _digits(network: Network, data: Data) -> HeldOut:
    from lmu_hw.training.tasks import digits

    return digits.digits_task().held_out()


def _psmnist(network: Network, data: Data) -> HeldOut:
    from lmu_hw.training.tasks import mnist, psmnist

    return psmnist.psmnist_task(mnist.load_mnist(data.mnist)).held_out()


def _mackey_glass(network: Network, data: Data) -> HeldOut:
    from lmu_hw.training.tasks import mackey_glass

    return mackey_glass.held_out(mackey_glass.load_mackey_glass())


def _delay(network: Network, data: Data) -> HeldOut:
    from lmu_hw.training.tasks import delay

    return delay.held_out(_step(network) * delay.STEPS_PER_DELAY, _seed(network))


def _capacity(network: Network, data: Data) -> HeldOut:
    from lmu_hw.training.tasks import capacity

    return capacity.held_out(capacity.CapacityTask(round(capacity.THETA / _step(network))), _seed(network))


def _arrays(network: Network, data: Data) -> HeldOut:
    from lmu_hw.training.tasks import arrays

    if data.source is None or data.target is None:
        raise RequestError("--input X.npy and --target Y.npy are missing", hint="they hold the sequences")
    return arrays.held_out(arrays.read_arrays(data.source, data.target))


#: For each task the package's network, if it has one, and what gives the test part for a network. The tasks need
#: JAX, so each is imported when it is asked for.
TASKS: Mapping[str, tuple[str | None, Callable[[Network, Data], HeldOut]]] = MappingProxyType(
    {
        "digits": ("digits_linear", _digits),
        "psmnist": ("psmnist_linear", _psmnist),
        "mackey-glass": ("mackey_glass_lmu", _mackey_glass),
        "delay": (None, _delay),
        "capacity": (None, _capacity),
        "arrays": (None, _arrays),
    }
)


@experiment("spiking-tasks")
@click.argument("task", type=choice(TASKS))
@click.option("--network", help="A network file, or a name; without it the package's network for the task.")
@click.option(
    "--neurons", type=Wholes(), default="25,100,400", metavar="N,N,...", help="Neurons for each state and hidden unit."
)
@option(
    "--test-sequences",
    "sequences",
    section="Options",
    older=["sequences"],
    type=int,
    help="Number of sequences of the test part.",
    show_default="all",
)
@click.option("--seeds", default=1, help="Number of runs of each, each with its own tuning curves and spikes.")
@click.option("--data", type=click.Path(path_type=Path), envvar="LMU_HW_MNIST", help="Folder of MNIST.")
@click.option(
    "--input", "source", type=click.Path(path_type=Path), help="Input arrays that the network was trained on."
)
@click.option("--target", type=click.Path(path_type=Path), help="Target arrays that the network was trained on.")
@spiking_network_options
def spiking_tasks(
    task: str,
    network: str | None,
    neurons: tuple[int, ...],
    sequences: int | None,
    seeds: int,
    data: Path | None,
    source: Path | None,
    target: Path | None,
    spiking: SpikingChoice,
) -> Outcome:
    """Score the trained network of a TASK of `lmu-hw train` in spikes and in float64, on the task's own test part.

    The network is one of the package, or a file of `lmu-hw train`, which tells the same with --spiking right after it
    has trained. A sample lasts a step of the network where that is short enough for the synapse, so the delay runs in
    real time. Pixels and the samples of Mackey–Glass, whose step is a second by name only, last half the time
    constant of the synapse, 50 ms. Ensembles are scaled by what happens in the trained network on sequences of the
    training part.
    """
    from lmu_hw.cli.train_spiking import SpikingTest, spiking_tables

    asked = SpikingTest(neurons, spiking, sequences, seeds)
    shipped, part = TASKS[task]
    name = network or shipped
    if name is None:
        raise RequestError("--network is missing", hint=f"`lmu-hw train {task}` leaves such a file")
    trained = NetworkDesign(name).load()
    result = asked.run(trained, part(trained, Data(data, source, target)))
    return Outcome({"task": task, "network": name, **result}, list(spiking_tables(result)))
