"""Heterogeneous tuning curves: encoders, maximum rates and intercepts, drawn from a seed.

A neuron fires at the rate F(α e·x + β), with an encoder e of unit length and a rate curve F. Its gain α and bias β
follow from two numbers that can be read off the curve: the maximum rate, reached at e·x = 1, and the intercept, the e·x
from which on it fires (Eliasmith and Anderson, Neural Engineering, 2003, section 2.1).

Both are spread evenly over their ranges: of n draws, one falls into each n-th of the range, in random order. That is a
uniform distribution with less variance than independent draws have, and small populations decode better with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_positive

#: Arrays of float32 or float64; every curve returns the type that it gets.
Reals = NDArray[np.floating[Any]]


class RateCurve(Protocol):
    """A rate that never falls as the current rises, zero up to `threshold`.

    Attributes:
        threshold: The largest current at which the neuron is silent.
        ceiling: The upper limit of the rate, in Hz; infinite where nothing limits it.
    """

    @property
    def threshold(self) -> float:
        """The largest current at which the neuron is silent."""

    @property
    def ceiling(self) -> float:
        """The upper limit of the rate, in Hz."""

    def rate(self, current: Reals) -> Reals:
        """The rates in Hz, of the shape of the currents."""

    def current(self, rate: Reals) -> Reals:
        """The currents at which the neuron fires at `rate` > 0 Hz, below the ceiling."""


@dataclass(frozen=True)
class RectifiedLinear:
    """The curve rate = max(J, 0), without a refractory period and so without a ceiling."""

    threshold = 0.0
    ceiling = math.inf

    def rate(self, current: Reals) -> Reals:
        """The rates in Hz, of the shape of the currents."""
        rates: Reals = np.maximum(current, 0.0)
        return rates

    def current(self, rate: Reals) -> Reals:
        """The currents at which the neuron fires at `rate` > 0 Hz."""
        return rate


@dataclass(frozen=True)
class LeakyIntegrateAndFire:
    """τ_rc v̇ = J − v, a spike at v = 1, then v = 0 for τ_ref: rate = 1/(τ_ref + τ_rc ln(1 + 1/(J − 1))) for J > 1.

    Source: Eliasmith and Anderson, Neural Engineering, MIT Press 2003, section 4.1.

    Attributes:
        tau_rc: The time constant of the membrane, in seconds, positive.
        tau_ref: The refractory period, in seconds, zero or positive.

    Raises:
        DesignError: A value is out of its range.
    """

    tau_rc: float = 0.02
    tau_ref: float = 0.002

    def __post_init__(self) -> None:
        check_positive("tau_rc", self.tau_rc, "seconds")
        if self.tau_ref != 0.0:
            check_positive("tau_ref", self.tau_ref, "seconds")

    @property
    def threshold(self) -> float:
        """The largest current at which the neuron is silent, which is 1."""
        return 1.0

    @property
    def ceiling(self) -> float:
        """The upper limit 1/τ_ref of the rate, in Hz."""
        return 1.0 / self.tau_ref if self.tau_ref else math.inf

    def rate(self, current: Reals) -> Reals:
        """The rates in Hz, of the shape of the currents."""
        over = np.maximum(current - 1.0, 0.0)
        with np.errstate(divide="ignore", over="ignore"):  # at and below the threshold the interval is infinite
            interval = np.log1p(np.reciprocal(over, out=over), out=over)
            interval *= self.tau_rc
            interval += self.tau_ref
            rates: Reals = np.reciprocal(interval, out=interval)
        return rates

    def current(self, rate: Reals) -> Reals:
        """The currents at which the neuron fires at `rate` > 0 Hz, below the ceiling."""
        currents: Reals = -1.0 / np.expm1((self.tau_ref - 1.0 / rate) / self.tau_rc)
        return currents


def check_rates(curve: RateCurve, low: float, high: float) -> None:
    """Check that maximum rates are positive, in order, and below the ceiling of the curve.

    Raises:
        DesignError: They are not.
    """
    if not (0.0 < low <= high and high < curve.ceiling and math.isfinite(high)):
        limit = f"0 < low ≤ high < {curve.ceiling:g} Hz, one over the refractory period"
        raise DesignError(
            "maximum rates", limit if math.isfinite(curve.ceiling) else "0 < low ≤ high, finite", (low, high)
        )


@dataclass(frozen=True)
class Tuning:
    """The ranges from which maximum rates and intercepts are drawn.

    Of the ranges that were tried with maximum rates of 200 to 400 Hz and LIF curves, the default intercepts gave the
    least noise in the decoded value of a Gaussian variable whose standard deviation is a third of the radius: narrower
    ranges decode to a curved staircase, wider ones fire more for the same slope.

    Attributes:
        max_rates: The lowest and the highest maximum rate, in Hz.
        intercepts: The lowest and the highest intercept, in [−1, 1).

    Raises:
        DesignError: A range is out of bounds or not in order.
    """

    max_rates: tuple[float, float] = (200.0, 400.0)
    intercepts: tuple[float, float] = (-0.3, 0.8)

    def __post_init__(self) -> None:
        low, high = self.intercepts
        if not -1.0 <= low <= high < 1.0:
            raise DesignError("intercepts", "−1 ≤ low ≤ high < 1", self.intercepts)
        low, high = self.max_rates
        if not 0.0 < low <= high < np.inf:
            raise DesignError("maximum rates", "0 < low ≤ high, finite", self.max_rates)


@dataclass(frozen=True, eq=False)
class TuningCurves:
    """One ensemble's neurons, sorted by encoder where it has one dimension (−1 first), then by intercept.

    Attributes:
        encoders: The encoders, shape (n, dimensions), rows of unit length.
        max_rates: The maximum rates in Hz, shape (n,).
        intercepts: The intercepts, shape (n,).
        gain: The gains, shape (n,).
        bias: The biases, shape (n,).
    """

    encoders: Array
    max_rates: Array
    intercepts: Array
    gain: Array
    bias: Array


def draw_curves(
    tuning: Tuning, curve: RateCurve, neurons: int, dimensions: int, rng: np.random.Generator
) -> TuningCurves:
    """Draw the tuning curves of one ensemble.

    In one dimension half of the encoders are −1 and half +1, and each half is spread over the whole range of
    intercepts; in more dimensions encoders are uniform on the sphere.

    Raises:
        DesignError: There are fewer than two neurons per dimension, or the curve cannot reach the maximum rates.
    """
    if neurons < 2 * dimensions:
        raise DesignError("neurons of an ensemble", f"at least {2 * dimensions}, two for each dimension", neurons)
    check_rates(curve, *tuning.max_rates)
    max_rates = _spread(tuning.max_rates, neurons, rng)
    if dimensions == 1:
        low = neurons // 2
        encoders = np.repeat([-1.0, 1.0], [low, neurons - low])[:, None]
        halves = [np.sort(_spread(tuning.intercepts, count, rng)) for count in (low, neurons - low)]
        intercepts = np.concatenate(halves)
    else:
        encoders = rng.standard_normal((neurons, dimensions))
        encoders /= np.linalg.norm(encoders, axis=1, keepdims=True)
        intercepts = np.sort(_spread(tuning.intercepts, neurons, rng))
    gain = (curve.current(max_rates) - curve.threshold) / (1.0 - intercepts)
    return TuningCurves(encoders, max_rates, intercepts, gain, curve.threshold - gain * intercepts)


def _spread(span: tuple[float, float], count: int, rng: np.random.Generator) -> Array:
    """One uniform draw from each of `count` equal parts of `span`, in random order."""
    return np.asarray(span[0] + (span[1] - span[0]) * (rng.permutation(count) + rng.random(count)) / count)
