"""Signs of a network of inverting stages, chosen so that few extra inverters are needed.

A summing stage built on one op-amp inverts, so a coupling needs its source in the polarity that makes the
coefficient negative. Storing a state with reversed sign turns the sign of its whole row and column. A column
needs no inverter where all its sinks want the source as it stands; this module chooses the stored signs that
free as many columns as it can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.realisation import Array, VoltageNetwork

Signs = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Polarity:
    """Stored signs and the inverters that they leave necessary.

    Attributes:
        state_signs: (n,), +1 or -1: an integrator's output is sign * v_i.
        inverted_states: the states whose negative is needed too, ascending.
        input_inverted: whether the negative of the input is needed too.
    """

    state_signs: Signs
    inverted_states: tuple[int, ...]
    input_inverted: bool

    @property
    def inverters(self) -> int:
        """How many inverting amplifiers the network needs."""
        return len(self.inverted_states) + int(self.input_inverted)


def choose_polarity(network: VoltageNetwork) -> Polarity:
    """Choose stored signs, with inputs and outputs kept as they are.

    Every column in turn is taken as free of an inverter, and then each other column that agrees with the
    signs fixed so far. Where every column is full, as in the dense realisation, one free column fixes all
    signs, so the result is the least number of inverters; for sparse columns it is a good choice without
    that promise.
    """
    n = len(network.input_rates)
    # One row per sink, one column per source; index n stands for the outside, whose sign is fixed at +1.
    columns = [_wanted(network.rates[:, j], network.weights[:, j]) for j in range(n)]
    columns.append(_wanted(network.input_rates, np.empty(0)))
    best = max((_assign(columns, start) for start in (n, *range(n))), key=lambda tried: len(tried.free))
    signs = best.signs()
    inverted = [j for j in range(n + 1) if j not in best.free]
    return Polarity(signs[:n], tuple(j for j in inverted if j < n), n in inverted)


def needs_inverse(coefficient: float, sink_sign: int, source_sign: int) -> bool:
    """Whether an inverting stage must take this coupling from the inverse of the source's stored voltage."""
    return coefficient * sink_sign * source_sign > 0


def _wanted(to_states: Array, to_outputs: Array) -> Signs:
    """For each sink the product of signs (sink times source) that needs no inverter; 0 where uncoupled.

    A source that feeds two outputs with opposite signs can't be free; that is marked by 2.
    """
    outputs = set(np.sign(to_outputs[to_outputs != 0]).astype(int).tolist())
    outside = 0 if not outputs else -outputs.pop() if len(outputs) == 1 else 2
    return np.append(-np.sign(to_states), outside).astype(np.int8)


def _assign(columns: list[Signs], start: int) -> _Assignment:
    assignment = _Assignment(len(columns))
    for source in (start, *(j for j in range(len(columns)) if j != start)):
        assignment.try_column(source, columns[source])
    return assignment


class _Assignment:
    """Signs known up to one common factor per group, merged as columns are freed."""

    def __init__(self, size: int) -> None:
        self.group = np.arange(size)
        self.sign = np.ones(size, dtype=np.int8)
        self.free: set[int] = set()

    def try_column(self, source: int, wanted: Signs) -> None:
        """Free `source` of its inverter if the signs fixed so far allow it."""
        sinks = np.flatnonzero(wanted)
        flips = wanted[sinks] * self.sign[source] * self.sign[sinks]
        groups = self.group[sinks]
        if np.any(np.abs(flips) > 1) or np.any(flips[groups == self.group[source]] < 0):
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
        """The signs, with the outside (the last entry) at +1."""
        result = self.sign.copy()
        outside = self.group == self.group[-1]
        result[outside] *= self.sign[-1]
        return result
