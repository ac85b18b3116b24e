"""What the tests of the project itself share: where the checkout is, and what pyproject.toml says."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def top() -> Path:
    """The top folder of the checkout."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def pyproject(top: Path) -> dict[str, Any]:
    """The tables of pyproject.toml."""
    return tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))
