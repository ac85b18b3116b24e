"""The circuit graph: typed elements, named pins and nets, names that every later format accepts."""

from __future__ import annotations

import networkx as nx
import pytest

from lmu_hw.analog.circuit.devices import IdealOpAmp, IdealOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import (
    Capacitor,
    Element,
    Instance,
    OpAmp,
    PiecewiseLinear,
    Port,
    Resistor,
    Transconductor,
    VoltageSource,
)
from lmu_hw.analog.circuit.graph import Circuit, element_vertex, net_vertex, parts_of, replaced, walk
from lmu_hw.errors import DesignError


def follower() -> Circuit:
    circuit = Circuit("follower")
    circuit.add_port("a", "in")
    circuit.add_port("b", "out")
    circuit.add(OpAmp("X_1", IdealOpAmp()), inp="a", inn="b", out="b")
    return circuit


def test_graph_is_bipartite_with_one_edge_per_pin() -> None:
    circuit = follower()
    circuit.add(Resistor("R_load", 1e3), p="b", n="0")
    assert nx.is_bipartite(circuit.graph)
    amplifier = circuit.of(OpAmp)[0]
    edges = circuit.graph.edges(element_vertex(amplifier), keys=True)
    assert {(net, pin) for _, (_, net), pin in edges} == {("a", "inp"), ("b", "inn"), ("b", "out")}
    assert circuit.graph.degree(net_vertex("b")) == 4


def test_lists_keep_the_order_of_construction() -> None:
    circuit = follower()
    circuit.add(Resistor("R_load", 1e3), p="b", n="0")
    circuit.add(Capacitor("C_load", 1e-9), p="0", n="b")
    assert [port.name for port in circuit.ports] == ["a", "b"]
    assert [element.name for element in circuit.elements] == ["X_1", "R_load", "C_load"]
    assert circuit.nets == ["a", "b", "0"]
    assert list(circuit.pins_of(circuit.of(Capacitor)[0]).items()) == [("p", "0"), ("n", "b")]
    assert {(element.name, pin) for element, pin in circuit.pins_on("b")} == {
        ("b", "net"),
        ("X_1", "inn"),
        ("X_1", "out"),
        ("R_load", "p"),
        ("C_load", "n"),
    }


def test_pins_may_come_in_any_order() -> None:
    circuit = follower()
    circuit.add(OpAmp("X_2", IdealOpAmp()), out="c", inp="b", inn="c")
    assert list(circuit.pins_of(circuit.of(OpAmp)[1])) == ["inp", "inn", "out"]


def test_an_instance_has_the_ports_of_its_circuit_as_pins() -> None:
    inner = Circuit("inner")
    for net in ("element", "self"):  # names that could clash with those of a parameter
        inner.add_port(net, "in")
    outer = Circuit("outer")
    outer.add(Instance("X_inner", inner), element="p", self="q")
    assert outer.pins_of(outer.elements[0]) == {"element": "p", "self": "q"}


def nested() -> Circuit:
    inner, middle, outer = Circuit("inner"), Circuit("middle"), Circuit("outer")
    for circuit in (inner, middle):
        circuit.add_port("a", "in")
        circuit.add(Resistor("R_1", 1e3), p="a", n="b")
        circuit.add(Resistor("R_2", 2e3), p="b", n="0")
    middle.add(Instance("X_inner", inner), a="b")
    outer.add_port("top", "in")
    outer.add(Instance("X_middle", middle), a="top")
    outer.add(Resistor("R_1", 5e3), p="top", n="0")
    return outer


def test_walking_gives_every_part_with_its_path_and_nets() -> None:
    assert [(path, part.name, list(nets.values())) for path, part, nets in walk(nested())] == [
        ("X_middle.R_1", "R_1", ["top", "X_middle.b"]),
        ("X_middle.R_2", "R_2", ["X_middle.b", "0"]),
        ("X_middle.X_inner.R_1", "R_1", ["X_middle.b", "X_middle.X_inner.b"]),
        ("X_middle.X_inner.R_2", "R_2", ["X_middle.X_inner.b", "0"]),
        ("R_1", "R_1", ["top", "0"]),
    ]


def test_replacing_parts_leaves_the_rest_and_the_original() -> None:
    circuit = nested()
    changed = replaced(circuit, {"X_middle.X_inner.R_2": Resistor("R_2", 7.0), "R_1": Resistor("R_1", 8.0)})
    values = {path: part.ohms for path, part, _ in walk(changed) if isinstance(part, Resistor)}
    assert values == {
        "X_middle.R_1": 1e3,
        "X_middle.R_2": 2e3,
        "X_middle.X_inner.R_1": 1e3,
        "X_middle.X_inner.R_2": 7.0,
        "R_1": 8.0,
    }
    assert [nets for _, _, nets in walk(changed)] == [nets for _, _, nets in walk(circuit)]
    assert [part.ohms for _, part, _ in walk(circuit) if isinstance(part, Resistor)] == [1e3, 2e3, 1e3, 2e3, 5e3]


