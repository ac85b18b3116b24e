"""A user's `.npy`, `.csv` and `.wav` files: columns of a recording, batches of sequences, and classes.

Every size is known to be within bounds before memory of that size is allocated, and nothing in a file is executed.
SciPy decodes `.wav`, NumPy `.npy` and the standard library `.csv`. NumPy's own reader of tables is no substitute for
the last: it names neither the line nor the column of a cell that is no number.
"""

from __future__ import annotations

import csv
import math
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError, RequestError

#: The longest recording, in samples of one channel.
MAX_SAMPLES = 1 << 25

#: The largest file that is opened, in bytes.
MAX_FILE_BYTES = 1 << 29

#: A function that chooses columns: from their number and their names (all of them, or none) to the numbers of those
#: that are wanted, counted from 0.
Choice = Callable[[int, tuple[str, ...]], Sequence[int]]


def read_columns(path: str | Path, choose: Choice) -> tuple[Array, float | None]:
    """Read columns of a recording, shape (T, chosen), as they are stored, and its rate in Hz where the file states it.

    `.npy`: real numbers of shape (T,) or (T, columns). `.csv`: columns of numbers between commas, semicolons or
    tabs, with or without a first line of names; lines that start with # are skipped. `.wav`: PCM of 8, 16, 24 or
    32 bits, whose codes become fractions in [−1, 1), or floats of 32 or 64 bits.

    Raises:
        DesignError: The file cannot be read, has an unknown format, is too large, damaged or empty, or `choose` raised
            this error.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise RequestError(f"{path} is not of a kind that is read here", hint=f"there are {', '.join(_READERS)}")
    with readable(path):
        columns, rate = reader(path, choose)
    if columns.size == 0:
        raise DesignError(path.name, "a recording of at least one sample", "none")
    return columns, rate


def read_array(path: str | Path, check: Callable[[tuple[int, ...]], None]) -> NDArray[Any]:
    """Read the real numbers of a `.npy` file.

    Args:
        path: The file.
        check: A function that raises an error if it is given a shape that is not wanted.

    Raises:
        DesignError: The file cannot be read, is too large or damaged, or holds anything but real numbers.
    """
    path = Path(path)
    with readable(path):
        return _load_npy(path, check)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise a `DesignError` if the file does not exist or is too large, or if the block fails to read it."""
    try:
        if not path.is_file():
            raise RequestError(f"there is no file {path}")
        size = path.stat().st_size
        if size == 0:
            raise RequestError(f"{path.name} is empty")
        if size > MAX_FILE_BYTES:
            raise DesignError(path.name, f"at most {MAX_FILE_BYTES} bytes", size)
        yield
    except OSError as error:
        raise RequestError(f"cannot read {path}: {error.strerror or error}") from None


def check_finite(path: Path, samples: Array) -> None:
    """Raise a `DesignError` if not all samples, an array of shape (T, …), are finite numbers."""
    finite = np.isfinite(samples).reshape(samples.shape[0], -1).all(axis=1)
    if not finite.all():
        where = int(np.argmin(finite))
        values = samples[where].ravel()
        raise DesignError(path.name, "finite in every sample", f"{values[~np.isfinite(values)][0]} at sample {where}")


def check_count(path: Path, samples: int) -> None:
    """Raise a `DesignError` if there are more than `MAX_SAMPLES` samples."""
    if samples > MAX_SAMPLES:
        raise DesignError(path.name, f"at most {MAX_SAMPLES} samples long", samples)


def _load_npy(path: Path, check: Callable[[tuple[int, ...]], None]) -> NDArray[Any]:
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
    check(shape)
    if body != math.prod(shape) * dtype.itemsize:
        wanted = f"a whole .npy file, with {math.prod(shape) * dtype.itemsize} bytes of data"
        raise DesignError(path.name, wanted, body)
    array: NDArray[Any] = np.load(path, allow_pickle=False)
    return array


