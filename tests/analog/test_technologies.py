"""Every realisation in every technology, in ngspice: the parts written behave as the mathematics says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.devices import (
    IdealDifferentialOpAmp,
    MacroDifferentialOpAmp,
    MacroOpAmp,
    MacroOta,
    SinglePoleOpAmp,
)
from lmu_hw.analog.circuit.elements import Device
from lmu_hw.analog.circuit.graph import walk
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, AnalogDesign
from lmu_hw.analog.export.files import subcircuit_text
from lmu_hw.analog.export.spice import Noise, SmallSignal, Transient, to_deck
from lmu_hw.core.legendre import input_vector, readout, state_matrix
from lmu_hw.errors import DesignError
from tests.analog.helpers import MakeDesign, RunDeck, exact_response, exact_states, worst_nrmse

THETA = 0.01
DELAYS = (1.0, 0.5)

every_topology = pytest.mark.parametrize("topology", TOPOLOGIES)
every_style = pytest.mark.parametrize("style", STYLES)


def transient_errors(
    design: AnalogDesign, run_deck: RunDeck, rng: np.random.Generator, count: int = 400
) -> list[float]:
    """NRMSE of the worst Legendre state and of the worst output for held random samples."""
    order, ratio = len(design.realisation.legendre_map), 200
    samples = np.repeat(rng.uniform(-1, 1, count // 10), 10)
    dt = THETA / ratio
    bench = design.bench(held_samples((design.input_scaling * samples).tolist(), dt))
    got = run_deck(to_deck(bench, [Transient(dt, count * dt, dt / 5)]))
    assert got["time"][-1] == pytest.approx(count * dt)
    times = dt * np.arange(1, count + 1)
    volts = design.read({net: np.interp(times, got["time"], wave) for net, wave in got.items()})
    wanted, n = exact_states(order, ratio, samples.tolist()), design.realisation.states
    rows = np.vstack([readout(order, DELAYS), np.eye(order)])[: len(design.network.outputs)]
    return [
        worst_nrmse(design.legendre_states(volts[:, :n]), wanted),
        worst_nrmse(volts[:, n:] / design.output_scaling, wanted @ rows.T),
    ]


@every_topology
@every_style
@pytest.mark.parametrize("order", [1, 6])
def test_transient_follows_the_float_reference(
    make_design: MakeDesign, run_deck: RunDeck, rng: np.random.Generator, topology: str, style: str, order: int
) -> None:
    design = make_design(order, THETA, topology=topology, style=style, delays=DELAYS)
    assert max(transient_errors(design, run_deck, rng)) <= 1e-3


@every_topology
@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential"])
def test_transient_with_op_amps_of_10_mhz(
    make_design: MakeDesign, run_deck: RunDeck, rng: np.random.Generator, topology: str, style: str
) -> None:
    opamp = SinglePoleOpAmp(gbw=1e7)
    design = make_design(6, THETA, topology=topology, style=style, delays=DELAYS, opamp=opamp)
    assert max(transient_errors(design, run_deck, rng)) <= 1e-2


@pytest.mark.parametrize("topology", ["chain", "ladder"])
def test_transient_with_saturating_transconductors(
    make_design: MakeDesign, run_deck: RunDeck, rng: np.random.Generator, topology: str
) -> None:
    """The swing keeps them within their linear range."""
    cell = MacroOta(gm=1e-6, linear=0.5, gout=1e-12, cin=0.0, cout=0.0)
    design = make_design(6, THETA, topology=topology, style="gm-c", delays=DELAYS, ota=cell)
    assert design.largest_signal == pytest.approx(0.05)
    assert max(transient_errors(design, run_deck, rng, count=200)) <= 5e-3


@pytest.mark.slow
@every_topology
@every_style
def test_transient_of_a_larger_order(
    make_design: MakeDesign, run_deck: RunDeck, rng: np.random.Generator, topology: str, style: str
) -> None:
    design = make_design(16, THETA, topology=topology, style=style, delays=DELAYS)
    assert max(transient_errors(design, run_deck, rng)) <= 3e-3


@every_topology
@every_style
def test_small_signals_have_the_pade_response(
    make_design: MakeDesign, run_deck: RunDeck, topology: str, style: str
) -> None:
    order = 6
    design = make_design(order, THETA, topology=topology, style=style)
    band = order / (4 * THETA)
    got = run_deck(to_deck(design.bench(0.0, ac=design.input_scaling), [SmallSignal(20, band / 1e3, band)]))
    wanted = exact_response(order, THETA, got["frequency"].real)
    volts = design.read(got)
    delayed = volts[:, -1] / design.output_scaling[-1]
    assert np.max(np.abs(delayed / wanted.sum(axis=1) - 1)) <= 1e-3
    states = (volts[:, :order] / design.state_scaling) @ design.realisation.legendre_map.T
    assert np.max(np.abs(states - wanted) / np.abs(wanted).max(axis=0)) <= 1e-3


@every_topology
@every_style
def test_parts_and_ports_realise_the_memory_to_rounding(make_design: MakeDesign, topology: str, style: str) -> None:
    design = make_design(5, 3.0, topology=topology, style=style, delays=DELAYS, coefficients=True)
    system = design.recovered()
    np.testing.assert_allclose(system.state_matrix, state_matrix(5), rtol=1e-11)
    np.testing.assert_allclose(system.input_vector, input_vector(5), rtol=1e-11)
    np.testing.assert_allclose(system.readout, np.vstack([readout(5, DELAYS), np.eye(5)]), atol=1e-11)


@every_style
@pytest.mark.parametrize("order", [*range(4, 33, 4)])
def test_the_ladders_netlist_has_two_couplings_per_state_but_one(
    make_design: MakeDesign, style: str, order: int
) -> None:
    """Counted in the SPICE text: parts that lead from one state's net to another's integrator."""
    text = subcircuit_text(make_design(order, topology="ladder", style=style), "count")
    name = {"opamp-rc": r"R_x\d+_x\d+(_a)?", "opamp-rc-differential": r"R_x\d+_x\d+_p(_a)?", "gm-c": r"X_x\d+_x\d+"}[
        style
    ]
    assert len(re.findall(rf"^{name} ", text, re.MULTILINE)) == 2 * order - 1


@every_topology
def test_only_the_single_ended_op_amps_need_inverters(make_design: MakeDesign, topology: str) -> None:
    inverters = {style: make_design(6, topology=topology, style=style).inverters for style in STYLES}
    assert inverters["opamp-rc"] > 0
    assert inverters["opamp-rc-differential"] == inverters["gm-c"] == 0


@every_topology
@every_style
def test_the_linear_model_is_what_ngspice_finds(
    make_design: MakeDesign, run_deck: RunDeck, topology: str, style: str
) -> None:
    """With weak devices, so that every parameter shows, far beyond the band."""
    opamp, ota = SinglePoleOpAmp(gain=2e3, gbw=3e5, rout=300.0), MacroOta(gout=1e-8, cin=2e-12, cout=5e-12)
    design = make_design(3, THETA, topology=topology, style=style, opamp=opamp, ota=ota)
    got = run_deck(to_deck(design.bench(0.0, ac=1.0), [SmallSignal(3, 1.0, 1e6)]))
    wanted = design.linear_model.response(got["frequency"].real)[..., 0]
    np.testing.assert_allclose(design.read(got), wanted, rtol=1e-6, atol=1e-12)


@every_style
def test_a_noise_deck_runs(make_design: MakeDesign, run_deck: RunDeck, style: str) -> None:
    design = make_design(2, style=style, ota=MacroOta(noise=1e-6))
    analysis = Noise(design.signal_nets("y0"), f"V_{next(iter(design.input_ports))}", 5, 1.0, 100.0)
    got = run_deck(to_deck(design.bench(0.0, ac=1.0), [analysis]))
    assert np.all(got["onoise_spectrum"] > 0)


@every_topology
@every_style
def test_stages_are_subcircuits_of_readable_names(make_design: MakeDesign, topology: str, style: str) -> None:
    design = make_design(3, topology=topology, style=style)
    paths = [path for path, _, _ in walk(design.circuit)]
    assert len(set(paths)) == len(paths)
    leaves = [path.split(".")[-1] for path in paths]
    assert len(set(leaves)) == len(leaves)
    stages = [path.split(".")[0] for path in paths]
    assert {stage for stage in stages if stage.startswith("X_integrator_")} == {f"X_integrator_x{i}" for i in range(3)}
    for stage in dict.fromkeys(stages):
        assert any(isinstance(part, Device) for path, part, _ in walk(design.circuit) if path.startswith(stage + "."))


def test_a_style_without_its_op_amp_is_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match="the op-amp of style opamp-rc must be single-ended"):
        make_design(2, opamp=IdealDifferentialOpAmp())
    assert make_design(2, style="opamp-rc-differential", opamp=IdealDifferentialOpAmp()).inverters == 0
    found = make_design(2, style="opamp-rc-differential", opamp=MacroOpAmp(gbw=1e6, noise=1e-8)).technology.device
    assert found == MacroDifferentialOpAmp(gbw=1e6, noise=1e-8)
    with pytest.raises(DesignError, match="style must be one of opamp-rc, opamp-rc-differential, gm-c, got lc"):
        make_design(2, style="lc")
    with pytest.raises(DesignError, match="topology must be one of dense, chain, ladder, got star"):
        make_design(2, topology="star")
