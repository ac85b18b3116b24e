"""The manifest of a design: everything that a reader or a script needs to use and judge the circuit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.analog.analysis.monte_carlo import Tolerances
from lmu_hw.analog.analysis.requirements import estimate_power, least_amplifiers
from lmu_hw.analog.analysis.small_signal import noise
from lmu_hw.analog.analysis.tolerance import analyse, error_budget, judged_signals
from lmu_hw.analog.circuit.elements import (
    Capacitor,
    DifferentialOpAmp,
    Element,
    OpAmp,
    Resistor,
    Transconductor,
)
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import GROUND, walk
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.design.memory import PREDICTION_ORDER, AnalogDesign
from lmu_hw.analog.design.technologies.gm_c import Cell

DRAWS = 1000
"""How many circuits are drawn to judge tolerances."""

NOISE_ORDER = 16
"""Largest order for which the manifest predicts noise."""

_NOISE_POINTS = 25  # over the band


@dataclass(frozen=True)
class Questions:
    """What a manifest is to answer besides what the circuit is.

    Attributes:
        error: NRMSE of the states for which the least amplifiers are searched.
        tolerances: the tolerances of the parts, from which circuits are drawn to judge the error of the outputs.
        seed: the seed of the draws.
    """

    error: float | None = None
    tolerances: Tolerances | None = None
    seed: int = 0


NOTHING = Questions()


def manifest(design: AnalogDesign, questions: Questions = NOTHING) -> dict[str, Any]:
    """Return the manifest as plain data.

    `couplings` counts the couplings from state to state, by way of sums where the topology has them; `elements` all
    parts; `nodes` the nets without ground, an amplifier taken as one part. The scaling of a state is negative where
    its net carries it inverted. Impedances are in ohm, with the limits that they were chosen between: what amplifiers
    can drive, thermal noise, and the ranges of parts. `rounding` compares the response of standard values with that of
    exact ones, each part at its nearest value and all chosen jointly. `noise` is that of the delayed outputs (of the
    states, where there are none) over the band, from resistors and from amplifiers whose model has noise, with its
    ratio to a sine of full scale. `requirement`, where an error is stated, is the least gain and gain-bandwidth product
    that keep it. `tolerance` has the error of the worst output, over drawn circuits, and the share of each part in its
    mean square by the sensitivities. `predicted` is null above order 64, `noise` above 16.

    Args:
        design: the design to describe.
        questions: what else is to be answered.

    Raises:
        DesignError: no amplifiers keep the error.
    """
    circuit = design.circuit
    parts = list(walk(circuit))
    ohms = [part.ohms for _, part, _ in parts if isinstance(part, Resistor)]
    farads = [part.farads for _, part, _ in parts if isinstance(part, Capacitor)]
    devices = [part.model for _, part, _ in parts if isinstance(part, Transconductor)]
    siemens = [model.gm for model in devices if isinstance(model, Cell)]
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
        "opamps": _count(parts, OpAmp) + _count(parts, DifferentialOpAmp),
        "transconductors": len(devices),
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
    edge = states / (4.0 * design.realisation.theta)
    system, scaling = equations(design.circuit), [*np.abs(design.state_scaling), *design.output_scaling]
    found: dict[str, Any] = {"band_hz": edge, "volts_rms": {}, "snr_db": {}}
    for signal in judged_signals(design):
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
        "sensitivity": _sensitivity(design, questions.tolerances),
    }


def _sensitivity(design: AnalogDesign, tolerances: Tolerances) -> dict[str, Any] | None:
    """Say which parts the error of the worst signal comes from; None where no part has a tolerance."""
    if not np.any(tolerances.deviations(equations(design.circuit)) > 0.0):
        return None
    budgets = {signal: error_budget(design, tolerances, signal) for signal in judged_signals(design)}
    worst = list(budgets)[descending([each.nrmse for each in budgets.values()])[0]]
    return {"signal": worst, "nrmse": budgets[worst].nrmse, "shares": budgets[worst].shares}


def _count(parts: list[tuple[str, Element, dict[str, str]]], kind: type[Element]) -> int:
    return sum(isinstance(element, kind) for _, element, _ in parts)


def _span(values: list[float]) -> list[float] | None:
    return [min(values), max(values)] if values else None
