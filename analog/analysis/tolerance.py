"""The tolerance analysis of a design: the errors of its signals over drawn parts, and the share of each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.analog.analysis.monte_carlo import Distribution, Draws, Outcome, Tolerances, draw, run
from lmu_hw.analog.analysis.small_signal import sensitivities
from lmu_hw.analog.circuit.equations import Equations, equations
from lmu_hw.analog.design.amplitudes import band_frequencies
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError

POINTS = 16
"""The number of frequencies in the band at which errors are computed."""


def analyse(
    design: AnalogDesign,
    tolerances: Tolerances,
    *,
    draws: int = 1000,
    seed: int = 0,
    signals: Sequence[str] | None = None,
    frequencies: ArrayLike | None = None,
    rms: float = np.inf,
) -> Outcome:
    """Draw circuits and compare their signals with those of the exact memory.

    Args:
        design: The nominal circuit. If it has standard values, their rounding is part of the error.
        tolerances: The tolerances of the parts and the range of the temperature.
        draws: The number of circuits, 1 to 1,000,000.
        seed: The seed of the random numbers, at least 0.
        signals: Those of `design.signals` that are compared; by default the outputs, or the states of a design without
            outputs.
        frequencies: Frequencies in Hz, evenly spaced over the band of the input; by default `POINTS` of them up to
            states/(4 theta).
        rms: The root mean square of the input, V, to which offsets are compared; by default it is infinite, so that
            offsets do not count.

    Returns:
        Errors, offsets and stability of the drawn circuits.

    Raises:
        DesignError: There is no such signal, or an argument is out of its range.
    """
    names = reported_signals(design) if signals is None else list(signals)
    _check_signals(design, names)
    hertz = _band(design) if frequencies is None else np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    wanted = design.exact_response(hertz, names)
    system = equations(design.circuit)
    inputs, combinations = ports(design, system, names)
    drawn: Draws = draw(system, tolerances, draws, seed)
    return run(system, drawn, hertz, wanted, inputs=inputs, signals=combinations, rms=rms)


@dataclass(frozen=True)
class ErrorBudget:
    """The error of a signal, to first order in the deviations of the parts.

    Attributes:
        nrmse: The error, as root mean square over circuits and frequencies, relative to the nominal signal.
        shares: The share of each part in the mean square error, by path, the largest first.
    """

    nrmse: float
    shares: dict[str, float]


def error_budget(
    design: AnalogDesign, tolerances: Tolerances, signal: str, *, frequencies: ArrayLike | None = None
) -> ErrorBudget:
    """Return the contribution of each part's tolerance to the error of a signal, by the sensitivities.

    The range of the temperature is left out, as it changes all parts together.

    Args:
        design: The nominal circuit.
        tolerances: The tolerances of its parts.
        signal: One of `design.signals`.
        frequencies: The frequencies, Hz, as in `analyse`.

    Raises:
        DesignError: There is no such signal, or no part has a tolerance.
    """
    _check_signals(design, [signal])
    hertz = _band(design) if frequencies is None else np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    system = equations(design.circuit)
    inputs, _ = ports(design, system, [signal])
    found = sensitivities(system, hertz, design.signal_pair(signal), inputs)
    powers = np.mean(np.abs(found) ** 2, axis=0) * tolerances.deviations(system) ** 2
    total = float(powers.sum())
    if total == 0.0:
        raise DesignError("tolerances of an error budget", "above zero for some part", tolerances)
    response = design.linear_model.response(hertz)[:, design.signals.index(signal), 0]
    shares: dict[str, float] = {}
    for k in descending(powers.tolist()):
        if powers[k] > 0.0:
            path = system.parameters[k].path
            shares[path] = shares.get(path, 0.0) + float(powers[k]) / total
    return ErrorBudget(float(np.sqrt(total / np.mean(np.abs(response) ** 2))), shares)


def worst_case(
    design: AnalogDesign, tolerances: Tolerances, signal: str, *, frequencies: ArrayLike | None = None
) -> float:
    """Return a first-order bound on the error of a signal with every part within the limits of a uniform distribution.

    At each frequency the magnitudes of all parts' contributions and of the nominal error are added up.

    Args:
        design: The nominal circuit.
        tolerances: The tolerances of its parts, which are taken as limits.
        signal: One of `design.signals`.
        frequencies: The frequencies, Hz, as in `analyse`.

    Raises:
        DesignError: There is no such signal.
    """
    _check_signals(design, [signal])
    hertz = _band(design) if frequencies is None else np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    system = equations(design.circuit)
    inputs, _ = ports(design, system, [signal])
    limits = np.sqrt(3.0) * replace(tolerances, distribution=Distribution.UNIFORM).deviations(system)
    parts = np.abs(sensitivities(system, hertz, design.signal_pair(signal), inputs)) @ limits
    wanted = design.exact_response(hertz, [signal])[:, 0]
    nominal = design.linear_model.response(hertz)[:, design.signals.index(signal), 0]
    total = parts + np.abs(nominal - wanted)
    return float(np.sqrt(np.mean(total**2) / np.mean(np.abs(wanted) ** 2)))


def reported_signals(design: AnalogDesign) -> list[str]:
    """Return the signals whose error or noise is reported: the outputs of a design, or its states if it has none."""
    return list(design.signals[design.realisation.states :] or design.signals)


def ports(design: AnalogDesign, system: Equations, signals: Sequence[str]) -> tuple[Array, Array]:
    """Return how a design's signals are made up of its ports.

    Args:
        design: The design.
        system: The equations of its circuit.
        signals: Some of `design.signals`.

    Returns:
        The share of the input at each of `system.inputs`, shape (inputs,), and each signal as a combination of
        `system.outputs`, shape (signals, outputs).
    """
    return design.at_ports(system.inputs, system.outputs, signals)


def _band(design: AnalogDesign) -> Array:
    return band_frequencies(design.network, design.realisation.theta, POINTS)


def _check_signals(design: AnalogDesign, names: Sequence[str]) -> None:
    for name in names:
        if name not in design.signals:
            raise DesignError("signal", f"one of {', '.join(design.signals)}", name)
