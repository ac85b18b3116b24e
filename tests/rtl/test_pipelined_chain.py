"""The pipelined chain: the words of the integer model, at the cycles of its schedule, and when it is chosen."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError, RequestError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.interface.manifest import described_module
from lmu_hw.rtl.memory import verilog
from lmu_hw.rtl.memory.build import build_memory, fastest_chain
from lmu_hw.rtl.memory.chain import ChainMemory, PipelinedChainMemory
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.rtl.primitives.families import FAMILIES
from lmu_hw.rtl.primitives.multiplier import LATENCY
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus
from lmu_hw.sim.targets.run import run_targets


def _plan(rule: str, order: int, **options: object) -> MemoryPlan:
    return plan_memory(LMUSpec(order, 100.0, 1.0, rule), input_bits=8, state_bits=12, **options)  # type: ignore[arg-type]


def _pipelined(plan: MemoryPlan, name: str, lanes: int = 1, channels: int = 1) -> VerilogDesign:
    """The pipelined memory, whether or not it would be the fastest."""
    memory = PipelinedChainMemory(plan, lanes=lanes, channels=channels)
    return described_module(
        memory, verilog._ports(memory), verilog._description(memory, None), name=name, command="test"
    )


#: Method, order, lanes, channels and options of the plan: every loop of the schedule is the longest in one of them.
CASES = [
    ("euler", 6, 1, 1, {}),
    ("ab2", 6, 1, 1, {}),
    ("ab2", 8, 2, 1, {}),
    ("ab2", 8, 4, 3, {}),
    ("ab2", 12, 1, 2, {}),
    ("euler", 4, 4, 1, {"output_bits": 20}),
    ("euler", 4, 2, 2, {"error_feedback": False}),
    ("ab2", 1, 1, 1, {}),
    ("ab2", 6, 6, 1, {}),
]


@pytest.mark.parametrize("waits", [False, True])
def test_every_word_equals_the_integer_model(waits: bool, rng: np.random.Generator, tmp_path: Path) -> None:
    targets = []
    for k, (rule, order, lanes, channels, options) in enumerate(CASES):
        plan = _plan(rule, order, **options)
        form = plan.input_format
        codes = rng.integers(form.low, form.high + 1, (2 * channels, 40))
        sent = Stimulus(codes, gap=0.3 * waits, stall=0.3 * waits, unmarked=bool(k % 2))
        targets.append(HarnessedMemory(plan, sent, _pipelined(plan, f"memory_{k}", lanes, channels)))
    run = run_targets(targets, workdir=tmp_path, simulator="icarus", resets=[150])
    assert run.passed
    assert all(score.checked == score.expected > 0 for score in run.scores)


def test_a_sample_that_starts_a_cycle_too_early_is_found(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = PipelinedChainMemory.wait_for
    monkeypatch.setattr(PipelinedChainMemory, "wait_for", lambda *of: right(*of) - 1)
    plan = _plan("ab2", 8)
    sent = Stimulus(rng.integers(-100, 100, (1, 40)))
    run = run_targets([HarnessedMemory(plan, sent, _pipelined(plan, "hasty"))], workdir=tmp_path, simulator="icarus")
    assert not run.passed


@pytest.mark.parametrize(("lanes", "channels", "cycles"), [(1, 1, 22), (1, 8, 16), (2, 1, 15), (4, 1, 11), (4, 4, 4)])
def test_cycles_and_latency_are_those_of_the_stages(lanes: int, channels: int, cycles: float) -> None:
    schedule = PipelinedChainMemory.schedule_for(_plan("ab2", 16), lanes, channels)
    assert schedule.cycles_per_sample == cycles
    assert schedule.first_beat == 8


def test_the_multiplier_takes_the_stages_that_are_its_own() -> None:
    assert PipelinedChainMemory.pipeline.multiplier_latency == LATENCY  # type: ignore[attr-defined]


def test_registers_are_added_where_they_give_more_samples_per_second() -> None:
    long = plan_memory(LMUSpec(16, 1.0, 1e-3, "ab2"))
    assert fastest_chain(long, lanes=1, channels=1, target="ecp5") is PipelinedChainMemory
    assert fastest_chain(long, lanes=1, channels=1, target="generic") is ChainMemory
    short = plan_memory(LMUSpec(1, 1.0, 1e-3, "euler"))
    assert fastest_chain(short, lanes=1, channels=1, target="ecp5") is ChainMemory  # 10 cycles instead of 4
    assert fastest_chain(short, lanes=1, channels=12, target="ecp5") is PipelinedChainMemory  # which others fill


def test_the_manifest_tells_the_form() -> None:
    plan = plan_memory(LMUSpec(16, 1.0, 1e-3, "ab2"))
    made = [generate_verilog(plan, target=target).manifest for target in FAMILIES]
    assert [each["pipelined"] for each in made] == [False, True, True]
    assert [each["cycles_per_sample"] for each in made] == [19, 22, 22]


def test_a_target_without_effect_is_an_error() -> None:
    dense, chain = plan_memory(LMUSpec(4, 1.0, 0.01)), _plan("euler", 4)
    with pytest.raises(RequestError, match="target has no effect with the dense datapath"):
        build_memory(dense, target="ecp5")
    with pytest.raises(RequestError, match="target has no effect where everything is unrolled"):
        build_memory(chain, unrolled=True, target="ecp5")
    with pytest.raises(DesignError, match="target must be one of generic, ecp5, ice40, got cyclone"):
        build_memory(chain, target="cyclone")


#: What the parameters and ports of MULT18X18D that are used do: a register at each place whose clock is CLK0.
_MODEL = """
module MULT18X18D #(
  parameter REG_INPUTA_CLK = "NONE", parameter REG_INPUTB_CLK = "NONE",
  parameter REG_PIPELINE_CLK = "NONE", parameter REG_OUTPUT_CLK = "NONE"
) (
  input CLK0, CE0, RST0, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
  input {a}, input {b}, output {p}
);
  wire signed [17:0] a = {{{a_down}}};
  wire signed [17:0] b = {{{b_down}}};
  reg signed [17:0] held_a, held_b;
  reg signed [35:0] inner, outer;
  wire signed [17:0] used_a = REG_INPUTA_CLK == "CLK0" ? held_a : a;
  wire signed [17:0] used_b = REG_INPUTB_CLK == "CLK0" ? held_b : b;
  wire signed [35:0] made = REG_PIPELINE_CLK == "CLK0" ? inner : used_a * used_b;
  assign {{{p_down}}} = REG_OUTPUT_CLK == "CLK0" ? outer : made;
  always @(posedge CLK0)
    if (RST0) begin held_a <= 0; held_b <= 0; inner <= 0; outer <= 0; end
    else if (CE0) begin held_a <= a; held_b <= b; inner <= used_a * used_b; outer <= made; end
