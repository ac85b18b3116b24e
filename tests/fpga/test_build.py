"""Builds and their reports, with programs in place of the tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, DesignError, MissingToolError
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.fpga.build import Step, used_resources
from lmu_hw.fpga.devices import DEVICES, RESOURCES, device_of
from lmu_hw.fpga.harness import harness_verilog
from lmu_hw.fpga.report import build_report
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from tests.fpga.conftest import FakeTools


@pytest.fixture(scope="module")
def design() -> VerilogDesign:
    return generate_verilog(plan_memory(LMUSpec(4, 1.0, 0.01, "euler"), input_bits=6, state_bits=9))


def test_the_report_has_median_spread_and_the_path_of_the_typical_seed(
    design: VerilogDesign, fake_tools: FakeTools
) -> None:
    report = build_report(design, "ecp5-25k", seeds=3)
    told = report.to_dict()
    assert (told["fmax_mhz"], told["fmax_least_mhz"], told["fmax_most_mhz"]) == (110.0, 100.0, 120.0)
    assert {name: told[name] for name in RESOURCES} == {"lut": 9, "ff": 1, "dsp": 1, "ram": 0, "lutram": 0}
    assert report.typical is not None
    assert report.typical.seed == 1
    assert report.typical.path == (Step("a.x", 1.75), Step("a.sum", 3.75))
    cycles = design.manifest["cycles_per_sample"]
    assert told["samples_per_second"] == pytest.approx(110e6 / cycles)
    assert told["share_of_limit"] == pytest.approx(4 / cycles)


def test_what_was_built_before_is_taken_from_the_cache(design: VerilogDesign, fake_tools: FakeTools) -> None:
    first = build_report(design, "ecp5-25k", seeds=2)
    again = build_report(design, "ecp5-25k", seeds=3)
    assert len(fake_tools.calls("yosys")) == 1
    assert len(fake_tools.calls("nextpnr")) == 3
    assert again.placements[:2] == first.placements
    build_report(design, "ecp5-45k", seeds=1)
    build_report(replace(design, text=design.text + "// changed\n"), "ecp5-25k", seeds=1)
    assert len(fake_tools.calls("yosys")) == 3


def test_the_clock_that_is_asked_for_is_aimed_at(design: VerilogDesign, fake_tools: FakeTools) -> None:
    build_report(design, "ecp5-25k", seeds=1)
    build_report(design, "ecp5-25k", seeds=1, clock_mhz=80.0)
    assert [call.split("--freq ")[1].split()[0] for call in fake_tools.calls("nextpnr")] == ["250", "80"]


def test_a_design_that_does_not_fit_says_by_how_much(design: VerilogDesign, fake_tools: FakeTools) -> None:
    fake_tools.put(multipliers=30)
    with pytest.raises(CheckFailed, match=r"^the design needs 30 multipliers of ecp5-25k, which has 28$"):
        build_report(design, "ecp5-25k")
    assert build_report(design, "ecp5-45k", seeds=1).used["dsp"] == 30


def test_a_tool_that_fails_is_quoted_with_its_log(design: VerilogDesign, fake_tools: FakeTools) -> None:
    fake_tools.put(fails=True)
    with pytest.raises(CheckFailed, match=r"^nextpnr-ecp5 failed: no room; its log is (.*)$") as raised:
        build_report(design, "ecp5-25k", seeds=1)
    assert "ERROR: no room" in Path(str(raised.value).split("its log is ")[1]).read_text(encoding="utf-8")


def test_a_netlist_that_is_cut_off_is_an_error_each_time(design: VerilogDesign, fake_tools: FakeTools) -> None:
    fake_tools.put(length=50)
    for _ in range(2):
        with pytest.raises(CheckFailed, match="yosys left no complete netlist"):
            build_report(design, "ecp5-25k")


def test_tools_that_are_missing_are_named(
    design: VerilogDesign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(MissingToolError, match=r"yosys is not installed; pip install 'lmu-hw\[fpga\]'"):
        build_report(design, "ecp5-25k", cache=tmp_path)


@pytest.mark.parametrize("name", ["ecp5-26k", "cyclone", ""])
def test_an_unknown_device_is_an_error(name: str) -> None:
    with pytest.raises(DesignError, match="device must be one of up5k, hx8k, ecp5-25k, ecp5-45k, ecp5-85k"):
        device_of(name)


@pytest.mark.parametrize("seeds", [0, 101])
def test_the_number_of_seeds_is_limited(seeds: int, design: VerilogDesign) -> None:
    with pytest.raises(DesignError, match="seeds must be an integer from 1 to 100"):
        build_report(design, "ecp5-25k", seeds=seeds)


def test_cells_are_counted_as_the_resources_that_they_take() -> None:
    ecp5, ice40 = DEVICES["ecp5-25k"].family, DEVICES["up5k"].family
    assert used_resources(ecp5, {"LUT4": 3, "CCU2C": 2, "PFUMX": 9, "DP16KD": 1})["lut"] == 7
    assert used_resources(ice40, {"SB_DFF": 1, "SB_DFFESR": 2, "SB_CARRY": 5})["ff"] == 3


def test_the_harness_connects_every_port_to_a_bit_of_its_own(design: VerilogDesign) -> None:
    text = harness_verilog(design.name, design.manifest["ports"])
    for port in design.manifest["ports"]:
        assert f".{port['name']}(" in text
    widths = {
        way: sum(p["width"] for p in design.manifest["ports"] if p["direction"] == way) for way in ("input", "output")
    }
    assert f"reg [{widths['input'] - 3}:0] inputs;" in text  # without clk and rst
    assert f"reg [{widths['output'] - 1}:0] shifted;" in text
