"""What the models of amplifiers share: parameters of a SPICE subcircuit, checked, described, with its library text.

The library texts are the files in ``models/``. They take their parameters at the instance, so that one definition
serves every amplifier of a netlist.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from numbers import Real
from typing import ClassVar

from lmu_hw.errors import DesignError, check_positive


@dataclass(frozen=True)
class DeviceModel:
    """Parameters of an amplifier, each a field: positive where it is not listed below.

    Raises:
        DesignError: a parameter is out of its range.
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
        """Instance parameters of the SPICE subcircuit, in the order in which they are written."""
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}


def check_finite(what: str, value: object) -> float:
    """Return `value` as a float if it is a finite real number.

    Raises:
        DesignError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise DesignError(what, "a finite number", value)
    return float(value)


def describe(model: DeviceModel) -> str:
    """The model and its parameters in one line."""
    return " ".join([model.label, *(f"{key}={value!r}" for key, value in model.parameters.items())])


def library(model: DeviceModel) -> str:
    """Return the SPICE text of the subcircuit that `model` instantiates, as kept in ``models/``."""
    return (files(__package__) / "models" / f"{model.subcircuit}.lib").read_text(encoding="utf-8")


OTA_PINS = ("inp", "inn", "out")
"""Pins of every transconductor: non-inverting input, inverting input, output."""


@dataclass(frozen=True)
class IdealOta(DeviceModel):
    """A voltage-controlled current source.

    Attributes:
        gm: transconductance, S.
    """

    gm: float = 1e-6

    subcircuit: ClassVar[str] = "ota_ideal"
    label: ClassVar[str] = "ideal"
    pins: ClassVar[tuple[str, ...]] = OTA_PINS
    device: ClassVar[str] = "transconductor"

    def scaled(self, gm: float) -> IdealOta:
        """The same device with another transconductance, S."""
        return replace(self, gm=check_positive("transconductance", gm, "S"))


@dataclass(frozen=True)
class MacroOta(DeviceModel):
    """A transconductor with the limits of a real one.

    The output current is gm linear tanh((v(inp) - v(inn) + offset + noise) / linear) - gout v(out).

    Attributes:
        gm: transconductance for small inputs, S.
        linear: scale of the saturation, V: gm falls by 1 % at 0.1 linear, and the current stays below gm linear.
        gout: output conductance, S.
        cin: capacitance from each input to ground, F.
        cout: capacitance from the output to ground, F.
        offset: voltage in series with the non-inverting input, V.
        noise: density of the white input noise at 27 °C, V/√Hz; its power is proportional to the temperature in K.
    """

    gm: float = 1e-6
    linear: float = 0.5
    gout: float = 1e-9
    cin: float = 1e-14
    cout: float = 1e-14
    offset: float = 0.0
    noise: float = 0.0

    subcircuit: ClassVar[str] = "ota_macro"
    label: ClassVar[str] = "macro"
    pins: ClassVar[tuple[str, ...]] = OTA_PINS
    device: ClassVar[str] = "transconductor"
    signed: ClassVar[frozenset[str]] = frozenset({"offset"})
    may_be_zero: ClassVar[frozenset[str]] = frozenset({"gout", "cin", "cout", "noise"})

    def scaled(self, gm: float) -> MacroOta:
        """The same cell repeated in parallel, or cut, to another transconductance.

        Conductances, capacitances and currents follow gm; the input noise voltage follows 1/sqrt(gm); saturation
        voltage and offset stay.

        Args:
            gm: S.

        Raises:
            DesignError: gm is not positive and finite.
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


@dataclass(frozen=True)
class CmosOta(DeviceModel):
    """A transconductor of 22 transistors, for simulation; its linear model is a `MacroOta` that was measured on it.

    A degenerated NMOS pair with cascode mirrors, and rails of its own. The model cards are textbook level-1 cards of
    this project (see the library text), not a foundry's.

    Attributes:
        scale: size: widths, currents and conductances follow it.
        degen: resistance between the sources of the pair at scale 1, ohm; it sets gm and the linear range.
        bias: resistance that sets the bias currents at scale 1, ohm.
        supply: rails at plus and minus this, V.
    """

    scale: float = 1.0
    degen: float = 200e3
    bias: float = 300e3
    supply: float = 2.5

    subcircuit: ClassVar[str] = "ota_cmos"
    label: ClassVar[str] = "cmos"
    pins: ClassVar[tuple[str, ...]] = OTA_PINS
    device: ClassVar[str] = "transconductor"


OtaModel = IdealOta | MacroOta | CmosOta


PINS = ("inp", "inn", "out")
"""Pins of a single-ended op-amp: non-inverting input, inverting input, output (referred to ground)."""

DIFFERENTIAL_PINS = ("inp", "inn", "outp", "outn")
"""Pins of a fully differential op-amp; v(outp) - v(outn) = gain (v(inp) - v(inn)), balanced about ground."""


