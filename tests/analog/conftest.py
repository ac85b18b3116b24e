"""ngspice as these tests use it: run a deck under a time limit, read its raw file exactly."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from lmu_hw.analog.design import AnalogDesign, design_opamp_rc
from lmu_hw.legendre import input_vector, state_matrix

Vectors = dict[str, NDArray[Any]]
RunDeck = Callable[[str], Vectors]
MakeDesign = Callable[..., AnalogDesign]


def read_raw(data: bytes) -> Vectors:
    """The vectors of a binary raw file with one plot, by name."""
    head, body = data.split(b"Binary:\n", 1)
    fields = dict(line.split(":", 1) for line in head.decode().splitlines() if ":" in line)
    count, points = int(fields["No. Variables"]), int(fields["No. Points"])
    names = [line.split()[1] for line in head.decode().split("Variables:\n")[1].splitlines()]
    kind = np.complex128 if "complex" in fields["Flags"] else np.float64
    table = np.frombuffer(body, dtype=kind, count=count * points).reshape(points, count)
    return dict(zip(names, table.T, strict=True))


@pytest.fixture(scope="session")
def run_deck(tmp_path_factory: pytest.TempPathFactory) -> RunDeck:
    """Run a deck with one analysis in batch mode; any warning, error or early stop fails the test."""
    program = shutil.which("ngspice")
    if program is None:
        pytest.skip("ngspice is not installed")

    def run(deck: str) -> Vectors:
        folder = tmp_path_factory.mktemp("deck")
        (folder / "bench.cir").write_text(deck, encoding="utf-8")
        done = subprocess.run(
            [program, "-b", "-r", "bench.raw", "bench.cir"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = (done.stdout + done.stderr).lower()
        assert done.returncode == 0, said
        assert "warning" not in said, said
        assert "error" not in said, said
        return read_raw(Path(folder / "bench.raw").read_bytes())

    return run


def l1_ranges(outputs: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """The integral of |outputs exp(A t) B|, by the trapezium rule, with one percent on top."""
    step = 1.0 / (200 * order)
    flow = expm(state_matrix(order) * step)
    state, total = input_vector(order), np.zeros(len(outputs))
    for _ in range(int(20 / step)):
        after = flow @ state
        total += 0.5 * step * (np.abs(outputs @ state) + np.abs(outputs @ after))
        state = after
    return 1.01 * total


@pytest.fixture(scope="session")
def make_design() -> MakeDesign:
    """A design whose amplitude ranges come from an independent integration, kept per order."""
    ranges: dict[int, NDArray[np.float64]] = {}

    def make(order: int, theta: float = 0.01, **options: Any) -> AnalogDesign:
        if order not in ranges:
            ranges[order] = l1_ranges(np.eye(order), order)
        return design_opamp_rc(order, theta, **{"ranges": ranges[order], **options})

    return make
