"""Every realisation is the memory in other coordinates, with the couplings that its structure promises."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov

from lmu_hw.analog.design.amplitudes import scale_amplitudes
from lmu_hw.analog.design.memory import TOPOLOGIES
from lmu_hw.analog.realisation.network import Readouts, Realisation
from lmu_hw.analog.realisation.topologies import ladder_coordinates
from lmu_hw.core.legendre import chain_operands, energy_scale, input_vector, readout, state_matrix
from lmu_hw.errors import DesignError

ORDERS = [1, 2, 3, 6, 12, 32, 64]
DELAYS = (1.0, 0.0, 0.5)
Make = Callable[[int, float, Readouts], Realisation]

every_topology = pytest.mark.parametrize("topology", TOPOLOGIES)


def realise(topology: str, order: int, readouts: Readouts | None = None) -> Realisation:
    return TOPOLOGIES[topology](order, 0.01, readouts or Readouts(DELAYS))


@every_topology
@pytest.mark.parametrize("order", ORDERS)
def test_it_is_the_memory_through_its_map(topology: str, order: int) -> None:
    """T a = A T and T b = B for the map T from its states to Legendre coordinates, sums eliminated."""
    realisation = realise(topology, order)
    a, b = realisation.system
    to_legendre = realisation.legendre_map
    scale = energy_scale(order)
    wanted = state_matrix(order) @ to_legendre
    np.testing.assert_allclose((to_legendre @ a) / scale[:, None], wanted / scale[:, None], atol=1e-12 * order**2)
    np.testing.assert_allclose(to_legendre @ b, input_vector(order), rtol=1e-11)


@every_topology
@pytest.mark.parametrize("order", [1, 2, 3, 6, 12, 32])
def test_outputs_are_delays_and_coefficients(topology: str, order: int) -> None:
    realisation = realise(topology, order, Readouts(DELAYS, coefficients=True))
    assert realisation.outputs == ("y0", "y1", "y2", *(f"m{i}" for i in range(order)))
    rows = [realisation.signals.index(name) for name in realisation.outputs]
    through = realisation.direct[rows]
    assert not through[:, -1].any()
    wanted = np.vstack([readout(order, DELAYS), np.eye(order)]) @ realisation.legendre_map
    np.testing.assert_allclose(through[:, :-1], wanted, atol=1e-11)


@every_topology
@pytest.mark.parametrize("order", [*range(4, 33, 4), 5, 31])
def test_couplings_are_as_many_as_promised(topology: str, order: int) -> None:
    promised = {"dense": order**2, "chain": 4 * order - 1, "ladder": 2 * order - 1}
    for readouts in (Readouts(), Readouts(()), Readouts(DELAYS, coefficients=True)):
        assert realise(topology, order, readouts).internal_couplings == promised[topology]


def routh_couplings(order: int) -> list[Fraction]:
    """The squares of the ladder's couplings, exactly, from the Routh array of the characteristic polynomial.

    That is the reversed denominator of the [d-1/d] Padé approximant of a delay; the array's first column r gives
    k_i^2 = r_{i+2}/r_i (Schwarz's form).
    """
    d = order
    coefficients = [
        Fraction(factorial(2 * d - 1 - k) * factorial(d), factorial(d - 1) * factorial(k) * factorial(d - k))
        for k in range(d, -1, -1)
    ]
    upper, lower = coefficients[0::2], coefficients[1::2]
    column = [upper[0], lower[0]]
    while len(column) < d + 1:
        padded = lower + [Fraction(0)] * (len(upper) - len(lower))
        after = [x - upper[0] / lower[0] * y for x, y in zip(upper[1:], padded[1:], strict=True)]
        upper, lower = lower, after or [Fraction(0)]
        column.append(lower[0])
    return [column[i + 2] / column[i] for i in range(d - 1)]


@pytest.mark.parametrize("order", [2, 3, 4, 6, 12, 32, 48])
def test_the_ladders_couplings_are_those_of_the_routh_array(order: int) -> None:
    links, _ = ladder_coordinates(order)
    np.testing.assert_allclose(links, [float(square) ** 0.5 for square in routh_couplings(order)], rtol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 6, 20, 64])
def test_every_state_of_the_ladder_has_the_same_level_for_white_input(order: int) -> None:
    a, b = realise("ladder", order).system
    np.testing.assert_allclose(solve_continuous_lyapunov(a, -np.outer(b, b)), np.eye(order), atol=1e-9)
    skew = a + np.outer(b, b) / 2
    np.testing.assert_allclose(skew, -skew.T, atol=1e-9 * order**2)


@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_the_chains_sums_are_those_of_the_recurrence(order: int, rng: np.random.Generator) -> None:
    realisation = realise("chain", order)
    m, u = rng.normal(size=order), float(rng.normal())
    sums = dict(zip(realisation.signals, realisation.direct @ np.append(m, u), strict=True))
    np.testing.assert_allclose([sums[f"s{i}"] for i in range(order)], chain_operands(m, u), atol=1e-12)
    assert sums["y0"] == pytest.approx(m.sum())  # T is the readout of the whole window


def test_the_chain_has_its_total_where_nobody_reads_it() -> None:
    assert realise("chain", 3, Readouts((0.5,))).signals == ("x0", "x1", "x2", "t", "s0", "s1", "s2", "y0")
    assert realise("chain", 3, Readouts((0.5, 1.0))).signals == ("x0", "x1", "x2", "y1", "s0", "s1", "s2", "y0")


@every_topology
def test_ranges_bound_every_signal_and_are_reached(topology: str) -> None:
    """The worst input of a signal is the sign of its time-reversed impulse response."""
    realisation = realise(topology, 4)
    ranges = realisation.certified_ranges()
    a, b = realisation.system
    steps = 20_000
    horizon = 8.0
    flow = expm(a * horizon / steps)
    state, area = b, np.abs(realisation.direct[:, -1])
    for _ in range(steps):
        after = flow @ state
        area = area + 0.5 * horizon / steps * (
            np.abs(realisation.direct[:, :-1] @ state) + np.abs(realisation.direct[:, :-1] @ after)
        )
        state = after
    assert np.all(area <= ranges)
    np.testing.assert_allclose(area, ranges, rtol=1e-3)


@every_topology
def test_scaling_keeps_the_response(topology: str) -> None:
    realisation = realise(topology, 5)
    network = scale_amplitudes(realisation, realisation.certified_ranges(), swing=3.0, input_volts=0.5)
    frequencies = np.array([1.0, 30.0, 100.0])
    signals = network.response(frequencies)
    a, b = state_matrix(5), input_vector(5)
    for frequency, volts in zip(frequencies, signals, strict=True):
        m = np.linalg.solve(2j * np.pi * frequency * 0.01 * np.eye(5) - a, b)
        states = volts[:5] / network.volts[:5] * network.input_volts
        np.testing.assert_allclose(realisation.legendre_map @ states, m, rtol=1e-9, atol=1e-9)
        y0 = volts[network.index("y0")] / network.volts[network.index("y0")] * network.input_volts
        assert y0 == pytest.approx(m.sum())


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([1.0], "ranges of the signals must be 2 numbers"),
        ([1.0, 0.0], "ranges of the signals must be positive and finite"),
        ([1.0, float("inf")], "positive and finite"),
        ([1.0, float("nan")], "positive and finite"),
    ],
)
def test_bad_ranges_are_refused(ranges: list[float], message: str) -> None:
    realisation = realise("dense", 1, Readouts((1.0,)))
    with pytest.raises(DesignError, match=message):
        scale_amplitudes(realisation, ranges, swing=1.0, input_volts=1.0)
