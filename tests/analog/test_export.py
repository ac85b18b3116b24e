"""The files of a design: complete, consistent with the circuit, and all or none."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.analog.analysis.monte_carlo import Tolerances
from lmu_hw.analog.analysis.small_signal import noise
from lmu_hw.analog.circuit.devices import MacroOpAmp, MacroOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, Device, Resistor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import walk
from lmu_hw.analog.circuit.rules import ElectricalRuleError
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES
from lmu_hw.analog.design.parts import Series
from lmu_hw.analog.export.files import BILL_COLUMNS, bill_of_materials, write_design
from lmu_hw.analog.export.manifest import Questions, manifest
from tests.analog.golden import GOLDEN, golden_texts
from tests.analog.helpers import MakeDesign

every_topology = pytest.mark.parametrize("topology", TOPOLOGIES)
every_style = pytest.mark.parametrize("style", STYLES)


def test_write_leaves_the_files_of_the_contract(make_design: MakeDesign, tmp_path: Path) -> None:
    design = make_design(4, name="memory", opamp=SinglePoleOpAmp())
    paths = write_design(design, tmp_path / "out", "lmu-hw spice --order 4")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bom.csv",
        "manifest.json",
        "memory.cir",
        "memory.lib",
        "memory.net",
        "memory.svg",
    ]
    assert paths["netlist"].read_text().splitlines()[-1] == ".end"
    before = {path: path.read_bytes() for path in paths.values()}
    again = make_design(4, name="memory", opamp=SinglePoleOpAmp())
    write_design(again, tmp_path / "out", "lmu-hw spice --order 4")
    assert {path: path.read_bytes() for path in paths.values()} == before


@every_topology
@every_style
def test_files_are_the_golden_ones(topology: str, style: str) -> None:
    """See `tests.analog.golden` for what they are and how they are renewed."""
    folder = GOLDEN / f"{topology}_{style}"
    texts = golden_texts(topology, style)
    assert {path.name for path in folder.iterdir()} == set(texts)
    for name, text in texts.items():
        assert text == (folder / name).read_text(encoding="utf-8"), f"{folder.name}/{name} differs"


def test_files_do_not_depend_on_the_order_of_hashing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lmu_hw.analog.design.memory import design_memory as design; "
        "from lmu_hw.analog.design.parts import Series; from lmu_hw.analog.export.files import write_design as write; "
        "made = design(4, 0.1, topology='chain', delays=(1.0, 0.3), resistors=Series('E24')); "
        "write(made, Path(sys.argv[1]), 'c')"
    )
    written = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True, env=environment)
        written.append({path.name: path.read_bytes() for path in (tmp_path / seed).iterdir()})
    assert len(written[0]) == 6
    assert written[0] == written[1]


@every_topology
@every_style
def test_manifest_agrees_with_the_circuit(make_design: MakeDesign, topology: str, style: str) -> None:
    design = make_design(6, topology=topology, style=style, opamp=SinglePoleOpAmp(gbw=2e7), delays=(1.0, 0.5))
    data = json.loads(json.dumps(manifest(design)))
    parts = list(walk(design.circuit))
    assert data["couplings"] == {"dense": 36, "chain": 23, "ladder": 11}[topology]
    kinds = ("resistors", "capacitors", "opamps", "transconductors")
    assert data["elements"] == sum(data[kind] for kind in kinds) == len(parts)
    assert data["nodes"] == len({net for _, _, nets in parts for net in nets.values()} - {"0"})
    assert (data["topology"], data["style"]) == (topology, style)
    model = data["transconductor" if style == "gm-c" else "opamp"]
    assert model["model"] == design.technology.device.label
    names = [port["name"] for port in data["ports"]]
    assert names == [net for signal in ("u", *design.signals) for net in design.signal_nets(signal)]
    assert data["scaling"]["state_volts_per_unit"] == design.state_scaling.tolist()
    assert data["legendre_map"] == design.realisation.legendre_map.tolist()
    ohms = [part.ohms for _, part, _ in parts if isinstance(part, Resistor)]
    assert data["component_ranges"]["resistor_ohms"] == ([min(ohms), max(ohms)] if ohms else None)
    assert data["specification"]["order"] == 6
    assert 0 <= data["predicted"]["nrmse"] < 1e-2
    assert len(data["predicted"]["output_nrmse"]) == 2
    assert data["impedance"]["impedance"] == design.level.impedance
    assert list(data["noise"]["volts_rms"]) == list(data["noise"]["snr_db"]) == ["y0", "y1"]
    assert data["power_watts"]["resistors"] >= 0.0
    assert data["rounding"] is data["tolerance"] is data["requirement"] is None


def test_manifest_answers_what_it_is_asked(make_design: MakeDesign) -> None:
    design = make_design(3, topology="ladder", resistors=Series("E96"), capacitors=Series("E12"))
    data = manifest(design, Questions(0.05, Tolerances(resistor=0.01), seed=7))
    assert data["requirement"]["error"] == 0.05
    assert data["requirement"]["predicted"] <= 0.05
    assert data["tolerance"]["seed"] == 7
    assert 0.0 < data["tolerance"]["median_nrmse"] < data["tolerance"]["nrmse_of_95_percent"] < 0.1
    found = data["tolerance"]["sensitivity"]
    assert found["signal"] in design.signals
    assert sum(found["shares"].values()) == pytest.approx(1.0)
    assert set(found["shares"]) <= {path for path, _, _ in walk(design.circuit)}
    assert 0.3 < found["nrmse"] / data["tolerance"]["median_nrmse"] < 3.0
    without = manifest(make_design(3, style="gm-c"), Questions(tolerances=Tolerances(resistor=0.01)))
    assert without["tolerance"]["sensitivity"] is None
    assert data["rounding"]["joint_nrmse"] < data["rounding"]["nearest_nrmse"]
    again = manifest(design, Questions(0.05, Tolerances(resistor=0.01), seed=7))
    assert again == data
    assert manifest(design, Questions(tolerances=Tolerances(resistor=0.01), seed=8))["tolerance"] != data["tolerance"]


@every_style
def test_noise_of_the_manifest_is_that_of_a_finer_analysis(make_design: MakeDesign, style: str) -> None:
    """A louder circuit of the same impedance has a lower ratio; one without noise has none."""
    ratios = []
    for density in (2e-8, 2e-7):
        devices = {"opamp": MacroOpAmp(noise=density), "ota": MacroOta(noise=10.0 * density)}
        design = make_design(4, style=style, impedance=1e5, **devices)
        found, nets = manifest(design)["noise"], (*design.signal_nets("y0"), "0")[:2]
        spectrum = noise(equations(design.circuit), np.linspace(1e-3, found["band_hz"], 1000), (nets[0], nets[1]))
        assert found["volts_rms"]["y0"] == pytest.approx(spectrum.rms(), rel=0.01)
        amplitude = design.output_scaling[0] / 2**0.5
        assert found["snr_db"]["y0"] == pytest.approx(20 * np.log10(amplitude / spectrum.rms()), abs=0.1)
        ratios.append(found["snr_db"]["y0"])
    assert ratios[0] > ratios[1] + 10.0
    assert manifest(make_design(2, style="gm-c", delays=()))["noise"]["snr_db"] == {"x0": None, "x1": None}


def test_large_orders_have_no_prediction(make_design: MakeDesign) -> None:
    assert manifest(make_design(17, topology="ladder"))["noise"] is None
    assert manifest(make_design(65, topology="ladder"))["predicted"] is None


@every_style
def test_every_part_is_in_the_bill_once(make_design: MakeDesign, tmp_path: Path, style: str) -> None:
    design = make_design(5, style=style)
    write_design(design, tmp_path, "c")
    with (tmp_path / "bom.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == BILL_COLUMNS
    parts = {element.name: element for _, element, _ in walk(design.circuit)}
    names = [name for row in rows for name in row["reference"].split()]
    assert sorted(names) == sorted(parts)
    designators = [word for row in rows for word in row["designator"].split()]
    assert len(set(designators)) == len(names)
    assert all(len(row["reference"].split()) == int(row["count"]) for row in rows)
    by_name = {name: row for row in rows for name in row["reference"].split()}
    for name, part in parts.items():
        row = by_name[name]
        assert row["kind"] == part.kind
        if isinstance(part, Resistor):
            assert (float(row["value"]), row["unit"]) == (part.ohms, "ohm")
        elif isinstance(part, Capacitor):
            assert (float(row["value"]), row["unit"]) == (part.farads, "F")
        else:
            assert isinstance(part, Device)
            assert row["value"].startswith(part.model.label)
    assert [row["count"] for row in rows] == [str(row["count"]) for row in bill_of_materials(design)]


def test_a_broken_circuit_leaves_no_file(make_design: MakeDesign, tmp_path: Path) -> None:
    design = make_design(2)
    design.circuit.add(Resistor("R_bad", -1.0), p="x0", n="x1")
    with pytest.raises(ElectricalRuleError, match=r"lmu_bench\.X_lmu\.R_bad"):
        write_design(design, tmp_path / "out", "c")
    assert not (tmp_path / "out").exists()