#: Version 3.0 differs from 2.0 in the names of fields, which no array of numbers has.
_NPY_HEADERS = MappingProxyType(
    {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
)


def _read_npy(path: Path, choose: Choice) -> tuple[Array, None]:
    def check(shape: tuple[int, ...]) -> None:
        if len(shape) not in (1, 2):
            raise DesignError(path.name, "an array of shape (T,) or (T, channels)", shape)
        check_count(path, shape[0])

    array = _load_npy(path, check)
    columns = array if array.ndim == 2 else array[:, None]
    return np.asarray(columns[:, choose(columns.shape[1], ())], dtype=np.float64), None


def _read_csv(path: Path, choose: Choice) -> tuple[Array, None]:
    values: list[list[float]] = []
    names: tuple[str, ...] = ()
    chosen: Sequence[int] = ()
    width = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in _rows(file):
                if width == 0:
                    numbers = sum(_number(cell) is not None for cell in row)
                    if 0 < numbers < len(row):
                        raise DesignError(f"{path.name} line {line}", "all numbers or all names", ", ".join(row))
                    names = () if numbers else tuple(row)
                    width = len(row)
                    chosen = choose(width, names)
                    if names:
                        continue
                if len(row) != width:
                    raise DesignError(f"{path.name} line {line}", f"{width} column(s) as before", len(row))
                values.append([])
                for k in chosen:
                    value = _number(row[k])
                    if value is None:
                        what = f"column {names[k] if names else k}"
                        raise DesignError(f"{path.name} line {line}", f"a number in {what}", row[k])
                    values[-1].append(value)
                check_count(path, len(values))
    except UnicodeDecodeError:
        raise DesignError(path.name, "text in UTF-8", "other bytes") from None
    except csv.Error as error:
        raise DesignError(path.name, "a table of numbers", str(error)) from None
    return np.array(values, dtype=np.float64).reshape(len(values), len(chosen)), None


def _rows(file: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Give the number and the stripped cells of each line that is neither empty nor a comment.

    The first such line settles the delimiter: a semicolon if it has one, else a tab, else a comma.
    """
    delimiter = ""
    for number, line in enumerate(file, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        delimiter = delimiter or next((d for d in ";\t," if d in line), ",")
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        yield number, [cell.strip() for cell in cells]


def _read_wav(path: Path, choose: Choice) -> tuple[Array, float]:
    from scipy.io import wavfile  # here, as only this format needs it

    channels, bits = _check_wav(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks besides format and data, a file size too large
        try:
            rate, codes = wavfile.read(path)
        except (ValueError, struct.error) as error:
            raise DesignError(path.name, "a whole .wav file", str(error)) from None
    columns = codes.reshape(-1, channels)[:, choose(channels, ())].astype(np.float64)
    if codes.dtype.kind == "f":
        return columns, float(rate)
    if bits == 8:  # the only codes without a sign
        return (columns - 128.0) / 128.0, float(rate)
    return columns / -float(np.iinfo(codes.dtype).min), float(rate)


def _check_wav(path: Path) -> tuple[int, int]:
    """Check the structure of a `.wav` file; return the number of its channels and of the bits of a sample.

    SciPy decodes the samples but promises less than this package: it takes a file that was cut off for a shorter
    recording, samples of 12 bits for samples of 16, and it allocates whatever the file's size is. So the chunks are
    walked first, which reads nothing but their headers.
    """
    chunks: dict[bytes, tuple[int, bytes]] = {}  # by name, the first of each: length and the bytes that it begins with
    with path.open("rb") as file:
        riff, size, wave = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if (riff, wave) != (b"RIFF", b"WAVE"):
            file.seek(0)
            raise DesignError(path.name, "a RIFF WAVE file", file.read(12))
        length = path.stat().st_size
        at, end = 12, min(length, 8 + size)  # SciPy stops where the first header says that the file ends
        while at < end and len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if at + 8 + size > length:
                raise DesignError(path.name, "a whole .wav file", f"chunk {name!r} cut off after {length} bytes")
            if name in chunks and name in (b"fmt ", b"data"):
                raise DesignError(path.name, "a .wav file with one format and one recording", f"two chunks {name!r}")
            chunks[name] = size, file.read(min(size, 40))
            at += 8 + size + size % 2
            file.seek(at)
    header, body = chunks.get(b"fmt ", (0, b""))[1], chunks.get(b"data")
    if len(header) < 16 or body is None or list(chunks).index(b"fmt ") > list(chunks).index(b"data"):
        raise DesignError(path.name, "a .wav file with a format and data", [str(n, "latin-1") for n in chunks])
    tag, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", header)
    if tag == 0xFFFE and len(header) >= 26:  # the extensible header: the tag opens a GUID further on
        (tag,) = struct.unpack_from("<H", header, 24)
    if (tag, bits) not in _WAV_SAMPLES:
        raise DesignError(path.name, "PCM of 8, 16, 24 or 32 bits or float of 32 or 64", f"tag {tag}, {bits} bits")
    if channels == 0 or rate == 0 or frame != channels * bits // 8 or body[0] % frame:
        raise DesignError(
            path.name, "whole frames at a rate", f"{channels} channel(s), {frame} bytes a frame, {rate} Hz"
        )
    check_count(path, body[0] // frame)
    return channels, bits


#: Format tag (1 is PCM, 3 floating point) and bits of the samples that are read.
_WAV_SAMPLES = frozenset({(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)})

_Reader = Callable[[Path, Choice], tuple[Array, float | None]]
_READERS: MappingProxyType[str, _Reader] = MappingProxyType({".npy": _read_npy, ".csv": _read_csv, ".wav": _read_wav})


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


#: The largest batch of sequences, in numbers.
MAX_VALUES = 1 << 27


@dataclass(frozen=True, eq=False, repr=False)
class Sequences(Displayed):
    """A batch of sequences of one length.

    Attributes:
        values: The values, an array of shape (batch, T, inputs) of finite numbers.
        batched: Whether the file has an axis for the batch. Where it has none the batch is one sequence.
    """

    values: Array
    batched: bool


def read_sequences(path: str | Path, inputs: int) -> Sequences:
    """Read a batch of sequences for a network of `inputs` inputs.

    A `.npy` file has the shape (sequences, T, inputs), (sequences, T) where there is one input, or that of a single
    sequence, see `batch_shape`; `.csv` and `.wav` files hold one sequence with a column or channel for each input, see
    `read_columns`. The values are taken as they are, in the units of the network's input.

    Raises:
        DesignError: The file cannot be read, is damaged, too large or empty, has another shape, or holds values that
            are not finite.
    """
    path = Path(path)
    batched = False
    if path.suffix.lower() == ".npy":
        array = read_array(path, lambda shape: _check_shape(path, shape, inputs)).astype(np.float64)
        batched = array.ndim == 3 or (array.ndim == 2 and inputs == 1)
        sequences = array.reshape(batch_shape(path.name, array.shape, inputs))
    else:

        def every(count: int, _: tuple[str, ...]) -> range:
            if count != inputs:
                raise DesignError(path.name, f"a column for each of the {inputs} inputs", f"{count} columns")
            return range(count)

        sequences = read_columns(path, every)[0][None]
    check_finite(path, np.moveaxis(sequences, 1, 0))
    return Sequences(sequences, batched)


def read_classes(path: str | Path, count: int, classes: int) -> NDArray[np.int64]:
    """Read the class of each of `count` sequences, integers from 0 to `classes` − 1, shape (count,).

    Raises:
        DesignError: The file cannot be read, or holds anything else.
    """
    path = Path(path)
    values = _read_values(path)
    if values.shape != (count,):
        raise DesignError(path.name, f"of shape ({count},), a class for each sequence", values.shape)
    wrong = (values != np.floor(values)) | (values < 0) | (values >= classes)
    if wrong.any():
        raise DesignError(path.name, f"whole numbers from 0 to {classes - 1}", values[wrong][0].item())
    return values.astype(np.int64)


def read_targets(path: str | Path, shapes: Sequence[tuple[int, ...]], what: str) -> Array:
    """Read the wanted outputs of a network, `.npy` or `.csv` with a line for each sequence.

    Args:
        path: The file.
        shapes: The shapes that the array may have; it is returned in the first of them.
        what: What such an array holds, for errors.

    Raises:
        DesignError: The file cannot be read, has another shape, or holds values that are not finite.
    """
    path = Path(path)
    values = _read_values(path).astype(np.float64)
    if values.shape not in shapes:
        raise DesignError(path.name, f"of shape {' or '.join(map(str, shapes))}, {what}", values.shape)
    check_finite(path, values)
    return np.asarray(values.reshape(shapes[0]))


def _read_values(path: Path) -> NDArray[Any]:
    """The numbers of a `.npy` file, or of a table, whose single column is a list."""
    if path.suffix.lower() == ".npy":
        return read_array(path, lambda _: None)
    values = read_columns(path, lambda columns, _: range(columns))[0]
    return np.asarray(values[:, 0] if values.shape[1] == 1 else values)


def batch_shape(name: str, shape: tuple[int, ...], inputs: int | None = None) -> tuple[int, int, int]:
    """The shape (sequences, T, inputs) of an array of sequences, the same wherever sequences are read.

    An array (sequences, T) has one number for each step, (sequences, T, inputs) several. A single sequence may have the
    shape (T,), or of a network with several inputs (T, inputs).

    Args:
        name: What the array is, for errors.
        shape: The shape of the array.
        inputs: The number of inputs of the network; None where the array decides it, as in training.

    Raises:
        DesignError: The array has another shape or is empty, or (N, 1) may be meant as one sequence or as N.
    """
    one, several = inputs in (None, 1), f"({'sequences, T, inputs' if inputs is None else f'sequences, T, {inputs}'})"
    allowed = f"(T,), (sequences, T) or {several}" if one else f"(T, {inputs}) or {several}"
    wanted = (len(shape) == 3 and inputs in (None, shape[2])) or (
        len(shape) in (1, 2) if one else shape[1:] == (inputs,)
    )
    if not wanted or 0 in shape:
        raise DesignError(name, f"an array of shape {allowed}, not empty", shape)
    if len(shape) == 2 and one and shape[1] == 1 and shape[0] > 1:
        raise RequestError(
            f"{name} of shape {shape} may be one sequence or {shape[0]} of one step",
            hint=f"give it the shape (1, {shape[0]}) or ({shape[0]}, 1, 1)",
        )
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    if len(shape) == 1:
        return 1, shape[0], 1
    return (shape[0], shape[1], 1) if one else (1, shape[0], shape[1])


def _check_shape(path: Path, shape: tuple[int, ...], inputs: int) -> None:
    _, steps, _ = batch_shape(path.name, shape, inputs)
    check_count(path, steps)
    if int(np.prod(shape, dtype=object)) > MAX_VALUES:
        raise DesignError(path.name, f"at most {MAX_VALUES} numbers", shape)
