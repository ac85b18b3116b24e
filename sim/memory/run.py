"""Run memories in an HDL simulator and compare every word with the integer model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.artifacts import to_json
from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.fixed_point.integer_model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.legendre import Array
from lmu_hw.rtl.verilog import generate_verilog
from lmu_hw.sim.memory.harness import HarnessedMemory, Stimulus, stream_module
from lmu_hw.sim.runner import BenchResult, Simulator
from lmu_hw.sim.stream.beats import read_memory_beats, read_readouts
from lmu_hw.sim.stream.run import Scored, run_harness, save_expected
from lmu_hw.sim.stream.scoreboard import Score


@dataclass(frozen=True)
class StreamRun(Scored):
    """What a run of the stream bench came to.

    Attributes:
        scores: one for each memory; empty where the bench did not get as far.
        words: recorded output words of each memory, shape (batch, samples or 1, order); empty unless it passed.
        readouts: likewise its readouts, shape (batch, samples or 1, readouts); None for a plan without.
        bench: log, messages and waveform.
    """

    scores: tuple[Score, ...]
    words: tuple[IntArray, ...]
    readouts: tuple[IntArray | None, ...]
    bench: BenchResult


def run_streams(
    memories: Sequence[HarnessedMemory],
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
    waves: bool = False,
    expected: Sequence[IntArray] | None = None,
    resets: Sequence[int] = (),
    references: Sequence[Array | None] | None = None,
) -> StreamRun:
    """Stream every memory's stimulus through its Verilog and score all of it in cocotb.

    Args:
        memories: designs of different names; they run side by side in one simulation.
        workdir: folder for the build, the logs and the recordings.
        simulator: verilator or icarus.
        seed: of cocotb.
        waves: record all signals.
        expected: the words to compare with, (batch, samples or 1, order) each; the integer model's by default.
        resets: clock cycles to run before each reset in mid-stream; every stream starts over after it.
        references: float states to bound the words by, (batch, samples or 1, order) each, or None for some.

    Raises:
        DesignError: an argument is wrong.
        MissingToolError: the simulator is not installed.
    """
    words = list(expected) if expected is not None else [_model_words(memory) for memory in memories]
    files, jobs = {}, []
    for k, memory in enumerate(memories):
        files[f"samples_{k}.hex"] = memory.sample_words()
        files[f"manifest_{k}.json"] = to_json(memory.design.manifest)
        vectors: dict[str, Any] = {"words": memory.expected_order(words[k])}
        if memory.plan.readouts is not None:
            vectors["readouts"] = memory.expected_readouts(IntegerMemory(memory.plan).readouts(words[k]))
        if references is not None and (reference := references[k]) is not None:
            vectors |= _bounded(memory, reference)
        jobs.append(_job(memory) | {"expected": save_expected(workdir, k, vectors)})
    scores, bench = run_harness(
        [stream_module(k, memory) for k, memory in enumerate(memories)],
        "lmu_hw.sim.memory.bench",
        jobs,
        workdir=workdir,
        files=files,
        limits=[_limit_cycles(memory) for memory in memories],
        simulator=simulator,
        seed=seed,
        waves=waves,
        resets=resets,
    )
    if not bench.passed:
        return StreamRun(scores, (), (), bench)
    recorded, readouts = zip(*(_recorded(k, memory, bench.run_dir) for k, memory in enumerate(memories)), strict=True)
    return StreamRun(scores, recorded, readouts, bench)


def _recorded(k: int, memory: HarnessedMemory, folder: Path) -> tuple[IntArray, IntArray | None]:
    manifest = memory.design.manifest
    words = memory.batch_order(read_memory_beats(folder / f"beats_{k}.hex", manifest).words)
    if memory.plan.readouts is None:
        return words, None
    return words, memory.batch_readouts(read_readouts(folder / f"readouts_{k}.hex", manifest).words)


def run_rtl(
    plan: MemoryPlan,
    codes: IntArray,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    seed: int = 0,
    only_last: bool = False,
) -> IntArray:
    """Output words of the generated Verilog for `codes` of shape (batch, samples), all checked on the way.

    Returns:
        Words, shape (batch, samples, order), or (batch, 1, order) with `only_last`.

    Raises:
        CheckFailed: the Verilog differs from the integer model, or the bench failed.
    """
    design = generate_verilog(plan, lanes=lanes, channels=channels, unrolled=unrolled)
    memory = HarnessedMemory(plan, Stimulus(codes, only_last=only_last), design)
    run = run_streams([memory], workdir=workdir, simulator=simulator, seed=seed)
    if not run.passed:
        raise CheckFailed("; ".join(run.bench.messages) or "the bench failed")
    return run.words[0]


def _model_words(memory: HarnessedMemory) -> IntArray:
    model = IntegerMemory(memory.plan)
    if memory.stimulus.only_last:
        return model.final(memory.kept_codes)[:, None]
    return model.run(memory.kept_codes)


def _bounded(memory: HarnessedMemory, reference: Array) -> dict[str, Any]:
    bound = np.broadcast_to(memory.plan.error_bound, reference.shape)
    return {
        "reference": memory.expected_order(reference),
        "bound": memory.expected_order(bound),
        "lsb": np.array(memory.plan.output_format.lsb),
    }


def _limit_cycles(memory: HarnessedMemory) -> int:
    """More cycles than the stream can take: each gap or stall waits 1/(1 − share) cycles on average."""
    stimulus = memory.stimulus
    slots = stimulus.codes.size * (memory.cycles_per_round + memory.beats_per_sample)
    waits = (1.0 - stimulus.gap) * (1.0 - stimulus.stall)
    if memory.plan.readouts is not None:
        waits *= 1.0 - stimulus.stall
    return int(2.0 * slots / waits) + 10_000


def _job(memory: HarnessedMemory) -> dict[str, Any]:
    batch, samples = memory.stimulus.codes.shape
    return {
        "batch": batch,
        "samples": samples,
        "beats_per_sample": memory.beats_per_sample,
        "words_per_beat": memory.words_per_beat,
        "in_step": memory.in_step,
        "channels": memory.channels,
        "only_last": memory.stimulus.only_last,
        "unmarked": memory.stimulus.unmarked,
    }
