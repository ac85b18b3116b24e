"""What every technology has in common: how it makes a circuit of a network, and how signals stand on its nets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from lmu_hw.analog.circuit.devices import DeviceModel
from lmu_hw.analog.circuit.elements import Direction, Element, Instance
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.parts import PartValues
from lmu_hw.analog.realisation.network import INPUT, VoltageNetwork

SIDES = ("_p", "_n")
"""Endings of the two nets of a differential signal."""


@dataclass(frozen=True, eq=False)
class Assembly:
    """A circuit and the signs in which its nets carry the signals.

    Attributes:
        circuit: one instance per stage.
        signs: +1 or -1 per signal, in the network's order; -1 where the net carries the negative.
        inverters: stages that only make the negative of a signal.
    """

    circuit: Circuit
    signs: tuple[int, ...]
    inverters: int


class Technology(Protocol):
    """What the stages are made of."""

    style: ClassVar[str]
    differential: ClassVar[bool]
    discrete_resistors: ClassVar[bool]

    @property
    def device(self) -> DeviceModel:
        """Model of every amplifier."""

    @property
    def preferred_impedance(self) -> float:
        """Level of resistances that suits the devices where no limit says otherwise, ohm."""

    @property
    def load_amps(self) -> float | None:
        """Current that an amplifier's output can deliver, A; None where outputs drive capacitors alone."""

    @property
    def noise_factor(self) -> float:
        """Power of the noise of a coupling's parts, relative to 4 k T R of its resistance (or of 1/gm)."""

    def largest_signal(self, supply: float, share: float) -> float:
        """The largest signal, V, that supplies of +-`supply` and the devices allow; `share` of the limit is used."""

    def assemble(self, name: str, network: VoltageNetwork, values: PartValues) -> Assembly:
        """The circuit that carries out `network` with the given parts."""


def nets_of(signal: str, *, differential: bool) -> tuple[str, ...]:
    """The nets of a signal: one, or the positive and the negative one."""
    return tuple(signal + side for side in SIDES) if differential else (signal,)


def top_level(name: str, network: VoltageNetwork, *, differential: bool) -> Circuit:
    """An empty circuit with the memory's ports: the input, the states, the outputs."""
    circuit = Circuit(name)
    ports: list[tuple[str, Direction]] = [(INPUT, "in")]
    ports += [(signal, "out") for signal in (*network.signals[: network.states], *network.outputs)]
    for signal, direction in ports:
        for net in nets_of(signal, differential=differential):
            circuit.add_port(net, direction)
    return circuit


class StageBuilder:
    """A stage of a circuit: its elements become a subcircuit, which is instantiated once, by `place`."""

    def __init__(self, top: Circuit, kind: str, signal: str, sources: Sequence[str], outputs: Sequence[str]) -> None:
        """Begin the stage that gives out `signal` on the nets `outputs` and takes the nets `sources`."""
        self.top, self.kind, self.signal = top, kind, signal
        self.inner = Circuit(f"{top.name}_{kind}_{signal}")
        self.ports = [*dict.fromkeys(net for net in sources if net not in outputs), *outputs]
        for net in self.ports:
            self.inner.add_port(net, "out" if net in outputs else "in")

    def add(self, element: Element, /, **nets: str) -> None:
        """Add an element to the stage."""
        self.inner.add(element, **nets)

    def place(self) -> None:
        """Put the stage into the circuit, on the nets of its ports' names."""
        instance = Instance(f"X_{self.kind}_{self.signal}", self.inner)
        self.top.add(instance, **{net: net for net in self.ports})
