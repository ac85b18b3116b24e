"""Drawn parts: their distributions, the same numbers for the same seed, and what they do to known circuits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import expm

from lmu_hw.analog.analysis.monte_carlo import CUT, Distribution, Draws, Tolerances, draw, run, transients
from lmu_hw.analog.analysis.tolerance import analyse, error_budget
from lmu_hw.analog.circuit.devices import IdealOpAmp, IdealOta, MacroOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, OpAmp, Resistor, Transconductor
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import reduce
from lmu_hw.analog.design.choice import MARGIN
from lmu_hw.analog.design.memory import design_memory
from lmu_hw.analog.design.parts import Series
from lmu_hw.errors import DesignError
from tests.analog.helpers import supplies


def integrator(model: IdealOpAmp | MacroOpAmp | None = None) -> Circuit:
    """u through R_1 onto a lossy integrator, a transconductor's current beside it."""
    circuit = Circuit("integrator")
    circuit.add_port("u", "in")
    circuit.add_port("x", "out")
    circuit.add(Resistor("R_1", 1e4), p="u", n="s")
    circuit.add(Resistor("R_2", 2e4), p="s", n="x")
    circuit.add(Capacitor("C_1", 1e-7), p="s", n="x")
    used = model or IdealOpAmp(gain=1e12)
    circuit.add(OpAmp("X_1", used), inp="0", inn="s", out="x", **supplies(circuit, used))
    circuit.add(Transconductor("X_2", IdealOta(1e-9)), inp="u", inn="0", out="s")
    return circuit


SYSTEM = equations(integrator())
COLUMN = {(each.path, each.quantity): k for k, each in enumerate(SYSTEM.parameters)}
R1, R2, C1, GM = (
    COLUMN[key] for key in (("R_1", "resistance"), ("R_2", "resistance"), ("C_1", "capacitance"), ("X_2", "gm"))
)


def test_normal_draws_have_their_deviations() -> None:
    drawn = draw(SYSTEM, Tolerances(resistor=0.01, capacitor=0.05, gm=0.1, offset=2e-3), 20_000)
    relative = drawn.values / SYSTEM.nominal - 1
    np.testing.assert_allclose(relative.std(axis=0)[[R1, R2, C1, GM]], [0.01, 0.01, 0.05, 0.1], rtol=0.03)
    np.testing.assert_allclose(relative.mean(axis=0), 0.0, atol=3e-3)
    assert np.abs(relative[:, R1]).max() <= CUT * 0.01 * (1 + 1e-12)
    assert abs(np.corrcoef(relative[:, [R1, R2, C1, GM]].T) - np.eye(4)).max() < 0.03
    np.testing.assert_allclose(drawn.offsets.std(axis=0), 2e-3, rtol=0.03)
    fixed = [COLUMN["X_1", "gain"]]
    assert (relative[:, fixed] == 0).all()


def test_uniform_draws_stay_within_the_tolerance() -> None:
    tolerances = Tolerances(resistor=0.05, distribution=Distribution.UNIFORM)
    relative = draw(SYSTEM, tolerances, 20_000).values[:, R1] / SYSTEM.nominal[R1] - 1
    assert np.abs(relative).max() <= 0.05
    assert relative.std() == pytest.approx(0.05 / np.sqrt(3), rel=0.02)


def test_temperature_moves_all_parts_of_a_kind_together() -> None:
    tolerances = Tolerances(celsius=(-40.0, 85.0), resistor_tempco=1e-4, gm_tempco=-3e-3)
    drawn = draw(SYSTEM, tolerances, 500)
    assert drawn.celsius.min() < -38 < 83 < drawn.celsius.max()
    kelvins = drawn.celsius - 27.0
    np.testing.assert_allclose(drawn.values[:, R1], 1e4 * (1 + 1e-4 * kelvins))
    np.testing.assert_allclose(drawn.values[:, GM], 1e-9 * (1 - 3e-3 * kelvins))
    np.testing.assert_allclose(drawn.values[:, C1], 1e-7)


