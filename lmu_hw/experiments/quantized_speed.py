"""Sequences per second of a shipped network in integers, beside the float network in the same run.

    python -m lmu_hw.experiments.quantized_speed --network psmnist_linear

Both take the same random sequences, several times in turn; the best time of each counts, as other work on the
machine can only add to it. The integer model has threads of its own (set OPENBLAS_NUM_THREADS=1 so that linear
algebra adds none); the float model has those of its linear algebra.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, facts, format_number
from lmu_hw.errors import check_integer
from lmu_hw.experiments.start import command
from lmu_hw.networks.model import Network
from lmu_hw.networks.pretrained import NETWORKS, load
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.networks.reference import FloatNetwork


@click.command(context_settings={"show_default": True})
@click.option("--network", "name", type=click.Choice(list(NETWORKS)), default="psmnist_linear")
@click.option("--sequences", default=2000, help="How many, side by side.")
@click.option("--steps", default=784, help="Steps of each.")
@click.option("--bits", default=8, help="Width of the weights.")
@click.option("--workers", default=2, help="Threads of the integer model.")
@click.option("--repeats", default=3, help="Times that each is measured.")
@click.option("--seed", default=0, help="Of the sequences.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    name: str, sequences: int, steps: int, bits: int, workers: int, repeats: int, seed: int, as_json: bool
) -> None:
    """Print sequences per second of both."""
    for what, count in (("sequences", sequences), ("steps", steps), ("workers", workers), ("repeats", repeats)):
        check_integer(what, count, 1)
    network = load(name)
    x = np.random.default_rng(seed).integers(0, 256, (sequences, steps, network.inputs)) / 256.0 / network.input_scale
    plan = plan_network(network, x[:16], NetworkOptions(layer=LayerOptions(weight_bits=bits)))
    integer, floating = measure(network, plan, x, workers=workers, repeats=repeats)
    result: dict[str, Any] = {
        "network": name,
        "sequences": sequences,
        "steps": steps,
        "workers": workers,
        "integer_per_second": integer,
        "float_per_second": floating,
        "ratio": integer / floating,
    }
    rows = [
        (key.replace("_", " "), value if isinstance(value, str) else format_number(value))
        for key, value in result.items()
    ]
    answer(result, [facts("Sequences per second", rows)], as_json=as_json)


def measure(network: Network, plan: NetworkPlan, x: Any, *, workers: int, repeats: int) -> tuple[float, float]:
    """Sequences per second in integers and in float, shape of `x` (sequences, steps, inputs)."""
    integer, floating = IntegerNetwork(plan), FloatNetwork(network)
    codes = integer.encode(x)
    zero, start = integer.zero_state(len(x)), floating.zero_state(len(x))
    tasks: tuple[Callable[[], object], ...] = (
        lambda: integer.run(codes, zero, workers=workers),
        lambda: floating.run(x, start),
    )
    best = [float("inf")] * len(tasks)
    for _ in range(repeats):
        for k, task in enumerate(tasks):
            before = time.perf_counter()
            task()
            best[k] = min(best[k], time.perf_counter() - before)
    return len(x) / best[0], len(x) / best[1]


if __name__ == "__main__":
    command(main)
