"""Choices that come out the same on every machine.

Costs are computed in floating point, whose last bits differ between processors and libraries. Between two candidates
that are equally good, such as values a decade apart, those bits would decide. Here costs that agree to within `MARGIN`
count as equal, and a stated order decides between such candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

MARGIN = 1e-9
"""The relative difference below which two numbers count as equal: far above rounding, far below what matters."""

_Candidate = TypeVar("_Candidate")


def best(candidates: Iterable[_Candidate], *costs: Callable[[_Candidate], float]) -> _Candidate:
    """Return the candidate of least cost.

    Args:
        candidates: At least one candidate; of those whose costs are all equal, the first is returned.
        costs: The costs, none of them negative; each decides only between candidates that are equal by the ones before.
    """
    left = list(candidates)
    for cost in costs:
        found = [cost(each) for each in left]
        most = min(found) * (1.0 + MARGIN)
        left = [each for each, value in zip(left, found, strict=True) if value <= most]
    return left[0]


def descending(values: Sequence[float]) -> list[int]:
    """Return the indices of non-negative `values`, the largest value first, and equal values in their given order."""
    ordered = sorted(range(len(values)), key=lambda k: -values[k])
    result: list[int] = []
    equal: list[int] = []
    for k in ordered:
        if equal and values[k] < values[equal[0]] * (1.0 - MARGIN):
            result += sorted(equal)
            equal = []
        equal.append(k)
    return result + sorted(equal)
