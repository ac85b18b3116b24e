"""Tests against packages that are heavy and not all free: `make test-peers` installs them and runs these.

They have an environment of their own, whose Python LMU_HW_PEERS names. Without that the tests are not collected.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYTHON = os.environ.get("LMU_HW_PEERS")

collect_ignore_glob = [] if PYTHON else ["test_*.py"]

Peers = Callable[..., str]


@pytest.fixture(scope="session")
def peers() -> Peers:
    """Run a script of this folder, or a program, with the peers' Python; its standard output."""

    def run(script: str, *arguments: object) -> str:
        words = [str(HERE / script)] if script.endswith(".py") else ["-c", script]
        environment = os.environ | {"PYTHONPATH": str(HERE.parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [str(PYTHON), *words, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    return run
