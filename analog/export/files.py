"""The files of a design: SPICE deck and library, bill of materials, KiCad netlist, schematic and manifest."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from lmu_hw.analog.amplifiers.library import Part
from lmu_hw.analog.circuit.devices import describe
from lmu_hw.analog.circuit.elements import Capacitor, Element, PiecewiseLinear, Resistor
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.kicad import Placed, kicad_netlist, placed_parts
from lmu_hw.analog.export.manifest import NOTHING, Questions, manifest
from lmu_hw.analog.export.spice import Transient, number, to_deck, to_subcircuit
from lmu_hw.io.files import write_json, write_text

BILL_COLUMNS = (
    "designator",
    "reference",
    "kind",
    "value",
    "unit",
    "count",
    "tolerance",
    "rating",
    "dielectric",
    "tempco_ppm",
    "package",
    "footprint",
    "part",
    "packages",
    "spare",
)
"""The columns of the bill of materials; those of purchase are empty where nothing particular is needed."""

TOLERANCES = {"E3": 20.0, "E6": 20.0, "E12": 10.0, "E24": 5.0, "E48": 2.0, "E96": 1.0, "E192": 0.5}
"""The tolerance for which each series of IEC 60063 is made, %."""

_DECOUPLING = 1e-7  # F, at each supply of each package
_LARGEST_C0G = 1e-7  # F; above, film


def bill_of_materials(design: AnalogDesign, part: Part | None = None) -> list[dict[str, str | int]]:
    """Return the rows of the bill of materials, one for each kind and value, by the keys `BILL_COLUMNS`.

    A row has the designators of all its parts, as in the KiCad netlist, and their names, as in the SPICE netlist, both
    separated by spaces. Amplifiers with supply pins are followed by their decoupling capacitors.

    Args:
        design: The design.
        part: The op-amp of the library; None where the model stands for none.
    """
    groups: dict[tuple[str, str, str], list[Placed]] = {}
    for placed in placed_parts(design.circuit):
        value, unit = placed.element.bill_value()
        groups.setdefault((placed.element.kind, value, unit), []).append(placed)
    rows = []
    for (kind, value, unit), members in groups.items():
        row: dict[str, str | int] = dict.fromkeys(BILL_COLUMNS, "")
        row |= {
            "designator": " ".join(each.designator for each in members),
            "reference": " ".join(each.element.name for each in members),
            "kind": kind,
            "value": value,
            "unit": unit,
            "count": len(members),
        }
        rows.append(row | _purchase(design, members[0].element, len(members), part))
    powered = [each for members in groups.values() for each in members if not each.element.passive]
    if design.supplies and powered:
        packages = math.ceil(len(powered) / (1 if part is None else part.channels))
        count = len(design.supplies) * packages
        row = dict.fromkeys(BILL_COLUMNS, "")
        rows.append(
            row
            | {"kind": "decoupling capacitor", "value": number(_DECOUPLING), "unit": "F", "count": count}
            | {"tolerance": "10 %", "rating": "50 V", "dielectric": "X7R", "package": "0603"}
            | {"footprint": "Capacitor_SMD:C_0603_1608Metric"}
        )
    return rows


def _purchase(design: AnalogDesign, element: Element, count: int, part: Part | None) -> dict[str, str | int]:
    """Return the columns that say what to order.

    Integrating and compensating capacitors need C0G or film: the dielectric absorption and the voltage dependence of
    X7R would show in the output.
    """
    if isinstance(element, Resistor):
        return {
            "tolerance": _tolerance(design, "resistor_series"),
            "rating": "0.1 W",
            "tempco_ppm": 25,
            "package": "0603",
            "footprint": "Resistor_SMD:R_0603_1608Metric",
        }
    if isinstance(element, Capacitor):
        tolerance = _tolerance(design, "capacitor_series")
        if element.farads <= _LARGEST_C0G:
            size, metric = ("0603", "1608") if element.farads <= 1e-8 else ("1206", "3216")
            return {
                "tolerance": tolerance,
                "rating": "50 V",
                "dielectric": "C0G",
                "tempco_ppm": 30,
                "package": size,
                "footprint": f"Capacitor_SMD:C_{size}_{metric}Metric",
            }
        return {
            "tolerance": tolerance,
            "rating": "63 V",
            "dielectric": "film (PP or PET)",
            "tempco_ppm": 200,
            "package": "radial, 5 mm",
            "footprint": "Capacitor_THT:C_Rect_L7.2mm_W7.2mm_P5.00mm_FKS2_FKP2_MKS2_MKP2",
        }
    if part is None:
        return {}
    packages = math.ceil(count / part.channels)
    return {
        "part": f"{part.maker} {part.name}",
        "package": part.package,
        "packages": packages,
        "spare": packages * part.channels - count,
    }


def _tolerance(design: AnalogDesign, series: str) -> str:
    name = design.specification[series]
    return f"{TOLERANCES[name]:g} %" if name is not None else ""


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
        *(f"allowed all the same: {line}" for line in design.allowed),
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


def bill_text(design: AnalogDesign, part: Part | None = None) -> str:
    """Return the bill of materials as CSV; see `bill_of_materials`."""
    table = io.StringIO()
    rows = csv.DictWriter(table, BILL_COLUMNS, lineterminator="\n")
    rows.writeheader()
    rows.writerows(bill_of_materials(design, part))
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
        questions: The analyses that the manifest reports beside the circuit itself, and the op-amp of the library,
            which the bill of materials names, too.

    Returns:
        The path of each file under "netlist", "library", "kicad", "bom", "schematic" and "manifest".

    Raises:
        ElectricalRuleError: The circuit breaks an electrical rule.
        DesignError: No amplifiers keep the error.
    """
    directory = Path(directory)
    name = design.circuit.name
    deck, netlist = deck_text(design, command), kicad_text(design, command)
    drawing, bill = schematic(design), bill_text(design, questions.part)
    data = {**manifest(design, questions), "command": command}
    return {
        "netlist": write_text(directory / f"{name}.cir", deck),
        "library": write_text(directory / f"{name}.lib", subcircuit_text(design, command)),
        "kicad": write_text(directory / f"{name}.net", netlist),
        "bom": write_text(directory / "bom.csv", bill),
        "schematic": write_text(directory / f"{name}.svg", drawing),
        "manifest": write_json(directory / "manifest.json", data),
    }
