"""Where to cut the index range: the tree of intervals that costs the fewest multiplications, by dynamic programming.

For a symmetric N, the block row of an interval τ = [a, b) outside of itself has a numerical rank r(τ) that does
not depend on the rest of the tree, and with bases that contain an identity an interval costs

    leaf      n² + 2 r(τ)·max(0, n − r(τ))
    split     2 r₁r₂ + 2 r(τ)·max(0, r₁ + r₂ − r(τ))   beside what its two parts cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmu_hw.legendre import Array

_MOST_CELLS = 64
_FLOOR = 1e-9  # singular values below this are not told apart from rounding


@dataclass(frozen=True)
class Interval:
    """Indices low … high − 1, and the two parts it is cut into, if any."""

    low: int
    high: int
    parts: tuple[Interval, Interval] | None = None

    @property
    def levels(self) -> int:
        """Cuts from here to the deepest leaf."""
        return 0 if self.parts is None else 1 + max(part.levels for part in self.parts)


class RankProfile:
    """The singular values of every interval's block row outside of itself.

    For each cut c, an SVD of N[c:, :c] gives what all intervals beyond c see of the indices before it, in a few
    columns; an interval's row is then as wide as the two factors at its ends.

    Args:
        matrix: N, symmetric, shape (d, d), with entries of order 1.
    """

    def __init__(self, matrix: Array) -> None:
        d = matrix.shape[0]
        cells = min(d, _MOST_CELLS)
        self.cuts = [round(k * d / cells) for k in range(cells + 1)]
        before, after = {0: np.zeros((d, 0))}, {cells: np.zeros((d, 0))}
        for k, cut in enumerate(self.cuts[1:-1], start=1):
            left, values, right = np.linalg.svd(matrix[cut:, :cut], full_matrices=False)
            rank = int((values > _FLOOR).sum())
            before[k], after[k] = np.zeros((d, rank)), np.zeros((d, rank))
            before[k][cut:] = left[:, :rank] * values[:rank]
            after[k][:cut] = right[:rank].T * values[:rank]
        self._values: dict[tuple[int, int], Array] = {}
        for a in range(cells):
            for b in range(a + 1, cells + 1):
                inside = slice(self.cuts[a], self.cuts[b])
                row = np.hstack([before[a][inside], after[b][inside]])
                gram = row.T @ row if row.shape[1] < row.shape[0] else row @ row.T
                self._values[a, b] = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))

    def ranks(self, threshold: float) -> Array:
        """How many singular values exceed `threshold`, by first and last cut, shape (cells + 1, cells + 1)."""
        table = np.zeros((len(self.cuts), len(self.cuts)))
        for (a, b), values in self._values.items():
            table[a, b] = (values > threshold).sum()
        return table


def cheapest_tree(profile: RankProfile, threshold: float, levels: int | None = None) -> Interval:
    """The tree over the profile's cuts with the fewest multiplications.

    Args:
        profile: ranks of the intervals.
        threshold: singular values up to this are dropped.
        levels: most cuts from the root to a leaf; fewer mean fewer stages. Any number by default.
    """
    cuts = np.array(profile.cuts)
    cells = cuts.size - 1
    rank = profile.ranks(threshold)
    size = np.maximum(cuts[None, :] - cuts[:, None], 0).astype(np.float64)
    whole = size**2 + 2.0 * rank * np.maximum(size - rank, 0.0)
    rounds = 1 if levels is None else levels
    cost, splits = whole, []
    for _ in range(rounds):
        inner, cost = cost, whole.copy()
        source = cost if levels is None else inner  # without a limit, parts may be as deep as their whole
        split = np.zeros((cells + 1, cells + 1), dtype=np.int64)
        for length in range(2, cells + 1):
            first = np.arange(cells - length + 1)
            a, b = first[:, None], first[:, None] + length
            k = a + np.arange(1, length)[None, :]
            one, two, whole_rank = rank[a, k], rank[k, b], rank[a, b]
            joint = 2.0 * one * two + 2.0 * whole_rank * np.maximum(one + two - whole_rank, 0.0)
            joint += source[a, k] + source[k, b]
            best = np.argmin(joint, axis=1)
            least = joint[first, best]
            better = least < cost[first, first + length]
            rows = first[better]
            cost[rows, rows + length] = least[better]
            split[rows, rows + length] = rows + 1 + best[better]
        splits.append(split)

    def grown(a: int, b: int, level: int) -> Interval:
        middle = int(splits[level][a, b]) if level >= 0 else 0
        if middle == 0:
            return Interval(int(cuts[a]), int(cuts[b]))
        below = level if levels is None else level - 1
        return Interval(int(cuts[a]), int(cuts[b]), (grown(a, middle, below), grown(middle, b, below)))

    return grown(0, cells, rounds - 1)
