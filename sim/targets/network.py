"""Networks in the stream harness: what goes into them, and what is expected to come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.rtl.memory.verilog import VerilogDesign
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.hdl.harness import StreamModule, check_share
from lmu_hw.sim.hdl.run import Scored, run_harness, save_expected
from lmu_hw.sim.hdl.runner import BenchResult, Simulator
from lmu_hw.sim.hdl.scoreboard import Score, read_beats

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NetworkStimulus:
    """What is streamed through a network: steps of sequences that run side by side.

    Attributes:
        codes: input words, shape (steps, sequences, inputs).
        first, last: where a sequence starts, and where it ends, shape (steps, sequences).
        gap: share of cycles in which no new word is offered, 0 … 0.9.
        stall: share of cycles in which no beat is taken, 0 … 0.9.
        seed: of both.
    """

    codes: IntArray
    first: Flags
    last: Flags
    gap: float = 0.0
    stall: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.codes.ndim != 3 or self.codes.size == 0:
            raise DesignError("codes", "of shape (steps, sequences, inputs), not empty", self.codes.shape)
        for what, flags in (("first", self.first), ("last", self.last)):
            if flags.shape != self.codes.shape[:2]:
                raise DesignError(what, f"of shape {self.codes.shape[:2]}", flags.shape)
        check_share("gap", self.gap)
        check_share("stall", self.stall)

    @classmethod
    def of_batch(cls, codes: IntArray, sequences: int) -> Self:
        """A batch of sequences of one length, shape (batch, T, inputs), `sequences` at a time.

        Where the batch does not fill the last round, sequences of zeros do.
        """
        batch, steps, inputs = codes.shape
        rounds = -(-batch // sequences)
        padded = np.zeros((rounds * sequences, steps, inputs), dtype=np.int64)
        padded[:batch] = codes
        turns = padded.reshape(rounds, sequences, steps, inputs).transpose(0, 2, 1, 3)
        first = np.zeros((rounds, steps, sequences), dtype=bool)
        last = first.copy()
        first[:, 0], last[:, -1] = True, True
        return cls(turns.reshape(-1, sequences, inputs), first.reshape(-1, sequences), last.reshape(-1, sequences))

    @classmethod
    def side_by_side(cls, rows: Sequence[Sequence[IntArray]]) -> Self:
        """Sequences of any lengths, shape (T, inputs) each: those of rows[s] one after the other in place s.

        All rows have the same number of steps together.
        """
        totals = {sum(len(each) for each in row) for row in rows}
        if len(totals) != 1:
            raise DesignError("rows", "of the same number of steps", sorted(totals))
        codes = np.stack([np.concatenate(row) for row in rows], axis=1).astype(np.int64)
        first = np.zeros(codes.shape[:2], dtype=bool)
        last = first.copy()
        for s, row in enumerate(rows):
            ends = np.cumsum([len(each) for each in row])
            last[ends - 1, s] = True
            first[[0, *ends[:-1]], s] = True
        return cls(codes, first, last)

    def with_traffic(self, gap: float, stall: float, seed: int) -> Self:
        """The same steps with gaps and back-pressure."""
        return replace(self, gap=gap, stall=stall, seed=seed)

    @property
    def steps(self) -> int:
        """Steps of every place."""
        return int(self.codes.shape[0])

    @property
    def sequences(self) -> int:
        """Places, side by side."""
        return int(self.codes.shape[1])


@dataclass(frozen=True, eq=False)
class HarnessedNetwork:
    """One network in the harness: its plan, its Verilog and its stimulus.

    Attributes:
        plan: the fixed-point plan.
        stimulus: what is streamed through it.
        design: the Verilog under test. Another than the plan's own stands for a wrong build.
    """

    plan: NetworkPlan
    stimulus: NetworkStimulus
    design: VerilogDesign

    def __post_init__(self) -> None:
        sequences = int(self.design.manifest["sequences"])
        wanted = (sequences, self.plan.inputs)
        if self.stimulus.codes.shape[1:] != wanted:
            raise DesignError("codes", f"of shape (steps, {sequences}, {wanted[1]})", self.stimulus.codes.shape)
        form, low, high = self.plan.input_format, int(self.stimulus.codes.min()), int(self.stimulus.codes.max())
        if low < form.low or high > form.high:
            raise DesignError("codes", f"within the {form.width} bits of the input", [low, high])

    @property
    def resets(self) -> bool:
        """Whether every sequence starts from zero; otherwise state persists."""
        return bool(self.design.manifest["reset"] == "first")

    @property
    def answered(self) -> Flags:
        """Which steps of which place give outputs, shape (steps, sequences)."""
        if self.plan.output is Output.LAST:
            return self.stimulus.last
        return np.ones_like(self.stimulus.last)

    @property
    def cycles_per_last_step(self) -> int:
        """Clock cycles of the longest step."""
        return int(self.design.manifest["cycles_per_last_step"])

    def sample_words(self) -> str:
        """The stimulus as $readmemh wants it: {0, last, first, data}, one word a line, place after place."""
        width = self.plan.input_format.width
        words = self.stimulus.codes & ((1 << width) - 1)
        words |= self.stimulus.first[..., None].astype(np.int64) << width
        words |= self.stimulus.last[..., None].astype(np.int64) << (width + 1)
        return "\n".join(f"{word:x}" for word in words.ravel().tolist()) + "\n"

    def model_outputs(self) -> IntArray:
        """What the integer model answers, shape (answered steps, outputs), step by step and place after place."""
        codes, sequences = self.stimulus.codes, self.stimulus.sequences
        outputs = np.zeros((*codes.shape[:2], self.plan.outputs), dtype=np.int64)
        runs: dict[int, list[tuple[int, int]]] = {}  # those of one length are computed together
        for s in range(sequences):
            starts = np.flatnonzero(self.stimulus.first[:, s]) if self.resets else np.zeros(1, dtype=np.int64)
            edges = np.unique(np.concatenate([[0], starts, [len(codes)]]))
            for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                runs.setdefault(stop - start, []).append((start, s))
        for length, fraction_bits in runs.items():
            inner = [self.answered[start : start + length - 1, s].any() for start, s in fraction_bits]
            every = any(inner)
            batch = np.stack([codes[start : start + length, s] for start, s in fraction_bits])
            model = IntegerNetwork(self.plan)
            got = model.run(batch, return_sequences=every)
            for row, (start, s) in enumerate(fraction_bits):
                if every:
                    outputs[start : start + length, s] = got[row]
                else:
                    outputs[start + length - 1, s] = got[row]
        answers: IntArray = outputs[self.answered]
        return answers

    def expected_tags(self, outputs: IntArray) -> dict[str, IntArray]:
        """What is expected beside each word of `outputs`, shape (answered steps, outputs), in order."""
        place = np.nonzero(self.answered)[1]
        count = outputs.shape[1]
        tags = {
            "sequence": np.repeat(place, count),
            "index": np.tile(np.arange(count), len(outputs)),
            "argmax": running_argmax(outputs).ravel(),
            "first": np.repeat(self.stimulus.first[self.answered], count),
            "last": np.repeat(self.stimulus.last[self.answered], count),
        }
        return {name: tag.astype(np.int64) for name, tag in tags.items()}

    def module(self) -> StreamModule:
        """For the harness."""
        width = {port["name"]: int(port["width"]) for port in self.design.manifest["ports"]}
        names = ("out_sequence", "out_index", "out_argmax", "out_first", "out_last", "out_data")
        return StreamModule(
            design=self.design,
            data_bits=self.plan.input_format.width,
            beat=tuple((name, width[name]) for name in names),
            words=self.stimulus.codes.size,
            beats=int(self.answered.sum()) * self.plan.outputs,
            gap=self.stimulus.gap,
            stall=self.stimulus.stall,
            seed=self.stimulus.seed,
            record="1'b1",
            timed=True,
            rest=2 * self.cycles_per_last_step + 64,
        )

    def limit_cycles(self) -> int:
        """More cycles than the stream can take: each gap or stall waits 1/(1 − share) cycles on average."""
        words = self.stimulus.codes.size + self.answered.sum() * self.plan.outputs
        waits = (1.0 - self.stimulus.gap) * (1.0 - self.stimulus.stall)
        return int(2.0 * (self.stimulus.steps * self.cycles_per_last_step + words) / waits) + 10_000


def running_argmax(outputs: IntArray) -> IntArray:
    """For each word the index of the largest one up to it, the first of equals, along the last axis."""
    before = np.maximum.accumulate(outputs, axis=-1)[..., :-1]
    rises = np.zeros(outputs.shape, dtype=np.int64)
    rises[..., 1:] = np.where(outputs[..., 1:] > before, np.arange(1, outputs.shape[-1]), 0)
    largest: IntArray = np.maximum.accumulate(rises, axis=-1)
    return largest


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network in simulation has answered.

    Attributes:
        words: of every step that answers, in order, shape (answers, outputs).
        classes: out_argmax with the last word of each, shape (answers,).
        cycles: the clock cycle in which that word was taken, counted from the first word in, shape (answers,).
    """

    words: IntArray
    classes: IntArray
    cycles: IntArray


