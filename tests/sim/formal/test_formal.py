"""The proof that nothing overflows: it holds for what is generated, and fails for what is broken."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from lmu_hw.cli import main
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.chain import PipelinedChainMemory
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.formal.counterexample import find_overflow
from lmu_hw.sim.formal.invariant import MemoryState, find_invariant, take_sample
from lmu_hw.sim.formal.proof import cut, prove

METHODS = list(Discretization)
feedback = pytest.mark.parametrize("feedback", [True, False])


def small_plan(method: str = "euler", order: int = 2, ratio: float = 8.0, bits: int = 5, **options) -> MemoryPlan:
    return plan_memory(LMUSpec(order, ratio, 1.0, method), input_bits=4, state_bits=bits, **options)


# The invariant, in exact arithmetic


@feedback
@pytest.mark.parametrize("method", METHODS)
def test_the_arithmetic_of_the_proof_is_the_integer_model(
    method: str, feedback: bool, rng: np.random.Generator
) -> None:
    plan = small_plan(method, order=3, ratio=20.0, bits=12, error_feedback=feedback)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, 200)
    state, words = MemoryState.of(0, 3), []
    for code in codes.tolist():
        state = take_sample(plan, state, code)
        words.append(state.outputs)
    assert words == IntegerMemory(plan).run(codes).tolist()


@feedback
@pytest.mark.parametrize("method", METHODS)
def test_every_reachable_state_obeys_every_row(method: str, feedback: bool, rng: np.random.Generator) -> None:
    """Random, constant and bang-bang inputs, and from them any sample: nothing leaves the polytope."""
    plan = small_plan(method, order=3, ratio=12.0, bits=8, error_feedback=feedback)
    invariant = find_invariant(plan)
    low, high = plan.input_format.low, plan.input_format.high
    inputs = [rng.integers(low, high + 1, 60), np.full(60, low), np.full(60, high)]
    inputs += [np.where([v > 0 for v in r[::-1]], high, low) for r in invariant.responses()]
    rows, bounds = np.array(invariant.rows, dtype=object), np.array(invariant.bounds, dtype=object)
    fullest = Fraction(0)
    for codes in inputs:
        state = MemoryState.of(0, 3)
        for code in codes.tolist():
            state = take_sample(plan, state, code)
            values = state.values if plan.error_feedback else [w << plan.requantisation for w in state.words]
            reached = np.abs(rows @ np.array([*state.accumulators, *values], dtype=object))
            assert np.all(reached <= bounds)
            assert all(abs(w) <= most for w, most in zip(state.words, invariant.words, strict=True))
            fullest = max(fullest, max(Fraction(abs(w), m) for w, m in zip(state.words, invariant.words, strict=True)))
    assert fullest > Fraction(4, 5)  # the invariant is not idle


@feedback
@pytest.mark.parametrize("method", METHODS)
def test_from_anywhere_in_the_polytope_a_sample_leads_into_it(
    method: str, feedback: bool, rng: np.random.Generator
) -> None:
    """Not only reachable states: points of the polytope at its faces, with any residue and any sample."""
    plan = small_plan(method, order=2, ratio=8.0, bits=8, error_feedback=feedback)
    invariant, half = find_invariant(plan), 1 << (plan.requantisation - 1)
    rows, bounds = np.array(invariant.rows, dtype=np.float64), np.array(invariant.bounds, dtype=np.float64)
    exact_rows, exact_bounds = np.array(invariant.rows, dtype=object), np.array(invariant.bounds, dtype=object)
    for _ in range(300):
        direction = rng.standard_normal(4) * rng.choice([1.0, 100.0], 4)
        point = direction * float(np.min(bounds / np.maximum(np.abs(rows @ direction), 1e-9)))
        a = [int(v) for v in point[:2]]
        residues = [int(r) for r in rng.integers(-half, half, 2)] if feedback else [0, 0]
        words = [(int(v) - r) >> plan.requantisation for v, r in zip(point[2:], residues, strict=True)]
        values = [(w << plan.requantisation) + r for w, r in zip(words, residues, strict=True)]
        if np.any(np.abs(exact_rows @ np.array([*a, *values], dtype=object)) > exact_bounds):
            continue  # rounding to a word left the polytope
        sample = int(rng.choice([plan.input_format.low, plan.input_format.high, 0]))
        after = take_sample(plan, MemoryState(a, residues, words, values, words), sample)
        ends = after.values if feedback else [w << plan.requantisation for w in after.words]
        reached = np.abs(exact_rows @ np.array([*after.accumulators, *ends], dtype=object))
        assert np.all(reached <= exact_bounds)


@feedback
@pytest.mark.parametrize(("method", "order"), [("euler", 4), ("ab2", 6), ("zoh", 4), ("bilinear", 4)])
def test_the_exact_ranges_agree_with_the_planner(method: str, order: int, feedback: bool) -> None:
    """Two ways to the same ranges: floating point with a tail, and a closed polytope in rationals."""
    plan = small_plan(method, order=order, ratio=40.0, bits=14, error_feedback=feedback)
    invariant = find_invariant(plan)
    planned = plan.ranges / plan.state_format.lsb
    assert np.all(np.array(invariant.words) <= 1.002 * planned + 2)
    assert np.all(np.array(invariant.words) >= 0.97 * planned - 1)
    assert max(invariant.operands) <= plan.operand_format.high
    assert max(invariant.accumulators) <= plan.accumulator_format.high


def test_no_invariant_is_found_for_a_loop_that_does_not_decay() -> None:
    plan = small_plan()
    still = replace(plan.increment, coefficients=np.zeros_like(plan.increment.coefficients))
    with pytest.raises(CheckFailed, match="does not decay"):
        find_invariant(replace(plan, increment=still))


# The netlist


@pytest.mark.parametrize(
    ("method", "options", "lanes"),
    [
        ("euler", {}, 1),
        ("euler", {"error_feedback": False}, 2),
        ("ab2", {}, 1),
        ("zoh", {"bits": 6, "ratio": 6.0}, 2),
        pytest.param("bilinear", {"bits": 6, "ratio": 6.0}, 1, marks=pytest.mark.slow),
        pytest.param("ab2", {"order": 3, "bits": 8, "ratio": 12.0}, 3, marks=pytest.mark.slow),
        pytest.param("euler", {"order": 4, "bits": 12, "ratio": 20.0}, 4, marks=pytest.mark.slow),
    ],
)
def test_what_is_generated_is_proved(method: str, options: dict, lanes: int) -> None:
    verdict = prove(small_plan(method, **options), lanes=lanes)
    assert verdict.failure == ""
    assert verdict.proved
    assert verdict.overflow is None


@pytest.mark.parametrize(("what", "bits"), [("accumulator", 2), ("operand", 1), ("state", 1)])
def test_a_format_that_is_too_narrow_is_found_and_its_counterexample_overflows(what: str, bits: int) -> None:
    plan = small_plan()
    verdict = prove(cut(plan, what, bits))
    assert not verdict.proved
    assert verdict.overflow is not None
    name, code, width = verdict.overflow.exceeded[0]
    assert name.startswith(what)
    assert width == getattr(plan, f"{what}_format").width - bits
    assert abs(code) >= 1 << (width - 1)
    assert verdict.overflow.difference  # the netlist really loses something


def test_half_the_range_is_found_too() -> None:
    """All formats of a plan whose inputs reach only half as far."""
    plan = small_plan()
    halved = replace(
        plan,
        **{
            f"{name}_format": replace(form := getattr(plan, f"{name}_format"), width=form.width - 1)
            for name in ("accumulator", "operand", "product", "state", "output")
        },
    )
    verdict = prove(halved)
    assert not verdict.proved
    assert verdict.overflow is not None


def test_nothing_within_the_formats_is_called_an_overflow() -> None:
    plan = small_plan()
    assert find_overflow(plan, find_invariant(plan)) is None


def test_a_fault_that_needs_a_rare_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """After three certain samples the next one is changed: no run on random samples is likely to meet it."""
    design = generate_verilog(small_plan())
    ports = [port for port in design.manifest["ports"] if port["name"] not in ("clk", "rst")]
    decls = ", ".join(f"{p['direction']} wire [{p['width'] - 1}:0] {p['name']}" for p in ports)
    links = ", ".join(f".{p['name']}({'data' if p['name'] == 'in_data' else p['name']})" for p in ports)
    inner = design.text.replace("module lmu_memory (", "module inner (")
    assert inner != design.text
    text = f"""{inner}
