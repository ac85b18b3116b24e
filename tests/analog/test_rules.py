"""Every electrical rule refuses the circuit that it is for, says where, and leaves a sound one alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lmu_hw.analog.circuit import rules
from lmu_hw.analog.circuit.bench import bench_for
from lmu_hw.analog.circuit.devices import IdealDifferentialOpAmp, IdealOpAmp, IdealOta
from lmu_hw.analog.circuit.elements import (
    Capacitor,
    DifferentialOpAmp,
    Instance,
    OpAmp,
    PiecewiseLinear,
    Resistor,
    Transconductor,
    VoltageSource,
)
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import state_space
from lmu_hw.analog.export.spice import to_deck, to_subcircuit
from lmu_hw.errors import DesignError
from tests.analog.helpers import CurrentSource, leaky_integrator

MODEL = IdealOpAmp()  # a leaky integrator with it breaks no rule


def broken(circuit: Circuit) -> list[tuple[str, str]]:
    return [(violation.rule, violation.path) for violation in rules.violations(circuit)]


def test_a_sound_circuit_passes() -> None:
    assert rules.violations(leaky_integrator(MODEL)) == []
    rules.check(bench_for(leaky_integrator(MODEL), 1.0))


def case_fold_elements(c: Circuit) -> None:
    c.add(Resistor("r_IN", 1e4), p="u", n="sum")


def case_fold_nets(c: Circuit) -> None:
    c.add(Resistor("R_2", 1e4), p="U", n="sum")
    c.add(Resistor("R_3", 1e4), p="U", n="sum")


def case_fold_subcircuits(c: Circuit) -> None:
    inner = Circuit("LEAKY")
    inner.add_port("a", "in")
    inner.add(Resistor("R_1", 1.0), p="a", n="0")
    c.add(Instance("X_2", inner), a="u")


def a_subcircuit_named_like_a_model(c: Circuit) -> None:
    inner = Circuit("OpAmp_Ideal")
    inner.add_port("a", "in")
    inner.add(Resistor("R_1", 1.0), p="a", n="0")
    c.add(Instance("X_2", inner), a="u")


def reserved_net(c: Circuit) -> None:
    c.add(Resistor("R_2", 1e4), p="GND", n="u")
    c.add(Resistor("R_3", 1e4), p="GND", n="u")


def negative_resistor(c: Circuit) -> None:
    c.add(Resistor("R_2", -1e4), p="u", n="sum")


def zero_capacitor(c: Circuit) -> None:
    c.add(Capacitor("C_2", 0.0), p="u", n="sum")


def infinite_resistor(c: Circuit) -> None:
    c.add(Resistor("R_2", float("inf")), p="u", n="sum")


def nan_source(c: Circuit) -> None:
    c.add(CurrentSource("I_1", float("nan")), p="0", n="sum")


def infinite_waveform(c: Circuit) -> None:
    c.add(CurrentSource("I_1", PiecewiseLinear((0.0, 1.0), (0.0, float("inf")))), p="0", n="sum")


def dangling_net(c: Circuit) -> None:
    c.add(Resistor("R_2", 1e4), p="u", n="nowhere")


def dangling_port(c: Circuit) -> None:
    c.add_port("spare", "out")


def shorted_part(c: Circuit) -> None:
    c.add(Resistor("R_2", 1e4), p="u", n="u")


def grounded_output(c: Circuit) -> None:
    c.add(OpAmp("X_2", MODEL), inp="u", inn="0", out="0")


def joined_outputs(c: Circuit) -> None:
    c.add(OpAmp("X_2", MODEL), inp="0", inn="sum", out="x")


def output_on_a_source(c: Circuit) -> None:
    c.add(VoltageSource("V_1", 1.0), p="x", n="0")


def output_on_an_input_port(c: Circuit) -> None:
    c.add(OpAmp("X_2", MODEL), inp="0", inn="sum", out="u")


def floating_by_capacitors(c: Circuit) -> None:
    c.add(Capacitor("C_2", 1e-9), p="u", n="mid")
    c.add(Capacitor("C_3", 1e-9), p="mid", n="0")


def floating_op_amp_inputs(c: Circuit) -> None:
    c.add(OpAmp("X_2", MODEL), inp="free", inn="y", out="y")
    c.add(Capacitor("C_2", 1e-9), p="free", n="0")


def floating_island(c: Circuit) -> None:
    c.add(Resistor("R_2", 1e4), p="left", n="right")
    c.add(Resistor("R_3", 1e4), p="left", n="right")


def exchanged_inputs(c: Circuit) -> None:
    c.add(OpAmp("X_2", MODEL), inp="s", inn="0", out="y")
    c.add(Resistor("R_2", 1e4), p="u", n="s")
    c.add(Resistor("R_3", 1e4), p="s", n="y")
    c.add(Resistor("R_4", 1e4), p="y", n="0")


def exchanged_differential_outputs(c: Circuit) -> None:
    for side in ("p", "n"):
        c.add(Resistor(f"R_in_{side}", 1e4), p="u", n=f"virtual_{side}")
        c.add(Resistor(f"R_fb_{side}", 1e4), p=f"virtual_{side}", n=f"out_{side}")
    amplifier = DifferentialOpAmp("X_2", IdealDifferentialOpAmp())
    c.add(amplifier, inp="virtual_p", inn="virtual_n", outp="out_p", outn="out_n")


def shorted_differential_outputs(c: Circuit) -> None:
    amplifier = DifferentialOpAmp("X_2", IdealDifferentialOpAmp())
    c.add(amplifier, inp="u", inn="sum", outp="y", outn="y")


def floating_transconductor_input(c: Circuit) -> None:
    c.add(Transconductor("X_2", IdealOta()), inp="free", inn="0", out="y")
    c.add(Capacitor("C_2", 1e-9), p="y", n="0")
    c.add(Capacitor("C_3", 1e-9), p="free", n="u")


def no_feedback(c: Circuit) -> None:
    c.add(OpAmp("X_2", MODEL), inp="0", inn="u", out="y")
    c.add(Resistor("R_2", 1e4), p="y", n="0")


@pytest.mark.parametrize(
    ("breakage", "rule", "paths"),
    [
        (case_fold_elements, "distinct_names", ["leaky.r_IN"]),
        (case_fold_nets, "distinct_names", ["leaky.U"]),
        (case_fold_subcircuits, "distinct_names", ["leaky.LEAKY"]),
        (a_subcircuit_named_like_a_model, "distinct_names", ["leaky.OpAmp_Ideal"]),
        (reserved_net, "distinct_names", ["leaky.GND"]),
        (negative_resistor, "positive_values", ["leaky.R_2"]),
        (zero_capacitor, "positive_values", ["leaky.C_2"]),
        (infinite_resistor, "positive_values", ["leaky.R_2"]),
        (nan_source, "positive_values", ["leaky.I_1"]),
        (infinite_waveform, "positive_values", ["leaky.I_1"]),
        (dangling_net, "connected_pins", ["leaky.nowhere"]),
        (dangling_port, "connected_pins", ["leaky.spare"]),
        (shorted_part, "connected_pins", ["leaky.R_2"]),
        (grounded_output, "no_voltage_loops", ["leaky.X_2"]),
        (joined_outputs, "no_voltage_loops", ["leaky.X_2"]),
        (output_on_a_source, "no_voltage_loops", ["leaky.V_1", "leaky.X_1"]),
        (output_on_an_input_port, "no_voltage_loops", ["leaky.X_2"]),
        (floating_by_capacitors, "dc_path", ["leaky.mid"]),
        (floating_op_amp_inputs, "dc_path", ["leaky.free"]),
        (floating_island, "dc_path", ["leaky.left", "leaky.right"]),
        (exchanged_inputs, "opamp_feedback", ["leaky.X_2"]),
        (no_feedback, "opamp_feedback", ["leaky.X_2"]),
        (exchanged_differential_outputs, "opamp_feedback", ["leaky.X_2"]),
        (shorted_differential_outputs, "no_voltage_loops", ["leaky.X_2"]),
        (floating_transconductor_input, "dc_path", ["leaky.free"]),
    ],
)
def test_each_rule_finds_its_breakage(breakage: Callable[[Circuit], None], rule: str, paths: list[str]) -> None:
    circuit = leaky_integrator(MODEL)
    breakage(circuit)
    of_rule = [path for name, path in broken(circuit) if name == rule]
    assert of_rule
    assert set(of_rule) <= set(paths)
    for export in (to_subcircuit, state_space):
        with pytest.raises(rules.ElectricalRuleError):
            export(circuit)
    with pytest.raises(rules.ElectricalRuleError):
        to_deck(bench_for(circuit, 0.0), [])


def test_a_circuit_without_ground_is_refused() -> None:
    circuit = Circuit("adrift")
    circuit.add(VoltageSource("V_1", 1.0), p="a", n="b")
    circuit.add(Resistor("R_1", 1.0), p="a", n="b")
    assert broken(circuit) == [
        ("ground_present", "adrift"),
        ("dc_path", "adrift.a"),
        ("dc_path", "adrift.b"),
    ]


def test_a_loop_of_floating_voltage_sources_is_refused() -> None:
    circuit = Circuit("loop")
    circuit.add(VoltageSource("V_1", 1.0), p="a", n="b")
    circuit.add(VoltageSource("V_2", 1.0), p="b", n="a")
    circuit.add(Resistor("R_1", 1.0), p="a", n="0")
    assert broken(circuit) == [("no_voltage_loops", "loop.V_2")]


def test_violations_inside_an_instance_have_its_path() -> None:
    circuit = leaky_integrator(MODEL)
    dangling_net(circuit)
    bench = bench_for(circuit, 0.0)
    assert broken(bench) == [("connected_pins", "leaky_bench.X_leaky.nowhere")]


def test_the_error_lists_all_and_says_the_first_in_one_line() -> None:
    circuit = leaky_integrator(MODEL)
    zero_capacitor(circuit)
    shorted_part(circuit)
    with pytest.raises(DesignError) as caught:
        rules.check(circuit)
    error = caught.value
    assert isinstance(error, rules.ElectricalRuleError)
    assert [violation.rule for violation in error.violations] == ["positive_values", "connected_pins"]
    assert str(error) == ("leaky.C_2 must be a capacitor of positive finite capacitance in farad, got 0.0 (and 1 more)")


def test_a_differential_stage_and_a_transconductor_on_a_capacitor_are_sound() -> None:
    circuit = leaky_integrator(MODEL)
    for side, other in (("p", "n"), ("n", "p")):
        circuit.add(Resistor(f"R_in_{side}", 1e4), p="u", n=f"virtual_{other}")
        circuit.add(Resistor(f"R_fb_{side}", 1e4), p=f"virtual_{other}", n=f"out_{side}")
    amplifier = DifferentialOpAmp("X_2", IdealDifferentialOpAmp())
    circuit.add(amplifier, inp="virtual_p", inn="virtual_n", outp="out_p", outn="out_n")
    circuit.add(Transconductor("X_3", IdealOta()), inp="out_p", inn="node", out="node")
    circuit.add(Capacitor("C_node", 1e-9), p="node", n="0")
    assert broken(circuit) == []


def test_a_follower_has_feedback_by_its_own_connection() -> None:
    circuit = Circuit("follower")
    circuit.add_port("a", "in")
    circuit.add_port("b", "out")
    circuit.add(OpAmp("X_1", MODEL), inp="a", inn="b", out="b")
    circuit.add(Resistor("R_load", 1e3), p="b", n="0")
    assert broken(circuit) == []


def test_feedback_through_two_parts_is_found() -> None:
    circuit = Circuit("tee")
    circuit.add_port("u", "in")
    circuit.add_port("y", "out")
    circuit.add(Resistor("R_in", 1e4), p="u", n="s")
    circuit.add(Resistor("R_a", 1e4), p="s", n="mid")
    circuit.add(Resistor("R_b", 1e4), p="mid", n="y")
    circuit.add(Resistor("R_c", 1e4), p="mid", n="0")
    circuit.add(OpAmp("X_1", MODEL), inp="0", inn="s", out="y")
    assert broken(circuit) == []


def test_one_circuit_may_be_used_twice() -> None:
    inner = leaky_integrator(MODEL)
    circuit = Circuit("two")
    circuit.add(VoltageSource("V_1", 1.0), p="a", n="0")
    circuit.add(Instance("X_1", inner), u="a", x="b")
    circuit.add(Instance("X_2", inner), u="b", x="c")
    assert broken(circuit) == []
    other = Circuit("three")
    other.add(VoltageSource("V_1", 1.0), p="a", n="0")
    other.add(Instance("X_1", inner), u="a", x="b")
    other.add(Instance("X_2", leaky_integrator(MODEL)), u="b", x="c")
    assert broken(other) == [("distinct_names", "three.leaky")]
