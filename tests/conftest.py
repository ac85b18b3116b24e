"""Shared by all tests: numbers that are the same in every run, and plots without a screen."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

# Examples follow from the test alone, and a slow machine is no failure.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the test's file and name: the same numbers in every run, order, worker and folder."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.rpartition("/")[2].encode()))
