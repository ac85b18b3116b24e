"""Transconductors on the bench: a macro-model gives its own parameters back, transistors give theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmu_hw.analog.circuit.bench import held_samples
from lmu_hw.analog.circuit.devices import CmosOta, IdealOta, MacroOta
from lmu_hw.analog.design.memory import design_memory
from lmu_hw.analog.export.spice import Transient, to_deck
from lmu_hw.core.legendre import readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.engines import Engine, run_spice
from lmu_hw.sim.spice.measure_ota import OtaMeasurement, measure_ota, of_transistors

KNOWN = MacroOta(gm=2e-6, linear=0.4, gout=3e-9, cin=2e-14, cout=5e-14, offset=1e-3, noise=1e-7)


@pytest.fixture(scope="module")
def measured() -> OtaMeasurement:
    return measure_ota(CmosOta())


@pytest.mark.parametrize("engine", list(Engine))
def test_a_macro_model_gives_its_parameters_back(engine: Engine) -> None:
    found = measure_ota(KNOWN, engine=engine)
    for name, value in KNOWN.parameters.items():
        assert getattr(found.model, name) == pytest.approx(value, rel=1e-2), name
    # gm falls by 5 % where cosh² = 1/0.95.
    assert found.linear_range == pytest.approx(0.4 * np.arccosh(1 / np.sqrt(0.95)), abs=0.03)
    assert (found.bandwidth, found.power) == (np.inf, 0.0)


def test_transistors_make_a_transconductor(measured: OtaMeasurement) -> None:
    model, device = measured.model, CmosOta()
    gm_by_parts = 2 / device.degen  # less what the transistors' own resistance takes from it
    assert 0.7 * gm_by_parts < model.gm < gm_by_parts
    assert model.gm / model.gout > 1000
    assert measured.linear_range > 0.5
    assert abs(model.offset) < 1e-3
    # Not less than the resistor between the sources makes by itself.
    assert model.noise > np.sqrt(4 * 1.380649e-23 * 300.15 * device.degen)
    assert 1e-4 < measured.power < 1e-3
    assert 1e6 < measured.bandwidth < 1e9


def test_a_cell_of_another_size_is_the_scaled_model(measured: OtaMeasurement) -> None:
    half = measure_ota(CmosOta(scale=0.5)).model
    scaled = measured.model.scaled(half.gm)
    assert half.gm == pytest.approx(0.5 * measured.model.gm, rel=1e-3)
    for name in ("linear", "gout", "cin", "cout", "noise"):
        assert getattr(half, name) == pytest.approx(getattr(scaled, name), rel=0.02), name


def test_both_engines_measure_the_same(measured: OtaMeasurement) -> None:
    other = measure_ota(CmosOta(), engine=Engine.NEOSPICE)
    for name, value in measured.model.parameters.items():
        assert getattr(other.model, name) == pytest.approx(value, rel=1e-3), name


def test_a_memory_of_transistors_follows_the_reference(measured: OtaMeasurement) -> None:
    """The measured cell is designed with; then each transconductor becomes the transistors that it stands for."""
    order, theta = 3, 1e-3
    design = design_memory(order, theta, topology="ladder", style="gm-c", ota=measured.model)
    dt, count = theta / 50, 100
    u = np.sin(2 * np.pi * np.arange(count) * dt / theta)
    deck = to_deck(
        replace(design, circuit=of_transistors(design.circuit, measured.model, CmosOta())).bench(
            held_samples((design.input_scaling * u).tolist(), dt)
        ),
        [Transient(dt, count * dt, dt)],
        probes=["y0"],
    )
    assert deck.count("ota_cmos scale=") == 10
    found = run_spice(deck)
    heard = np.interp(dt * np.arange(1, count + 1), found["time"], found["v(y0)"]) / design.output_scaling[0]
    wanted = FloatMemory(LMUSpec(order, theta, dt)).run(u) @ readout(order, 1.0)[0]
    assert nrmse(heard, wanted) < 0.05


def test_what_was_not_measured_has_no_transistors() -> None:
    design = design_memory(2, 1e-3, topology="ladder", style="gm-c", ota=IdealOta(1e-6))
    with pytest.raises(DesignError, match=r"model of .* must be a macro-model that was measured, got ideal"):
        of_transistors(design.circuit, KNOWN, CmosOta())


def test_what_is_no_transconductor_is_refused() -> None:
    with pytest.raises(CheckFailed, match=r"cmos transconductor has a gm of .* so it is none"):
        measure_ota(CmosOta(supply=0.3))
    with pytest.raises(DesignError, match="reach"):
        measure_ota(KNOWN, reach=0.0)
