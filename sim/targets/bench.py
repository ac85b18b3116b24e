"""cocotb bench: the harness streams through its targets, and every beat is compared with the integer models."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, SimTimeoutError, Timer, with_timeout

from lmu_hw.io.files import write_json
from lmu_hw.sim.hdl.runner import bench_parameters
from lmu_hw.sim.targets.scoreboard import Bounded, Score, compare, read_beats, require

PERIOD_NS = 10


@cocotb.test()
async def streams_match_integer_models(dut: Any) -> None:
    """Every beat of every target equals the integer model's, in order, and none is left over.

    Words with a float reference also lie within the plan's bound of it. The scores are written to scores.json.
    """
    parameters = bench_parameters()
    Clock(dut.clk, PERIOD_NS, unit="ns", impl="gpi").start()
    await _reset(dut, 4)
    for cycles in parameters["resets"]:  # in mid-stream; after each, all streams start over
        await Timer(int(cycles) * PERIOD_NS, unit="ns")
        await _reset(dut, 2)
    finished = True
    try:
        await with_timeout(RisingEdge(dut.done), int(parameters["limit_cycles"]) * PERIOD_NS, "ns")
    except SimTimeoutError:
        finished = False
    violated, misflagged = bool(dut.violated.value), bool(dut.misflagged.value)
    if not finished:  # reset closes the recordings, so that the beats until now can be compared
        dut.rst.value = 1
        await Timer(4 * PERIOD_NS, unit="ns")
    scores = [_score(job) for job in parameters["jobs"]]
    write_json(Path("scores.json"), {"scores": [vars(score) | {"passed": score.passed} for score in scores]})
    problems = [f"design {k}: {_said(score)}" for k, score in enumerate(scores) if not score.passed]
    require(not problems, "; ".join(problems[:3]))
    require(finished, "the harness never came to its end")
    require(not violated, "an offered beat was changed, withdrawn or sent twice")
    require(not misflagged, "the status bit was not as the samples should have left it")


async def _reset(dut: Any, cycles: int) -> None:
    dut.rst.value = 1
    await Timer(cycles * PERIOD_NS, unit="ns")
    dut.rst.value = 0


def _score(job: dict[str, Any]) -> Score:
    """Return the score of a target over all its streams of results."""
    return reduce(Score.joined, (_stream_score(stream, int(job["sent"])) for stream in job["streams"]))


def _stream_score(stream: dict[str, Any], sent: int) -> Score:
    record = Path(stream["record"])
    record.touch()  # a stream without beats leaves no file
    with np.load(stream["expected"]) as archive:
        vectors = dict(archive)
    bounded = None
    if "reference" in vectors:
        bounded = Bounded(vectors["reference"], vectors["bound"], float(vectors["lsb"]))
    tags = {name.removeprefix("tag_"): tag for name, tag in vectors.items() if name.startswith("tag_")}
    beats = read_beats(record, [(name, int(width)) for name, width in stream["fields"]], int(stream["words"]))
    unit = "beat" if stream["name"] == "out" else str(stream["name"])
    return compare(beats, vectors["words"], tags, sent, bounded, unit=unit)


def _said(score: Score) -> str:
    deviation = "" if score.deviation is None else f", deviation from float / bound {score.deviation}"
    counts = f"{score.mismatches} mismatches, {score.checked} of {score.expected} beats checked{deviation}"
    return f"{score.first_mismatch} ({counts})" if score.first_mismatch else f"({counts})"
