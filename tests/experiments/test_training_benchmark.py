"""The benchmark: it compares like with like, and its figures follow from its timings."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.errors import CheckFailed
from lmu_hw.experiments.training_benchmark import Sizes, Timings, check_agreement, measure, problem, summary
from tests.cli.conftest import ENTRY


def timings(*seconds: float) -> Timings:
    return Timings(list(seconds), [2 * s for s in seconds])


def test_ratios_follow_from_the_timings() -> None:
    names = {
        "blocks": (timings(1, 2, 4), timings(1, 1, 1)),
        "scan": (timings(4, 4, 4), timings(9, 9, 9)),
        "keras-lmu": (timings(10, 10, 10), timings(8, 6, 7)),
        "keras-lmu-xla": (timings(9, 9, 9), timings(9, 9, 9)),
        "pytorch": (timings(2, 8, 8), timings(1, 1, 1)),
    }
    result = summary({name: {"train": train, "infer": infer} for name, (train, infer) in names.items()})
    assert result["seconds"]["blocks"]["train"]["median"] == 2
    assert result["seconds"]["blocks"]["train"]["cpu"] == 4
    assert result["ratios"]["blocks_to_scan"]["median"] == 0.5
    # The fastest by its median is the peer; ratios are taken turn by turn.
    training, inference = result["ratios"]["training"], result["ratios"]["inference"]
    assert (training["peer"], training["median"], training["low"]) == ("pytorch", 0.5, 0.375)
    assert training["cpu"] == 0.25
    assert (inference["peer"], inference["median"]) == ("keras-lmu", 7)


def test_problem_is_the_one_of_the_seed() -> None:
    sizes = Sizes(hidden=3, order=4, steps=5, batch=2)
    first, again, other = problem(sizes, 0), problem(sizes, 0), problem(sizes, 1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["x"], other["x"])
    assert first["x"].shape == (2, 5, 1)
    assert {array.dtype for array in first.values()} == {np.dtype(np.float32), np.dtype(np.int64)}


@pytest.mark.parametrize("wrong", [1.1, np.nan])
@pytest.mark.parametrize("place", [0, 1])
def test_contenders_that_compute_something_else_are_refused(wrong: float, place: int) -> None:
    good = (np.ones((2, 3)), np.ones(2))
    bad = [array.copy() for array in good]
    bad[place].flat[1] = wrong
    check_agreement({"a": good, "b": good})
    with pytest.raises(CheckFailed, match=("outputs", "losses")[place] + " of c and a differ"):
        check_agreement({"a": good, "b": good, "c": (bad[0], bad[1])})


@pytest.mark.skipif(find_spec("torch") is not None, reason="needs an environment without PyTorch")
def test_a_contender_that_cannot_run_says_why() -> None:
    with pytest.raises(CheckFailed, match="pytorch ended: ModuleNotFoundError: No module named 'torch'"):
        measure({"pytorch": Path(sys.executable)}, Sizes(3, 4, 5, 2), cores=1, repetitions=2, seed=0)


def test_peers_that_are_not_there_are_refused(tmp_path: Path) -> None:
    done = run("--peers", str(tmp_path / "python"))
    assert done.returncode == 2
    assert "peers must be the Python of an environment" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_own_contenders_agree_and_are_timed() -> None:
    sizes = ("--order", "64", "--hidden", "30", "--steps", "100", "--batch", "24")
    result: dict[str, Any] = json.loads(run(*sizes, "--turns", "3", "--json").stdout)
    assert set(result["seconds"]) == {"blocks", "scan"}
    assert set(result["ratios"]) == {"blocks_to_scan"}
    assert result["sizes"]["order"] == 64
    for tasks in result["seconds"].values():
        assert all(0 < t["low"] <= t["median"] <= t["high"] for t in tasks.values())
    shown = run(*sizes, "--turns", "2").stdout
    assert "training step, blocks / scan" in shown


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*ENTRY, "experiment", "training-benchmark", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
