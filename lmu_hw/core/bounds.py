"""Upper bounds on what a linear system makes of a bounded input, and the power that white noise leaves in it.

For |u| ≤ 1 the exact bound on a state is the ℓ1 norm of its impulse response, and the sign of the time-reversed
response is an input that attains it. Past the last step N that is summed, the rest is bounded by
(sum of norms so far)·r/(1 − r) with r = ‖Gᴺ‖₂ < 1. docs/ranges.md, "The sum", has the proof.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lmu_hw.core.legendre import Array, energy_scale, orthonormal_system
from lmu_hw.core.stability import spectral_norm
from lmu_hw.core.steps import Discretization, step_matrices
from lmu_hw.errors import DesignError

_EPS = float(np.finfo(np.float64).eps)
_HEAD = 4  # terms of the sum that are never skipped
_CELLS = 128  # of the integral that are taken at once; a power of two
_SHARE = 1e-4  # of the integral of the norms that the rest of an integral may have
_BLOCK_WORDS = 4_000_000
_MOST_STEPS = 1 << 28
_MOST_DOUBLINGS = 40


@dataclass(frozen=True)
class Flow:
    """A step matrix with square blocks on its diagonal: systems that run side by side without touching.

    Attributes:
        blocks: The square blocks, shape (n_k, n_k) each.
    """

    blocks: tuple[Array, ...]

    @classmethod
    def of(cls, *blocks: Array) -> Flow:
        """The flow of these blocks; a single one is an ordinary step matrix."""
        return cls(blocks)

    @property
    def size(self) -> int:
        """The number of states of all blocks."""
        return sum(block.shape[0] for block in self.blocks)

    def apply(self, columns: Array) -> Array:
        """The matrix times columns, both of shape (size, …)."""
        if len(self.blocks) == 1:
            return self.blocks[0] @ columns
        cuts = np.cumsum([block.shape[0] for block in self.blocks])[:-1]
        parts = zip(self.blocks, np.split(columns, cuts), strict=True)
        return np.concatenate([block @ part for block, part in parts])

    def after(self, other: Flow) -> Flow:
        """The product of this matrix and `other`, which has blocks of the same sizes."""
        return Flow(tuple(a @ b for a, b in zip(self.blocks, other.blocks, strict=True)))

    def power(self, steps: int) -> Flow:
        """The matrix to the power `steps` ≥ 0."""
        return Flow(tuple(np.linalg.matrix_power(block, steps) for block in self.blocks))

    def norm(self) -> float:
        """The norm ‖·‖₂ of the matrix, rounded upwards."""
        return max(spectral_norm(block) for block in self.blocks)


@dataclass(frozen=True)
class _Response:
    """The responses C Gᵏ H that are to be summed.

    Attributes:
        flow: The step matrix G.
        inputs: The columns H, shape (n, m).
        observe: The linear map C, from columns of shape (n, …) to columns of shape (r, …).
    """

    flow: Flow
    inputs: Array
    observe: Callable[[Array], Array]

    @cached_property
    def row_norms(self) -> Array:
        """The norm ‖c‖₂ of each row c of C, shape (r,)."""
        return np.asarray(np.linalg.norm(self.observe(np.eye(self.flow.size)), axis=1))


@dataclass(frozen=True)
class _Decay:
    """How the powers of G decay.

    Attributes:
        steps: A number of steps after which they have.
        growth: The largest norm of the powers before that, of those with 1, 2, 4, … steps, and at least 1.
    """

    steps: int
    growth: float


@dataclass(frozen=True)
class _Block:
    """The responses to `width` successive samples, side by side: [H, Gˢ H, G²ˢ H, …] with a stride of s steps.

    Attributes:
        columns: The columns, shape (n, width·m).
        width: The number of samples.
        leap: The power width·s of G, which leads to the next block.
    """

    columns: Array
    width: int
    leap: Flow


@dataclass(frozen=True)
class _Sums:
    """The sums over all blocks.

    Attributes:
        moduli: The head plus stride·Σ |C Gᵏ H|, shape (r, m).
        norms: The sums stride·Σ ‖Gᵏ H‖₂ by column, shape (m,).
        bends: The sums Σ ‖(G − I)² Gᵏ H‖₂ by column, shape (m,); 0 where every step is taken.
        ratio: The norm ‖G^steps‖₂ at the end.
        blocks: The number of blocks.
        steps: The number of steps that the blocks span.
    """

    moduli: Array
    norms: Array
    bends: Array
    ratio: float
    blocks: int
    steps: int


def l1_bound(
    flow: Flow,
    inputs: Array,
    observe: Callable[[Array], Array],
    *,
    work: float = 1e10,
    tail: float = 1e-6,
) -> Array:
    """Upper bounds on Σ_{k≥0} |C Gᵏ H|, element by element, shape (r, m); docs/ranges.md has the proof.

    Where a sum over every step would take more than `work` operations (many inputs, a very long window)
    and the state moves little within s steps, every s-th step is taken and the steps between are bounded
    by interpolation plus the largest second difference; the result is still an upper bound.

    For contractions all of this is proved. For explicit methods the growth of the powers, which scales the
    tail, the allowance for rounding and the second differences, is taken from the powers 1, 2, 4, …

    Args:
        flow: The step matrix G, for n states in orthonormal coordinates.
        inputs: The columns H, shape (n, m).
        observe: The linear map C, from columns of shape (n, …) to columns of shape (r, …).
        work: Floating-point operations above which steps are skipped.
        tail: Norm of the power at which the sum ends.

    Raises:
        DesignError: the powers of G do not decay within 2^28 steps in double precision.
    """
    decay = _decay(flow, tail)
    head, response = _head(_Response(flow, inputs, observe))
    stride = _stride(response, decay, work)
    sums = _sum(response, head, decay, stride, tail)
    counted_too_often, bends = _between(response, decay, stride, sums)
    return sums.moduli - counted_too_often + bends + _beyond(response, decay, stride, sums)


def _decay(flow: Flow, tail: float) -> _Decay:
    """Step 1 of the sum: after how many steps, a power of two, the powers have fallen below `tail`."""
    power, steps, growth = flow, 1, 1.0
    while (norm := power.norm()) > tail:
        growth = max(growth, norm)
        if steps >= _MOST_STEPS or growth > 1e9:
            raise DesignError("the step", "one whose powers decay in double precision", f"growth {growth:.2g}")
        power, steps = power.after(power), 2 * steps
    return _Decay(steps, growth)


def _head(response: _Response) -> tuple[Array, _Response]:
    """Step 2 of the sum: the first few terms, and the response that is left.

    What enters a multi-step method is not smooth in its first steps, so none of these is ever skipped.
    """
    inputs, head = response.inputs, np.zeros((response.row_norms.size, response.inputs.shape[1]))
    for _ in range(_HEAD):
        head += np.abs(response.observe(inputs))
        inputs = response.flow.apply(inputs)
    return head, replace(response, inputs=inputs)


def _stride(response: _Response, decay: _Decay, work: float) -> int:
    """Step 3 of the sum: how many steps apart the terms are taken, a power of two."""
    (n, m), inputs = response.inputs.shape, response.inputs
    moved = float(np.linalg.norm(response.flow.apply(inputs) - inputs)) / max(float(np.linalg.norm(inputs)), 1e-300)
    stride = 1
    while 2.0 * n * n * m * decay.steps > work * stride and stride * moved < 1.0:
        stride *= 2
    return stride


def _first_block(response: _Response, decay: _Decay, stride: int) -> _Block:
    """[H, Gˢ H, G²ˢ H, …], by doubling."""
    n, m = response.inputs.shape
    most = max(1, min(1024, _BLOCK_WORDS // (n * m), decay.steps // stride))
    columns, width, leap = response.inputs, 1, response.flow.power(stride)
    while width < most:
        columns, leap, width = np.hstack([columns, leap.apply(columns)]), leap.after(leap), 2 * width
    return _Block(columns, width, leap)


def _sum(response: _Response, head: Array, decay: _Decay, stride: int, tail: float) -> _Sums:
    """Step 4 of the sum: onto the head block after block, until the norm of the power has fallen to `tail`."""
    block, m = _first_block(response, decay, stride), response.inputs.shape[1]
    columns, width, steps = block.columns, block.width, block.width * stride
    moduli, norms, bends = head, np.zeros(m), np.zeros(m)
    power, ratio, blocks, size = response.flow.power(0), 1.0, 0, float(np.linalg.norm(response.inputs))
    while True:
        moduli = moduli + stride * np.abs(response.observe(columns)).reshape(-1, width, m).sum(axis=1)
        norms += stride * np.linalg.norm(columns, axis=0).reshape(width, m).sum(axis=0)
        if stride > 1:
            moved = response.flow.apply(columns)
            bend = response.flow.apply(moved) - 2.0 * moved + columns
            bends += np.linalg.norm(bend, axis=0).reshape(width, m).sum(axis=0)
        power, blocks = block.leap.after(power), blocks + 1
        columns = block.leap.apply(columns)
        # The norm of a power costs more than a block; what has become of the inputs tells when to look.
        if float(np.linalg.norm(columns[:, :m])) <= tail * size or blocks * steps >= decay.steps:
            ratio = power.norm()
        if ratio <= tail:
            return _Sums(moduli, norms, bends, ratio, blocks, blocks * steps)


def _between(response: _Response, decay: _Decay, stride: int, sums: _Sums) -> tuple[Array | float, Array | float]:
    """Step 5 of the sum: corrections for the steps between those taken, the first to be taken off.

    Σ_{n<s} of the chord is (s+1)/2·|f_0| + (s−1)/2·|f_s|: the very first term counts less than s times.
    Σ_{n<s} n(s−n)/2 = s(s²−1)/12 weighs the largest second difference.
    """
    if stride == 1:
        return 0.0, 0.0
    first = 0.5 * (stride - 1) * np.abs(response.observe(response.inputs))
    bends = decay.growth * stride * (stride**2 - 1) / 12.0 * response.row_norms[:, None] * sums.bends[None, :]
    return first, bends


def _beyond(response: _Response, decay: _Decay, stride: int, sums: _Sums) -> Array:
    """Steps 6 and 7 of the sum: the terms after the last that was taken, and an allowance for rounding."""
    last_chord = 2.0 if stride > 1 else 1.0  # its far end lies beyond the sum
    tail = decay.growth * sums.norms * sums.ratio / (1.0 - sums.ratio) * last_chord
    doublings = sums.blocks + np.log2(4.0 * sums.steps / sums.blocks)
    rounding = decay.growth**2 * sums.norms * response.flow.size * _EPS * doublings
    return np.asarray(response.row_norms[:, None] * (tail + rounding)[None, :])


def power_sum(transition: Array) -> float:
    """An upper bound on Σ_{k≥0} ‖Gᵏ‖₂ for the step matrix G, shape (n, n), in orthonormal coordinates.

    It is within a factor of about two for a contraction, and the looser the nearer the step is to instability;
    infinite where the powers do not decay within 2^28 steps.
    """
    power, steps, growth, total = transition, 1, 1.0, 1.0
    while (norm := spectral_norm(power)) > 0.5:
        growth = max(growth, norm)
        total += growth * steps * min(norm, growth)  # k = steps … 2·steps − 1: ‖Gᵏ‖ ≤ growth·‖G^steps‖
        if steps >= _MOST_STEPS:
            return math.inf
        power, steps = power @ power, 2 * steps
    return (total + growth * steps * norm) / (1.0 - norm)


def state_ranges(order: int, h: float, method: Discretization) -> Array:
    """Upper bounds on the Legendre coefficients |m_i| for |u| ≤ 1, sampled with the step h = dt/θ, shape (order,).

    Raises:
        DesignError: the powers of the step do not decay.
    """
    matrices = step_matrices(order, h, method)
    scale = energy_scale(order)[:, None]
    flow, drive = Flow.of(matrices.transition), matrices.input[:, None]
    return l1_bound(flow, drive, lambda z: scale * (matrices.output @ z))[:, 0]


@dataclass(frozen=True)
class _Cells:
    """The free response x(t) = e^{At} x of the exact flow over `_CELLS` cells of one length, side by side.

    Attributes:
        h: The length of a cell, in windows.
        flow: The flow e^{Ah} over one cell, shape (n, n).
        states: The states at the left ends of the cells, shape (n, cells).
        leap: The flow over all cells, shape (n, n).
        end: The state at the right end of the last cell, shape (n,).
    """

    h: float
    flow: Array
    states: Array
    leap: Array
    end: Array

    @classmethod
    def beginning(cls, x: Array, h: float, flow: Array) -> _Cells:
        """Cells of the length `h` whose first begins with the state `x`, by doubling."""
        states, leap = x[:, None], flow
        while states.shape[1] < _CELLS:
            states, leap = np.hstack([states, leap @ states]), leap @ leap
        return cls(h, flow, states, leap, leap @ x)

    def trapezia(self, observe: Array) -> Array:
        """The trapezia of |C x| over all cells, shape (r,)."""
        values = np.abs(observe @ np.column_stack([self.states, self.end]))
        return np.asarray(self.h * (values.sum(axis=1) - 0.5 * (values[:, 0] + values[:, -1])))

    def curvature(self, a: Array) -> float:
        """What ∫|c x| may exceed its trapezia by, per unit of ‖c‖: h³/12·‖A²x‖ in each cell."""
        return self.h**3 / 12.0 * float(np.linalg.norm(a @ (a @ self.states), axis=0).sum())

    def size(self) -> float:
        """h·Σ‖x‖, which is at least ∫‖x‖ over the cells, since the flow contracts."""
        return self.h * float(np.linalg.norm(self.states, axis=0).sum())

    def remaining(self) -> float:
        """An upper bound on ∫‖x‖ beyond the cells: span·‖x‖/(1 − ‖flow over the span‖), for a span of several."""
        span, decay = _CELLS * self.h, self.leap
        while (ratio := spectral_norm(decay)) > 0.5:
            span, decay = 2.0 * span, decay @ decay
        return span * float(np.linalg.norm(self.end)) / (1.0 - ratio)

    def following(self, *, longer: bool) -> _Cells:
        """The cells after these, of twice the length where `longer`."""
        return self.beginning(self.end, *((2.0 * self.h, self.flow @ self.flow) if longer else (self.h, self.flow)))


def continuous_ranges(order: int, outputs: Array | None = None) -> Array:
    """Upper bounds on |(C m(t))_i| for any |u(t)| ≤ 1, shape (r,), in continuous time.

    They are ∫|c e^{At} B| dt, in windows. Over a cell of the length h, ∫|f| is at most the trapezium of |f| plus
    h³/12·max|f''|, since the modulus of a chord is convex, and max|f''| is at most ‖c‖·‖A²x‖ at the left end, since
    the flow contracts. The cells grow as long as that second term stays small.

    Args:
        order: The number of states.
        outputs: The matrix C in Legendre coordinates, shape (r, order); the states themselves by default.
    """
    a, b = orthonormal_system(order)
    observe = (np.eye(order) if outputs is None else outputs) * energy_scale(order)[None, :]
    row_norms = np.linalg.norm(observe, axis=1)
    h = 1.0 / (32 * order * order + 32)  # h·‖A‖ < 1/32, since the Frobenius norm of A is order²
    cells = _Cells.beginning(b, h, step_matrices(order, h, Discretization.ZOH).transition)
    area, bend, norms = np.zeros(row_norms.size), 0.0, 0.0
    while True:
        curvature, size = cells.curvature(a), cells.size()
        area, bend, norms = area + cells.trapezia(observe), bend + curvature, norms + size
        nearly_done = 4.0 * float(np.linalg.norm(cells.end)) < _SHARE * norms  # the bound of the rest is expensive
        if nearly_done and (remaining := cells.remaining()) <= _SHARE * norms:
            return np.asarray(area + row_norms * (bend + remaining + 1e-9 * norms), dtype=np.float64)
        cells = cells.following(longer=curvature < _SHARE * size)


def noise_power(transition: Array, injection: Array, rows: Array) -> Array:
    """Σ_k ‖c Gᵏ N‖² for each row c: the variances of the outputs for white inputs of unit variance.

    The controllability Gramian is found by doubling, P ← P + G P Gᵀ, G ← G² (Smith, SIAM Journal on Applied
    Mathematics 16 (1968)), so the number of products grows with the logarithm of the memory's length.

    Args:
        transition: The matrix G of a stable step, shape (n, n).
        injection: The matrix N that noise enters by, shape (n, m).
        rows: The outputs C, shape (r, n).

    Returns:
        The variances, shape (r,).

    Raises:
        DesignError: the powers of G do not decay.
    """
    gramian, power = injection @ injection.T, transition
    for _ in range(_MOST_DOUBLINGS):
        gramian = gramian + power @ gramian @ power.T
        power = power @ power
        if np.linalg.norm(power) < 1e-9:
            return np.asarray(np.einsum("ij,jk,ik->i", rows, gramian, rows, optimize=True))
    raise DesignError("the step", "one whose powers decay", f"norm {np.linalg.norm(power):.3g} in the end")