def test_a_seed_gives_the_same_draws() -> None:
    tolerances = Tolerances(resistor=0.01, offset=1e-3)
    one, same, other = (draw(SYSTEM, tolerances, 9, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.values, same.values)
    assert np.array_equal(one.offsets, same.offsets)
    assert not np.array_equal(one.values, other.values)


def test_an_amplifiers_own_offset_is_the_mean() -> None:
    system = equations(integrator(MacroOpAmp(offset=3e-3)))
    np.testing.assert_array_equal(draw(system, Tolerances(), 2).offsets, [[3e-3, 0.0]] * 2)


def test_errors_and_offsets_of_a_known_circuit() -> None:
    """x = -(R2/R1) u at rest; an offset e at the op-amp's input gives e (1 + R2/R1)."""
    values = np.tile(SYSTEM.nominal, (3, 1))
    values[1, R1], values[2, R2] = 1.02e4, 4e4
    values[:, GM] = 1e-30
    draws = Draws(values, np.array([[0.0, 0.0], [1e-3, 0.0], [1e-3, 0.0]]), np.full(3, 27.0))
    outcome = run(SYSTEM, draws, [1e-9], [[-2.0]])
    np.testing.assert_allclose(outcome.nrmse[:, 0], [0.0, 1 - 1 / 1.02, 1.0], atol=1e-8)
    np.testing.assert_allclose(outcome.offsets[:, 0], [0.0, (1 + 2 / 1.02) * 1e-3, 5e-3], rtol=1e-8, atol=1e-12)
    assert outcome.stable.all()
    assert outcome.passing(0.5) == pytest.approx(2 / 3)
    assert outcome.quantile(0.95) == pytest.approx(1.0)
    # Against 0.1 V of input, 5 mV of offset at the output are 0.025 of the 0.2 V that are wanted.
    louder = run(SYSTEM, draws, [1e-9], [[-2.0]], rms=0.1)
    assert louder.nrmse[2, 0] == pytest.approx(np.hypot(1.0, 0.025))
    flipped = run(SYSTEM, draws, [1e-9], [[-4.0]], inputs=[-1.0], signals=[[-2.0]])
    np.testing.assert_allclose(flipped.nrmse[:, 0], outcome.nrmse[:, 0], atol=1e-8)


def test_an_unstable_draw_never_passes() -> None:
    circuit = Circuit("feedback")
    circuit.add_port("u", "in")
    circuit.add_port("x", "out")
    circuit.add(Transconductor("X_1", IdealOta(1e-6)), inp="u", inn="x", out="x")
    circuit.add(Transconductor("X_2", IdealOta(9e-7)), inp="x", inn="0", out="x")
    circuit.add(Capacitor("C_1", 1e-9), p="x", n="0")
    system = equations(circuit)
    values = np.tile(system.nominal, (2, 1))
    values[1, [each.path for each in system.parameters].index("X_2")] = 1.1e-6
    outcome = run(system, Draws(values, np.zeros((2, 2)), np.zeros(2)), [1e-9], [[10.0]])
    assert outcome.stable.tolist() == [True, False]
    assert outcome.nrmse[1, 0] == np.inf
    assert outcome.passing(1e9) == 0.5


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = draw(SYSTEM, Tolerances(resistor=0.1, offset=1e-3), 7)
    whole = run(SYSTEM, draws, [1.0, 9.0], [[-2.0], [-1.0]])
    monkeypatch.setattr("lmu_hw.analog.analysis.monte_carlo._BATCH_NUMBERS", 3 * (2 * SYSTEM.size) ** 2)
    parts = run(SYSTEM, draws, [1.0, 9.0], [[-2.0], [-1.0]])
    np.testing.assert_allclose(whole.nrmse, parts.nrmse, rtol=1e-12)
    np.testing.assert_allclose(whole.offsets, parts.offsets, rtol=1e-12)


def test_transients_follow_the_exponential(rng: np.random.Generator) -> None:
    draws = draw(SYSTEM, Tolerances(resistor=0.05, capacitor=0.05, offset=5e-3), 4)
    samples, dt = rng.uniform(-1, 1, 12), 7e-4
    found = transients(SYSTEM, draws, samples, dt)
    assert found.shape == (4, 12, 1)
    for values, offsets, got in zip(draws.values, draws.offsets, found[..., 0], strict=True):
        one = reduce(SYSTEM, values, sources=True)
        rest = -np.linalg.solve(one.a, one.b[:, 1:] @ offsets)
        flow = expm(one.a * dt)
        state, wanted = rest, []
        for volt in samples:
            final = -np.linalg.solve(one.a, one.b @ np.array([volt, *offsets]))
            state = final + flow @ (state - final)
            wanted.append((one.c @ state + one.d @ np.array([volt, *offsets]))[0])
        np.testing.assert_allclose(got, wanted, rtol=1e-9)


@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential", "gm-c"])
def test_a_design_is_analysed_against_the_exact_memory(style: str) -> None:
    design = design_memory(3, 0.01, topology="ladder", style=style)
    exact = analyse(design, Tolerances(), draws=1)
    assert exact.nrmse.max() < 1e-5
    assert exact.stable.all()
    spread = Tolerances(resistor=0.01, capacitor=0.01, gm=0.01)
    one, ten = (analyse(design, each, draws=200).quantile(0.5) for each in (spread, Tolerances(0.001, 0.001, 0.001)))
    assert one == pytest.approx(10 * ten, rel=0.1)
    assert 0.005 < one < 0.05
    states = analyse(design, spread, draws=5, signals=["x0", "x2"], frequencies=[10.0])
    assert states.nrmse.shape == (5, 2)
    with pytest.raises(DesignError, match="signal must be one of x0, x1, x2, y0, got y1"):
        analyse(design, spread, draws=5, signals=["y1"])


@pytest.mark.parametrize("distribution", list(Distribution))
@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential", "gm-c"])
def test_the_error_budget_is_what_draws_show(style: str, distribution: Distribution) -> None:
    design = design_memory(3, 0.01, topology="ladder", style=style)
    spread = Tolerances(resistor=2e-3, capacitor=1e-3, gm=3e-3, distribution=distribution)
    budget = error_budget(design, spread, "y0")
    outcome = analyse(design, spread, draws=4000)
    assert np.sqrt(np.mean(outcome.nrmse**2)) == pytest.approx(budget.nrmse, rel=0.05)
    assert sum(budget.shares.values()) == pytest.approx(1.0)
    assert all(one >= other * (1.0 - MARGIN) for one, other in pairwise(budget.shares.values()))


def test_the_error_budget_names_the_part_that_has_the_tolerance() -> None:
    design = design_memory(3, 0.01, topology="ladder")
    capacitors = error_budget(design, Tolerances(capacitor=0.01), "x0")
    assert {path.rpartition(".")[2][0] for path in capacitors.shares} == {"C"}
    with pytest.raises(DesignError, match="above zero for some part"):
        error_budget(design, Tolerances(gm=0.01), "y0")
    with pytest.raises(DesignError, match="signal"):
        error_budget(design, Tolerances(resistor=0.01), "y9")


def test_rounded_values_count_as_errors() -> None:
    design = design_memory(3, 0.01, resistors=Series("E12"), allow=True)
    assert analyse(design, Tolerances(), draws=1).nrmse.max() > 1e-3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resistor": -0.01}, "resistor sigma"),
        ({"capacitor": 0.25}, "no value can be negative"),
        ({"gm": 1.0, "distribution": Distribution.UNIFORM}, "gm tolerance"),
        ({"gm": float("nan")}, "gm sigma"),
        ({"offset": -1e-3}, "offset in V"),
        ({"celsius": (85.0, -40.0)}, "temperatures"),
        ({"celsius": (-300.0, 85.0)}, "above absolute zero"),
        ({"celsius": (-40.0, 1027.0), "gm_tempco": -1e-3}, "keeps values positive at 1027"),
        ({"resistor": "1 %"}, "resistor sigma must be a finite number, got 1 %"),
        ({"distribution": "triangular"}, "distribution must be one of normal, uniform, got triangular"),
    ],
)
def test_tolerances_that_make_values_negative_are_refused(options, words: str) -> None:
    with pytest.raises(DesignError, match=words):
        Tolerances(**options)


