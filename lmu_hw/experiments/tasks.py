"""Tasks of the literature in integers: the capacity task, psMNIST and Mackey–Glass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from lmu_hw.cli.output import facts, format_number, grid
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.steps import StepMatrices
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.experiments.app import experiment, seed_option, watched
from lmu_hw.fixed_point.formats import IntArray, Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.networks.model import Layer, Network, arrays
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.affine import RealNetwork, real_layers
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import NetworkPlanner
from lmu_hw.networks.quantize.storage import layer_storage
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.definition import Step
from lmu_hw.training.backend import jax
from lmu_hw.training.head import HeadTraining, memory_words, train_head
from lmu_hw.training.tasks.capacity import (
    FRACTIONS,
    HELD_OUT_WINDOWS,
    ORDER,
    WASHOUT,
    CapacityTask,
    delay_fractions,
)
from lmu_hw.training.tasks.images import PixelSequences, pixel_order
from lmu_hw.training.tasks.mackey_glass import SERIES, STEPS, load_mackey_glass
from lmu_hw.training.tasks.mnist import Mnist, load_mnist
from lmu_hw.training.tasks.psmnist import ORDER_SEED, PIXELS, PSMNIST, psmnist_task

# The capacity task

INPUT_SCALE = 0.25
_CHUNK = 4096


@dataclass(frozen=True)
class FixedCapacity:
    """The result of the capacity task for an integer memory.

    Attributes:
        plan: The plan of the memory.
        errors: The mean square error at each delay in input units, shape (5,).
        clipped: The number of samples beyond full scale, which the converter saturated.
    """

    plan: MemoryPlan
    errors: Array
    clipped: int


def measure_capacity(
    steps: int,
    *,
    order: int = ORDER,
    discretization: str = "ab2",
    input_bits: int = 13,
    state_bits: int = 16,
    coefficient_bits: int = 18,
    output_bits: int = 26,
    seed: int = 0,
) -> FixedCapacity:
    """Run the capacity task in integers on the held-out signal.

    Args:
        steps: The number of steps T in the window, a multiple of 4.
        order: The order of the memory.
        discretization: The time-stepping method.
        input_bits: The width of the samples; for all widths see `plan_memory`.
        state_bits: The width of the state words.
        coefficient_bits: The width of the coefficients.
        output_bits: The width of the output words.
        seed: The seed of the signal.
    """
    task = CapacityTask(steps)
    spec = task.spec(order, discretization)
    plan = plan_memory(
        spec,
        input_bits=input_bits,
        state_bits=state_bits,
        coefficient_bits=coefficient_bits,
        output_bits=output_bits,
        delays=delay_fractions(spec, task.delays),
    )
    signal = task.signal(WASHOUT + HELD_OUT_WINDOWS, 3 * seed + 2)
    codes = plan.input_format.encode(INPUT_SCALE * signal, overflow=Overflow.SATURATE)
    model, targets = IntegerMemory(plan), task.targets(signal)
    state, total, first = model.zero_state(), np.zeros(len(FRACTIONS)), WASHOUT * steps
    for start in range(0, signal.size, _CHUNK):
        words = model.run(codes[None, start : start + _CHUNK], state)[0][max(0, first - start) :]
        if plan.readouts is None or not len(words):
            continue
        at = max(start, first)
        heard = plan.readouts.format.decode(model.readouts(words)) / INPUT_SCALE
        total += np.sum((heard - targets[at - steps : at - steps + len(words)]) ** 2, axis=0)
    clipped = int(np.count_nonzero(np.abs(INPUT_SCALE * signal) >= 1.0))
    return FixedCapacity(plan, total / (signal.size - first), clipped)


@experiment("capacity")
@click.option("--steps", default=100_000, help="Number of steps in the window.")
@click.option("--discretization", default="ab2", help="Time-stepping method.")
@click.option("--state-bits", default=16, help="Width of the state words, which feed the multipliers.")
@seed_option("the signal")
def capacity(steps: int, discretization: str, state_bits: int, seed: int) -> Outcome:
    """Run the capacity task in fixed point: five delays read from one integer memory, nothing of it trained.

    The task is that of Voelker, Kajić and Eliasmith, NeurIPS 2019, section 4.1. The memory takes the input at a
    quarter of its size, so that its peaks stay in range. The integer readouts are Legendre polynomials at the delays:
    bit for bit what the hardware outputs.
    """
    found = measure_capacity(steps, discretization=discretization, state_bits=state_bits, seed=seed)
    plan = found.plan
    result = {
        "task": "capacity",
        "steps": steps,
        "order": plan.spec.order,
        "multiplications_per_sample": plan.multiplications_per_sample,
        "multiplier_bits": [plan.operand_format.width, plan.increment.coefficient_bits],
        "delays": list(FRACTIONS),
        "mean_square_errors": found.errors,
        "clipped": found.clipped,
    }
    design = [
        ("memory", plan.spec.summary()),
        ("multiplications per sample", f"{plan.multiplications_per_sample}"),
        ("multiplier", f"{plan.operand_format.width} × {plan.increment.coefficient_bits} bits"),
        ("samples beyond full scale", str(found.clipped)),
    ]
    errors = [(f"{f:g}", format_number(float(e))) for f, e in zip(FRACTIONS, found.errors, strict=True)]
    shown = [facts("Capacity in fixed point", design), grid("Mean square error", ["delay / T", "MSE"], errors)]
    return Outcome(result, shown)


# What quantised networks are compared with: every array of a network rounded by its largest entry, Ā included

WIDTHS = (4, 5, 6, 8, 10, 12, 16)
_PIECE = 500  # images that run side by side in float


def rounded_by_peak(array: Array, bits: int) -> Array:
    """The array rounded to nearest on 2^bits − 1 codes, from minus to plus its largest modulus."""
    peak = float(np.abs(array).max(initial=0.0))
    if peak == 0.0:
        return array
    scale = peak / (2 ** (bits - 1) - 1)
    return np.asarray(np.rint(array / scale) * scale)


def naive_network(network: Network, bits: int) -> RealNetwork:
    """The network with all weights and both matrices of every memory rounded by their largest entries, in float64.

    A matrix that is rounded so need not be stable any more.
    """

    def rounded(layer: Layer) -> Layer:
        changes: dict[str, Any] = {name: rounded_by_peak(array, bits) for name, array in arrays(layer).items()}
        return replace(layer, **changes)

    systems: list[Step | None] = []
    for layer in network.layers:
        if layer.memory_spec is None:
            systems.append(None)
            continue
        exact = discretize(layer.memory_spec)
        transition, drive = (rounded_by_peak(matrix, bits) for matrix in (exact.transition, exact.input))
        systems.append(StepMatrices(transition, drive, exact.output))
    return RealNetwork(
        real_layers(replace(network, layers=tuple(map(rounded, network.layers)))), network.output, systems
    )


# Width of the weights

_width_options = (
    click.option("--bits", type=int, multiple=True, default=WIDTHS, help="Width of the weights; may be repeated."),
    click.option("--activation-bits", default=16, help="Width of the words that hidden layers output."),
    click.option("--state-bits", default=16, help="Width of the memories' state words."),
    click.option("--naive/--no-naive", default=True, help="Whether to round everything by its largest entry, too."),
    click.option("--workers", default=2, help="Threads of the integer model."),
)


def _over_width(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Give an experiment the options that those over the width of the weights share."""
    for declare in reversed(_width_options):
        function = declare(function)
    return function


