"""What neurons cost: time per simulated second and peak memory of a memory in spikes, over their number.

    python -m lmu_hw.experiments.spiking_cost

Each run is a process of its own, so that its peak of memory is its own; what an empty run takes is taken off. The
memory is that of `lmu_hw.experiments.spiking_error`. Time is that of the processor: design and simulation apart.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import answer, format_number, grid
from lmu_hw.experiments.spiking_error import BAND, DT, ORDER, exponent, fitting, noise
from lmu_hw.experiments.start import command
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind

NEURONS = (1_000, 10_000, 100_000, 300_000, 600_000, 1_000_000)


@dataclass(frozen=True)
class Cost:
    """What one memory took.

    Attributes:
        neurons: how many.
        design: seconds to make it, the neurons at rest included.
        simulation: seconds for each simulated second.
        peak: bytes of the process at most.
    """

    neurons: int
    design: float
    simulation: float
    peak: int


def measure(neurons: int, kind: NeuronKind, seconds: float) -> Cost:
    """Make and run one memory in this process."""
    import resource  # not on every system, and needed here only

    spec, u = noise(ORDER, 0, seconds)
    start = time.process_time()
    memory = SpikingMemory(design_memory(spec, SpikingOptions(fitting(neurons, ORDER), kind=kind, band_hz=BAND)))
    memory.run(u[:0])  # the neurons' state is made when the first run begins
    made = time.process_time()
    memory.run(u)
    done = time.process_time()
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Cost(fitting(neurons, ORDER), made - start, (done - made) / (u.size * DT), peak)


def measure_apart(neurons: int, kind: NeuronKind, seconds: float) -> Cost:
    """The same in a process that ends with it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, neurons, kind, seconds).result()


@click.command(context_settings={"show_default": True})
@click.option("--most", default=1_000_000, help="Neurons at most.")
@click.option("--kind", type=click.Choice([str(k) for k in NeuronKind]), default="poisson-lif", help="Of neuron.")
@click.option("--seconds", default=1.0, help="Simulated time, s.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(most: int, kind: str, seconds: float, as_json: bool) -> None:
    """Print time and memory, and their exponents over the neurons from 100,000 on."""
    noise(ORDER, 0, seconds)  # refuses a length that is too short, here and not in another process
    empty = measure_apart(2 * ORDER, NeuronKind(kind), seconds)
    costs = [measure_apart(m, NeuronKind(kind), seconds) for m in NEURONS if m <= most]
    large = [c for c in costs if c.neurons > 90_000]
    result: dict[str, Any] = {"kind": kind, "seconds": seconds, "empty": vars(empty), "costs": [vars(c) for c in costs]}
    if len(large) > 1:
        x = [float(c.neurons) for c in large]
        for name in ("simulation", "peak"):
            y = np.array([[getattr(c, name) - getattr(empty, name)] for c in large])
            result[f"{name}_exponent"] = exponent(x, y).value
    rows = [
        (
            str(c.neurons),
            format_number(c.design),
            format_number(c.simulation),
            format_number((c.peak - empty.peak) / 2**20),
            format_number((c.peak - empty.peak) / c.neurons),
        )
        for c in costs
    ]
    heads = ["neurons", "design, s", "s per simulated s", "memory, MiB", "bytes a neuron"]
    said = {name: result.get(f"{name}_exponent") for name in ("simulation", "peak")}
    exponents = ", ".join(f"{name} {value:.2f}" for name, value in said.items() if value is not None)
    answer(result, [grid(f"Cost of {kind} neurons; exponents: {exponents or 'none'}", heads, rows)], as_json=as_json)


if __name__ == "__main__":
    command(main)
