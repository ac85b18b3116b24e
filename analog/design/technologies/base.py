"""The common part of all technologies: how a network becomes a circuit, stage by stage, and which nets carry a signal.

A technology is one class. It says which signals and impedances suit its devices, and how a stage is built. The stages
of a network, their signs and their ports are determined here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.circuit.devices import SUPPLIES, AnyOpAmp, Cell, DeviceModel
from lmu_hw.analog.circuit.elements import Direction, Element, Instance
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.design.parts import PartRange, PartValues
from lmu_hw.analog.realisation.network import INPUT

SIDES = ("_p", "_n")
"""Endings of the two nets of a differential signal."""

Signs = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Polarity:
    """The signs in which a circuit stores its signals, and the inverters that they leave necessary.

    Attributes:
        signs: +1 or -1 for each source, shape (sources,): the output of a stage is sign * value. The input and the
            outputs of the network have +1.
        inverted: The sources whose negative is needed too, ascending; the last index is the input.
    """

    signs: Signs
    inverted: tuple[int, ...] = ()


@dataclass(frozen=True)
class Tee:
    """A T network of three resistors, which acts between two held nets as one resistor that is too large to buy.

    Attributes:
        series: The resistor from the source to the middle, and that from the middle to the sink, ohm.
        shunt: The resistor from the middle to ground, ohm.
    """

    series: tuple[float, float]
    shunt: float

    @property
    def ohms(self) -> float:
        """The resistance as which it acts, ohm: the voltage at one end per short-circuit current at the other."""
        first, second = self.series
        return first + second + first * second / self.shunt


@dataclass(frozen=True)
class Additions:
    """The parts of stages beside their couplings and references, which real amplifiers and real parts make necessary.

    Attributes:
        capacitors: The compensation capacitance across the feedback resistor of a stage, F, by the stage's signal.
        leads: The resistance in series with the capacitor of an integrator, ohm, by its signal. With it the integrator
            leads by the time R C, which makes up for the lag of amplifiers.
        tees: The T networks that take the place of large resistors, by the stage's signal and the source.
    """

    capacitors: Mapping[str, float] = field(default_factory=dict)
    leads: Mapping[str, float] = field(default_factory=dict)
    tees: Mapping[tuple[str, str], Tee] = field(default_factory=dict)


NO_ADDITIONS = Additions()


@dataclass(frozen=True)
class Coupling:
    """A connection that leads into a stage.

    Attributes:
        source: The signal from which it comes.
        positive: Whether the stored voltage of the source raises that of the stage.
        ohms: The resistance of its part, or the inverse of its transconductance, ohm.
        tee: The T network that acts as this resistance; None where one part does.
    """

    source: str
    positive: bool
    ohms: float
    tee: Tee | None = None


@dataclass(frozen=True)
class Stage:
    """A stage that a technology is to build.

    Attributes:
        kind: "integrator", "sum" or "inverter".
        signal: The signal at its output.
        couplings: The connections that lead into it.
        reference: The capacitance of an integrator, farad, or the feedback resistance of another stage, ohm.
        compensation: The capacitance across the feedback resistor, F; 0 where there is none.
        lead: The resistance in series with an integrator's capacitor, ohm; 0 where there is none.
    """

    kind: str
    signal: str
    couplings: Sequence[Coupling]
    reference: float
    compensation: float = 0.0
    lead: float = 0.0

    @property
    def integrates(self) -> bool:
        """Whether the stage is an integrator."""
        return self.kind == "integrator"


@dataclass(frozen=True, eq=False)
class Assembly:
    """A circuit and the signs in which its nets carry the signals.

    Attributes:
        circuit: The circuit, with one instance per stage.
        signs: +1 or -1 per signal, in the network's order; -1 where the net carries the negative.
        inverters: The number of stages that only invert.
    """

    circuit: Circuit
    signs: tuple[int, ...]
    inverters: int


class Technology(ABC):
    """The devices of which stages are made, with their limits.

    Attributes:
        style: The name of the technology.
        differential: Whether every signal is the difference of two nets.
        discrete_resistors: Whether couplings are resistors, which can have standard values.
        bandwidth: Whether a gain-bandwidth product limits the amplifiers.
        load_amps: The current that the output of an amplifier can deliver, A; None where outputs drive capacitors only.
        sum_amps: The current that it can deliver beyond that into the resistors of sums and inverters, A.
        resistor_range: The resistances that a design may use by default, ohm.
        capacitor_range: The capacitances that a design may use by default, farad.
        has_tees: Whether a T network can take the place of a resistor that is too large.
    """

    style: ClassVar[str]
    differential: ClassVar[bool] = False
    discrete_resistors: ClassVar[bool] = True
    bandwidth: ClassVar[bool] = True
    load_amps: ClassVar[float | None] = None
    sum_amps: ClassVar[float] = 0.0
    resistor_range: ClassVar[PartRange] = PartRange(1e2, 1e8)
    capacitor_range: ClassVar[PartRange] = PartRange(1e-12, 1e-3)
    has_tees: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def with_models(cls, opamp: AnyOpAmp, ota: Cell) -> Technology:
        """Return the technology with the one of the given models that it uses.

        Raises:
            DesignError: It cannot use a model of this kind.
        """

    @property
    @abstractmethod
    def device(self) -> DeviceModel:
        """The model of every amplifier."""

    @property
    @abstractmethod
    def preferred_impedance(self) -> float:
        """The impedance level that suits the devices if no limit demands another, ohm."""

    @property
    def sum_impedance(self) -> float:
        """The largest resistance of sums and inverters that suits the devices, ohm; infinite where any does."""
        return math.inf

    @property
    @abstractmethod
    def noise_factor(self) -> float:
        """The noise power of the parts of a coupling, relative to 4 k T R of its resistance (or of 1/gm)."""

    @abstractmethod
    def largest_signal(self, supply: float, share: float) -> float:
        """Return the largest signal, V.

        Args:
            supply: The supplies lie at plus and minus this voltage, V.
            share: The share of the supply that an output may use, above 0 and at most 1.

        Raises:
            DesignError: The devices do not reach it.
        """

    @abstractmethod
    def weakened(self, gain: float, gbw: float) -> Technology:
        """Return the technology with amplifiers that are ideal except for a gain and, if it matters, a bandwidth.

        Args:
            gain: The gain at direct current, V/V; of a transconductor, its gm over its output conductance.
            gbw: The gain-bandwidth product of an op-amp, Hz.
        """

    @abstractmethod
    def build(self, circuit: Circuit, stage: Stage) -> None:
        """Add a stage to the circuit; see `StageBuilder`."""

    def polarity(self, network: VoltageNetwork) -> Polarity:
        """Return the signs in which signals are stored: all positive, where a negative coupling costs nothing."""
        return Polarity(np.ones(len(network.sources), dtype=np.int8))

    def assemble(
        self, name: str, network: VoltageNetwork, values: PartValues, additions: Additions = NO_ADDITIONS
    ) -> Assembly:
        """Return the circuit of `network` with the given parts; its ports are those of `top_level`.

        Args:
            name: The name of the circuit.
            network: The scaled system.
            values: The parts of couplings and references.
            additions: The parts beside them.

        Raises:
            DesignError: The name is not an identifier.
        """
        supplies = SUPPLIES if self.device.powered else ()
        circuit = top_level(name, network, differential=self.differential, supplies=supplies)
        polarity = self.polarity(network)
        signs = polarity.signs.tolist()
        for i, signal in enumerate(network.signals):
            couplings = [
                Coupling(
                    source=network.sources[j],
                    positive=bool(network.couplings[i, j] * signs[i] * signs[j] > 0),
                    ohms=float(values.resistances[i, j]),
                    tee=additions.tees.get((signal, network.sources[j])),
                )
                for j in np.flatnonzero(network.couplings[i]).tolist()
            ]
            kind = "integrator" if i < network.states else "sum"
            self.build(circuit, _stage(kind, signal, couplings, float(values.references[i]), additions))
        for j in polarity.inverted:
            source = network.sources[j]
            coupling = Coupling(source, positive=False, ohms=values.inverter)
            self.build(circuit, _stage("inverter", f"{source}_neg", [coupling], values.inverter, additions))
        return Assembly(circuit, tuple(signs[:-1]), len(polarity.inverted))


def _stage(kind: str, signal: str, couplings: Sequence[Coupling], reference: float, additions: Additions) -> Stage:
    compensation, lead = additions.capacitors.get(signal, 0.0), additions.leads.get(signal, 0.0)
    return Stage(kind, signal, couplings, reference, compensation, lead)


def nets_of(signal: str, *, differential: bool) -> tuple[str, ...]:
    """Return the nets that carry a signal: one, or the positive and the negative one."""
    return tuple(signal + side for side in SIDES) if differential else (signal,)


def top_level(name: str, network: VoltageNetwork, *, differential: bool, supplies: Sequence[str] = ()) -> Circuit:
    """Return an empty circuit with the memory's ports: input u, states x0 ..., outputs y0 ..., and the supplies.

    A differential signal has two ports, x0_p and x0_n.
    """
    circuit = Circuit(name)
    ports: list[tuple[str, Direction]] = [(INPUT, "in")]
    ports += [(signal, "out") for signal in (*network.signals[: network.states], *network.outputs)]
    for signal, direction in ports:
        for net in nets_of(signal, differential=differential):
            circuit.add_port(net, direction)
    for net in supplies:
        circuit.add_port(net, "supply")
    return circuit


class StageBuilder:
    """A stage under construction: its elements become a subcircuit, which is instantiated once, by `place`."""

    def __init__(self, top: Circuit, stage: Stage, sources: Sequence[str], outputs: Sequence[str]) -> None:
        """Begin a stage with its inputs on the nets `sources` and its output on the nets `outputs`."""
        self._top, self._name = top, f"{stage.kind}_{stage.signal}"
        self._inner = Circuit(f"{top.name}_{self._name}")
        self._ports = [*dict.fromkeys(net for net in sources if net not in outputs), *outputs]
        for net in self._ports:
            self._inner.add_port(net, "out" if net in outputs else "in")

    def add_supplies(self, model: DeviceModel) -> dict[str, str]:
        """Lead the supplies into the stage if `model` has pins for them, and return their nets by these pins."""
        if not model.powered:
            return {}
        for net in SUPPLIES:
            self._inner.add_port(net, "supply")
        self._ports += SUPPLIES
        return {net: net for net in SUPPLIES}

    def add(self, element: Element, /, **nets: str) -> None:
        """Add an element to the stage."""
        self._inner.add(element, **nets)

    def place(self) -> None:
        """Add the stage to the circuit; each of its ports is connected to the net of the same name."""
        self._top.add(Instance(f"X_{self._name}", self._inner), **{net: net for net in self._ports})
