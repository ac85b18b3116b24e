"""What a design leaves behind: SPICE deck, bill of materials, manifest and schematic."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from lmu_hw.analog.bench import bench_for
from lmu_hw.analog.circuit import GROUND
from lmu_hw.analog.design import PREDICTION_ORDER, AnalogDesign
from lmu_hw.analog.elements import Capacitor, OpAmp, PiecewiseLinear, Resistor
from lmu_hw.analog.opamp import describe
from lmu_hw.analog.spice import Transient, number, to_deck, to_subcircuit
from lmu_hw.artifacts import write_json, write_text


def bill_of_materials(design: AnalogDesign) -> list[dict[str, str | int]]:
    """One row per kind and value: reference (all of the row's, spaced), kind, value (ohm or farad), count."""
    groups: dict[tuple[str, str], list[str]] = {}
    for element in design.circuit.elements:
        match element:
            case Resistor(ohms=value) | Capacitor(farads=value):
                text = number(value)
            case OpAmp(model=model):
                text = describe(model)
            case _:
                continue
        groups.setdefault((element.kind, text), []).append(element.name)
    return [
        {"reference": " ".join(names), "kind": kind, "value": value, "count": len(names)}
        for (kind, value), names in groups.items()
    ]


def manifest(design: AnalogDesign) -> dict[str, Any]:
    """Everything that a reader or a script needs to use and judge the circuit, as plain data.

    `couplings` counts the resistors from state to state, `elements` all parts, `nodes` the nets without
    ground, op-amps taken as one part each. The scaling of a state is negative where its net carries it
    inverted. `predicted` is null above order 64.
    """
    circuit = design.circuit
    resistors, capacitors = circuit.of(Resistor), circuit.of(Capacitor)
    ohms, farads = [part.ohms for part in resistors], [part.farads for part in capacitors]
    predicted = None
    if design.realisation.states <= PREDICTION_ORDER:
        prediction = design.predict()
        predicted = {
            "nrmse": prediction.nrmse,
            "output_nrmse": list(prediction.output_nrmse),
            "band_hz": prediction.band_hz,
        }
    return {
        "name": circuit.name,
        "topology": design.realisation.topology,
        "style": design.style,
        "specification": design.specification,
        "ports": [{"name": port.name, "direction": port.direction} for port in circuit.ports],
        "couplings": sum(part.name.startswith("R_a_") for part in resistors),
        "elements": len(circuit.elements),
        "nodes": sum(net != GROUND for net in circuit.nets),
        "resistors": len(resistors),
        "capacitors": len(capacitors),
        "opamps": len(circuit.of(OpAmp)),
        "inverters": design.polarity.inverters,
        "opamp": {"model": design.opamp.label, **design.opamp.parameters},
        "scaling": {
            "input_volts_per_unit": design.input_scaling,
            "state_volts_per_unit": design.state_scaling.tolist(),
            "output_volts_per_unit": design.output_scaling.tolist(),
        },
        "component_ranges": {
            "resistor_ohms": [min(ohms), max(ohms)],
            "capacitor_farads": [min(farads), max(farads)],
        },
        "predicted": predicted,
    }


def header(design: AnalogDesign, command: str) -> list[str]:
    """Lines for the head of a generated text: what it is, its specification and the command that made it."""
    asked = ", ".join(f"{key}={value}" for key, value in design.specification.items())
    return [
        f"{design.circuit.name}: Legendre memory, {design.realisation.topology} {design.style} circuit",
        f"specification: {asked}",
        f"command: {command}",
        f"op-amps: {describe(design.opamp)}",
        "nets: u = input, x<i> = states, y<k> = delayed outputs; volts per unit of each:",
        f"  u  {number(design.input_scaling)}",
        *(f"  x{i}  {number(volts)}" for i, volts in enumerate(design.state_scaling)),
        *(f"  y{k}  {number(volts)}" for k, volts in enumerate(design.output_scaling)),
    ]


def subcircuit_text(design: AnalogDesign, command: str) -> str:
    """The self-contained SPICE library text; its pins are ``[port.name for port in circuit.ports]``."""
    return to_subcircuit(design.circuit, header(design, command))


def deck_text(design: AnalogDesign, command: str) -> str:
    """A deck that ``ngspice -b`` runs unchanged: a full-scale step at the input, watched for two windows."""
    theta = design.realisation.theta
    volts = design.input_scaling
    step = PiecewiseLinear((0.0, 1e-4 * theta, 2.0 * theta), (0.0, volts, volts))
    return to_deck(
        bench_for(design.circuit, step),
        [Transient(step=theta / 100.0, stop=2.0 * theta, max_step=theta / 1000.0)],
        header=header(design, command),
    )


def schematic(design: AnalogDesign) -> str:
    """The schematic as SVG text."""
    from lmu_hw.analog.schematic import schematic_svg  # the drawing library is loaded for this alone

    asked = design.specification
    return schematic_svg(
        design.circuit,
        f"{design.circuit.name}: Legendre memory, order {asked['order']}, theta {asked['theta']!r} s, "
        f"{design.realisation.topology} {design.style}",
        [f"op-amps: {describe(design.opamp)}; nets of the same name are joined"],
    )


def write_design(design: AnalogDesign, directory: Path, command: str) -> dict[str, Path]:
    """Write NAME.cir, bom.csv, NAME.svg and manifest.json into `directory`; return their paths by role.

    Everything is rendered before the first file is written, so that a design that cannot be rendered leaves
    nothing behind.

    Args:
        design: what to write.
        directory: created where it does not exist.
        command: the command line that asked for it, for the headers.

    Raises:
        ElectricalRuleError: the circuit breaks an electrical rule.
    """
    name = design.circuit.name
    deck, drawing = deck_text(design, command), schematic(design)
    data = {**manifest(design), "command": command}
    table = io.StringIO()
    rows = csv.DictWriter(table, ["reference", "kind", "value", "count"], lineterminator="\n")
    rows.writeheader()
    rows.writerows(bill_of_materials(design))
    return {
        "netlist": write_text(directory / f"{name}.cir", deck),
        "bom": write_text(directory / "bom.csv", table.getvalue()),
        "schematic": write_text(directory / f"{name}.svg", drawing),
        "manifest": write_json(directory / "manifest.json", data),
    }