@dataclass(frozen=True)
class NetworkRun(Scored):
    """What a run of the network bench came to.

    Attributes:
        scores: one for each network; empty where the bench did not get as far.
        answers: of each network; empty unless the bench passed.
        bench: log, messages and waveform.
    """

    scores: tuple[Score, ...]
    answers: tuple[Answers, ...]
    bench: BenchResult


def run_networks(
    networks: Sequence[HarnessedNetwork],
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
    waves: bool = False,
    expected: Sequence[IntArray] | None = None,
    resets: Sequence[int] = (),
) -> NetworkRun:
    """Stream every network's stimulus through its Verilog and score all of it in cocotb.

    Args:
        networks: designs of different names; they run side by side in one simulation.
        workdir: folder for the build, the logs and the recordings.
        simulator: verilator or icarus.
        seed: of cocotb.
        waves: record all signals.
        expected: the words to compare with, shape (answered steps, outputs) each; the integer model's by default.
        resets: clock cycles to run before each reset in mid-stream; every stream starts over after it.

    Raises:
        DesignError: an argument is wrong.
        MissingToolError: the simulator is not installed.
    """
    modules = [network.module() for network in networks]
    jobs = []
    for k, network in enumerate(networks):
        outputs = network.model_outputs() if expected is None else expected[k]
        vectors = {"words": outputs.reshape(-1, 1), **network.expected_tags(outputs)}
        sent = network.stimulus.steps * network.stimulus.sequences
        jobs.append({"fields": modules[k].fields, "sent": sent, "expected": save_expected(workdir, k, vectors)})
    scores, bench = run_harness(
        modules,
        "lmu_hw.sim.targets.network_bench",
        jobs,
        workdir=workdir,
        files={f"samples_{k}.hex": network.sample_words() for k, network in enumerate(networks)},
        limits=[network.limit_cycles() for network in networks],
        simulator=simulator,
        seed=seed,
        waves=waves,
        resets=resets,
    )
    if not bench.passed:
        return NetworkRun(scores, (), bench)
    answers = []
    for k, network in enumerate(networks):
        beats = read_beats(bench.run_dir / f"beats_{k}.hex", modules[k].fields)
        count = network.plan.outputs
        final = np.s_[count - 1 :: count]
        answers.append(Answers(beats.words.reshape(-1, count), beats.tags["argmax"][final], beats.tags["cycle"][final]))
    return NetworkRun(scores, tuple(answers), bench)


