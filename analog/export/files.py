"""The files of a design: SPICE deck and library, bill of materials, KiCad netlist, schematic and manifest."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lmu_hw.analog.circuit.devices import describe
from lmu_hw.analog.circuit.elements import PiecewiseLinear
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.kicad import kicad_netlist, placed_parts
from lmu_hw.analog.export.manifest import NOTHING, Questions, manifest
from lmu_hw.analog.export.spice import Transient, number, to_deck, to_subcircuit
from lmu_hw.io.files import write_json, write_text

BILL_COLUMNS = ("designator", "reference", "kind", "value", "unit", "count")


def bill_of_materials(design: AnalogDesign) -> list[dict[str, str | int]]:
    """Return the rows of the bill of materials, one for each kind and value, by the keys `BILL_COLUMNS`.

    A row has the designators of all its parts, as in the KiCad netlist, and their names, as in the SPICE netlist, both
    separated by spaces.
    """
    groups: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for part in placed_parts(design.circuit):
        value, unit = part.element.bill_value()
        groups.setdefault((part.element.kind, value, unit), []).append((part.designator, part.element.name))
    return [
        {
            "designator": " ".join(designator for designator, _ in members),
            "reference": " ".join(name for _, name in members),
            "kind": kind,
            "value": value,
            "unit": unit,
            "count": len(members),
        }
        for (kind, value, unit), members in groups.items()
    ]


def header(design: AnalogDesign, command: str) -> list[str]:
    """Return the header of a generated text: its content, the specification and the command that made it."""
    device = design.technology.device
    scaling = [*design.state_scaling.tolist(), *design.output_scaling.tolist()]
    asked = ", ".join(f"{key}={value}" for key, value in design.specification.items())
    return [
        f"{design.circuit.name}: Legendre memory, {design.realisation.topology} {design.style} circuit",
        f"specification: {asked}",
        f"command: {command}",
        f"{device.device}s: {describe(device)}",
        f"signals: u = input, x<i> = states, y<k> = delayed outputs{_kinds(design)}; volts per unit of each:",
        f"  u  {number(design.input_scaling)}",
        *(f"  {signal}  {number(volts)}" for signal, volts in zip(design.signals, scaling, strict=True)),
    ]


def _kinds(design: AnalogDesign) -> str:
    coefficients = ", m<i> = Legendre coefficients" if design.specification["coefficient_outputs"] else ""
    return coefficients + ("; each is v(<signal>_p) - v(<signal>_n)" if design.technology.differential else "")


def subcircuit_text(design: AnalogDesign, command: str) -> str:
    """Return the self-contained SPICE library of a design; its pins are ``[port.name for port in circuit.ports]``.

    It uses only what ngspice, LTspice and Xyce share: subcircuits with parameters in braces, R, C, X, and controlled
    sources; no options, no analyses, no suffixes of numbers, and names that differ by more than case.
    """
    return to_subcircuit(design.circuit, header(design, command))


def deck_text(design: AnalogDesign, command: str) -> str:
    """Return a deck that ``ngspice -b`` runs unchanged: a full-scale step at the input, simulated for two windows."""
    theta = design.realisation.theta
    volts = design.input_scaling
    step = PiecewiseLinear((0.0, 1e-4 * theta, 2.0 * theta), (0.0, volts, volts))
    return to_deck(
        design.bench(step),
        [Transient(step=theta / 100.0, stop=2.0 * theta, max_step=theta / 1000.0)],
        header=header(design, command),
    )


def schematic(design: AnalogDesign) -> str:
    """Return the schematic as SVG text."""
    from lmu_hw.analog.export.schematic import schematic_svg

    asked, device = design.specification, design.technology.device
    return schematic_svg(
        design.circuit,
        f"{design.circuit.name}: Legendre memory, order {asked['order']}, theta {asked['theta']!r} s, "
        f"{design.realisation.topology} {design.style}",
        [f"{device.device}s: {describe(device)}; nets of the same name are joined"],
    )


def kicad_text(design: AnalogDesign, command: str) -> str:
    """Return the KiCad netlist, with the values of the bill of materials."""
    values = {part.path: part.element.bill_value()[0] for part in placed_parts(design.circuit)}
    return kicad_netlist(design.circuit, command, values)


def bill_text(design: AnalogDesign) -> str:
    """Return the bill of materials as CSV."""
    table = io.StringIO()
    rows = csv.DictWriter(table, BILL_COLUMNS, lineterminator="\n")
    rows.writeheader()
    rows.writerows(bill_of_materials(design))
    return table.getvalue()


def write_design(
    design: AnalogDesign,
    directory: str | Path,
    command: str = "lmu_hw.analog.write_design",
    questions: Questions = NOTHING,
) -> dict[str, Path]:
    """Write NAME.cir, NAME.lib, NAME.net, NAME.svg, bom.csv and manifest.json; return their paths by role.

    All texts are made before the first file is written, so that an error leaves no files.

    Args:
        design: The design to write.
        directory: The folder, which is made if there is none.
        command: The command line of the request, for the headers.
        questions: The analyses that the manifest reports beside the circuit itself.

    Returns:
        The path of each file under "netlist", "library", "kicad", "bom", "schematic" and "manifest".

    Raises:
        ElectricalRuleError: The circuit breaks an electrical rule.
        DesignError: No amplifiers keep the error.
    """
    directory = Path(directory)
    name = design.circuit.name
    deck, netlist = deck_text(design, command), kicad_text(design, command)
    drawing, bill = schematic(design), bill_text(design)
    data = {**manifest(design, questions), "command": command}
    return {
        "netlist": write_text(directory / f"{name}.cir", deck),
        "library": write_text(directory / f"{name}.lib", subcircuit_text(design, command)),
        "kicad": write_text(directory / f"{name}.net", netlist),
        "bom": write_text(directory / "bom.csv", bill),
        "schematic": write_text(directory / f"{name}.svg", drawing),
        "manifest": write_json(directory / "manifest.json", data),
    }