def _plans(
    planner: NetworkPlanner, bits: tuple[int, ...], activation_bits: int, state_bits: int
) -> Iterator[tuple[int, NetworkPlan]]:
    """The plan of the network for each width of the weights."""
    for width in watched(bits, lambda width: f"{width} bits"):
        layer = LayerOptions(weight_bits=width, activation_bits=activation_bits, state_bits=state_bits)
        yield width, planner.plan(NetworkOptions(layer=layer))


def _percent(value: float | None, places: int = 2) -> str:
    return "–" if value is None else f"{100.0 * value:.{places}f} %"


@experiment("quantized-mackey-glass")
@click.option("--series", default=SERIES, help="Number of series; half of them are the test part.")
@click.option("--steps", default=STEPS, help="Steps of each series.")
@_over_width
def quantized_mackey_glass(
    series: int,
    steps: int,
    bits: tuple[int, ...],
    activation_bits: int,
    state_bits: int,
    naive: bool,
    workers: int,
) -> Outcome:
    """Measure the error of the package's Mackey–Glass network in integers over the width of its weights.

    Each row is one width of the trained weights: the NRMSE of the integer model on the test series, and that of the
    float network with every array, Ā included, rounded by its largest entry. Formats are chosen on the training
    series.
    """
    data, network = load_mackey_glass(0, series=series, steps=steps), load("mackey_glass_lmu")
    exact = FloatNetwork(network).run(data.test.x)
    result: dict[str, Any] = {"series": len(exact), "steps": steps, "float": nrmse(exact, data.test.y), "widths": []}
    for width, plan in _plans(NetworkPlanner(network, data.train.x), bits, activation_bits, state_bits):
        model = IntegerNetwork(plan)
        codes = plan.input_format.encode(data.test.x, overflow=Overflow.SATURATE)
        found = model.decode(model.run(codes, workers=workers))
        row: dict[str, Any] = {
            "weight_bits": width,
            "integer": nrmse(found, data.test.y),
            "from_float": nrmse(found, exact),
        }
        if naive:
            row["naive"] = _naive_error(network, width, data.test.x, data.test.y)
        result["widths"].append(row)
    keys = ("integer", "from_float", "naive")
    rows = [(str(row["weight_bits"]), *(_percent(row.get(key), 3) for key in keys)) for row in result["widths"]]
    title = f"Mackey–Glass, {len(exact)} series of {steps} steps, NRMSE; float: {_percent(result['float'], 3)}"
    heads = ["weight bits", "integer", "deviation from float", "all by largest entry"]
    return Outcome(result, [grid(title, heads, rows, right=range(4))])


