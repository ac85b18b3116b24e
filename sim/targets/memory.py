"""Memories in the stream harness: what goes into them, and what is expected to come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.fixed_point.formats import IntArray, Overflow, QFormat, fit
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.io.files import to_json
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.sim.hdl.harness import Extras, StreamModule, check_share
from lmu_hw.sim.hdl.run import Scored, run_harness, save_expected
from lmu_hw.sim.hdl.runner import BenchResult, Simulator
from lmu_hw.sim.hdl.scoreboard import Score, memory_fields, read_memory_beats, read_readouts

Numbers = TypeVar("Numbers", IntArray, Array)


@dataclass(frozen=True)
class Stimulus:
    """What is streamed through one memory.

    Attributes:
        codes: input codes, shape (batch, samples): sequences one after the other, each with `first` on its
            first sample and `last` on its last. With several channels the sequences of `channels` successive
            rows run side by side, so the batch must be a multiple of the channels. Codes beyond the input
            format go to a wider port only.
        gap: share of cycles in which no new sample is offered, 0 … 0.9.
        stall: share of cycles in which no beat is taken, 0 … 0.9; readouts wait as often, at other times.
        only_last: record only the beats and readouts of each sequence's last sample.
        unmarked: the first sequences go without `first`: the memory starts them as reset has left it.
        seed: of the gaps, the stalls and the cycles in which the status bit is cleared.
    """

    codes: IntArray
    gap: float = 0.0
    stall: float = 0.0
    only_last: bool = False
    unmarked: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.size == 0:
            raise DesignError("codes", "of shape (batch, samples), not empty", self.codes.shape)
        check_share("gap", self.gap)
        check_share("stall", self.stall)


@dataclass(frozen=True)
class HarnessedMemory:
    """One memory in the harness: its plan, its Verilog and its stimulus.

    Attributes:
        plan: the fixed-point plan.
        stimulus: what is streamed through it.
        design: the Verilog under test. Another than the plan's own stands for a wrong build.
    """

    plan: MemoryPlan
    stimulus: Stimulus
    design: VerilogDesign

    def __post_init__(self) -> None:
        if self.stimulus.codes.shape[0] % self.channels:
            raise DesignError(
                "number of sequences", f"a multiple of {self.channels} channels", self.stimulus.codes.shape[0]
            )
        port = QFormat(self.port_bits, self.plan.input_format.fraction)
        low, high = int(self.stimulus.codes.min()), int(self.stimulus.codes.max())
        if low < port.low or high > port.high:
            raise DesignError("codes", f"within the {port.width} bits of the port", [low, high])

    @property
    def words_per_beat(self) -> int:
        """State words in a beat."""
        return int(self.design.manifest["words_per_beat"])

    @property
    def port_bits(self) -> int:
        """Width of the input port."""
        return int(self.design.manifest["port_bits"])

    @property
    def cycles_per_round(self) -> int:
        """Cycles from one sample to the next, or from one set of samples in step."""
        return math.ceil(float(self.design.manifest["cycles_per_sample"]) * self.in_step)

    @property
    def in_step(self) -> int:
        """Channels whose beats alternate."""
        return int(self.design.manifest["channels_in_step"])

    @property
    def channels(self) -> int:
        """Memories that take turns."""
        return int(self.design.manifest["channels"])

    @property
    def beats_per_sample(self) -> int:
        """Beats of output for each sample."""
        return self.plan.spec.order // self.words_per_beat

    @property
    def kept_codes(self) -> IntArray:
        """The codes as the memory takes them: those out of range saturated."""
        return fit(self.stimulus.codes, self.plan.input_format, Overflow.SATURATE)

    def sample_words(self) -> str:
        """The samples as $readmemh wants them: {outside, last, first, data}, one a line, channels taking turns."""
        codes, channels = self.stimulus.codes, self.channels
        batch, samples = codes.shape
        width = self.port_bits
        words = codes & ((1 << width) - 1)
        words[channels if self.stimulus.unmarked else 0 :, 0] |= 1 << width
        words[:, -1] |= 2 << width
        words[codes != self.kept_codes] |= 4 << width
        turns = words.reshape(batch // channels, channels, samples).transpose(0, 2, 1)
        return "\n".join(f"{word:x}" for word in turns.ravel().tolist()) + "\n"

    def expected_order(self, words: Numbers) -> Numbers:
        """State words or values, (batch, samples or 1, order), in the order of the beats, (beats, words)."""
        batch, samples, _ = words.shape
        return words.reshape(self._turns(batch, samples)).transpose(0, 3, 1, 4, 2, 5).reshape(-1, self.words_per_beat)

    def batch_order(self, beats: IntArray) -> IntArray:
        """The inverse of `expected_order`: (beats, words) to (batch, samples or 1, order)."""
        batch, samples = self.stimulus.codes.shape
        kept = 1 if self.stimulus.only_last else samples
        sets, turns, in_step, _, groups, words = self._turns(batch, kept)
        rows = beats.reshape(sets, kept, turns, groups, in_step, words).transpose(0, 2, 4, 1, 3, 5)
        return np.ascontiguousarray(rows).reshape(batch, kept, -1)

    def expected_readouts(self, values: Numbers) -> Numbers:
        """Readouts, (batch, samples or 1, readouts), in the order in which they come, (samples, readouts)."""
        batch, samples, count = values.shape
        turns = values.reshape(batch // self.channels, self.channels, samples, count).transpose(0, 2, 1, 3)
        return turns.reshape(-1, count)

    def batch_readouts(self, rows: IntArray) -> IntArray:
        """The inverse of `expected_readouts`."""
        batch, samples = self.stimulus.codes.shape
        kept = 1 if self.stimulus.only_last else samples
        turns = rows.reshape(batch // self.channels, kept, self.channels, -1).transpose(0, 2, 1, 3)
        return np.ascontiguousarray(turns).reshape(batch, kept, -1)

    def _turns(self, batch: int, samples: int) -> tuple[int, int, int, int, int, int]:
        """Sets of sequences, turns of channels in step, those, samples, beats of each, words of a beat."""
        turns = self.channels // self.in_step
        return batch // self.channels, turns, self.in_step, samples, self.beats_per_sample, self.words_per_beat


def stream_module(k: int, memory: HarnessedMemory) -> StreamModule:
    """Memory k for the harness, which also writes its readouts to readouts_k.hex.

    The status bit is compared in every cycle with what it should be.
    """
    readouts = memory_fields(memory.design.manifest, "readout")
    return StreamModule(
        design=memory.design,
        data_bits=memory.port_bits,
        beat=memory_fields(memory.design.manifest),
        words=memory.stimulus.codes.size,
        beats=memory.stimulus.codes.size * memory.beats_per_sample,
        gap=memory.stimulus.gap,
        stall=memory.stimulus.stall,
        seed=memory.stimulus.seed,
        record="out_last" if memory.stimulus.only_last else "1'b1",
        timed=False,
        rest=2 * memory.cycles_per_round + 16,
        extras=_readout_extras(k, memory, readouts) if readouts else _status_extras(memory),
    )


def _status_extras(memory: HarnessedMemory) -> Extras:
    if not any(port["name"] == "saturated" for port in memory.design.manifest["ports"]):
        return Extras()
    data = memory.port_bits
    return Extras(
        signals="""\
  reg clear_status, flag;
  wire saturated;