module lmu_memory(input wire clk, input wire rst, {decls});
reg [11:0] past = 0;
wire [3:0] data = past == 12'h5a3 ? in_data ^ 4'h1 : in_data;
always @(posedge clk) if (in_valid & in_ready) past <= {{past[7:0], in_data}};
inner memory(.clk(clk), .rst(rst), {links});
endmodule
"""
    monkeypatch.setattr("lmu_hw.sim.formal.proof.generate_verilog", lambda plan, **_: replace(design, text=text))
    verdict = prove(small_plan())
    assert not verdict.proved
    assert verdict.overflow is None  # it is not an overflow


def test_a_coefficient_that_is_off_by_one_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = small_plan()
    codes = plan.increment.coefficients.copy()
    codes[-1] += 1
    other = generate_verilog(replace(plan, increment=replace(plan.increment, coefficients=codes)))
    monkeypatch.setattr("lmu_hw.sim.formal.proof.generate_verilog", lambda plan, **_: other)
    with pytest.raises(CheckFailed, match="never hold the state"):
        prove(plan)


# The command


def test_the_command_prints_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["regression", "formal", "--ratio", "4", "--state-bits", "4", "--json"]
    assert main([*words, "--order", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["proved"] is True
    assert main([*words, "--order", "1", "--cut", "state"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["proved"] is False
    assert said["overflow"]["exceeded"][0][0] == "state word"
    assert main([*words, "--order", "0"]) == 2
    assert "order must be" in capsys.readouterr().err


def test_what_is_refused() -> None:
    with pytest.raises(DesignError, match=r"^delays must be none for a proof"):
        prove(small_plan(delays=(1.0,)))
    with pytest.raises(DesignError, match=r"^cut must be one of accumulator"):
        cut(small_plan(), "input", 1)
    with pytest.raises(DesignError, match="word length"):
        cut(small_plan(), "state", 5)


@pytest.mark.parametrize("rule", ["euler", "ab2"])
def test_the_pipelined_chain_is_proved_too(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmu_hw.rtl.memory.build.fastest_chain", lambda *_, **__: PipelinedChainMemory)
    plan = plan_memory(LMUSpec(2, 20.0, 1.0, rule), input_bits=4, state_bits=6, coefficient_bits=5)
    verdict = prove(plan, target="ecp5")
    assert (verdict.proved, verdict.failure, verdict.cycles) == (True, "", 10)
