"""What every technology has in common: how it makes a circuit of a network, stage by stage.

A technology is one class. It says which signals and impedances suit its devices, and how it builds a stage; the stages
of a network, their signs and their ports are found here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.circuit.devices import AnyOpAmp, Cell, DeviceModel, IdealOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, Direction, Element, Instance, Resistor
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.design.parts import PartValues
from lmu_hw.analog.realisation.network import INPUT

SIDES = ("_p", "_n")
"""Endings of the two nets of a differential signal."""

Signs = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Polarity:
    """The signs in which a circuit stores its signals, and the inverters that they leave necessary.

    Attributes:
        signs: one per source, +1 or -1: the stage of a signal gives out sign * value. Inputs and outputs have +1.
        inverted: the sources whose negative is needed too, ascending; the last index is the input.
    """

    signs: Signs
    inverted: tuple[int, ...] = ()


@dataclass(frozen=True)
class Coupling:
    """A connection that leads into a stage.

    Attributes:
        source: the signal that it comes from.
        positive: whether the stored voltage of the source raises that of the stage.
        ohms: the resistance, or the inverse transconductance, of its part.
    """

    source: str
    positive: bool
    ohms: float


@dataclass(frozen=True)
class Stage:
    """What a technology is to build.

    Attributes:
        kind: "integrator", "sum" or "inverter".
        signal: what the stage gives out.
        couplings: what leads into it.
        reference: capacitance of an integrator in farad, feedback resistance of the others in ohm.
    """

    kind: str
    signal: str
    couplings: Sequence[Coupling]
    reference: float

    @property
    def integrates(self) -> bool:
        """Whether the stage is an integrator."""
        return self.kind == "integrator"


@dataclass(frozen=True, eq=False)
class Assembly:
    """A circuit and the signs in which its nets carry the signals.

    Attributes:
        circuit: one instance per stage.
        signs: +1 or -1 per signal, in the network's order; -1 where the net carries the negative.
        inverters: how many stages only make the negative of a signal.
    """

    circuit: Circuit
    signs: tuple[int, ...]
    inverters: int


class Technology(ABC):
    """What the stages are made of.

    Attributes:
        style: the name of the technology.
        differential: whether every signal is the difference of two nets.
        discrete_resistors: whether couplings are resistors, which can have standard values.
        bandwidth: whether a gain-bandwidth product limits the amplifiers.
        load_amps: the current that an amplifier's output can deliver, A; None where outputs drive capacitors alone.
    """

    style: ClassVar[str]
    differential: ClassVar[bool] = False
    discrete_resistors: ClassVar[bool] = True
    bandwidth: ClassVar[bool] = True
    load_amps: ClassVar[float | None] = None

    @classmethod
    @abstractmethod
    def with_models(cls, opamp: AnyOpAmp, ota: Cell) -> Technology:
        """Return the technology with those of the given models that it uses.

        Raises:
            DesignError: it has no use for a model of this kind.
        """

    @property
    @abstractmethod
    def device(self) -> DeviceModel:
        """The model of every amplifier."""

    @property
    @abstractmethod
    def preferred_impedance(self) -> float:
        """The level of resistances that suits the devices where no limit says otherwise, ohm."""

    @property
    @abstractmethod
    def noise_factor(self) -> float:
        """The noise power of a coupling's parts, relative to 4 k T R of its resistance (or of 1/gm)."""

    @abstractmethod
    def largest_signal(self, supply: float, share: float) -> float:
        """Return the largest signal, V, with supplies of ±`supply`, of whose limit a `share` is used.

        Raises:
            DesignError: the devices don't reach it.
        """

    @abstractmethod
    def weakened(self, gain: float, gbw: float) -> Technology:
        """Return the technology with amplifiers that are ideal but for a gain and, where it matters, a bandwidth."""

    @abstractmethod
    def build(self, circuit: Circuit, stage: Stage) -> None:
        """Add a stage to the circuit; see `StageBuilder`."""

    def polarity(self, network: VoltageNetwork) -> Polarity:
        """Choose the signs in which signals are stored; they are kept as they are where signs cost nothing."""
        return Polarity(np.ones(len(network.sources), dtype=np.int8))

    def assemble(self, name: str, network: VoltageNetwork, values: PartValues) -> Assembly:
        """Make the circuit that carries out `network` with the given parts; see `top_level` for its ports."""
        circuit, polarity = top_level(name, network, differential=self.differential), self.polarity(network)
        signs = polarity.signs.tolist()
        for i, signal in enumerate(network.signals):
            couplings = [
                Coupling(
                    source=network.sources[j],
                    positive=bool(network.couplings[i, j] * signs[i] * signs[j] > 0),
                    ohms=float(values.resistances[i, j]),
                )
                for j in np.flatnonzero(network.couplings[i]).tolist()
            ]
            kind = "integrator" if i < network.states else "sum"
            self.build(circuit, Stage(kind, signal, couplings, float(values.references[i])))
        for j in polarity.inverted:
            source = network.sources[j]
            coupling = Coupling(source, positive=False, ohms=values.inverter)
            self.build(circuit, Stage("inverter", f"{source}_neg", [coupling], values.inverter))
        return Assembly(circuit, tuple(signs[:-1]), len(polarity.inverted))


