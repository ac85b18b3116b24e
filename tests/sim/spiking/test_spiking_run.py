"""The bench of spiking memories: right designs pass; dead, broken and foreign ones cannot."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.cosim import spiking as cosim
from lmu_hw.sim.cosim.spiking import cosimulate_spiking
from lmu_hw.sim.regression import spiking as regression
from lmu_hw.sim.regression.spiking import run_spiking_regression
from lmu_hw.sim.targets.spiking import HarnessedSpiking, run_spiking, run_spiking_rtl
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan, plan_spiking
from lmu_hw.spiking.neurons import NeuronKind

SPEC = LMUSpec(2, 0.2, 1e-3)


def made(kind: str = "poisson-lif", neurons: int = 24, spec: LMUSpec = SPEC, seed: int = 0, **planning):
    return plan_spiking(spec, SpikingOptions(neurons, kind=NeuronKind(kind), band_hz=5.0, seed=seed), **planning)


@cache
def small() -> tuple[DigitalSpikingPlan, VerilogDesign]:
    """Of eight neurons, with its Verilog."""
    plan = made(neurons=8)
    return plan, generate_spiking_verilog(plan, name="spikes")


def harnessed(plan: DigitalSpikingPlan, rng, name="spikes", batch=2, samples=20, design=None, **traffic):
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, (batch, samples))
    codes[:, samples // 4 : samples // 2] = plan.input_format.high  # so that much is on
    return HarnessedSpiking(plan, design or generate_spiking_verilog(plan, name=name), codes, **traffic)


def altered(design: VerilogDesign, pattern: str, replacement: str) -> VerilogDesign:
    text, count = re.subn(pattern, replacement, design.text, count=1)
    assert count == 1, f"nothing like {pattern}"
    return replace(design, text=text)


def test_all_kinds_equal_the_integer_model_in_icarus(rng, tmp_path):
    memories = [
        harnessed(made(kind, lanes=lanes), rng, f"spikes_{k}", gap=0.3, stall=0.4, seed=k)
        for k, (kind, lanes) in enumerate((("poisson-lif", 1), ("poisson-relu", 3), ("lif", 2)))
    ]
    run = run_spiking(memories, workdir=tmp_path, simulator="icarus", resets=[150])
    assert run.bench.messages == ()
    assert run.passed
    for memory, words, score in zip(memories, run.words, run.scores, strict=True):
        assert np.array_equal(words, memory.model_words())
        assert score.checked == score.expected == 80


def test_verilator_equals_the_integer_model_at_the_stated_pace(rng, tmp_path):
    memory = harnessed(made(lanes=2), rng, samples=30, batch=1)
    run = run_spiking([memory], workdir=tmp_path)
    assert run.passed, run.bench.messages
    pace = np.diff(run.cycles[0][0, :, 0])
    assert set(pace.tolist()[2:]) == {memory.design.manifest["cycles_per_sample"]}
    assert run.cycles[0][0, 0, 0] == memory.design.manifest["latency_cycles"]


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"\.r_rdy\(out_valid\)", ".r_rdy()", "never came"),  # dead: nothing ever comes out
        (r"assign in_ready = .*;", "", ""),  # it takes samples and does not say so
    ],
    ids=["silent", "deaf"],
)
def test_a_dead_design_fails(pattern, replacement, message, rng, tmp_path):
    plan, design = small()
    design = altered(design, pattern, replacement)
    run = run_spiking([harnessed(plan, rng, design=design, samples=6)], workdir=tmp_path, simulator="icarus")
    assert not run.passed
    assert message in run.bench.messages[0]


def test_every_wrong_design_is_found_in_one_run(rng, tmp_path):
    """Built from another plan, or with a piece of the logic changed; only the words can tell."""
    plan = made(neurons=8, state_bits=28)
    regular = made("lif", neurons=8, state_bits=28)
    chance = plan.unit
    wrong = {
        "seed": (plan, made(neurons=8, seed=1, state_bits=28)),
        "leak": (plan, replace(plan, leak=plan.leak + 1)),
        "decoders": (plan, replace(plan, decoders=plan.decoders + 256)),
        "transform": (plan, replace(plan, transform=plan.transform + 1)),
        "chances": (plan, replace(plan, unit=replace(chance, table=chance.table * 9 // 10))),
        "refractory": (regular, replace(regular, unit=replace(regular.unit, refractory=regular.unit.refractory + 64))),
    }
    memories = [
        harnessed(right, rng, design=generate_spiking_verilog(other, name=f"wrong_{name}"), samples=80, batch=1)
        for name, (right, other) in wrong.items()
    ]
    plan, design = small()
    index = altered(design, r"assign out_index = ", "assign out_index = ~")
    memories.append(harnessed(plan, rng, design=index, batch=1))
    run = run_spiking(memories, workdir=tmp_path, simulator="icarus")
    assert not run.passed
    found = {name: score.mismatches for name, score in zip([*wrong, "index"], run.scores, strict=True)}
    assert min(found.values()) > 0, found


def test_one_wrong_word_is_told(rng, tmp_path):
    plan, design = small()
    memory = harnessed(plan, rng, design=design)
    wrong = memory.model_words()
    wrong[1, 7, 1] += 1
    run = run_spiking([memory], workdir=tmp_path, simulator="icarus", expected=[wrong])
    assert [score.mismatches for score in run.scores] == [1]
    assert not run.passed


def test_one_call_runs_a_batch_and_raises_where_it_fails(rng, tmp_path, monkeypatch):
    plan, design = small()
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, (2, 8))
    words = run_spiking_rtl(plan, codes, workdir=tmp_path, simulator="icarus")
    assert np.array_equal(words, DigitalSpikingMemory(plan).run(codes))
    broken = altered(design, r"assign out_index = ", "assign out_index = ~")
    monkeypatch.setattr("lmu_hw.sim.targets.spiking.generate_spiking_verilog", lambda _: broken)
    with pytest.raises(CheckFailed, match="expected"):
        run_spiking_rtl(plan, codes, workdir=tmp_path, simulator="icarus")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": np.zeros(3, dtype=np.int64)}, r"codes must be of shape \(batch, samples\)"),
        ({"codes": np.array([[1 << 20]])}, "codes must be within sQ1.15"),
        ({"gap": 1.0}, "gap must be a share from 0 to 0.9"),
        ({"stall": -0.1}, "stall must be a share from 0 to 0.9"),
    ],
)
def test_a_harness_refuses(change, message, rng):
    plan, design = small()
    with pytest.raises(DesignError, match=message):
        replace(harnessed(plan, rng, design=design), **change)


# Fixed point, floats and spikes in one bench


def noise(samples: int = 300) -> np.ndarray:
    return band_limited_noise(300, SPEC.dt, 5.0, 1)[:samples]


def test_one_recording_through_everything(tmp_path):
    plan, spiking = plan_memory(SPEC), made(neurons=120)
    result = cosimulate_spiking(plan, spiking, noise(200), workdir=tmp_path, simulator="icarus")
    assert result.passed, result.messages
    assert (result.fixed.beats, result.fixed.mismatches) == (400, 0)
    assert (result.spiking.beats, result.spiking.mismatches) == (400, 0)
    decoded = result.decoded
    assert decoded.rtl == pytest.approx(decoded.integer, rel=1e-9)
    assert 0.0 < decoded.fixed < 1e-3 < decoded.rtl < decoded.signal
    assert max(decoded.rtl, decoded.software) < 3.0 * decoded.predicted
    assert result.to_dict()["spiking_vs_float"]["rtl"] == decoded.rtl


@pytest.mark.parametrize("which", [pytest.param(0, id="fixed", marks=pytest.mark.slow), pytest.param(1, id="spiking")])
def test_either_wrong_design_fails_and_is_named(which, tmp_path):
    plan, spiking = plan_memory(SPEC), made(neurons=8)
    designs = [
        generate_verilog(plan, name="fixed_memory"),
        generate_spiking_verilog(spiking, name="spiking_memory"),
    ]
    designs[which] = altered(designs[which], r"assign out_data = ", "assign out_data = 1'b1 ^ ")
    result = cosimulate_spiking(
        plan, spiking, noise(40), workdir=tmp_path, simulator="icarus", designs=(designs[0], designs[1])
    )
    assert not result.passed
    checks = (result.fixed, result.spiking)
    assert [check.passed for check in checks] == [which == 1, which == 0]
    assert checks[which].mismatches > 0


def test_words_outside_the_bound_fail(tmp_path):
    """A fixed-point plan that promises more than it holds."""
    plan = plan_memory(SPEC, state_bits=8, input_bits=6)
    budget = replace(plan.budget, **{name: 1e-4 * getattr(plan.budget, name) for name in vars(plan.budget)})
    proud = replace(plan, budget=budget)
    result = cosimulate_spiking(proud, made(neurons=8), noise(60), workdir=tmp_path, simulator="icarus")
    assert not result.passed
    assert not result.fixed_vs_float.passed
    assert result.fixed.mismatches == 0


def test_the_plans_must_be_of_one_memory(tmp_path):
    with pytest.raises(DesignError, match="plans must be of one memory"):
        cosimulate_spiking(plan_memory(LMUSpec(2, 0.3, 1e-3)), made(neurons=8), noise(), workdir=tmp_path)
    with pytest.raises(DesignError, match=r"samples must be a non-empty sequence within \[-1, 1\]"):
        cosimulate_spiking(plan_memory(SPEC), made(neurons=8), 2.0 * noise(), workdir=tmp_path)


def test_the_command_tells_and_refuses(capsys):
    words = ["--order", "2", "--theta", "0.2", "--neurons", "8", "--samples", "200", "--simulator", "icarus"]
    assert cosim.main([*words, "--band", "5"]) == 0
    assert '"passed": true' in capsys.readouterr().out
    assert cosim.main([*words, "--neurons", "9"]) == 2
    assert "neurons must be a multiple of the 2 ensembles, got 9" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["poisson-lif", "poisson-relu", "lif"])
def test_long_streams_equal_the_integer_model(kind, rng, tmp_path):
    """A thousand neurons for two thousand steps, with lanes, gaps and back-pressure."""
    spec = LMUSpec(6, 0.5, 1e-3)
    memory = harnessed(made(kind, 996, spec, lanes=2), rng, samples=1000, gap=0.1, stall=0.1)
    run = run_spiking([memory], workdir=tmp_path)
    assert run.passed, run.bench.messages
    assert run.scores[0].checked == 12_000


@pytest.mark.slow
def test_random_specifications(tmp_path):
    result = run_spiking_regression(3, seed=2, samples=16, cycles=4_000, workdir=tmp_path, simulator="icarus")
    assert result.passed, result.failures
    assert set(result.kinds) == {"poisson-lif", "poisson-relu", "lif"}
    assert result.samples == 48
    assert result.words >= 48


@pytest.mark.slow
def test_more_random_specifications(tmp_path):
    result = run_spiking_regression(12, seed=3, samples=200, cycles=100_000, workdir=tmp_path)
    assert result.passed, result.failures
    assert result.several_spikes > 0


def test_a_regression_refuses(capsys):
    assert regression.main(["--designs", "0"]) == 2
    assert "designs must be an integer of at least 1, got 0" in capsys.readouterr().err
    assert regression.main(["--designs", "1", "--cycles", "5"]) == 2
    assert "cycles must be enough for what is drawn, got 5" in capsys.readouterr().err
