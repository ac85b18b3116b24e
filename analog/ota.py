"""Models of operational transconductance amplifiers: a current proportional to an input voltage.

The current gm (v(inp) - v(inn)) flows out of the pin out, into the net that is connected there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from lmu_hw.analog.device_model import DeviceModel
from lmu_hw.arguments import check_positive

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
