"""Monte Carlo in SPICE: the circuits that `analog.analysis.monte_carlo` draws, each simulated by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lmu_hw.analog.analysis.monte_carlo import Draws
from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.elements import Device, Element, Instance
from lmu_hw.analog.circuit.equations import Equations
from lmu_hw.analog.circuit.graph import Circuit, walk
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.spice import Transient, to_deck, wrapped
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.sim.spice.engines import Engine, run_many


class DeckTemplate:
    """The text of a deck with a place for the value of each element.

    It is filled in for many circuits whose elements have other values, and none of them is laid out and checked anew.

    Args:
        bench: The circuit of the deck, in which no circuit is instantiated twice.
        deck: The deck that `to_deck` wrote for it.

    Raises:
        DesignError: A circuit is instantiated twice, or the deck does not belong to the bench.
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
        """Return the deck with some elements replaced by others of the same names and kinds.

        Args:
            elements: The new elements by the paths of those that they replace, as in `walk` of the bench.

        Raises:
            DesignError: There is no element at a path, or the name or the kind differs.
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
    """Yield every part below `circuit`: its path, the name of the subcircuit that holds it ("" at the top), itself."""
    for element in circuit.elements:
        if isinstance(element, Instance):
            yield from _placed(element.circuit, f"{prefix}{element.name}.", element.circuit.name)
        else:
            yield prefix + element.name, scope, element


def _kind(element: Element) -> tuple[type, ...]:
    return (type(element), type(element.model)) if isinstance(element, Device) else (type(element),)


def drawn_elements(circuit: Circuit, system: Equations, draws: Draws) -> Iterator[dict[str, Element]]:
    """Yield, for each draw, the elements of `circuit` whose values it changes, by path.

    Args:
        circuit: The nominal circuit.
        system: The equations of that circuit, for which the draws were made.
        draws: The drawn values.

    Raises:
        DesignError: An offset is drawn for an amplifier whose model has none.
    """
    parts = {path: element for path, element, _ in walk(circuit)}
    labels = {path: device.model.label for path, device, _ in walk(circuit) if isinstance(device, Device)}
    for values, offsets in zip(draws.values, draws.offsets, strict=True):
        changed: dict[str, Element] = {}
        for parameter, value in zip(system.parameters, values.tolist(), strict=True):
            if value != parameter.value:
                element = changed.get(parameter.path, parts[parameter.path])
                changed[parameter.path] = element.with_parameter(parameter.quantity, value)
        for path, volts in zip(system.input_sources, offsets.tolist(), strict=True):
            if path not in parts:
                continue  # a bias current, which no draw changes
            element = changed.get(path, parts[path])
            if volts != element.parameters.get("offset", 0.0):
                if "offset" not in element.parameters:
                    raise DesignError(f"offset of {path}", f"0 for a model that is {labels[path]}", volts)
                changed[path] = element.with_parameter("offset", volts)
        yield changed


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
    """Simulate every drawn circuit on held samples, starting at rest.

    Args:
        design: The nominal circuit.
        system: The equations of that circuit, for which the draws were made.
        draws: The drawn values.
        samples: The voltages at the input, V, shape (steps,); each is held for dt.
        dt: The time for which a sample is held, s.
        engine: The simulator.
        max_step: The longest step of the simulator, s; dt by default. Below it, the simulator's error control chooses.
        workers: The number of simulations at a time, 1 to 256.
        timeout_s: The time limit of each simulation, s.

    Returns:
        The signals at the end of each hold, V, shape (draws, steps, signals), in the order of `design.signals`.

    Raises:
        DesignError: An offset is drawn for an amplifier whose model has none, the draws are of another circuit, or a
            number is out of its range.
        MissingToolError: The simulator is not installed.
        CheckFailed: A simulation failed, as in `run_spice`.
    """
    sizes = (draws.values.shape[1], draws.offsets.shape[1])
    if sizes != (len(system.parameters), len(system.input_sources)):
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
