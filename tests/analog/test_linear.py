"""The recovered linear model against circuits whose equations are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.analog.circuit.devices import (
    CmosOta,
    DifferentialOpAmpModel,
    IdealDifferentialOpAmp,
    IdealOpAmp,
    MacroOpAmp,
    MacroOta,
    SinglePoleDifferentialOpAmp,
    SinglePoleOpAmp,
)
from lmu_hw.analog.circuit.elements import (
    Capacitor,
    DifferentialOpAmp,
    Instance,
    OpAmp,
    Resistor,
    Transconductor,
    VoltageSource,
)
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import reduce, state_space
from lmu_hw.errors import DesignError
from tests.analog.helpers import CurrentSource, inverter, low_pass, supplies


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
    circuit = inverter(model, 2.0)
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


def test_capacitors_in_parallel_share_a_state() -> None:
    circuit = low_pass()
    circuit.add(Capacitor("C_2", 3e-6), p="0", n="x")
    circuit.add(Capacitor("C_in", 1e-6), p="u", n="0")  # an input holds it: it stores nothing of its own
    model = state_space(circuit)
    assert model.states == ("C_1",)
    np.testing.assert_allclose([model.a[0, 0], model.b[0, 0]], [-250.0, 250.0], rtol=1e-14)


def test_a_loop_of_capacitors_shares_states() -> None:
    """Three capacitors around two nets: C dv/dt = -G v with a full C."""
    circuit = Circuit("triangle")
    circuit.add_port("a", "out")
    circuit.add_port("b", "out")
    for name, p, n, farads in (("C_1", "a", "0", 1e-6), ("C_2", "b", "0", 2e-6), ("C_3", "a", "b", 4e-6)):
        circuit.add(Capacitor(name, farads), p=p, n=n)
    circuit.add(Resistor("R_1", 1e3), p="a", n="0")
    circuit.add(Resistor("R_2", 2e3), p="b", n="0")
    storage = np.array([[5e-6, -4e-6], [-4e-6, 6e-6]])
    np.testing.assert_allclose(state_space(circuit).a, -np.linalg.solve(storage, np.diag([1e-3, 5e-4])), rtol=1e-12)


def test_a_loop_that_differentiates_an_input_is_refused() -> None:
    circuit = low_pass()
    circuit.add(Capacitor("C_2", 1e-6), p="u", n="x")
    with pytest.raises(DesignError, match=r"low_pass must be solvable without derivatives .* a loop of C_2"):
        state_space(circuit)


def test_a_circuit_without_a_unique_solution_is_refused() -> None:
    circuit = Circuit("undefined")
    circuit.add_port("y", "out")
    circuit.add(Resistor("R_1", 1e3), p="s", n="y")
    circuit.add(Resistor("R_2", 1e3), p="s", n="y")
    circuit.add(OpAmp("X_1", IdealOpAmp()), inp="0", inn="s", out="y")
    circuit.add(OpAmp("X_2", IdealOpAmp()), inp="0", inn="s", out="z")
    circuit.add(Resistor("R_3", 1e3), p="s", n="z")
    with pytest.raises(DesignError, match="circuit undefined must be uniquely solvable"):
        state_space(circuit, ideal_opamps=True)


@pytest.mark.parametrize("ideal", [True, False])
def test_a_transconductor_on_a_capacitor_integrates(ideal: bool) -> None:
    model = MacroOta(gm=2e-6, gout=1e-8, cin=1e-12, cout=3e-12)
    circuit = Circuit("integrator")
    circuit.add_port("u", "in")
    circuit.add_port("x", "out")
    circuit.add(Transconductor("X_1", model), inp="0", inn="u", out="x")
    circuit.add(Transconductor("X_2", model), inp="0", inn="x", out="x")
    circuit.add(Capacitor("C_1", 1e-11), p="x", n="0")
    found = state_space(circuit, ideal_opamps=ideal)
    farads, leak = (1e-11, 2e-6) if ideal else (1e-11 + 3e-12 + 3e-12 + 1e-12, 2e-6 + 2e-8)
    np.testing.assert_allclose([found.a[0, 0], found.b[0, 0]], [-leak / farads, -2e-6 / farads], rtol=1e-12)
    assert found.states == ("C_1",)


def test_a_transconductor_of_transistors_has_no_linear_model() -> None:
    circuit = Circuit("transistors")
    circuit.add_port("u", "in")
    circuit.add_port("x", "out")
    circuit.add(Transconductor("X_1", CmosOta()), inp="u", inn="0", out="x")
    circuit.add(Resistor("R_1", 1e3), p="x", n="0")
    with pytest.raises(
        DesignError, match=r"transconductor X_1 must be one with a linear model, got cmos; a macro-model"
    ):
        state_space(circuit)


@pytest.mark.parametrize(
    ("model", "gain"),
    [(IdealDifferentialOpAmp(100.0), 100.0), (SinglePoleDifferentialOpAmp(100.0, rout=1e-9), 100.0), (None, np.inf)],
)
def test_a_differential_inverter(model: DifferentialOpAmpModel | None, gain: float) -> None:
    circuit = Circuit("inverter")
    for net, direction in (("u_p", "in"), ("u_n", "in"), ("y_p", "out"), ("y_n", "out")):
        circuit.add_port(net, direction)  # type: ignore[arg-type]
    for side, other in (("p", "n"), ("n", "p")):
        circuit.add(Resistor(f"R_in_{side}", 1e4), p=f"u_{side}", n=f"s_{side}")
        circuit.add(Resistor(f"R_fb_{side}", 2e4), p=f"s_{side}", n=f"y_{other}")
    opamp = DifferentialOpAmp("X_1", model or IdealDifferentialOpAmp())
    circuit.add(opamp, inp="s_p", inn="s_n", outp="y_p", outn="y_n")
    found = state_space(circuit, ideal_opamps=model is None).response(0.0)[0].real
    # A signal on one side alone gives half its gain on both outputs, balanced.
    each = 1.0 / (1 + 3.0 / gain)
    np.testing.assert_allclose(found, [[each, -each], [-each, each]], rtol=1e-6)


def test_a_macro_op_amp_without_its_second_pole_and_capacitance_is_a_single_pole() -> None:
    found = []
    for model in (SinglePoleOpAmp(gbw=1e6), MacroOpAmp(gbw=1e6, second_pole=1e18, cin=0.0, cdiff=0.0, offset=1e-3)):
        circuit = Circuit("integrator")
        circuit.add_port("u", "in")
        circuit.add_port("y", "out")
        circuit.add(Resistor("R_1", 1e4), p="u", n="s")
        circuit.add(Capacitor("C_1", 1e-9), p="s", n="y")
        circuit.add(OpAmp("X_1", model), inp="0", inn="s", out="y", **supplies(circuit, model))
        found.append(state_space(circuit).response(np.geomspace(1.0, 1e7, 9)))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


def test_a_batch_is_each_of_its_circuits(rng: np.random.Generator) -> None:
    circuit = low_pass()
    circuit.add(Capacitor("C_2", 1e-6), p="x", n="0")
    system = equations(circuit)
    factors = rng.uniform(0.5, 2.0, (5, 3))
    batch = reduce(system, system.nominal * factors)
    rates = 1e3 / factors[:, 0] / (factors[:, 1] + factors[:, 2])
    np.testing.assert_allclose(batch.a[:, 0, 0], -rates, rtol=1e-12)
    assert batch.response([0.0, 10.0]).shape == (5, 2, 1, 1)
    np.testing.assert_allclose(batch.response([0.0, 10.0])[:, 1, 0, 0], 1 / (1 + 20j * np.pi / rates))
