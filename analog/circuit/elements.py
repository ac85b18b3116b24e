"""Typed circuit elements with named pins. All that is particular to a kind of element is a method of its class.

Ideal parts (R, C, sources) carry their value; a device (an op-amp, a transconductor) carries a model, whose inside
stays in its SPICE library. An element does not know the nets that it is connected to: the circuit does, and hands them
to those methods that need them, as a mapping from pin to net.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from lmu_hw.analog.circuit.devices import DeviceModel, DifferentialOpAmpModel, OpAmpModel, OtaModel, describe
from lmu_hw.errors import DesignError
from lmu_hw.io.files import check_identifier

if TYPE_CHECKING:
    from lmu_hw.analog.circuit.equations import Stamper
    from lmu_hw.analog.circuit.graph import Circuit

GROUND = "0"
"""The reference net, named as SPICE names it; the one net whose name is not an identifier."""

Direction = Literal["in", "out", "supply"]

Nets = Mapping[str, str]
"""The net at each pin."""


def number(value: float) -> str:
    """Return a number as SPICE text: without a suffix, and so that it reads back as the same double."""
    return repr(float(value))


@dataclass(frozen=True)
class Element:
    """An element of a circuit: anything with a name and pins.

    Attributes:
        name: An identifier.
        letter: The SPICE letter with which names of this kind begin.
        kind: The name of the kind in messages and tables.
        designator: The letter of the designators on a board; empty for what a board cannot carry.
        passive: Whether the element is a resistor or a capacitor, through which feedback may lead.
        feedback: The (output, input) pairs of pins between which an op-amp needs feedback.

    Raises:
        DesignError: The name is not an identifier, or does not begin with the kind's SPICE letter.
    """

    name: str

    letter: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    designator: ClassVar[str] = ""
    passive: ClassVar[bool] = False
    feedback: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __post_init__(self) -> None:
        check_identifier(self.name, f"{self.kind} name")
        if not self.name.upper().startswith(self.letter):
            raise DesignError(f"{self.kind} name", f"one that begins with {self.letter}", self.name)

    @property
    def pins(self) -> tuple[str, ...]:
        """The names of the pins, in SPICE order."""
        return ("p", "n")

    @property
    def parameters(self) -> Mapping[str, float]:
        """The values by the names that the circuit equations give them, such as "resistance", in SI units."""
        return {}

    def with_parameter(self, name: str, value: float) -> Self:
        """Return the element with another value of one of its `parameters`.

        Raises:
            DesignError: It has no such parameter, or the value is out of its range.
        """
        raise DesignError(f"parameter of {self.name}", f"one of a {self.kind}", name)

    @property
    def quantities(self) -> dict[str, float]:
        """The values that must be positive and finite, by name with unit."""
        return {}

    @property
    def levels(self) -> tuple[float, ...]:
        """The numbers of a source, which must be finite."""
        return ()

    @property
    def rating(self) -> tuple[float, str] | None:
        """The value that a schematic shows, and the symbol of its unit; None for what has no single value."""
        return None

    @property
    def conductance(self) -> float:
        """The conductance of a resistor, S; 0 for everything else."""
        return 0.0

    @property
    def amps_at_rest(self) -> float | None:
        """The current that an amplifier takes from each supply at rest, A; None where nothing says so."""
        return None

    @property
    def outputs(self) -> list[str]:
        """The pins at which an instance drives its nets, from inside."""
        return []

    def voltages(self, nets: Nets) -> list[tuple[str, str]]:
        """Return the pairs of nets between which the element defines the voltage."""
        return []

    def conducts(self, nets: Nets) -> list[tuple[str, str]]:
        """Return the pairs of nets between which direct current flows without the voltage being defined."""
        return []

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        """Add the element's terms to the circuit's equations.

        Raises:
            DesignError: The element has no linear model.
        """
        raise DesignError(f"element {path}", "of a kind that has a linear model", self.kind)

    def spice_value(self) -> str:
        """Return the end of the element's line, behind the nets: its value, or its subcircuit with parameters.

        Raises:
            DesignError: There is no SPICE text for an element of its kind.
        """
        raise DesignError("element", "of a kind that SPICE text exists for", type(self).__name__)

    def bill_value(self) -> tuple[str, str]:
        """Return the value and its unit for the bill of materials; both empty for what has no value."""
        return "", ""


@dataclass(frozen=True)
class Resistor(Element):
    """A linear resistor.

    Attributes:
        ohms: The resistance, ohm; above 0 in a circuit that keeps the electrical rules.
    """

    ohms: float

    letter: ClassVar[str] = "R"
    kind: ClassVar[str] = "resistor"
    designator: ClassVar[str] = "R"
    passive: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, float]:
        return {"resistance": self.ohms}

    def with_parameter(self, name: str, value: float) -> Self:
        return replace(self, ohms=value) if name == "resistance" else super().with_parameter(name, value)

    @property
    def quantities(self) -> dict[str, float]:
        return {"resistance in ohm": self.ohms}

    @property
    def rating(self) -> tuple[float, str]:
        return self.ohms, "Ω"

    @property
    def conductance(self) -> float:
        return 1.0 / self.ohms

    def conducts(self, nets: Nets) -> list[tuple[str, str]]:
        return [(nets["p"], nets["n"])]

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        resistance = system.parameter(path, "resistance", self.ohms, -1)
        system.conductance(nets["p"], nets["n"], resistance)
        system.thermal_noise(path, nets["p"], nets["n"], resistance)

    def spice_value(self) -> str:
        return number(self.ohms)

    def bill_value(self) -> tuple[str, str]:
        return number(self.ohms), "ohm"


@dataclass(frozen=True)
class Capacitor(Element):
    """A linear capacitor.

    Attributes:
        farads: The capacitance, farad; above 0 in a circuit that keeps the electrical rules.
    """

    farads: float

    letter: ClassVar[str] = "C"
    kind: ClassVar[str] = "capacitor"
    designator: ClassVar[str] = "C"
    passive: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, float]:
        return {"capacitance": self.farads}

    def with_parameter(self, name: str, value: float) -> Self:
        return replace(self, farads=value) if name == "capacitance" else super().with_parameter(name, value)

    @property
    def quantities(self) -> dict[str, float]:
        return {"capacitance in farad": self.farads}

    @property
    def rating(self) -> tuple[float, str]:
        return self.farads, "F"

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        system.capacitor(path, nets["p"], nets["n"], system.parameter(path, "capacitance", self.farads, 1))

    def spice_value(self) -> str:
        return number(self.farads)

    def bill_value(self) -> tuple[str, str]:
        return number(self.farads), "F"


@dataclass(frozen=True)
class Device(Element):
    """An amplifier as a part.

    Attributes:
        model: The model, which says which pins and parameters it has.
    """

    model: DeviceModel

    letter: ClassVar[str] = "X"
    designator: ClassVar[str] = "U"

    @property
    def pins(self) -> tuple[str, ...]:
        return self.model.pins

    @property
    def parameters(self) -> Mapping[str, float]:
        return self.model.parameters

    def with_parameter(self, name: str, value: float) -> Self:
        if name not in self.parameters:
            return super().with_parameter(name, value)
        model: Any = self.model  # each model has fields of its own, which its base class does not declare
        return replace(self, model=replace(model, **{name: value}))

    @property
    def amps_at_rest(self) -> float | None:
        return self.model.amps_at_rest

    def spice_value(self) -> str:
        parameters = " ".join(f"{key}={number(value)}" for key, value in self.model.parameters.items())
        return f"{self.model.subcircuit} {parameters}"

    def bill_value(self) -> tuple[str, str]:
        return describe(self.model), ""


@dataclass(frozen=True)
class OpAmp(Device):
    """A single-ended op-amp with the pins ``inp`` (non-inverting), ``inn`` (inverting) and ``out``."""

    model: OpAmpModel

    kind: ClassVar[str] = "op-amp"
    feedback: ClassVar[tuple[tuple[str, str], ...]] = (("out", "inn"),)

    def voltages(self, nets: Nets) -> list[tuple[str, str]]:
        return [(nets["out"], GROUND)]

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        model, row = self.model.small_signal(), system.branch(nets["out"], GROUND, path)
        if system.ideal or math.isinf(model.gbw):
            # v(inp) - v(inn) = v(out) / gain
            system.input_voltage(row, nets, path, 1.0)
            if not system.ideal:
                system.voltage(row, nets["out"], -1.0, system.parameter(path, "gain", model.gain, -1))
            return
        pole = system.pole(path, model, nets)
        # v(out) - rout i = pole: the branch current flows into the amplifier.
        system.voltage(row, nets["out"], 1.0)
        system.entry(row, row, -1.0, system.parameter(path, "rout", model.rout, 1))
        system.entry(row, pole, -1.0)


@dataclass(frozen=True)
class DifferentialOpAmp(Device):
    """A fully differential op-amp with the pins ``inp``, ``inn``, ``outp``, ``outn``, balanced about ground."""

    model: DifferentialOpAmpModel

    kind: ClassVar[str] = "differential op-amp"
    feedback: ClassVar[tuple[tuple[str, str], ...]] = (("outp", "inn"), ("outn", "inp"))

    def voltages(self, nets: Nets) -> list[tuple[str, str]]:
        return [(nets["outp"], GROUND), (nets["outn"], GROUND)]

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        model = self.model.small_signal()
        row = system.branch(nets["outp"], GROUND, path)
        other = system.branch(nets["outn"], GROUND, f"{path}.outn")
        if system.ideal or math.isinf(model.gbw):
            # v(inp) - v(inn) = (v(outp) - v(outn)) / gain, and v(outp) + v(outn) = 0
            system.input_voltage(row, nets, path, 1.0)
            if not system.ideal:
                gain = system.parameter(path, "gain", model.gain, -1)
                system.voltage(row, nets["outp"], -1.0, gain)
                system.voltage(row, nets["outn"], 1.0, gain)
            system.voltage(other, nets["outp"], 1.0)
            system.voltage(other, nets["outn"], 1.0)
            return
        pole = system.pole(path, model, nets)
        rout = system.parameter(path, "rout", model.rout, 1)
        # v(outp) - rout i = pole / 2, and v(outn) - rout i = -pole / 2
        for branch, pin, half in ((row, "outp", 0.5), (other, "outn", -0.5)):
            system.voltage(branch, nets[pin], 1.0)
            system.entry(branch, branch, -1.0, rout)
            system.entry(branch, pole, -half)


@dataclass(frozen=True)
class Transconductor(Device):
    """A transconductor: the current gm (v(inp) - v(inn)) flows out of the pin ``out``, into the net there."""

    model: OtaModel

    kind: ClassVar[str] = "transconductor"

    @property
    def rating(self) -> tuple[float, str] | None:
        small = self.model.small_signal()
        return None if small is None else (small.gm, "S")

    def conducts(self, nets: Nets) -> list[tuple[str, str]]:
        return [(nets["out"], GROUND)]

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        model = self.model.small_signal()
        if model is None:
            hint = "a macro-model that was measured on it has one"
            raise DesignError(f"transconductor {path}", "one with a linear model", self.model.label, hint=hint)
        gm = system.parameter(path, "gm", model.gm, 1)
        system.controlled_current(nets, path, gm, model)
        if system.ideal:
            return
        if model.gout > 0:
            system.conductance(nets["out"], GROUND, system.parameter(path, "gout", model.gout, 1))
        for pin, quantity, farads in (
            ("inp", "cin", model.cin),
            ("inn", "cin", model.cin),
            ("out", "cout", model.cout),
        ):
            if farads > 0:
                system.capacitor(f"{path}.{pin}", nets[pin], GROUND, system.parameter(path, quantity, farads, 1))


@dataclass(frozen=True)
class Constant:
    """A waveform that stays at one value.

    Attributes:
        value: The value, V or A.
    """

    value: float

    @property
    def levels(self) -> tuple[float, ...]:
        """The value."""
        return (self.value,)

    def scaled(self, share: float) -> Constant:
        """Return the waveform times `share`."""
        return Constant(scaled(self.value, share))

    def spice_value(self) -> str:
        """Return the SPICE text."""
        return number(self.value)


@dataclass(frozen=True)
class PiecewiseLinear:
    """A waveform through given points, with straight lines between them, held before and after.

    Attributes:
        times: The times of the points, s, increasing.
        values: The values at these times, V or A, as many.

    Raises:
        DesignError: There are fewer than two points, unequal lengths, or times that do not increase.
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

    @property
    def levels(self) -> tuple[float, ...]:
        """The times and the values."""
        return (*self.times, *self.values)

    def scaled(self, share: float) -> PiecewiseLinear:
        """Return the waveform times `share`."""
        return PiecewiseLinear(self.times, tuple(scaled(value, share) for value in self.values))

    def spice_value(self) -> str:
        """Return the SPICE text."""
        points = (f"{number(t)} {number(v)}" for t, v in zip(self.times, self.values, strict=True))
        return f"pwl({' '.join(points)})"


