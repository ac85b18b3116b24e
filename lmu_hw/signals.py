"""Input signals: recordings read from a user's files, and stimuli made from a seed."""

from __future__ import annotations

import csv
import math
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lmu_hw.arguments import check_integer, check_positive
from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array

_Octets = NDArray[np.uint8]

#: The longest recording, in samples of one channel.
MAX_SAMPLES = 1 << 25

#: The largest file that is opened, in bytes.
MAX_FILE_BYTES = 1 << 29


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

    `.npy`: real numbers of shape (T,) or (T, channels). `.csv`: columns of numbers between commas,
    semicolons or tabs, with or without a first line of names; lines that start with # are skipped. `.wav`:
    PCM of 8, 16, 24 or 32 bits, whose codes become fractions in [−1, 1), or floats of 32 or 64 bits.

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
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DesignError("input file", "one of " + ", ".join(f"*{suffix}" for suffix in _READERS), path.name)
    try:
        if not path.is_file():
            raise DesignError("input file", "an existing file", str(path))
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DesignError(path.name, f"at most {MAX_FILE_BYTES} bytes", size)
        samples, rate = reader(path, channel)
    except OSError as error:
        raise DesignError("input file", "readable", f"{path}: {error.strerror or error}") from None
    if samples.size == 0:
        raise DesignError(path.name, "a recording of at least one sample", "none")
    finite = np.isfinite(samples)
    if not finite.all():
        where = int(np.argmin(finite))
        raise DesignError(path.name, "finite in every sample", f"{samples[where]} at sample {where}")
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


def _read_npy(path: Path, channel: int | str | None) -> tuple[Array, None]:
    try:
        with path.open("rb") as file:  # what the header promises is judged before any of it is allocated
            version = np.lib.format.read_magic(file)
            header = _NPY_HEADERS.get(version)
            if header is None:
                raise ValueError(f"version {version}")
            shape, _, dtype = header(file)
            body = path.stat().st_size - file.tell()
    except ValueError as error:
        raise DesignError(path.name, "a whole .npy file", str(error)) from None
    if dtype.hasobject:
        raise DesignError(path.name, "an array of numbers (nothing pickled is loaded)", "Python objects")
    if dtype.kind not in "iuf":
        raise DesignError(path.name, "an array of real numbers", str(dtype))
    if len(shape) not in (1, 2):
        raise DesignError(path.name, "an array of shape (T,) or (T, channels)", shape)
    _check_count(path, shape[0])
    if body != math.prod(shape) * dtype.itemsize:
        wanted = f"a whole .npy file, with {math.prod(shape) * dtype.itemsize} bytes of data"
        raise DesignError(path.name, wanted, body)
    chosen = _choose(path, channel, shape[1] if len(shape) == 2 else 1, ())
    array = np.load(path, allow_pickle=False)
    return np.asarray(array if len(shape) == 1 else array[:, chosen], dtype=np.float64), None


