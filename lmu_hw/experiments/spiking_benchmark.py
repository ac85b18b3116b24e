"""The memory in spikes compared and timed with Nengo's, which runs in an environment of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import format_number, grid
from lmu_hw.cli.parameters import Wholes
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array
from lmu_hw.core.system import discretize
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.experiments import spiking_benchmark_nengo as peer
from lmu_hw.experiments.app import experiment
from lmu_hw.experiments.spiking_memory import BAND, DT, ORDER, SECONDS, TAU, fitting, noise, window_error
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.coordinates import Coordinates
from lmu_hw.spiking.design import SpikingOptions, design_memory
from lmu_hw.spiking.memory import SpikingMemory
from lmu_hw.spiking.neurons import NeuronKind
from lmu_hw.spiking.synapses import Synapse, map_sampled

#: Samples by which Nengo's states may come late; the count that suits them best is taken.
_LATENESS = 3


@dataclass(frozen=True)
class Turn:
    """The figures of one run.

    Attributes:
        error: The RMS error of the decoded window against the ideal one's.
        wall: The elapsed time in seconds for each simulated second.
        cpu: The processor time in seconds for each simulated second.
    """

    error: float
    wall: float
    cpu: float


class Peer:
    """Nengo, which runs in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder
        self.version = ""

    def run(self, neurons: int, seed: int, u: Array, ideal: Array) -> Turn:
        """Run its memory once.

        Raises:
            CheckFailed: The process of the peer ended.
        """
        system = discretize(noise(ORDER, 0)[0])
        loop = map_sampled(Synapse.low_pass(TAU), system.transition, system.input, DT)
        arrays, states = self._folder / "problem.npz", self._folder / "states.npy"
        np.savez(arrays, input=u, matrix=loop.matrix, taps=loop.taps[0], tau=TAU, dt=DT, allow_pickle=False)
        task = {"arrays": str(arrays), "states": str(states), "neurons": neurons, "seed": seed}
        line = ""
        if self._process.stdin is not None and self._process.stdout is not None and self._process.poll() is None:
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            said = (self._folder / "nengo.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise CheckFailed(f"nengo ended: {said[-1] if said else 'it said nothing'}")
        done = json.loads(line)
        self.version = done["version"]
        measured = np.load(states, allow_pickle=False)
        late = [window_error(measured[k:], ideal[: len(ideal) - k]) for k in range(_LATENESS)]
        seconds = u.size * DT
        return Turn(min(late), done["wall"] / seconds, done["cpu"] / seconds)


@contextmanager
def started(interpreter: Path, cores: int) -> Iterator[Peer]:
    """Start Nengo's process, and end it with the block.

    Raises:
        DesignError: There is no such interpreter.
    """
    if not interpreter.is_file():
        raise DesignError("peers", "the Python of an environment (make bench-spiking makes one)", str(interpreter))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(cores))
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as name:
        folder = Path(name)
        with (
            (folder / "nengo.log").open("w", encoding="utf-8") as log,
            subprocess.Popen(
                [str(interpreter.absolute()), "-P", peer.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | threads,
            ) as process,
        ):
            try:
                yield Peer(process, folder)
            finally:
                process.kill()


def run_own(neurons: int, seed: int, u: Array, ideal: Array, coordinates: Coordinates) -> Turn:
    """Run this project's memory once."""
    spec = noise(ORDER, 0)[0]
    options = SpikingOptions(
        neurons,
        kind=NeuronKind.POISSON_LIF,
        synapse=Synapse.low_pass(TAU),
        band_hz=BAND,
        coordinates=coordinates,
        seed=seed,
    )
    memory = SpikingMemory(design_memory(spec, options))
    wall, cpu = time.perf_counter(), time.process_time()
    states = memory.run(u)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    seconds = u.size * DT
    return Turn(window_error(states, ideal), wall / seconds, cpu / seconds)


def compare(
    nengo: Peer | None, neurons: Sequence[int], seeds: int, seconds: float = SECONDS
) -> dict[str, dict[int, list[Turn]]]:
    """Run all contenders in turns; their runs by contender and number of neurons, one for each seed."""
    turns: dict[str, dict[int, list[Turn]]] = {}
    for asked in neurons:
        m = fitting(asked, ORDER)
        for seed in range(seeds):
            spec, u = noise(ORDER, seed, seconds)
            ideal = FloatMemory(spec).run(u)
            done = {
                "balanced": run_own(m, seed, u, ideal, Coordinates.BALANCED),
                "states": run_own(m, seed, u, ideal, Coordinates.STATES),
            }
            if nengo is not None:
                done["nengo"] = nengo.run(m, seed, u, ideal)
            for name, turn in done.items():
                turns.setdefault(name, {}).setdefault(m, []).append(turn)
    return turns


def summary(turns: dict[str, dict[int, list[Turn]]]) -> dict[str, Any]:
    """The mean errors and median times, and the medians over the turns of Nengo's times over ours."""
    result: dict[str, Any] = {
        name: {
            str(m): {
                "error": statistics.fmean(t.error for t in runs),
                "errors": [t.error for t in runs],
                "wall": statistics.median(t.wall for t in runs),
                "cpu": statistics.median(t.cpu for t in runs),
            }
            for m, runs in by_count.items()
        }
        for name, by_count in turns.items()
    }
    if "nengo" in turns:
        result["times_faster"] = {
            str(m): {
                what: statistics.median(
                    getattr(theirs, what) / getattr(ours, what)
                    for theirs, ours in zip(runs, turns["balanced"][m], strict=True)
                )
                for what in ("wall", "cpu")
            }
            for m, runs in turns["nengo"].items()
        }
    return result


@experiment("spiking-benchmark")
@click.option("--peers", type=click.Path(path_type=Path), help="Python of the environment with Nengo.")
@click.option("--neurons", type=Wholes(), default="250,1000,4000,16000", metavar="N,N,...", help="Numbers of neurons.")
@click.option("--seeds", type=click.IntRange(1), default=3, help="Number of runs of each.")
@click.option("--seconds", default=SECONDS, help="Length of a run, s.")
@click.option("--cores", type=click.IntRange(1), default=1, help="Threads of Nengo's linear algebra.")
def spiking_benchmark(peers: Path | None, neurons: tuple[int, ...], seeds: int, seconds: float, cores: int) -> Outcome:
    """Compare the memory in spikes with Nengo's in error and time.

    `make bench-spiking` makes Nengo's environment and runs this, with the options in BENCH; without --peers only this
    project's memory runs. Both run the memory of `spiking-error` on the same samples with the same synapse, the same
    recurrence and the same maximum rates, each with its usual choice of everything else. The error is the deviation of
    what the ensembles carry from the same memory in float64. They take turns on the same cores, and a ratio is the
    median over the turns.
    """
    load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    if peers is None:
        turns, version = compare(None, neurons, seeds, seconds), None
    else:
        with started(peers, cores) as nengo:
            turns = compare(nengo, neurons, seeds, seconds)
            version = nengo.version
    result = {"nengo_version": version, "load_average": load, "seeds": seeds, **summary(turns)}
    return Outcome(result, [_errors(result, list(turns)), _times(result, list(turns))])


def _errors(result: dict[str, Any], names: list[str]) -> Any:
    rows = [(m, *(format_number(result[name][m]["error"]) for name in names)) for m in result[names[0]]]
    return grid("RMS error of the decoded window, mean", ["neurons", *names], rows)


def _times(result: dict[str, Any], names: list[str]) -> Any:
    faster = result.get("times_faster", {})
    rows = [
        (
            m,
            *(format_number(result[name][m]["wall"]) for name in names),
            *((format_number(faster[m]["wall"]), format_number(faster[m]["cpu"])) if m in faster else ()),
        )
        for m in result[names[0]]
    ]
    heads = ["neurons", *names, *(("times faster", "of processor time") if faster else ())]
    return grid("Seconds for each simulated second, median", heads, rows)
