"""The manifest of a design: all that a script needs to use and judge the circuit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.analog.analysis.monte_carlo import Tolerances
from lmu_hw.analog.analysis.requirements import estimate_power, least_amplifiers
from lmu_hw.analog.analysis.small_signal import noise
from lmu_hw.analog.analysis.tolerance import analyse, error_budget, reported_signals
from lmu_hw.analog.circuit.elements import Capacitor, DifferentialOpAmp, OpAmp, Resistor, Transconductor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import GROUND, parts_of, walk
from lmu_hw.analog.design.amplitudes import band_edge
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.design.memory import PREDICTION_ORDER, AnalogDesign
from lmu_hw.core.band import continuous_band
from lmu_hw.io.schema import schema_id

DRAWS = 1000
"""The number of circuits that are drawn for given tolerances."""

NOISE_ORDER = 16
"""The largest order for which the manifest predicts noise."""

_NOISE_POINTS = 25  # over the band


@dataclass(frozen=True)
class Questions:
    """The analyses that a manifest reports beside the circuit itself.

    Attributes:
        error: The NRMSE of the states for which the least amplifiers are searched; none are by default.
        tolerances: The tolerances of the parts, with which circuits are drawn to judge the error of the outputs; none
            are drawn by default.
        seed: The seed of the draws, at least 0.
    """

    error: float | None = None
    tolerances: Tolerances | None = None
    seed: int = 0


NOTHING = Questions()


def manifest(design: AnalogDesign, questions: Questions = NOTHING) -> dict[str, Any]:
    """Return the manifest as plain data.

    The keys that need an explanation:

    - `couplings` counts the couplings from state to state, by way of sums where the topology has them, `elements` all
      parts, and `nodes` the nets without ground, with each amplifier as one part.
    - `scaling` is negative for a state whose net carries it inverted.
    - `impedance` is in ohm, with the limits between which it was chosen: the current of the amplifiers, thermal noise,
      and the ranges of parts.
    - `rounding` compares the response of standard values with that of exact ones: with each part at its nearest value,
      and with all chosen jointly.
    - `predicted` is the error by the linear model of the parts; null above order 64.
    - `noise` is that of the delayed outputs (of the states, where there are none) over the band, from resistors and
      from amplifiers whose model has noise, with its ratio to a sine of full scale; null above order 16.
    - `tolerance` is the error of the worst output over drawn circuits, with the share of each part in its mean square
      by the sensitivities; null unless tolerances are given.
    - `requirement` is the least gain and gain-bandwidth product that keep the stated error with parts at their nominal
      values, and whether the design's own amplifiers keep it; null unless one is stated. Where tolerances are given
      too, `yield` in `tolerance` is the share of drawn circuits that keep that error at their worst output.
    - `usable_band` is that of the memory itself, with ideal devices and exact parts.
    - `power_watts` has the power of amplifiers and resistors in W, and in `supply_amps` the current in A that the
      amplifiers are assumed to take from each supply: 0.1 mA per MHz of an op-amp's gain-bandwidth product, twice the
      largest output current of a transconductor.

    Args:
        design: The design to describe.
        questions: The analyses to report beside the circuit itself.

    Raises:
        DesignError: No amplifiers keep the error.
    """
    circuit = design.circuit
    parts = list(walk(circuit))
    ohms = [resistor.ohms for resistor in parts_of(circuit, Resistor)]
    farads = [capacitor.farads for capacitor in parts_of(circuit, Capacitor)]
    transconductors = parts_of(circuit, Transconductor)
    siemens = [model.gm for each in transconductors if (model := each.model.small_signal()) is not None]
    predicted = None
    if design.realisation.states <= PREDICTION_ORDER:
        prediction = design.predict()
        predicted = {
            "nrmse": prediction.nrmse,
            "output_nrmse": list(prediction.output_nrmse),
            "band_hz": prediction.band_hz,
        }
    device = design.technology.device
    requirement = None if questions.error is None else least_amplifiers(design, questions.error).to_dict()
    return {
        "schema": schema_id("circuit"),
        "name": circuit.name,
        "topology": design.realisation.topology,
        "style": design.style,
        "specification": design.specification,
        "ports": [{"name": port.name, "direction": port.direction} for port in circuit.ports],
        "couplings": design.realisation.internal_couplings,
        "elements": len(parts),
        "nodes": len({net for _, _, nets in parts for net in nets.values()} - {GROUND}),
        "resistors": len(ohms),
        "capacitors": len(farads),
        "opamps": len(parts_of(circuit, OpAmp)) + len(parts_of(circuit, DifferentialOpAmp)),
        "transconductors": len(transconductors),
        "inverters": design.inverters,
        device.device.replace("-", ""): {"model": device.label, **device.parameters},
        "scaling": {
            "input_volts_per_unit": design.input_scaling,
            "state_volts_per_unit": design.state_scaling.tolist(),
            "output_volts_per_unit": design.output_scaling.tolist(),
        },
        "legendre_map": design.realisation.legendre_map.tolist(),
        "largest_signal_volts": design.largest_signal,
        "impedance": design.level.to_dict(),
        "component_ranges": {
            "resistor_ohms": _span(ohms),
            "capacitor_farads": _span(farads),
            "transconductance_siemens": _span(siemens),
        },
        "rounding": None if design.rounding is None else design.rounding.to_dict(),
        "usable_band": continuous_band(design.realisation.states, design.realisation.theta).to_dict(),
        "predicted": predicted,
        "noise": _noise(design),
        "tolerance": _tolerance(design, questions),
        "requirement": requirement,
        "power_watts": estimate_power(
            circuit, supply=design.specification["supply"], swing=design.largest_voltage
        ).to_dict(),
    }


def _noise(design: AnalogDesign) -> dict[str, Any] | None:
    states = design.realisation.states
    if states > NOISE_ORDER:
        return None
    edge = band_edge(states, design.realisation.theta)
    system, scaling = equations(design.circuit), [*np.abs(design.state_scaling), *design.output_scaling]
    found: dict[str, Any] = {"band_hz": edge, "volts_rms": {}, "snr_db": {}}
    for signal in reported_signals(design):
        volts = noise(system, np.linspace(0.0, edge, _NOISE_POINTS), design.signal_pair(signal)).rms()
        full = float(scaling[design.signals.index(signal)]) / math.sqrt(2.0)
        found["volts_rms"][signal] = volts
        found["snr_db"][signal] = 20.0 * math.log10(full / volts) if volts > 0.0 else None
    return found


def _tolerance(design: AnalogDesign, questions: Questions) -> dict[str, Any] | None:
    if questions.tolerances is None:
        return None
    outcome = analyse(design, questions.tolerances, draws=DRAWS, seed=questions.seed)
    return {
        "resistor": questions.tolerances.resistor,
        "capacitor": questions.tolerances.capacitor,
        "gm": questions.tolerances.gm,
        "draws": DRAWS,
        "seed": questions.seed,
        "median_nrmse": outcome.quantile(0.5),
        "nrmse_of_95_percent": outcome.quantile(0.95),
        "yield": None if questions.error is None else outcome.passing(questions.error),
        "sensitivity": _sensitivity(design, questions.tolerances),
    }


def _sensitivity(design: AnalogDesign, tolerances: Tolerances) -> dict[str, Any] | None:
    """Return the error of the worst signal and the share of each part in it; None where no part has a tolerance."""
    if not np.any(tolerances.deviations(equations(design.circuit)) > 0.0):
        return None
    budgets = {signal: error_budget(design, tolerances, signal) for signal in reported_signals(design)}
    worst = list(budgets)[descending([each.nrmse for each in budgets.values()])[0]]
    return {"signal": worst, "nrmse": budgets[worst].nrmse, "shares": budgets[worst].shares}


def _span(values: list[float]) -> list[float] | None:
    return [min(values), max(values)] if values else None
