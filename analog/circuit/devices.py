"""The models of amplifiers: the parameters of a SPICE subcircuit, checked, and what they mean for small signals.

There are two kinds. Operational amplifiers are voltage sources; they come single-ended and fully differential.
Transconductors (OTAs) are current sources: the current gm (v(inp) - v(inn)) flows out of the pin ``out``, into the net
that is connected there.

The library texts are the files in ``models/``. They take their parameters at the instance, so that one definition
serves every amplifier of a netlist. A further model is one class here and one text there.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from numbers import Real
from typing import ClassVar, NamedTuple, Self

from lmu_hw.errors import DesignError, check_positive

# With these, 4 k T R is the thermal noise of a resistance R in V²/Hz.
BOLTZMANN = 1.380649e-23
"""The Boltzmann constant k, J/K, exact by definition of the SI."""

TEMPERATURE = 300.15
"""The temperature T in kelvin at which models state their noise: 27 °C, the default of SPICE."""

ELEMENTARY_CHARGE = 1.602176634e-19
"""The elementary charge, C, exact by definition of the SI."""

SUPPLIES = ("vcc", "vee")
"""The pins, and the nets, of the positive and the negative supply."""

AMPS_PER_HZ = 1e-10
"""Supply current of an op-amp per Hz of its gain-bandwidth product: 0.1 mA per MHz, as of general-purpose parts."""


@dataclass(frozen=True)
class DeviceModel:
    """The parameters of an amplifier. Each is a field, and positive unless the class lists it as an exception.

    Attributes:
        subcircuit: The name of the SPICE subcircuit, and of the file with its text.
        label: The name of the model on the command line and in headers.
        pins: The pins of the subcircuit, in order.
        device: The kind of amplifier, for messages and headers.
        signed: The parameters that may be negative.
        may_be_zero: The parameters that may be zero.

    Raises:
        DesignError: A parameter is out of its range.
    """

    subcircuit: ClassVar[str]
    label: ClassVar[str]
    pins: ClassVar[tuple[str, ...]]
    device: ClassVar[str]
    signed: ClassVar[frozenset[str]] = frozenset()
    may_be_zero: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for field in fields(self):
            what, value = f"{self.device} {field.name}", getattr(self, field.name)
            if field.name in self.signed:
                check_finite(what, value)
            elif not (field.name in self.may_be_zero and value == 0):
                check_positive(what, value)

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of an instance of the SPICE subcircuit, in the order of the text."""
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}

    @property
    def amps_at_rest(self) -> float | None:
        """The current that the amplifier takes from each supply at rest, A; None where the model states none."""
        return None

    @property
    def powered(self) -> bool:
        """Whether the subcircuit has supply pins."""
        return SUPPLIES[0] in self.pins


