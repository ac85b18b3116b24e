"""A matrix with low-rank off-diagonal blocks as a staged product: nested bases that contain an identity.

Let N be symmetric. For every interval τ of a tree but the root, the block row N(τ, outside τ) is projected on
the singular vectors U_τ of its largest singular values, level by level, so that the basis of a whole is made of
its parts' (a hierarchically semiseparable form: Chandrasekaran, Gu and Pals, SIAM J. Matrix Anal. Appl. 28
(2006); Xia, Chandrasekaran, Gu and Li, Numer. Linear Algebra Appl. 17 (2010)). The span of U_τ does not depend
on its basis. Choosing P_τ = U_τ U_τ[J]⁻¹, with rows J by pivoted QR, makes P_τ the identity on J: those rows
cost an addition instead of r multiplications, and the span, so the accuracy, is that of the SVD.

    upwards      t_τ = P_τᵀ z_τ, from the words of the parts           t_J = z_J + Xᵀ z_rest
    across       s_1 = C_12 t_2,  s_2 = C_21 t_1                       between the two parts of a whole
    downwards    s_part += P_whole s_whole
    in the end   y_τ = N(τ, τ) z_τ + P_τ s_τ                           in the leaves
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from lmu_hw.core.legendre import Array
from lmu_hw.fixed_point.datapaths.structured.stages import Block, StagedProduct
from lmu_hw.fixed_point.formats import IntArray

_MOST_CELLS = 64
_FLOOR = 1e-9  # singular values below this are not told apart from rounding


@dataclass(frozen=True)
class Interval:
    """An interval of indices and the two parts that it is cut into.

    Attributes:
        low: The first index.
        high: One more than the last index.
        parts: The two parts; None for a leaf of the tree.
    """

    low: int
    high: int
    parts: tuple[Interval, Interval] | None = None

    @property
    def levels(self) -> int:
        """The number of cuts from here to the deepest leaf."""
        return 0 if self.parts is None else 1 + max(part.levels for part in self.parts)


class RankProfile:
    """The singular values of the block row N(τ, outside τ) of every interval τ between two cuts.

    For each cut c, an SVD of N[c:, :c] gives what all intervals beyond c see of the indices before it, in a few
    columns; the block row of an interval is then as wide as the two factors at its ends.

    Args:
        matrix: The symmetric matrix N, shape (d, d), with entries of order 1.

    Attributes:
        cuts: The indices at which intervals may begin and end, from 0 to d; at most 65.
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
        """How many singular values exceed `threshold`, by the numbers of both cuts, shape (cuts, cuts)."""
        table = np.zeros((len(self.cuts), len(self.cuts)))
        for (a, b), values in self._values.items():
            table[a, b] = (values > threshold).sum()
        return table


