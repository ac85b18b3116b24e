"""`lmu-hw fpga`: what a memory or a network takes on an FPGA, and how fast it runs there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmu_hw.cli.output import answer, facts, grid, percent, progress, staged, written
from lmu_hw.cli.verilog import generated
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import options_of
from lmu_hw.design.requests import FpgaRequest
from lmu_hw.errors import CheckFailed, RequestError, check_integer, check_positive
from lmu_hw.fixed_point.datapaths.table import Datapath
from lmu_hw.fpga.devices import Device, device_of
from lmu_hw.fpga.report import MOST_SEEDS, FpgaReport, build_report
from lmu_hw.io.files import write_json

_TITLES = {
    "lut": "LUTs",
    "ff": "flip-flops",
    "dsp": "multipliers (DSP)",
    "ram": "RAM blocks",
    "lutram": "RAMs of LUTs",
}


def run(design: Design | NetworkDesign, request: FpgaRequest, out: Path | None, as_json: bool) -> None:
    """Build the design for a device and print what it takes; see `lmu_hw.cli.commands.fpga`.

    Raises:
        CheckFailed: The design does not fit, a tool failed, or the median clock is below that of --clock.
    """
    device = device_of(request.device)
    if not device.family.place_and_route:
        for name in request.given().keys() - {"device"}:
            flag = options_of(FpgaRequest)[name].flag
            raise RequestError(f"--{flag} has no effect with --device {device.name}, which is for synthesis only")
    check_integer("seeds", request.seeds, 1, MOST_SEEDS)
    clock_mhz = None if design.clock is None else check_positive("clock", design.clock, "Hz") / 1e6
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("plan and Verilog", total=None)
        made, _ = generated(_for(design, device))
        report = build_report(
            made,
            device,
            seeds=request.seeds,
            clock_mhz=clock_mhz,
            progress=lambda text: bar.update(task, description=text),
        )
        result = report.to_dict()
        files = {**made.write(folder), "report": write_json(folder / "report.json", result)}
    answer(result, _shown(report, device, out, [path.name for path in files.values()]), as_json=as_json)
    if clock_mhz is not None and report.fmax_mhz is not None and report.fmax_mhz < clock_mhz:
        raise CheckFailed(
            f"the clock of {clock_mhz:g} MHz is not met: {report.fmax_mhz:.1f} MHz, limited by {_path(report)}"
        )


def _for(design: Design | NetworkDesign, device: Device) -> Design | NetworkDesign:
    """The design with the registers for the device's family, where it can have them and no others were asked for."""
    if not isinstance(design, Design) or design.target is not None or not device.family.delays or design.unrolled:
        return design
    return replace(design, target=device.family.delays) if design.plan().datapath is Datapath.CHAIN else design


def _path(report: FpgaReport) -> str:
    """The critical path in one line."""
    path = report.typical.path if report.typical else ()
    return " → ".join(step.signal for step in path) or "an unknown path"


def _shown(report: FpgaReport, device: Device, out: Path | None, names: list[str]) -> Iterator[Any]:
    used = [
        (_TITLES[resource], str(count), str(there), percent(count / there if there else None))
        for resource, count in report.used.items()
        if (there := device.resources.get(resource, 0)) or count
    ]
    yield grid(f"{report.design.name} on {device.title}", ("", "used", "available", "share"), used)
    rows = [
        ("cycles per sample", f"{report.cycles:g}"),
        ("share of the multipliers' cycles", percent(report.share_of_limit)),
    ]
    if report.fmax_mhz is not None and report.samples_per_second is not None:
        clocks = [each.fmax_mhz for each in report.placements]
        rows = [
            ("highest clock, median", f"{report.fmax_mhz:.1f} MHz"),
            (f"from {len(clocks)} seed(s)", f"{min(clocks):.1f} to {max(clocks):.1f} MHz"),
            *rows,
            ("samples per second", f"{report.samples_per_second:.4g}"),
        ]
    yield facts("Speed", rows)
    if report.typical is not None and report.typical.path:
        steps = [(step.signal, f"{step.delay_ns:.2f}") for step in report.typical.path]
        yield grid("Critical path", ("signal", "ns"), steps)
    yield f"Netlists, logs and reports: {report.folder}"
    yield from written(out, names)
