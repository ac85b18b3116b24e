"""Monte Carlo in SPICE: the circuits that `analog.monte_carlo` draws, part by part, simulated one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lmu_hw.analog.bench import held_samples
from lmu_hw.analog.circuit import Circuit, walk
from lmu_hw.analog.deck_template import DeckTemplate
from lmu_hw.analog.design import AnalogDesign
from lmu_hw.analog.elements import Capacitor, Device, Element, Instance, Resistor, Transconductor
from lmu_hw.analog.equations import Equations
from lmu_hw.analog.monte_carlo import Draws
from lmu_hw.analog.opamp import RealOpAmp
from lmu_hw.analog.ota import IdealOta, MacroOta
from lmu_hw.analog.realisation import Array
from lmu_hw.analog.spice import Transient, to_deck
from lmu_hw.arguments import check_positive
from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.engines import Engine, run_many


def drawn_elements(circuit: Circuit, system: Equations, draws: Draws) -> Iterator[dict[str, Element]]:
    """Yield the elements of `circuit` that a draw changes, by path, for each draw.

    Args:
        circuit: the nominal circuit.
        system: its equations, of which the draws are.
        draws: the values.

    Raises:
        DesignError: an offset is drawn for an amplifier whose model has none.
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
        design: the nominal circuit.
        system: its equations, of which the draws are.
        draws: the values.
        samples: V at the input, each held for dt.
        dt: s.
        engine: the simulator.
        max_step: longest step of the simulator, s; dt by default: its own error control chooses below that.
        workers: simulations at a time.
        timeout_s: limit for each, s.

    Returns:
        (draws, steps, signals), V, at the end of each hold, in the order of `design.signals`.

    Raises:
        DesignError: an offset is drawn for an amplifier whose model has none, the draws are of another circuit, or a
            number is out of its range.
        MissingToolError, CheckFailed: as `run_spice`.
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
