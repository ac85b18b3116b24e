"""The library of real amplifiers: typical figures, each part with the data sheet to check them against, as models.

The data are `opamps.json` and `otas.json` beside this module; what their figures mean, and which of them are estimates,
is said there under "about". A further part is one further entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from numbers import Real
from typing import Any

from lmu_hw.analog.circuit.devices import AnyOpAmp, MacroOpAmp, MacroOta
from lmu_hw.errors import DesignError

_OPAMP_UNITS: Mapping[str, tuple[str, float]] = {
    "gbw_mhz": ("gbw", 1e6),
    "second_pole_mhz": ("second_pole", 1e6),
    "slew_volts_per_us": ("slew", 1e6),
    "headroom_high_volts": ("headroom_high", 1.0),
    "headroom_low_volts": ("headroom_low", 1.0),
    "rout_ohms": ("rout", 1.0),
    "cin_pf": ("cin", 1e-12),
    "cdiff_pf": ("cdiff", 1e-12),
    "offset_mv": ("offset", 1e-3),
    "bias_na": ("bias", 1e-9),
    "noise_nv": ("noise", 1e-9),
    "corner_hz": ("corner", 1.0),
    "current_noise_fa": ("current_noise", 1e-15),
    "current_corner_hz": ("current_corner", 1.0),
    "quiescent_ma": ("quiescent", 1e-3),
}
_OTA_UNITS: Mapping[str, tuple[str, float]] = {
    "gm_us": ("gm", 1e-6),
    "linear_mv": ("linear", 1e-3),
    "gout_us": ("gout", 1e-6),
    "cin_pf": ("cin", 1e-12),
    "cout_pf": ("cout", 1e-12),
    "offset_mv": ("offset", 1e-3),
    "noise_nv": ("noise", 1e-9),
    "corner_hz": ("corner", 1.0),
}
CAUTION = (
    "The figures are typical ones, compiled from memory of data sheets: check them against the maker's data sheet "
    "before ordering. Prices are estimates."
)
"""What every user of the library has to know; the data files, the documents and every answer about a part say it."""

_DECIBELS = {"gain_db": "gain", "psrr_db": "psrr"}


@dataclass(frozen=True)
class Part:
    """An amplifier that can be bought.

    Attributes:
        name: The name of the part.
        maker: Who makes it.
        source: The data sheet against which the figures are to be checked, see `CAUTION`.
        package: The package.
        channels: The number of amplifiers in a package.
        usd: The price of a package in US dollars, an estimate.
        supplies: The least and the largest voltage between the supplies, V.
        differential: Whether an op-amp is fully differential.
        figures: The parameters of its model, SI units, without that of the nominal supply.
    """

    name: str
    maker: str
    source: str
    package: str
    channels: int
    usd: float
    supplies: tuple[float, float]
    differential: bool
    figures: Mapping[str, float]

    @property
    def usd_each(self) -> float:
        """The price of one amplifier, US dollars."""
        return self.usd / self.channels

    def to_dict(self) -> dict[str, Any]:
        """Return what an order needs, as plain values, with what to check before it."""
        return {
            "name": self.name,
            "maker": self.maker,
            "source": self.source,
            "package": self.package,
            "usd_each": self.usd_each,
            "caution": CAUTION,
        }

    def opamp(self, supply: float) -> AnyOpAmp:
        """Return the model of the op-amp at supplies of ±`supply`, V.

        Raises:
            DesignError: The part cannot take them.
        """
        self.check_supply(supply)
        model = MacroOpAmp(**self.figures, supply=2.0 * supply)
        return model.differential() if self.differential else model

    def ota(self, supply: float) -> MacroOta:
        """Return the model of the transconductor at supplies of ±`supply`, V.

        Raises:
            DesignError: The part cannot take them.
        """
        self.check_supply(supply)
        return MacroOta(**self.figures)

    def check_supply(self, supply: float) -> None:
        """Check that the part can take supplies of ±`supply`, V.

        Raises:
            DesignError: It cannot.
        """
        low, high = (0.5 * volts for volts in self.supplies)
        if not low <= supply <= high:
            raise DesignError("supply", f"from {low:g} to {high:g} V for {self.name}", supply)


@cache
def opamps() -> Mapping[str, Part]:
    """Return the op-amps of the library by name.

    Raises:
        DesignError: The library lacks a figure.
    """
    return read_library((files(__package__) / "opamps.json").read_text(encoding="utf-8"), _OPAMP_UNITS, _DECIBELS)


@cache
def otas() -> Mapping[str, Part]:
    """Return the transconductors of the library by name.

    Raises:
        DesignError: The library lacks a figure.
    """
    return read_library((files(__package__) / "otas.json").read_text(encoding="utf-8"), _OTA_UNITS, {})


def read_library(
    text: str, units: Mapping[str, tuple[str, float]] = _OPAMP_UNITS, decibels: Mapping[str, str] = _DECIBELS
) -> Mapping[str, Part]:
    """Read a library.

    Args:
        text: JSON in the form of `opamps.json`.
        units: The figures by their keys, each with the parameter of the model and the unit of the figure in SI units.
        decibels: The figures that are in decibels, with their parameters.

    Raises:
        DesignError: A part lacks a figure, has one that is no number, or has no name of its own.
    """
    parts: dict[str, Part] = {}
    for entry in json.loads(text)["parts"]:
        name = entry.get("name")
        if not isinstance(name, str) or not name or name in parts:
            raise DesignError("a part of the amplifier library", "of a name of its own", name)

        def figure(key: str, entry: Mapping[str, Any] = entry, name: str = name) -> float:
            value = entry.get(key)
            if isinstance(value, bool) or not isinstance(value, Real):
                raise DesignError(f"{key} of {name}", "a number, as of every part of the amplifier library", value)
            return float(value)

        figures = {parameter: figure(key) * unit for key, (parameter, unit) in units.items()}
        figures |= {parameter: 10.0 ** (figure(key) / 20.0) for key, parameter in decibels.items()}
        parts[name] = Part(
            name=name,
            maker=str(entry.get("maker", "")),
            source=str(entry.get("source", "")),
            package=str(entry.get("package", "")),
            channels=int(figure("channels")),
            usd=figure("usd"),
            supplies=(figure("least_supply_volts"), figure("most_supply_volts")),
            differential=bool(entry.get("differential", False)),
            figures=figures,
        )
    return parts
