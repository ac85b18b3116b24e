"""The usable band of a memory: where the readout at θ begins to err, with and without the step."""

from __future__ import annotations

import numpy as np
import pytest

from lmu_hw.core.band import LARGEST_SAMPLED, LEVELS, continuous_band, usable_band
from lmu_hw.core.legendre import readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import pade_error
from lmu_hw.reference.memory import FloatMemory


@pytest.mark.parametrize("order", [1, 6, 40])
def test_the_error_exceeds_each_level_just_beyond_its_frequency(order: int) -> None:
    band = continuous_band(order, 0.25)
    assert band.edge_hz == band.frequencies_hz[0]
    for level, hertz in zip(LEVELS, band.frequencies_hz, strict=True):
        assert hertz is not None
        assert pade_error(order, 0.999 * 0.25 * hertz) < level < pade_error(order, 1.001 * 0.25 * hertz)
        assert np.all(pade_error(order, np.linspace(0.01, 0.999, 300) * 0.25 * hertz) < level)


def test_the_band_scales_with_the_window() -> None:
    short, long = continuous_band(6, 0.01), continuous_band(6, 1.0)
    assert short.edge_hz == pytest.approx(100.0 * long.edge_hz)


@pytest.mark.parametrize("method", ["zoh", "euler", "bilinear"])
def test_a_sine_is_read_as_badly_as_the_band_says(method: str) -> None:
    """The sampled memory itself, on sines at the frequencies of 1 and 10 %: their error over their amplitude."""
    spec = LMUSpec(4, 1.0, 0.01, method)
    band = usable_band(spec)
    assert band.sampled
    late = spec.discretization.input_delay
    for level, hertz in zip(LEVELS[:2], band.frequencies_hz, strict=False):
        assert hertz is not None
        k = np.arange(6000)
        u = np.exp(2j * np.pi * hertz * spec.dt * k)
        states = FloatMemory(spec).run(u.real) + 1j * FloatMemory(spec).run(u.imag)
        read = (states @ readout(4, [1.0])[0])[-1]
        wanted = np.exp(2j * np.pi * hertz * (spec.dt * (k[-1] + 1 - late) - spec.theta))
        assert abs(read - wanted) == pytest.approx(level, rel=2e-3)


def test_a_coarse_step_narrows_it() -> None:
    fine, coarse = usable_band(LMUSpec(6, 1.0, 1e-3)), usable_band(LMUSpec(6, 1.0, 1.0 / 11.0, "euler"))
    assert fine.edge_hz == pytest.approx(continuous_band(6, 1.0).edge_hz, rel=1e-3)
    assert coarse.edge_hz < 0.1 * fine.edge_hz


def test_half_the_sampling_rate_ends_it() -> None:
    """Larger systems than are evaluated: 300 states resolve more than 50 cycles per window."""
    spec = LMUSpec(LARGEST_SAMPLED + 44, 2.0, 0.02)
    band = usable_band(spec)
    assert (band.edge_hz, band.frequencies_hz, band.sampled) == (25.0, (None, None, None), False)
    assert band.summary().endswith("half the sampling rate")
    assert band.to_dict()["system"] == "continuous"
