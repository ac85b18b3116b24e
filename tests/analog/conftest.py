"""ngspice as these tests use it, and designs with a short window."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from lmu_hw.analog.design.memory import AnalogDesign, design_memory
from lmu_hw.sim.spice.deck import Vectors
from lmu_hw.sim.spice.engines import run_spice
from tests.analog.helpers import MakeDesign, RunDeck


@pytest.fixture(scope="session")
def run_deck() -> RunDeck:
    """Run a deck with one analysis in batch mode; any warning, error or early stop fails the test."""
    if shutil.which("ngspice") is None:
        pytest.skip("ngspice is not installed")

    def run(deck: str) -> Vectors:
        return run_spice(deck, timeout_s=120.0)

    return run


@pytest.fixture(scope="session")
def make_design() -> MakeDesign:
    """A design with a window of 10 ms, whatever its predicted error, unless a test asks for the refusal."""

    def make(order: int, theta: float = 0.01, **options: Any) -> AnalogDesign:
        return design_memory(order, theta, **{"allow": True, **options})

    return make
