"""A deck filled in by a template is the deck of the circuit with those elements, byte by byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lmu_hw.analog.circuit.bench import bench_for, held_samples
from lmu_hw.analog.circuit.devices import MacroOpAmp, MacroOta, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Device, Element, Instance, Resistor
from lmu_hw.analog.circuit.graph import GROUND, Circuit, replaced, walk
from lmu_hw.analog.design.memory import STYLES, AnalogDesign, design_memory
from lmu_hw.analog.export.spice import Transient, to_deck
from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.monte_carlo import DeckTemplate

ANALYSES = [Transient(1e-3, 1e-2, 1e-3)]


def deck_of(bench: Circuit) -> str:
    return to_deck(bench, ANALYSES, header=["Kept as it is"], probes=["x0_p" if "x0_p" in bench.nets else "x0"])


def other_than(element: Element) -> Element:
    """One of another value, where elements of its kind have one."""
    values = element.parameters
    for name in ("resistance", "capacitance", "gm"):
        if name in values:
            return element.with_parameter(name, values[name] / 3.0)
    return element.with_parameter("offset", -1e-3 / 7.0) if "offset" in values else element


@pytest.mark.parametrize("topology", ["dense", "chain"])
@pytest.mark.parametrize("style", STYLES)
def test_a_filled_template_is_the_deck_of_the_changed_circuit(topology: str, style: str) -> None:
    design = design_memory(3, 0.01, topology=topology, style=style, opamp=MacroOpAmp(), ota=MacroOta())
    wave = held_samples([0.5, -0.5, 0.25], 1e-3)
    bench = design.bench(wave)
    template = DeckTemplate(bench, deck_of(bench))
    assert template.text({}) == deck_of(bench)
    parts = {path: other_than(element) for path, element, _ in walk(bench)}
    for step in (1, 2):
        chosen = {path: parts[path] for path in list(parts)[::step]}
        assert template.text(chosen) == deck_of(replaced(bench, chosen))
    assert template.text({}) == deck_of(bench)


def test_what_a_template_has_no_place_for_is_refused() -> None:
    design: AnalogDesign = design_memory(2, 0.01, opamp=MacroOpAmp())
    bench = design.bench(0.0)
    template = DeckTemplate(bench, deck_of(bench))
    parts = {path: element for path, element, _ in walk(bench)}
    amplifier = next(path for path, element in parts.items() if isinstance(element, Device))
    resistor = next(path for path, element in parts.items() if isinstance(element, Resistor))
    with pytest.raises(DesignError, match="path of an element must be one of the deck, got R1"):
        template.text({"R1": Resistor("R1", 1.0)})
    with pytest.raises(DesignError, match="must be replaced by its like: resistor, name and model the same, got R1"):
        template.text({resistor: Resistor("R1", 1.0)})
    # Its library is not in the deck.
    with pytest.raises(DesignError, match="must be replaced by its like: op-amp, name and model the same"):
        template.text({amplifier: replace(parts[amplifier], model=SinglePoleOpAmp())})  # type: ignore[call-arg]
    with pytest.raises(DesignError, match=r"deck of lmu_bench must be one that has .* with its value"):
        DeckTemplate(bench, deck_of(design_memory(2, 0.02, opamp=MacroOpAmp()).bench(0.0)))


def test_a_circuit_that_stands_in_two_places_is_refused() -> None:
    inner = Circuit("part")
    inner.add_port("a", "in")
    inner.add(Resistor("R1", 1e3), p="a", n=GROUND)
    outer = Circuit("whole")
    outer.add_port("x0", "in")
    for k in range(2):
        outer.add(Instance(f"X{k}", inner), a="x0")
    bench = bench_for(outer, 1.0)
    with pytest.raises(DesignError, match="circuits of whole_bench must be instantiated once each"):
        DeckTemplate(bench, deck_of(bench))