@dataclass(frozen=True)
class External:
    """A waveform that the program around the simulator supplies while it runs (libngspice)."""

    levels: ClassVar[tuple[float, ...]] = ()

    def scaled(self, share: float) -> External:
        """Return this waveform.

        Raises:
            DesignError: `share` is not 1.
        """
        if share != 1.0:
            raise DesignError("an external waveform", "one for each input", share, hint="it can't be scaled")
        return self

    def spice_value(self) -> str:
        """Return the SPICE text; nothing may stand beside it, as ngspice 39 crashes where a constant does."""
        return "external"


Waveform = float | Constant | PiecewiseLinear | External
"""What a source may follow; a number stands for the constant of that value."""


def waveform_of(wave: Waveform) -> Constant | PiecewiseLinear | External:
    """Return a waveform as an object, a number as a constant."""
    return Constant(wave) if isinstance(wave, int | float) else wave


def scaled(value: float, share: float) -> float:
    """Return the product; where it is zero, 0.0 and never -0.0, so that the same text is written."""
    return value * share + 0.0


@dataclass(frozen=True)
class IndependentSource(Element):
    """The common part of independent sources.

    Attributes:
        waveform: A constant, a piecewise-linear waveform, or one that is supplied from outside, V or A.
        ac: The magnitude in a small-signal analysis, V or A.
    """

    waveform: Waveform = 0.0
    ac: float = 0.0

    @property
    def levels(self) -> tuple[float, ...]:
        return (*waveform_of(self.waveform).levels, self.ac)

    def spice_value(self) -> str:
        return waveform_of(self.waveform).spice_value() + (f" ac {number(self.ac)}" if self.ac else "")


