"""The converter's model by its definition; its Verilog is compared with it in test_mixed_network."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.sim.mixed.adc import Adc, bits_of


def test_codes_lie_in_the_middle_of_their_steps_and_saturate():
    adc = Adc(4, 2.0)
    assert adc.lsb == 0.25
    codes = np.arange(-8, 8)
    for offset in (-0.124, 0.0, 0.124):
        np.testing.assert_array_equal(adc.convert(codes * 0.25 + offset), codes)
    np.testing.assert_array_equal(adc.convert([0.125, -0.125, 1.9, 7.0, -2.0, -9.0]), [1, 0, 7, 7, -8, -8])
    np.testing.assert_array_equal(adc.format.decode(codes), codes / 8)


def test_the_error_of_a_code_has_the_stated_power():
    adc = Adc(6, 1.0, noise=0.02)
    volts = np.random.default_rng(1).uniform(-0.9, 0.9, 100_000)
    noise = adc.draw_noise(volts.shape, 3)
    error = adc.format.decode(adc.convert(volts, noise)) - volts / adc.full_scale
    assert np.mean(error**2) == pytest.approx(adc.error_power, rel=0.02)
    assert Adc(6, 1.0).draw_noise((4,), 3).tolist() == [0.0] * 4
    np.testing.assert_array_equal(adc.draw_noise((4,), 3), adc.draw_noise((4,), 3))


def test_nonlinearity_is_a_bow():
    straight, bowed = Adc(8, 1.0), Adc(8, 1.0, inl=5.0)
    volts = np.linspace(-1.0, 1.0, 4001)[:-40]
    lifted = bowed.convert(volts) - straight.convert(volts)
    assert lifted.max() == 5
    assert np.all(np.abs(lifted - 5.0 * (1.0 - volts**2)) <= 1.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, 1.0), "bits of the converter"),
        ((25, 1.0), "bits of the converter"),
        ((8, 0.0), "full scale"),
        ((8, float("nan")), "full scale"),
        ((8, 1.0, -0.1), "noise of the converter"),
        ((8, 1.0, float("inf")), "noise of the converter"),
        ((8, 1.0, 0.0, float("nan")), "nonlinearity"),
    ],
)
def test_wrong_converters_are_refused(arguments, words):
    with pytest.raises(DesignError, match=words):
        Adc(*arguments)


def test_a_voltage_must_be_finite():
    with pytest.raises(DesignError, match="voltage at the converter"):
        Adc(8, 1.0).convert([0.0, float("nan")])


@pytest.mark.parametrize("value", [0.1, -3.3e-7, 4.0])
def test_constants_travel_by_their_bits(value):
    pattern = int(bits_of(value).removeprefix("$bitstoreal(64'h").removesuffix(")"), 16)
    assert struct.unpack(">d", pattern.to_bytes(8, "big"))[0] == value
