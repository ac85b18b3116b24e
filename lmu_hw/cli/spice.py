"""`lmu-hw spice`: the memory as an analog circuit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmu_hw.analog.design import AnalogDesign, design_opamp_rc
from lmu_hw.analog.export import manifest, write_design
from lmu_hw.analog.opamp import IdealOpAmp, OpAmpModel, SinglePoleOpAmp, describe
from lmu_hw.cli.output import answer, facts, figure, progress, staged, written
from lmu_hw.design_file import Design
from lmu_hw.errors import DesignError
from lmu_hw.legendre import readout
from lmu_hw.ranges import continuous_ranges
from lmu_hw.spec import Basis, LMUSpec

TOPOLOGIES, STYLES = ("dense",), ("opamp-rc",)


def run(design: Design, out: Path | None, as_json: bool) -> None:
    """Generate, write and print; see `lmu_hw.cli.commands.spice`."""
    check_kind(design)
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("circuit", total=2)
        circuit = design_circuit(design)
        bar.update(task, advance=1, description="netlist")
        command = f"lmu-hw spice {design.flags()}"
        result = {**manifest(circuit), "command": command}
        files = write_design(circuit, folder, command)
    answer(result, _shown(circuit, result, out, [path.name for path in files.values()]), as_json=as_json)


def check_kind(design: Design) -> None:
    """Refuse a topology, a style, an op-amp or coordinates that circuits are not made for."""
    for what, known in (("topology", TOPOLOGIES), ("style", STYLES)):
        if getattr(design, what) not in known:
            raise DesignError(what, f"one of {', '.join(known)}", getattr(design, what))
    if design.basis != Basis.LEGENDRE:
        raise DesignError("basis", "legendre for a circuit", design.basis)
    opamp_model(design)


def opamp_model(design: Design) -> OpAmpModel:
    """The model of the design's op-amps."""
    if design.opamp == IdealOpAmp.label:
        return IdealOpAmp()
    if design.opamp == SinglePoleOpAmp.label:
        return SinglePoleOpAmp(gbw=design.gbw)
    raise DesignError("opamp", f"one of {IdealOpAmp.label}, {SinglePoleOpAmp.label}", design.opamp)


def design_circuit(design: Design) -> AnalogDesign:
    """The circuit, with the delay of θ as its output."""
    order, theta = design.required("order"), design.required("theta")
    spec = design.spec() if design.dt is not None else LMUSpec(order, theta, theta)  # refuses what no memory is
    return design_opamp_rc(
        order,
        theta,
        ranges=continuous_ranges(spec.order),
        output_ranges=continuous_ranges(spec.order, readout(spec.order, [1.0])),
        name=design.name,
        opamp=opamp_model(design),
    )


def _shown(circuit: AnalogDesign, result: dict[str, Any], out: Path | None, names: list[str]) -> Iterator[Any]:
    low, high = result["component_ranges"]["resistor_ohms"]
    rows = [
        ("memory", f"order {result['specification']['order']}, theta {result['specification']['theta']!r} s"),
        ("circuit", f"{result['topology']}, {result['style']}, {describe(circuit.opamp)}"),
        ("couplings", str(result["couplings"])),
        ("elements", str(result["elements"])),
        ("nodes", str(result["nodes"])),
        ("parts", f"{result['resistors']} resistors, {result['capacitors']} capacitors, {result['opamps']} op-amps"),
        ("resistors", f"{figure(low)} to {figure(high)} Ω"),
        ("capacitors", f"{figure(result['component_ranges']['capacitor_farads'][0])} F"),
    ]
    if result["predicted"] is not None:
        predicted = result["predicted"]
        rows.append(("predicted NRMSE", f"{figure(predicted['nrmse'])} up to {figure(predicted['band_hz'])} Hz"))
    yield facts(f"Circuit {result['name']}", rows)
    yield from written(out, names)
