"""Times a training step and inference of the recurrent psMNIST network against keras-lmu and PyTorch.

    python -m lmu_hw.experiments.training_benchmark --peers .venv-peers/bin/python

`make bench-training` makes the peers' environment and runs this, with the options in BENCH. Each contender is a
process of its own on the same cores; they take turns, one step each, so that other work on the machine strikes all
alike. Before anything is timed their outputs and their losses over the first steps must agree: they compute the
same thing. A ratio is the median over the turns of the quotient of two neighbours. Without --peers the cell in
blocks is compared with the same cell step by step only.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.experiments import training_contenders as contenders

#: Largest difference of two contenders' outputs and losses, relative to the largest output, or to the loss. They
#: are float32 and keras-lmu computes exp(hA) in it too.
AGREEMENT = 1e-3
# For the allocator of glibc: what a step frees serves the next one. Else page faults dominate some contenders.
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 34), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
_WARM_UP = 2  # training steps: the first compiles, the second may again for what the first gave
_GOALS = {"training": "at most 0.6", "inference": "at least 3"}


@dataclass(frozen=True)
class Sizes:
    """The network and its batch; by default psMNIST's of Voelker, Kajić and Eliasmith (2019), one channel."""

    hidden: int = 212
    order: int = 256
    steps: int = 784
    batch: int = 100
    classes: int = 10


def problem(sizes: Sizes, seed: int) -> dict[str, NDArray[Any]]:
    """Inputs, labels, initial values and the memory, θ being as long as the sequence; float32."""
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
    """What one contender took for one task, turn by turn, in seconds.

    Attributes:
        wall: elapsed.
        cpu: of all threads.
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
        """Have the contender do `task`, and give the task's value."""
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
    """A contender's process, ended with the block."""
    errors = arrays.with_name(f"{name}.log")
    command = [str(interpreter), "-P", contenders.__file__, name, str(arrays), str(cores)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(cores))
    environment = os.environ | threads | _KEEP_MEMORY
    with (
        errors.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        ) as process,
    ):
        try:
            yield Running(name, process, errors)
        finally:
            process.kill()


def measure(
    field_of: Mapping[str, Path], sizes: Sizes, *, cores: int, repetitions: int, seed: int, say: Any = None
) -> list[Running]:
    """Time all contenders, in turns.

    Args:
        field_of: the interpreter of each contender.
        sizes: of the network.
        cores: for each contender; the same ones for all, as they never run at once.
        repetitions: turns; each is one training step and one inference of every contender.
        seed: of the problem.
        say: is told what happens, if given.

    Raises:
        CheckFailed: a contender ended, or two do not compute the same.
    """
    say = say or (lambda _: None)
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as folder, ExitStack() as stack:
        arrays = Path(folder) / "problem.npz"
        np.savez(arrays, allow_pickle=False, **problem(sizes, seed))
        running, outcomes = [], {}
        for name, interpreter in field_of.items():
            say(f"{name}: compiling")
            contender = stack.enter_context(started(name, interpreter, arrays, cores))
            outputs = np.array(contender.ask("infer", timed=False))
            outcomes[name] = outputs, np.array([contender.ask("train", timed=False) for _ in range(_WARM_UP)])
            running.append(contender)
        check_agreement(outcomes)
        for turn in range(repetitions):
            say(f"turn {turn + 1} of {repetitions}")
            for task in ("train", "infer"):
                for contender in running:
                    contender.ask(task)
    return running