def _naive_error(network: Network, bits: int, x: Array, y: Array) -> float | None:
    """The NRMSE of the network with everything rounded by its largest entry; None where it diverges."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return nrmse(naive_network(network, bits).run(x), y)
    except DesignError:
        return None


@experiment("quantized-psmnist")
@click.option("--network", "kind", type=click.Choice(["linear", "recurrent"]), default="linear", help="Its memory.")
@click.option("--images", default=10_000, help="Number of test images.")
@click.option("--calibration", default=512, help="Number of training images that formats are chosen on.")
@click.option("--train-images", default=0, help="Number of deformed training images to train the head on; 0: none.")
@_over_width
@seed_option("the deformations and the training")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="LMU_HW_MNIST",
    help="Folder of MNIST; without it MNIST is fetched.",
)
def quantized_psmnist(
    kind: str,
    images: int,
    calibration: int,
    train_images: int,
    bits: tuple[int, ...],
    activation_bits: int,
    state_bits: int,
    naive: bool,
    workers: int,
    seed: int,
    data: Path | None,
) -> Outcome:
    """Measure the accuracy of the package's psMNIST networks in integers over the width of their weights.

    Each row is one width of the trained weights: the accuracy of the integer model, which is the hardware's bit for
    bit, without training, and with --train-images with the head of the linear network trained for its integers; and
    that of the float network with every array, Ā included, rounded by its largest entry. Memories have words of 16
    bits and coefficients of their own, of 18. Formats are chosen on training images; all figures are of the test
    images.
    """
    if train_images and kind != "linear":
        raise DesignError("train_images", "0 with a recurrent memory, whose head sees what is fed back", train_images)
    mnist, network = load_mnist(data), load(f"psmnist_{kind}")
    test, labels = pixel_sequences(mnist.test_images[:images]), mnist.test_labels[:images]
    planner = NetworkPlanner(network, pixel_sequences(mnist.train_images[:calibration]))
    exact = FloatNetwork(network).run(test)
    head = _Head(planner, mnist, kind, train_images, workers, seed) if train_images else None
    result: dict[str, Any] = {"network": kind, "images": len(test), "float": _share(exact.argmax(axis=1), labels)}
    result["widths"] = []
    for width, plan in _plans(planner, bits, activation_bits, state_bits):
        classes = IntegerNetwork(plan).classify(test, workers=workers)
        row: dict[str, Any] = {
            "weight_bits": width,
            "integer": _share(classes, labels),
            "as_float": _share(classes, exact.argmax(axis=1)),
            "kilobits": round(sum(layer_storage(each).total for each in plan.layers) / 1000),
        }
        if head is not None:
            row["trained"] = _share(IntegerNetwork(head.trained(plan)).classify(test, workers=workers), labels)
        if naive:
            row["naive"] = _naive_accuracy(network, width, test, labels)
        result["widths"].append(row)
    heads = ["weight bits", "integer", "same class as float", "trained", "all by largest entry", "kilobits"]
    keys = ["integer", "as_float", "trained", "naive"]
    rows = [
        (str(row["weight_bits"]), *(_percent(row.get(key)) for key in keys), str(row["kilobits"]))
        for row in result["widths"]
    ]
    title = f"psMNIST, {kind} memory, {len(test)} test images; float: {_percent(result['float'])}"
    return Outcome(result, [grid(title, heads, rows, right=range(6))])


class _Head:
    """The training data of a network's head: words of its memory, and the scores of the float network for them."""

    def __init__(self, planner: NetworkPlanner, mnist: Mnist, kind: str, count: int, workers: int, seed: int) -> None:
        task = psmnist_task(mnist, PSMNIST.kinds[kind].deformation)
        raw = task.train.x[np.random.default_rng(seed).permutation(len(task.train.x))[:count]]
        prepared: PixelSequences = task.pixels
        self._codes: IntArray = np.concatenate(
            [
                np.rint(np.asarray(prepared(raw[k : k + _PIECE], jax.random.key(seed * 65_537 + k)))).astype(np.int64)
                for k in range(0, len(raw), _PIECE)
            ]
        )
        self._workers, self._seed = workers, seed
        self._scores = FloatNetwork(planner.network).run(self._codes)
        self._words: dict[bytes, IntArray] = {}

    def trained(self, plan: NetworkPlan) -> NetworkPlan:
        """The plan with a trained head; plans with the same drive share the words of the memory."""
        drive = plan.layers[0].drive
        parts = () if drive is None else (drive.bias, *(a for s in drive.segments for a in (s.weights, s.fractions)))
        key = b"".join(part.tobytes() for part in parts)
        if key not in self._words:
            self._words[key] = memory_words(plan, self._codes, workers=self._workers)
        return train_head(plan, self._words[key], self._scores, HeadTraining(seed=self._seed))


def pixel_sequences(images: NDArray[np.uint8]) -> IntArray:
    """The pixels of images in the order of the task, shape (images, 784, 1)."""
    return images.reshape(len(images), PIXELS)[:, pixel_order(PIXELS, ORDER_SEED), None].astype(np.int64)


def _naive_accuracy(network: Network, bits: int, test: IntArray, labels: NDArray[np.uint8]) -> float:
    """The accuracy of the network with every array rounded by its largest entry; a diverging batch counts as wrong."""
    rounded: RealNetwork = naive_network(network, bits)
    right = 0
    for k in range(0, len(test), _PIECE):
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                scores: Array = rounded.run(test[k : k + _PIECE].astype(np.float64))
        except DesignError:
            continue
        right += int(np.count_nonzero(scores.argmax(axis=1) == labels[k : k + _PIECE]))
    return right / len(test)


def _share(classes: NDArray[Any], labels: NDArray[Any]) -> float:
    return float(np.mean(classes == labels))
