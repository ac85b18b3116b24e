"""The designer: signs, scaling and parts realise exactly the system that was asked for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from lmu_hw.analog import rules
from lmu_hw.analog.dense import dense_realisation
from lmu_hw.analog.design import AnalogDesign, design_opamp_rc
from lmu_hw.analog.elements import Capacitor, OpAmp, Resistor
from lmu_hw.analog.linear import state_space
from lmu_hw.analog.opamp import SinglePoleOpAmp
from lmu_hw.analog.parts import PartRange, choose_capacitor
from lmu_hw.analog.polarity import choose_polarity
from lmu_hw.analog.realisation import VoltageNetwork, scale_amplitudes
from lmu_hw.errors import DesignError
from lmu_hw.legendre import input_vector, readout, state_matrix

MakeDesign = Callable[..., AnalogDesign]

DELAYS = (1.0, 0.0, 0.5, 0.3)


@pytest.mark.parametrize("order", [1, 2, 3, 6, 16, 32])
@pytest.mark.parametrize("theta", [1e-4, 0.01, 3.0])
def test_the_parts_realise_the_memory_to_rounding(make_design: MakeDesign, order: int, theta: float) -> None:
    design = make_design(order, theta, readout_delays=DELAYS)
    system = design.recovered()
    np.testing.assert_allclose(system.state_matrix, state_matrix(order), rtol=1e-12)
    np.testing.assert_allclose(system.input_vector, input_vector(order), rtol=1e-12)
    np.testing.assert_allclose(system.readout, readout(order, DELAYS), atol=1e-12)


def test_a_wrong_resistor_shows_in_the_recovered_system(make_design: MakeDesign) -> None:
    design = make_design(3)
    nets = design.circuit.pins_of(next(e for e in design.circuit.elements if e.name == "R_a_2_1"))
    design.circuit.add(Resistor("R_extra", 1e6), **nets)
    system = design.recovered()
    wrong = ~np.isclose(system.state_matrix, state_matrix(3), rtol=1e-12)
    assert np.argwhere(wrong).tolist() == [[2, 1]]


def least_inverters(network: VoltageNetwork) -> int:
    """By trying every choice of stored signs."""
    n = len(network.input_rates)
    fewest = n + 1
    for signs in itertools.product((1, -1), repeat=n):
        s = np.array(signs)
        states = (s[:, None] * network.rates * s > 0).any(axis=0) | (network.weights * s > 0).any(axis=0)
        fewest = min(fewest, int(states.sum()) + int((s * network.input_rates > 0).any()))
    return fewest


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("delays", [(), (1.0,), DELAYS])
def test_the_memory_gets_the_least_number_of_inverters(order: int, delays: tuple[float, ...]) -> None:
    realisation = dense_realisation(order, 0.01, delays)
    network = scale_amplitudes(realisation, state_ranges=np.ones(order), output_ranges=None, swing=1.0, input_volts=1.0)
    assert choose_polarity(network).inverters == least_inverters(network) == order - 1


def test_any_full_network_gets_the_least_number_of_inverters(rng: np.random.Generator) -> None:
    for _ in range(60):
        n, outputs = int(rng.integers(1, 7)), int(rng.integers(0, 3))
        network = VoltageNetwork(
            rates=rng.choice([-1.0, 1.0], (n, n)),
            input_rates=rng.choice([-1.0, 1.0], n),
            weights=rng.choice([-1.0, 1.0], (outputs, n)),
            state_volts=np.ones(n),
            input_volts=1.0,
            output_volts=np.ones(outputs),
        )
        assert choose_polarity(network).inverters == least_inverters(network)


def test_sparse_columns_are_freed_across_groups() -> None:
    """A ladder: skew neighbours, one damped corner. Alternating pairs of signs need an inverter per link."""
    n = 6
    rates = np.diag(np.ones(n - 1), -1) - np.diag(np.ones(n - 1), 1)
    rates[-1, -1] = -1.0
    network = VoltageNetwork(rates, np.eye(n)[0], np.empty((0, n)), np.ones(n), 1.0, np.empty(0))
    polarity = choose_polarity(network)
    assert polarity.inverters == least_inverters(network)


def test_polarity_and_scaling_are_stated_truly(make_design: MakeDesign) -> None:
    """Integrate the circuit's own model and read it back through the stated scaling."""
    design = make_design(4, readout_delays=DELAYS)
    model = state_space(design.circuit, ideal_opamps=True)
    rest = -np.linalg.solve(model.a, model.b) * design.input_scaling * 0.7
    volts = (model.c @ rest)[:, 0] + model.d[:, 0] * design.input_scaling * 0.7
    # A constant input 0.7 leaves m = (0.7, 0, 0, 0): the window holds a constant.
    np.testing.assert_allclose(design.legendre_states(volts[:4]), [0.7, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(volts[4:] / design.output_scaling, 0.7, rtol=1e-12)
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


@pytest.mark.parametrize(("supply", "swing", "input_volts"), [(5.0, 0.8, 1.0), (1.5, 0.5, 0.25)])
def test_no_amplifier_can_be_driven_beyond_the_swing(
    make_design: MakeDesign, supply: float, swing: float, input_volts: float
) -> None:
    design = make_design(3, supply=supply, swing=swing, input_volts=input_volts, readout_delays=(1.0, 0.5))
    model = state_space(design.circuit, ideal_opamps=True)
    peaks = [worst_peak(model.a, model.b[:, 0] * input_volts, row, 0.15) for row in model.c]
    limit = swing * supply
    assert max(peaks) <= limit
    # The states fill it (the ranges are one percent too large); outputs have looser default ranges.
    np.testing.assert_allclose(peaks[:3], limit / 1.01, rtol=1e-3)
    # Every other amplifier is an inverter of a state or of the input, at gain -1.
    inverters = [part for part in design.circuit.of(Resistor) if part.name.startswith("R_inv")]
    assert len({part.ohms for part in inverters}) == 1


def test_output_ranges_set_the_output_level(make_design: MakeDesign) -> None:
    design = make_design(3, readout_delays=(1.0, 0.5), output_ranges=[2.0, 1.6])
    np.testing.assert_allclose(design.output_scaling, [2.0, 2.5])
    np.testing.assert_allclose(design.recovered().readout, readout(3, (1.0, 0.5)), atol=1e-12)


def test_names_say_what_the_parts_do(make_design: MakeDesign) -> None:
    circuit = make_design(4).circuit
    parts = {element.name: circuit.pins_of(element) for element in circuit.elements}
    assert parts["R_a_3_2"]["n"] == "sum_3"
    assert parts["R_a_3_2"]["p"] in ("x2", "x2_neg")
    assert parts["C_3"] == {"p": "sum_3", "n": "x3"}
    assert parts["X_int_3"] == {"inp": "0", "inn": "sum_3", "out": "x3"}
    assert parts["R_b_3"]["p"] in ("u", "u_neg")
    assert [port.name for port in circuit.ports] == ["u", "x0", "x1", "x2", "x3", "y0"]


@pytest.mark.parametrize("order", [1, 2, 5])
def test_counts(make_design: MakeDesign, order: int) -> None:
    design = make_design(order)
    circuit = design.circuit
    names = [part.name for part in circuit.of(Resistor)]
    assert sum(name.startswith("R_a_") for name in names) == order**2
    assert sum(name.startswith("R_b_") for name in names) == order
    assert len(circuit.of(Capacitor)) == order
    assert len(circuit.of(OpAmp)) == order + (order - 1) + 1


def test_a_readout_that_does_not_use_a_state_has_no_part_for_it(make_design: MakeDesign) -> None:
    circuit = make_design(4, readout_delays=(0.5,)).circuit
    used = [part.name for part in circuit.of(Resistor) if part.name.startswith("R_c_0_")]
    assert used == ["R_c_0_0", "R_c_0_2"]  # P_1 and P_3 vanish in the middle of the window


def test_parts_stay_in_their_ranges(make_design: MakeDesign) -> None:
    for theta in (1e-6, 1e-3, 1.0, 1e3):
        design = make_design(6, theta)
        ohms = [part.ohms for part in design.circuit.of(Resistor)]
        assert min(ohms) >= 1e2
        assert max(ohms) <= 1e8
        (farads,) = {part.farads for part in design.circuit.of(Capacitor)}
        assert farads == design.parts.capacitor
        assert float(f"{farads:.1e}"[:3]) in (1.0, 2.2, 4.7)


def test_a_given_capacitor_is_used_or_refused(make_design: MakeDesign) -> None:
    design = make_design(3, capacitor=3.3e-9)
    assert {part.farads for part in design.circuit.of(Capacitor)} == {3.3e-9}
    with pytest.raises(DesignError, match=r"^capacitor must be from .* F, such that resistors stay within"):
        make_design(3, capacitor=1e-3)


@pytest.mark.parametrize("theta", [1e-12, 1e9])
def test_a_window_that_no_part_allows_is_refused(make_design: MakeDesign, theta: float) -> None:
    with pytest.raises(DesignError, match=r"a capacitor from 1e-12 to 0\.001 F must be such that resistors"):
        make_design(6, theta)


def test_a_span_of_couplings_wider_than_the_resistors_is_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match="couplings from"):
        make_design(6, resistors=PartRange(1e4, 5e4))


def test_an_output_that_no_resistors_allow_is_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match="the resistors of output y1 must be within 100 to 1e"):
        make_design(3, readout_delays=(1.0, 0.5), output_ranges=[2.0, 1e7])


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


