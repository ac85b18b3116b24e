"""Op-amp RC, single-ended and fully differential: op-amps, resistors and capacitors.

The single-ended stages invert, so the signs in which signals are stored decide how many inverters a circuit needs;
`choose_polarity` chooses them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmu_hw.analog.circuit.devices import (
    AnyOpAmp,
    Cell,
    DeviceModel,
    DifferentialOpAmpModel,
    IdealOta,
    OpAmpModel,
    SinglePoleOpAmp,
    describe,
)
from lmu_hw.analog.circuit.elements import GROUND, Capacitor, DifferentialOpAmp, OpAmp, Resistor
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.design.parts import PartRange
from lmu_hw.analog.design.technologies.base import (
    SIDES,
    Coupling,
    Polarity,
    Signs,
    Stage,
    StageBuilder,
    Technology,
    nets_of,
)
from lmu_hw.errors import DesignError

_STARTS = 64  # columns tried as the first one freed; the search is quadratic in the number of signals
_VIRTUAL_GROUND = "virtual"
_VIRTUAL = {"_p": "virtual_n", "_n": "virtual_p"}  # side p feeds back from the positive output to the inverting input
_OTHER = {"_p": "_n", "_n": "_p"}


@dataclass(frozen=True)
class OpAmpTechnology(Technology):
    """The common part of the technologies of op-amps, resistors and capacitors.

    Attributes:
        opamp: The model of every op-amp.
    """

    opamp: AnyOpAmp

    preferred_impedance: ClassVar[float] = 1e5
    load_amps: ClassVar[float] = 2e-3
    sum_amps: ClassVar[float] = 3e-3
    resistor_range: ClassVar[PartRange] = PartRange(1e2, 1e6)
    capacitor_range: ClassVar[PartRange] = PartRange(1e-11, 1e-5)
    has_tees: ClassVar[bool] = True
    noise_factor: ClassVar[float] = 1.0

    @property
    def device(self) -> DeviceModel:
        """The model of every op-amp."""
        return self.opamp

    @property
    def sum_impedance(self) -> float:
        """The resistance with which the input capacitance makes a pole at the gain-bandwidth product, ohm.

        With larger ones, sums need compensation capacitors that make them lag more than the op-amp does.
        """
        small = self.opamp.small_signal()
        if small.input_capacitance == 0.0 or math.isinf(small.gbw):
            return math.inf
        return 1.0 / (2.0 * math.pi * small.gbw * small.input_capacitance)

    def largest_signal(self, supply: float, share: float) -> float:
        """Return the largest signal, V, if each output of an op-amp reaches `share` of the supply.

        Raises:
            DesignError: That is beyond the op-amps' rails.
        """
        self.opamp.check_swing(share * supply, supply)
        return (2.0 if self.differential else 1.0) * share * supply

    def weakened(self, gain: float, gbw: float) -> Technology:
        """Return the technology with op-amps of one pole."""
        return type(self).with_models(SinglePoleOpAmp(gain=gain, gbw=gbw), IdealOta())

    @staticmethod
    def couple(builder: StageBuilder, stage: Stage, coupling: Coupling, net: str, node: str, side: str = "") -> None:
        """Add the resistor of a coupling from `net` to the virtual ground `node`, or the T network in its place."""
        name = f"R_{stage.signal}_{coupling.source}{side}"
        if coupling.tee is None:
            builder.add(Resistor(name, coupling.ohms), p=net, n=node)
            return
        middle, (first, second) = f"tee_{coupling.source}{side}", coupling.tee.series
        builder.add(Resistor(f"{name}_a", first), p=net, n=middle)
        builder.add(Resistor(f"{name}_b", second), p=middle, n=node)
        builder.add(Resistor(f"{name}_c", coupling.tee.shunt), p=middle, n=GROUND)

    @staticmethod
    def feed_back(builder: StageBuilder, stage: Stage, node: str, output: str, side: str = "") -> None:
        """Add the parts around the op-amp of a stage, from its virtual ground `node` to its output.

        They are the capacitor of an integrator, with its lead resistor if it has one, or the feedback resistor with its
        compensation capacitor.
        """
        signal = stage.signal
        if not stage.integrates:
            builder.add(Resistor(f"R_fb_{signal}{side}", stage.reference), p=node, n=output)
            if stage.compensation:
                builder.add(Capacitor(f"C_fb_{signal}{side}", stage.compensation), p=node, n=output)
            return
        end = f"lead{side}" if stage.lead else output
        builder.add(Capacitor(f"C_{signal}{side}", stage.reference), p=node, n=end)
        if stage.lead:
            builder.add(Resistor(f"R_lead_{signal}{side}", stage.lead), p=end, n=output)


@dataclass(frozen=True)
class OpAmpRC(OpAmpTechnology):
    """Single-ended op-amp RC: inverting integrators, summing amplifiers, and inverters that several stages share.

    Stage X_integrator_x<i> has the op-amp X_amp_x<i>, the capacitor C_x<i> and one resistor R_x<i>_<source> per
    coupling, all on its virtual ground; a sum has the feedback resistor R_fb_<sum> in place of the capacitor. Where
    they are needed, C_fb_<sum> lies across that resistor, R_lead_x<i> in series with the capacitor, and the T network
    R_x<i>_<source>_a, _b, _c in place of a large resistor. Where stages need the inverse of a signal, one inverter, on
    the net <signal>_neg, serves all of them.
    """

    opamp: OpAmpModel

    style: ClassVar[str] = "opamp-rc"

    @classmethod
    def with_models(cls, opamp: AnyOpAmp, ota: Cell) -> OpAmpRC:
        """Return the technology with the given op-amp.

        Raises:
            DesignError: The op-amp is differential.
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
            self.couple(builder, stage, coupling, net, _VIRTUAL_GROUND)
        self.feed_back(builder, stage, _VIRTUAL_GROUND, signal)
        supplies = builder.add_supplies(self.opamp)
        amplifier = OpAmp(f"X_amp_{signal}", self.opamp)
        builder.add(amplifier, inp=GROUND, inn=_VIRTUAL_GROUND, out=signal, **supplies)
        builder.place()


