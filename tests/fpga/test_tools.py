"""The real tools: synthesis, place and route, and gates that do what the Verilog does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import MissingToolError
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.fpga.build import Build
from lmu_hw.fpga.devices import DEVICES
from lmu_hw.fpga.tools import find_tool
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog


@pytest.fixture(scope="module")
def design() -> VerilogDesign:
    return generate_verilog(plan_memory(LMUSpec(4, 1.0, 0.01, "euler"), input_bits=6, state_bits=9))


def _have(*names: str) -> None:
    try:
        for name in names:
            find_tool(name)
    except MissingToolError as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["up5k", "hx8k", "ecp5-25k"])
def test_a_small_memory_is_placed_and_routed(name: str, design: VerilogDesign, tmp_path: Path) -> None:
    device = DEVICES[name]
    _have("yosys", device.family.place_and_route)
    build = Build(design, device, tmp_path)
    placement = build.place(1)
    assert placement.fmax_mhz > 10.0
    assert placement.path
    assert all(step.signal.replace("_", "").replace(".", "").isalnum() for step in placement.path)
    delays = [step.delay_ns for step in placement.path]
    assert delays == sorted(delays)
    assert delays[-1] == pytest.approx(1e3 / placement.fmax_mhz, rel=0.05)
    multipliers = build.used["dsp"]
    assert (multipliers > 0) == (device.resources["dsp"] > 0)


@pytest.mark.slow
def test_synthesis_alone_counts_what_a_design_takes(design: VerilogDesign, tmp_path: Path) -> None:
    _have("yosys")
    used = Build(design, DEVICES["artix7-35t"], tmp_path).used
    assert used["lut"] > 50
    assert used["ff"] > 50


@pytest.mark.slow
def test_the_same_seed_gives_the_same_clock(design: VerilogDesign, tmp_path: Path) -> None:
    _have("yosys", "nextpnr-ice40")
    clocks = {Build(design, DEVICES["hx8k"], tmp_path / str(k)).place(3).fmax_mhz for k in range(2)}
    assert len(clocks) == 1


def test_the_version_of_a_tool_is_its_last_line(tmp_path: Path) -> None:
    _have("yosys")
    said = subprocess.run([find_tool("yosys").path, "--version"], capture_output=True, text=True, check=True)
    assert find_tool("yosys").version() in said.stdout + said.stderr
