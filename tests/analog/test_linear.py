"""The recovered linear model against circuits whose equations are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.analog.circuit import Circuit
from lmu_hw.analog.elements import Capacitor, CurrentSource, Instance, OpAmp, Resistor, VoltageSource
from lmu_hw.analog.linear import state_space
from lmu_hw.analog.opamp import IdealOpAmp, SinglePoleOpAmp
from lmu_hw.errors import DesignError


def low_pass(name: str = "low_pass", ohms: float = 1e3) -> Circuit:
    circuit = Circuit(name)
    circuit.add_port("u", "in")
    circuit.add_port("x", "out")
    circuit.add(Resistor("R_1", ohms), p="u", n="x")
    circuit.add(Capacitor("C_1", 1e-6), p="x", n="0")
    return circuit


def test_rc_low_pass() -> None:
    model = state_space(low_pass())
    np.testing.assert_allclose([model.a[0, 0], model.b[0, 0]], [-1e3, 1e3], rtol=1e-14)
    np.testing.assert_allclose([model.c[0, 0], model.d[0, 0]], [1.0, 0.0], atol=1e-14)
    assert (model.states, model.inputs, model.outputs) == (("C_1",), ("u",), ("x",))
    np.testing.assert_allclose(model.response([0.0, 1e3 / (2 * np.pi)])[:, 0, 0], [1.0, 1 / (1 + 1j)])


def test_instances_are_expanded_under_their_path() -> None:
    outer = Circuit("outer")
    outer.add_port("u", "in")
    outer.add_port("y", "out")
    outer.add(OpAmp("X_buffer", IdealOpAmp()), inp="mid", inn="u_2", out="u_2")
    outer.add(Instance("X_a", low_pass()), u="u", x="mid")
    outer.add(Instance("X_b", low_pass("slower", 2e3)), u="u_2", x="y")
    model = state_space(outer, ideal_opamps=True)
    assert model.states == ("X_a.C_1", "X_b.C_1")
    np.testing.assert_allclose(model.a, [[-1e3, 0.0], [5e2, -5e2]], atol=1e-9)
    np.testing.assert_allclose(model.response(0.0)[0, 0, 0], 1.0)


def test_sources_are_inputs_with_spice_directions() -> None:
    circuit = Circuit("sources")
    circuit.add_port("y", "out")
    circuit.add(VoltageSource("V_1"), p="a", n="0")
    circuit.add(CurrentSource("I_1"), p="0", n="y")  # pushes into y
    circuit.add(Resistor("R_1", 1e3), p="a", n="y")
    circuit.add(Capacitor("C_1", 1e-6), p="y", n="0")
    model = state_space(circuit)
    assert model.inputs == ("V_1", "I_1")
    np.testing.assert_allclose(model.b, [[1e3, 1e6]], rtol=1e-12)


@pytest.mark.parametrize("model", [IdealOpAmp(gain=100.0), SinglePoleOpAmp(gain=100.0, rout=1e-9)])
def test_finite_gain_of_an_inverter(model: IdealOpAmp | SinglePoleOpAmp) -> None:
    circuit = Circuit("inverter")
    circuit.add_port("u", "in")
    circuit.add_port("y", "out")
    circuit.add(Resistor("R_1", 1e4), p="u", n="s")
    circuit.add(Resistor("R_2", 2e4), p="s", n="y")
    circuit.add(OpAmp("X_1", model), inp="0", inn="s", out="y")
    gains = [state_space(circuit, ideal_opamps=ideal).response(0.0)[0, 0, 0] for ideal in (False, True)]
    np.testing.assert_allclose(gains, [-2.0 / (1 + 3.0 / 100.0), -2.0], rtol=1e-9)


def test_closed_loop_bandwidth_is_gbw_over_noise_gain() -> None:
    circuit = Circuit("amplifier")
    circuit.add_port("u", "in")
    circuit.add_port("y", "out")
    circuit.add(Resistor("R_1", 1e4), p="0", n="s")
    circuit.add(Resistor("R_2", 9e4), p="s", n="y")
    circuit.add(OpAmp("X_1", SinglePoleOpAmp(gbw=1e6, gain=1e9, rout=1e-6)), inp="u", inn="s", out="y")
    model = state_space(circuit)
    assert model.states == ("X_1.pole",)
    np.testing.assert_allclose(model.a[0, 0], -2 * np.pi * 1e5, rtol=1e-6)
    np.testing.assert_allclose(model.response(0.0)[0, 0, 0], 10.0, rtol=1e-6)


def test_a_loop_of_capacitors_is_refused() -> None:
    circuit = low_pass()
    circuit.add(Capacitor("C_2", 1e-6), p="x", n="0")
    with pytest.raises(DesignError, match="circuit low_pass must be uniquely solvable"):
        state_space(circuit)
