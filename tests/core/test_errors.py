"""Refusals say the same line in every process."""

from __future__ import annotations

import pickle

import pytest

from lmu_hw.errors import DesignError, MissingToolError


@pytest.mark.parametrize(
    "error", [DesignError("order", "positive", [0, object()]), MissingToolError("ngspice", "apt install ngspice")]
)
def test_an_error_keeps_its_kind_and_its_line_between_processes(error: DesignError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - of this very line
    assert type(copy) is type(error)
    assert str(copy) == str(error)
