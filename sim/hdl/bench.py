"""What the cocotb benches of streams share: start the harness, wait for its end, and judge what came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, SimTimeoutError, Timer, with_timeout

from lmu_hw.io.files import write_json
from lmu_hw.sim.hdl.runner import bench_parameters
from lmu_hw.sim.hdl.scoreboard import Score, require

PERIOD_NS = 10


async def run_stream_bench(dut: Any, judge: Callable[[int, dict[str, Any]], Score]) -> None:
    """Let the harness `dut` stream; then `judge` each design by its number and its job, and leave scores.json.

    Raises:
        AssertionError: something differs, never came or was left over, or the harness complains.
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
    violated, misflagged = bool(dut.violated.value), bool(dut.misflagged.value)
    if not finished:  # reset closes the recordings, so that what came until now can be judged
        dut.rst.value = 1
        await Timer(4 * PERIOD_NS, unit="ns")
    scores = [judge(k, job) for k, job in enumerate(parameters["jobs"])]
    write_json(Path("scores.json"), {"scores": [vars(score) | {"passed": score.passed} for score in scores]})
    problems = [f"design {k}: {_said(score)}" for k, score in enumerate(scores) if not score.passed]
    require(not problems, "; ".join(problems[:3]))
    require(finished, "the harness never came to its end")
    require(not violated, "an offered beat was changed, withdrawn or sent twice")
    require(not misflagged, "the status bit was not as the samples should have left it")


def _said(score: Score) -> str:
    deviation = "" if score.deviation is None else f", deviation from float / bound {score.deviation}"
    counts = f"{score.mismatches} mismatches, {score.checked} of {score.expected} beats checked{deviation}"
    return f"{score.first_mismatch} ({counts})" if score.first_mismatch else f"({counts})"


def recording(name: str) -> Path:
    """A file of recorded beats; where not one came, there is none, and an empty one is made."""
    path = Path(name)
    path.touch()
    return path
