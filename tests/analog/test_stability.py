"""Loops with real amplifiers: margins, compensation, correction, and what ngspice makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.devices import MacroOpAmp, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, PiecewiseLinear, Resistor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import parts_of
from lmu_hw.analog.circuit.loops import loop_gains, margin
from lmu_hw.analog.design.compensation import STRAY, stability
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.design.parts import PartRange
from lmu_hw.analog.export.spice import Transient, to_deck
from lmu_hw.core.legendre import readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.deck import Vectors
from tests.analog.helpers import MakeDesign, RunDeck, inverter, worst_nrmse

AMPLIFIER = MacroOpAmp(gbw=1e7, second_pole=3e7, cin=3e-12, cdiff=2e-12)
"""10 MHz, 5 pF, and a second pole at 30 MHz."""

every_topology = pytest.mark.parametrize("topology", ["dense", "chain", "ladder"])
every_style = pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential"])


def with_parasitics(deck: str) -> str:
    """The deck with the stray capacitance of a board at every input of an op-amp."""
    for pin in ("inp", "inn"):
        assert f"C_{pin} {pin} 0 {{cin}}" in deck
        deck = deck.replace(f"C_{pin} {pin} 0 {{cin}}", f"C_{pin} {pin} 0 {{cin+{STRAY!r}}}")
    return deck


def test_the_loop_gain_of_an_inverter() -> None:
    """T = A(s) beta(s), with a divider of the resistors and the input capacitance."""
    model = MacroOpAmp(gain=1e5, gbw=1e6, second_pole=5e6, rout=1e-6, cin=4e-12, cdiff=1e-12)
    hertz = np.geomspace(1e2, 1e8, 13)
    found = loop_gains(equations(inverter(model, 3.0)), hertz)[:, 0, 0]
    s = 2j * np.pi * hertz
    gain = 1.0 / (1e-5 + 1j * hertz / 1e6) / (1.0 + 1j * hertz / 5e6)
    load = 1.0 / 1e4 + s * 5e-12
    np.testing.assert_allclose(found, gain / 3e4 / (1.0 / 3e4 + load), rtol=1e-6)


def test_the_margins_of_a_known_loop() -> None:
    """Three equal poles: 180° where each has turned by 60°, at sqrt(3) times their frequency, with gain g/8."""
    hertz = np.geomspace(1e-2, 1e3, 2000)
    found = margin(4.0 / (1.0 + 1j * hertz) ** 3, hertz)
    crossover = np.sqrt(4.0 ** (2.0 / 3.0) - 1.0)
    assert found.crossover_hz == pytest.approx(crossover, rel=1e-3)
    assert found.phase_deg == pytest.approx(180.0 - 3.0 * np.degrees(np.arctan(crossover)), abs=0.01)
    assert found.gain_db == pytest.approx(20.0 * np.log10(8.0 / 4.0), abs=0.01)
    assert margin(0.5 / (1.0 + 1j * hertz), hertz).phase_deg == 180.0


def uncompensated(design: AnalogDesign) -> AnalogDesign:
    """The same design without its compensation capacitors."""
    bare = replace(design.additions, capacitors={})
    built = design.technology.assemble(design.circuit.name, design.network, design.values, bare)
    return replace(design, circuit=built.circuit, additions=bare)


def kicked(design: AnalogDesign, run_deck: RunDeck) -> Vectors:
    """The answer to a pulse of 1 mV and 100 ns, with parasitics."""
    pulse = PiecewiseLinear((0.0, 1e-8, 1e-7, 1.1e-7, 1.0), (0.0, 1e-3, 1e-3, 0.0, 0.0))
    deck = to_deck(design.bench(pulse), [Transient(1e-7, 6e-5, 1e-8)], probes=["x0", "y0"])
    return run_deck(with_parasitics(deck))


def test_a_chain_that_oscillates_without_compensation_is_still_with_it(
    make_design: MakeDesign, run_deck: RunDeck
) -> None:
    design = make_design(12, 1e-3, topology="chain", opamp=AMPLIFIER, impedance=1e5)
    bare = uncompensated(design)
    assert not bare.stability.stable
    assert design.stability.stable
    late = slice(-100, None)
    assert np.ptp(kicked(bare, run_deck)["v(y0)"][late]) > 1e-3
    assert np.ptp(kicked(design, run_deck)["v(y0)"][late]) < 2e-5


def test_the_stability_of_the_finished_circuit_is_what_counts(make_design: MakeDesign) -> None:
    """A larger capacitance at the inputs of the finished circuit takes the margin away."""
    design = make_design(3, topology="chain", opamp=AMPLIFIER)
    assert design.stability.phase_margin is not None
    slower = replace(AMPLIFIER, cin=40e-12)
    technology = type(design.technology).with_models(slower, make_design(1, style="gm-c").technology.device)
    other = technology.assemble("lmu", design.network, design.values, design.additions)
    found = stability(other.circuit)
    assert found.phase_margin is not None
    assert found.phase_margin < design.stability.phase_margin - 10.0


def test_amplifiers_without_margin_are_refused_or_allowed_by_name(make_design: MakeDesign) -> None:
    hasty = replace(AMPLIFIER, second_pole=4e6)
    with pytest.raises(DesignError, match=r"the phase margin must be at least 45°, got .*X_amp_"):
        make_design(3, opamp=hasty, allow=False)
    design = make_design(3, opamp=hasty)
    assert any("phase margin" in line for line in design.allowed)
    with pytest.raises(DesignError, match=r"the predicted error of the outputs must be at most 0.05, the limit"):
        make_design(6, 1e-5, opamp=AMPLIFIER, allow=False)
    with pytest.raises(DesignError, match=r"over 20 % more or less bandwidth"):
        make_design(6, 1e-5, opamp=AMPLIFIER, allow=False)


def test_ideal_and_single_pole_amplifiers_need_no_capacitors(make_design: MakeDesign) -> None:
    assert make_design(3).stability.phase_margin is None
    design = make_design(3, opamp=SinglePoleOpAmp())
    assert design.stability.phase_margin == pytest.approx(90.0, abs=3.0)
    assert not design.additions.capacitors
    assert all(part.name.startswith("C_x") for part in parts_of(design.circuit, Capacitor))


def transient_error(design: AnalogDesign, run_deck: RunDeck, windows: int = 3) -> float:
    """The error of y0 over held random samples, ten of 200 in a window alike, with parasitics."""
    theta, order = design.realisation.theta, len(design.realisation.legendre_map)
    dt = theta / 200.0
    samples = np.repeat(np.random.default_rng(0).uniform(-1.0, 1.0, 20 * windows), 10)
    wave = held_samples((design.input_scaling * samples).tolist(), dt, merge=True)
    nets = [net for signal in design.signals for net in design.signal_nets(signal)]
    analysis = Transient(dt, samples.size * dt, dt / 5.0)
    got = run_deck(with_parasitics(to_deck(design.bench(wave), [analysis], probes=nets)))
    times = dt * np.arange(1, samples.size + 1)
    volts = design.read({net: np.interp(times, got["time"], got[f"v({net})"]) for net in nets})
    wanted = FloatMemory(LMUSpec(order, theta, dt)).run(samples) @ readout(order, 1.0).T
    found = volts[:, design.realisation.states :] / design.output_scaling
    return worst_nrmse(found, wanted)


@every_topology
@every_style
def test_real_amplifiers_keep_margin_and_error(
    make_design: MakeDesign, run_deck: RunDeck, topology: str, style: str
) -> None:
    design = make_design(3, 1e-3, topology=topology, style=style, opamp=AMPLIFIER, allow=False)
    assert design.stability.phase_margin is not None
    assert design.stability.phase_margin >= 60.0
    assert transient_error(design, run_deck) <= 0.01


@pytest.mark.slow
@every_topology
@every_style
@pytest.mark.parametrize("order", [6, 12, 16])
@pytest.mark.parametrize("theta", [1e-3, 1e-2])
def test_real_amplifiers_keep_margin_and_error_at_any_order(
    make_design: MakeDesign, run_deck: RunDeck, topology: str, style: str, order: int, theta: float
) -> None:
    design = make_design(order, theta, topology=topology, style=style, opamp=AMPLIFIER, allow=False)
    assert design.stability.phase_margin is not None
    assert design.stability.phase_margin >= 60.0
    assert design.prediction.worst <= 0.01
    # At order 16 the samples have as much power beyond the band of 4 cycles in a window as inside.
    assert transient_error(design, run_deck) <= (0.01 if order < 16 else 0.02)


@pytest.mark.parametrize(("topology", "order"), [("dense", 8), ("ladder", 12)])
def test_the_correction_makes_up_for_the_bandwidth(make_design: MakeDesign, topology: str, order: int) -> None:
    plain = make_design(order, 1e-3, topology=topology, opamp=AMPLIFIER, correction=False)
    design = make_design(order, 1e-3, topology=topology, opamp=AMPLIFIER)
    assert plain.prediction.worst > 5e-3
    assert design.prediction.worst < 1e-3
    assert design.correction is not None
    assert bool(design.additions.leads) == (topology == "ladder")
    # It presumes the bandwidth, and says what is left where that is another.
    assert max(design.spread.values()) < 0.5 * plain.prediction.worst
    assert max(design.spread.values()) > design.prediction.worst


def test_large_resistors_become_t_networks(make_design: MakeDesign) -> None:
    """Nothing beyond 1 MΩ, and hardly anything lost, at the order at which a readout spans four decades."""
    design = make_design(16, topology="ladder")
    ohms = [part.ohms for part in parts_of(design.circuit, Resistor)]
    assert max(ohms) <= 1e6
    assert min(ohms) >= 1e2
    assert design.additions.tees
    assert design.prediction.worst <= 1e-3
    for (sink, source), tee in design.additions.tees.items():
        row, column = design.network.index(sink), design.network.sources.index(source)
        assert tee.ohms == pytest.approx(design.values.resistances[row, column], rel=1e-9)
    assert design.network.dropped == ()
    dropped = make_design(28, topology="ladder").network.dropped
    assert dropped
    assert all(abs(share) < 1e-5 for _, _, share in dropped)


def test_a_resistance_just_beyond_the_range_has_a_t_network_too(make_design: MakeDesign) -> None:
    for high in (7e4, 2e5, 4.4e5):
        design = make_design(6, resistor_range=PartRange(1e2, high))
        assert design.additions.tees
        assert max(part.ohms for part in parts_of(design.circuit, Resistor)) <= high
        assert design.prediction.worst < 1e-6


@pytest.mark.parametrize("series", [("E96", "E12"), ("E12", "E3")])
def test_t_networks_of_standard_values_act_as_the_value_that_was_chosen(
    make_design: MakeDesign, series: tuple[str, str]
) -> None:
    design = make_design(8, topology="ladder", resistors=series[0], capacitors=series[1])
    for (sink, source), tee in design.additions.tees.items():
        wanted = design.values.resistances[design.network.index(sink), design.network.sources.index(source)]
        assert tee.ohms == pytest.approx(wanted, rel=0.02 if series[0] == "E96" else 0.1)
