"""Checks of numbers that users give."""

from __future__ import annotations

import math
from numbers import Integral, Real

from lmu_hw.errors import DesignError


def positive(value: object, what: str) -> float:
    """Return `value` as a float if it is a positive finite number.

    Raises:
        DesignError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value <= 0:
        raise DesignError(what, "a positive finite number", value)
    return float(value)


def integer(value: object, what: str, low: int, high: int) -> int:
    """Return `value` as an int if it is an integer from `low` to `high`.

    Raises:
        DesignError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise DesignError(what, f"an integer from {low} to {high}", value)
    return int(value)
