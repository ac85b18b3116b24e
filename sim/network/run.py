"""Run networks in an HDL simulator and compare every word with the integer model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmu_hw.errors import CheckFailed
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.network import Output
from lmu_hw.quantized.plan import NetworkPlan
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.network.harness import HarnessedNetwork, NetworkStimulus
from lmu_hw.sim.runner import BenchResult, Simulator
from lmu_hw.sim.stream.beats import read_beats
from lmu_hw.sim.stream.run import Scored, run_harness, save_expected
from lmu_hw.sim.stream.scoreboard import Score


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
        "lmu_hw.sim.network.bench",
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
