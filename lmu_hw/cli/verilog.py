"""`lmu-hw verilog`: a memory or a network as a Verilog module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lmu_hw.cli.output import FORMAT_ROW, answer, band_row, facts, grid, hardware_rows, progress, staged, written
from lmu_hw.cli.recording import network_rows, quantized
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.usage import effective_flags
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.rtl.network import generate_network_verilog

Rows = list[tuple[str, str]]


def run(design: Design | NetworkDesign, out: Path | None, as_json: bool) -> None:
    """Generate the module, write it and print what it is; see `lmu_hw.cli.commands.verilog`."""
    with staged(out) as folder, progress() as bar:
        bar.add_task("plan and Verilog", total=None)
        made, rows = generated(design)
        files = made.write(folder)
    names = [path.name for path in files.values()]
    answer(made.manifest, _shown(made.manifest, rows, out, names), as_json=as_json)


def generated(design: Design | NetworkDesign) -> tuple[VerilogDesign, Rows]:
    """Return the Verilog of a design, with the rows of a table that says what it is."""
    return _GENERATORS[type(design)](design, f"lmu-hw verilog {effective_flags('verilog', design)}")


def _memory(design: Design, command: str) -> tuple[VerilogDesign, Rows]:
    plan = design.plan()
    made = generate_verilog(plan, name=design.name, command=command, clock=design.clock, **design.hardware())
    manifest = made.manifest
    return made, [
        ("memory", plan.spec.summary()),
        band_row(manifest["usable_band"]),
        ("datapath", f"{plan.datapath}, {manifest['multipliers']} multiplier(s), {manifest['channels']} channel(s)"),
        ("formats", f"input {plan.input_format}, state {plan.state_format}, output {plan.output_format}"),
        ("accumulator", str(plan.accumulator_format)),
        FORMAT_ROW,
        ("multiplications per sample", str(manifest["multiplications_per_sample"])),
        ("cycles per sample", str(manifest["cycles_per_sample"])),
    ]


def _network(design: NetworkDesign, command: str) -> tuple[VerilogDesign, Rows]:
    network = design.load()
    calibrated = quantized(design, network)
    plan = calibrated.plan
    made = generate_network_verilog(
        plan,
        name=design.name,
        command=command,
        clock=design.clock,
        steps=calibrated.steps,
        **design.hardware(),
    )
    manifest = made.manifest
    lanes = f"{manifest['multipliers']}, {manifest['lanes']} for each of {manifest['sequences']} sequence(s)"
    products = f"{plan.multiplications(last=False)}, the last {plan.multiplications(last=True)}"
    return made, [
        *network_rows(network),
        ("multipliers", lanes),
        ("formats", f"input {plan.input_format}, output {plan.output_format}"),
        FORMAT_ROW,
        ("state", "starts anew with in_first" if manifest["reset"] == "first" else "persists until reset"),
        ("multiplications per step", products),
        ("cycles per step", f"{manifest['cycles_per_step']}, the last {manifest['cycles_per_last_step']}"),
    ]


_GENERATORS: Mapping[type[Any], Callable[[Any, str], tuple[VerilogDesign, Rows]]] = {
    Design: _memory,
    NetworkDesign: _network,
}


def _shown(manifest: dict[str, Any], rows: Rows, out: Path | None, names: list[str]) -> Iterator[Any]:
    yield facts(
        f"Module {manifest['name']}",
        [*rows, ("latency", f"{manifest['latency_cycles']} cycles"), *hardware_rows(manifest)],
    )
    yield grid(
        "Ports",
        ["port", "direction", "bits", "meaning"],
        [(p["name"], p["direction"], str(p["width"]), p["meaning"]) for p in manifest["ports"]],
        right=(2,),
    )
    yield from written(out, names)
