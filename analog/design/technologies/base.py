"""The common part of all technologies: how a network becomes a circuit, stage by stage, and which nets carry a signal.

A technology is one class. It says which signals and impedances suit its devices, and how a stage is built. The stages
of a network, their signs and their ports are determined here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.circuit.devices import AnyOpAmp, Cell, DeviceModel
from lmu_hw.analog.circuit.elements import Direction, Element, Instance
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
        signs: +1 or -1 for each source, shape (sources,): the output of a stage is sign * value. The input and the
            outputs of the network have +1.
        inverted: The sources whose negative is needed too, ascending; the last index is the input.
    """

    signs: Signs
    inverted: tuple[int, ...] = ()


@dataclass(frozen=True)
class Coupling:
    """A connection that leads into a stage.

    Attributes:
        source: The signal from which it comes.
        positive: Whether the stored voltage of the source raises that of the stage.
        ohms: The resistance of its part, or the inverse of its transconductance, ohm.
    """

    source: str
    positive: bool
    ohms: float


@dataclass(frozen=True)
class Stage:
    """A stage that a technology is to build.

    Attributes:
        kind: "integrator", "sum" or "inverter".
        signal: The signal at its output.
        couplings: The connections that lead into it.
        reference: The capacitance of an integrator, farad, or the feedback resistance of another stage, ohm.
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
    """

    style: ClassVar[str]
    differential: ClassVar[bool] = False
    discrete_resistors: ClassVar[bool] = True
    bandwidth: ClassVar[bool] = True
    load_amps: ClassVar[float | None] = None

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

    def assemble(self, name: str, network: VoltageNetwork, values: PartValues) -> Assembly:
        """Return the circuit of `network` with the given parts; its ports are those of `top_level`.

        Raises:
            DesignError: The name is not an identifier.
        """
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


def nets_of(signal: str, *, differential: bool) -> tuple[str, ...]:
    """Return the nets that carry a signal: one, or the positive and the negative one."""
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
        """Begin a stage with its inputs on the nets `sources` and its output on the nets `outputs`."""
        self._top, self._name = top, f"{stage.kind}_{stage.signal}"
        self._inner = Circuit(f"{top.name}_{self._name}")
        self._ports = [*dict.fromkeys(net for net in sources if net not in outputs), *outputs]
        for net in self._ports:
            self._inner.add_port(net, "out" if net in outputs else "in")

    def add(self, element: Element, /, **nets: str) -> None:
        """Add an element to the stage."""
        self._inner.add(element, **nets)

    def place(self) -> None:
        """Add the stage to the circuit; each of its ports is connected to the net of the same name."""
        self._top.add(Instance(f"X_{self._name}", self._inner), **{net: net for net in self._ports})