def check_finite(what: str, value: object) -> float:
    """Return `value` as a float if it is a finite real number.

    Raises:
        DesignError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise DesignError(what, "a finite number", value)
    return float(value)


def describe(model: DeviceModel) -> str:
    """Return the model and its parameters in one line."""
    return " ".join([model.label, *(f"{key}={value!r}" for key, value in model.parameters.items())])


def library(model: DeviceModel) -> str:
    """Return the SPICE text of the subcircuit that `model` instantiates, as kept in ``models/``."""
    return (files(__package__) / "models" / f"{model.subcircuit}.lib").read_text(encoding="utf-8")


class SmallOta(NamedTuple):
    """The small-signal model of a transconductor; the fields are those of `MacroOta`, in the same units."""

    gm: float
    gout: float = 0.0
    cin: float = 0.0
    cout: float = 0.0
    offset: float = 0.0
    noise: float = 0.0
    corner: float = 0.0


@dataclass(frozen=True)
class OtaModel(DeviceModel):
    """A model of a transconductor, whose output current flows out of the pin ``out``, into the net there."""

    pins: ClassVar[tuple[str, ...]] = ("inp", "inn", "out")
    device: ClassVar[str] = "transconductor"

    @property
    def rail(self) -> float:
        """The supplies inside the model lie at plus and minus this voltage, V; 0 where it has none."""
        return 0.0

    def small_signal(self) -> SmallOta | None:
        """Return the linear model, or None where it is known from simulation alone."""
        return None


@dataclass(frozen=True)
class IdealOta(OtaModel):
    """A voltage-controlled current source.

    Attributes:
        gm: Transconductance, S.
    """

    gm: float = 1e-6

    subcircuit: ClassVar[str] = "ota_ideal"
    label: ClassVar[str] = "ideal"

    @property
    def saturation(self) -> float:
        """The input voltage at which the output current saturates, V: infinite, as it never does."""
        return math.inf

    def small_signal(self) -> SmallOta:
        """Return the linear model."""
        return SmallOta(self.gm)

    def scaled(self, gm: float) -> IdealOta:
        """Return the same device with the transconductance `gm`, S.

        Raises:
            DesignError: `gm` is not positive and finite.
        """
        return replace(self, gm=check_positive("transconductance", gm, "S"))


@dataclass(frozen=True)
class MacroOta(OtaModel):
    """A transconductor with the limits of a real one.

    The output current is gm linear tanh((v(inp) - v(inn) + offset + noise) / linear) - gout v(out).

    Attributes:
        gm: Transconductance for small inputs, S.
        linear: Scale of the saturation, V: at an input of 0.1 linear gm is 1 % lower; no current exceeds gm linear.
        gout: Output conductance, S.
        cin: Capacitance from each input to ground, F.
        cout: Capacitance from the output to ground, F.
        offset: Voltage in series with the non-inverting input, V.
        noise: Density of the white input noise at 27 °C, V/√Hz; its power is proportional to the temperature in K.
        corner: Frequency below which the input noise rises as 1/f, Hz; the power of that part grows as T².
    """

    gm: float = 1e-6
    linear: float = 0.5
    gout: float = 1e-9
    cin: float = 1e-14
    cout: float = 1e-14
    offset: float = 0.0
    noise: float = 0.0
    corner: float = 0.0

    subcircuit: ClassVar[str] = "ota_macro"
    label: ClassVar[str] = "macro"
    signed: ClassVar[frozenset[str]] = frozenset({"offset"})
    may_be_zero: ClassVar[frozenset[str]] = frozenset({"gout", "cin", "cout", "noise", "corner"})

    @property
    def amps_at_rest(self) -> float:
        """The current from each supply at rest, A: twice the largest output current."""
        return 2.0 * self.gm * self.linear

    @property
    def saturation(self) -> float:
        """The input voltage at which the output current saturates, V."""
        return self.linear

    def small_signal(self) -> SmallOta:
        """Return the linear model."""
        return SmallOta(self.gm, self.gout, self.cin, self.cout, self.offset, self.noise, self.corner)

    def scaled(self, gm: float) -> MacroOta:
        """Return the same cell repeated in parallel, or cut, to another transconductance.

        Conductances, capacitances and currents follow gm; the input noise voltage follows 1/sqrt(gm); saturation
        voltage and offset stay.

        Args:
            gm: The transconductance, S.

        Raises:
            DesignError: `gm` is not positive and finite.
        """
        ratio = check_positive("transconductance", gm, "S") / self.gm
        return replace(
            self,
            gm=gm,
            gout=self.gout * ratio,
            cin=self.cin * ratio,
            cout=self.cout * ratio,
            noise=self.noise / ratio**0.5,
        )


Cell = IdealOta | MacroOta
"""The models of transconductors that can be made in any size."""


@dataclass(frozen=True)
class CmosOta(OtaModel):
    """A transconductor of 22 transistors, for simulation; its linear model is a `MacroOta` that was measured on it.

    A degenerated NMOS pair with cascode mirrors, and rails of its own. The model cards are textbook level-1 cards of
    this project (see the library text), not a foundry's.

    Attributes:
        scale: The size of the cell, which widths, currents and conductances follow.
        degen: Resistance between the sources of the pair at scale 1, ohm; it sets gm and the linear range.
        bias: Resistance that sets the bias currents at scale 1, ohm.
        supply: The rails lie at plus and minus this voltage, V.
    """

    scale: float = 1.0
    degen: float = 200e3
    bias: float = 300e3
    supply: float = 2.5

    subcircuit: ClassVar[str] = "ota_cmos"
    label: ClassVar[str] = "cmos"

    @property
    def rail(self) -> float:
        """The supplies inside the cell lie at plus and minus this voltage, V."""
        return self.supply


class SmallOpAmp(NamedTuple):
    """The small-signal model of an op-amp; the fields are those of `MacroParameters`, in the same units.

    With an infinite gain-bandwidth product it has neither poles nor an output resistance; with an infinite second pole
    it has one pole.
    """

    gain: float
    gbw: float = math.inf
    rout: float = 0.0
    second_pole: float = math.inf
    cin: float = 0.0
    cdiff: float = 0.0
    offset: float = 0.0
    bias: float = 0.0
    noise: float = 0.0
    corner: float = 0.0
    current_noise: float = 0.0
    current_corner: float = 0.0

    @property
    def input_capacitance(self) -> float:
        """The capacitance at one input while the other one is held, F."""
        return self.cin + self.cdiff


@dataclass(frozen=True)
class AnyOpAmp(DeviceModel):
    """A model of an op-amp, single-ended or differential."""

    device: ClassVar[str] = "op-amp"

    @abstractmethod
    def small_signal(self) -> SmallOpAmp:
        """Return the linear model."""

    @property
    def amps_at_rest(self) -> float | None:
        """The supply current typical of this gain-bandwidth product, A; None where that is infinite."""
        gbw = self.small_signal().gbw
        return None if math.isinf(gbw) else AMPS_PER_HZ * gbw

    @abstractmethod
    def differential(self) -> DifferentialOpAmpModel:
        """Return the fully differential model with the same parameters; a differential model returns itself."""

    def check_swing(self, volts: float, supply: float) -> None:
        """Check that the outputs reach ±`volts` from supplies of ±`supply`; those of a model without rails always do.

        Raises:
            DesignError: They do not.
        """

    def with_gbw(self, gbw: float) -> Self:
        """Return the same amplifier with another gain-bandwidth product, Hz; an ideal one has none and stays."""
        return self


@dataclass(frozen=True)
class OpAmpModel(AnyOpAmp):
    """A model of a single-ended op-amp, whose output voltage refers to ground: v(out) = gain (v(inp) - v(inn))."""

    pins: ClassVar[tuple[str, ...]] = ("inp", "inn", "out")


@dataclass(frozen=True)
class DifferentialOpAmpModel(AnyOpAmp):
    """A model of a fully differential op-amp: v(outp) - v(outn) = gain (v(inp) - v(inn)), balanced about ground."""

    pins: ClassVar[tuple[str, ...]] = ("inp", "inn", "outp", "outn")

    def differential(self) -> DifferentialOpAmpModel:
        """Return this model."""
        return self


@dataclass(frozen=True)
class IdealParameters(AnyOpAmp):
    """The parameters of an ideal op-amp, single-ended or differential: a voltage source without bandwidth limit.

    Attributes:
        gain: Gain, V/V; of a differential op-amp from the difference at its inputs to that at its outputs. The default
            of 1e8 keeps the error of a summing node (noise gain / gain) near 1e-7, below a simulator's own tolerance,
            and leaves its matrix well enough conditioned; a much larger one brings nothing in double precision.
    """

    gain: float = 1e8

    def small_signal(self) -> SmallOpAmp:
        """Return the linear model."""
        return SmallOpAmp(self.gain)


@dataclass(frozen=True)
class SinglePoleParameters(AnyOpAmp):
    """The parameters of a linear macro-model: gain / (1 + s gain / (2 pi gbw)), then an output resistance.

    Attributes:
        gain: Open-loop gain at direct current, V/V.
        gbw: Gain-bandwidth product, Hz.
        rout: Open-loop resistance of an output, ohm.
    """

    gain: float = 1e6
    gbw: float = 1e7
    rout: float = 50.0

    def small_signal(self) -> SmallOpAmp:
        """Return the linear model."""
        return SmallOpAmp(self.gain, self.gbw, self.rout)

    def with_gbw(self, gbw: float) -> Self:
        """Return the same amplifier with another gain-bandwidth product, Hz."""
        return replace(self, gbw=gbw)


@dataclass(frozen=True)
class MacroParameters(AnyOpAmp):
    """The parameters of a macro-model with the limits of a real amplifier, as data sheets state them.

    The gain is gain / ((1 + s gain / (2 pi gbw)) (1 + s / (2 pi second_pole))), behind a slew-rate limit and inside
    rails. Noise densities are white above a corner frequency, below which their power rises as 1/f.

    Attributes:
        gain: Open-loop gain at direct current, V/V.
        gbw: Gain-bandwidth product, Hz.
        second_pole: Frequency of the second pole, Hz.
        slew: Largest rate of change of an output, V/s.
        headroom_high: Distance of the highest output voltage from the positive supply, V.
        headroom_low: Distance of the lowest output voltage from the negative supply, V.
        rout: Open-loop resistance of an output, ohm.
        cin: Capacitance from each input to ground, F.
        cdiff: Capacitance between the inputs, F.
        offset: Voltage in series with the non-inverting input at the nominal supply, V.
        bias: Direct current into each input, A.
        noise: White density of the input voltage noise at 27 °C, V/√Hz; its power is proportional to the temperature.
        corner: Corner frequency of the voltage noise, Hz; the power of the 1/f part grows as the temperature squared.
        current_noise: White density of the noise current of each input at 27 °C, A/√Hz.
        current_corner: Corner frequency of the current noise, Hz.
        psrr: Change of the total supply voltage per change of the offset, V/V.
        supply: Nominal voltage between the supplies, at which `offset` holds, V.
        quiescent: Current from each supply at rest, A.
    """

    gain: float = 1e6
    gbw: float = 1e7
    second_pole: float = 3e7
    slew: float = 1e7
    headroom_high: float = 0.2
    headroom_low: float = 0.2
    rout: float = 50.0
    cin: float = 3e-12
    cdiff: float = 2e-12
    offset: float = 0.0
    bias: float = 0.0
    noise: float = 0.0
    corner: float = 0.0
    current_noise: float = 0.0
    current_corner: float = 0.0
    psrr: float = 1e5
    supply: float = 10.0
    quiescent: float = 1e-3

    signed: ClassVar[frozenset[str]] = frozenset({"offset", "bias"})
    may_be_zero: ClassVar[frozenset[str]] = frozenset(
        {
            "headroom_high",
            "headroom_low",
            "cin",
            "cdiff",
            "noise",
            "corner",
            "current_noise",
            "current_corner",
            "quiescent",
        }
    )

    @property
    def amps_at_rest(self) -> float:
        """The current from each supply at rest, A."""
        return self.quiescent

    def small_signal(self) -> SmallOpAmp:
        """Return the linear model."""
        return SmallOpAmp(
            gain=self.gain,
            gbw=self.gbw,
            rout=self.rout,
            second_pole=self.second_pole,
            cin=self.cin,
            cdiff=self.cdiff,
            offset=self.offset,
            bias=self.bias,
            noise=self.noise,
            corner=self.corner,
            current_noise=self.current_noise,
            current_corner=self.current_corner,
        )

    def check_swing(self, volts: float, supply: float) -> None:
        """Check that an output of ±`volts` lies within the rails at supplies of ±`supply`.

        Raises:
            DesignError: It does not.
        """
        high, low = supply - self.headroom_high, self.headroom_low - supply
        if volts > min(high, -low):
            raise DesignError("the swing", f"within the op-amps' rails of {low:g} and {high:g} V", f"±{volts:g} V")

    def with_gbw(self, gbw: float) -> Self:
        """Return the same amplifier with another gain-bandwidth product, Hz."""
        return replace(self, gbw=gbw)


@dataclass(frozen=True)
class IdealDifferentialOpAmp(IdealParameters, DifferentialOpAmpModel):
    """A fully differential voltage-controlled voltage source without bandwidth limit."""

    subcircuit: ClassVar[str] = "opamp_differential_ideal"
    label: ClassVar[str] = "differential-ideal"


@dataclass(frozen=True)
class SinglePoleDifferentialOpAmp(SinglePoleParameters, DifferentialOpAmpModel):
    """A linear fully differential macro-model with one pole and an output resistance on each side. No noise."""

    subcircuit: ClassVar[str] = "opamp_differential_single_pole"
    label: ClassVar[str] = "differential-single-pole"


@dataclass(frozen=True)
class MacroDifferentialOpAmp(MacroParameters, DifferentialOpAmpModel):
    """A fully differential macro-model with the limits of a real amplifier; the nearer rail limits both outputs.

    The difference of the outputs responds as the output of `MacroOpAmp` does.
    """

    pins: ClassVar[tuple[str, ...]] = ("inp", "inn", *SUPPLIES, "outp", "outn")
    subcircuit: ClassVar[str] = "opamp_differential_macro"
    label: ClassVar[str] = "differential-macro"


@dataclass(frozen=True)
class IdealOpAmp(IdealParameters, OpAmpModel):
    """A voltage-controlled voltage source without bandwidth limit."""

    subcircuit: ClassVar[str] = "opamp_ideal"
    label: ClassVar[str] = "ideal"

    def differential(self) -> DifferentialOpAmpModel:
        """Return the fully differential counterpart."""
        return IdealDifferentialOpAmp(self.gain)


@dataclass(frozen=True)
class SinglePoleOpAmp(SinglePoleParameters, OpAmpModel):
    """A linear macro-model with one pole and an output resistance. No noise."""

    subcircuit: ClassVar[str] = "opamp_single_pole"
    label: ClassVar[str] = "single-pole"

    def differential(self) -> DifferentialOpAmpModel:
        """Return the fully differential counterpart."""
        return SinglePoleDifferentialOpAmp(self.gain, self.gbw, self.rout)


@dataclass(frozen=True)
class MacroOpAmp(MacroParameters, OpAmpModel):
    """A macro-model with the limits of a real amplifier and the five pins of vendors' models, in their order."""

    pins: ClassVar[tuple[str, ...]] = ("inp", "inn", *SUPPLIES, "out")
    subcircuit: ClassVar[str] = "opamp_macro"
    label: ClassVar[str] = "macro"

    def differential(self) -> DifferentialOpAmpModel:
        """Return the fully differential counterpart."""
        return MacroDifferentialOpAmp(**self.parameters)
