"""The experiments on parts with a tolerance: small runs reach their figures, and loose parts do not."""

from __future__ import annotations

from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.analog.analysis.monte_carlo import Distribution, Tolerances
from lmu_hw.analog.circuit.devices import MacroOpAmp
from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.realisation.network import Readouts
from lmu_hw.analog.realisation.topologies import dense_realisation, ladder_realisation
from lmu_hw.core.legendre import input_vector, readout, state_matrix
from lmu_hw.errors import DesignError
from lmu_hw.experiments import tolerance
from tests.experiments.conftest import called


def test_errors_of_drawn_couplings_by_the_definition() -> None:
    """Order 2, dense, three draws, in Legendre coordinates."""
    found = tolerance.coupling_errors(dense_realisation(2, 0.01, Readouts((1.0,))), 0.05, 3, seed=7)
    drawn = 1 + 0.05 * np.random.default_rng(7).standard_normal((3, 3, 4))
    cycles = 2 / 8 * (np.arange(24) + 0.5) / 24

    def response(factors: Any) -> Any:
        a, b = state_matrix(2) * factors[:2, :2], input_vector(2) * factors[:2, 3]
        c = readout(2, 1.0)[0] * factors[2, :2]
        return np.array([c @ np.linalg.solve(2j * np.pi * f * np.eye(2) - a, b) for f in cycles])

    exact = response(np.ones((3, 4)))
    wanted = [np.linalg.norm(response(each) - exact) / np.linalg.norm(exact) for each in drawn]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_the_ladder_tolerates_mismatch_better() -> None:
    errors = {
        make.__name__: np.median(tolerance.coupling_errors(make(12, 0.01, Readouts((1.0,))), 0.01, 1000, 0))
        for make in (dense_realisation, ladder_realisation)
    }
    assert errors["ladder_realisation"] <= 0.038
    assert errors["dense_realisation"] > 1.2 * errors["ladder_realisation"]


def test_mismatch_is_told_for_every_technology() -> None:
    found = called(tolerance.analog_mismatch, "--order", "3", "--draws", "40")["orders"]["3"]
    for group in found.values():
        assert list(group) == ["couplings", "opamp-rc", "opamp-rc-differential", "gm-c"]
        assert all(0.002 < each["median"] < each["q95"] < 0.2 for each in group.values())


def test_the_delay_network_yields() -> None:
    tolerances = Tolerances(resistor=0.01, capacitor=0.01, offset=1e-3, distribution=Distribution.UNIFORM)
    found = tolerance.measure_yield("ladder", tolerances, draws=400, spice_draws=3, seed=0)
    assert found["nominal"] < 0.01
    assert found["q95"] <= 0.03
    assert found["yield"] >= 0.95
    assert 0.0 < found["spice"]["median"] < 0.05


def test_pairs_of_parts_yield_more() -> None:
    tolerances = Tolerances(resistor=0.01, capacitor=0.01, offset=1e-3)
    one, pair = (
        tolerance.measure_yield("dense", tolerances, draws=400, spice_draws=0, seed=0, style=style)
        for style in ("opamp-rc", "opamp-rc-differential")
    )
    assert one["q95"] / pair["q95"] == pytest.approx(2**0.5, rel=0.15)
    assert pair["yield"] > one["yield"] + 0.05


def test_a_delay_network_of_loose_parts_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tolerance.measure_yield("ladder", Tolerances(resistor=0.1), draws=100, spice_draws=0, seed=0)
    assert found["yield"] < 0.5
    # An op-amp that hardly amplifies, beyond what couplings make up for, is seen in SPICE and in the model alike.
    good = tolerance.measure_yield("ladder", Tolerances(), draws=2, spice_draws=0, seed=0)
    monkeypatch.setattr(tolerance, "OPAMP", MacroOpAmp(gain=10.0, gbw=1e6))
    found = tolerance.measure_yield("ladder", Tolerances(), draws=2, spice_draws=1, seed=0)
    assert found["nominal"] > 3.0 * good["nominal"]
    assert found["spice"]["q95"] == pytest.approx(found["nominal"], rel=0.3)


def test_the_command_of_the_delay_network_refuses_more_simulations_than_draws() -> None:
    done = CliRunner().invoke(tolerance.analog_delay_network, ["--draws", "2", "--spice-draws", "3"])
    assert "spice-draws must be at most draws" in str(done.exception)


@pytest.mark.parametrize(
    ("opamp", "style"),
    [("single-pole", "opamp-rc"), ("macro", "opamp-rc"), ("macro", "opamp-rc-differential"), ("macro", "gm-c")],
)
def test_monte_carlo_agrees(opamp: str, style: str) -> None:
    small = ("--order", "2", "--draws", "30", "--topology", "ladder")
    found = called(tolerance.analog_monte_carlo, *small, "--opamp", opamp, "--style", style)
    assert found["largest_deviation_of_a_draw"] < 0.02
    assert found["spread_ratio"] == pytest.approx(1.0, abs=0.5)  # of thirty
    assert (found["output_offset_volts"] is None) == (opamp == "single-pole")
    assert min(found[key] for key in found if key.endswith("_seconds")) > 0.0


def test_the_spread_is_the_deviation_over_draws() -> None:
    assert tolerance.spread(np.array([[1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(1.0)


def test_designs_are_made_of_standard_values() -> None:
    design: AnalogDesign = tolerance.design_network("ladder")
    assert design.specification["resistor_series"] == "E96"
    assert design.specification["capacitor_series"] == "E12"


@pytest.mark.parametrize(
    ("main", "options"),
    [
        (tolerance.analog_monte_carlo, ["--seed", "-1"]),
        (tolerance.analog_monte_carlo, ["--draws", "1"]),
        (tolerance.analog_delay_network, ["--seed", "-1"]),
        (tolerance.analog_mismatch, ["--order", "0"]),
    ],
)
def test_options_out_of_range_are_refused(main: click.Command, options: list[str]) -> None:
    done = CliRunner().invoke(main, options)
    assert done.exit_code != 0
    assert isinstance(done.exception, DesignError) or f"Invalid value for '{options[0]}'" in done.output
