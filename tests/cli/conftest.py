"""What the tests of the command line share: a way to call it, and a recording."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.cli import main

ENTRY = [sys.executable, "-m", "lmu_hw"]


@dataclass(frozen=True)
class Called:
    """How a call ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


Lmu = Callable[..., Called]


@pytest.fixture
def lmu(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lmu:
    """Call the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Called:
        capsys.readouterr()
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return Called(status, said.out, said.err)

    return call


def spawn(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> Called:
    """Call the command line in a process of its own."""
    done = subprocess.run([*ENTRY, *words], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120)
    return Called(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """60 samples within the band of a small memory."""
    path = tmp_path / "recording.npy"
    np.save(path, 0.8 * np.sin(np.arange(60) * 0.15))
    return path