@dataclass(frozen=True)
class IdealOpAmp(DeviceModel):
    """A voltage-controlled voltage source without bandwidth limit.

    Attributes:
        gain: V/V. The default of 1e8 keeps the error of a summing node (noise gain / gain) near 1e-7,
            below a simulator's own tolerance, and leaves its matrix well enough conditioned; a much
            larger gain buys nothing in double precision.
    """

    gain: float = 1e8

    subcircuit: ClassVar[str] = "opamp_ideal"
    label: ClassVar[str] = "ideal"
    pins: ClassVar[tuple[str, ...]] = PINS
    device: ClassVar[str] = "op-amp"


@dataclass(frozen=True)
class SinglePoleOpAmp(DeviceModel):
    """A linear macro-model with one pole: gain / (1 + s gain / (2 pi gbw)), then an output resistance. No noise.

    Attributes:
        gain: open-loop gain at direct current, V/V.
        gbw: gain-bandwidth product, Hz.
        rout: open-loop output resistance, ohm.
    """

    gain: float = 1e6
    gbw: float = 1e7
    rout: float = 50.0

    subcircuit: ClassVar[str] = "opamp_single_pole"
    label: ClassVar[str] = "single-pole"
    pins: ClassVar[tuple[str, ...]] = PINS
    device: ClassVar[str] = "op-amp"


@dataclass(frozen=True)
class RealOpAmp(DeviceModel):
    """What the macro-models have in common: a single pole behind tanh slewing, clamped rails, offset and noise.

    Attributes:
        gain: open-loop gain at direct current, V/V.
        gbw: gain-bandwidth product, Hz.
        slew: largest rate of change of an output, V/s.
        high: highest output voltage, V, above `low`.
        low: lowest output voltage, V.
        rout: open-loop resistance of an output, ohm.
        offset: voltage in series with the non-inverting input, V.
        noise: density of the white input noise at 27 °C, V/√Hz; its power is proportional to the temperature in K.
    """

    gain: float = 1e6
    gbw: float = 1e7
    slew: float = 1e7
    high: float = 4.8
    low: float = -4.8
    rout: float = 50.0
    offset: float = 0.0
    noise: float = 0.0

    device: ClassVar[str] = "op-amp"
    signed: ClassVar[frozenset[str]] = frozenset({"high", "low", "offset"})
    may_be_zero: ClassVar[frozenset[str]] = frozenset({"noise"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise DesignError("op-amp rails", "low below high", f"{self.low} and {self.high}")

    def check_swing(self, volts: float) -> None:
        """Return if the rails hold an output of +-`volts`.

        Raises:
            DesignError: they don't.
        """
        if volts > min(self.high, -self.low):
            rails = f"within the op-amps' rails of {self.low:g} and {self.high:g} V"
            raise DesignError("the swing", rails, f"±{volts:g} V")


@dataclass(frozen=True)
class MacroOpAmp(RealOpAmp):
    """A macro-model with the limits of a real amplifier; small signals see `SinglePoleOpAmp`'s response."""

    subcircuit: ClassVar[str] = "opamp_macro"
    label: ClassVar[str] = "macro"
    pins: ClassVar[tuple[str, ...]] = PINS


@dataclass(frozen=True)
class IdealDifferentialOpAmp(DeviceModel):
    """A fully differential voltage-controlled voltage source without bandwidth limit.

    Attributes:
        gain: differential, V/V; see `IdealOpAmp`.
    """

    gain: float = 1e8

    subcircuit: ClassVar[str] = "opamp_differential_ideal"
    label: ClassVar[str] = "differential-ideal"
    pins: ClassVar[tuple[str, ...]] = DIFFERENTIAL_PINS
    device: ClassVar[str] = "op-amp"


@dataclass(frozen=True)
class SinglePoleDifferentialOpAmp(DeviceModel):
    """A linear fully differential macro-model with one pole and an output resistance on each side. No noise.

    Attributes:
        gain: open-loop differential gain at direct current, V/V.
        gbw: gain-bandwidth product, Hz.
        rout: open-loop resistance of each output, ohm.
    """

    gain: float = 1e6
    gbw: float = 1e7
    rout: float = 50.0

    subcircuit: ClassVar[str] = "opamp_differential_single_pole"
    label: ClassVar[str] = "differential-single-pole"
    pins: ClassVar[tuple[str, ...]] = DIFFERENTIAL_PINS
    device: ClassVar[str] = "op-amp"


@dataclass(frozen=True)
class MacroDifferentialOpAmp(RealOpAmp):
    """A fully differential macro-model; small signals see `SinglePoleDifferentialOpAmp`'s response.

    The outputs are balanced about ground, which the rails, those of each output, must hold between them; the nearer
    one limits both outputs.
    """

    subcircuit: ClassVar[str] = "opamp_differential_macro"
    label: ClassVar[str] = "differential-macro"
    pins: ClassVar[tuple[str, ...]] = DIFFERENTIAL_PINS

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < 0.0 < self.high:
            raise DesignError("rails of a differential op-amp", "below and above 0", f"{self.low} and {self.high}")


OpAmpModel = IdealOpAmp | SinglePoleOpAmp | MacroOpAmp
DifferentialOpAmpModel = IdealDifferentialOpAmp | SinglePoleDifferentialOpAmp | MacroDifferentialOpAmp
