"""Run spiking memories in an HDL simulator and compare every word with the integer model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.runner import BenchResult, Simulator
from lmu_hw.sim.spiking.harness import HarnessedSpiking
from lmu_hw.sim.stream.beats import read_beats
from lmu_hw.sim.stream.run import Scored, run_harness, save_expected
from lmu_hw.sim.stream.scoreboard import Score
from lmu_hw.spiking.digital_plan import DigitalSpikingPlan

BENCH = "lmu_hw.sim.spiking.bench"


@dataclass(frozen=True)
class SpikingRun(Scored):
    """What a run of the bench came to.

    Attributes:
        scores: one for each memory; empty where the bench did not get as far.
        words: recorded words of each, shape (batch, samples, order); empty unless the bench passed.
        cycles: the clock cycle in which each word was taken, counted from the first sample, same shapes.
        bench: log, messages and waveform.
    """

    scores: tuple[Score, ...]
    words: tuple[IntArray, ...]
    cycles: tuple[IntArray, ...]
    bench: BenchResult


def run_spiking(
    memories: Sequence[HarnessedSpiking],
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
    waves: bool = False,
    expected: Sequence[IntArray] | None = None,
    resets: Sequence[int] = (),
) -> SpikingRun:
    """Stream every memory's stimulus through its Verilog and score all of it in cocotb.

    Args:
        memories: designs of different names; they run side by side in one simulation.
        workdir: folder for the build, the logs and the recordings.
        simulator: verilator or icarus.
        seed: of cocotb.
        waves: record all signals.
        expected: the words to compare with, shape (batch, samples, order) each; the integer model's by default.
        resets: clock cycles to run before each reset in mid-stream; every stream starts over after it.

    Raises:
        DesignError: an argument is wrong.
        MissingToolError: the simulator is not installed.
    """
    words = [memory.model_words() for memory in memories] if expected is None else list(expected)
    jobs = [
        spiking_job(memory) | {"expected": save_expected(workdir, k, spiking_vectors(memory, words[k]))}
        for k, memory in enumerate(memories)
    ]
    scores, bench = run_harness(
        [memory.module() for memory in memories],
        BENCH,
        jobs,
        workdir=workdir,
        files={f"samples_{k}.hex": memory.sample_words() for k, memory in enumerate(memories)},
        limits=[memory.limit_cycles() for memory in memories],
        simulator=simulator,
        seed=seed,
        waves=waves,
        resets=resets,
    )
    if not bench.passed:
        return SpikingRun(scores, (), (), bench)
    beats = [read_beats(bench.run_dir / f"beats_{k}.hex", memory.fields) for k, memory in enumerate(memories)]
    shapes = [(*memory.codes.shape, memory.plan.ensembles) for memory in memories]
    return SpikingRun(
        scores,
        tuple(each.words.reshape(shape) for each, shape in zip(beats, shapes, strict=True)),
        tuple(each.tags["cycle"].reshape(shape) for each, shape in zip(beats, shapes, strict=True)),
        bench,
    )


def run_spiking_rtl(
    plan: DigitalSpikingPlan,
    codes: IntArray,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
) -> IntArray:
    """Words of the generated Verilog for `codes` of shape (batch, samples), all checked on the way.

    Returns:
        Words, shape (batch, samples, order).

    Raises:
        CheckFailed: the Verilog differs from the integer model, or the bench failed.
    """
    run = run_spiking(
        [HarnessedSpiking(plan, generate_spiking_verilog(plan), codes)], workdir=workdir, simulator=simulator, seed=seed
    )
    if not run.passed:
        raise CheckFailed("; ".join(run.bench.messages) or "the bench failed")
    return run.words[0]


def spiking_job(memory: HarnessedSpiking) -> dict[str, Any]:
    """What the bench must know of a spiking memory, but for the file of what is expected."""
    return {"fields": memory.fields, "words_per_beat": 1, "sent": int(memory.codes.size)}


def spiking_vectors(memory: HarnessedSpiking, words: IntArray) -> dict[str, Any]:
    """What is expected of it: words of shape (batch, samples, order), and what comes with them."""
    return {"words": np.ascontiguousarray(words).reshape(-1, 1), **memory.expected_tags()}
