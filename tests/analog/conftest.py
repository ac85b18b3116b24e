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

from lmu_hw.analog.design.memory import AnalogDesign, design_memory

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


@pytest.fixture(scope="session")
def make_design() -> MakeDesign:
    """A design with a window of 10 ms."""

    def make(order: int, theta: float = 0.01, **options: Any) -> AnalogDesign:
        return design_memory(order, theta, **options)

    return make
