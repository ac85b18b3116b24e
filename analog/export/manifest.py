"""The manifest of a design: all that a script needs to use and judge the circuit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.analog.amplifiers.library import Part
from lmu_hw.analog.analysis.monte_carlo import Distribution, Tolerances
from lmu_hw.analog.analysis.outputs import output_noise, output_offsets
from lmu_hw.analog.analysis.requirements import estimate_power, least_amplifiers
from lmu_hw.analog.analysis.tolerance import analyse, error_budget, reported_signals, worst_case
from lmu_hw.analog.circuit.elements import Capacitor, DifferentialOpAmp, OpAmp, Resistor, Transconductor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import GROUND, parts_of, walk
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.design.memory import ERROR_LIMIT, PREDICTION_ORDER, AnalogDesign
from lmu_hw.core.band import continuous_band
from lmu_hw.io.schema import schema_id

DRAWS = 1000
"""The number of circuits that are drawn for given tolerances."""

NOISE_ORDER = 16
"""The largest order for which the manifest predicts noise."""


@dataclass(frozen=True)
class Questions:
    """The analyses that a manifest reports beside the circuit itself.

    Attributes:
        error: The NRMSE of the outputs for which the least amplifiers are searched; none are by default.
        tolerances: The tolerances of the parts, with which circuits are drawn to judge the error of the outputs; none
            are drawn by default.
        seed: The seed of the draws, at least 0.
        limit: The NRMSE that every output of a drawn circuit has to keep to count for the yield.
        selection: How the op-amp was chosen, as `Selection.to_dict` tells it; None where it was given.
        part: The op-amp of the library; None where the model stands for none.
    """

    error: float | None = None
    tolerances: Tolerances | None = None
    seed: int = 0
    limit: float = ERROR_LIMIT
    selection: dict[str, Any] | None = None
    part: Part | None = None


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
    - `dropped_couplings` are those to outputs that are so small that they got no part.
    - `compensation` has the capacitors across feedback resistors, F, the resistors in series with the integrators'
      capacitors, ohm, and the number of T networks in place of large resistors.
    - `correction` is the error before and after couplings were changed to make up for the amplifiers, and the error of
      the worst output where their gain-bandwidth product is 20 % less or more; null where nothing was changed.
    - `stability` has the poles, 1/s, and the phase and gain margin of every op-amp, by itself and in the circuit, and
      of all together, with a stray capacitance at their inputs; null above order 64.
    - `selection` says which op-amp of the library was chosen, and why cheaper ones were not; null where one was given.
    - `allowed` says what would have been refused.
    - `offset` is the direct voltage at rest of each output from offsets and bias currents of the amplifiers: if offsets
      add up in power, and at worst; null where the model has neither.
    - `predicted` is the error by the linear model of the parts; null above order 64.
    - `noise` is that of the delayed outputs (of the states, where there are none) over the band, from resistors and
      from amplifiers whose model has noise, with its ratio to a sine of full scale; null above order 16.
    - `tolerance` is the error of the worst output over drawn circuits, with the share of each part in its mean square
      by the sensitivities; null unless tolerances are given.
    - `requirement` is the least gain and gain-bandwidth product that keep the stated error with parts at their nominal
      values, and whether the design's own amplifiers keep it; null unless one is stated. Where tolerances are given
      too, `yield` in `tolerance` is the share of drawn circuits that keep that error at their worst output; where no
      error is stated it is the share that keeps the limit of every design, `error` in `tolerance`.
    - `usable_band` is that of the memory itself, with ideal devices and exact parts.
    - `power_watts` has the power of amplifiers and resistors in W, and in `supply_amps` the current in A that the
      amplifiers are assumed to take from each supply: the typical one of an op-amp of the library, otherwise 0.1 mA per
      MHz of an op-amp's gain-bandwidth product unless a current is given, and twice the largest output current of a
      transconductor.
    - `part` is the op-amp of the library, and what to check before ordering it; null where the model stands for none.

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
        prediction = design.prediction
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
        "dropped_couplings": [
            {"sink": sink, "source": source, "share": share} for sink, source, share in design.network.dropped
        ],
        "compensation": {
            "capacitors": dict(design.additions.capacitors),
            "lead_resistors": dict(design.additions.leads),
            "t_networks": len(design.additions.tees),
        },
        "correction": _correction(design),
        "stability": None if design.realisation.states > PREDICTION_ORDER else design.stability.to_dict(),
        "allowed": list(design.allowed),
        "usable_band": continuous_band(design.realisation.states, design.realisation.theta).to_dict(),
        "predicted": predicted,
        "noise": output_noise(design) if design.realisation.states <= NOISE_ORDER else None,
        "offset": output_offsets(design) if design.realisation.states <= NOISE_ORDER else None,
        "part": None if questions.part is None else questions.part.to_dict(),
        "selection": questions.selection,
        "tolerance": _tolerance(design, questions),
        "requirement": requirement,
        "power_watts": estimate_power(
            circuit, supply=design.specification["supply"], swing=design.largest_voltage
        ).to_dict(),
    }


def _correction(design: AnalogDesign) -> dict[str, Any] | None:
    """Return the error before and after the correction, and with amplifiers of another bandwidth than it presumes."""
    corrected = design.correction
    if corrected is None:
        return None
    return {"before": corrected.before, "after": corrected.after, "output_nrmse_at_gbw_share": design.spread}


def _tolerance(design: AnalogDesign, questions: Questions) -> dict[str, Any] | None:
    if questions.tolerances is None:
        return None
    outcome = analyse(design, questions.tolerances, draws=DRAWS, seed=questions.seed)
    return {
        "resistor": questions.tolerances.resistor,
        "capacitor": questions.tolerances.capacitor,
        "gm": questions.tolerances.gm,
        "distribution": str(questions.tolerances.distribution),
        "draws": DRAWS,
        "seed": questions.seed,
        "median_nrmse": outcome.quantile(0.5),
        "nrmse_of_95_percent": outcome.quantile(0.95),
        "error": questions.limit,
        "yield": outcome.passing(questions.limit),
        "worst_case_nrmse": _worst_case(design, questions.tolerances),
        "sensitivity": _sensitivity(design, questions.tolerances),
    }


def _worst_case(design: AnalogDesign, tolerances: Tolerances) -> float | None:
    """Return a bound on the error of the worst output, to first order, where every part is at its limit.

    At every frequency the deviations of all parts add up in the worst way. None where tolerances have no limit.
    """
    if tolerances.distribution != Distribution.UNIFORM:
        return None
    return max(worst_case(design, tolerances, signal) for signal in reported_signals(design))


def _sensitivity(design: AnalogDesign, tolerances: Tolerances) -> dict[str, Any] | None:
    """Return the error of the worst signal and the share of each part in it; None where no part has a tolerance."""
    if not np.any(tolerances.deviations(equations(design.circuit)) > 0.0):
        return None
    budgets = {signal: error_budget(design, tolerances, signal) for signal in reported_signals(design)}
    worst = list(budgets)[descending([each.nrmse for each in budgets.values()])[0]]
    return {"signal": worst, "nrmse": budgets[worst].nrmse, "shares": budgets[worst].shares}


def _span(values: list[float]) -> list[float] | None:
    return [min(values), max(values)] if values else None
