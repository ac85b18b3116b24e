"""The score of a trained network in spikes on the test part of its task, for several numbers of neurons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.cli.output import facts, format_number, grid, progress
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.errors import check_integer
from lmu_hw.networks.model import Network
from lmu_hw.training.tasks.base import HeldOut


@dataclass(frozen=True)
class SpikingTest:
    """The options of a measurement in spikes.

    They are checked at once, so that a wrong one is an error before the training rather than after it.

    Attributes:
        neurons: The numbers of neurons for each state and hidden unit; each one makes a network of its own.
        choice: The other options of spiking networks.
        sequences: The number of sequences of the test part, the first ones; None for all of them.
        seeds: The number of runs of each network, with tuning curves and spikes of their own.

    Raises:
        DesignError: A number is out of range.
    """

    neurons: tuple[int, ...]
    choice: SpikingChoice
    sequences: int | None = None
    seeds: int = 1

    def __post_init__(self) -> None:
        check_integer("seeds", self.seeds, 1)
        if self.sequences is not None:
            check_integer("sequences", self.sequences, 1)
        for count in self.neurons:
            options = self.choice.for_network(0, None, count)
            options.synapse.sampled(options.sample_seconds)

    def run(self, network: Network, held_out: HeldOut, seed: int = 0) -> dict[str, Any]:
        """Measure the scores, and return them as plain values.

        Args:
            network: The trained network.
            held_out: The test part of its task.
            seed: The seed of the first run; each further run has the next one.

        Raises:
            DesignError: The network has no spiking form. The message names the layer.
        """
        from lmu_hw.training.tasks.spiking import spiking_score

        part = held_out.first(self.sequences)
        options = self.choice.for_network(seed, network.dt)
        result: dict[str, Any] = {
            "metric": part.metric.name,
            "sequences": len(part.x),
            "scope": str(options.scope),
            "kind": str(options.kind),
            "sample_seconds": options.sample_seconds,
            "float": part.score(network),
            "seeds": list(range(seed, seed + self.seeds)),
            "spiking": [],
        }
        with progress() as bar:
            task = bar.add_task("neurons", total=len(self.neurons) * self.seeds)
            for count in self.neurons:
                runs = []
                for each in result["seeds"]:
                    runs.append(spiking_score(network, part, self.choice.for_network(each, network.dt, count)))
                    bar.advance(task)
                values = [run.value for run in runs]
                row = {"per_state": count, "neurons": runs[0].neurons, "values": values, "mean": float(np.mean(values))}
                result["spiking"].append(row)
        return result


def spiking_tables(result: Mapping[str, Any]) -> Iterator[Any]:
    """The tables that show the answer of `SpikingTest.run`."""
    yield facts(
        "In spikes",
        [
            ("what", {"memory": "the memories", "all": "memories and hidden units"}[result["scope"]]),
            ("kind of neuron", result["kind"]),
            ("a sample lasts (s)", format_number(result["sample_seconds"])),
            ("sequences of the test part", str(result["sequences"])),
            (f"{result['metric']} in float64", format_number(result["float"])),
        ],
    )
    several = len(result["seeds"]) > 1
    heads = ["per state", "neurons", result["metric"], *(["least", "most"] if several else [])]
    rows = [
        (
            str(row["per_state"]),
            str(row["neurons"]),
            format_number(row["mean"]),
            *([format_number(min(row["values"])), format_number(max(row["values"]))] if several else []),
        )
        for row in result["spiking"]
    ]
    yield grid(
        f"Over neurons, {len(result['seeds'])} seeds" if several else "Over neurons", heads, rows, right=range(5)
    )
