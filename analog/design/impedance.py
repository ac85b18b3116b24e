"""The impedance level of a circuit: bounded by what amplifiers can drive, by thermal noise, and by the parts' sizes.

All resistances grow with the level Z and all capacitances fall with it, while every coupling stays. The currents that
amplifiers deliver fall as 1/Z, and the power of thermal noise grows as Z, so both limits follow from one evaluation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lmu_hw.analog.circuit.devices import BOLTZMANN, TEMPERATURE
from lmu_hw.analog.design.amplitudes import VoltageNetwork, band_edge
from lmu_hw.analog.design.parts import PartRange, capacitor_limits, mean_rate
from lmu_hw.analog.design.technologies.base import Technology
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError, check_positive

NOISE_SHARE = 1e-4
"""The share of its swing, -80 dB, below which the thermal noise of every signal is kept if possible; RMS."""

MOST_NOISE = 1e-2
"""The share above which the thermal noise of no signal may lie: a circuit with more is an error; RMS."""

MOST_TEE = 1e3
"""The factor by which the resistance of a T network may exceed the largest resistor."""

_NOISE_BAND = 10.0  # noise is counted up to this multiple of the band edge
_POINTS = 400


@dataclass(frozen=True)
class Level:
    """An impedance level and its limits, in ohm.

    Attributes:
        impedance: The level: the geometric mean of the resistors around integrators, and the feedback resistor of sums.
        loading: The least level at which no amplifier has to deliver more than its current.
        noise: The largest level at which thermal noise stays below `NOISE_SHARE` of the swing. If amplifiers or parts
            demand a higher level, the noise may rise up to `MOST_NOISE`.
        parts: The least and the largest level at which the integrators' parts stay in their ranges.
        preferred: The level that the technology prefers; the chosen one differs only as the limits demand.
        given: Whether the user fixed the level.
        sums: The resistance of sums and inverters, which is lower where their op-amps' input capacitance demands it.
    """

    impedance: float
    loading: float
    noise: float
    parts: tuple[float, float]
    preferred: float
    given: bool
    sums: float

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
    """Choose the impedance level, or take the given one and compute its limits.

    Args:
        network: The scaled system.
        technology: The technology, with the current of its amplifiers, the noise of its parts and its preferred level.
        theta: The window, s.
        swing: The largest voltage of a signal, V.
        resistors: The allowed resistances, ohm.
        capacitors: The allowed capacitances, farad.
        impedance: A level that the user fixes, ohm; None to choose one.

    Raises:
        DesignError: No level suits both amplifiers and parts, no capacitor suits all resistors, or thermal noise would
            exceed `MOST_NOISE`.
    """
    rate = mean_rate(network)
    rates = np.abs(network.couplings[: network.states])
    couplings = PartRange(resistors.low, resistors.high * (MOST_TEE if technology.has_tees else 1.0))
    low, high = capacitor_limits(rates[rates > 0], resistors=couplings, capacitors=capacitors)
    parts = (1.0 / (rate * high), min(1.0 / (rate * low), resistors.high))
    loading = _least_for_loading(network, rate, swing, technology)
    noise = _most_for_noise(network, rate, theta, swing, technology)
    preferred = technology.preferred_impedance
    if impedance is not None:
        given = check_positive("impedance in ohm", impedance)
        return _checked_noise(Level(given, loading, noise, parts, preferred, given=True, sums=given), swing)
    least = max(loading, parts[0])
    if parts[0] > parts[1]:
        raise DesignError(
            "the impedance level",
            f"at most {parts[1]:.3g} ohm, so that resistors can be bought",
            f"{parts[0]:.3g} ohm with integrating capacitors of {high:.3g} F",
            hint="a shorter theta or wider ranges of parts help",
        )
    if least > parts[1]:
        raise DesignError(
            "the impedance level",
            f"at least {loading:.3g} ohm for the amplifiers' current",
            f"{parts[0]:.3g} to {parts[1]:.3g} ohm from the parts' ranges",
            hint="wider ranges of resistors or capacitors help",
        )
    most = max(least, min(noise, parts[1]))
    impedance = min(max(preferred, least), most)
    sums = min(impedance, max(technology.sum_impedance, _least_for_sums(network, swing, technology)))
    level = Level(impedance, loading, noise, parts, preferred, given=False, sums=sums)
    return _checked_noise(level, swing)


def _checked_noise(level: Level, swing: float) -> Level:
    """Return `level` if thermal noise stays below `MOST_NOISE` of the swing."""
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

    At full swing, each output drives the resistors that it leads to and, through its feedback, those of its own inputs.
    """
    if technology.load_amps is None:
        return 0.0
    conductances = _normalised(network, rate)
    loads = conductances[:, :-1].sum(axis=0) + conductances.sum(axis=1)
    volts = 0.5 * swing if technology.differential else swing
    return float(volts * loads.max() / technology.load_amps)


def _least_for_sums(network: VoltageNetwork, swing: float, technology: Technology) -> float:
    """Return the least resistance of sums that the amplifiers can drive beside that of integrators, ohm."""
    if not technology.sum_amps:
        return 0.0
    weights = np.abs(network.couplings[network.states :])
    loads = weights[:, :-1].sum(axis=0)
    loads[network.states :] += weights.sum(axis=1)
    volts = 0.5 * swing if technology.differential else swing
    return float(volts * (loads.max(initial=0.0) + 1.0) / technology.sum_amps)  # and an inverter


def _most_for_noise(network: VoltageNetwork, rate: float, theta: float, swing: float, technology: Technology) -> float:
    """Return the largest level at which thermal noise keeps its limit, ohm.

    The noise 4 k T R of every coupling and of the feedback of sums adds up in power at each signal.
    """
    n = network.states
    conductances = _normalised(network, rate)
    # A resistor 1/G adds 4 k T G to its stage's current; through C = 1/rate or the feedback of 1 ohm that is a source
    # of 4 k T G rate² in (V/s)²/Hz or 4 k T G in V²/Hz.
    densities = conductances.sum(axis=1)
    densities[:n] *= rate**2
    densities[n:] += 1.0
    edge = _NOISE_BAND * band_edge(n, theta)
    frequencies = edge * (np.arange(_POINTS) + 0.5) / _POINTS
    power = np.zeros(len(network.signals))
    for frequency in frequencies:
        transfer = np.linalg.inv(network.pencil(frequency)[0])
        power += np.abs(transfer) ** 2 @ densities
    power *= 4.0 * BOLTZMANN * TEMPERATURE * technology.noise_factor * edge / _POINTS
    return float((NOISE_SHARE * swing) ** 2 / power.max())
