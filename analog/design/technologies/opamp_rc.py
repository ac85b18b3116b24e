"""Single-ended op-amp RC: inverting integrators, summing amplifiers, and inverters that several stages share.

Stage X_integrator_x<i> has the op-amp X_amp_x<i>, the capacitor C_x<i> and one resistor R_x<i>_<source> per coupling,
all on its virtual ground; a sum has the feedback resistor R_fb_<sum> in place of the capacitor. Where a stage needs
the inverse of a signal, one inverter, on the net <signal>_neg, serves all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.circuit.devices import OpAmpModel, RealOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, OpAmp, Resistor
from lmu_hw.analog.circuit.graph import GROUND, Circuit
from lmu_hw.analog.design.parts import PartValues
from lmu_hw.analog.design.technologies.base import Assembly, StageBuilder, top_level
from lmu_hw.analog.realisation.network import VoltageNetwork

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


VIRTUAL_GROUND = "virtual"


@dataclass(frozen=True)
class OpAmpRC:
    """Op-amps with resistors and capacitors, every signal on one net against ground.

    Attributes:
        opamp: model of every op-amp.
    """

    opamp: OpAmpModel

    style: ClassVar[str] = "opamp-rc"
    differential: ClassVar[bool] = False
    discrete_resistors: ClassVar[bool] = True
    preferred_impedance: ClassVar[float] = 1e5
    load_amps: ClassVar[float] = 2e-3
    noise_factor: ClassVar[float] = 1.0

    @property
    def device(self) -> OpAmpModel:
        """Model of every amplifier."""
        return self.opamp

    def largest_signal(self, supply: float, share: float) -> float:
        """An output reaches `share` of the supply, V.

        Raises:
            DesignError: the op-amps' rails don't hold that.
        """
        limit = share * supply
        if isinstance(self.opamp, RealOpAmp):
            self.opamp.check_swing(limit)
        return limit

    def assemble(self, name: str, network: VoltageNetwork, values: PartValues) -> Assembly:
        """The circuit, with the ports u, x0 ..., y0 ...."""
        circuit = top_level(name, network, differential=False)
        polarity = choose_polarity(network)
        signs = polarity.signs.tolist()
        for i, signal in enumerate(network.signals):
            couplings = []
            for j in np.flatnonzero(network.couplings[i]).tolist():
                source = network.sources[j]
                inverse = needs_inverse(network.couplings[i, j], signs[i], signs[j])
                net = f"{source}_neg" if inverse else source
                couplings.append((source, net, float(values.resistances[i, j])))
            kind = "integrator" if i < network.states else "sum"
            self._stage(circuit, signal, couplings, float(values.references[i]), kind)
        for j in polarity.inverted:
            source = network.sources[j]
            couplings = [(source, source, values.inverter)]
            self._stage(circuit, f"{source}_neg", couplings, values.inverter, "inverter")
        return Assembly(circuit, tuple(signs[:-1]), polarity.inverters)

    def _stage(
        self,
        circuit: Circuit,
        signal: str,
        couplings: list[tuple[str, str, float]],
        reference: float,
        kind: str,
    ) -> None:
        stage = StageBuilder(circuit, kind, signal, [net for _, net, _ in couplings], [signal])
        for source, net, ohms in couplings:
            stage.add(Resistor(f"R_{signal}_{source}", ohms), p=net, n=VIRTUAL_GROUND)
        integrates = kind == "integrator"
        feedback = Capacitor(f"C_{signal}", reference) if integrates else Resistor(f"R_fb_{signal}", reference)
        stage.add(feedback, p=VIRTUAL_GROUND, n=signal)
        stage.add(OpAmp(f"X_amp_{signal}", self.opamp), inp=GROUND, inn=VIRTUAL_GROUND, out=signal)
        stage.place()