def run_network_rtl(
    plan: NetworkPlan,
    codes: IntArray,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    sequences: int = 1,
    seed: int = 0,
) -> IntArray:
    """Output words of the generated Verilog for `codes` of shape (batch, T, inputs), all checked on the way.

    Returns:
        Words, shape (batch, T, outputs), or (batch, outputs) where the network has one output per sequence.

    Raises:
        CheckFailed: the Verilog differs from the integer model, or the bench failed.
    """
    design = generate_network_verilog(plan, lanes=lanes, sequences=sequences)
    network = HarnessedNetwork(plan, NetworkStimulus.of_batch(codes, sequences), design)
    run = run_networks([network], workdir=workdir, simulator=simulator, seed=seed)
    if not run.passed:
        raise CheckFailed("; ".join(run.bench.messages) or "the bench failed")
    return in_batch_order(run.answers[0].words, codes.shape, sequences, plan.output)


def in_batch_order(words: IntArray, shape: tuple[int, ...], sequences: int, output: Output) -> IntArray:
    """Answers to `NetworkStimulus.of_batch`, shape (answered steps, outputs), as (batch, [T,] outputs).

    Args:
        words: in the order in which they came.
        shape: of the codes of the batch, (batch, T, inputs).
        sequences: that ran side by side.
        output: of the network.
    """
    batch, steps = shape[:2]
    if output is Output.LAST:
        return words[:batch]
    turns = words.reshape(-1, steps, sequences, words.shape[1]).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(turns.reshape(-1, steps, words.shape[1])[:batch])
