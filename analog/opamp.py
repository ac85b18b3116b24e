"""Operational-amplifier models, single-ended and fully differential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmu_hw.analog.device_model import DeviceModel
from lmu_hw.analog.device_model import describe as describe
from lmu_hw.analog.device_model import library as library
from lmu_hw.errors import DesignError

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
