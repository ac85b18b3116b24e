"""Noise, sensitivities and Monte Carlo: what the linear model predicts is what SPICE simulates, part by part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.analog.analysis.monte_carlo import Tolerances, draw, transients
from lmu_hw.analog.analysis.small_signal import noise, sensitivities
from lmu_hw.analog.analysis.tolerance import ports
from lmu_hw.analog.circuit.devices import MacroOpAmp, MacroOta
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import replaced, walk
from lmu_hw.analog.design.memory import AnalogDesign, design_memory
from lmu_hw.analog.export.spice import SmallSignal, to_deck
from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.engines import Engine, run_spice
from lmu_hw.sim.spice.monte_carlo import drawn_elements, simulate_draws
from lmu_hw.sim.spice.noise import simulate_noise

OTA = MacroOta(gm=1e-6, gout=1e-10, cin=1e-14, cout=1e-14, noise=2e-7)
TOPOLOGIES = ("dense", "chain", "ladder")
STYLES = ("opamp-rc", "opamp-rc-differential", "gm-c")


def design_of(topology: str, style: str, order: int = 3) -> AnalogDesign:
    return design_memory(order, 0.01, topology=topology, style=style, opamp=MacroOpAmp(noise=2e-8), ota=OTA)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", STYLES)
def test_noise_is_predicted(topology: str, style: str) -> None:
    design = design_of(topology, style)
    frequencies, found = simulate_noise(design, "y0", start=1.0, stop=1e5, points=3)
    predicted = noise(equations(design.circuit), frequencies, design.signal_pair("y0"))
    np.testing.assert_allclose(20 * np.log10(predicted.density / found), 0.0, atol=1e-3)  # dB


def test_noise_without_a_signal_or_frequencies_is_refused() -> None:
    design = design_of("ladder", "gm-c")
    with pytest.raises(DesignError, match="signal must be one of x0, x1, x2, y0"):
        simulate_noise(design, "y1", start=1.0, stop=10.0)
    with pytest.raises(DesignError, match="lowest frequency"):
        simulate_noise(design, "y0", start=0.0, stop=10.0)


@pytest.mark.parametrize("style", STYLES)
def test_sensitivities_are_the_differences_that_spice_finds(style: str) -> None:
    design = design_of("ladder", style)
    system = equations(design.circuit)
    inputs, _ = ports(design, system, ["y0"])
    predicted = sensitivities(system, [75.0], design.signal_pair("y0"), inputs)[0]
    analysis = SmallSignal(10, 75.0, 750.0)
    parts = {path: element for path, element, _ in walk(design.circuit)}

    def response(path: str, quantity: str, factor: float) -> complex:
        part = parts[path]
        other = part.with_parameter(quantity, part.parameters[quantity] * factor)
        changed = replace(design, circuit=replaced(design.circuit, {path: other}))
        found = run_spice(to_deck(changed.bench(0.0, ac=1.0), [analysis]))
        return complex(design.read(found)[0, -1])

    kinds = ("resistance", "capacitance", "gm")
    chosen = [k for k, each in enumerate(system.parameters) if each.quantity in kinds][::3]
    for k in chosen:
        path, quantity = system.parameters[k].path, system.parameters[k].quantity
        found = (response(path, quantity, 1 + 1e-3) - response(path, quantity, 1 - 1e-3)) / 2e-3
        assert found == pytest.approx(predicted[k], abs=1e-3 * np.abs(predicted).max()), path


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("style", STYLES)
def test_the_engines_agree(topology: str, style: str) -> None:
    design = design_of(topology, style)
    draws = draw(equations(design.circuit), Tolerances(), 1)
    samples, dt = np.tile([0.2, -0.1], 4), 1e-3
    one, other = (
        simulate_draws(design, equations(design.circuit), draws, samples.tolist(), dt, engine=engine, max_step=2e-5)
        for engine in Engine
    )
    np.testing.assert_allclose(one, other, atol=2e-4 * np.abs(one).max())
    nets = [net for signal in design.signals for net in design.signal_nets(signal)]
    deck = to_deck(design.bench(0.0, ac=1.0), [SmallSignal(4, 1.0, 1e5)], probes=nets)
    exact, found = (design.read(run_spice(deck, engine=engine)) for engine in Engine)
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-9)
    predicted = design.linear_model.response(np.geomspace(1.0, 1e5, 21))[..., 0]
    np.testing.assert_allclose(exact, predicted, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("engine", list(Engine))
@pytest.mark.parametrize("style", STYLES)
def test_a_drawn_circuit_is_the_same_in_both(engine: Engine, style: str, rng: np.random.Generator) -> None:
    """Draw by draw, offsets included, so that the spread agrees too."""
    design = design_of("chain", style)
    system = equations(design.circuit)
    spread = Tolerances(resistor=0.05, capacitor=0.05, gm=0.05, offset=2e-3 * design.input_scaling)
    draws = draw(system, spread, 4)
    # Small against the transconductors' saturation.
    samples, dt = 0.3 * design.input_scaling * np.repeat(rng.uniform(-1, 1, 6), 5), 1e-3
    found = simulate_draws(design, system, draws, samples.tolist(), dt, engine=engine, max_step=dt / 10)
    inputs, signals = ports(design, system, design.signals)
    predicted = transients(system, draws, samples, dt, inputs=inputs, signals=signals)
    assert found.shape == predicted.shape == (4, 30, len(design.signals))
    np.testing.assert_allclose(found, predicted, atol=0.01 * np.abs(predicted).max())
    deviation = predicted.std(axis=0)
    np.testing.assert_allclose(found.std(axis=0), deviation, atol=0.05 * deviation.max())


@pytest.mark.parametrize("style", STYLES)
def test_drawn_elements_have_the_drawn_values(style: str) -> None:
    design = design_of("dense", style)
    system = equations(design.circuit)
    draws = draw(system, Tolerances(resistor=0.1, gm=0.1, offset=1e-3), 2)
    for elements, values, offsets in zip(
        drawn_elements(design.circuit, system, draws), draws.values, draws.offsets, strict=True
    ):
        other = equations(replaced(design.circuit, elements))
        np.testing.assert_array_equal(other.nominal, values)
        np.testing.assert_array_equal([other.disturbances[k].offset for k in other.offset_columns()], offsets)


def test_what_cannot_be_simulated_is_refused() -> None:
    design = design_of("ladder", "opamp-rc")
    system = equations(design.circuit)
    draws = draw(system, Tolerances(), 1)
    with pytest.raises(DesignError, match="SPICE engine must be one of ngspice, neospice, got spectre"):
        simulate_draws(design, system, draws, [1.0], 1e-3, engine="spectre")
    with pytest.raises(DesignError, match="time between samples must be a positive number of s, got 0"):
        simulate_draws(design, system, draws, [1.0], 0.0)
    with pytest.raises(DesignError, match="longest step must be a positive number of s, got -1"):
        simulate_draws(design, system, draws, [1.0], 1e-3, max_step=-1.0)
    other = draw(equations(design_of("dense", "opamp-rc").circuit), Tolerances(), 1)
    with pytest.raises(DesignError, match="draws must be of the equations of lmu, got those of another circuit"):
        simulate_draws(design, system, other, [1.0], 1e-3)
    with pytest.raises(DesignError, match="frequencies must be lowest to highest, got 10 to 1 Hz"):
        simulate_noise(design, "y0", start=10.0, stop=1.0)


def test_an_offset_that_a_model_cannot_have_is_refused() -> None:
    design = design_memory(2, 0.01)
    system = equations(design.circuit)
    draws = draw(system, Tolerances(offset=1e-3), 1)
    with pytest.raises(DesignError, match=r"offset of .* must be 0 for a model that is ideal"):
        next(drawn_elements(design.circuit, system, draws))
