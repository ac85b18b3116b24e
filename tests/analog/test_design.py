"""The designer: signs, scaling and parts realise exactly the system that was asked for."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from lmu_hw.analog.circuit import rules
from lmu_hw.analog.circuit.devices import MacroOpAmp, SinglePoleOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, Element, OpAmp, Resistor
from lmu_hw.analog.circuit.graph import parts_of, replaced, walk
from lmu_hw.analog.design.amplitudes import VoltageNetwork, scale_amplitudes
from lmu_hw.analog.design.memory import AnalogDesign, design_memory
from lmu_hw.analog.design.parts import PartRange, choose_capacitor
from lmu_hw.analog.design.technologies.opamp_rc import choose_polarity
from lmu_hw.analog.realisation.network import Readouts
from lmu_hw.analog.realisation.topologies import dense_realisation
from lmu_hw.core.legendre import input_vector, readout, state_matrix
from lmu_hw.errors import DesignError
from tests.analog.helpers import MakeDesign

DELAYS = (1.0, 0.0, 0.5, 0.3)


def parts(design: AnalogDesign, kind: type[Element]) -> dict[str, Any]:
    """The parts of a kind, by name."""
    return {part.name: part for part in parts_of(design.circuit, kind)}


@pytest.mark.parametrize("order", [1, 2, 3, 6, 16, 32])
@pytest.mark.parametrize("theta", [1e-4, 0.01, 3.0])
def test_the_parts_realise_the_memory_to_rounding(make_design: MakeDesign, order: int, theta: float) -> None:
    design = make_design(order, theta, delays=DELAYS)
    system = design.recovered()
    np.testing.assert_allclose(system.state_matrix, state_matrix(order), rtol=1e-12)
    np.testing.assert_allclose(system.input_vector, input_vector(order), rtol=1e-12)
    np.testing.assert_allclose(system.readout, readout(order, DELAYS), atol=1e-12)


def test_a_wrong_resistor_shows_in_the_recovered_system(make_design: MakeDesign) -> None:
    design = make_design(3)
    path = "X_integrator_x2.R_x2_x1"
    ohms = parts(design, Resistor)["R_x2_x1"].ohms
    wrong = dataclasses.replace(design, circuit=replaced(design.circuit, {path: Resistor("R_x2_x1", 1.1 * ohms)}))
    differs = ~np.isclose(wrong.recovered().state_matrix, state_matrix(3), rtol=1e-12)
    assert np.argwhere(differs).tolist() == [[2, 1]]
    assert np.isclose(design.recovered().state_matrix, state_matrix(3), rtol=1e-12).all()


def network_of(couplings: NDArray[Any], states: int, outputs: int) -> VoltageNetwork:
    names = (*(f"x{i}" for i in range(states)), *(f"y{k}" for k in range(outputs)))
    return VoltageNetwork(couplings, states, names, names[states:], np.ones(len(names)), 1.0)


def least_inverters(network: VoltageNetwork) -> int:
    """By trying every choice of stored signs of the states; inputs and outputs keep theirs."""
    n, size = network.states, len(network.signals)
    fewest = size + 1
    for signs in itertools.product((1, -1), repeat=n):
        s = np.array([*signs, *[1] * (size - n), 1])
        fewest = min(fewest, int((s[:-1, None] * network.couplings * s > 0).any(axis=0).sum()))
    return fewest


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("delays", [(), (1.0,), DELAYS])
def test_the_dense_memory_gets_the_least_number_of_inverters(order: int, delays: tuple[float, ...]) -> None:
    realisation = dense_realisation(order, 0.01, Readouts(delays))
    network = scale_amplitudes(realisation, np.ones(order + len(delays)), swing=1.0, input_volts=1.0)
    assert len(choose_polarity(network).inverted) == least_inverters(network) == order - 1


def test_any_full_network_gets_the_least_number_of_inverters(rng: np.random.Generator) -> None:
    for _ in range(60):
        n, outputs = int(rng.integers(1, 7)), int(rng.integers(0, 3))
        couplings = rng.choice([-1.0, 1.0], (n + outputs, n + outputs + 1))
        couplings[:, n : n + outputs] = 0.0
        couplings[n:, -1] = 0.0
        network = network_of(couplings, n, outputs)
        assert len(choose_polarity(network).inverted) == least_inverters(network)


def test_sparse_columns_are_freed_across_groups() -> None:
    """A ladder: skew neighbours, one damped corner. A link needs one inverter, which serves both neighbours."""
    n = 6
    couplings = np.zeros((n, n + 1))
    couplings[:, :n] = np.diag(np.ones(n - 1), -1) - np.diag(np.ones(n - 1), 1)
    couplings[0, 0], couplings[0, -1] = -1.0, 1.0
    network = network_of(couplings, n, 0)
    assert len(choose_polarity(network).inverted) == least_inverters(network) == 3


def test_polarity_and_scaling_are_stated_truly(make_design: MakeDesign) -> None:
    """Integrate the circuit's own model and read it back through the stated scaling."""
    design = make_design(4, delays=DELAYS)
    model = design.linear_model
    rest = -np.linalg.solve(model.a, model.b) * design.input_scaling * 0.7
    volts = (model.c @ rest)[:, 0] + model.d[:, 0] * design.input_scaling * 0.7
    # A constant input 0.7 leaves m = (0.7, 0, 0, 0): the window holds a constant.
    np.testing.assert_allclose(design.legendre_states(volts[:4]), [0.7, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(volts[4:] / design.output_scaling, 0.7, rtol=1e-5)
    assert (design.state_scaling < 0).any()
    assert (design.output_scaling > 0).all()


def worst_peak(a: NDArray[Any], b: NDArray[Any], row: NDArray[Any], horizon: float) -> float:
    """Largest |row x| over all inputs |u| <= 1: the integral of the impulse response's modulus."""
    steps = 40_000
    flow = expm(a * horizon / steps)
    state, total = b, 0.0
    for _ in range(steps):
        after = flow @ state
        total += 0.5 * horizon / steps * (abs(row @ state) + abs(row @ after))
        state = after
    return float(total)


@pytest.mark.parametrize("topology", ["dense", "chain", "ladder"])
@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential"])
@pytest.mark.parametrize(("supply", "swing", "input_volts"), [(5.0, 0.8, 1.0), (1.5, 0.5, 0.25)])
def test_no_amplifier_can_be_driven_beyond_the_swing(
    make_design: MakeDesign, topology: str, style: str, supply: float, swing: float, input_volts: float
) -> None:
    design = make_design(3, topology=topology, style=style, supply=supply, swing=swing, input_volts=input_volts)
    model = design.linear_model
    peaks = [worst_peak(model.a, model.b[:, 0] * input_volts, row, 0.15) for row in model.c if np.abs(row).max() > 0]
    limit = swing * supply * (2 if design.technology.differential else 1)
    assert design.largest_signal == limit
    assert max(peaks) <= limit * (1 + 1e-5)  # op-amps of finite gain
    np.testing.assert_allclose(peaks, limit, rtol=2e-3)
    # Every further amplifier is an inverter, at gain -1.
    assert {part.ohms for name, part in parts(design, Resistor).items() if "neg" in name} <= {design.values.inverter}


def test_names_say_what_the_parts_do(make_design: MakeDesign) -> None:
    design = make_design(4)
    nets = {part.name: (path, nets) for path, part, nets in walk(design.circuit)}
    assert nets["R_x1_x2"][0] == "X_integrator_x1.R_x1_x2"
    assert nets["R_x1_x2"][1]["p"] in ("x2", "x2_neg")
    assert nets["C_x1"][1] == {"p": "X_integrator_x1.virtual", "n": "x1"}
    assert nets["X_amp_x1"][1]["out"] == "x1"
    assert nets["R_y0_x3"][0].startswith("X_sum_y0.")
    assert nets["X_amp_y0"][1]["out"] == "y0"


@pytest.mark.parametrize("order", [1, 2, 5])
def test_parts_are_as_many_as_they_must_be(make_design: MakeDesign, order: int) -> None:
    design = make_design(order)
    assert len(parts(design, Capacitor)) == order
    assert len(parts(design, OpAmp)) == order + (order - 1) + 1
    assert len(parts(design, Resistor)) == order**2 + order + 2 * (order - 1) + order + 1


def test_a_readout_that_does_not_use_a_state_has_no_part_for_it(make_design: MakeDesign) -> None:
    used = [name for name in parts(make_design(4, delays=(0.5,)), Resistor) if name.startswith("R_y0_")]
    assert used == ["R_y0_x0", "R_y0_x2"]  # P_1 and P_3 vanish in the middle of the window


def test_parts_stay_in_their_ranges(make_design: MakeDesign) -> None:
    for theta, topology in itertools.product((1e-5, 1e-3, 1.0, 50.0), ("dense", "chain", "ladder")):
        design = make_design(6, theta, topology=topology)
        ohms = [part.ohms for part in parts(design, Resistor).values()]
        assert min(ohms) >= 1e2
        assert max(ohms) <= 1e6
        (farads,) = {part.farads for part in parts(design, Capacitor).values()}
        assert set(design.values.capacitors.tolist()) == {farads}
        assert float(f"{farads:.1e}"[:3]) in (1.0, 2.2, 4.7)


def test_a_given_capacitor_is_used_or_refused(make_design: MakeDesign) -> None:
    design = make_design(3, capacitor=3.3e-9)
    assert {part.farads for part in parts(design, Capacitor).values()} == {3.3e-9}
    with pytest.raises(DesignError, match=r"^capacitor must be from .* F, such that resistors stay within"):
        make_design(3, capacitor=1e-3)


@pytest.mark.parametrize("theta", [1e-12, 1e9])
def test_a_window_that_no_part_allows_is_refused(make_design: MakeDesign, theta: float) -> None:
    with pytest.raises(DesignError, match=r"a capacitor from 1e-11 to 1e-05 F must be such that resistors|so that res"):
        make_design(6, theta)


def test_a_span_of_couplings_wider_than_the_resistors_is_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match="couplings from"):
        make_design(6, resistor_range=PartRange(1e5, 1.01e5), style="gm-c")


def test_an_output_that_no_resistors_allow_is_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match="the resistors of sum y0 must be within 100 to 50000 ohm"):
        make_design(3, delays=(0.4999,), resistor_range=PartRange(1e2, 5e4), impedance=2e4, style="gm-c")


