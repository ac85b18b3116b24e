"""Part values: the resistors and capacitors that realise the couplings of a scaled network, within their ranges.

A stage has one reference part, the capacitor of an integrator or the feedback resistor of a sum, and one resistor
per coupling: a coupling is 1/(R C) in 1/s or R_feedback/R in V/V. In a gm-C circuit a transconductance takes the
place of each resistor, gm = 1/R.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.design.choice import MARGIN, best
from lmu_hw.analog.realisation.network import Array
from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError, check_positive

# Up to E24 the values are older than the formula of the finer series; each coarser series is every second value.
_E24 = (10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91)
_E192 = tuple(920 if k == 185 else round(100 * 10 ** (k / 192)) for k in range(192))  # the standard has 920 for 919


def _members(name: str) -> tuple[int, ...]:
    count = int(name[1:])
    return _E24[:: 24 // count] if count <= 24 else _E192[:: 192 // count]


NAMES = ("E3", "E6", "E12", "E24", "E48", "E96", "E192")


@dataclass(frozen=True)
class Series:
    """A series of preferred values for resistors and capacitors of IEC 60063.

    Attributes:
        name: The name, "E3" to "E192".

    Raises:
        DesignError: There is no such series.
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
        """Return all values from `low` to `high`, ascending; each is the double nearest to its decimal."""
        digits = self.decade
        exponent = len(str(digits[0])) - 1  # the integers of `decade` begin at 10 ** exponent
        first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high))
        every = (float(f"{digit}e{decade - exponent}") for decade in range(first, last + 1) for digit in digits)
        return tuple(value for value in every if low <= value <= high)


@dataclass(frozen=True)
class PartRange:
    """The values of a part that a design may use.

    Attributes:
        low: The least value, ohm or farad.
        high: The largest value.

    Raises:
        DesignError: Not 0 < low < high < infinity.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 < self.low < self.high < math.inf):
            raise DesignError("part range", "0 < low < high", f"{self.low} to {self.high}")

    def clamp(self, value: float) -> float:
        """Return the value nearest to `value` inside the range."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, eq=False, repr=False)
class PartValues(Displayed):
    """The parts of a network of n states and q sums.

    Attributes:
        references: The capacitance of each integrator, farad, then the feedback resistance of each sum, ohm, shape
            (n + q,).
        resistances: The resistance of each coupling, ohm, infinite without a coupling; shape (n + q, n + q + 1).
        states: The number of states n.
        inverter: The resistance of the two resistors of an inverter, ohm.
    """

    references: Array
    resistances: Array
    states: int
    inverter: float

    @property
    def capacitors(self) -> Array:
        """The integrators' capacitances, farad, shape (n,)."""
        return self.references[: self.states]

    @property
    def feedbacks(self) -> Array:
        """The sums' feedback resistances, ohm, shape (q,)."""
        return self.references[self.states :]

    def magnitudes(self) -> Array:
        """Return the magnitudes of the couplings that these parts realise, shape (n + q, n + q + 1).

        They are 1/(R C) in 1/s for states, and R_feedback/R in V/V for sums.
        """
        return self._numerators()[:, None] / self.resistances

    def _numerators(self) -> Array:
        return np.concatenate([1.0 / self.capacitors, self.feedbacks])

    def realised(self, network: VoltageNetwork) -> VoltageNetwork:
        """Return the network that these parts realise, with the signs of `network`."""
        couplings = np.sign(network.couplings) * self.magnitudes()
        return replace(network, couplings=couplings)


def values_for(network: VoltageNetwork, references: Array, inverter: float) -> PartValues:
    """Return the parts that realise `network` exactly with given references.

    Args:
        network: The scaled system.
        references: The references of `PartValues`, shape (n + q,).
        inverter: The resistance of the two resistors of an inverter, ohm.
    """
    n = network.states
    numerators = np.concatenate([1.0 / references[:n], references[n:]])
    wanted = np.abs(network.couplings)
    resistances = np.full(wanted.shape, np.inf)
    np.divide(numerators[:, None], wanted, out=resistances, where=wanted > 0)
    return PartValues(references, resistances, n, inverter)


def mean_rate(network: VoltageNetwork) -> float:
    """Return the geometric mean of the couplings into the states, 1/s."""
    rates = np.abs(network.couplings[: network.states])
    return math.exp(float(np.mean(np.log(rates[rates > 0]))))


