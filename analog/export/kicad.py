"""A KiCad netlist: the parts of a circuit with designators, pins and nets, as Pcbnew and other tools read it.

The format is the S-expression that Eeschema writes ("export", version E). Resistors and capacitors are those of KiCad's
own library Device; amplifiers are parts of a library of this project's name, described in the netlist itself, with
their two supply pins. The ports, the supplies and ground leave the board on connectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lmu_hw.analog.circuit.devices import SUPPLIES
from lmu_hw.analog.circuit.elements import Element
from lmu_hw.analog.circuit.graph import GROUND, Circuit, walk
from lmu_hw.errors import DesignError

LIBRARY = "lmu_hw"
_TYPES = {"inp": "input", "inn": "input", "out": "output", "outp": "output", "outn": "output"}


@dataclass(frozen=True)
class Placed:
    """A part of the circuit on a board.

    Attributes:
        designator: The designator, such as "R1", "C1" or "U1".
        path: The path of the element, see `circuit.graph.walk`.
        element: The element.
        nets: The net at each pin, in pin order.
    """

    designator: str
    path: str
    element: Element
    nets: dict[str, str]


def placed_parts(circuit: Circuit) -> list[Placed]:
    """Return the parts of `circuit` with designators, which are numbered for each letter in the order of the netlist.

    Raises:
        DesignError: An element is not a part that a board can carry, for example a source.
    """
    counts: dict[str, int] = {}
    parts = []
    for path, element, nets in walk(circuit):
        letter = element.designator
        if not letter:
            raise DesignError(f"{circuit.name}.{path}", "a part that a board can carry", element.kind)
        counts[letter] = counts.get(letter, 0) + 1
        parts.append(Placed(f"{letter}{counts[letter]}", path, element, nets))
    return parts


def kicad_netlist(circuit: Circuit, source: str, values: dict[str, str]) -> str:
    """Return the netlist as text.

    Args:
        circuit: A circuit whose ports are inputs and outputs.
        source: The source of the netlist, for its header.
        values: The value to print for each part, by path.

    Raises:
        DesignError: An element is not a part that a board can carry.
    """
    parts = placed_parts(circuit)
    lines = ['(export (version "E")', "  (design"]
    lines += [f"    (source {_quoted(source)})", f"    (tool {_quoted('lmu-hw spice')}))", "  (components"]
    for part in parts:
        library, name = _symbol(part.element)
        sheet = "/" + "".join(f"{step}/" for step in part.path.split(".")[:-1])
        lines += [
            f"    (comp (ref {_quoted(part.designator)})",
            f"      (value {_quoted(values[part.path])})",
            f"      (fields (field (name {_quoted('Netlist')}) {_quoted(part.path)}))",
            f"      (libsource (lib {_quoted(library)}) (part {_quoted(name)}) (description {_quoted('')}))",
            f"      (sheetpath (names {_quoted(sheet)}) (tstamps {_quoted(sheet)})))",
        ]
    connectors = list(_connectors(circuit, parts))
    for designator, nets in connectors:
        lines += [
            f"    (comp (ref {_quoted(designator)})",
            f"      (value {_quoted(' '.join(nets))})",
            f"      (libsource (lib {_quoted('Connector_Generic')}) (part {_quoted(f'Conn_01x{len(nets):02d}')})"
            f" (description {_quoted('')}))",
            f"      (sheetpath (names {_quoted('/')}) (tstamps {_quoted('/')})))",
        ]
    lines[-1] += ")"
    lines.append("  (libparts")
    for (library, name), pins in {_symbol(part.element): _pins(part.element) for part in parts}.items():
        lines.append(f"    (libpart (lib {_quoted(library)}) (part {_quoted(name)})")
        lines.append("      (pins")
        for number, (pin, kind) in enumerate(pins, start=1):
            lines.append(f"        (pin (num {_quoted(str(number))}) (name {_quoted(pin)}) (type {_quoted(kind)}))")
        lines[-1] += "))"
    lines[-1] += ")"
    lines.append("  (nets")
    for code, (net, nodes) in enumerate(_nets(parts, connectors).items(), start=1):
        lines.append(f"    (net (code {_quoted(str(code))}) (name {_quoted(_net_name(net))})")
        lines += [f"      (node (ref {_quoted(designator)}) (pin {_quoted(str(pin))}))" for designator, pin in nodes]
        lines[-1] += ")"
    return "\n".join(lines) + "))\n"


def _symbol(element: Element) -> tuple[str, str]:
    """Return the library and the name in it: KiCad's own of passive parts, this project's of amplifiers."""
    if element.passive:
        return "Device", element.designator
    return LIBRARY, element.kind.replace(" ", "_").replace("-", "").upper()


def _pins(element: Element) -> list[tuple[str, str]]:
    """Return the name and the type of each pin, in the order of their numbers; an amplifier's supplies come last."""
    if element.passive:
        return [("~", "passive"), ("~", "passive")]
    signals = [pin for pin in element.pins if pin not in SUPPLIES]
    return [(pin, _TYPES[pin]) for pin in signals] + [(net, "power_in") for net in SUPPLIES]


def _connectors(circuit: Circuit, parts: Sequence[Placed]) -> Iterator[tuple[str, list[str]]]:
    yield "J1", [port.name for port in circuit.ports if port.direction == "in"]
    yield "J2", [port.name for port in circuit.ports if port.direction == "out"]
    yield "J3", [*SUPPLIES, GROUND]


def _nets(parts: Sequence[Placed], connectors: Sequence[tuple[str, list[str]]]) -> dict[str, list[tuple[str, int]]]:
    nodes: dict[str, list[tuple[str, int]]] = {}
    for part in parts:
        signals = [net for pin, net in part.nets.items() if pin not in SUPPLIES]
        supplies = () if part.element.passive else SUPPLIES
        for number, net in enumerate([*signals, *supplies], start=1):
            nodes.setdefault(net, []).append((part.designator, number))
    for designator, nets in connectors:
        for number, net in enumerate(nets, start=1):
            nodes.setdefault(net, []).append((designator, number))
    return nodes


def _net_name(net: str) -> str:
    """Return KiCad's name of a net: GND, or the path with slashes."""
    return "GND" if net == GROUND else "/" + net.replace(".", "/")


def _quoted(text: str) -> str:
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
