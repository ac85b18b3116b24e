"""Circuits beside Verilog: one in lock-step, and digits in models, and a few of them in SPICE and Verilog."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.analog.design.memory import design_memory
from lmu_hw.experiments.mixed import (
    NETWORK,
    System,
    accuracy_over_bits,
    measure_digits,
    measure_lockstep,
    recording,
)
from lmu_hw.networks.pretrained import load
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.classifier import accuracy
from lmu_hw.reference.digits import load_digits
from lmu_hw.sim.mixed.adc import Adc
from lmu_hw.sim.mixed.analog_head import drive_of, exact_volts, in_a_row


@pytest.fixture(scope="module")
def system() -> System:
    return System(design_memory(64, 0.01, topology="ladder", delays=()))


def test_converter_and_digital_layers_cost_little(system):
    """At 8 bits throughout at most three of 539 digits; at 2 bits a great many."""
    test = load_digits(0).test
    share = accuracy(FloatNetwork(load(NETWORK)).classify(test.sequences[..., None]), test.labels)
    found = accuracy_over_bits(system, Adc(8, system.design.largest_signal), 0, (2, 8))
    assert abs(found[8] - share) <= 3 / 539
    assert found[2] < 0.6


def test_the_linear_model_is_the_exact_memory_where_elements_are_ideal(system):
    u = drive_of(load(NETWORK), load_digits(0).test.sequences[:3])
    exact = system.sampled(exact_volts(system.design, in_a_row(u, system.blank), system.dt))
    np.testing.assert_allclose(system.linear_volts(u), exact, atol=1e-5)
    assert np.abs(exact).max() < system.design.largest_signal


@pytest.mark.slow
def test_digits_in_spice_and_verilog(system, tmp_path):
    result, run = measure_digits(system, Adc(8, system.design.largest_signal), 3, workdir=tmp_path, workers=2)
    assert result["passed"], result
    assert result["codes_compared"] == 3 * 64
    assert result["words_compared"] == 3 * 10
    assert result["accuracy"] == {"float": 1.0, "model": 1.0, "mixed": 1.0}
    assert result["same_class"] == {"float": 3, "model": 3}
    assert result["state_nrmse"] < 0.001
    assert run.volts.shape == (3, 64)


def test_a_circuit_is_measured(tmp_path):
    u = recording(60, 0)
    assert u.shape == (60,)
    assert abs(u).max() == 1.0
    check = measure_lockstep(3, "ladder", "gm-c", u, workdir=tmp_path)
    assert check.samples == 60
    assert check.nrmse < 1e-4
