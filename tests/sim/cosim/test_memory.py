"""Verilog, integers, floats and SPICE against each other; and that a wrong one of them is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.analog.circuit.devices import IdealOpAmp, SinglePoleOpAmp
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.cosim import memory as cosim
from lmu_hw.sim.cosim.memory import AnalogSetup, check_bound, cosimulate
from lmu_hw.sim.hdl.runner import Simulator
from tests.sim.broken import make_a_resistor_wrong

THETA, DT = 0.01, 5e-5


def recording(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Noise below 250 Hz or so, with full-scale peaks."""
    smooth = np.convolve(rng.standard_normal(samples + 39), np.hanning(40), mode="valid")
    return smooth / np.abs(smooth).max()


def plan(order: int = 3, method: str = "ab2") -> MemoryPlan:
    return plan_memory(LMUSpec(order, THETA, DT, method))


def circuit(order: int = 3, **options) -> AnalogDesign:
    """With op-amps of 10 MHz, unless told otherwise."""
    return design_memory(order, THETA, **{"opamp": SinglePoleOpAmp()} | options)


@pytest.mark.parametrize("simulator", list(Simulator))
def test_everything_agrees(simulator, rng, tmp_path):
    """Order 6, θ = 10 ms, 10 MHz op-amps: the circuit stays within 1 %."""
    u = recording(rng, 500)
    result = cosimulate(
        plan(6), u, workdir=tmp_path, simulator=simulator, analog=AnalogSetup(circuit(6), samples=300, tolerance=0.01)
    )
    assert result.passed, result.to_dict()
    assert result.digital.samples == 500
    assert result.digital.beats == 500 * 6
    assert result.digital.mismatches == 0
    assert result.fixed_vs_float.utilisation <= 1.0
    assert result.analog is not None
    assert result.analog.samples == 300
    assert result.analog.mismatches == 0
    assert max(result.analog.nrmse, result.analog.readout_nrmse, result.analog.worst_state_nrmse) <= 0.01
    np.testing.assert_array_equal(result.states_rtl, result.states_fixed)
    assert result.states_spice.shape == (300, 6)


def in_ngspice(made: AnalogDesign, u: np.ndarray, tmp_path) -> cosim.AnalogCheck:
    """The circuit beside Verilog, ten steps of ngspice and more per sample, within 0.1 %."""
    order = made.specification["order"]
    result = cosimulate(plan(order), u, workdir=tmp_path, simulator="icarus", analog=AnalogSetup(made, tolerance=0.001))
    assert result.passed, result.to_dict()
    assert result.analog is not None
    assert result.analog.samples == u.size
    return result.analog


@pytest.mark.slow
def test_ideal_elements_come_closer(rng, tmp_path):
    """Two nets per signal, summing nodes on the way, three readouts and the coefficients themselves."""
    u = recording(rng, 300)
    found = in_ngspice(
        circuit(topology="chain", style="opamp-rc-differential", opamp=IdealOpAmp(), delays=(1.0, 0.0, 0.3)),
        u,
        tmp_path / "a",
    )
    assert max(found.nrmse, found.readout_nrmse, found.worst_state_nrmse) < 1e-4
    found = in_ngspice(circuit(topology="ladder", style="gm-c", coefficients=True), u, tmp_path / "b")
    assert max(found.nrmse, found.readout_nrmse, found.worst_state_nrmse) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("order", [3, 6])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("topology", list(TOPOLOGIES))
def test_every_realisation_in_every_technology(topology, style, order, rng, tmp_path):
    made = circuit(order, topology=topology, style=style, opamp=IdealOpAmp())
    found = in_ngspice(made, recording(rng, 300), tmp_path)
    assert max(found.nrmse, found.readout_nrmse, found.worst_state_nrmse) < 1e-4


def test_a_wrong_resistor_is_found(rng, tmp_path, monkeypatch):
    """One of nine couplings 20 % off."""
    make_a_resistor_wrong(monkeypatch)
    result = cosimulate(
        plan(), recording(rng, 200), workdir=tmp_path, simulator="icarus", analog=AnalogSetup(circuit())
    )
    assert not result.passed
    assert not result.analog.passed
    assert result.digital.passed
    assert "nrmse" in result.analog.messages[0]


def test_a_wrong_design_is_found_beside_the_circuit_too(rng, tmp_path):
    good = plan()
    codes = good.increment.coefficients.copy()
    codes[0] += 1
    wrong = generate_verilog(replace(good, increment=replace(good.increment, coefficients=codes)))
    result = cosimulate(
        good, recording(rng, 200), workdir=tmp_path, simulator="icarus", analog=AnalogSetup(circuit()), design=wrong
    )
    assert not result.digital.passed
    assert result.digital.mismatches > 0
    assert not result.analog.passed
    assert result.analog.mismatches > 0
    assert result.analog.nrmse < 0.01


def test_a_broken_bound_is_found():
    memory = plan()
    reference = np.zeros((4, 3))
    inside, outside = reference.copy(), reference.copy()
    inside[2] = 0.99 * memory.error_bound
    outside[2] = inside[2]
    outside[2, 1] = 1.01 * memory.error_bound[1]
    assert check_bound(memory, inside, reference).passed
    broken = check_bound(memory, outside, reference)
    assert not broken.passed
    assert broken.utilisation == pytest.approx(1.01)


@pytest.mark.parametrize("samples", [[], [[0.0]], [1.5], [float("nan")]])
def test_samples_are_refused(samples, tmp_path):
    with pytest.raises(DesignError, match="samples must be"):
        cosimulate(plan(), np.array(samples), workdir=tmp_path)


def test_a_circuit_needs_legendre_coordinates(tmp_path):
    orthonormal = plan_memory(LMUSpec(3, THETA, DT, "zoh", "orthonormal"))
    with pytest.raises(DesignError, match="basis must be legendre beside a circuit"):
        cosimulate(orthonormal, np.zeros(3), workdir=tmp_path, simulator="icarus", analog=AnalogSetup(circuit()))


def test_the_circuit_must_be_of_the_same_memory(tmp_path):
    for other in (circuit(4), design_memory(3, 2 * THETA)):
        with pytest.raises(DesignError, match=r"circuit must be of order 3 and window 0\.01 s, as the plan is, got "):
            cosimulate(plan(), np.zeros(3), workdir=tmp_path, simulator="icarus", analog=AnalogSetup(other))


def test_names_of_module_and_subcircuit_must_differ(tmp_path):
    with pytest.raises(DesignError, match="name of the circuit must be another than the Verilog module's"):
        cosimulate(
            plan(),
            np.zeros(3),
            workdir=tmp_path,
            simulator="icarus",
            analog=AnalogSetup(circuit(name="LMU_memory")),
            design=generate_verilog(plan(), name="lmu_memory"),
        )
