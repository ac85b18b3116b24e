"""Input signals of a memory: one channel of a recording, or a stimulus that is made from a seed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmu_hw.core.display import Displayed, number
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, RequestError, check_integer, check_positive
from lmu_hw.io.recordings import MAX_SAMPLES, check_finite, read_columns

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True, eq=False, repr=False)
class Signal(Displayed):
    """One channel of a recording.

    Attributes:
        samples: The samples, a float64 array of shape (T,) with T ≥ 1 and values in [−1, 1].
        rate: The number of samples per second, or None where the file does not state it.
    """

    samples: Array
    rate: float | None

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "samples", str(self.samples.size)
        if self.rate is not None:
            yield "rate", f"{number(self.rate)} Hz"
            yield "length", f"{number(self.samples.size / self.rate)} s"
        yield "peak", number(float(np.abs(self.samples).max()))
        yield "RMS", number(float(np.sqrt(np.mean(self.samples**2))))

    def plot(self) -> Plot:
        """Draw the samples over the time, in seconds where the rate is known, else in samples."""
        from lmu_hw.core.figures import signal_figure

        index = np.arange(self.samples.size, dtype=np.float64)
        if self.rate is None:
            return signal_figure(index, self.samples, "sample")
        return signal_figure(index / self.rate, self.samples, "time (s)")


def read_signal(path: Path | str, *, channel: int | str | None = None, normalize: bool = False) -> Signal:
    """Read one channel of a recording.

    `lmu_hw.io.recordings.read_columns` says which files can be read.

    Args:
        path: The file. Its suffix determines the format.
        channel: The channel or column, counted from 0, or its name in the first line of a `.csv` file. It must be
            given where there is more than one.
        normalize: Whether to scale the samples so that their peak is 1.

    Raises:
        DesignError: The file cannot be read, has an unknown format, is too large, damaged or empty, has several
            channels of which none is chosen, or holds values that are not finite or, without `normalize`, lie
            beyond [−1, 1].
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
        raise DesignError(path.name, "within [-1, 1]", f"a peak of {peak:g}", hint="--normalize scales it")
    return Signal(np.ascontiguousarray(samples), rate)


def band_limited_noise(samples: int, dt: float, cutoff_hz: float, seed: int) -> Array:
    """Gaussian noise with a flat spectrum up to `cutoff_hz` and nothing above, with a peak of 1, shape (samples,).

    Args:
        samples: The number of samples, at least 2.
        dt: The time between two samples, in seconds.
        cutoff_hz: The highest frequency, at least 1/(samples·dt) and at most 1/(2 dt).
        seed: The seed; the same seed gives the same noise.

    Raises:
        DesignError: An argument is out of range.
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


def _choose(path: Path, channel: int | str | None, count: int, names: tuple[str, ...]) -> int:
    """The number of the chosen channel among `count`."""
    known = ", ".join(names) if names else f"0 to {count - 1}"
    if channel is None:
        if count == 1:
            return 0
        raise RequestError(f"{path.name} has {count} channels", hint=f"choose one of {known} with --input-channel")
    if isinstance(channel, str) and names.count(channel) == 1:
        return names.index(channel)
    text = str(channel)
    if not isinstance(channel, bool) and re.fullmatch("[0-9]{1,9}", text) and int(text) < count:
        return int(text)
    raise RequestError(f"{path.name} has no channel {text[:60]}", hint=f"there are {known}")


def _check_frequency(what: str, value: float, least: float, most: float) -> None:
    hertz = check_positive(what, value, "Hz")
    if not least * (1.0 - 1e-12) <= hertz <= most * (1.0 + 1e-12):
        raise DesignError(what, f"from {least:g} to {most:g} Hz", value)