def choose_values(
    network: VoltageNetwork,
    *,
    impedance: float,
    resistors: PartRange,
    capacitors: PartRange,
    capacitor: float | None = None,
    sums: float | None = None,
    tees: float = 1.0,
) -> PartValues:
    """Choose one capacitor for all integrators and a feedback resistor for every sum; all other parts follow.

    Args:
        network: The scaled system.
        impedance: The impedance level, ohm.
        resistors: The allowed resistances, ohm.
        capacitors: The allowed capacitances, farad.
        capacitor: A capacitance that the user fixes, farad; None to choose one.
        sums: The wanted feedback resistance of sums and inverters, ohm; `impedance` by default.
        tees: The factor by which a coupling's resistance may exceed the range, as a T network acts as it.

    Raises:
        DesignError: No capacitor or feedback resistor keeps every part in its range.
    """
    n, magnitudes = network.states, np.abs(network.couplings)
    rates = magnitudes[:n][magnitudes[:n] > 0]
    single, resistors = resistors, PartRange(resistors.low, resistors.high * tees)
    sums = impedance if sums is None else sums
    farads = choose_capacitor(rates, impedance=impedance, resistors=resistors, capacitors=capacitors, given=capacitor)
    feedbacks = [
        choose_feedback(row[row > 0], impedance=single.clamp(sums), resistors=resistors, what=f"sum {name}")
        for row, name in zip(magnitudes[n:], network.signals[n:], strict=True)
    ]
    return values_for(network, np.array([farads] * n + feedbacks), single.clamp(sums))


def choose_capacitor(
    rates: Array, *, impedance: float, resistors: PartRange, capacitors: PartRange, given: float | None = None
) -> float:
    """Choose the integrators' capacitance C so that every R = 1/(rate C) lies in the resistors' range.

    If none is given, C puts the geometric mean of the resistors at `impedance`, rounded to 1, 2.2 or 4.7 times a power
    of ten if the ranges allow that.

    Args:
        rates: The magnitudes of the couplings that are not zero, 1/s.
        impedance: The wanted geometric mean of the resistors, ohm.
        resistors: The allowed resistances, ohm.
        capacitors: The allowed capacitances, farad.
        given: A capacitance that the user fixes, farad; None to choose one.

    Returns:
        The capacitance, farad.

    Raises:
        DesignError: No capacitor, or not the given one, keeps every part in its range.
    """
    low, high = capacitor_limits(rates, resistors=resistors, capacitors=capacitors)
    if given is not None:
        check_positive("capacitor in farad", given)
        if not low <= given <= high:
            wanted = f"from {low:.3g} to {high:.3g} F, {_within(resistors)}"
            raise DesignError("capacitor", wanted, given)
        return given
    preferred = min(max(1.0 / (impedance * math.exp(float(np.mean(np.log(rates))))), low), high)
    decade = math.floor(math.log10(preferred))
    steps = [float(f"{mantissa}e{decade + shift}") for shift in (-1, 0, 1) for mantissa in (1.0, 2.2, 4.7)]
    allowed = [step for step in steps if low * (1.0 - MARGIN) <= step <= high * (1.0 + MARGIN)]
    # Between two steps that are equally near, the lower capacitance is taken.
    return best(allowed or [preferred], lambda step: abs(math.log(step / preferred)))


def capacitor_limits(rates: Array, *, resistors: PartRange, capacitors: PartRange) -> tuple[float, float]:
    """Return the least and the largest allowed capacitance for which every R = 1/(rate C) is allowed.

    Args:
        rates: The magnitudes of the couplings that are not zero, 1/s.
        resistors: The allowed resistances, ohm.
        capacitors: The allowed capacitances, farad.

    Returns:
        The two capacitances, farad.

    Raises:
        DesignError: There is no such capacitance.
    """
    low = max(capacitors.low, 1.0 / (float(rates.min()) * resistors.high))
    high = min(capacitors.high, 1.0 / (float(rates.max()) * resistors.low))
    if low > high:
        ohms = f"{1 / (rates.max() * capacitors.high):.3g} to {1 / (rates.min() * capacitors.low):.3g}"
        raise DesignError(
            f"a capacitor from {capacitors.low:g} to {capacitors.high:g} F",
            _within(resistors),
            f"couplings from {rates.min():.3g} to {rates.max():.3g} 1/s, which span {ohms} ohm",
            hint="wider ranges of parts help",
        )
    return low, high


def _within(resistors: PartRange) -> str:
    return f"such that resistors stay within {resistors.low:g} to {resistors.high:g} ohm"


def choose_feedback(weights: Array, *, impedance: float, resistors: PartRange, what: str) -> float:
    """Choose the feedback resistance of a summing stage whose inputs have R = feedback/weight.

    It is `impedance` if that keeps all resistors of the stage in their range, otherwise the nearest value that does.

    Args:
        weights: The magnitudes of the weights that are not zero, V/V.
        impedance: The wanted feedback resistance, ohm.
        resistors: The allowed resistances, ohm.
        what: The name of the stage in the error message.

    Returns:
        The feedback resistance, ohm.

    Raises:
        DesignError: No feedback resistor keeps every part in its range.
    """
    low = resistors.low * max(1.0, float(weights.max()))
    high = resistors.high * min(1.0, float(weights.min()))
    if low > high:
        raise DesignError(
            f"the resistors of {what}",
            f"within {resistors.low:g} to {resistors.high:g} ohm",
            f"weights from {weights.min():.3g} to {weights.max():.3g}",
            hint="a wider range of resistors helps",
        )
    return min(max(impedance, low), high)
