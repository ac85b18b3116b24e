"""The Verilog that is written: stable text, stable names, and a manifest that tells the truth about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from tests.rtl.ports import declared_ports

DELAYS = (0.5, 1.0)

CASES: list[tuple[str, int, dict[str, Any]]] = [
    ("euler", 6, {}),
    ("ab2", 6, {"lanes": 3, "channels": 2, "port_bits": 16}),
    ("zoh", 4, {}),
    ("zoh", 4, {"lanes": 8, "channels": 3}),
    ("bilinear", 6, {"lanes": 2, "channels": 4}),
    ("bilinear", 1, {"unrolled": True, "channels": 2}),
]


def _plan(rule: str, order: int, **options: Any) -> MemoryPlan:
    return plan_memory(LMUSpec(order, 0.1, 0.001, rule), input_bits=10, state_bits=14, **options)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def generated(request: pytest.FixtureRequest) -> tuple[MemoryPlan, VerilogDesign]:
    rule, order, options = request.param
    plan = _plan(rule, order, delays=DELAYS if options.get("channels") else ())
    return plan, generate_verilog(plan, name="delay_line", **options, command="a command")


def _options(manifest: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says about the choices beside the plan."""
    lanes = {} if manifest["unrolled"] else {"lanes": manifest["lanes"]}
    return {**lanes, **{key: manifest[key] for key in ("channels", "unrolled", "port_bits")}}


def test_the_same_plan_gives_the_same_bytes(generated: tuple[MemoryPlan, VerilogDesign]) -> None:
    _, first = generated
    m = first.manifest
    spec = LMUSpec(**m["spec"])  # from scratch, from what the manifest says
    delays = m["readouts"]["delays"] if m["readouts"] else ()
    plan = plan_memory(spec, input_bits=10, state_bits=14, delays=delays)
    again = generate_verilog(plan, name="delay_line", **_options(m), command="a command")
    assert again.text == first.text
    assert json.dumps(again.manifest) == json.dumps(m)


def test_the_ports_are_those_of_the_manifest(generated: tuple[MemoryPlan, VerilogDesign]) -> None:
    _, design = generated
    ports = {port["name"]: (port["direction"], port["width"]) for port in design.manifest["ports"]}
    assert declared_ports(design.text, "delay_line") == ports
    assert list(declared_ports(design.text, "delay_line")) == list(ports)


def test_the_documented_names_and_widths(generated: tuple[MemoryPlan, VerilogDesign]) -> None:
    plan, design = generated
    words, channels, order = design.manifest["words_per_beat"], design.manifest["channels"], plan.spec.order
    channel_bits = max(1, (channels - 1).bit_length())
    readouts: dict[str, tuple[str, int]] = {}
    if plan.readouts is not None:
        readouts = {
            "readout_valid": ("output", 1),
            "readout_ready": ("input", 1),
            "readout_data": ("output", len(DELAYS) * plan.readouts.format.width),
            "readout_channel": ("output", channel_bits),
            "readout_first": ("output", 1),
            "readout_last": ("output", 1),
        }
    status: dict[str, tuple[str, int]] = {}
    if design.manifest["port_bits"] > plan.input_format.width:
        status = {"saturated": ("output", 1), "clear_status": ("input", 1)}
    assert declared_ports(design.text, "delay_line") == readouts | status | {
        "clk": ("input", 1),
        "rst": ("input", 1),
        "in_valid": ("input", 1),
        "in_ready": ("output", 1),
        "in_data": ("input", design.manifest["port_bits"]),
        "in_first": ("input", 1),
        "in_last": ("input", 1),
        "out_valid": ("output", 1),
        "out_ready": ("input", 1),
        "out_data": ("output", 14 * words),
        "out_index": ("output", max(1, (order - 1).bit_length())),
        "out_channel": ("output", channel_bits),
        "out_first": ("output", 1),
        "out_last": ("output", 1),
    }