@pytest.mark.parametrize("path", ["R_2", "X_middle.R_3", "X_inner.R_1"])
def test_replacing_what_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(DesignError, match="path of an element must be one of circuit outer"):
        replaced(nested(), {path: Resistor(path.split(".")[-1], 1.0)})


def test_replacing_by_another_name_is_refused() -> None:
    with pytest.raises(DesignError, match=r"outer\.R_1 must be replaced by an element of its name, got R_9"):
        replaced(nested(), {"R_1": Resistor("R_9", 1.0)})


@pytest.mark.parametrize(
    ("element", "name", "value"),
    [
        (Resistor("R_1", 1e3), "resistance", 2e3),
        (Capacitor("C_1", 1e-9), "capacitance", 2e-9),
        (OpAmp("X_1", SinglePoleOpAmp()), "gbw", 1e6),
        (Transconductor("X_1", IdealOta()), "gm", 2e-6),
    ],
)
def test_an_element_takes_another_value_of_a_parameter(element: Element, name: str, value: float) -> None:
    changed = element.with_parameter(name, value)
    assert changed.parameters == {**element.parameters, name: value}
    assert (type(changed), changed.name) == (type(element), element.name)
    assert element.parameters[name] != value
    with pytest.raises(DesignError, match=f"parameter of {element.name} must be one of a {element.kind}, got beta"):
        element.with_parameter("beta", 1.0)


def test_a_parameter_keeps_its_range() -> None:
    with pytest.raises(DesignError, match="op-amp gbw must be a positive finite number"):
        OpAmp("X_1", SinglePoleOpAmp()).with_parameter("gbw", -1.0)
    with pytest.raises(DesignError, match="parameter of V_1 must be one of a voltage source, got resistance"):
        VoltageSource("V_1").with_parameter("resistance", 1.0)


def test_the_parts_of_a_kind_are_found_at_any_depth() -> None:
    assert [part.ohms for part in parts_of(nested(), Resistor)] == [1e3, 2e3, 1e3, 2e3, 5e3]
    assert parts_of(nested(), Capacitor) == []


@pytest.mark.parametrize("name", ["3R", "R 1", "R-1", "", "R_" + "x" * 62, "Rµ", "R.1", "R\n.end"])
def test_names_that_are_no_identifiers_are_refused(name: str) -> None:
    with pytest.raises(DesignError, match="resistor name must be a letter"):
        Resistor(name, 1.0)
    with pytest.raises(DesignError, match="circuit name"):
        Circuit(name)


def test_names_that_spice_would_take_for_another_kind_are_refused() -> None:
    with pytest.raises(DesignError, match=r"^capacitor name must be one that begins with C, got R_1$"):
        Capacitor("R_1", 1e-9)
    assert Resistor("r_1", 1.0).name == "r_1"


def test_bad_connections_are_refused() -> None:
    circuit = follower()
    with pytest.raises(DesignError, match=r"^follower\.R_1 must be connected at the pins p, n, got p$"):
        circuit.add(Resistor("R_1", 1.0), p="a")
    with pytest.raises(DesignError, match="pins p, n"):
        circuit.add(Resistor("R_1", 1.0), p="a", n="b", x="c")
    with pytest.raises(DesignError, match=r"net at follower\.R_1\.n must be a letter"):
        circuit.add(Resistor("R_1", 1.0), p="a", n="b c")
    with pytest.raises(DesignError, match="element name used once"):
        circuit.add(OpAmp("X_1", IdealOpAmp()), inp="a", inn="b", out="b")
    with pytest.raises(DesignError, match="port name used once"):
        circuit.add_port("a", "out")
    assert [element.name for element in circuit.elements] == ["X_1"]


def test_a_port_bears_the_name_of_its_net() -> None:
    port = follower().ports[1]
    assert (port.name, port.direction) == ("b", "out")
    assert isinstance(port, Port)
    with pytest.raises(DesignError, match=r"follower\.c must be a port on the net of its name, got d"):
        follower().add(Port("c", "in"), net="d")


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        ((0.0,), (1.0,), "two or more times"),
        ((0.0, 1.0), (1.0,), "as many values"),
        ((0.0, 1.0, 1.0), (1.0, 2.0, 3.0), "increasing, got 1.0 then 1.0"),
        ((0.0, float("nan")), (1.0, 2.0), "increasing"),
    ],
)
def test_bad_waveforms_are_refused(times: tuple[float, ...], values: tuple[float, ...], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        VoltageSource("V_1", PiecewiseLinear(times, values))


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan"), True, "1"])
def test_op_amp_parameters_are_positive_and_finite(bad: float) -> None:
    for field in ("gbw", "gain", "rout"):
        with pytest.raises(DesignError, match=f"op-amp {field} must be a positive finite number"):
            SinglePoleOpAmp(**{field: bad})
    with pytest.raises(DesignError, match="op-amp gain"):
        IdealOpAmp(bad)
