"""Monte Carlo in SPICE: the circuits that `analog.monte_carlo` draws, part by part, simulated one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lmu_hw.analog.bench import held_samples
from lmu_hw.analog.circuit import Circuit, replaced, walk
from lmu_hw.analog.design import AnalogDesign
from lmu_hw.analog.elements import Capacitor, Device, Element, OpAmp, Resistor, Transconductor
from lmu_hw.analog.equations import Equations
from lmu_hw.analog.monte_carlo import Draws
from lmu_hw.analog.opamp import MacroOpAmp
from lmu_hw.analog.ota import IdealOta, MacroOta
from lmu_hw.analog.realisation import Array
from lmu_hw.analog.spice import Transient, to_deck
from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.engines import Engine, run_many


def drawn_circuits(circuit: Circuit, system: Equations, draws: Draws) -> Iterator[Circuit]:
    """Yield `circuit` with the values of each draw.

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
                case OpAmp(model=MacroOpAmp() as opamp):
                    other[path] = replace(element, model=replace(opamp, offset=volts))
                case Transconductor(model=MacroOta() as ota):
                    other[path] = replace(element, model=replace(ota, offset=volts))
                case Device() if volts:
                    raise DesignError(f"offset of {path}", f"0 for a model that is {element.model.label}", volts)
        yield replaced(circuit, other)


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
        DesignError: an offset is drawn for an amplifier whose model has none.
        MissingToolError, CheckFailed: as `run_spice`.
    """
    nets = [net for signal in design.signals for net in design.signal_nets(signal)]
    step = dt if max_step is None else max_step
    analysis, waveform = Transient(step, len(samples) * dt, step), held_samples(samples, dt)
    decks = (
        to_deck(replace(design, circuit=each).bench(waveform), [analysis], probes=nets)
        for each in drawn_circuits(design.circuit, system, draws)
    )
    times = dt * np.arange(1, len(samples) + 1)
    names = [f"v({net})" for net in nets]
    found = []
    for each in run_many(decks, engine=engine, timeout_s=timeout_s, vectors=names, workers=workers):
        found.append(design.read({name: np.interp(times, each["time"], each[name]) for name in names}))
    return np.stack(found)
