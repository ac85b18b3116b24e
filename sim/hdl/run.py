"""Run designs in the stream harness under a simulator, and collect their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.sim.hdl.harness import TOP, StreamModule, harness_verilog
from lmu_hw.sim.hdl.runner import BenchResult, Simulator, run_bench
from lmu_hw.sim.hdl.scoreboard import Score

_SLOWEST_CYCLES_PER_S = 2_000.0  # of any simulator on any one design here; only a limit, never a wait


class Scored:
    """What every run of a stream bench has: a score for each design, and the bench's own outcome."""

    scores: tuple[Score, ...]
    bench: BenchResult

    @property
    def passed(self) -> bool:
        """The bench ran and every score is clean."""
        return self.bench.passed and bool(self.scores) and all(score.passed for score in self.scores)


def run_harness(
    modules: Sequence[StreamModule],
    bench_module: str,
    jobs: Sequence[Mapping[str, Any]],
    *,
    workdir: Path,
    files: Mapping[str, str],
    limits: Sequence[int],
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
    waves: bool = False,
    resets: Sequence[int] = (),
) -> tuple[tuple[Score, ...], BenchResult]:
    """Build and run the harness; scores are empty where the bench did not get as far.

    Args:
        modules: designs of different names; they run side by side in one simulation.
        bench_module: the cocotb bench.
        jobs: what the bench must know of each.
        workdir: folder for the build, the logs and the recordings.
        files: that the simulation finds in its folder, samples_K.hex among them.
        limits: more clock cycles than each can take.
        simulator: verilator or icarus.
        seed: of cocotb.
        waves: record all signals.
        resets: clock cycles to run before each reset in mid-stream; every stream starts over after it.

    Raises:
        DesignError: an argument is wrong.
        MissingToolError: the simulator is not installed.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    sources = []
    for module in modules:
        path = workdir / f"{module.design.name}.v"
        path.write_text(module.design.text, encoding="utf-8")
        sources.append(path)
    top = workdir / f"{TOP}.v"
    top.write_text(harness_verilog(modules), encoding="utf-8")
    # The bench touches the harness's own ports only; that Verilator keeps every other signal within its reach, as
    # cocotb asks for, makes it several times slower. In waveforms all signals are wanted.
    hidden = ("--no-public-flat-rw",) if simulator == Simulator.VERILATOR and not waves else ()
    bench = run_bench(
        simulator,
        [*sources, top],
        TOP,
        bench_module,
        workdir / str(simulator),
        timeout_s=120.0 + sum(limits) / _SLOWEST_CYCLES_PER_S,
        parameters={"limit_cycles": max(limits), "jobs": list(jobs), "resets": list(resets)},
        seed=seed,
        waves=waves,
        extra_files=files,
        extra_build_args=hidden,
    )
    file = bench.run_dir / "scores.json"
    if not file.is_file():
        return (), bench
    rows = json.loads(file.read_text(encoding="utf-8"))["scores"]
    return tuple(Score(**{key: row[key] for key in row if key != "passed"}) for row in rows), bench


def save_expected(workdir: Path, k: int, vectors: Mapping[str, Any]) -> str:
    """Write what is expected of design `k` for the bench; return the file's absolute path."""
    workdir.mkdir(parents=True, exist_ok=True)
    path = (workdir / f"expected_{k}.npz").absolute()
    np.savez(path, allow_pickle=False, **vectors)
    return str(path)