@dataclass(frozen=True)
class VoltageSource(IndependentSource):
    """An independent voltage source, v(p) - v(n) = waveform."""

    letter: ClassVar[str] = "V"
    kind: ClassVar[str] = "voltage source"

    def voltages(self, nets: Nets) -> list[tuple[str, str]]:
        return [(nets["p"], nets["n"])]

    def stamp(self, system: Stamper, nets: Nets, path: str) -> None:
        system.drive(nets["p"], nets["n"], path, path)


@dataclass(frozen=True)
class Instance(Element):
    """A circuit that is used as one element of another.

    Attributes:
        circuit: The inner circuit, whose ports are the pins.
    """

    circuit: Circuit

    letter: ClassVar[str] = "X"
    kind: ClassVar[str] = "instance"

    @property
    def pins(self) -> tuple[str, ...]:
        return tuple(port.name for port in self.circuit.ports)

    @property
    def outputs(self) -> list[str]:
        return [port.name for port in self.circuit.ports if port.direction == "out"]

    def voltages(self, nets: Nets) -> list[tuple[str, str]]:
        return [(nets[pin], GROUND) for pin in self.outputs]

    def spice_value(self) -> str:
        return self.circuit.name


@dataclass(frozen=True)
class Port(Element):
    """A connection of the circuit to the outside; it bears the name of its net.

    Attributes:
        direction: "in" where a signal from outside drives the net, "supply" where a supply does, "out" where the net is
            only observed.
    """

    direction: Direction

    kind: ClassVar[str] = "port"

    @property
    def pins(self) -> tuple[str, ...]:
        return ("net",)

    def voltages(self, nets: Nets) -> list[tuple[str, str]]:
        return [(nets["net"], GROUND)] if self.direction != "out" else []