@dataclass(frozen=True)
class OpAmpRCDifferential(OpAmpTechnology):
    """Fully differential op-amp RC: every signal is the difference of two nets, and crossing them inverts it.

    No inverters are needed. Stage X_integrator_x<i> has the balanced op-amp X_amp_x<i>, the capacitors C_x<i>_p and
    C_x<i>_n, and the pair R_x<i>_<source>_p, R_x<i>_<source>_n per coupling; a sum has the pair R_fb_<sum>_p, _n in
    place of the capacitors. The part on side p leads to the positive output, on side n to the negative one. The
    op-amp's own common-mode feedback, which its model takes as ideal, keeps its outputs balanced about ground.
    """

    opamp: DifferentialOpAmpModel

    style: ClassVar[str] = "opamp-rc-differential"
    differential: ClassVar[bool] = True
    noise_factor: ClassVar[float] = 2.0  # the two sides' noise adds up

    @classmethod
    def with_models(cls, opamp: AnyOpAmp, ota: Cell) -> OpAmpRCDifferential:
        """Return the technology with the differential counterpart of the given op-amp."""
        return cls(opamp.differential())

    def build(self, circuit: Circuit, stage: Stage) -> None:
        """Add a stage to the circuit. It inverts, so a positive coupling crosses the two sides of its source."""
        signal, outputs = stage.signal, nets_of(stage.signal, differential=True)
        nets = [net for coupling in stage.couplings for net in nets_of(coupling.source, differential=True)]
        builder = StageBuilder(circuit, stage, nets, outputs)
        for coupling in stage.couplings:
            for side in SIDES:
                net = coupling.source + (_OTHER[side] if coupling.positive else side)
                self.couple(builder, stage, coupling, net, _VIRTUAL[side], side)
        for side in SIDES:
            self.feed_back(builder, stage, _VIRTUAL[side], signal + side, side)
        supplies = builder.add_supplies(self.opamp)
        amplifier = DifferentialOpAmp(f"X_amp_{signal}", self.opamp)
        builder.add(amplifier, inp="virtual_p", inn="virtual_n", outp=outputs[0], outn=outputs[1], **supplies)
        builder.place()


def choose_polarity(network: VoltageNetwork) -> Polarity:
    """Choose the signs in which a network of inverting stages stores its signals, so that few inverters are needed.

    A summing stage with one op-amp inverts, so a coupling needs its source in the polarity that makes the coefficient
    negative. To store a signal with reversed sign changes the sign of its whole row and column. The column of a source
    needs no inverter if every stage that the source leads to takes it as it is stored. Inputs and outputs keep their
    signs.

    Each column in turn is tried as the first one without an inverter; then follows every other column that agrees with
    the signs fixed so far. In a network whose columns are all full, as in the dense realisation, one free column fixes
    all signs, so the number of inverters is the least possible; with sparse columns it is small, but not proved least.
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
    """Signs that are known up to one common factor per group; groups are merged as columns become free of inverters."""

    def __init__(self, size: int, fixed: list[int]) -> None:
        self.group = np.arange(size)
        self.group[fixed] = size - 1  # the outputs' signs are the input's
        self.sign = np.ones(size, dtype=np.int8)
        self.free: set[int] = set()

    def try_column(self, source: int, wanted: Signs) -> None:
        """Spare the inverter of `source` if the signs fixed so far allow it."""
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
