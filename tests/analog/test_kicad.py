"""The KiCad netlist, read by an independent parser, is the circuit."""

from __future__ import annotations

from typing import Any

import pytest

from lmu_hw.analog.circuit.devices import SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Device, Resistor, VoltageSource
from lmu_hw.analog.circuit.graph import GROUND, walk
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES
from lmu_hw.analog.export.files import bill_of_materials, kicad_text
from lmu_hw.analog.export.kicad import SUPPLIES, placed_parts
from lmu_hw.errors import DesignError
from tests.analog.helpers import MakeDesign

Expression = list[Any]


def parse(text: str) -> Expression:
    """An S-expression of quoted strings and bare words as nested lists."""
    stack: list[Expression] = [[]]
    k = 0
    while k < len(text):
        if text[k] == "(":
            stack.append([])
        elif text[k] == ")":
            done = stack.pop()
            stack[-1].append(done)
        elif text[k] == '"':
            word = ""
            k += 1
            while text[k] != '"':
                k += text[k] == "\\"
                word += text[k]
                k += 1
            stack[-1].append(word)
        elif not text[k].isspace():
            end = min(text.find(mark, k) % (len(text) + 1) for mark in " ()\n")
            stack[-1].append(text[k:end])
            k = end - 1
        k += 1
    assert len(stack) == 1
    return stack[0][0]  # type: ignore[no-any-return]


def member(expression: Expression, key: str) -> Any:
    (found,) = [entry for entry in expression if isinstance(entry, list) and entry[0] == key]
    return found


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", STYLES)
def test_parts_pins_and_nets_are_those_of_the_circuit(make_design: MakeDesign, topology: str, style: str) -> None:
    design = make_design(4, topology=topology, style=style, opamp=SinglePoleOpAmp())
    netlist = parse(kicad_text(design, "c"))
    assert netlist[:2] == ["export", ["version", "E"]]
    components = {member(each, "ref")[1]: each for each in member(netlist, "components")[1:]}
    parts = placed_parts(design.circuit)
    assert [part.path for part in parts] == [path for path, _, _ in walk(design.circuit)]
    assert set(components) == {part.designator for part in parts} | {"J1", "J2", "J3"}
    pins = {
        (node[1][1], node[2][1]): member(net, "name")[1]
        for net in member(netlist, "nets")[1:]
        for node in net
        if isinstance(node, list) and node[0] == "node"
    }
    for part in parts:
        nets = [*part.nets.values(), *(SUPPLIES if isinstance(part.element, Device) else ())]
        wanted = ["GND" if net == GROUND else "/" + net.replace(".", "/") for net in nets]
        assert [pins.pop((part.designator, str(k))) for k in range(1, len(nets) + 1)] == wanted
        if isinstance(part.element, Resistor):
            assert float(member(components[part.designator], "value")[1]) == part.element.ohms
    connected = {net for (designator, _), net in pins.items() if designator.startswith("J")}
    assert len(connected) == len(pins) == len(design.circuit.ports) + 3


def test_designators_are_those_of_the_bill(make_design: MakeDesign) -> None:
    design = make_design(3)
    listed = {
        word: name
        for row in bill_of_materials(design)
        for word, name in zip(str(row["designator"]).split(), str(row["reference"]).split(), strict=True)
    }
    assert listed == {part.designator: part.element.name for part in placed_parts(design.circuit)}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # kinparse uses pyparsing's old names
@pytest.mark.parametrize("style", STYLES)
def test_an_independent_reader_finds_the_same(make_design: MakeDesign, style: str) -> None:
    kinparse = pytest.importorskip("kinparse")
    design = make_design(3, style=style)
    read = kinparse.parse_netlist(kicad_text(design, "lmu-hw spice"))
    assert {part.ref for part in read.parts} == {part.designator for part in placed_parts(design.circuit)} | {
        "J1",
        "J2",
        "J3",
    }
    nodes = sum(len(part.nets) + 2 * isinstance(part.element, Device) for part in placed_parts(design.circuit))
    assert sum(len(net.pins) for net in read.nets) == nodes + len(design.circuit.ports) + 3


def test_what_no_board_carries_is_refused(make_design: MakeDesign) -> None:
    design = make_design(1)
    design.circuit.add(VoltageSource("V_1", 1.0), p="x0", n=GROUND)
    with pytest.raises(DesignError, match=r"lmu\.V_1 must be a part that a board can carry, got voltage source"):
        placed_parts(design.circuit)


def test_text_cannot_break_out_of_its_quotes(make_design: MakeDesign) -> None:
    netlist = parse(kicad_text(make_design(1), 'say "x)" \\ and\nmore'))
    assert member(member(netlist, "design"), "source")[1] == 'say "x)" \\ and more'
