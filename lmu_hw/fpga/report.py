"""The report of a build: resources, clock over several seeds, critical path, and samples per second at that clock."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lmu_hw.core.display import Displayed
from lmu_hw.errors import check_integer, check_positive
from lmu_hw.fpga.build import Build, Placement
from lmu_hw.fpga.devices import Device, device_of
from lmu_hw.io.schema import versioned
from lmu_hw.rtl.interface.emission import VerilogDesign

MOST_SEEDS = 100


@dataclass(frozen=True, repr=False)
class FpgaReport(Displayed):
    """What a design takes on a device, and how fast it runs there.

    Attributes:
        design: The design.
        device: The device.
        used: How much of each resource of `RESOURCES` the design takes.
        placements: The placed and routed design, one for each seed; none where the device is for synthesis only.
        folder: The folder with netlists, logs and reports.
    """

    design: VerilogDesign
    device: Device
    used: dict[str, int]
    placements: tuple[Placement, ...]
    folder: Path

    @property
    def fmax_mhz(self) -> float | None:
        """The median over the seeds of the highest clock, MHz; None without place and route."""
        return statistics.median(each.fmax_mhz for each in self.placements) if self.placements else None

    @property
    def typical(self) -> Placement | None:
        """The placement whose clock is nearest to the median; None without place and route."""
        middle = self.fmax_mhz
        if middle is None:
            return None
        return min(self.placements, key=lambda each: abs(each.fmax_mhz - middle))

    @property
    def cycles(self) -> float:
        """Clock cycles for each sample, or for each step of a network and each of its sequences."""
        facts = self.design.manifest
        if "cycles_per_step" in facts:
            return float(facts["cycles_per_step"]) / float(facts.get("sequences", 1))
        return float(facts["cycles_per_sample"])

    @property
    def samples_per_second(self) -> float | None:
        """Samples, or steps of a network, in a second at the median clock; None without place and route."""
        return None if self.fmax_mhz is None else 1e6 * self.fmax_mhz / self.cycles

    @property
    def share_of_limit(self) -> float:
        """The share of cycles in which a multiplier works: 1 is the limit, clock × multipliers / multiplications."""
        facts = self.design.manifest
        key = "multiplications_per_step" if "cycles_per_step" in facts else "multiplications_per_sample"
        return float(facts[key]) / (float(facts["multipliers"]) * self.cycles)

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "module", self.design.name
        yield "device", self.device.title
        yield from ((resource, str(count)) for resource, count in self.used.items())
        if self.fmax_mhz is not None:
            yield "clock", f"{self.fmax_mhz:.1f} MHz"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, of the schema `fpga`."""
        clocks = [each.fmax_mhz for each in self.placements]
        typical = self.typical
        return versioned(
            "fpga",
            {
                "name": self.design.name,
                "command": self.design.manifest["command"],
                "device": self.device.name,
                "device_title": self.device.title,
                **self.used,
                "available": {resource: self.device.resources.get(resource, 0) for resource in self.used},
                "fmax_mhz": self.fmax_mhz,
                "fmax_least_mhz": min(clocks, default=None),
                "fmax_most_mhz": max(clocks, default=None),
                "seeds": [{"seed": each.seed, "fmax_mhz": each.fmax_mhz} for each in self.placements],
                "critical_path": [asdict(step) for step in typical.path] if typical else [],
                "cycles_per_sample": self.cycles,
                "samples_per_second": self.samples_per_second,
                "share_of_limit": self.share_of_limit,
            },
        )


def build_report(
    design: VerilogDesign,
    device: Device | str,
    *,
    seeds: int = 5,
    clock_mhz: float | None = None,
    cache: str | Path | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> FpgaReport:
    """Synthesise a design for a device, place and route it with several seeds, and report.

    What an earlier call has built is taken from the cache. Seeds run side by side, as many as there are processors.

    Args:
        design: The design, from `generate_verilog` or `generate_network_verilog`.
        device: The device or its name, one of `DEVICES`.
        seeds: The number of placements, with the seeds 1, 2, …; from 1 to 100.
        clock_mhz: The clock that place and route aims at, MHz; by default more than any design reaches.
        cache: The folder that keeps builds; by default that of `cache_folder`.
        progress: A function that is called with what is being done.

    Raises:
        DesignError: There is no such device, or a number is out of its range.
        MissingToolError: A tool is not installed.
        CheckFailed: A tool failed, or the design does not fit.
    """
    chosen = device_of(device) if isinstance(device, str) else device
    check_integer("seeds", seeds, 1, MOST_SEEDS)
    if clock_mhz is not None:
        check_positive("clock", clock_mhz, "MHz")
    progress(f"synthesis for {chosen.name}")
    build = Build(design, chosen, None if cache is None else Path(cache))
    placements: list[Placement] = []
    if chosen.family.place_and_route:
        progress(f"place and route for {chosen.name}, {seeds} seed(s)")
        with ThreadPoolExecutor(min(seeds, os.cpu_count() or 1)) as pool:
            placements += pool.map(lambda seed: build.place(seed, clock_mhz), range(1, seeds + 1))
    return FpgaReport(design, chosen, build.used, tuple(placements), build.folder)
