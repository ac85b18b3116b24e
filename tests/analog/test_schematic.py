"""The schematic shows every part, or says what it leaves out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from lmu_hw.analog.circuit.graph import walk
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES
from lmu_hw.analog.export.files import schematic
from lmu_hw.analog.export.schematic import stages
from tests.analog.helpers import MakeDesign

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("order", [1, 3, 8])
def test_the_full_schematic_shows_every_part_and_net(
    make_design: MakeDesign, topology: str, style: str, order: int
) -> None:
    design = make_design(order, topology=topology, style=style, delays=(1.0, 0.5))
    shown = texts(schematic(design))
    heads = {text.split(":")[0] for text in shown}
    for _, element, _ in walk(design.circuit):
        assert element.name in heads
    for port in design.circuit.ports:
        assert port.name in shown
    assert not any("more, alike" in text for text in shown)


@pytest.mark.parametrize("style", STYLES)
def test_texts_of_a_stage_do_not_lie_on_each_other(make_design: MakeDesign, style: str) -> None:
    """No two texts that start within half a character's width of each other's line and place."""
    svg = schematic(make_design(5, style=style))
    starts = []
    for node in ET.fromstring(svg).iter(f"{SVG}text"):
        starts.append((round(float(node.attrib["x"]), 1), round(float(node.attrib["y"]), 1)))
    assert len(set(starts)) == len(starts)


def test_a_ladder_of_32_states_is_drawn_in_full(make_design: MakeDesign) -> None:
    shown = texts(schematic(make_design(32, topology="ladder", style="gm-c")))
    assert sum(bool(re.match(r"X_x\d+_x\d+:", text)) for text in shown) == 63


@pytest.mark.parametrize(("style", "rows"), [("opamp-rc", 1), ("opamp-rc-differential", 2), ("gm-c", 1)])
def test_a_large_schematic_shows_one_of_each_kind(make_design: MakeDesign, style: str, rows: int) -> None:
    shown = texts(schematic(make_design(12, style=style)))
    assert any(text.startswith("12 integrators, with the outputs x0, x1, ..., x11") for text in shown)
    assert any(text.startswith("11 inverters") for text in shown) == (style == "opamp-rc")
    assert any(text.startswith("1 summing stage, with the outputs y0") for text in shown)
    assert shown.count("7 more, alike") == rows
    assert sum(bool(re.match(r"[RX]_x11_(x\d|u)", text)) for text in shown) == 6 * rows


def test_values_are_drawn_with_prefixes(make_design: MakeDesign) -> None:
    shown = texts(schematic(make_design(2, capacitor=2.2e-9)))
    assert "C_x0: 2.2 nF" in shown
    (inverter,) = [text for text in shown if text.startswith("R_fb_") and "_neg" in text]
    assert inverter.endswith(": 100 kΩ")
    cells = texts(schematic(make_design(2, style="gm-c")))
    assert any(re.fullmatch(r"X_load_y0: 1 µS", text) for text in cells)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", STYLES)
def test_stages_cover_all_parts(make_design: MakeDesign, topology: str, style: str) -> None:
    design = make_design(4, topology=topology, style=style, delays=(1.0, 0.5))
    found = stages(design.circuit)
    names = [part.name for stage in found for part in stage.parts]
    assert sorted(names) == sorted(element.name for _, element, _ in walk(design.circuit))
    states = [stage.kind for stage in found if stage.signal in ("x0", "x1", "x2", "x3")]
    assert states == ["integrator"] * 4
    assert sum(stage.kind == "inverter" for stage in found) == design.inverters
