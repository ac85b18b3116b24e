"""Rounding a step's matrix so that the errors of its entries cancel along the flow.

With x⁺ = G x + H u and coefficients that are off by E, the error of the states is e⁺ = G e + E (x − e₀u) to
first order. Its power for white input is a quadratic form in E that one Stein equation and its adjoint give,
gradient included. Only the part of E that keeps in step with the flow adds up over the window: far fewer
combinations than there are entries, so choosing for each entry between its two neighbours on the grid removes
most of it. Plain rounding chooses blindly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmu_hw.legendre import Array
from lmu_hw.steps import StepMatrices

_Single = NDArray[np.float32]
_SAMPLES = 256  # of the autocorrelation per window; the step sizes need no more
_FIRST_SHARE = 0.005  # of the entries to move in the first round
_DECAYED = 1e-6


class ErrorPower:
    """Σ over all states of the variance of e per unit variance of white u, as a quadratic form in E.

    In single precision: it only ranks candidates, and the result is judged afterwards by other means.

    Args:
        step: the exact step, a contraction, in the coordinates that E is given in.
    """

    def __init__(self, step: StepMatrices) -> None:
        g, drive = step.transition.astype(np.float32), step.input.astype(np.float32)
        d = drive.size
        self._powers = [g]
        while float(np.linalg.norm(self._powers[-1])) > _DECAYED:
            self._powers.append(self._powers[-1] @ self._powers[-1])
        self._g = g
        states: _Single = self._forward(np.outer(drive, drive))
        self._weight: _Single = self._backward(np.eye(d, dtype=np.float32))
        self._operands = states.copy()  # covariance of z = x − e₀u
        self._operands[0, 0] += 1.0
        self._next = states @ g.T  # E[z x⁺ᵀ]
        self._next[0] -= drive
        self.signal = float(np.trace(states))
        self.curvature = self._own_terms(states)

    def gradient(self, e: Array) -> Array:
        """The gradient at E; the form itself is ½⟨E, gradient⟩."""
        e32 = e.astype(np.float32)
        cross = self._forward(e32 @ self._next)
        weighted = self._weight @ e32
        adjoint = self._backward(self._g.T @ weighted)
        total = weighted @ self._operands + self._weight @ (self._g @ cross) + adjoint @ self._next.T
        return 2.0 * total.astype(np.float64)

    def _forward(self, q: _Single) -> _Single:
        """X = G X Gᵀ + Q by doubling."""
        for power in self._powers:
            q = np.add(q, power @ q @ power.T, dtype=np.float32)
        return q

    def _backward(self, q: _Single) -> _Single:
        """X = Gᵀ X G + Q by doubling."""
        for power in self._powers:
            q = np.add(q, power.T @ q @ power, dtype=np.float32)
        return q

    def _own_terms(self, states: _Single) -> Array:
        """About what the square of a single entry of E costs, shape (d, d): its autocorrelation over time."""
        least = np.outer(np.diag(self._weight), np.diag(self._operands))
        total = least.copy()
        window = 1 << max(0, len(self._powers) - 4)  # the powers have decayed after some 16 of these
        stride = 1 << max(0, (window // _SAMPLES).bit_length() - 1)
        leap = self._powers[stride.bit_length() - 1]
        power = self._g
        rows, columns = [], []
        for _ in range(4 * window // stride):
            rows.append((self._weight * power.T).sum(axis=1))
            columns.append((power * states.T).sum(axis=1))
            power = power @ leap
        total += 2.0 * stride * np.array(rows).T @ np.array(columns)
        return np.asarray(np.maximum(total, 0.1 * least), dtype=np.float64)


def shaped_rounding(target: Array, grid: Array, power: ErrorPower, rounds: int = 100) -> Array:
    """`target` rounded to multiples of `grid`, entry by entry up or down, for the least error of the states.

    Starts from the nearest multiples and moves, round by round, the entries that promise most, as many at a
    time as still lower the error.

    Args:
        target: shape (d, d), in the coordinates of `power`.
        grid: positive, shape (d, d).
        power: what to minimise.
        rounds: most rounds.
    """
    error = np.rint(target / grid) * grid - target
    slope = power.gradient(error)
    value = 0.5 * float(np.vdot(slope, error))
    count = max(1, int(_FIRST_SHARE * error.size))
    for _ in range(rounds):
        move = np.where(error > 0.0, -grid, grid)  # to the other neighbour
        gain = slope * move + power.curvature * move**2
        order = np.argsort(gain, axis=None, kind="stable")
        while count:
            chosen = order[:count]
            chosen = chosen[gain.flat[chosen] < 0.0]
            if chosen.size == 0:
                return target + error
            change = np.zeros_like(error)
            change.flat[chosen] = move.flat[chosen]
            bend = power.gradient(change)
            moved = value + float(np.vdot(slope, change)) + 0.5 * float(np.vdot(bend, change))
            if moved < value:
                break
            count //= 2
        if count == 0:
            break
        error, slope, value = error + change, slope + bend, moved
        count = min(int(1.6 * count) + 1, error.size)
    return target + error
