"""One recording in fixed point, floats and spikes: everything agrees, and a wrong part of it is found and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.cli import main
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.rtl.spiking.verilog import generate_spiking_verilog
from lmu_hw.sim.cosim.spiking import cosimulate_spiking
from lmu_hw.spiking.design import SpikingOptions
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan, plan_spiking
from tests.sim.broken import edited

SPEC = LMUSpec(2, 0.2, 1e-3)


def made(neurons: int) -> DigitalSpikingPlan:
    return plan_spiking(SPEC, SpikingOptions(neurons, band_hz=5.0))


def noise(samples: int = 300) -> np.ndarray:
    return band_limited_noise(300, SPEC.dt, 5.0, 1)[:samples]


def test_one_recording_through_everything(tmp_path):
    plan, spiking = plan_memory(SPEC), made(120)
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
    plan, spiking = plan_memory(SPEC), made(8)
    designs = [
        generate_verilog(plan, name="fixed_memory"),
        generate_spiking_verilog(spiking, name="spiking_memory"),
    ]
    designs[which] = edited(designs[which], r"assign out_data = ", "assign out_data = 1'b1 ^ ")
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
    result = cosimulate_spiking(proud, made(8), noise(60), workdir=tmp_path, simulator="icarus")
    assert not result.passed
    assert not result.fixed_vs_float.passed
    assert result.fixed.mismatches == 0


def test_the_plans_must_be_of_one_memory(tmp_path):
    with pytest.raises(DesignError, match="plans must be of one memory"):
        cosimulate_spiking(plan_memory(LMUSpec(2, 0.3, 1e-3)), made(8), noise(), workdir=tmp_path)
    with pytest.raises(DesignError, match=r"samples must be a non-empty sequence within \[-1, 1\]"):
        cosimulate_spiking(plan_memory(SPEC), made(8), 2.0 * noise(), workdir=tmp_path)


def test_the_command_tells_and_refuses(capsys):
    words = ["cosim", "--spiking", "--order", "2", "--theta", "0.2", "--dt", "0.001", "--simulator", "icarus", "--json"]
    assert main([*words, "--neurons", "8"]) == 0
    assert '"passed": true' in capsys.readouterr().out
    assert main([*words, "--neurons", "9"]) == 2
    assert "neurons must be a multiple of the 2 ensembles, got 9" in capsys.readouterr().err