def cheapest_tree(profile: RankProfile, threshold: float, levels: int | None = None) -> Interval:
    """The tree over the cuts of a profile with the fewest multiplications, by dynamic programming.

    The rank r(τ) of a block row does not depend on the rest of the tree. With bases that contain an identity, P_τ on n
    indices costs r(τ)·(n − r(τ)) multiplications on the way up and as many on the way down, so an interval costs

        as a leaf     n² + 2 r(τ)·max(0, n − r(τ))
        cut in two    2 r₁r₂ + 2 r(τ)·max(0, r₁ + r₂ − r(τ)), beside what its two parts cost,

    where n is its length and r₁, r₂ are the ranks of its parts, whose skeletons are all that it sees of them. Shorter
    intervals are decided before longer ones.

    Args:
        profile: The ranks of the intervals.
        threshold: The size up to which singular values are dropped.
        levels: The largest number of cuts from the root to a leaf; fewer mean fewer stages. Any number by default.
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


@dataclass
class _Node:
    """An interval with its basis P, as the way up through the tree leaves it.

    Attributes:
        interval: The indices of the node.
        parts: The nodes that it is made of.
        basis: The orthonormal basis U, shape (n, r).
        core: The rows U[J], shape (r, r).
        skeleton: The rows J, shape (r,).
        words: The numbers of the words t, shape (r,).
        candidates: The indices that J was chosen from: the parts' J, or all of a leaf.
        chosen: The positions of J among the candidates, shape (r,).
        transfer: The map P on the candidates, shape (candidates, r); the identity on J.
    """

    interval: Interval
    parts: tuple[_Node, ...]
    basis: Array
    core: Array
    skeleton: IntArray
    words: IntArray
    candidates: IntArray
    chosen: IntArray
    transfer: Array


class _Builder:
    """Words and blocks as they come, upwards through the tree and then downwards; `_ordered` makes stages of them."""

    def __init__(self, matrix: Array, left: Array, right: Array, threshold: float) -> None:
        self.matrix, self.left, self.right, self.threshold = matrix, left, right, threshold
        self.order = matrix.shape[0]
        self.level = [0] * self.order  # stage that computes each word; the argument is there from the start
        self.blocks: list[tuple[int, Block]] = []
        self.results: list[Block] = []

    def build(self, tree: Interval) -> StagedProduct:
        self._down(self._up(tree), np.zeros(0, dtype=np.int64))
        return self._ordered()

    def _words(self, operands: IntArray, coefficients: Array, carry: IntArray | None) -> IntArray:
        """Add words[carry] + coefficients·words[operands] to the first stage that can have them; their numbers."""
        sources = operands if carry is None else np.concatenate([operands, carry])
        stage = 1 + max(self.level[k] for k in sources)
        rows = np.arange(len(self.level), len(self.level) + coefficients.shape[0])
        self.level += [stage] * rows.size
        self.blocks.append((stage, Block(rows, operands, coefficients, carry)))
        return rows

    def _up(self, tree: Interval) -> _Node:
        inside = slice(tree.low, tree.high)
        parts = tuple(self._up(part) for part in tree.parts or ())
        if parts:
            basis = scipy.linalg.block_diag(*(part.basis for part in parts))
            core = scipy.linalg.block_diag(*(part.core for part in parts))
            candidates = np.concatenate([part.skeleton for part in parts])
            words = np.concatenate([part.words for part in parts])
        else:
            basis = core = np.eye(tree.high - tree.low)
            candidates = words = np.arange(tree.low, tree.high)
        outside = np.hstack([self.matrix[inside, : tree.low], self.matrix[inside, tree.high :]])
        count = candidates.size
        rank, vectors = 0, np.zeros((count, 0))
        if count and outside.size:
            vectors, values, _ = np.linalg.svd(basis.T @ outside, full_matrices=False)
            rank = int((values > self.threshold).sum())
        if rank == count:
            every = np.arange(count)
            return _Node(tree, parts, basis, core, candidates, words, candidates, every, np.eye(count))
        on_candidates = core @ vectors[:, :rank]
        _, pivots = scipy.linalg.qr(on_candidates.T, mode="r", pivoting=True)
        chosen = np.sort(pivots[:rank]).astype(np.int64)
        rest = np.setdiff1d(np.arange(count), chosen)
        transfer = np.zeros((count, rank))
        transfer[chosen] = np.eye(rank)
        transfer[rest] = np.linalg.solve(on_candidates[chosen].T, on_candidates[rest].T).T
        skeleton = candidates[chosen]
        if rank:
            scale = self.right[candidates[rest]][None, :] / self.right[skeleton][:, None]
            own = self._words(words[rest], transfer[rest].T * scale, words[chosen])
        else:
            own = np.zeros(0, dtype=np.int64)
        basis = basis @ vectors[:, :rank]
        return _Node(tree, parts, basis, on_candidates[chosen], skeleton, own, candidates, chosen, transfer)

    def _down(self, node: _Node, sums: IntArray) -> None:
        """Go on from s of a node: `sums` are its words, one per index of the skeleton, or none."""
        rank = sums.size
        chosen = node.chosen if rank else np.zeros(0, dtype=np.int64)
        factors = node.transfer * self.left[node.candidates][:, None] / self.left[node.skeleton][None, :]
        if not node.parts:
            inside = np.arange(node.interval.low, node.interval.high)
            scale = self.left[inside][:, None] * self.right[inside][None, :]
            diagonal = self.matrix[np.ix_(inside, inside)] * scale
            rest = np.setdiff1d(np.arange(inside.size), chosen)
            if chosen.size:
                self.results.append(Block(inside[chosen], inside, diagonal[chosen], sums))
            if rest.size:
                operands, values = inside, diagonal[rest]
                if rank:
                    operands, values = np.concatenate([operands, sums]), np.hstack([values, factors[rest]])
                self.results.append(Block(inside[rest], operands, values))
            return
        for part, other in (node.parts, node.parts[::-1]):
            first = 0 if part is node.parts[0] else other.skeleton.size
            positions = np.arange(first, first + part.skeleton.size)
            self._down(part, self._part_sums(node, part, other, sums, positions, factors))

    def _part_sums(
        self, node: _Node, part: _Node, other: _Node, sums: IntArray, positions: IntArray, factors: Array
    ) -> IntArray:
        """The words s of one part: what comes down from the whole, and what comes across from the other part.

        `positions` are those of the part's skeleton among the candidates of the node.
        """
        none = np.zeros(0, dtype=np.int64)
        if not part.skeleton.size or not (sums.size or other.skeleton.size):
            return none
        here = slice(part.interval.low, part.interval.high)
        there = slice(other.interval.low, other.interval.high)
        across = part.core @ (part.basis.T @ self.matrix[here, there] @ other.basis) @ other.core.T
        across *= self.left[part.skeleton][:, None] * self.right[other.skeleton][None, :]
        if not sums.size:
            return self._words(other.words, across, None)
        words = np.empty(part.skeleton.size, dtype=np.int64)
        carried = np.isin(positions, node.chosen)
        taken = sums[np.searchsorted(node.chosen, positions[carried])]
        if other.words.size and carried.any():
            words[carried] = self._words(other.words, across[carried], taken)
        else:
            words[carried] = taken
        if not carried.all():
            values = np.hstack([factors[positions[~carried]], across[~carried]])
            words[~carried] = self._words(np.concatenate([sums, other.words]), values, None)
        return words

    def _ordered(self) -> StagedProduct:
        """Drop the words that nothing uses, and number the rest by stage."""
        used = np.zeros(len(self.level), dtype=bool)
        for block in self.results:
            _mark(used, block)
        kept: list[tuple[int, Block]] = []
        for stage, block in sorted(self.blocks, key=lambda each: -each[0]):
            live = used[block.rows]
            if live.any():
                carry = None if block.carry is None else block.carry[live]
                block = Block(block.rows[live], block.operands, block.coefficients[live], carry)
                _mark(used, block)
                kept.append((stage, block))
        kept.sort(key=lambda each: (each[0], int(each[1].rows[0])))
        number = np.arange(len(self.level))
        following = self.order
        for _, block in kept:
            number[block.rows] = np.arange(following, following + block.rows.size)
            following += block.rows.size
        stages: dict[int, list[Block]] = {}
        for stage, block in kept:
            stages.setdefault(stage, []).append(replace(_renumbered(block, number), rows=number[block.rows]))
        last = tuple(_renumbered(block, number) for block in self.results)
        return StagedProduct(self.order, (*(tuple(blocks) for _, blocks in sorted(stages.items())), last))


def _mark(used: np.ndarray[tuple[int], np.dtype[np.bool_]], block: Block) -> None:
    used[block.operands] = True
    if block.carry is not None:
        used[block.carry] = True


def _renumbered(block: Block, number: IntArray) -> Block:
    carry = None if block.carry is None else number[block.carry]
    return replace(block, operands=number[block.operands], carry=carry)


def compress(matrix: Array, left: Array, right: Array, tree: Interval, threshold: float) -> StagedProduct:
    """diag(left) · matrix · diag(right) as a staged product, with its off-diagonal blocks truncated.

    Args:
        matrix: The symmetric matrix N, shape (order, order).
        left, right: The scales of results and of arguments, shape (order,) each, without zeros.
        tree: The intervals, of which the root is all indices.
        threshold: The size up to which the singular values of a block row are dropped.
    """
    return _Builder(matrix, left, right, threshold).build(tree)
