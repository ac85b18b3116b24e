"""The record that verbs measure on where the user gives none: seeded noise in the band that the memory resolves."""

from __future__ import annotations

import math

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.io.signals import band_limited_noise

_WINDOWS = 3
_LONG_RECORD = 20_000  # samples; records of more windows than one end here
_PEAK = 0.95


def record_length(spec: LMUSpec) -> tuple[int, float]:
    """Samples of the record, and the edge of its band in Hz: order/4 cycles per window, where dt allows it."""
    window = math.ceil(spec.ratio)
    samples = max(min(_WINDOWS * window, _LONG_RECORD), window, 64)
    band = min(spec.order / (4.0 * spec.theta), 0.4 / spec.dt)
    return samples, max(band, 2.0 / (samples * spec.dt))


def noise_record(spec: LMUSpec, seed: int) -> Array:
    """The record, shape (samples,), with a peak of 0.95."""
    samples, band = record_length(spec)
    return _PEAK * band_limited_noise(samples, spec.dt, band, seed)
