"""Standard values: all of their series, their effect predicted, and a joint choice that is better."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmu_hw.analog.circuit.elements import Capacitor, Resistor, Transconductor
from lmu_hw.analog.circuit.graph import parts_of
from lmu_hw.analog.design.amplitudes import VoltageNetwork, band_frequencies
from lmu_hw.analog.design.memory import TOPOLOGIES
from lmu_hw.analog.design.parts import PartRange, Series
from lmu_hw.analog.design.rounding import response_error, sensitivities
from lmu_hw.errors import DesignError
from tests.analog.helpers import MakeDesign

E96_E12: dict[str, Any] = {"resistors": Series("E96"), "capacitors": Series("E12")}

every_topology = pytest.mark.parametrize("topology", TOPOLOGIES)


@every_topology
@pytest.mark.parametrize("style", ["opamp-rc", "opamp-rc-differential"])
def test_every_part_is_of_its_series(make_design: MakeDesign, topology: str, style: str) -> None:
    design = make_design(4, topology=topology, style=style, **E96_E12)
    for resistor in parts_of(design.circuit, Resistor):
        assert resistor.ohms in Series("E96").values(0.99 * resistor.ohms, 1.01 * resistor.ohms)
    for capacitor in parts_of(design.circuit, Capacitor):
        assert capacitor.farads in Series("E12").values(0.99 * capacitor.farads, 1.01 * capacitor.farads)
    assert design.specification["resistor_series"] == "E96"


@every_topology
@pytest.mark.parametrize("order", [3, 6, 10])
def test_joint_rounding_halves_the_error_at_least(make_design: MakeDesign, topology: str, order: int) -> None:
    rounding = make_design(order, topology=topology, **E96_E12).rounding
    assert rounding is not None
    assert rounding.joint_nrmse is not None
    assert rounding.nrmse == rounding.joint_nrmse < 0.6 * rounding.nearest_nrmse
    assert rounding.moved > 0


@every_topology
def test_the_stated_error_is_that_of_the_circuit(make_design: MakeDesign, topology: str) -> None:
    """From the circuit's own parts, by way of its linear model."""
    design = make_design(5, topology=topology, **E96_E12)
    assert design.rounding is not None
    frequencies = band_frequencies(design.network, 0.01, 24)
    rows = [design.network.index(signal) for signal in design.signals]
    wanted = design.network.response(frequencies)[:, rows] * np.array(design.signs)[rows]
    error = np.abs(design.linear_model.response(frequencies)[..., 0] - wanted) ** 2
    found = np.sqrt(np.mean(error.sum(axis=0) / (np.abs(wanted) ** 2).sum(axis=0)))
    assert found == pytest.approx(design.rounding.nrmse, rel=1e-4)


@every_topology
def test_sensitivities_predict_small_errors(make_design: MakeDesign, topology: str, rng: np.random.Generator) -> None:
    network = make_design(4, topology=topology).network
    frequencies = band_frequencies(network, 0.01, 10)
    gram = sensitivities(network, frequencies)
    rows, columns = np.nonzero(network.couplings)
    assert gram.shape == (len(rows), len(rows))
    for size in (1e-4, 1e-5):
        errors = size * rng.normal(size=len(rows))
        couplings = network.couplings.copy()
        couplings[rows, columns] *= 1.0 + errors
        other = VoltageNetwork(couplings, 4, network.signals, network.outputs, network.volts, network.input_volts)
        predicted = np.sqrt(errors @ gram @ errors)
        assert response_error(network, other, frequencies) == pytest.approx(predicted, rel=100 * size)


def test_wrong_capacitors_cannot_make_the_memory_unstable(make_design: MakeDesign, rng: np.random.Generator) -> None:
    """Each is a common factor of a row."""
    network = make_design(12, topology="dense").network
    for _ in range(50):
        wrong = network.couplings[:12, :12] * np.exp(rng.normal(size=(12, 1)))
        assert np.linalg.eigvals(wrong).real.max() < 0


def test_a_given_capacitor_stays(make_design: MakeDesign) -> None:
    design = make_design(3, capacitor=3e-8, **E96_E12)
    assert set(design.values.capacitors.tolist()) == {3e-8}


def test_without_a_series_values_are_exact(make_design: MakeDesign) -> None:
    assert make_design(3).rounding is None
    only = make_design(3, capacitors=Series("E6"))
    assert only.rounding is not None
    assert only.rounding.nrmse < 1e-12  # the resistors make up for the capacitors
    assert only.predict().nrmse < 1e-6


def test_transconductances_are_not_rounded(make_design: MakeDesign) -> None:
    design = make_design(3, style="gm-c", capacitors=Series("E3"))
    assert {part.farads for part in parts_of(design.circuit, Capacitor)} <= {1e-9, 2.2e-9, 4.7e-9}
    assert len(parts_of(design.circuit, Transconductor)) == 9 + 3 + 3 + 1
    assert design.predict().nrmse < 1e-12


def test_a_series_of_resistors_that_are_not_there_is_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match="a series of resistors has no effect on a gm-c circuit"):
        make_design(3, style="gm-c", resistors=Series("E96"))


def test_a_series_without_a_value_in_range_is_refused(make_design: MakeDesign) -> None:
    with pytest.raises(DesignError, match="capacitors must be values of E3 from 5e-09 to 9e-09, got none"):
        make_design(2, capacitor_range=PartRange(5e-9, 9e-9), capacitors=Series("E3"))


def test_the_choice_is_the_same_every_time(make_design: MakeDesign) -> None:
    one, two = (make_design(5, topology="ladder", **E96_E12).values for _ in range(2))
    assert one.references.tolist() == two.references.tolist()
    assert one.resistances.tolist() == two.resistances.tolist()
