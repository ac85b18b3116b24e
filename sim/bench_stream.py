"""cocotb bench: let the harness stream, wait for its end, and score every beat against the integer model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, SimTimeoutError, Timer, with_timeout

from lmu_hw.artifacts import write_json
from lmu_hw.fixedpoint import IntArray
from lmu_hw.sim.beats import read_beats, read_readouts
from lmu_hw.sim.runner import bench_parameters
from lmu_hw.sim.scoreboard import Bounded, Score, compare, expected_flags, require

PERIOD_NS = 10


@cocotb.test()
async def stream_matches_integer_model(dut: Any) -> None:
    """Every beat of every memory equals the integer model's, in order, and none is left over.

    Where a float reference came along, every word lies within the plan's bound of it.
    """
    parameters = bench_parameters()
    Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start()
    dut.rst.value = 1
    await Timer(4 * PERIOD_NS, unit="ns")
    dut.rst.value = 0
    for cycles in parameters["resets"]:  # in mid-stream; then everything starts over
        await Timer(int(cycles) * PERIOD_NS, unit="ns")
        dut.rst.value = 1
        await Timer(2 * PERIOD_NS, unit="ns")
        dut.rst.value = 0
    finished = True
    try:
        await with_timeout(RisingEdge(dut.done), int(parameters["limit_cycles"]) * PERIOD_NS, "ns")
    except SimTimeoutError:
        finished = False
    violated = bool(dut.violated.value)
    scores = [_score(k, job) for k, job in enumerate(parameters["memories"])]
    write_json(Path("scores.json"), {"scores": [vars(score) | {"passed": score.passed} for score in scores]})
    problems = [
        f"memory {k}: {score.first_mismatch} ({score.mismatches} mismatches, {score.checked} of "
        f"{score.expected} beats checked, deviation from float / bound {score.deviation})"
        for k, score in enumerate(scores)
        if not score.passed
    ]
    require(not problems, "; ".join(problems[:3]))
    require(finished, "the harness never came to its end")
    require(not violated, "an offered beat was changed, withdrawn or sent twice")
    require(not bool(dut.misflagged.value), "the status bit was not as the samples should have left it")


def _score(k: int, job: dict[str, Any]) -> Score:
    manifest = json.loads(Path(f"manifest_{k}.json").read_text(encoding="utf-8"))
    with np.load(job["expected"]) as archive:
        vectors = dict(archive)
    bounded = None
    if "reference" in vectors:
        bounded = Bounded(vectors["reference"], vectors["bound"], float(vectors["lsb"]))
    sent = job["batch"] * job["samples"]
    score = compare(
        read_beats(_recording(f"beats_{k}.hex"), manifest),
        vectors["words"],
        _flags(job, job["beats_per_sample"], job["words_per_beat"], job["in_step"]),
        sent,
        bounded,
    )
    if "readouts" not in vectors:
        return score
    # Readouts come one to a sample, as beats of a single group would.
    readouts = compare(
        read_readouts(_recording(f"readouts_{k}.hex"), manifest), vectors["readouts"], _flags(job, 1, 0, 1), sent
    )
    return Score(
        sent,
        score.expected + readouts.expected,
        score.checked + readouts.checked,
        score.mismatches + readouts.mismatches,
        score.first_mismatch or readouts.first_mismatch.replace("beat", "readout").replace(" (state 0)", ""),
        score.deviation,
    )


def _recording(name: str) -> Path:
    path = Path(name)
    path.touch()  # where not one beat came, there is none
    return path


def _flags(job: dict[str, Any], beats: int, words: int, in_step: int) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """What is expected beside the words; the beats of channels in step alternate."""
    flags = expected_flags(
        job["batch"],
        job["samples"],
        beats,
        words,
        job["channels"],
        only_last=job["only_last"],
        unmarked=job["unmarked"],
    )
    index, channel, first, last = (each.reshape(-1, in_step, beats).swapaxes(1, 2).ravel() for each in flags)
    return index, channel, first, last
