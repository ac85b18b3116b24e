"""Run targets in the stream harness under a simulator, and collect their scores and outputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.sim.hdl.runner import BenchResult, Simulator, run_bench
from lmu_hw.sim.targets.base import Expected, Recorded, Target
from lmu_hw.sim.targets.harness import TOP, harness_verilog, record_fields, record_file, stimulus_files
from lmu_hw.sim.targets.scoreboard import Beats, Score, read_beats

_SLOWEST_CYCLES_PER_S = 2_000.0  # of any simulator on any one design here; only a limit, never a wait


@dataclass(frozen=True, eq=False, repr=False)
class Run(Displayed):
    """The result of a run of the bench.

    Attributes:
        targets: The targets that ran.
        scores: A score for each target; empty if the bench did not get as far.
        bench: The log, the messages and the waveform.
    """

    targets: tuple[Target, ...]
    scores: tuple[Score, ...]
    bench: BenchResult

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "passed", str(self.passed)
        yield "targets", str(len(self.targets))
        yield "checked", str(sum(score.checked for score in self.scores))
        yield "mismatches", str(sum(score.mismatches for score in self.scores))

    @property
    def passed(self) -> bool:
        """Whether the bench ran and every score is clean."""
        return self.bench.passed and bool(self.scores) and all(score.passed for score in self.scores)

    @cached_property
    def recorded(self) -> tuple[Recorded, ...]:
        """The outputs of each target, in the order of its integer model; empty unless the bench passed."""
        if not self.bench.passed:
            return ()
        return tuple(target.arranged(self.beats(k)) for k, target in enumerate(self.targets))

    @property
    def words(self) -> tuple[IntArray, ...]:
        """The output words of each target, of the shape of its model's; empty unless the bench passed."""
        return tuple(each.words for each in self.recorded)

    @property
    def readouts(self) -> tuple[IntArray | None, ...]:
        """The readouts of each target, shape (batch, samples or 1, readouts); None for a target without readouts."""
        return tuple(each.readouts for each in self.recorded)

    def beats(self, k: int) -> dict[str, Beats]:
        """Return every recorded beat of target k, by the name of its stream, even if the bench failed."""
        return {
            stream.name: read_beats(self.bench.run_dir / record_file(stream, k), record_fields(stream), stream.words)
            for stream in self.targets[k].streams
        }

    def checked_words(self, k: int) -> IntArray:
        """Return the output words of target k, of the shape of its model's.

        Raises:
            CheckFailed: Something differs from the integer models, or the bench failed.
        """
        if not self.passed:
            raise CheckFailed("; ".join(self.bench.messages) or "the bench failed")
        return self.words[k]


def run_targets(
    targets: Sequence[Target],
    *,
    workdir: str | Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
    waves: bool = False,
    expected: Sequence[IntArray] | None = None,
    resets: Sequence[int] = (),
) -> Run:
    """Stream the stimulus of every target through its Verilog, and compare all results in a cocotb bench.

    Args:
        targets: Designs of different names; they run side by side in one simulation.
        workdir: The folder for the build, the logs and the recordings.
        simulator: The HDL simulator, verilator or icarus.
        seed: The seed of cocotb.
        waves: Whether all signals are recorded.
        expected: The words with which each target is compared, of the shape of its model's; by default those of the
            integer models.
        resets: The number of clock cycles before each reset in mid-stream; after it, every stream starts over.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: The simulator is not installed.
    """
    workdir = Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    words = [target.model_words() for target in targets] if expected is None else expected
    jobs = [_job(k, target, words[k], workdir.absolute()) for k, target in enumerate(targets)]
    sources = [target.design.write_source(workdir) for target in targets]
    top = workdir / f"{TOP}.v"
    top.write_text(harness_verilog(targets), encoding="utf-8")
    files = stimulus_files(targets)
    for target in targets:
        files |= target.design.memory_files
    limits = [target.limit_cycles for target in targets]
    # The bench uses the ports of the harness only. To keep every other signal accessible, as cocotb has Verilator do,
    # makes the simulation several times slower; only waveforms need them.
    hidden = () if waves else Simulator.named(simulator).backend.hide_signals()
    bench = run_bench(
        simulator,
        [*sources, top],
        TOP,
        "lmu_hw.sim.targets.bench",
        workdir / str(simulator),
        timeout_s=120.0 + sum(limits) / _SLOWEST_CYCLES_PER_S,
        parameters={"limit_cycles": max(limits), "jobs": jobs, "resets": list(resets)},
        seed=seed,
        waves=waves,
        extra_files=files,
        extra_build_args=hidden,
    )
    return Run(tuple(targets), _scores(bench.run_dir / "scores.json"), bench)


def _job(k: int, target: Target, words: IntArray, folder: Path) -> dict[str, Any]:
    """Return the parameters of the bench for target k; the expected content of its streams is written to `folder`."""
    streams = []
    wanted = target.expected(words)
    for stream in target.streams:
        vectors = _vectors(wanted[stream.name], {name.rpartition("_")[2] for name, _ in stream.fields})
        if target.reference is not None and stream.name == target.streams[0].name:
            vectors |= {
                "reference": target.in_beat_order(target.reference),
                "bound": target.in_beat_order(np.broadcast_to(target.error_bound, target.reference.shape)),
                "lsb": np.array(target.output_format.lsb),
            }
        path = folder / f"expected_{stream.name}_{k}.npz"
        np.savez(path, allow_pickle=False, **vectors)
        streams.append(
            {
                "name": stream.name,
                "record": record_file(stream, k),
                "fields": record_fields(stream),
                "words": stream.words,
                "expected": str(path),
            }
        )
    return {"sent": int(target.sent), "streams": streams}


def _vectors(wanted: Expected, ports: set[str]) -> dict[str, Any]:
    """Return the expected words, and those of their tags that have a port."""
    return {"words": wanted.words, **{f"tag_{name}": tag for name, tag in wanted.tags.items() if name in ports}}


def _scores(file: Path) -> tuple[Score, ...]:
    """Return the scores that the bench wrote; none if it did not get as far."""
    if not file.is_file():
        return ()
    rows = json.loads(file.read_text(encoding="utf-8"))["scores"]
    return tuple(Score(**{field.name: row[field.name] for field in fields(Score)}) for row in rows)
