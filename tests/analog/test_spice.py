"""The SPICE text: complete, exact, deterministic, and nothing that a name or comment could break."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lmu_hw.analog.circuit.bench import bench_for, held_samples
from lmu_hw.analog.circuit.devices import IdealOpAmp, IdealOta, MacroOta, SinglePoleOpAmp, library
from lmu_hw.analog.circuit.elements import (
    Capacitor,
    External,
    Instance,
    PiecewiseLinear,
    Resistor,
    VoltageSource,
)
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.export.files import deck_text, subcircuit_text
from lmu_hw.analog.export.spice import (
    LINE,
    OPTIONS,
    SmallSignal,
    Transient,
    comment,
    number,
    to_deck,
    to_subcircuit,
)
from lmu_hw.errors import DesignError
from tests.analog.helpers import CurrentSource, MakeDesign


def logical_lines(text: str) -> list[str]:
    """Lines with their continuations joined, without comments."""
    return [line for line in text.replace("\n+ ", " ").splitlines() if not line.startswith("*")]


def top_level(text: str) -> list[str]:
    depth, lines = 0, []
    for line in logical_lines(text):
        depth += line.startswith(".subckt")
        if not depth:
            lines.append(line)
        depth -= line.startswith(".ends")
    return lines


def test_subcircuit_is_self_contained_and_exact(make_design: MakeDesign) -> None:
    design = make_design(12, opamp=SinglePoleOpAmp())
    text = subcircuit_text(design, "lmu-hw spice --order 12")
    lines = logical_lines(text)
    ports = " ".join(port.name for port in design.circuit.ports)
    assert f".subckt lmu {ports}" in lines
    assert sum(line.startswith(".subckt opamp_single_pole ") for line in lines) == 1
    assert all(len(line) <= LINE or line.startswith("*") for line in text.splitlines())
    body = lines[lines.index(f".subckt lmu {ports}") + 1 : lines.index(".ends lmu")]
    parsed = {line.split()[0]: line.split()[1:] for line in body}
    assert list(parsed) == [element.name for element in design.circuit.elements]
    for element in design.circuit.elements:
        fields = parsed[element.name]
        nets = list(design.circuit.pins_of(element).values())
        assert fields[: len(nets)] == nets
        if isinstance(element, (Resistor, Capacitor)):
            (value,) = element.quantities.values()
            assert float(fields[-1]) == value


@pytest.mark.parametrize("topology", ["dense", "chain", "ladder"])
@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential", "gm-c"])
@pytest.mark.parametrize("ota", [IdealOta(), MacroOta()])
def test_the_library_keeps_to_what_simulators_share(
    make_design: MakeDesign, topology: str, style: str, ota: IdealOta | MacroOta
) -> None:
    design = make_design(3, topology=topology, style=style, opamp=SinglePoleOpAmp(), ota=ota)
    lines = logical_lines(subcircuit_text(design, "c"))
    names: dict[str, set[str]] = {}
    inside = ""
    for line in lines:
        words = line.split()
        assert not set(line) & set(";$%@#!\"'\\[]")
        if words[0] == ".subckt":
            inside = words[1].casefold()
            assert inside not in names
            names[inside] = set()
        elif words[0] == ".ends":
            assert words[1].casefold() == inside
        else:
            if words[0] in (".param", ".model"):
                continue
            assert words[0][0] in "RCXEGID"
            assert words[0].casefold() not in names[inside]
            names[inside].add(words[0].casefold())
            for value in words[1:]:
                if re.match(r"-?[\d.]", value.split("=")[-1]):
                    float(value.split("=")[-1])  # no suffix
    # What is instantiated is defined before.
    assert lines[-1] == f".ends {design.circuit.name}"


def test_header_says_what_and_how(make_design: MakeDesign) -> None:
    head = subcircuit_text(make_design(2, 0.02), "lmu-hw spice --order 2 --theta 0.02").split(".subckt")[0]
    assert "order=2, theta=0.02" in head
    assert "* command: lmu-hw spice --order 2 --theta 0.02\n" in head
    scaling = dict(re.findall(r"^\* (\w+) (-?[\d.e-]+)$", head, re.MULTILINE))
    assert set(scaling) == {"u", "x0", "x1", "y0"}


def test_nothing_escapes_from_a_comment() -> None:
    for break_ in ("\n", "\r\n", "\r", "\u2028", "\x0b", "\x0c", "\x85"):
        assert comment(f"a{break_}.end") == "* a .end"


def test_text_is_the_same_every_time(make_design: MakeDesign) -> None:
    one, two = (make_design(5, opamp=SinglePoleOpAmp(), delays=(1.0, 0.25)) for _ in range(2))
    assert one is not two
    assert deck_text(one, "c") == deck_text(two, "c")


def test_numbers_are_plain_exponents_and_exact(make_design: MakeDesign) -> None:
    for value in (1e-9, 2.2e-08, 123456.78901234567, 1e22, 5e-324, 1.0, 1 / 3):
        text = number(value)
        assert float(text) == value
        assert re.fullmatch(r"-?\d+(\.\d+)?(e[-+]?\d+)?", text)
    for line in logical_lines(deck_text(make_design(6, 1e-5), "c")):
        for field in line.split():
            # A field that begins like a number is one as a whole: no suffix, no unit.
            if re.match(r"-?[\d.]", field.split("=")[-1]) and not field.startswith("."):
                float(field.split("=")[-1].strip("()"))


def test_definitions_come_once_and_inner_ones_first() -> None:
    inner, outer, bench = Circuit("inner"), Circuit("outer"), Circuit("bench")
    inner.add_port("a", "in")
    inner.add(Resistor("R_1", 1.0), p="a", n="0")
    outer.add_port("a", "in")
    outer.add(Instance("X_1", inner), a="a")
    outer.add(Instance("X_2", inner), a="a")
    bench.add(VoltageSource("V_1", 1.0), p="a", n="0")
    bench.add(Instance("X_1", outer), a="a")
    bench.add(Instance("X_2", inner), a="a")
    lines = logical_lines(to_deck(bench, [Transient(1.0, 2.0, 0.5)]))
    assert [line for line in lines if line.startswith(".subckt")] == [".subckt inner a", ".subckt outer a"]
    assert top_level(to_deck(bench, []))[:3] == ["V_1 a 0 1.0", "X_1 a outer", "X_2 a inner"]


def test_sources_and_analyses_are_written_as_spice_wants_them() -> None:
    bench = Circuit("bench")
    bench.add(VoltageSource("V_1", PiecewiseLinear((0.0, 1e-6), (0.0, -2.5)), ac=1.0), p="a", n="0")
    bench.add(VoltageSource("V_2", External()), p="b", n="0")
    bench.add(CurrentSource("I_1", 1e-3), p="0", n="a")
    bench.add(Resistor("R_1", 1e3), p="a", n="b")
    deck = to_deck(
        bench,
        [Transient(1e-6, 1e-3, 1e-7), SmallSignal(10, 1.0, 1e3)],
        header=["first", "second"],
        probes=["b"],
        options={"method": "gear", "reltol": 1e-4},
    )
    assert deck == (
        "* bench\n* first\n* second\n"
        "V_1 a 0 pwl(0.0 0.0 1e-06 -2.5) ac 1.0\n"
        "V_2 b 0 external\n"
        "I_1 0 a 0.001\n"
        "R_1 a b 1000.0\n"
        ".options method=gear reltol=0.0001\n"
        ".save v(b)\n"
        ".tran 1e-06 0.001 0 1e-07\n.print tran v(b)\n"
        ".ac dec 10 1.0 1000.0\n.print ac vm(b) vp(b)\n"
        ".end\n"
    )


def test_an_external_source_stands_alone(make_design: MakeDesign) -> None:
    """What lock-step needs: top-level nets named as the ports, and nothing beside `external`."""
    bench = bench_for(make_design(2).circuit, External())
    lines = top_level(to_deck(bench, [Transient(1e-6, 1.0, 1e-6)]))
    assert lines[:2] == ["V_u u 0 external", "X_lmu u x0 x1 y0 lmu"]


def test_what_cannot_be_a_deck_or_subcircuit_is_refused(make_design: MakeDesign) -> None:
    design = make_design(2)
    bench = bench_for(design.circuit, 0.0)
    with pytest.raises(DesignError, match="bench lmu must be a circuit without ports, got port u"):
        to_deck(design.circuit, [])
    with pytest.raises(DesignError, match="circuit lmu_bench must be one with ports"):
        to_subcircuit(bench)
    with pytest.raises(DesignError, match="probe must be a net of lmu_bench, got x7"):
        to_deck(bench, [], probes=["x7"])
    with pytest.raises(DesignError, match="one with a single input port, got 0"):
        bench_for(bench, 0.0)


def test_a_differential_bench_drives_both_sides(make_design: MakeDesign) -> None:
    design = make_design(2, style="opamp-rc-differential")
    lines = top_level(to_deck(design.bench(PiecewiseLinear((0.0, 1.0), (0.0, 3.0)), ac=2.0), []))
    assert lines[:2] == ["V_u_p u_p 0 pwl(0.0 0.0 1.0 1.5) ac 1.0", "V_u_n u_n 0 pwl(0.0 0.0 1.0 -1.5) ac -1.0"]
    with pytest.raises(DesignError, match="an external waveform must be one for each input"):
        design.bench(External())
    with pytest.raises(DesignError, match="shares of the inputs of lmu must be u_p, u_n, got u"):
        bench_for(design.circuit, 0.0, shares={"u": 1.0})
    with pytest.raises(DesignError, match="one with a single input port, got 2"):
        bench_for(design.circuit, 0.0)


def test_held_samples_keep_the_integral() -> None:
    wave = held_samples([1.0, -2.0, 0.5], 0.1, edge=0.01)
    area = sum(
        0.5 * (a + b) * (t2 - t1)
        for t1, t2, a, b in zip(wave.times, wave.times[1:], wave.values, wave.values[1:], strict=False)
    )
    assert area == pytest.approx(0.1 * (1.0 - 2.0 + 0.5) - 1.0 * 0.1 * 0.01 / 2)
    assert wave.values[0] == 0.0
    assert wave.times[-1] == pytest.approx(0.3)
    with pytest.raises(DesignError, match="at least one sample"):
        held_samples([], 0.1)


def test_a_repeated_sample_can_be_left_without_points() -> None:
    volts = np.array([0.5, 0.5, -2.0, -2.0, -2.0, -2.0, 1.0, 0.5])
    every, fewer = (held_samples(volts.tolist(), 0.1, edge=0.01, merge=merge) for merge in (False, True))
    assert len(every.times) == 2 + 2 * 7 + 1
    assert len(fewer.times) == 2 + 2 * 3 + 1  # the first edge, three more, the end
    middles = 0.1 * (np.arange(volts.size) + 0.5)
    for wave in (every, fewer):
        for offset in (-0.049, 0.0, 0.049):
            np.testing.assert_array_equal(np.interp(middles + offset, wave.times, wave.values), volts)


def test_libraries_are_files_of_valid_text() -> None:
    for model in (IdealOpAmp(), SinglePoleOpAmp()):
        text = library(model)
        first, last = logical_lines(text)[0], logical_lines(text)[-1]
        assert first.startswith(f".subckt {model.subcircuit} inp inn out params: ")
        assert last == f".ends {model.subcircuit}"
        named = {field.split("=")[0] for field in first.split("params: ")[1].split()}
        assert named == set(model.parameters)


def test_default_options_are_written(make_design: MakeDesign) -> None:
    deck = deck_text(make_design(1), "c")
    (line,) = [line for line in deck.splitlines() if line.startswith(".options")]
    assert line.split()[1:] == [f"{key}={value}" for key, value in OPTIONS.items()]
