"""Input signals: recordings read from a user's files, and stimuli made from a seed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.io.recordings import MAX_SAMPLES, check_finite, read_columns


@dataclass(frozen=True, eq=False)
class Signal:
    """One channel of a recording.

    Attributes:
        samples: in [−1, 1], shape (T,) with T ≥ 1, float64.
        rate: samples per second where the file tells, else None.
    """

    samples: Array
    rate: float | None


def read_signal(path: Path | str, *, channel: int | str | None = None, normalize: bool = False) -> Signal:
    """Read one channel of a recording.

    Files are those of `lmu_hw.io.recordings.read_columns`.

    Args:
        path: the file; its suffix tells the format.
        channel: column or channel, counted from 0, or a name from the first line of a `.csv`. Needed where
            there is more than one.
        normalize: scale the peak to 1.

    Raises:
        DesignError: the file cannot be read, is of no known format, too large, damaged or empty, has several
            channels of which none is chosen, or holds values that are not finite or, without `normalize`,
            lie beyond [−1, 1].
    """
    path = Path(path)
    columns, rate = read_columns(path, lambda count, names: [_choose(path, channel, count, names)])
    check_finite(path, columns)
    samples = columns[:, 0]
    peak = float(np.abs(samples).max())
    if normalize:
        if peak == 0.0:
            raise DesignError(path.name, "different from zero somewhere to be normalised", "only zeros")
        samples = samples / peak
    elif peak > 1.0:
        raise DesignError(path.name, "within [-1, 1] (or normalised to its peak)", f"a peak of {peak:g}")
    return Signal(np.ascontiguousarray(samples), rate)


def band_limited_noise(samples: int, dt: float, cutoff_hz: float, seed: int) -> Array:
    """Gaussian noise, white up to `cutoff_hz` and nothing above, peak 1, shape (samples,).

    Args:
        samples: length, at least 2.
        dt: seconds between samples.
        cutoff_hz: highest frequency, at least 1/(samples·dt) and at most 1/(2 dt).
        seed: same seed, same noise.

    Raises:
        DesignError: an argument is out of range.
    """
    samples = check_integer("samples", samples, 2, MAX_SAMPLES)
    dt = check_positive("dt", dt, "seconds")
    least, most = 1.0 / (samples * dt), 0.5 / dt
    _check_frequency("cutoff", cutoff_hz, least, most)
    highest = min(math.floor(cutoff_hz / least * (1.0 + 1e-12)), samples // 2)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    spectrum = np.zeros(samples // 2 + 1, dtype=np.complex128)
    spectrum[1 : highest + 1] = rng.standard_normal(highest) + 1j * rng.standard_normal(highest)
    noise: Array = np.fft.irfft(spectrum, samples)
    return noise / float(np.abs(noise).max())


def synthetic_recording(samples: int, dt: float, highest_hz: float, seed: int) -> Array:
    """What an instrument might have recorded: a sweep, struck tones that die away, and a noise floor.

    The sweep rises from a twentieth of `highest_hz` to it, at a quarter of full scale; tones of the same
    band are struck about twelve times; the noise lies 60 dB below full scale. Peak 0.95, shape (samples,).

    Args:
        samples: length, at least 2.
        dt: seconds between samples.
        highest_hz: highest frequency of sweep and tones, at most 1/(2 dt).
        seed: same seed, same recording.

    Raises:
        DesignError: an argument is out of range.
    """
    samples = check_integer("samples", samples, 2, MAX_SAMPLES)
    dt = check_positive("dt", dt, "seconds")
    _check_frequency("highest frequency", highest_hz, 0.0, 0.5 / dt)
    rng = np.random.default_rng(check_integer("seed", seed, 0))
    t = dt * np.arange(samples)
    length, lowest = samples * dt, highest_hz / 20.0
    growth = math.log(20.0) / length
    signal: Array = 0.25 * np.sin(2.0 * np.pi * lowest * np.expm1(growth * t) / growth)
    for _ in range(12):
        start = rng.integers(samples)
        frequency = lowest * 20.0 ** rng.uniform()
        decay = rng.uniform(2.0, 10.0) / frequency
        since = t[: samples - start]
        signal[start:] += rng.uniform(0.2, 0.6) * np.exp(-since / decay) * np.sin(2.0 * np.pi * frequency * since)
    signal += 1e-3 * rng.standard_normal(samples)
    return signal * (0.95 / float(np.abs(signal).max()))


def _choose(path: Path, channel: int | str | None, count: int, names: tuple[str, ...]) -> int:
    """The number of the chosen channel among `count`."""
    known = ", ".join(names) if names else f"0 to {count - 1}"
    if channel is None:
        if count == 1:
            return 0
        raise DesignError("channel", f"chosen among {known} for the {count} channels of {path.name}", "none")
    if isinstance(channel, str) and names.count(channel) == 1:
        return names.index(channel)
    text = str(channel)
    if not isinstance(channel, bool) and re.fullmatch("[0-9]{1,9}", text) and int(text) < count:
        return int(text)
    raise DesignError("channel", f"one of {known} in {path.name}", channel)


def _check_frequency(what: str, value: float, least: float, most: float) -> None:
    hertz = check_positive(what, value, "Hz")
    if not least * (1.0 - 1e-12) <= hertz <= most * (1.0 + 1e-12):
        raise DesignError(what, f"from {least:g} to {most:g} Hz", value)
