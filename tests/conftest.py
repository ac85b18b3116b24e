"""Shared by all tests: numbers that are the same in every run, and plots without a screen."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ.setdefault("MPLBACKEND", "Agg")

# Examples follow from the test alone, and a slow machine is no failure.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the test's file and name: the same numbers in every run, order, worker and folder."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.rpartition("/")[2].encode()))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium; see `tests.browser`. One for each module, as its event loop must not outlive its tests."""
    from tests.browser import open_browser

    with open_browser() as opened:
        yield opened
