"""Errors say the same line in every process, and numbers from outside are checked in the same words."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lmu_hw.errors import DesignError, MissingToolError, check_integer, check_positive


@pytest.mark.parametrize(
    "error", [DesignError("order", "positive", [0, object()]), MissingToolError("ngspice", "apt install ngspice")]
)
def test_an_error_keeps_its_kind_and_its_line_between_processes(error: DesignError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - of this very line
    assert type(copy) is type(error)
    assert str(copy) == str(error)


def test_numbers_are_returned_as_pythons_own() -> None:
    assert type(check_integer("n", np.uint8(3), 3, 3)) is int
    assert check_integer("n", 10**30, 0) == 10**30
    assert type(check_positive("x", np.float32(0.5))) is float
    assert check_positive("x", Fraction(1, 4)) == 0.25


@pytest.mark.parametrize("value", [2, 6, 4.0, True, "4", None, np.array([4])])
def test_what_is_no_integer_of_the_range_is_an_error(value: Any) -> None:
    with pytest.raises(DesignError, match="n must be an integer from 3 to 5, got"):
        check_integer("n", value, 3, 5)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, True, "1", 1j])
def test_what_is_not_positive_is_an_error(value: Any) -> None:
    with pytest.raises(DesignError, match="x must be a positive number of seconds, got"):
        check_positive("x", value, "seconds")


def test_open_ranges_and_bare_numbers_are_worded_so() -> None:
    with pytest.raises(DesignError, match="n must be an integer of at least 1, got 0"):
        check_integer("n", 0, 1)
    with pytest.raises(DesignError, match="x must be a positive finite number, got 0"):
        check_positive("x", 0)