endmodule
"""


def _model() -> str:
    names = {"a": [f"A{k}" for k in range(18)], "b": [f"B{k}" for k in range(18)], "p": [f"P{k}" for k in range(36)]}
    lists = {name: ", ".join(each) for name, each in names.items()}
    return _MODEL.format(**lists, **{f"{name}_down": ", ".join(reversed(each)) for name, each in names.items()})


def test_the_instance_of_an_ecp5_does_what_the_text_does(rng: np.random.Generator, tmp_path: Path) -> None:
    """The whole memory with the hard multiplier, in a model of it, against the integer model."""
    plan = _plan("ab2", 6)
    design = _pipelined(plan, "hard")
    assert design.text.count("`ifdef LMU_HW_ECP5") == 1
    with_instance = VerilogDesign(design.name, f"`define LMU_HW_ECP5\n{design.text}\n{_model()}", design.manifest)
    sent = Stimulus(rng.integers(plan.input_format.low, plan.input_format.high + 1, (1, 60)), gap=0.2, stall=0.2)
    assert run_targets([HarnessedMemory(plan, sent, with_instance)], workdir=tmp_path, simulator="icarus").passed
    wrong = with_instance.text.replace('.REG_OUTPUT_CLK("CLK0")', '.REG_OUTPUT_CLK("NONE")')
    broken = VerilogDesign(design.name, wrong, design.manifest)
    assert not run_targets([HarnessedMemory(plan, sent, broken)], workdir=tmp_path / "b", simulator="icarus").passed


def test_factors_that_are_too_wide_have_no_instance() -> None:
    plan = plan_memory(LMUSpec(6, 100.0, 1.0, "euler"), input_bits=8, state_bits=22)
    assert "MULT18X18D" not in _pipelined(plan, "wide").text


def test_yosys_takes_the_instance(tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    (tmp_path / "top.v").write_text(_pipelined(_plan("euler", 6), "top").text, encoding="utf-8")
    passes = ("read_verilog -DLMU_HW_ECP5 top.v", "hierarchy -top top", "proc", "flatten", "write_rtlil top.il")
    script = f"from pyosys import libyosys\nfor each in {passes}: libyosys.run_pass(each)"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    assert len(re.findall(r"cell \\MULT18X18D ", (tmp_path / "top.il").read_text(encoding="utf-8"))) == 1
