"""Spiking memories in the stream harness: what goes into them, and what is expected to come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.hdl.harness import CYCLE_BITS, StreamModule, check_share
from lmu_hw.sim.hdl.run import Scored, run_harness, save_expected
from lmu_hw.sim.hdl.runner import BenchResult, Simulator
from lmu_hw.sim.hdl.scoreboard import Score, expected_flags, memory_fields, read_beats
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


@dataclass(frozen=True, eq=False)
class HarnessedSpiking:
    """One spiking memory in the harness: its plan, its Verilog and its stimulus.

    Attributes:
        plan: in integers.
        design: the Verilog under test. Another than the plan's own stands for a wrong build.
        codes: input codes, shape (batch, samples): sequences one after the other, each with `first` on its first
            sample and `last` on its last.
        gap: share of cycles in which no new sample is offered, 0 … 0.9.
        stall: share of cycles in which no word is taken, 0 … 0.9.
        seed: of both.

    Raises:
        DesignError: the codes have another shape or are out of range, or a share is.
    """

    plan: DigitalSpikingPlan
    design: VerilogDesign
    codes: IntArray
    gap: float = 0.0
    stall: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.size == 0:
            raise DesignError("codes", "of shape (batch, samples), not empty", self.codes.shape)
        form = self.plan.input_format
        if self.codes.min() < form.low or self.codes.max() > form.high:
            raise DesignError("codes", f"within {form}", [int(self.codes.min()), int(self.codes.max())])
        check_share("gap", self.gap)
        check_share("stall", self.stall)

    def sample_words(self) -> str:
        """The samples as $readmemh wants them: {spare, last, first, data}, one a line."""
        width = self.plan.input_format.width
        words = self.codes & ((1 << width) - 1)
        words[:, 0] |= 1 << width
        words[:, -1] |= 2 << width
        return "\n".join(f"{word:x}" for word in words.ravel().tolist()) + "\n"

    def model_words(self) -> IntArray:
        """The integer model's words, shape (batch, samples, order)."""
        return DigitalSpikingMemory(self.plan).run(self.codes)

    def expected_tags(self) -> dict[str, IntArray]:
        """What is expected beside the words."""
        batch, samples = self.codes.shape
        tags = expected_flags(batch, samples, self.plan.ensembles, 1, 1, only_last=False, unmarked=False)
        return {name: tags[name] for name in ("index", "first", "last")}

    def module(self) -> StreamModule:
        """What the harness must know; every record begins with its cycle, so that the pace can be told."""
        return StreamModule(
            design=self.design,
            data_bits=self.plan.input_format.width,
            beat=memory_fields(self.design.manifest),
            words=self.codes.size,
            beats=self.codes.size * self.plan.ensembles,
            gap=self.gap,
            stall=self.stall,
            seed=self.seed,
            record="1'b1",
            timed=True,
            rest=2 * int(self.design.manifest["cycles_per_sample"]) + 16,
        )

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        """What a record consists of, the highest bits first."""
        return (("cycle", CYCLE_BITS), *memory_fields(self.design.manifest))

    def limit_cycles(self) -> int:
        """More cycles than the stream can take: each gap or stall waits 1/(1 − share) cycles on average."""
        waits = (1.0 - self.gap) * (1.0 - self.stall)
        words = self.codes.size * (self.plan.ensembles + 1)
        cycles = self.codes.size * int(self.design.manifest["cycles_per_sample"])
        return int(2.0 * (cycles + words / waits)) + 10_000


BENCH = "lmu_hw.sim.targets.spiking_bench"


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
