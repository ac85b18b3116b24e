"""The impedance level of a circuit: bounded by what amplifiers can drive, by thermal noise, and by the parts' sizes.

All resistances grow with the level Z and all capacitances fall with it, while every coupling stays. The currents that
amplifiers deliver fall as 1/Z, and the power of thermal noise grows as Z, so both limits follow from one evaluation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lmu_hw.analog.circuit.devices import BOLTZMANN, TEMPERATURE
from lmu_hw.analog.design.amplitudes import VoltageNetwork
from lmu_hw.analog.design.parts import PartRange, capacitor_limits, mean_rate
from lmu_hw.analog.design.technologies.base import Technology
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError, check_positive

NOISE_SHARE = 1e-4
"""Largest thermal noise, RMS, of any signal as a share of its swing: 80 dB below it."""

MOST_NOISE = 1e-2
"""Thermal noise, as such a share, above which there is no circuit: its supply is too low to be of use."""

_NOISE_BAND = 10.0  # noise is counted up to this multiple of the band edge
_POINTS = 400


@dataclass(frozen=True)
class Level:
    """An impedance and its limits, in ohm.

    Attributes:
        impedance: geometric mean of the resistors around integrators, and feedback resistor of sums.
        loading: least level at which no amplifier has to deliver more than its current.
        noise: largest level at which thermal noise stays below `NOISE_SHARE` of the swing; where amplifiers or parts
            demand a higher level, it gives way, up to `MOST_NOISE`.
        parts: least and largest level at which the integrators' parts stay in their ranges.
        preferred: the technology's own preference, from which the level moves only as the limits demand.
        given: whether the user fixed the level.
    """

    impedance: float
    loading: float
    noise: float
    parts: tuple[float, float]
    preferred: float
    given: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, and whether the noise limit is kept."""
        return asdict(self) | {"parts": list(self.parts), "noise_kept": self.impedance <= self.noise}


def choose_level(
    network: VoltageNetwork,
    technology: Technology,
    *,
    theta: float,
    swing: float,
    resistors: PartRange,
    capacitors: PartRange,
    impedance: float | None = None,
) -> Level:
    """Choose the impedance level, or take the given one and state its limits.

    Args:
        network: the scaled system.
        technology: the technology, which says what its amplifiers drive, how its parts make noise and which level it
            prefers.
        theta: window, s.
        swing: largest voltage of a signal, V.
        resistors: allowed resistances, ohm.
        capacitors: allowed capacitances, farad.
        impedance: a level that the user fixes, ohm.

    Raises:
        DesignError: no level suits the amplifiers and the parts at once, or the parts at all; or noise drowns signals.
    """
    rate = mean_rate(network)
    rates = np.abs(network.couplings[: network.states])
    low, high = capacitor_limits(rates[rates > 0], resistors=resistors, capacitors=capacitors)
    parts = (1.0 / (rate * high), 1.0 / (rate * low))
    loading = _least_for_loading(network, rate, swing, technology)
    noise = _most_for_noise(network, rate, theta, swing, technology)
    preferred = technology.preferred_impedance
    if impedance is not None:
        given = check_positive("impedance in ohm", impedance)
        return _heard(Level(given, loading, noise, parts, preferred, given=True), swing)
    least = max(loading, parts[0])
    if least > parts[1]:
        raise DesignError(
            "the impedance level",
            f"at least {loading:.3g} ohm for the amplifiers' current",
            f"{parts[0]:.3g} to {parts[1]:.3g} ohm from the parts' ranges",
            hint="wider ranges of resistors or capacitors help",
        )
    most = max(least, min(noise, parts[1]))
    return _heard(Level(min(max(preferred, least), most), loading, noise, parts, preferred, given=False), swing)


def _heard(level: Level, swing: float) -> Level:
    """Return `level` if its noise leaves signals to be heard."""
    share = NOISE_SHARE * float(np.sqrt(level.impedance / level.noise)) if level.noise > 0.0 else np.inf
    if share > MOST_NOISE:
        need = f"large enough that thermal noise stays below {MOST_NOISE:g} of it"
        raise DesignError("the swing of the signals", need, f"{swing:.3g} V", hint="a larger supply helps")
    return level


def _normalised(network: VoltageNetwork, rate: float) -> Array:
    """Return the conductance of every coupling at a level of 1 ohm, S."""
    magnitudes: Array = np.abs(network.couplings)
    magnitudes[: network.states] /= rate
    return magnitudes


def _least_for_loading(network: VoltageNetwork, rate: float, swing: float, technology: Technology) -> float:
    """Return the least level that the amplifiers can drive, ohm.

    Each output drives its resistors, and the currents of its own inputs through its feedback, at full swing.
    """
    if technology.load_amps is None:
        return 0.0
    conductances = _normalised(network, rate)
    loads = conductances[:, :-1].sum(axis=0) + conductances.sum(axis=1)
    volts = 0.5 * swing if technology.differential else swing
    return float(volts * loads.max() / technology.load_amps)


def _most_for_noise(network: VoltageNetwork, rate: float, theta: float, swing: float, technology: Technology) -> float:
    """Return the largest level at which thermal noise keeps its limit, ohm.

    The noise is 4 k T R of every coupling and of the sums' feedback, summed in power at each signal.
    """
    n = network.states
    conductances = _normalised(network, rate)
    # A resistor 1/G adds 4 k T G to its stage's current; through C = 1/rate or the feedback of 1 ohm that is a source
    # of 4 k T G rate² in (V/s)²/Hz or 4 k T G in V²/Hz.
    densities = conductances.sum(axis=1)
    densities[:n] *= rate**2
    densities[n:] += 1.0
    edge = _NOISE_BAND * n / (4.0 * theta)
    frequencies = edge * (np.arange(_POINTS) + 0.5) / _POINTS
    power = np.zeros(len(network.signals))
    for frequency in frequencies:
        transfer = np.linalg.inv(network.pencil(frequency)[0])
        power += np.abs(transfer) ** 2 @ densities
    power *= 4.0 * BOLTZMANN * TEMPERATURE * technology.noise_factor * edge / _POINTS
    return float((NOISE_SHARE * swing) ** 2 / power.max())
