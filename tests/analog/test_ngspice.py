"""The exported text, run unchanged by ngspice, behaves as the mathematics says."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.analog.circuit.bench import bench_for, held_samples
from lmu_hw.analog.circuit.devices import SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import OpAmp, Resistor, VoltageSource
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import state_space
from lmu_hw.analog.export.files import deck_text
from lmu_hw.analog.export.spice import SmallSignal, Transient, to_deck
from tests.analog.helpers import MakeDesign, RunDeck, exact_response, exact_states, leaky_integrator, worst_nrmse

THETA = 0.01
FAST = SinglePoleOpAmp(gbw=1e7)


@pytest.mark.parametrize("order", [1, 3, 6, 12])
def test_delay_output_has_the_pade_response(make_design: MakeDesign, run_deck: RunDeck, order: int) -> None:
    design = make_design(order, THETA)
    band = order / (4 * THETA)
    bench = bench_for(design.circuit, 0.0, ac=design.input_scaling)
    got = run_deck(to_deck(bench, [SmallSignal(20, band / 1e3, band)]))
    s = 2j * np.pi * got["frequency"].real * THETA
    wanted = exact_response(order, THETA, got["frequency"].real).sum(axis=1)
    response = got["v(y0)"] / design.output_scaling[0]
    assert np.max(np.abs(response / wanted - 1)) <= 1e-3
    # Low in the band the approximant is the delay itself.
    low = got["frequency"].real < 0.25 * order / (2 * np.pi * THETA)
    np.testing.assert_allclose(response[low], np.exp(-s[low]), atol=0.05)


def test_the_macro_model_is_what_its_linear_model_says(make_design: MakeDesign, run_deck: RunDeck) -> None:
    """Slow, weak op-amps, so that every parameter shows."""
    slow = SinglePoleOpAmp(gbw=3e5, gain=2e3, rout=300.0)
    design = make_design(3, THETA, opamp=slow)
    deck = to_deck(bench_for(design.circuit, 0.0, ac=1.0), [SmallSignal(4, 1.0, 1e6)])
    got = run_deck(deck)
    wanted = design.linear_model.response(got["frequency"].real)[..., 0]
    for k, net in enumerate(design.linear_model.outputs):
        np.testing.assert_allclose(got[f"v({net})"], wanted[:, k], rtol=1e-6, atol=1e-12)
    ideal = state_space(design.circuit, ideal_opamps=True).response(got["frequency"].real)[..., 0]
    assert np.max(np.abs(ideal - wanted)) > 1e-2


def test_the_op_amp_model_has_gain_pole_and_output_resistance(run_deck: RunDeck) -> None:
    """Open loop, by its own definition; the feedback resistor is large, the source's is not."""
    model = SinglePoleOpAmp(gbw=1e6, gain=1e5, rout=100.0)
    circuit = Circuit("open_loop")
    circuit.add(VoltageSource("V_1", 0.0, 1.0), p="a", n="0")
    circuit.add(OpAmp("X_1", model), inp="a", inn="b", out="c")
    circuit.add(Resistor("R_b", 1e-3), p="b", n="0")
    circuit.add(Resistor("R_f", 1e12), p="b", n="c")
    circuit.add(Resistor("R_load", 100.0), p="c", n="0")
    got = run_deck(to_deck(circuit, [SmallSignal(5, 0.1, 1e8)]))
    gain = 0.5 * 1e5 / (1 + 1j * got["frequency"].real * 1e5 / 1e6)
    np.testing.assert_allclose(got["v(c)"], gain, rtol=1e-5)


def test_the_macro_model_settles_and_does_not_oscillate(run_deck: RunDeck) -> None:
    """A leaky integrator's step: with the inputs exchanged this would run away."""
    bench = bench_for(leaky_integrator(FAST, leak=2e4), held_samples([1.0], 4e-3, edge=1e-6))
    got = run_deck(to_deck(bench, [Transient(1e-5, 4e-3, 1e-5)]))
    expected = -2.0 * (1 - np.exp(-got["time"] / (2e4 * 1e-8)))
    np.testing.assert_allclose(got["v(x)"], expected, atol=6e-3)  # the edge passes through rout
    assert got["v(x)"][-1] == pytest.approx(-2.0, rel=1e-4)


def test_the_prediction_is_what_the_simulator_finds(make_design: MakeDesign, run_deck: RunDeck) -> None:
    # Without the correction there is an error to predict.
    design = make_design(6, 1e-3, opamp=FAST, correction=False)
    prediction = design.predict()
    points = 48
    band = prediction.band_hz
    bench = bench_for(design.circuit, 0.0, ac=design.input_scaling)
    got = run_deck(to_deck(bench, [SmallSignal(300, band / 100, band)]))
    grid = band * (np.arange(points) + 0.5) / points
    found = np.stack(
        [np.interp(grid, got["frequency"].real, got[f"v(x{i})"].real) for i in range(6)], axis=-1
    ) + 1j * np.stack([np.interp(grid, got["frequency"].real, got[f"v(x{i})"].imag) for i in range(6)], axis=-1)
    wanted = exact_response(6, 1e-3, grid) * design.state_scaling
    measured = np.sqrt(np.sum(np.abs(found - wanted) ** 2) / np.sum(np.abs(wanted) ** 2))
    assert measured == pytest.approx(prediction.nrmse, rel=0.05)


@pytest.mark.parametrize("order", [1, 6, 20])
def test_the_written_deck_runs_as_it_is(make_design: MakeDesign, run_deck: RunDeck, order: int) -> None:
    """A full-scale step, after two windows."""
    design = make_design(order, THETA, opamp=FAST)
    got = run_deck(deck_text(design, "lmu-hw spice"))
    assert got["time"][-1] == pytest.approx(2 * THETA)
    assert set(got) == {"time", "v(u)", "v(y0)", *(f"v(x{i})" for i in range(order))}
    final = design.legendre_states(np.array([got[f"v(x{i})"][-1] for i in range(order)]))
    after_two_windows = exact_states(order, 0.5, [1.0])[0]
    np.testing.assert_allclose(final, after_two_windows, atol=5e-3)


@pytest.mark.slow
def test_a_large_order_follows_too(make_design: MakeDesign, run_deck: RunDeck, rng: np.random.Generator) -> None:
    order = 32
    ratio, count = 400, 800
    design = make_design(order, THETA)
    samples = np.repeat(rng.uniform(-1, 1, count // 20), 20)
    dt = THETA / ratio
    bench = bench_for(design.circuit, held_samples((design.input_scaling * samples).tolist(), dt))
    got = run_deck(to_deck(bench, [Transient(dt, count * dt, dt / 5)]))
    times = dt * np.arange(1, count + 1)
    volts = np.stack([np.interp(times, got["time"], got[f"v(x{i})"]) for i in range(order)], axis=-1)
    wanted = exact_states(order, ratio, samples.tolist())
    assert worst_nrmse(design.legendre_states(volts), wanted) <= 3e-2
