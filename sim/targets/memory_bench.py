"""cocotb bench: let the harness stream through memories and score every beat against the integer model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.sim.hdl.bench import recording, run_stream_bench
from lmu_hw.sim.hdl.scoreboard import Bounded, Score, compare, expected_flags, read_memory_beats, read_readouts


@cocotb.test()
async def stream_matches_integer_model(dut: Any) -> None:
    """Every beat of every memory equals the integer model's, in order, and none is left over.

    Where a float reference came along, every word lies within the plan's bound of it.
    """
    await run_stream_bench(dut, _score)


def _score(k: int, job: dict[str, Any]) -> Score:
    manifest = json.loads(Path(f"manifest_{k}.json").read_text(encoding="utf-8"))
    with np.load(job["expected"]) as archive:
        vectors = dict(archive)
    bounded = None
    if "reference" in vectors:
        bounded = Bounded(vectors["reference"], vectors["bound"], float(vectors["lsb"]))
    sent = job["batch"] * job["samples"]
    score = compare(
        read_memory_beats(recording(f"beats_{k}.hex"), manifest),
        vectors["words"],
        _flags(job, job["beats_per_sample"], job["words_per_beat"], job["in_step"]),
        sent,
        bounded,
    )
    if "readouts" not in vectors:
        return score
    # Readouts come one to a sample, as beats of a single group would.
    flags = {name: tag for name, tag in _flags(job, 1, 0, 1).items() if name != "index"}
    readouts = compare(read_readouts(recording(f"readouts_{k}.hex"), manifest), vectors["readouts"], flags, sent)
    return Score(
        sent,
        score.expected + readouts.expected,
        score.checked + readouts.checked,
        score.mismatches + readouts.mismatches,
        score.first_mismatch or readouts.first_mismatch.replace("beat", "readout"),
        score.deviation,
    )


def _flags(job: dict[str, Any], beats: int, words: int, in_step: int) -> dict[str, IntArray]:
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
    return {name: tag.reshape(-1, in_step, beats).swapaxes(1, 2).ravel() for name, tag in flags.items()}
