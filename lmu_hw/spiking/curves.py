"""Rate curves: how often a neuron fires at a constant input current, and the current that a rate takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmu_hw.arguments import check_positive
from lmu_hw.errors import DesignError

#: float32 or float64; every curve gives back what it gets.
Reals = NDArray[np.floating[Any]]


class RateCurve(Protocol):
    """A rate that never falls as the current rises, zero up to `threshold`.

    Attributes:
        threshold: the largest current at which the neuron is silent.
        ceiling: what the rate stays below, Hz; infinite where nothing limits it.
    """

    @property
    def threshold(self) -> float:
        """The largest current at which the neuron is silent."""

    @property
    def ceiling(self) -> float:
        """What the rate stays below, Hz."""

    def rate(self, current: Reals) -> Reals:
        """Rates in Hz, of the currents' shape."""

    def current(self, rate: Reals) -> Reals:
        """The currents at which the neuron fires at `rate` > 0 Hz, below the ceiling."""


@dataclass(frozen=True)
class RectifiedLinear:
    """rate = max(J, 0): no refractory period, and so no ceiling."""

    threshold = 0.0
    ceiling = math.inf

    def rate(self, current: Reals) -> Reals:
        """Rates in Hz, of the currents' shape."""
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
        tau_rc: time constant of the membrane, s, positive.
        tau_ref: refractory period, s, zero or positive.

    Raises:
        DesignError: one is out of its range.
    """

    tau_rc: float = 0.02
    tau_ref: float = 0.002

    def __post_init__(self) -> None:
        check_positive("tau_rc", self.tau_rc, "seconds")
        if self.tau_ref != 0.0:
            check_positive("tau_ref", self.tau_ref, "seconds")

    @property
    def threshold(self) -> float:
        """The largest current at which the neuron is silent: 1."""
        return 1.0

    @property
    def ceiling(self) -> float:
        """1/τ_ref, Hz."""
        return 1.0 / self.tau_ref if self.tau_ref else math.inf

    def rate(self, current: Reals) -> Reals:
        """Rates in Hz, of the currents' shape."""
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
    """Refuse maximum rates that are not positive, not in order, or not below the curve's ceiling.

    Raises:
        DesignError: says which.
    """
    if not (0.0 < low <= high and high < curve.ceiling and math.isfinite(high)):
        limit = f"0 < low ≤ high < {curve.ceiling:g} Hz, one over the refractory period"
        raise DesignError(
            "maximum rates", limit if math.isfinite(curve.ceiling) else "0 < low ≤ high, finite", (low, high)
        )