GOOD: dict[str, Any] = {"order": 2, "theta": 0.01, "ranges": [1.1, 1.2]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": 0}, "order of an analog memory must be an integer from 1 to 256, got 0"),
        ({"order": 257}, "from 1 to 256"),
        ({"order": True}, "from 1 to 256"),
        ({"order": 2.0}, "from 1 to 256"),
        ({"theta": -1.0}, "theta in seconds must be a positive finite number"),
        ({"theta": float("nan")}, "theta in seconds"),
        ({"ranges": [1.0]}, "state ranges must be 2 numbers"),
        ({"ranges": [1.0, 0.0]}, "state ranges must be positive and finite"),
        ({"ranges": [1.0, float("inf")]}, "positive and finite"),
        ({"output_ranges": [1.0, 2.0]}, "output ranges must be 1 numbers"),
        ({"output_ranges": [float("nan")]}, "output ranges must be positive"),
        ({"supply": 0.0}, "supply in volts"),
        ({"swing": 1.2}, "swing must be a share of the supply"),
        ({"swing": float("nan")}, "swing must be"),
        ({"input_volts": 0.0}, "input_volts must be a positive"),
        ({"input_volts": 4.1}, "input_volts must be at most 4 V"),
        ({"impedance": -1.0}, "impedance in ohm"),
        ({"capacitor": float("nan")}, "capacitor in farad"),
        ({"readout_delays": (1.5,)}, "delay as a fraction of the window"),
        ({"readout_delays": [0.5] * 65}, "readout delays must be at most 64, got 65"),
        ({"name": "1st"}, "circuit name"),
        ({"name": "opamp_ideal"}, "distinct when case is folded"),
    ],
)
def test_bad_requests_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        design_opamp_rc(**{**GOOD, **change})


def test_part_ranges_are_ranges() -> None:
    for low, high in ((0.0, 1.0), (2.0, 1.0), (1.0, math.inf), (math.nan, 1.0)):
        with pytest.raises(DesignError, match="part range must be 0 < low < high"):
            PartRange(low, high)


def test_op_amps_too_slow_for_stability_are_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match=r"the op-amps must be fast enough for a stable circuit, got single-pole"):
        make_design(16, 1e-5, opamp=SinglePoleOpAmp(gbw=1e3))


def test_the_prediction_falls_with_the_op_amps_speed(make_design: MakeDesign) -> None:
    errors = [
        make_design(6, opamp=SinglePoleOpAmp(gbw=gbw, gain=1e8, rout=1e-3)).predict().nrmse for gbw in (1e6, 1e7, 1e8)
    ]
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    np.testing.assert_allclose(ratios, 10.0, rtol=0.1)
    assert make_design(6).predict().nrmse < 1e-6


def test_designs_without_outputs_are_sound(make_design: MakeDesign) -> None:
    design = make_design(3, readout_delays=())
    rules.check(design.circuit)
    assert [port.name for port in design.circuit.ports] == ["u", "x0", "x1", "x2"]
    assert design.predict().output_nrmse == ()
