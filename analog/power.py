"""An estimate of the power that a circuit takes: its amplifiers at rest, and what its resistors draw at worst."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lmu_hw.analog.circuit import Circuit, walk
from lmu_hw.analog.elements import Device, Resistor
from lmu_hw.analog.opamp import RealOpAmp, SinglePoleDifferentialOpAmp, SinglePoleOpAmp
from lmu_hw.analog.ota import MacroOta

AMPS_PER_HZ = 1e-10
"""Supply current of an op-amp per Hz of its gain-bandwidth product: 0.1 mA per MHz, usual of general-purpose parts."""


@dataclass(frozen=True)
class Power:
    """Watts from supplies of +-supply.

    Attributes:
        amplifiers: at rest; an op-amp takes `AMPS_PER_HZ` times its gain-bandwidth product, a transconductor twice
            its largest output current. None where the devices are ideal and so take nothing.
        resistors: at worst, each resistor with the whole swing across it and its current drawn from one supply.
    """

    amplifiers: float | None
    resistors: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def estimate_power(circuit: Circuit, *, supply: float, swing: float) -> Power:
    """Estimate the power of `circuit`.

    Args:
        circuit: a memory, or any other.
        supply: + and - V.
        swing: largest voltage on a net, V.
    """
    amps, conductance, rated = 0.0, 0.0, False
    for _, element, _ in walk(circuit):
        if isinstance(element, Resistor):
            conductance += 1.0 / element.ohms
        elif isinstance(element, Device):
            match element.model:
                case SinglePoleOpAmp(gbw=gbw) | SinglePoleDifferentialOpAmp(gbw=gbw) | RealOpAmp(gbw=gbw):
                    amps, rated = amps + AMPS_PER_HZ * gbw, True
                case MacroOta(gm=gm, linear=linear):
                    amps, rated = amps + 2.0 * gm * linear, True
    return Power(2.0 * supply * amps if rated else None, supply * swing * conductance)
