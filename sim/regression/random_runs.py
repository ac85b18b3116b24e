"""The loop of every random regression: draw targets, simulate them in batches, and count mismatches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.base import Target
from lmu_hw.sim.targets.run import Run, run_targets

Drawn = TypeVar("Drawn", bound=Target)


@dataclass
class Tally(Generic[Drawn]):
    """The counts of a regression so far.

    Attributes:
        targets: The targets that ran.
        redrawn: The number of draws that were invalid or would have taken too long.
        sent: The number of samples or steps that went in.
        words: The number of beats that came out and were compared.
        mismatches: The number of words that differ, are missing or have wrong marks.
        failures: One line for each simulation that failed.
    """

    targets: list[Drawn] = field(default_factory=list)
    redrawn: int = 0
    sent: int = 0
    words: int = 0
    mismatches: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, run: Run, batch: list[Drawn], what: str) -> None:
        """Add the run of a batch, whose targets are called `what` in the line for a failure."""
        start = len(self.targets)
        self.targets += batch
        self.sent += sum(score.sent for score in run.scores)
        self.words += sum(score.checked for score in run.scores)
        self.mismatches += sum(score.mismatches for score in run.scores)
        if not run.passed:
            said = "; ".join(run.bench.messages) or "no result"
            self.failures.append(f"{what} {start}-{len(self.targets) - 1}: {said}")


class RandomRuns(Displayed):
    """The result of a random regression.

    Attributes:
        mismatches: The number of words that differ, are missing or have wrong marks.
        failures: One line for each simulation that failed.
    """

    mismatches: int
    failures: tuple[str, ...]

    @property
    def compared(self) -> int:
        """The number of words or beats that were compared."""
        raise NotImplementedError

    @property
    def passed(self) -> bool:
        """Whether every simulation reached its end, something was compared and nothing differs."""
        return not self.failures and self.mismatches == 0 and self.compared > 0


def run_random(
    draw: Callable[[np.random.Generator, int], Drawn],
    count: int,
    *,
    seed: int,
    workdir: Path,
    cycles: int,
    simulator: Simulator | str,
    batch: int,
    jobs: int = 1,
    what: str = "designs",
    report: bool = False,
) -> Tally[Drawn]:
    """Draw targets, run them in batches and count mismatches.

    Args:
        draw: A function from a random generator and the number of a target, from 0 on, to that target. If it raises a
            DesignError, it is called again.
        count: The number of targets.
        seed: The seed of everything that is drawn.
        workdir: The folder for builds and logs.
        cycles: The largest number of clock cycles of a target, for the message of the error below.
        simulator: The HDL simulator, verilator or icarus.
        batch: The number of targets in one simulation.
        jobs: The number of simulations at a time.
        what: The name of the targets in messages.
        report: Whether each batch is reported on standard error.

    Raises:
        DesignError: Almost every draw was invalid or would have taken more than `cycles` clock cycles.
        MissingToolError: The simulator is not installed.
    """
    rng = np.random.default_rng(seed)
    tally: Tally[Drawn] = Tally()

    def accepted(k: int) -> Drawn:
        while True:
            try:
                return draw(rng, k)
            except DesignError:
                tally.redrawn += 1
                if tally.redrawn > 50 * count + 100:
                    raise DesignError("cycles", "enough for what is drawn", cycles) from None

    with ThreadPoolExecutor(jobs) as pool:
        started = []
        for start in range(0, count, batch):
            targets = [accepted(k) for k in range(start, min(start + batch, count))]
            folder = workdir / f"batch_{start}"
            started.append((targets, pool.submit(run_targets, targets, workdir=folder, simulator=simulator, seed=seed)))
        for targets, future in started:
            tally.add(future.result(), targets, what)
            if report:
                found = f"{tally.words} words, {tally.mismatches} mismatches"
                print(f"{len(tally.targets)}/{count} {what}, {found}", file=sys.stderr, flush=True)
    return tally
