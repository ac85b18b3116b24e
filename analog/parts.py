"""Part ranges, and the choice of one capacitor value and one impedance level that keep all parts inside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lmu_hw.analog.realisation import Array
from lmu_hw.arguments import check_positive
from lmu_hw.errors import DesignError


@dataclass(frozen=True)
class PartRange:
    """Least and largest value of a part that a design may use, in ohm or farad.

    Raises:
        DesignError: not 0 < low < high < infinity.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 < self.low < self.high < math.inf):
            raise DesignError("part range", "0 < low < high", f"{self.low} to {self.high}")

    def clamp(self, value: float) -> float:
        """The value nearest to `value` inside the range."""
        return min(max(value, self.low), self.high)


def choose_capacitor(
    rates: Array, *, impedance: float, resistors: PartRange, capacitors: PartRange, given: float | None = None
) -> float:
    """Choose the integrators' capacitor C, so that every R = 1/(rate C) lies in the resistors' range.

    Without a given value C puts the geometric mean of the resistors at `impedance`, rounded to 1, 2.2 or 4.7
    times a power of ten where the ranges allow that.

    Args:
        rates: the non-zero couplings' magnitudes, 1/s.
        impedance: wanted geometric mean of the resistors, ohm.
        resistors: allowed resistances, ohm.
        capacitors: allowed capacitances, farad.
        given: a capacitance that the user fixes, farad.

    Raises:
        DesignError: no capacitor, or not the given one, keeps every part in its range.
    """
    low = max(capacitors.low, 1.0 / (rates.min() * resistors.high))
    high = min(capacitors.high, 1.0 / (rates.max() * resistors.low))
    wanted = f"such that resistors stay within {resistors.low:g} to {resistors.high:g} ohm"
    if low > high:
        ohms = f"{1 / (rates.max() * capacitors.high):.3g} to {1 / (rates.min() * capacitors.low):.3g}"
        raise DesignError(
            f"a capacitor from {capacitors.low:g} to {capacitors.high:g} F",
            wanted,
            f"couplings from {rates.min():.3g} to {rates.max():.3g} 1/s, which span {ohms} ohm",
        )
    if given is not None:
        check_positive("capacitor in farad", given)
        if not low <= given <= high:
            raise DesignError("capacitor", f"from {low:.3g} to {high:.3g} F, {wanted}", given)
        return given
    preferred = min(max(1.0 / (impedance * math.exp(float(np.mean(np.log(rates))))), low), high)
    decade = math.floor(math.log10(preferred))
    steps = [float(f"{mantissa}e{decade + shift}") for shift in (0, 1) for mantissa in (1.0, 2.2, 4.7)]
    allowed = [step for step in steps if low <= step <= high]
    return min(allowed, key=lambda step: abs(math.log(step / preferred)), default=preferred)


def choose_feedback(weights: Array, *, impedance: float, resistors: PartRange, what: str) -> float:
    """Choose the feedback resistor of a summing stage whose inputs are R = feedback/weight.

    It is `impedance` where that keeps all of the stage's resistors in range, else the nearest that does.

    Args:
        weights: the non-zero weights' magnitudes, V/V.
        impedance: wanted feedback resistance, ohm.
        resistors: allowed resistances, ohm.
        what: the stage, for the error message.

    Raises:
        DesignError: no feedback resistor keeps every part in its range.
    """
    low = resistors.low * max(1.0, float(weights.max()))
    high = resistors.high * min(1.0, float(weights.min()))
    if low > high:
        raise DesignError(
            f"the resistors of {what}",
            f"within {resistors.low:g} to {resistors.high:g} ohm",
            f"weights from {weights.min():.3g} to {weights.max():.3g}",
        )
    return min(max(impedance, low), high)
