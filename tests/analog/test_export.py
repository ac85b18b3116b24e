"""The files of a design: complete, consistent with the circuit, and all or none."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from lmu_hw.analog.circuit import Circuit
from lmu_hw.analog.design import AnalogDesign
from lmu_hw.analog.elements import Element, Resistor
from lmu_hw.analog.export import bill_of_materials, manifest, schematic, write_design
from lmu_hw.analog.opamp import SinglePoleOpAmp
from lmu_hw.analog.rules import ElectricalRuleError
from lmu_hw.analog.schematic import FULL_ORDER, stages

MakeDesign = Callable[..., AnalogDesign]


def texts(svg: str) -> list[str]:
    nodes = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(node.itertext()).strip() for node in nodes]


def test_write_leaves_the_four_files_of_the_contract(make_design: MakeDesign, tmp_path: Path) -> None:
    design = make_design(4, name="memory", opamp=SinglePoleOpAmp())
    paths = write_design(design, tmp_path / "out", "lmu-hw spice --order 4")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bom.csv",
        "manifest.json",
        "memory.cir",
        "memory.svg",
    ]
    assert paths["netlist"].read_text().splitlines()[-1] == ".end"
    before = {path: path.read_bytes() for path in paths.values()}
    again = make_design(4, name="memory", opamp=SinglePoleOpAmp())
    write_design(again, tmp_path / "out", "lmu-hw spice --order 4")
    assert {path: path.read_bytes() for path in paths.values()} == before


def test_files_do_not_depend_on_the_order_of_hashing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lmu_hw.analog.design import design_opamp_rc as design; "
        "from lmu_hw.analog.export import write_design as write; "
        "write(design(5, 0.1, ranges=[2.0] * 5, readout_delays=(1.0, 0.3)), Path(sys.argv[1]), 'c')"
    )
    written = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True, env=environment)
        written.append({path.name: path.read_bytes() for path in (tmp_path / seed).iterdir()})
    assert len(written[0]) == 4
    assert written[0] == written[1]


def test_manifest_agrees_with_the_circuit(make_design: MakeDesign) -> None:
    design = make_design(6, opamp=SinglePoleOpAmp(gbw=2e7), readout_delays=(1.0, 0.5))
    data = json.loads(json.dumps(manifest(design)))
    assert data["couplings"] == 36
    assert data["elements"] == data["resistors"] + data["capacitors"] + data["opamps"]
    assert data["elements"] == len(design.circuit.elements)
    assert data["nodes"] == len(design.circuit.nets) - 1
    assert (data["topology"], data["style"]) == ("dense", "opamp-rc")
    assert data["opamp"] == {"model": "single-pole", "gain": 1e6, "gbw": 2e7, "rout": 50.0}
    assert [port["name"] for port in data["ports"]] == ["u", *(f"x{i}" for i in range(6)), "y0", "y1"]
    assert data["scaling"]["state_volts_per_unit"] == design.state_scaling.tolist()
    ohms = [part.ohms for part in design.circuit.of(Resistor)]
    assert data["component_ranges"]["resistor_ohms"] == [min(ohms), max(ohms)]
    assert data["specification"]["order"] == 6
    assert 0 < data["predicted"]["nrmse"] < 1e-2
    assert len(data["predicted"]["output_nrmse"]) == 2


def test_large_orders_have_no_prediction(make_design: MakeDesign) -> None:
    design = make_design(65, ranges=[10.0] * 65)
    assert manifest(design)["predicted"] is None


def test_every_part_is_in_the_bill_once(make_design: MakeDesign, tmp_path: Path) -> None:
    design = make_design(5)
    write_design(design, tmp_path, "c")
    with (tmp_path / "bom.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["reference", "kind", "value", "count"]
    names = [name for row in rows for name in row["reference"].split()]
    assert sorted(names) == sorted(element.name for element in design.circuit.elements)
    assert all(len(row["reference"].split()) == int(row["count"]) for row in rows)
    by_name = {name: row for row in rows for name in row["reference"].split()}
    for part in design.circuit.of(Resistor):
        assert float(by_name[part.name]["value"]) == part.ohms
        assert by_name[part.name]["kind"] == "resistor"
    assert [row["count"] for row in rows] == [str(row["count"]) for row in bill_of_materials(design)]


def test_a_broken_circuit_leaves_no_file(make_design: MakeDesign, tmp_path: Path) -> None:
    design = make_design(2)
    design.circuit.add(Resistor("R_bad", -1.0), p="x0", n="x1")
    with pytest.raises(ElectricalRuleError, match=r"lmu_bench\.X_lmu\.R_bad"):
        write_design(design, tmp_path / "out", "c")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("order", [1, 3, FULL_ORDER])
def test_the_full_schematic_shows_every_part_and_net(make_design: MakeDesign, order: int) -> None:
    design = make_design(order, readout_delays=(1.0, 0.5))
    shown = texts(schematic(design))
    for element in design.circuit.elements:
        assert any(text.split(":")[0] == element.name for text in shown), element.name
    for port in design.circuit.ports:
        assert port.name in shown
    assert not any("more, alike" in text for text in shown)


def test_a_large_schematic_shows_one_of_each_kind(make_design: MakeDesign) -> None:
    shown = texts(schematic(make_design(FULL_ORDER + 4)))
    assert any(text.startswith("12 integrators, with the outputs x0, x1, ..., x11") for text in shown)
    assert any(text.startswith("11 inverters") for text in shown)
    assert any(text.startswith("1 summing amplifier, with the outputs y0") for text in shown)
    assert "7 more, alike" in shown
    assert sum(text.split(":")[0].startswith("R_a_") for text in shown) == 5


def test_values_are_drawn_with_prefixes(make_design: MakeDesign) -> None:
    design = make_design(2, capacitor=2.2e-9)
    shown = texts(schematic(design))
    assert "C_0: 2.2 nF" in shown
    (inverter,) = [text for text in shown if text.startswith("R_inv_in_1")]
    assert inverter == "R_inv_in_1: 100 kΩ"


def test_stages_cover_all_parts(make_design: MakeDesign) -> None:
    circuit: Circuit = make_design(5).circuit
    found = stages(circuit)
    parts: list[Element] = [stage.amplifier for stage in found]
    parts += [part for stage in found for part, _ in stage.inputs]
    parts += [part for stage in found for part in stage.feedback]
    assert sorted(part.name for part in parts) == sorted(element.name for element in circuit.elements)
    assert [stage.kind for stage in found] == ["integrator"] * 5 + ["inverter"] * 4 + ["summing amplifier"]
