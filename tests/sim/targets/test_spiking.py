"""The bench of spiking memories: right designs pass; dead, broken and foreign ones cannot."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.targets.memory import HarnessedSpiking, Stimulus
from lmu_hw.sim.targets.run import run_targets
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan, plan_spiking
from lmu_hw.spiking.neurons import NeuronKind
from tests.sim.broken import edited, tied

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
    return HarnessedSpiking(plan, Stimulus(codes, **traffic), design or generate_spiking_verilog(plan, name=name))


def test_all_kinds_equal_the_integer_model_in_icarus(rng, tmp_path):
    memories = [
        harnessed(made(kind, lanes=lanes), rng, f"spikes_{k}", gap=0.3, stall=0.4, seed=k)
        for k, (kind, lanes) in enumerate((("poisson-lif", 1), ("poisson-relu", 3), ("lif", 2)))
    ]
    run = run_targets(memories, workdir=tmp_path, simulator="icarus", resets=[150])
    assert run.bench.messages == ()
    assert run.passed
    for memory, words, score in zip(memories, run.words, run.scores, strict=True):
        assert np.array_equal(words, memory.model_words())
        assert score.checked == score.expected == 80


def test_verilator_equals_the_integer_model_at_the_stated_pace(rng, tmp_path):
    memory = harnessed(made(lanes=2), rng, samples=30, batch=1)
    run = run_targets([memory], workdir=tmp_path)
    assert run.passed, run.bench.messages
    pace = np.diff(run.recorded[0].cycles[0, :, 0])
    assert set(pace.tolist()[2:]) == {memory.design.manifest["cycles_per_sample"]}
    assert run.recorded[0].cycles[0, 0, 0] == memory.design.manifest["latency_cycles"]


@pytest.mark.parametrize(
    ("port", "message"),
    [
        ("out_valid", "never came"),  # dead: nothing ever comes out
        ("in_ready", ""),  # it takes samples and does not say so
    ],
)
def test_a_dead_design_fails(port, message, rng, tmp_path):
    plan, design = small()
    design = tied(design, port)
    run = run_targets([harnessed(plan, rng, design=design, samples=6)], workdir=tmp_path, simulator="icarus")
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
    index = edited(design, r"assign out_index = ", "assign out_index = ~")
    memories.append(harnessed(plan, rng, design=index, batch=1))
    run = run_targets(memories, workdir=tmp_path, simulator="icarus")
    assert not run.passed
    found = {name: score.mismatches for name, score in zip([*wrong, "index"], run.scores, strict=True)}
    assert min(found.values()) > 0, found


def test_one_wrong_word_is_told(rng, tmp_path):
    plan, design = small()
    memory = harnessed(plan, rng, design=design)
    wrong = memory.model_words()
    wrong[1, 7, 1] += 1
    run = run_targets([memory], workdir=tmp_path, simulator="icarus", expected=[wrong])
    assert [score.mismatches for score in run.scores] == [1]
    assert not run.passed


def test_checked_words_are_those_of_the_model_or_none(rng, tmp_path):
    plan, design = small()
    memory = harnessed(plan, rng, design=design, samples=8)
    words = run_targets([memory], workdir=tmp_path / "right", simulator="icarus").checked_words(0)
    assert np.array_equal(words, DigitalSpikingMemory(plan).run(memory.stimulus.codes))
    broken = replace(memory, design=edited(design, r"assign out_index = ", "assign out_index = ~"))
    with pytest.raises(CheckFailed, match="expected"):
        run_targets([broken], workdir=tmp_path / "wrong", simulator="icarus").checked_words(0)


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
    memory = harnessed(plan, rng, design=design)
    with pytest.raises(DesignError, match=message):
        replace(memory, stimulus=replace(memory.stimulus, **change))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["poisson-lif", "poisson-relu", "lif"])
def test_long_streams_equal_the_integer_model(kind, rng, tmp_path):
    """A thousand neurons for two thousand steps, with lanes, gaps and back-pressure."""
    spec = LMUSpec(6, 0.5, 1e-3)
    memory = harnessed(made(kind, 996, spec, lanes=2), rng, samples=1000, gap=0.1, stall=0.1)
    run = run_targets([memory], workdir=tmp_path)
    assert run.passed, run.bench.messages
    assert run.scores[0].checked == 12_000
