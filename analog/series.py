"""Series of preferred values for resistors and capacitors: E3 to E192 of IEC 60063."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from lmu_hw.errors import DesignError

# Up to E24 the values were fixed before the rule was; each smaller series is every second value of the next one.
_E24 = (10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91)
_E192 = tuple(920 if k == 185 else round(100 * 10 ** (k / 192)) for k in range(192))  # the standard has 920 for 919


def _members(name: str) -> tuple[int, ...]:
    count = int(name[1:])
    return _E24[:: 24 // count] if count <= 24 else _E192[:: 192 // count]


NAMES = ("E3", "E6", "E12", "E24", "E48", "E96", "E192")


@dataclass(frozen=True)
class Series:
    """A series of preferred values, "E3" to "E192".

    Raises:
        DesignError: there is no such series.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise DesignError("series of preferred values", f"one of {', '.join(NAMES)}", self.name)

    @property
    def decade(self) -> tuple[int, ...]:
        """The values of one decade as integers: two digits up to E24, three digits above."""
        return _members(self.name)

    def values(self, low: float, high: float) -> tuple[float, ...]:
        """All values from `low` to `high`, ascending; each is the double nearest to its decimal."""
        digits = self.decade
        places = len(str(digits[0])) - 1
        first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high))
        every = (float(f"{digit}e{decade - places}") for decade in range(first, last + 1) for digit in digits)
        return tuple(value for value in every if low <= value <= high)

    def neighbours(self, value: float) -> tuple[float, float]:
        """The two adjacent values v <= value < w around a positive value."""
        around = self.values(value / 10.0, value * 10.0)
        k = bisect_right(around, value)
        return around[k - 1], around[k]

    def nearest(self, value: float) -> float:
        """The value of least ratio to a positive value."""
        below, above = self.neighbours(value)
        return below if value * value < below * above else above
