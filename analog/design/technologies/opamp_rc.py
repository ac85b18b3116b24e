"""Single-ended op-amp RC: inverting integrators, summing amplifiers, and inverters that several stages share.

Stage X_integrator_x<i> has the op-amp X_amp_x<i>, the capacitor C_x<i> and one resistor R_x<i>_<source> per coupling,
all on its virtual ground; a sum has the feedback resistor R_fb_<sum> in place of the capacitor. Where a stage needs
the inverse of a signal, one inverter, on the net <signal>_neg, serves all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmu_hw.analog.circuit.devices import AnyOpAmp, Cell, OpAmpModel, describe
from lmu_hw.analog.circuit.elements import GROUND, OpAmp, Resistor
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.design.technologies.base import OpAmpTechnology, Polarity, Signs, Stage, StageBuilder
from lmu_hw.errors import DesignError

_STARTS = 64  # columns tried as the first one freed; the search is quadratic in the number of signals
_VIRTUAL_GROUND = "virtual"


@dataclass(frozen=True)
class OpAmpRC(OpAmpTechnology):
    """Op-amps with resistors and capacitors, every signal on one net against ground."""

    opamp: OpAmpModel

    style: ClassVar[str] = "opamp-rc"

    @classmethod
    def with_models(cls, opamp: AnyOpAmp, ota: Cell) -> OpAmpRC:
        """Return the technology with the given op-amp.

        Raises:
            DesignError: the op-amp is differential.
        """
        if not isinstance(opamp, OpAmpModel):
            raise DesignError(f"the op-amp of style {cls.style}", "single-ended", describe(opamp))
        return cls(opamp)

    def polarity(self, network: VoltageNetwork) -> Polarity:
        """Choose the signs that need few inverters."""
        return choose_polarity(network)

    def build(self, circuit: Circuit, stage: Stage) -> None:
        """Add a stage to the circuit. It inverts, so a positive coupling takes the inverse of its source."""
        signal = stage.signal
        nets = [f"{coupling.source}_neg" if coupling.positive else coupling.source for coupling in stage.couplings]
        builder = StageBuilder(circuit, stage, nets, [signal])
        for coupling, net in zip(stage.couplings, nets, strict=True):
            builder.add(Resistor(f"R_{signal}_{coupling.source}", coupling.ohms), p=net, n=_VIRTUAL_GROUND)
        builder.add(self.feedback(stage), p=_VIRTUAL_GROUND, n=signal)
        builder.add(OpAmp(f"X_amp_{signal}", self.opamp), inp=GROUND, inn=_VIRTUAL_GROUND, out=signal)
        builder.place()


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
        """Return the signs, with the input (the last entry) at +1."""
        result = self.sign.copy()
        outside = self.group == self.group[-1]
        result[outside] *= self.sign[-1]
        return result
