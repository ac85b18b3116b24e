"""Accuracy of the shipped psMNIST networks in integers, by the width of their weights.

    python -m lmu_hw.experiments.quantized_psmnist --network linear

Each row is one width of the trained weights: the accuracy of the integer model, which is the hardware's bit for bit,
without training, and (--train-images) with the head of the linear network trained for its integers; and of the
float network with every array, Ā included, rounded by its largest entry (see `quantized_naive`). Memories have words
of 16 bits and coefficients of their own, of 18. Formats are chosen on training images; all figures are of the test
images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from lmu_hw.cli.output import answer, grid, progress
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.experiments.quantized_naive import naive_network
from lmu_hw.experiments.start import command
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Network
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.affine import RealNetwork
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import NetworkPlanner
from lmu_hw.networks.quantize.storage import layer_storage
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.training.backend import jax
from lmu_hw.training.head import HeadTraining, memory_words, train_head
from lmu_hw.training.tasks.images import PixelSequences, pixel_order
from lmu_hw.training.tasks.mnist import Mnist, load_mnist
from lmu_hw.training.tasks.psmnist import ORDER_SEED, PIXELS, PSMNIST, psmnist_task

WIDTHS = (4, 5, 6, 8, 10, 12, 16)
_PIECE = 500  # images that run side by side in float


@click.command(context_settings={"show_default": True})
@click.option("--network", "kind", type=click.Choice(["linear", "recurrent"]), default="linear")
@click.option("--bits", multiple=True, type=int, help="Width of the weights; 4, 5, 6, 8, 10, 12, 16 by default.")
@click.option("--images", default=10_000, help="How many of the test images.")
@click.option("--calibration", default=512, help="Training images that formats are chosen on.")
@click.option("--activation-bits", default=16, help="Of what hidden layers give on.")
@click.option("--state-bits", default=16, help="Of the memory's words.")
@click.option("--train-images", default=0, help="Deformed training images to train the head on; 0 for none.")
@click.option("--naive/--no-naive", default=True, help="Round everything by its largest entry, too.")
@click.option("--workers", default=2, help="Threads of the integer model.")
@click.option("--seed", default=0, help="Of the deformations and the training.")
@click.option(
    "--data", type=click.Path(path_type=Path), envvar="LMU_HW_MNIST", help="Folder of MNIST; fetched by default."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    kind: str,
    bits: tuple[int, ...],
    images: int,
    calibration: int,
    activation_bits: int,
    state_bits: int,
    train_images: int,
    naive: bool,
    workers: int,
    seed: int,
    data: Path | None,
    as_json: bool,
) -> None:
    """Print the accuracy at each width."""
    if train_images and kind != "linear":
        raise DesignError("train_images", "0 with a recurrent memory, whose head sees what is fed back", train_images)
    mnist, network = load_mnist(data), load(f"psmnist_{kind}")
    test, labels = _sequences(mnist.test_images[:images]), mnist.test_labels[:images]
    planner = NetworkPlanner(network, _sequences(mnist.train_images[:calibration]))
    exact = FloatNetwork(network).run(test)
    head = _Head(planner, mnist, kind, train_images, workers, seed) if train_images else None
    result: dict[str, Any] = {"network": kind, "images": len(test), "float": _share(exact.argmax(axis=1), labels)}
    result["widths"] = []
    with progress() as bar:
        task = bar.add_task("quantise", total=None)
        for width in bits or WIDTHS:
            bar.update(task, description=f"{width} bits")
            layer = LayerOptions(weight_bits=width, activation_bits=activation_bits, state_bits=state_bits)
            plan = planner.plan(NetworkOptions(layer=layer))
            classes = IntegerNetwork(plan).classify(test, workers=workers)
            row: dict[str, Any] = {
                "weight_bits": width,
                "integer": _share(classes, labels),
                "as_float": _share(classes, exact.argmax(axis=1)),
                "kilobits": round(sum(layer_storage(each).total for each in plan.layers) / 1000),
            }
            if head is not None:
                trained = head.trained(plan)
                row["trained"] = _share(IntegerNetwork(trained).classify(test, workers=workers), labels)
            if naive:
                row["naive"] = _naive(network, width, test, labels)
            result["widths"].append(row)
    heads = ["weight bits", "integer", "same class as float", "trained", "all by largest entry", "kilobits"]
    keys = ["integer", "as_float", "trained", "naive"]
    rows = [
        (str(row["weight_bits"]), *(_percent(row.get(key)) for key in keys), str(row["kilobits"]))
        for row in result["widths"]
    ]
    title = f"psMNIST, {kind} memory, {len(test)} test images; float: {_percent(result['float'])}"
    answer(result, [grid(title, heads, rows, right=range(6))], as_json=as_json)


class _Head:
    """What the head of a network is trained on: words of its memory, and what the float network says to them."""

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
        """The plan with its head trained; plans with the same drive have the same words of the memory."""
        drive = plan.layers[0].drive
        parts = () if drive is None else (drive.bias, *(a for s in drive.segments for a in (s.weights, s.fractions)))
        key = b"".join(part.tobytes() for part in parts)
        if key not in self._words:
            self._words[key] = memory_words(plan, self._codes, workers=self._workers)
        return train_head(plan, self._words[key], self._scores, HeadTraining(seed=self._seed))


def _sequences(images: NDArray[np.uint8]) -> IntArray:
    """Pixels in the task's order, shape (images, 784, 1)."""
    return images.reshape(len(images), PIXELS)[:, pixel_order(PIXELS, ORDER_SEED), None].astype(np.int64)


def _naive(network: Network, bits: int, test: IntArray, labels: NDArray[np.uint8]) -> float:
    """Share of right classes; a network that diverges is right about nothing."""
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


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100.0 * value:.2f} %"


if __name__ == "__main__":
    command(main)
