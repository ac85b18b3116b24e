"""Error of the shipped Mackey–Glass network in integers, by the width of its weights.

    python -m lmu_hw.experiments.quantized_mackey_glass

Each row is one width of the trained weights: NRMSE of the integer model on the 64 series held out, and of the float
network with every array, Ā included, rounded by its largest entry (see `quantized_naive`). Formats are chosen on the
training series.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, grid, progress
from lmu_hw.core.metrics import nrmse
from lmu_hw.errors import DesignError
from lmu_hw.experiments.quantized_naive import naive_network
from lmu_hw.experiments.start import command
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.planner import NetworkPlanner
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.training.tasks.mackey_glass import SERIES, STEPS, load_mackey_glass

WIDTHS = (4, 5, 6, 8, 10, 12, 16)


@click.command(context_settings={"show_default": True})
@click.option("--bits", multiple=True, type=int, help="Width of the weights; 4, 5, 6, 8, 10, 12, 16 by default.")
@click.option("--series", default=SERIES, help="Series in all; half of them are the test part.")
@click.option("--steps", default=STEPS, help="Steps of each.")
@click.option("--activation-bits", default=16, help="Of what hidden layers give on.")
@click.option("--state-bits", default=16, help="Of the memories' words.")
@click.option("--naive/--no-naive", default=True, help="Round everything by its largest entry, too.")
@click.option("--workers", default=2, help="Threads of the integer model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    bits: tuple[int, ...],
    series: int,
    steps: int,
    activation_bits: int,
    state_bits: int,
    naive: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Print the error at each width."""
    data, network = load_mackey_glass(0, series=series, steps=steps), load("mackey_glass_lmu")
    planner = NetworkPlanner(network, data.train.x)
    exact = FloatNetwork(network).run(data.test.x)
    result: dict[str, Any] = {"series": len(exact), "steps": steps, "float": nrmse(exact, data.test.y), "widths": []}
    with progress() as bar:
        task = bar.add_task("quantise", total=None)
        for width in bits or WIDTHS:
            bar.update(task, description=f"{width} bits")
            layer = LayerOptions(weight_bits=width, activation_bits=activation_bits, state_bits=state_bits)
            model = IntegerNetwork(planner.plan(NetworkOptions(layer=layer)))
            codes = model.plan.input_format.encode(data.test.x, overflow=Overflow.SATURATE)
            found = model.decode(model.run(codes, workers=workers))
            row: dict[str, Any] = {
                "weight_bits": width,
                "integer": nrmse(found, data.test.y),
                "from_float": nrmse(found, exact),
            }
            if naive:
                row["naive"] = _naive(network, width, data.test.x, data.test.y)
            result["widths"].append(row)
    keys = ("integer", "from_float", "naive")
    rows = [(str(row["weight_bits"]), *(_percent(row.get(key)) for key in keys)) for row in result["widths"]]
    title = f"Mackey–Glass, {len(exact)} series of {steps} steps, NRMSE; float: {_percent(result['float'])}"
    heads = ["weight bits", "integer", "deviation from float", "all by largest entry"]
    answer(result, [grid(title, heads, rows, right=range(4))], as_json=as_json)


def _naive(network: Any, bits: int, x: Any, y: Any) -> float | None:
    """None where it diverges."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return nrmse(naive_network(network, bits).run(x), y)
    except DesignError:
        return None


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100.0 * value:.3f} %"


if __name__ == "__main__":
    command(main)