@dataclass(frozen=True)
class OpAmpTechnology(Technology):
    """What the technologies of op-amps, resistors and capacitors have in common.

    Attributes:
        opamp: the model of every op-amp.
    """

    opamp: AnyOpAmp

    preferred_impedance: ClassVar[float] = 1e5
    load_amps: ClassVar[float] = 2e-3
    noise_factor: ClassVar[float] = 1.0

    @property
    def device(self) -> DeviceModel:
        """The model of every op-amp."""
        return self.opamp

    def largest_signal(self, supply: float, share: float) -> float:
        """Return what the outputs of an op-amp reach at a `share` of the supply, V; a signal may have two of them.

        Raises:
            DesignError: the op-amps' rails don't hold that.
        """
        self.opamp.check_swing(share * supply)
        return (2.0 if self.differential else 1.0) * share * supply

    def weakened(self, gain: float, gbw: float) -> Technology:
        """Return the technology with op-amps of one pole."""
        return type(self).with_models(SinglePoleOpAmp(gain=gain, gbw=gbw), IdealOta())

    @staticmethod
    def feedback(stage: Stage, side: str = "") -> Capacitor | Resistor:
        """Return the part around an op-amp: the capacitor of an integrator, the feedback resistor of another stage."""
        if stage.integrates:
            return Capacitor(f"C_{stage.signal}{side}", stage.reference)
        return Resistor(f"R_fb_{stage.signal}{side}", stage.reference)


def nets_of(signal: str, *, differential: bool) -> tuple[str, ...]:
    """Return the nets of a signal: one, or the positive and the negative one."""
    return tuple(signal + side for side in SIDES) if differential else (signal,)


def top_level(name: str, network: VoltageNetwork, *, differential: bool) -> Circuit:
    """Return an empty circuit with the memory's ports: the input u, the states x0 ..., the outputs y0 ....

    A differential signal has two ports, x0_p and x0_n.
    """
    circuit = Circuit(name)
    ports: list[tuple[str, Direction]] = [(INPUT, "in")]
    ports += [(signal, "out") for signal in (*network.signals[: network.states], *network.outputs)]
    for signal, direction in ports:
        for net in nets_of(signal, differential=differential):
            circuit.add_port(net, direction)
    return circuit


class StageBuilder:
    """A stage under construction: its elements become a subcircuit, which is instantiated once, by `place`."""

    def __init__(self, top: Circuit, stage: Stage, sources: Sequence[str], outputs: Sequence[str]) -> None:
        """Begin a stage that takes the nets `sources` and gives out its signal on the nets `outputs`."""
        self._top, self._name = top, f"{stage.kind}_{stage.signal}"
        self._inner = Circuit(f"{top.name}_{self._name}")
        self._ports = [*dict.fromkeys(net for net in sources if net not in outputs), *outputs]
        for net in self._ports:
            self._inner.add_port(net, "out" if net in outputs else "in")

    def add(self, element: Element, /, **nets: str) -> None:
        """Add an element to the stage."""
        self._inner.add(element, **nets)

    def place(self) -> None:
        """Put the stage into the circuit, on the nets of its ports' names."""
        self._top.add(Instance(f"X_{self._name}", self._inner), **{net: net for net in self._ports})
