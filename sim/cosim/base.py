"""The common part of all co-simulations: the comparison of Verilog with its integer model, and a result in figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.base import Target
from lmu_hw.sim.targets.run import Run, run_targets
from lmu_hw.sim.targets.standalone import write_standalone


@dataclass(frozen=True)
class DigitalCheck:
    """Verilog against the integer model.

    Attributes:
        samples: The number of samples that were sent.
        beats: The number of beats that came out and were compared.
        mismatches: The number of words that differ, are missing or have wrong marks.
        simulator: The HDL simulator.
        messages: The failures of the bench, or the first mismatch of the scoreboard, a line each.
        passed: Whether everything was compared and nothing differs.
        runs: The number of runs with different gaps and stalls, over which the numbers above are totals.
    """

    samples: int
    beats: int
    mismatches: int
    simulator: str
    messages: tuple[str, ...]
    passed: bool
    runs: int = 1

    @classmethod
    def of_run(cls, run: Run, words: int, simulator: Simulator | str) -> DigitalCheck:
        """Return the check of a run of one target, of which `words` words are expected."""
        score = run.scores[0] if run.scores else None
        beats, mismatches = (score.checked, score.mismatches) if score else (0, words)
        return cls(run.targets[0].sent, beats, mismatches, str(simulator), run.bench.messages, run.passed)

    @classmethod
    def of_score(cls, run: Run, k: int, words: int, simulator: Simulator | str) -> DigitalCheck:
        """Return the check of target k among several by its score alone; `words` words are expected of it."""
        sent = run.targets[k].sent
        if not run.scores:
            return cls(sent, 0, words, str(simulator), ("the bench did not get as far",), False)
        score = run.scores[k]
        said = (score.first_mismatch,) if score.first_mismatch else ()
        return cls(sent, score.checked, score.mismatches, str(simulator), said, score.passed)

    @classmethod
    def of_runs(cls, done: Simulated, words: int, simulator: Simulator | str, k: int | None = None) -> DigitalCheck:
        """Return the check of all runs: of their only target, or of target k by its scores alone."""
        each = [
            cls.of_run(run, words, simulator) if k is None else cls.of_score(run, k, words, simulator)
            for run in done.runs
        ]
        return reduce(cls.joined, reversed(each))

    def joined(self, other: DigitalCheck) -> DigitalCheck:
        """Return the check of these runs and others of the same target."""
        return DigitalCheck(
            self.samples + other.samples,
            self.beats + other.beats,
            self.mismatches + other.mismatches,
            self.simulator,
            self.messages + other.messages,
            self.passed and other.passed,
            self.runs + other.runs,
        )


@dataclass(frozen=True)
class Simulated:
    """The runs of a co-simulation.

    Attributes:
        runs: The runs, each with other gaps and stalls; the last has those of the seed, and its recordings stay.
        waveform: The file with all signals; None if none was recorded.
    """

    runs: tuple[Run, ...]
    waveform: Path | None

    @property
    def kept(self) -> Run:
        """The run whose recordings are there."""
        return self.runs[-1]


def simulate(
    targets: Sequence[Target],
    expected: Sequence[IntArray],
    *,
    workdir: Path,
    simulator: Simulator | str,
    seed: int,
    runs: int,
    waves: bool | int,
    bench_dir: str | Path | None,
) -> Simulated:
    """Run targets as often as wanted, record a waveform, and leave the files of a bench.

    Args:
        targets: The targets, whose gaps and stalls have the seed `seed`.
        expected: The words with which each is compared.
        workdir: The folder for builds, logs and recordings.
        simulator: The HDL simulator.
        seed: The seed of gaps, stalls and cocotb; further runs have the seeds after it.
        runs: The number of runs.
        waves: Whether all signals are recorded; or of how many samples or steps from the beginning, in a run of its
            own if nothing differs.
        bench_dir: The folder for the files of `write_standalone`; None for none.

    Raises:
        DesignError: `runs` is less than 1, or `waves` is negative.
    """
    if runs < 1:
        raise DesignError("runs", "an integer of 1 or more", runs)
    if waves < 0:
        raise DesignError("waves", "true, false, or a number of samples", waves)
    if bench_dir is not None:
        write_standalone(targets, bench_dir, expected=expected)
    whole = waves is True
    done = [
        run_targets(
            [target.with_seed(seed + k) for target in targets] if k else targets,
            workdir=workdir,
            simulator=simulator,
            seed=seed + k,
            waves=whole and k == 0,
            expected=expected,
        )
        for k in reversed(range(runs))  # every run empties the folder of the one before
    ]
    waveform = done[-1].bench.waveform
    if waves and not whole and all(run.passed for run in done):
        begun = [target.beginning(int(waves)) for target in targets]
        folder = workdir / "waves"
        waveform = run_targets(begun, workdir=folder, simulator=simulator, seed=seed, waves=True).bench.waveform
    return Simulated(tuple(done), waveform)


class Cosim(Displayed, ABC):
    """The result of a co-simulation."""

    @property
    @abstractmethod
    def passed(self) -> bool:
        """Whether every check held."""

    @property
    @abstractmethod
    def figures(self) -> Mapping[str, Any]:
        """The comparisons, each a dataclass or a plain value, by its key in a result file."""

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "passed", str(self.passed)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, and whether all checks passed."""
        return {key: _plain(value) for key, value in self.figures.items()} | {"passed": self.passed}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if is_dataclass(value):
        return {key: _plain(each) for key, each in vars(value).items()}
    return value
