"""The time of a training step and of inference of the recurrent psMNIST network against keras-lmu and PyTorch.

    lmu-hw experiment training-benchmark --peers .venv-peers/bin/python

`make bench-training` makes the environment of the peers and runs this, with the options in BENCH. Each contender is a
process of its own on the same cores. They take turns, one step each, so that other work on the machine affects all
alike. Before anything is timed their outputs and their losses over the first steps must agree, which shows that they
compute the same. A ratio is the median over the turns of the quotient of two neighbours. Without --peers the cell in
blocks is compared only with the same cell step by step.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from lmu_hw.cli.output import facts, grid
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.experiments import training_contenders as contenders
from lmu_hw.experiments.app import experiment

#: The largest difference of two contenders' outputs, relative to the largest output, and of their losses, relative to
#: the largest loss. They are float32, and keras-lmu computes exp(hA) in float32 too.
AGREEMENT = 1e-3
# Settings of glibc's allocator: memory that a step frees is kept for the next one. Otherwise page faults dominate the
# times of some contenders.
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 34), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
_WARM_UP = 2  # training steps: the first one compiles, and the second may, for the arrays that the first one gave
_GOALS = {"training": "at most 0.6", "inference": "at least 3"}


@dataclass(frozen=True)
class Sizes:
    """The sizes of the network and its batch, by default those of Voelker, Kajić and Eliasmith (2019) for psMNIST."""

    hidden: int = 212
    order: int = 256
    steps: int = 784
    batch: int = 100
    classes: int = 10


def problem(sizes: Sizes, seed: int) -> dict[str, NDArray[Any]]:
    """Draw inputs, labels and initial values, and compute the memory, whose θ is the whole sequence; all in float32."""
    rng = np.random.default_rng(seed)
    hidden, order = sizes.hidden, sizes.order
    system = discretize(LMUSpec(order=order, theta=float(sizes.steps), dt=1.0))
    arrays: dict[str, NDArray[Any]] = {
        "input_encoder": rng.uniform(-1, 1, (1, 1)),
        "hidden_encoder": rng.uniform(-1, 1, (1, hidden)) / np.sqrt(hidden),
        "memory_encoder": rng.uniform(-1, 1, (1, order)) / order,
        "input_kernel": rng.normal(0, 1, (hidden, 1)) * np.sqrt(2 / (hidden + 1)),
        "hidden_kernel": rng.normal(0, 1, (hidden, hidden)) / np.sqrt(hidden),
        "memory_kernel": rng.normal(0, 1, (hidden, order)) * np.sqrt(2 / (hidden + order)),
        "bias": np.zeros(hidden),
        "readout": rng.normal(0, 1, (sizes.classes, hidden)) / np.sqrt(hidden),
        "readout_bias": np.zeros(sizes.classes),
        "transition": system.transition,
        "input": system.input,
        "theta_over_dt": np.array(sizes.steps),
        "x": rng.uniform(0, 1, (sizes.batch, sizes.steps, 1)),
    }
    labels = rng.integers(0, sizes.classes, sizes.batch)
    return {name: array.astype(np.float32) for name, array in arrays.items()} | {"labels": labels}


@dataclass
class Timings:
    """The times that a contender took for a task, turn by turn, in seconds.

    Attributes:
        wall: The elapsed times.
        cpu: The processor times of all threads.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class Running:
    """A contender in its process."""

    def __init__(self, name: str, process: subprocess.Popen[str], errors: Path) -> None:
        self.name = name
        self.timings = {"train": Timings(), "infer": Timings()}
        self._process, self._errors = process, errors
        self.versions: Mapping[str, str] = self._answer()["versions"]

    def ask(self, task: str, *, timed: bool = True) -> Any:
        """Let the contender do `task`, "train" or "infer", and return the value that it answers.

        Raises:
            CheckFailed: The process of the peer ended.
        """
        if self._process.stdin is None:
            raise CheckFailed(f"{self.name} takes no input")
        self._process.stdin.write(task + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if timed:
            self.timings[task].wall.append(answer["wall"])
            self.timings[task].cpu.append(answer["cpu"])
        return answer["value"]

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            said = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise CheckFailed(f"{self.name} ended: {said[-1] if said else 'it said nothing'}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def started(name: str, interpreter: Path, arrays: Path, cores: int) -> Iterator[Running]:
    """Start the process of a contender, and end it with the block."""
    errors = arrays.with_name(f"{name}.log")
    words = [str(interpreter), "-P", contenders.__file__, name, str(arrays), str(cores)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(cores))
    environment = os.environ | threads | _KEEP_MEMORY
    with (
        errors.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        ) as process,
    ):
        try:
            yield Running(name, process, errors)
        finally:
            process.kill()


def measure(
    interpreters: Mapping[str, Path],
    sizes: Sizes,
    *,
    cores: int,
    repetitions: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
) -> list[Running]:
    """Time all contenders, in turns.

    Args:
        interpreters: The interpreter of each contender.
        sizes: The sizes of the network and its batch.
        cores: The number of cores for each contender. They are the same for all, as no two run at once.
        repetitions: The number of turns. In each one every contender makes one training step and one inference.
        seed: The seed of the problem.
        say: A function that is called with a line on the progress.

    Raises:
        CheckFailed: A contender ended, or two do not compute the same.
    """
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as folder, ExitStack() as stack:
        arrays = Path(folder) / "problem.npz"
        np.savez(arrays, allow_pickle=False, **problem(sizes, seed))
        running, outcomes = [], {}
        for name, interpreter in interpreters.items():
            say(f"{name}: compiling")
            contender = stack.enter_context(started(name, interpreter, arrays, cores))
            outputs = np.array(contender.ask("infer", timed=False))
            outcomes[name] = outputs, np.array([contender.ask("train", timed=False) for _ in range(_WARM_UP)])
            contender.ask("infer", timed=False)  # compiled anew by some, for the arrays that training has made
            running.append(contender)
        check_agreement(outcomes)
        for turn in range(repetitions):
            say(f"turn {turn + 1} of {repetitions}")
            for task in ("train", "infer"):
                for contender in running:
                    contender.ask(task)
    return running


def check_agreement(outcomes: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> None:
    """Check that the outputs and the losses over the first steps are those of the first contender.

    Raises:
        CheckFailed: Some differ by more than `AGREEMENT`. The message says which ones and by how much.
    """
    (reference, expected), *others = outcomes.items()
    for name, values in others:
        for what, ours, theirs in zip(("outputs", "losses"), expected, values, strict=True):
            difference = float(np.max(np.abs(theirs - ours)) / np.max(np.abs(ours)))
            if not difference <= AGREEMENT:
                raise CheckFailed(f"{what} of {name} and {reference} differ by {difference:.2g} of the largest")


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """The median and both quartiles, as `median`, `low` and `high`."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "low": low, "high": high}


def quotients(ours: Timings, theirs: Timings) -> dict[str, float]:
    """The quartiles of the quotients of elapsed times, turn by turn, and the quotient of the median processor times."""
    of_turns = [a / b for a, b in zip(ours.wall, theirs.wall, strict=True)]
    return quartiles(of_turns) | {"cpu": statistics.median(ours.cpu) / statistics.median(theirs.cpu)}


def summary(timings: Mapping[str, Mapping[str, Timings]]) -> dict[str, Any]:
    """The times of each contender, and their ratios.

    `training` is the ratio of our time to that of the fastest peer, `inference` that of the faster keras-lmu to ours (a
    speed-up), and `blocks_to_scan` that of our cell in blocks to the same cell step by step.
    """

    def median(name: str, task: str) -> float:
        return statistics.median(timings[name][task].wall)

    ours = timings["blocks"]
    ratios: dict[str, Any] = {"blocks_to_scan": quotients(ours["train"], timings["scan"]["train"])}
    peers = [name for name in timings if name in contenders.PEERS]
    if peers:
        rival = min(peers, key=lambda name: median(name, "train"))
        ratios["training"] = {"peer": rival, **quotients(ours["train"], timings[rival]["train"])}
        rival = min((n for n in peers if n.startswith("keras")), key=lambda name: median(name, "infer"))
        ratios["inference"] = {"peer": rival, **quotients(timings[rival]["infer"], ours["infer"])}
    return {
        "seconds": {
            name: {task: quartiles(t.wall) | {"cpu": statistics.median(t.cpu)} for task, t in tasks.items()}
            for name, tasks in timings.items()
        },
        "ratios": ratios,
    }


_RATIOS = {
    "blocks_to_scan": "training step, blocks / scan",
    "training": "training step, blocks / {peer}",
    "inference": "inference, {peer} / blocks",
}


def _shown(result: Mapping[str, Any]) -> Iterator[Any]:
    """The tables that show the answer on a terminal."""

    def spread(quartiles: Mapping[str, float], digits: int) -> str:
        median, low, high = (f"{quartiles[name]:.{digits}f}" for name in ("median", "low", "high"))
        return f"{median} ({low} … {high})"

    heads = ("contender", "training step", "processor", "inference", "processor")
    rows = [
        (name, *(cell for t in tasks.values() for cell in (spread(t, 3), f"{t['cpu']:.3f}")))
        for name, tasks in result["seconds"].items()
    ]
    yield grid("Seconds: median (quartiles)", heads, rows)
    rows = [
        (_RATIOS[key].format(peer=ratio.get("peer", "")), spread(ratio, 2), f"{ratio['cpu']:.2f}", _GOALS.get(key, ""))
        for key, ratio in result["ratios"].items()
    ]
    yield grid("Ratios: median (quartiles)", ("", "elapsed", "processor", "goal"), rows)
    machine = [("cores", str(result["cores"])), ("turns", str(result["turns"]))]
    machine.append(("load average before", str(result["load_average"])))
    yield facts("Machine", [*machine, *result["versions"].items()])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@experiment("training-benchmark")
@click.option("--peers", type=click.Path(path_type=Path), help="Python of the environment with keras-lmu and torch.")
@click.option("--cores", type=click.IntRange(1), default=_cores, show_default="all", help="Cores for each contender.")
@click.option("--turns", type=click.IntRange(2), default=9, help="Timed steps of each contender.")
@click.option("--steps", type=click.IntRange(2), default=Sizes.steps, help="Length of the sequences.")
@click.option("--batch", type=click.IntRange(1), default=Sizes.batch, help="Sequences in a batch.")
@click.option("--order", type=click.IntRange(1), default=Sizes.order, help="Order of the memory.")
@click.option("--hidden", type=click.IntRange(1), default=Sizes.hidden, help="Number of hidden units.")
@click.option("--seed", type=int, default=0, help="Seed of inputs and initial values.")
def training_benchmark(peers: Path | None, cores: int, turns: int, seed: int, **sizes: int) -> Outcome:
    """Time a training step and inference of the recurrent psMNIST network beside keras-lmu and PyTorch."""
    interpreters = dict.fromkeys(contenders.OWN, Path(sys.executable))
    if peers is not None:
        if not peers.is_file():
            wanted, hint = "the Python of an environment", "make bench-training makes one"
            raise DesignError("peers", wanted, str(peers), hint=hint)
        interpreters |= dict.fromkeys(contenders.PEERS, peers.absolute())
    load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None

    def say(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(text, err=True)

    network = Sizes(**sizes)
    running = measure(interpreters, network, cores=cores, repetitions=turns, seed=seed, say=say)
    result = {
        "sizes": asdict(network),
        "cores": cores,
        "turns": turns,
        "load_average": load,
        "versions": {name: version for contender in running for name, version in contender.versions.items()},
        **summary({contender.name: contender.timings for contender in running}),
    }
    return Outcome(result, list(_shown(result)))