""",
        ports="""\
    .saturated(saturated), .clear_status(clear_status),
""",
        reset="""\
      clear_status <= 0; flag <= 0;
""",
        clock=f"""\
      // The status bit is cleared now and then; a sample out of range sets it, in the same cycle too.
      clear_status <= noise[20:16] == 0;
      if (clear_status) flag <= 0;
      if (in_valid && in_ready && word[{data + 2}]) flag <= 1;
      if (saturated !== flag) misflag <= 1;
""",
    )


def _readout_extras(k: int, memory: HarnessedMemory, fields: tuple[tuple[str, int], ...]) -> Extras:
    status = _status_extras(memory)
    total = sum(width for _, width in fields)
    wires = "\n".join(f"  wire [{width - 1}:0] {name};" for name, width in fields)
    record = "readout_last" if memory.stimulus.only_last else "1'b1"
    return Extras(
        signals=f"""\
{status.signals}\
  localparam READOUTS = {memory.stimulus.codes.size};
  reg [31:0] read;
  reg readout_ready, unread;
  wire readout_valid;
{wires}
  wire [{total - 1}:0] readout = {{{", ".join(name for name, _ in fields)}}};
  reg [{total - 1}:0] shown;
  integer readout_file = 0;
""",
        ports=f"""\
{status.ports}\
    .readout_valid(readout_valid), .readout_ready(readout_ready),
    {", ".join(f".{name}({name})" for name, _ in fields)},
""",
        reset=f"""\
{status.reset}\
      if (readout_file != 0) $fclose(readout_file);
      readout_file = 0; readout_ready <= 0; unread <= 0; read <= 0;
""",
        clock=f"""\
{status.clock}\
      readout_ready <= noise[31:24] >= STALL;
      unread <= readout_valid && !readout_ready;
      shown <= readout;
      if (unread && (!readout_valid || readout != shown)) violation <= 1;
      if (readout_valid && readout_ready) begin
        read <= read + 1;
        if (readout_file == 0) readout_file = $fopen("readouts_{k}.hex", "w");
        if ({record}) $fwrite(readout_file, "%h\\n", readout);
        if (read >= READOUTS) violation <= 1;
      end
""",
        done="read == READOUTS",
        close="""\
        $fclose(readout_file); readout_file = 0;
""",
    )


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
        "lmu_hw.sim.targets.memory_bench",
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
