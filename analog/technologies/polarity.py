"""Signs of a network of inverting stages, chosen so that few extra inverters are needed.

A summing stage built on one op-amp inverts, so a coupling needs its source in the polarity that makes the
coefficient negative. Storing a signal with reversed sign turns the sign of its whole row and column. A column
needs no inverter where all its sinks want the source as it stands; this module chooses the stored signs that
free as many columns as it can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.realisation import VoltageNetwork

Signs = NDArray[np.int8]

_STARTS = 64  # columns tried as the first one freed; the search is quadratic in the number of signals


@dataclass(frozen=True, eq=False)
class Polarity:
    """Stored signs and the inverters that they leave necessary.

    Attributes:
        signs: one per source, +1 or -1: the stage of a signal gives out sign * value. Inputs and outputs have +1.
        inverted: the sources whose negative is needed too, ascending; the last index is the input.
    """

    signs: Signs
    inverted: tuple[int, ...]

    @property
    def inverters(self) -> int:
        """How many inverting amplifiers the network needs."""
        return len(self.inverted)


def choose_polarity(network: VoltageNetwork) -> Polarity:
    """Choose stored signs, with inputs and outputs kept as they are.

    Every column in turn is taken as free of an inverter, and then each other column that agrees with the
    signs fixed so far. Where every column is full, as in the dense realisation, one free column fixes all
    signs, so the result is the least number of inverters; for sparse columns it is a good choice without
    that promise.
    """
    size = len(network.signals)
    fixed = [network.index(name) for name in network.outputs]
    # wanted[i, j]: the product of signs, sink i times source j, that needs no inverter; 0 where uncoupled.
    wanted = -np.sign(network.couplings).astype(np.int8)
    starts = (size, *range(min(size, _STARTS)))
    best = max((_assign(wanted, fixed, start) for start in starts), key=lambda tried: len(tried.free))
    return Polarity(best.signs(), tuple(j for j in range(size + 1) if j not in best.free))


def needs_inverse(coefficient: float, sink_sign: int, source_sign: int) -> bool:
    """Whether an inverting stage must take this coupling from the inverse of the source's stored voltage."""
    return coefficient * sink_sign * source_sign > 0


def _assign(wanted: Signs, fixed: list[int], start: int) -> _Assignment:
    size = len(wanted)
    assignment = _Assignment(size + 1, fixed)
    for source in (start, *(j for j in range(size + 1) if j != start)):
        assignment.try_column(source, wanted[:, source])
    return assignment


class _Assignment:
    """Signs known up to one common factor per group, merged as columns are freed."""

    def __init__(self, size: int, fixed: list[int]) -> None:
        self.group = np.arange(size)
        self.group[fixed] = size - 1  # the outputs' signs are the input's
        self.sign = np.ones(size, dtype=np.int8)
        self.free: set[int] = set()

    def try_column(self, source: int, wanted: Signs) -> None:
        """Free `source` of its inverter if the signs fixed so far allow it."""
        sinks = np.flatnonzero(wanted)
        flips = wanted[sinks] * self.sign[source] * self.sign[sinks]
        groups = self.group[sinks]
        if np.any(flips[groups == self.group[source]] < 0):
            return
        positive, negative = set(groups[flips > 0].tolist()), set(groups[flips < 0].tolist())
        if positive & negative:
            return
        for group in positive | negative:
            members = self.group == group
            if group in negative:
                self.sign[members] *= -1
            self.group[members] = self.group[source]
        self.free.add(source)

    def signs(self) -> Signs:
        """The signs, with the input (the last entry) at +1."""
        result = self.sign.copy()
        outside = self.group == self.group[-1]
        result[outside] *= self.sign[-1]
        return result
