"""What a user reads beside the signal: the noise and the direct voltage at rest of the outputs of a design."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lmu_hw.analog.analysis.small_signal import bias_gains, noise, offset_gains
from lmu_hw.analog.analysis.tolerance import reported_signals
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.design.amplitudes import band_edge
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.realisation.network import Array

_POINTS = 81  # over the band
_SPAN = 1e3  # of the band that counts: 1/f noise has no lowest frequency of its own


def output_noise(design: AnalogDesign) -> dict[str, Any]:
    """Return the noise of the outputs (of the states, where there are none) over three decades up to the band edge.

    Returns:
        The lowest and the highest frequency, Hz, as "lowest_hz" and "band_hz", and by signal the noise in V RMS as
        "volts_rms" and its ratio to a sine of full scale in dB as "snr_db", None where there is no noise.

    Raises:
        DesignError: The circuit has no linear model or no unique solution.
    """
    edge = band_edge(design.realisation.states, design.realisation.theta)
    system, scaling = equations(design.circuit), [*np.abs(design.state_scaling), *design.output_scaling]
    found: dict[str, Any] = {"lowest_hz": edge / _SPAN, "band_hz": edge, "volts_rms": {}, "snr_db": {}}
    for signal in reported_signals(design):
        volts = noise(system, np.geomspace(edge / _SPAN, edge, _POINTS), design.signal_pair(signal)).rms()
        full = float(scaling[design.signals.index(signal)]) / math.sqrt(2.0)
        found["volts_rms"][signal] = volts
        found["snr_db"][signal] = 20.0 * math.log10(full / volts) if volts > 0.0 else None
    return found


def output_offsets(design: AnalogDesign) -> dict[str, dict[str, float]] | None:
    """Return the direct voltage of each output at rest, V; None where the amplifiers' model has neither cause.

    Returns:
        By signal, what the offsets of the amplifiers make if they add up in power, as "offset_volts_rms", and at worst,
        as "offset_volts_worst", and what their bias currents make, which are alike, as "bias_volts".

    Raises:
        DesignError: The circuit has no linear model or no unique solution.
    """
    causes = _causes(design)
    if causes is None:
        return None
    return {
        signal: {
            "offset_volts_rms": float(np.sqrt(np.sum(parts**2))),
            "offset_volts_worst": float(np.sum(np.abs(parts))),
            "bias_volts": bias,
        }
        for signal, (parts, bias) in causes.items()
    }


def volts_at_rest(design: AnalogDesign) -> dict[str, float]:
    """Return the direct voltage of each output at rest, V, with the offsets of the models, as a simulator finds it.

    Raises:
        DesignError: The circuit has no linear model or no unique solution.
    """
    causes = _causes(design)
    if causes is None:
        return dict.fromkeys(reported_signals(design), 0.0)
    return {signal: float(np.sum(parts)) + bias for signal, (parts, bias) in causes.items()}


def _causes(design: AnalogDesign) -> dict[str, tuple[Array, float]] | None:
    """Return by signal the direct voltage from each amplifier's offset and from all bias currents, V; None without."""
    system = equations(design.circuit)
    sources = [system.disturbances[k] for k in system.source_columns()]
    if not any(each.offset for each in sources):
        return None
    offsets = np.array([each.offset for each in sources if not each.pin])
    bias = {each.source: each.offset for each in sources if each.pin}
    found = {}
    for signal in reported_signals(design):
        pair = design.signal_pair(signal)
        currents = sum(gain * bias[source] for source, gain in bias_gains(system, pair).items())
        found[signal] = offset_gains(system, pair) * offsets, float(currents)
    return found
