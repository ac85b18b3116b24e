"""The stream bench: right designs pass on both simulators; dead and wrongly built ones cannot."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus, run_rtl
from lmu_hw.sim.targets.run import run_targets
from tests.sim.broken import edited

both = pytest.mark.parametrize("simulator", list(Simulator))


def chain_plan(method: str = "ab2", order: int = 5) -> MemoryPlan:
    return plan_memory(LMUSpec(order, 1.0, 0.01, method), state_bits=12, input_bits=10)


def dense_plan(order: int = 4) -> MemoryPlan:
    return plan_memory(LMUSpec(order, 1.0, 0.1), state_bits=12, input_bits=10)


def tridiagonal_plan(order: int = 5, **options) -> MemoryPlan:
    return plan_memory(LMUSpec(order, 1.0, 0.05, "bilinear"), state_bits=12, input_bits=10, **options)


def stimulus(plan: MemoryPlan, rng: np.random.Generator, batch: int = 4, samples: int = 50, **options) -> Stimulus:
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, (batch, samples))
    return Stimulus(codes, **options)


def beyond(plan: MemoryPlan, rng: np.random.Generator, port_bits: int, **options) -> Stimulus:
    """Samples of a wider port, most of them in range."""
    codes = stimulus(plan, rng, **options).codes
    wild = rng.integers(-(1 << (port_bits - 1)), 1 << (port_bits - 1), codes.shape)
    return Stimulus(np.where(rng.random(codes.shape) < 0.1, wild, codes), gap=0.2, stall=0.2)


@both
def test_random_streams_equal_the_integer_model(simulator, rng, tmp_path):
    """Gaps, back-pressure, sequences back to back, lanes and channels, all datapaths in one simulation."""
    cases = [
        (chain_plan("ab2"), {}),
        (chain_plan("euler", order=6), {"lanes": 3, "channels": 2}),
        (chain_plan("ab2", order=4), {"unrolled": True, "channels": 4}),
        (dense_plan(), {}),
        (dense_plan(order=6), {"lanes": 12, "channels": 2}),
        (plan_memory(LMUSpec(1, 1.0, 0.1), state_bits=8), {}),
        (plan_memory(LMUSpec(3, 1.0, 0.05, "bilinear", "orthonormal"), state_bits=10), {}),
        (tridiagonal_plan(6, delays=(0.5, 1.0)), {"lanes": 2, "channels": 4}),
        (tridiagonal_plan(3, output_bits=16, delays=(1.0,)), {"unrolled": True, "channels": 2}),
    ]
    if simulator is Simulator.VERILATOR:  # every other one: it compiles for long
        cases = cases[1::2]
    memories = [
        HarnessedMemory(
            plan,
            stimulus(plan, rng, gap=0.3, stall=0.4, seed=k + 1),
            generate_verilog(plan, name=f"memory_{k}", **options),
        )
        for k, (plan, options) in enumerate(cases)
    ]
    run = run_targets(memories, workdir=tmp_path, simulator=simulator)
    assert run.bench.messages == ()
    assert run.passed
    for memory, score, words, readouts in zip(memories, run.scores, run.words, run.readouts, strict=True):
        sent = memory.stimulus.codes.size
        each = memory.beats_per_sample + (memory.plan.readouts is not None)
        assert score.sent == sent
        assert score.checked == score.expected == sent * each
        np.testing.assert_array_equal(words, IntegerMemory(memory.plan).run(memory.stimulus.codes))
        if memory.plan.readouts is None:
            assert readouts is None
        else:
            np.testing.assert_array_equal(readouts, IntegerMemory(memory.plan).readouts(words))


def test_samples_beyond_the_range_are_saturated_and_flagged(rng, tmp_path):
    memories = []
    for k, (plan, port_bits) in enumerate(((chain_plan(), 12), (tridiagonal_plan(), 40))):
        design = generate_verilog(plan, name=f"memory_{k}", port_bits=port_bits)
        memories.append(HarnessedMemory(plan, beyond(plan, rng, port_bits), design))
    run = run_targets(memories, workdir=tmp_path, simulator="icarus")
    assert run.bench.messages == ()
    for memory, words in zip(memories, run.words, strict=True):
        form = memory.plan.input_format
        within = np.clip(memory.stimulus.codes, form.low, form.high)
        assert (within != memory.stimulus.codes).any()
        np.testing.assert_array_equal(words, IntegerMemory(memory.plan).run(within))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"if \(clear_status\) saturated <= 1'b0;", "saturated <= 1'b0;"),
        (r"if \(clear_status\) saturated <= 1'b0;", ""),
        (r"= in_valid & in_ready & \(", "= in_valid & ("),
    ],
    ids=["not sticky", "never cleared", "set by what is merely offered"],
)
def test_a_wrong_status_bit_is_found(pattern, replacement, rng, tmp_path):
    plan = chain_plan()
    design = edited(generate_verilog(plan, port_bits=12), pattern, replacement)
    memory = HarnessedMemory(plan, beyond(plan, rng, 12, samples=100), design)
    run = run_targets([memory], workdir=tmp_path, simulator="icarus")
    assert not run.passed
    assert "status bit" in run.bench.messages[0]
    assert run.scores[0].passed  # its words are right


def test_a_wrong_readout_is_found(rng, tmp_path):
    """One coefficient of one readout is off by one; the states are right."""
    plan = tridiagonal_plan(4, delays=(0.3, 1.0))
    codes = plan.readouts.coefficients.copy()
    codes[0, 2] += 1
    wrong = replace(plan, readouts=replace(plan.readouts, coefficients=codes))
    memory = HarnessedMemory(plan, stimulus(plan, rng, samples=100, stall=0.2), generate_verilog(wrong))
    run = run_targets([memory], workdir=tmp_path, simulator="icarus")
    assert not run.passed
    assert "readout" in run.bench.messages[0]


def test_codes_beyond_the_port_are_refused(rng):
    plan = chain_plan()
    with pytest.raises(DesignError, match=r"^codes must be within the 10 bits of the port, got"):
        HarnessedMemory(plan, beyond(plan, rng, 14), generate_verilog(plan))


@both
def test_reset_in_mid_stream_forgets_everything(simulator, rng, tmp_path):
    """After a reset at any phase, sequences that are not marked as first start from zero."""
    cases = [
        (chain_plan("ab2"), 1, {}),
        (chain_plan("euler", order=6), 3, {"lanes": 2}),
        (dense_plan(), 1, {"lanes": 2}),
        (tridiagonal_plan(4, delays=(0.5,)), 4, {"lanes": 2}),
        (tridiagonal_plan(3, delays=(1.0,)), 2, {"unrolled": True}),
    ]
    if simulator is Simulator.VERILATOR:
        cases = cases[::3]
    memories = [
        HarnessedMemory(
            plan,
            stimulus(plan, rng, batch=channels, unmarked=True, gap=0.2, stall=0.2, seed=k + 1),
            generate_verilog(plan, name=f"memory_{k}", channels=channels, **options),
        )
        for k, (plan, channels, options) in enumerate(cases)
    ]
    run = run_targets(memories, workdir=tmp_path, simulator=simulator, resets=[1, 100, 7, 101, 33, 102])
    assert run.bench.messages == ()
    assert run.passed


def test_only_the_last_words_can_be_recorded(rng, tmp_path):
    plan = dense_plan()
    codes = stimulus(plan, rng).codes
    every = run_rtl(plan, codes, workdir=tmp_path / "a", simulator="icarus", unrolled=True)
    last = run_rtl(plan, codes, workdir=tmp_path / "b", simulator="icarus", only_last=True, lanes=2)
    np.testing.assert_array_equal(every[:, -1:], last)


def off_by_one(plan: MemoryPlan) -> VerilogDesign:
    codes = plan.increment.coefficients.copy()
    codes.flat[-1] += 1
    return generate_verilog(replace(plan, increment=replace(plan.increment, coefficients=codes)))


def without_rounding(plan: MemoryPlan) -> VerilogDesign:
    """The half that rounds to nearest left out: words are cut off instead."""
    half = 1 << (plan.requantisation - 1)
    return edited(generate_verilog(plan), rf" \+ \d+'s?(?:h{half:x}|d{half});", ";")


def losing_a_beat(plan: MemoryPlan) -> VerilogDesign:
    """The seventh beat is withheld from the consumer."""
    design = generate_verilog(plan)
    inner = replace(design, name="inner", text=design.text.replace("lmu_memory", "inner"))
    return wrapped(inner, "reg [31:0] n = 0; always @(posedge clk) if (v & out_ready) n <= n + 1;", "v & (n != 6)")


def keeping_its_state(plan: MemoryPlan) -> VerilogDesign:
    """Reset does not reach the record of which channels have started, so old state survives it."""
    design = edited(generate_verilog(plan), r"if \(rst\) started <= 1'b0;\n +else ", "")
    zeros = r"\g<0>\n  integer at_\1;\n  initial for (at_\1 = 0; at_\1 <= \2; at_\1 = at_\1 + 1) \1[at_\1] = 0;"
    return edited(
        design, r"  reg .*?(words|integrators) \[0:(\d+)\];", zeros, 2
    )  # so that its state is 0 before the first sample


def test_a_reset_that_does_not_reach_the_state_is_found(rng, tmp_path):
    plan = chain_plan()
    sent = stimulus(plan, rng, batch=1, unmarked=True)
    memory = HarnessedMemory(plan, sent, keeping_its_state(plan))
    assert run_targets([memory], workdir=tmp_path, simulator="icarus").passed
    assert not run_targets([memory], workdir=tmp_path, simulator="icarus", resets=[100]).passed


def dead(plan: MemoryPlan) -> VerilogDesign:
    """Takes every sample and never answers."""
    design = generate_verilog(plan)
    inner = replace(design, name="inner", text=design.text.replace("lmu_memory", "inner"))
    return wrapped(inner, "", "1'b0")


def wrapped(inner: VerilogDesign, logic: str, valid: str, without: tuple[str, ...] = ()) -> VerilogDesign:
    """A module around `inner` that changes when a beat is offered, and has no ports of the names in `without`."""
    ports = [port for port in inner.manifest["ports"] if port["name"] not in without]
    decls = ", ".join(f"{p['direction']} wire [{p['width'] - 1}:0] {p['name']}" for p in ports)
    links = ", ".join(
        f".{p['name']}({'v' if p['name'] == 'out_valid' else p['name']})" for p in ports if p["name"] != "out_ready"
    )
    text = (
        f"module lmu_memory({decls});\nwire v; {logic}\nassign out_valid = {valid};\n"
        f"inner u({links}, .out_ready(out_ready | ~({valid})));\nendmodule\n"
    )
    return VerilogDesign(
        "lmu_memory", inner.text + text, inner.manifest | {"ports": ports}, memory_files=inner.memory_files
    )


def test_a_design_without_a_status_bit_needs_none(rng, tmp_path):
    plan = chain_plan()
    design = generate_verilog(plan)
    inner = replace(design, name="inner", text=design.text.replace("lmu_memory", "inner"))
    bare = wrapped(inner, "", "v", without=("saturated", "clear_status"))
    assert "clear_status" not in {port["name"] for port in bare.manifest["ports"]}
    run = run_targets([HarnessedMemory(plan, stimulus(plan, rng), bare)], workdir=tmp_path, simulator="icarus")
    assert run.passed, run.bench.messages


def test_the_wrapper_itself_does_no_harm(rng, tmp_path):
    plan = chain_plan()
    design = generate_verilog(plan)
    inner = replace(design, name="inner", text=design.text.replace("lmu_memory", "inner"))
    memory = HarnessedMemory(plan, stimulus(plan, rng, stall=0.3), wrapped(inner, "", "v"))
    assert run_targets([memory], workdir=tmp_path, simulator="icarus").passed


@pytest.mark.parametrize("plan", [chain_plan(), dense_plan()], ids=["chain", "dense"])
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (off_by_one, "expected"),
        (without_rounding, "expected"),
        (losing_a_beat, "expected|never came"),
        (dead, "never came"),
    ],
    ids=["coefficient off by one", "dropped rounding", "lost beat", "dead"],
)
def test_a_wrong_design_is_found(plan, build, words, rng, tmp_path):
    memory = HarnessedMemory(plan, stimulus(plan, rng, samples=100, gap=0.1, stall=0.2), build(plan))
    run = run_targets([memory], workdir=tmp_path, simulator="icarus")
    assert not run.passed
    assert len(run.bench.messages) == 1
    assert re.search(words, run.bench.messages[0]), run.bench.messages
    assert run.scores[0].mismatches > 0
    assert run.words == ()


def test_a_changed_expectation_is_found(rng, tmp_path):
    """The comparison has no tolerance: one code in one word of thousands is enough."""
    plan = chain_plan()
    sent = stimulus(plan, rng)
    memory = HarnessedMemory(plan, sent, generate_verilog(plan))
    good = run_targets([memory], workdir=tmp_path, simulator="icarus")
    wrong = good.words[0].copy()
    wrong[2, 17, 3] += 1
    bad = run_targets([memory], workdir=tmp_path, simulator="icarus", expected=[wrong])
    assert good.passed
    assert [score.mismatches for score in bad.scores] == [1]
    assert not bad.passed


@pytest.mark.parametrize(
    ("options", "words"),
    [({"gap": 1.0}, "gap must be a share from 0 to 0.9"), ({"stall": -0.1}, "stall must be a share from 0 to 0.9")],
)
def test_a_stimulus_refuses(options, words):
    with pytest.raises(DesignError, match=words):
        Stimulus(np.zeros((1, 3), dtype=np.int64), **options)


def test_sequences_must_fill_the_channels(rng):
    plan = chain_plan()
    with pytest.raises(DesignError, match="a multiple of 3 channels, got 4"):
        HarnessedMemory(plan, stimulus(plan, rng), generate_verilog(plan, channels=3))
