"""Builds: synthesis once, place and route with several seeds, all kept by the content of what went in."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmu_hw.errors import CheckFailed
from lmu_hw.fpga.devices import RESOURCES, Device, Family
from lmu_hw.fpga.harness import INSTANCE, TOP, harness_verilog
from lmu_hw.fpga.tools import Tool, find_tool
from lmu_hw.io.files import write_json, write_text
from lmu_hw.rtl.interface.emission import VerilogDesign

_CELL = re.compile(r"_(TRELLIS_|CCU2|LUT\d?|PFUMX|L6MUX21|MULT18X18D|DP16KD|PDPW16KD|SB_|MUX|DPR16X4).*|\$.*|\[\d+\]$")
"""What tools add to the name of a signal to name a cell that drives or reads it."""


@dataclass(frozen=True)
class Step:
    """A stretch of a path: the signal that is reached, by the design's own name, and when.

    Attributes:
        signal: The name of the signal, with those of the modules that it lies in, joined by dots.
        delay_ns: The time from the clock edge to the end of the stretch, ns.
    """

    signal: str
    delay_ns: float


@dataclass(frozen=True)
class Placement:
    """A placed and routed design.

    Attributes:
        seed: The seed of the placement.
        fmax_mhz: The highest clock that its paths allow, MHz.
        path: The longest of them.
    """

    seed: int
    fmax_mhz: float
    path: tuple[Step, ...]


def cache_folder() -> Path:
    """Return the folder that keeps builds: lmu-hw/fpga in the user's folder for caches, `XDG_CACHE_HOME`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmu-hw" / "fpga"


class Build:
    """A design in a harness, mapped to the cells of a device.

    Args:
        design: The design.
        device: The device.
        cache: The folder under which the build is kept; by default `cache_folder`.

    Attributes:
        folder: The folder of the build, with its sources, netlists, logs and reports. Its name follows from the text of
            the design and of the harness, the commands and the versions of the tools.
        used: How much of each resource the design takes, without the harness.

    Raises:
        MissingToolError: A tool is not installed.
        CheckFailed: A tool failed, or the design does not fit the device.
    """

    def __init__(self, design: VerilogDesign, device: Device, cache: Path | None = None) -> None:
        self.device = device
        self._yosys = find_tool("yosys")
        self._router = find_tool(device.family.place_and_route) if device.family.place_and_route else None
        sources = {
            f"{design.name}.v": design.text,
            **design.memory_files,
            f"{TOP}.v": harness_verilog(design.name, design.manifest["ports"]),
        }
        script = _script(device.family, design.name)
        self.folder = (cache or cache_folder()) / _key([self._yosys], device.name, script, sources)
        if not (self.folder / "cells.json").is_file():
            for name, text in sources.items():
                write_text(self.folder / name, text)
            self._yosys.run(["-p", script], self.folder, "yosys.log")
            write_json(self.folder / "cells.json", _counted(self.folder / "design.json", design.name))
        cells: dict[str, int] = json.loads((self.folder / "cells.json").read_text(encoding="utf-8"))
        self.used = used_resources(device.family, cells)
        _check_fit(self.used, device)

    def place(self, seed: int, clock_mhz: float | None = None) -> Placement:
        """Place and route the design, or take the result of an earlier run.

        Args:
            seed: The seed of the placement.
            clock_mhz: The clock that is aimed at, MHz; by default that of the device.

        Raises:
            CheckFailed: The program failed, as it does where the design does not fit after all.
        """
        if self._router is None:
            raise CheckFailed(f"{self.device.name} is for synthesis only")
        aim = clock_mhz or self.device.target_mhz
        name = f"seed{seed}_{aim:g}MHz_{_digest(self._router.version())[:8]}"
        report = self.folder / f"{name}.json"
        if not report.is_file():
            partial = f"{name}.{os.getpid()}.partial"
            arguments = [*self.device.arguments, "--json", "netlist.json", "--report", partial, "--seed", str(seed)]
            free = {"nextpnr-ecp5": "--lpf-allow-unconstrained", "nextpnr-ice40": "--pcf-allow-unconstrained"}
            arguments += [free[self._router.name], "--freq", f"{aim:g}", "--timing-allow-fail"]
            self._router.run(arguments, self.folder, f"{name}.log")
            (self.folder / partial).replace(report)
        return read_placement(json.loads(report.read_text(encoding="utf-8")), seed)


def read_placement(report: Mapping[str, Any], seed: int) -> Placement:
    """Read clock and longest path from the report of nextpnr.

    Raises:
        CheckFailed: It has no clock.
    """
    clocks = {name: float(each["achieved"]) for name, each in report["fmax"].items()}
    if not clocks:
        raise CheckFailed("place and route reports no clock")
    clock = min(clocks, key=lambda name: clocks[name])
    within = [
        path
        for path in report.get("critical_paths", ())
        if path["from"] == path["to"] and path["to"].endswith(f" {clock}")
    ]
    return Placement(seed, clocks[clock], read_path(within[0]["path"]) if within else ())


def read_path(stretches: list[dict[str, Any]]) -> tuple[Step, ...]:
    """Return a path as the signals of the design that it runs through, each with the time at which it is left."""
    steps: list[Step] = []
    total = 0.0
    for stretch in stretches:
        total += float(stretch["delay"])
        signal = _CELL.sub("", stretch.get("net") or stretch["to"]["cell"]).removeprefix(f"{INSTANCE}.")
        if steps and (not signal or steps[-1].signal == signal):
            signal = steps.pop().signal  # a net without a name of the design's is part of what drives it
        steps.append(Step(signal, round(total, 3)))
    return tuple(steps)


def used_resources(family: Family, cells: Mapping[str, int]) -> dict[str, int]:
    """Return how much of each resource these numbers of cells take."""
    used: Counter[str] = Counter()
    for cell, count in cells.items():
        if (use := family.resource(cell)) is not None:
            used[use[0]] += use[1] * count
    return {resource: used[resource] for resource in RESOURCES}


def _check_fit(used: Mapping[str, int], device: Device) -> None:
    for resource, count in used.items():
        there = device.resources.get(resource, 0)
        if count > there:
            names = {"lut": "LUTs", "ff": "flip-flops", "dsp": "multipliers", "ram": "RAM blocks", "lutram": "LUT RAMs"}
            raise CheckFailed(f"the design needs {count} {names[resource]} of {device.name}, which has {there}")


def _script(family: Family, name: str) -> str:
    """The script of Yosys: the design alone, whose cells are counted, and then the harness around it."""
    macro = f"-D{family.macro} " if family.macro else ""
    commands = [f"read_verilog {macro}{name}.v", f"{family.synthesis} -top {name}", "write_json design.json"]
    if family.wrapping:
        commands += [f"read_verilog {TOP}.v", f"{family.wrapping} -top {TOP}", "write_json netlist.json"]
    return "; ".join(commands)


def _counted(path: Path, name: str) -> dict[str, int]:
    """The number of cells of each type in a netlist.

    Raises:
        CheckFailed: The file is not complete; Yosys in WebAssembly has been seen to cut one off.
    """
    try:
        modules = json.loads(path.read_text(encoding="utf-8"))["modules"]
    except (OSError, ValueError, KeyError):
        raise CheckFailed(f"yosys left no complete netlist in {path}") from None
    return dict(Counter(cell["type"] for cell in modules[name]["cells"].values()))


def _key(tools: list[Tool], *parts: Any) -> str:
    return _digest(json.dumps([[tool.version() for tool in tools], *parts], sort_keys=True))[:24]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