def test_the_capacitor_puts_the_resistors_around_the_impedance() -> None:
    rates = np.array([1e2, 1e3, 1e4])
    wide, small = PartRange(1.0, 1e12), PartRange(1e-15, 1.0)
    for impedance in (1e3, 1e5, 1e7):
        capacitor = choose_capacitor(rates, impedance=impedance, resistors=wide, capacitors=small)
        assert 1 / 1.6 <= (1 / (1e3 * capacitor)) / impedance <= 1.6
    # The one value between two steps that the ranges allow is taken as it is.
    tight = choose_capacitor(rates, impedance=1e5, resistors=PartRange(3.2e3, 3.4e5), capacitors=PartRange(1e-12, 1e-3))
    assert math.isclose(1 / (1e2 * tight), 3.4e5, rel_tol=0.07)
    assert 1 / (1e4 * tight) >= 3.2e3


GOOD: dict[str, Any] = {"order": 2, "theta": 0.01}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": 0}, "order of an analog memory must be an integer from 1 to 256, got 0"),
        ({"order": 257}, "from 1 to 256"),
        ({"order": True}, "from 1 to 256"),
        ({"order": 2.0}, "from 1 to 256"),
        ({"theta": -1.0}, "theta in seconds must be a positive finite number"),
        ({"theta": float("nan")}, "theta in seconds"),
        ({"supply": 0.0}, "supply in volts"),
        ({"swing": 1.2}, "swing must be a share of the supply"),
        ({"swing": float("nan")}, "swing must be"),
        ({"input_volts": 0.0}, "input_volts must be a positive"),
        ({"input_volts": 4.1}, "input_volts must be at most 4 V, the largest signal"),
        ({"impedance": -1.0}, "impedance in ohm"),
        ({"capacitor": float("nan")}, "capacitor in farad"),
        ({"delays": (1.5,)}, "delay as a fraction of the window"),
        ({"delays": [0.5] * 65}, "readout delays must be at most 64, got 65"),
        ({"name": "1st"}, "circuit name"),
        ({"name": "opamp_ideal"}, "distinct when case is folded"),
    ],
)
def test_bad_requests_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        design_memory(**{**GOOD, **change})


