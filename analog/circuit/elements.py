"""Typed circuit elements with named pins.

Ideal parts (R, C, sources) carry their value; a device (an op-amp, a transconductor) carries a model, and what that
model is made of stays in its library. An element knows nothing of the nets that it is connected to: that is
the circuit's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from lmu_hw.analog.circuit.devices import DeviceModel, DifferentialOpAmpModel, OpAmpModel, OtaModel
from lmu_hw.errors import DesignError
from lmu_hw.io.files import check_identifier

if TYPE_CHECKING:
    from lmu_hw.analog.circuit.graph import Circuit

Direction = Literal["in", "out"]


@dataclass(frozen=True)
class Element:
    """Anything that has a name and pins.

    Raises:
        DesignError: the name is not an identifier, or does not begin with the kind's SPICE letter.
    """

    name: str

    letter: ClassVar[str] = ""
    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_identifier(self.name, f"{self.kind} name")
        if not self.name.upper().startswith(self.letter):
            raise DesignError(f"{self.kind} name", f"one that begins with {self.letter}", self.name)

    @property
    def pins(self) -> tuple[str, ...]:
        """Pin names in SPICE order."""
        return ("p", "n")

    @property
    def quantities(self) -> dict[str, float]:
        """The values that must be positive and finite, by name with unit."""
        return {}


@dataclass(frozen=True)
class Resistor(Element):
    """A linear resistor; `ohms` > 0."""

    ohms: float

    letter: ClassVar[str] = "R"
    kind: ClassVar[str] = "resistor"

    @property
    def quantities(self) -> dict[str, float]:
        return {"resistance in ohm": self.ohms}


@dataclass(frozen=True)
class Capacitor(Element):
    """A linear capacitor; `farads` > 0."""

    farads: float

    letter: ClassVar[str] = "C"
    kind: ClassVar[str] = "capacitor"

    @property
    def quantities(self) -> dict[str, float]:
        return {"capacitance in farad": self.farads}


@dataclass(frozen=True)
class Device(Element):
    """A physical part: its model says what it is made of, and which pins it has."""

    model: DeviceModel

    @property
    def pins(self) -> tuple[str, ...]:
        return self.model.pins


@dataclass(frozen=True)
class OpAmp(Device):
    """A single-ended op-amp with the pins ``inp``, ``inn``, ``out`` and a model."""

    model: OpAmpModel

    letter: ClassVar[str] = "X"
    kind: ClassVar[str] = "op-amp"


@dataclass(frozen=True)
class DifferentialOpAmp(Device):
    """A fully differential op-amp with the pins ``inp``, ``inn``, ``outp``, ``outn``, balanced about ground."""

    model: DifferentialOpAmpModel

    letter: ClassVar[str] = "X"
    kind: ClassVar[str] = "differential op-amp"


@dataclass(frozen=True)
class Transconductor(Device):
    """A current gm (v(inp) - v(inn)), gm that of the model, flows out of the pin ``out`` into its net."""

    model: OtaModel

    letter: ClassVar[str] = "X"
    kind: ClassVar[str] = "transconductor"


@dataclass(frozen=True)
class PiecewiseLinear:
    """A waveform through the points (`times` in s, `values` in V or A), held before and after.

    Raises:
        DesignError: fewer than two points, unequal lengths, or times that do not increase.
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.times) < 2 or len(self.times) != len(self.values):
            raise DesignError(
                "piecewise-linear source",
                "two or more times and as many values",
                f"{len(self.times)} times and {len(self.values)} values",
            )
        for earlier, later in zip(self.times, self.times[1:], strict=False):
            if not earlier < later:
                raise DesignError("piecewise-linear times", "increasing", f"{earlier} then {later}")


@dataclass(frozen=True)
class External:
    """A waveform that the program around the simulator supplies while it runs (libngspice)."""


Waveform = float | PiecewiseLinear | External


@dataclass(frozen=True)
class IndependentSource(Element):
    """What voltage and current sources share.

    Attributes:
        waveform: a constant, a piecewise-linear waveform, or one supplied from outside; V or A.
        ac: magnitude in the small-signal analysis; V or A.
    """

    waveform: Waveform = 0.0
    ac: float = 0.0


@dataclass(frozen=True)
class VoltageSource(IndependentSource):
    """An independent voltage source, v(p) - v(n) = waveform."""

    letter: ClassVar[str] = "V"
    kind: ClassVar[str] = "voltage source"


@dataclass(frozen=True)
class CurrentSource(IndependentSource):
    """An independent current source; the current flows from p through the source to n."""

    letter: ClassVar[str] = "I"
    kind: ClassVar[str] = "current source"


@dataclass(frozen=True)
class Instance(Element):
    """Another circuit used as one element; its pins are that circuit's ports."""

    circuit: Circuit

    letter: ClassVar[str] = "X"
    kind: ClassVar[str] = "instance"

    @property
    def pins(self) -> tuple[str, ...]:
        return tuple(port.name for port in self.circuit.ports)


@dataclass(frozen=True)
class Port(Element):
    """A connection of the circuit to the outside; it bears the name of its net.

    An "in" port is driven by a voltage from outside, an "out" port only looks at the net.
    """

    direction: Direction

    kind: ClassVar[str] = "port"

    @property
    def pins(self) -> tuple[str, ...]:
        return ("net",)
