"""Monte Carlo in SPICE: the circuits that `analog.monte_carlo` draws, part by part, simulated one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lmu_hw.analog.analysis.monte_carlo import Draws
from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.devices import IdealOta, MacroOta, RealOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, Device, Element, Instance, Resistor, Transconductor
from lmu_hw.analog.circuit.equations import Equations
from lmu_hw.analog.circuit.graph import Circuit, walk
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.spice import Transient, to_deck, wrapped
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.sim.spice.engines import Engine, run_many


class DeckTemplate:
    """The text of a deck with a place for each element's value.

    Args:
        bench: The circuit of the deck, in which no circuit is instantiated twice.
        deck: The deck that `to_deck` wrote of it.

    Raises:
        DesignError: a circuit is instantiated twice, or the deck is not one of the bench.
    """

    def __init__(self, bench: Circuit, deck: str) -> None:
        self._lines = [[line] for line in deck.replace("\n+", "").splitlines()]
        scopes: dict[tuple[str, str], int] = {}
        scope = ""
        for number, (line,) in enumerate(self._lines):
            first, _, rest = line.partition(" ")
            if first == ".subckt":
                scope = rest.split(" ", 1)[0]
            elif first == ".ends":
                scope = ""
            else:
                scopes.setdefault((scope, first), number)
        self._places: dict[str, tuple[Element, int, str]] = {}
        taken: set[int] = set()
        for path, where, element in _placed(bench, "", ""):
            number = scopes.get((where, element.name), -1)
            line, value = self._lines[number][0], f" {element.spice_value()}"
            if number < 0 or not line.endswith(value):
                raise DesignError(f"deck of {bench.name}", f"one that has {path} with its value", line)
            if number in taken:
                raise DesignError(f"circuits of {bench.name}", "instantiated once each", f"another one with {path}")
            taken.add(number)
            self._places[path] = element, number, line.removesuffix(value)
        self._lines = [wrapped(line) for (line,) in self._lines]

    def text(self, elements: Mapping[str, Element]) -> str:
        """The deck with other elements, of the same names and kinds, in the place of some.

        Args:
            elements: The elements by path, as in `walk` of the bench.

        Raises:
            DesignError: a path is none of an element, or the name or the kind differ.
        """
        lines = list(self._lines)
        for path, other in elements.items():
            if path not in self._places:
                raise DesignError("path of an element", "one of the deck", path)
            element, number, head = self._places[path]
            if other.name != element.name or _kind(other) != _kind(element):
                raise DesignError(path, f"replaced by its like: {element.kind}, name and model the same", other.name)
            lines[number] = wrapped(f"{head} {other.spice_value()}")
        return "".join(f"{part}\n" for parts in lines for part in parts)


def _placed(circuit: Circuit, prefix: str, scope: str) -> Iterator[tuple[str, str, Element]]:
    """Path, circuit in which it stands ("" for the top), and element."""
    for element in circuit.elements:
        if isinstance(element, Instance):
            yield from _placed(element.circuit, f"{prefix}{element.name}.", element.circuit.name)
        else:
            yield prefix + element.name, scope, element


def _kind(element: Element) -> tuple[type, ...]:
    return (type(element), type(element.model)) if isinstance(element, Device) else (type(element),)


def drawn_elements(circuit: Circuit, system: Equations, draws: Draws) -> Iterator[dict[str, Element]]:
    """Yield the elements of `circuit` that a draw changes, by path, for each draw.

    Args:
        circuit: The nominal circuit.
        system: The equations of that circuit, for which the draws were made.
        draws: The drawn values.

    Raises:
        DesignError: An offset is drawn for an amplifier whose model has none.
    """
    parts = {path: element for path, element, _ in walk(circuit)}
    for values, offsets in zip(draws.values, draws.offsets, strict=True):
        other: dict[str, Element] = {}
        for parameter, value in zip(system.parameters, values.tolist(), strict=True):
            element = other.get(parameter.path, parts[parameter.path])
            match element, parameter.quantity:
                case Resistor(), "resistance":
                    other[parameter.path] = replace(element, ohms=value)
                case Capacitor(), "capacitance":
                    other[parameter.path] = replace(element, farads=value)
                case Transconductor(model=IdealOta() | MacroOta() as model), "gm":
                    other[parameter.path] = replace(element, model=replace(model, gm=value))
        for path, volts in zip(system.amplifiers, offsets.tolist(), strict=True):
            element = other.get(path, parts[path])
            match element:
                case Device(model=RealOpAmp() | MacroOta() as amplifier):
                    other[path] = replace(element, model=replace(amplifier, offset=volts))
                case Device() if volts:
                    raise DesignError(f"offset of {path}", f"0 for a model that is {element.model.label}", volts)
        yield other


def simulate_draws(
    design: AnalogDesign,
    system: Equations,
    draws: Draws,
    samples: Sequence[float],
    dt: float,
    *,
    engine: Engine | str = Engine.NEOSPICE,
    max_step: float | None = None,
    workers: int = 2,
    timeout_s: float = 60.0,
) -> Array:
    """Simulate every drawn circuit on held samples, from rest.

    Args:
        design: The nominal circuit.
        system: The equations of that circuit, for which the draws were made.
        draws: The drawn values.
        samples: The voltages at the input, V, each held for dt.
        dt: The time for which a sample is held, s.
        engine: The simulator.
        max_step: The longest step of the simulator, s; by default dt, below which its error control chooses.
        workers: The number of simulations at a time.
        timeout_s: The time limit of each, s.

    Returns:
        (draws, steps, signals), V, at the end of each hold, in the order of `design.signals`.

    Raises:
        DesignError: An offset is drawn for an amplifier whose model has none, the draws are of another circuit, or a
            number is out of its range.
        MissingToolError, CheckFailed: As `run_spice`.
    """
    sizes = (draws.values.shape[1], draws.offsets.shape[1])
    if sizes != (len(system.parameters), len(system.amplifiers)):
        raise DesignError("draws", f"of the equations of {system.name}", "those of another circuit")
    check_positive("time between samples", dt, "s")
    nets = [net for signal in design.signals for net in design.signal_nets(signal)]
    step = dt if max_step is None else check_positive("longest step", max_step, "s")
    analysis, waveform = Transient(step, len(samples) * dt, step), held_samples(samples, dt, merge=True)
    bench = design.bench(waveform)
    template = DeckTemplate(bench, to_deck(bench, [analysis], probes=nets))
    (instance,) = bench.of(Instance)
    decks = (
        template.text({f"{instance.name}.{path}": element for path, element in each.items()})
        for each in drawn_elements(design.circuit, system, draws)
    )
    times = dt * np.arange(1, len(samples) + 1)
    names = [f"v({net})" for net in nets]
    found = []
    for each in run_many(decks, engine=engine, timeout_s=timeout_s, vectors=names, workers=workers):
        found.append(design.read({name: np.interp(times, each["time"], each[name]) for name in names}))
    return np.stack(found)