def test_rails_that_cannot_hold_the_swing_are_refused(make_design: MakeDesign) -> None:
    with pytest.raises(
        DesignError, match=r"the swing must be within the op-amps' rails of -4\.8 and 4\.8 V, got ±4.85 V"
    ):
        make_design(2, supply=5.0, swing=0.97, opamp=MacroOpAmp())
    assert make_design(2, supply=5.0, opamp=MacroOpAmp()).largest_signal == 4.0


def test_part_ranges_are_ranges() -> None:
    for low, high in ((0.0, 1.0), (2.0, 1.0), (1.0, math.inf), (math.nan, 1.0)):
        with pytest.raises(DesignError, match="part range must be 0 < low < high"):
            PartRange(low, high)


def test_op_amps_too_slow_for_stability_are_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match=r"the op-amps must be fast enough for a stable circuit, got single-pole"):
        make_design(16, 1e-3, opamp=SinglePoleOpAmp(gbw=1e3), correction=False, allow=False)


def test_the_prediction_falls_with_the_op_amps_speed(make_design: MakeDesign) -> None:
    errors = [
        make_design(6, opamp=SinglePoleOpAmp(gbw=gbw, gain=1e8, rout=1e-3), correction=False).predict().nrmse
        for gbw in (1e6, 1e7, 1e8)
    ]
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    np.testing.assert_allclose(ratios, 10.0, rtol=0.1)
    assert make_design(6).predict().nrmse < 1e-6


def test_designs_without_outputs_are_sound(make_design: MakeDesign) -> None:
    design = make_design(3, delays=())
    rules.check(design.circuit)
    assert [port.name for port in design.circuit.ports] == ["u", "x0", "x1", "x2"]
    assert design.predict().output_nrmse == ()
