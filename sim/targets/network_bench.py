"""cocotb bench: let the harness stream through networks and score every word of theirs against the integer model."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np

from lmu_hw.sim.hdl.bench import recording, run_stream_bench
from lmu_hw.sim.hdl.scoreboard import Score, compare, read_beats


@cocotb.test()
async def network_matches_integer_model(dut: Any) -> None:
    """Every word, class, index and flag of every network is as expected, in order, and none is left over."""
    await run_stream_bench(dut, _score)


def _score(k: int, job: dict[str, Any]) -> Score:
    with np.load(job["expected"]) as archive:
        tags = dict(archive)
    words = tags.pop("words")
    beats = read_beats(recording(f"beats_{k}.hex"), [(name, int(width)) for name, width in job["fields"]])
    return compare(beats, words, tags, int(job["sent"]))