def test_the_manifest_repeats_the_plan_and_the_schedule(generated: tuple[MemoryPlan, VerilogDesign]) -> None:
    plan, design = generated
    m = design.manifest
    memory = build_memory(plan, **_options(m))
    assert m["latency_cycles"] == memory.schedule.first_beat
    assert m["cycles_per_sample"] == memory.schedule.cycles_per_sample
    assert m["beats_per_sample"] * m["words_per_beat"] == plan.spec.order
    assert m["channels_in_step"] == memory.schedule.in_step
    assert m["multiplications_per_sample"] == plan.multiplications_per_sample
    assert m["multipliers"] == memory.multipliers
    assert m["multiplier_utilisation"] == memory.utilisation
    assert m["readout_latency_cycles"] == (memory.readout_latency if plan.readouts else None)
    assert m["readout_multipliers"] == memory.readout_multipliers
    assert m["formats"] == plan.to_dict()["formats"]
    assert m["error_bound"] == plan.error_bound.tolist()
    assert m["spec"] == plan.spec.to_dict()


def test_the_head_tells_the_specification_and_the_command(generated: tuple[MemoryPlan, VerilogDesign]) -> None:
    plan, design = generated
    head = [line for line in design.text.splitlines()[:8] if line.startswith("//")]
    assert plan.spec.summary() in "\n".join(head)
    assert "// Made by: a command" in head
    for form in (plan.input_format, plan.state_format, plan.accumulator_format):
        assert str(form) in "\n".join(head)


def test_nothing_in_the_text_depends_on_where_it_was_made(generated: tuple[MemoryPlan, VerilogDesign]) -> None:
    _, design = generated
    for part in (str(Path.cwd()), str(Path.home()), "site-packages", ".py:", "\\src", "(* src"):
        assert part not in design.text


def test_files_are_written_whole_and_the_core_names_them(
    generated: tuple[MemoryPlan, VerilogDesign], tmp_path: Path
) -> None:
    _, design = generated
    written = design.write(tmp_path / "new" / "folder")
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == [
        "delay_line.core",
        "delay_line.v",
        "manifest.json",
    ]
    assert written["verilog"].read_text() == design.text
    assert json.loads(written["manifest"].read_text()) == json.loads(json.dumps(design.manifest))
    core = written["core"].read_text()
    assert core.startswith("CAPI=2:\n")
    assert "- delay_line.v: {file_type: verilogSource}" in core
    assert "toplevel: delay_line" in core
    before = {p: p.read_bytes() for p in written.values()}
    design.write(tmp_path / "new" / "folder")
    assert {p: p.read_bytes() for p in written.values()} == before


@pytest.mark.parametrize("name", ["", "1abc", "a-b", "a b", "a;b", "é", "a" * 64, "_x", "a.v", "../x", "a\n", None, 3])
def test_names_that_are_no_identifiers_are_refused(name: Any) -> None:
    with pytest.raises(DesignError, match=r"^name must be a letter followed by"):
        generate_verilog(_plan("zoh", 1), name=name)


@pytest.mark.parametrize("command", ["two\nlines", "x */ y", "a\r\nmodule evil(); endmodule"])
def test_the_command_stays_inside_its_comment(command: str) -> None:
    design = generate_verilog(_plan("zoh", 1), command=command)
    body = design.text[design.text.index("module") :]
    head = design.text[: len(design.text) - len(body)]
    for line in head.splitlines():
        assert not line.strip() or line.startswith(("//", "/*"))
    assert "evil" not in "".join(line for line in design.text.splitlines() if not line.startswith("//"))


def test_coefficients_reach_the_text() -> None:
    """Another dt/θ in the last place, or another matrix, is another design."""
    texts = {
        generate_verilog(plan_memory(LMUSpec(4, theta, 0.001, rule), state_bits=14)).text.split("module", 1)[1]
        for rule in ("euler", "zoh")
        for theta in (0.1, 0.1001)
    }
    assert len(texts) == 4
