"""Numbers from outside, checked once and in the same words."""

from __future__ import annotations

import math
from numbers import Integral, Real

from lmu_hw.errors import DesignError


def check_integer(what: str, value: object, least: int, most: int | None = None) -> int:
    """Return `value` as an int if it is one, NumPy's included, from `least` to `most`; a bool is none.

    Raises:
        DesignError: it is not.
    """
    span = f"of at least {least}" if most is None else f"from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise DesignError(what, f"an integer {span}", value)
    number = int(value)
    if number < least or (most is not None and number > most):
        raise DesignError(what, f"an integer {span}", value)
    return number


def check_positive(what: str, value: object, unit: str = "") -> float:
    """Return `value` as a float if it is a finite positive real number.

    Raises:
        DesignError: it is not; `unit`, such as "seconds", is named.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < math.inf:
        raise DesignError(what, f"a positive number of {unit}" if unit else "a positive finite number", value)
    return float(value)
