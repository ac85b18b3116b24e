"""Linear algebra in rationals, which decides what floating point could only suggest."""

from __future__ import annotations

from fractions import Fraction


def is_positive_semidefinite(matrix: list[list[Fraction]]) -> bool:
    """Whether a symmetric matrix is, by elimination: every pivot is positive, or zero with a zero row."""
    rows = [list(row) for row in matrix]
    for k in range(len(rows)):
        pivot = rows[k][k]
        if pivot < 0 or (pivot == 0 and any(rows[k][k:])):
            return False
        for i in range(k + 1, len(rows)):
            if pivot and rows[i][k]:
                share = rows[i][k] / pivot
                rows[i] = [a - share * b for a, b in zip(rows[i], rows[k], strict=True)]
    return True
