"""Choices do not hang on the last bits of floating point, which differ between machines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lmu_hw.analog.analysis.monte_carlo import Tolerances
from lmu_hw.analog.analysis.tolerance import error_budget
from lmu_hw.analog.design.amplitudes import band_frequencies
from lmu_hw.analog.design.choice import best, descending
from lmu_hw.analog.design.memory import TOPOLOGIES
from lmu_hw.analog.design.parts import PartRange, PartValues, Series, choose_capacitor, choose_values
from lmu_hw.analog.design.rounding import Catalogue, round_values
from tests.analog.helpers import MakeDesign

RESISTORS, CAPACITORS = PartRange(1e2, 1e8), PartRange(1e-12, 1e-3)

NOISE = 1e-13
"""The relative size of a disturbance: hundreds of times the last bit, far below what counts as a difference."""

SERIES = [("E96", "E12"), ("E12", "E3")]


def test_equal_costs_leave_the_choice_to_the_next_one() -> None:
    candidates = [(1.0 + NOISE, 3.0), (1.0, 2.0), (1.0 - NOISE, 2.0), (1.1, 0.0)]
    assert best(candidates, lambda each: each[0], lambda each: each[1]) == (1.0, 2.0)
    assert best(candidates, lambda each: each[0]) == (1.0 + NOISE, 3.0)
    assert best(candidates, lambda each: each[1]) == (1.1, 0.0)


def test_equal_values_stay_in_their_order() -> None:
    values = [0.0, 2.0 - NOISE, 5.0, 2.0, 2.0 + NOISE, 0.0, 1.0]
    assert descending(values) == [2, 1, 3, 4, 6, 0, 5]
    assert descending([]) == []


def test_the_lower_of_two_equally_near_values_is_taken(rng: np.random.Generator) -> None:
    """The wanted value is the geometric middle of two neighbours."""
    catalogue = Catalogue.of(Series("E24"), PartRange(1e3, 1e6), "resistors")
    assert catalogue is not None
    values = catalogue.values
    middles = np.sqrt(values[:-1] * values[1:])
    for _ in range(20):
        wrong = middles * (1.0 + NOISE * rng.uniform(-1.0, 1.0, middles.size))
        assert catalogue.nearest(wrong).tolist() == values[:-1].tolist()


@pytest.mark.parametrize(("one", "other"), [(1.0, 2.2), (2.2, 4.7), (4.7, 10.0)])
def test_the_lower_of_two_equally_near_capacitors_is_taken(one: float, other: float, rng: np.random.Generator) -> None:
    middle = (one * other) ** 0.5 * 1e-9
    for _ in range(20):
        rates = 1.0 / (1e5 * middle) * (1.0 + NOISE * rng.uniform(-1.0, 1.0, 4))
        found = choose_capacitor(rates, impedance=1e5, resistors=RESISTORS, capacitors=CAPACITORS)
        assert found == pytest.approx(one * 1e-9, rel=1e-12)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("order", [2, 3])
def test_standard_values_stay_where_the_network_differs_in_its_last_bits(
    make_design: MakeDesign, topology: str, series: tuple[str, str], order: int, rng: np.random.Generator
) -> None:
    network = make_design(order, topology=topology).network
    wanted = _rounded(network, *series)
    for _ in range(2):
        size = network.couplings.shape
        other = replace(network, couplings=network.couplings * (1.0 + NOISE * rng.uniform(-1.0, 1.0, size)))
        found = _rounded(other, *series)
        assert found.references.tolist() == wanted.references.tolist()
        assert found.resistances.tolist() == wanted.resistances.tolist()


def _rounded(network: Any, resistors: str, capacitors: str) -> PartValues:
    exact = choose_values(network, impedance=1e5, resistors=RESISTORS, capacitors=CAPACITORS)
    return round_values(
        network,
        exact,
        frequencies=band_frequencies(network, 0.01, 24),
        resistors=Series(resistors),
        capacitors=Series(capacitors),
        resistor_range=RESISTORS,
        capacitor_range=CAPACITORS,
    ).values


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_standard_values_keep_to_the_decade_of_the_level(make_design: MakeDesign, topology: str) -> None:
    """Moving a stage by a decade changes nothing but its impedance, so every stage is where the level wants it."""
    exact = make_design(5, topology=topology).values
    chosen = make_design(5, topology=topology, resistors=Series("E96"), capacitors=Series("E12")).values
    distances = np.abs(np.log10(chosen.references / exact.references))
    assert np.all(distances <= 0.5 + 1e-9)


def test_the_two_sides_of_a_differential_circuit_are_told_in_their_order(make_design: MakeDesign) -> None:
    """Their shares are equal, so only the last bits could tell them apart."""
    design = make_design(3, style="opamp-rc-differential")
    shares = list(error_budget(design, Tolerances(resistor=0.01, capacitor=0.01), "y0").shares)
    for path in shares:
        if path.endswith("_p"):
            assert shares.index(path) < shares.index(path.removesuffix("_p") + "_n")