#: Version 3.0 differs from 2.0 in the names of fields, which no array of numbers has.
_NPY_HEADERS = MappingProxyType(
    {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
)


def _read_csv(path: Path, channel: int | str | None) -> tuple[Array, None]:
    values: list[float] = []
    column, width, what = 0, 0, ""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in _rows(file):
                if width == 0:
                    numbers = sum(_number(cell) is not None for cell in row)
                    if 0 < numbers < len(row):
                        raise DesignError(f"{path.name} line {line}", "all numbers or all names", ", ".join(row))
                    names = () if numbers else tuple(row)
                    width = len(row)
                    column = _choose(path, channel, width, names)
                    what = f"column {names[column] if names else column}"
                    if names:
                        continue
                if len(row) != width:
                    raise DesignError(f"{path.name} line {line}", f"{width} column(s) as before", len(row))
                value = _number(row[column])
                if value is None:
                    raise DesignError(f"{path.name} line {line}", f"a number in {what}", row[column])
                values.append(value)
                _check_count(path, len(values))
    except UnicodeDecodeError:
        raise DesignError(path.name, "text in UTF-8", "other bytes") from None
    except csv.Error as error:
        raise DesignError(path.name, "a table of numbers", str(error)) from None
    return np.array(values, dtype=np.float64), None


def _rows(file: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and stripped cells; the first line that is no comment settles what divides the cells."""
    delimiter = ""
    for number, line in enumerate(file, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        delimiter = delimiter or next((d for d in ";\t," if d in line), ",")
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        yield number, [cell.strip() for cell in cells]


def _read_wav(path: Path, channel: int | str | None) -> tuple[Array, float]:
    data = path.read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise DesignError(path.name, "a RIFF WAVE file", data[:12])
    chunks: dict[bytes, memoryview] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            raise DesignError(path.name, "a whole .wav file", f"chunk {name!r} cut off after {len(data)} bytes")
        chunks.setdefault(name, memoryview(data)[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    header, body = chunks.get(b"fmt "), chunks.get(b"data")
    if header is None or len(header) < 16 or body is None:
        raise DesignError(path.name, "a .wav file with a format and data", [str(n, "latin-1") for n in chunks])
    tag, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", header)
    if tag == 0xFFFE and len(header) >= 26:  # the extensible header: the tag opens a GUID further on
        (tag,) = struct.unpack_from("<H", header, 24)
    convert = _WAV_SAMPLES.get((tag, bits))
    if convert is None:
        raise DesignError(path.name, "PCM of 8, 16, 24 or 32 bits or float of 32 or 64", f"tag {tag}, {bits} bits")
    if channels == 0 or rate == 0 or frame != channels * bits // 8 or len(body) % frame:
        raise DesignError(
            path.name, "whole frames at a rate", f"{channels} channel(s), {frame} bytes a frame, {rate} Hz"
        )
    _check_count(path, len(body) // frame)
    chosen = _choose(path, channel, channels, ())
    width = bits // 8
    frames = np.frombuffer(body, dtype=np.uint8).reshape(-1, frame)
    return convert(np.ascontiguousarray(frames[:, chosen * width : (chosen + 1) * width])), float(rate)


def _pcm24(octets: _Octets) -> Array:
    words = np.zeros((octets.shape[0], 4), dtype=np.uint8)
    words[:, 1:] = octets  # in the upper three bytes, so the sign is in its place
    return words.view("<i4")[:, 0] / 2.0**31


#: (format tag, bits) → from the bytes of one channel, shape (T, bytes), to samples.
_WAV_SAMPLES: MappingProxyType[tuple[int, int], Callable[[_Octets], Array]] = MappingProxyType(
    {
        (1, 8): lambda octets: (octets[:, 0].astype(np.float64) - 128.0) / 128.0,
        (1, 16): lambda octets: octets.view("<i2")[:, 0] / 2.0**15,
        (1, 24): _pcm24,
        (1, 32): lambda octets: octets.view("<i4")[:, 0] / 2.0**31,
        (3, 32): lambda octets: octets.view("<f4")[:, 0].astype(np.float64),
        (3, 64): lambda octets: octets.view("<f8")[:, 0].astype(np.float64),
    }
)

_Reader = Callable[[Path, int | str | None], tuple[Array, float | None]]
_READERS: MappingProxyType[str, _Reader] = MappingProxyType({".npy": _read_npy, ".csv": _read_csv, ".wav": _read_wav})


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


def _check_count(path: Path, samples: int) -> None:
    if samples > MAX_SAMPLES:
        raise DesignError(path.name, f"at most {MAX_SAMPLES} samples long", samples)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _check_frequency(what: str, value: float, least: float, most: float) -> None:
    hertz = check_positive(what, value, "Hz")
    if not least * (1.0 - 1e-12) <= hertz <= most * (1.0 + 1e-12):
        raise DesignError(what, f"from {least:g} to {most:g} Hz", value)