def test_wrong_shapes_are_refused() -> None:
    draws = draw(SYSTEM, Tolerances(), 1)
    for options, words in (
        ({"inputs": [1.0, 2.0]}, "input volts"),
        ({"signals": [[1.0, 2.0]]}, "signals"),
    ):
        with pytest.raises(DesignError, match=words):
            run(SYSTEM, draws, [1.0], [[1.0]], **options)
    with pytest.raises(DesignError, match="wanted response"):
        run(SYSTEM, draws, [1.0, 2.0], [[1.0]])
    with pytest.raises(DesignError, match="samples"):
        transients(SYSTEM, draws, [[1.0]], 1.0)
    with pytest.raises(DesignError, match="Monte-Carlo draws"):
        draw(SYSTEM, Tolerances(), 0)
    with pytest.raises(DesignError, match="seed must be an integer of at least 0, got -1"):
        draw(SYSTEM, Tolerances(), 1, seed=-1)
    for frequencies in ([], [float("nan")], [-1.0]):
        with pytest.raises(DesignError, match="frequencies must be one row of finite numbers"):
            run(SYSTEM, draws, frequencies, np.ones((len(frequencies), 1)))
    for rms in (0.0, float("nan")):
        with pytest.raises(DesignError, match="root mean square of the input must be above 0 V"):
            run(SYSTEM, draws, [1.0], [[1.0]], rms=rms)
    with pytest.raises(DesignError, match="share of the circuits must be from 0 to 1, got 2"):
        run(SYSTEM, draws, [1.0], [[1.0]]).quantile(2.0)