def check_agreement(outcomes: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> None:
    """Refuse contenders whose outputs, or losses over the first steps, differ from the first one's.

    Raises:
        CheckFailed: they do, by more than `AGREEMENT`; says which and by how much.
    """
    (reference, expected), *others = outcomes.items()
    for name, values in others:
        for what, ours, theirs in zip(("outputs", "losses"), expected, values, strict=True):
            difference = float(np.max(np.abs(theirs - ours)) / np.max(np.abs(ours)))
            if not difference <= AGREEMENT:
                raise CheckFailed(f"{what} of {name} and {reference} differ by {difference:.2g} of the largest")


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Median, and lower and upper quartile."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "low": low, "high": high}


def quotients(ours: Timings, theirs: Timings) -> dict[str, float]:
    """Quartiles of `ours` over `theirs`, turn by turn, and the quotient of the median processor times."""
    of_turns = [a / b for a, b in zip(ours.wall, theirs.wall, strict=True)]
    return quartiles(of_turns) | {"cpu": statistics.median(ours.cpu) / statistics.median(theirs.cpu)}


def summary(timings: Mapping[str, Mapping[str, Timings]]) -> dict[str, Any]:
    """Times of each contender, and ratios: `training` to the faster peer, `inference` of the faster keras-lmu to
    ours (a speed-up), and `blocks_to_scan`."""

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


def _show(result: Mapping[str, Any]) -> str:
    head = f"{'seconds: median (quartiles)':28}{'training step':>26}{'processor':>11}{'inference':>26}{'processor':>11}"
    lines = [head]
    for name, tasks in result["seconds"].items():
        cells = [f"{t['median']:.3f} ({t['low']:.3f} … {t['high']:.3f})" for t in tasks.values()]
        processor = [f"{t['cpu']:.3f}" for t in tasks.values()]
        lines.append(f"{name:28}{cells[0]:>26}{processor[0]:>11}{cells[1]:>26}{processor[1]:>11}")
    lines.append("")
    titles = {
        "blocks_to_scan": "training step, blocks / scan",
        "training": "training step, blocks / {peer}",
        "inference": "inference, {peer} / blocks",
    }
    for key, ratio in result["ratios"].items():
        title = titles[key].format(peer=ratio.get("peer", ""))
        goal = f"; goal {_GOALS[key]}" if key in _GOALS else ""
        spread = f"{ratio['median']:.2f} ({ratio['low']:.2f} … {ratio['high']:.2f})"
        lines.append(f"{title:42}{spread} elapsed, {ratio['cpu']:.2f} processor{goal}")
    load = result["load_average"]
    lines += ["", f"{result['cores']} cores, {result['turns']} turns, load average before: {load}"]
    lines.append(", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    return "\n".join(lines)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command(help=__doc__)
@click.option("--peers", type=click.Path(path_type=Path), help="Python of the environment with keras-lmu and torch.")
@click.option("--cores", type=click.IntRange(1), default=_cores, help="Cores for each contender.  [default: all]")
@click.option("--turns", type=click.IntRange(2), default=9, show_default=True, help="Timed steps of each contender.")
@click.option("--steps", type=click.IntRange(2), default=784, show_default=True, help="Length of the sequences.")
@click.option("--batch", type=click.IntRange(1), default=100, show_default=True, help="Sequences in a batch.")
@click.option("--order", type=click.IntRange(1), default=256, show_default=True, help="Order of the memory.")
@click.option("--hidden", type=click.IntRange(1), default=212, show_default=True, help="Length of h.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of inputs and initial values.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    peers: Path | None,
    cores: int,
    turns: int,
    steps: int,
    batch: int,
    order: int,
    hidden: int,
    seed: int,
    as_json: bool,
) -> None:
    """Run the benchmark and print it."""
    sizes = Sizes(hidden=hidden, order=order, steps=steps, batch=batch)
    own = Path(sys.executable)
    field_of = dict.fromkeys(contenders.OWN, own)
    load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    try:
        if peers is not None:
            if not peers.is_file():
                raise DesignError("peers", "the Python of an environment (make bench-training makes one)", str(peers))
            field_of |= dict.fromkeys(contenders.PEERS, peers.absolute())
        say = (lambda text: click.echo(text, err=True)) if sys.stderr.isatty() else None
        running = measure(field_of, sizes, cores=cores, repetitions=turns, seed=seed, say=say)
    except (CheckFailed, DesignError) as error:
        click.echo(f"benchmark: {error}", err=True)
        raise SystemExit(2 if isinstance(error, DesignError) else 1) from None
    result = {
        "sizes": asdict(sizes),
        "cores": cores,
        "turns": turns,
        "load_average": load,
        "versions": {name: version for contender in running for name, version in contender.versions.items()},
        **summary({contender.name: contender.timings for contender in running}),
    }
    click.echo(json.dumps(result, indent=2) if as_json else _show(result))


if __name__ == "__main__":
    main()
