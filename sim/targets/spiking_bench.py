"""cocotb bench: let the harness stream one input through fixed-point and spiking memories and judge all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from lmu_hw.io.files import write_json
from lmu_hw.sim.hdl.bench import recording, run_stream_bench
from lmu_hw.sim.hdl.scoreboard import Bounded, Score, compare, read_beats


@cocotb.test()
async def memories_match_their_integer_models(dut: Any) -> None:
    """Every word, index and flag is as expected, in order, and none is left over.

    Where a float reference came along with a bound, every word lies within it. Where it came with weights, the error
    of what the words decode to is measured and left in decoded_K.json.
    """
    await run_stream_bench(dut, _score)


def _score(k: int, job: dict[str, Any]) -> Score:
    with np.load(job["expected"]) as archive:
        vectors = dict(archive)
    words, lsb = vectors.pop("words"), float(vectors.pop("lsb", 1.0))
    reference, bound, weights = (vectors.pop(name, None) for name in ("reference", "bound", "weights"))
    fields = [(name, int(width)) for name, width in job["fields"]]
    beats = read_beats(recording(f"beats_{k}.hex"), fields, int(job["words_per_beat"]))
    bounded = None if reference is None or bound is None else Bounded(reference, bound, lsb)
    score = compare(beats, words, vectors, int(job["sent"]), bounded)
    if reference is not None and weights is not None and beats.words.shape == reference.shape:
        difference = (lsb * beats.words - reference).reshape(int(job["sent"]), -1)
        error = np.sqrt(np.mean(np.sum((difference @ weights.T) ** 2, axis=1)))
        write_json(Path(f"decoded_{k}.json"), {"rms_error": float(error)})
    return score
