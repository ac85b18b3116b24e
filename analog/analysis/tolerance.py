"""The tolerance analysis of a design: its signals against the exact memory's over drawn parts, and what is to blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.analog.analysis.monte_carlo import Draws, Outcome, Tolerances, draw, run
from lmu_hw.analog.analysis.small_signal import sensitivities
from lmu_hw.analog.circuit.equations import Equations, equations
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.design.memory import AnalogDesign, band_frequencies
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError

POINTS = 16
"""How many frequencies the band is judged at."""


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
        design: the nominal circuit, whose values may be standard ones: their rounding counts.
        tolerances: what is drawn.
        draws: how many circuits are drawn.
        seed: the seed of the random numbers.
        signals: which of `design.signals` are compared; by default the outputs, or the states of a design without
            outputs.
        frequencies: frequencies in Hz, evenly spaced over the band of the input; by default `POINTS` of them up to
            states / (4 theta).
        rms: root mean square of the input, V, against which offsets weigh; by default they do not.

    Raises:
        DesignError: there is no such signal, or an argument is out of its range.
    """
    names = judged_signals(design) if signals is None else list(signals)
    _check_signals(design, names)
    hertz = _band(design) if frequencies is None else np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    rows = [design.network.index(name) for name in names]
    wanted = design.network.response(hertz)[:, rows] * np.array(design.signs)[rows]
    system = equations(design.circuit)
    inputs, combinations = ports(design, system, names)
    drawn: Draws = draw(system, tolerances, draws, seed)
    return run(system, drawn, hertz, wanted, inputs=inputs, signals=combinations, rms=rms)


@dataclass(frozen=True)
class ErrorBudget:
    """The error of a signal to first order in its parts' deviations.

    Attributes:
        nrmse: error, root mean square over circuits and frequencies, relative to the nominal signal.
        shares: the share of each part in the mean square, by path, the largest first.
    """

    nrmse: float
    shares: dict[str, float]


def error_budget(
    design: AnalogDesign, tolerances: Tolerances, signal: str, *, frequencies: ArrayLike | None = None
) -> ErrorBudget:
    """Say from the sensitivities how much each part's tolerance adds to the error of a signal.

    The temperature's spread is left out: it moves all parts together.

    Args:
        design: the nominal circuit.
        tolerances: the tolerances of its parts.
        signal: one of `design.signals`.
        frequencies: the frequencies, as in `analyse`.

    Raises:
        DesignError: there is no such signal, or no part has a tolerance.
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


def judged_signals(design: AnalogDesign) -> list[str]:
    """Return the signals whose error or noise is told: the outputs of a design, or its states where it has none."""
    return list(design.signals[design.realisation.states :] or design.signals)


def ports(design: AnalogDesign, system: Equations, signals: Sequence[str]) -> tuple[Array, Array]:
    """Return how a design's signals are made of its ports.

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
