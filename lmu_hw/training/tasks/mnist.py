"""The official MNIST digits from a folder or from the network, checked against their checksums.

Data: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import DesignError
from lmu_hw.io.files import replacing

Bytes = NDArray[np.uint8]

#: Where the four files are fetched from, in this order.
SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_TIMEOUT = 30.0  # seconds without a byte
_PIECE = 1 << 16


@dataclass(frozen=True)
class _Part:
    """One of the four arrays.

    Attributes:
        key: its name in `.npz` files.
        stem: name of its IDX file.
        shape: of the array of bytes.
        sha256: of the uncompressed IDX file.
    """

    key: str
    stem: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """The IDX header: two zeros, the code of a byte, the dimensions."""
        return struct.pack(f">BBBB{len(self.shape)}I", 0, 0, 8, len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """Bytes of the uncompressed IDX file."""
        return len(self.header) + int(np.prod(self.shape))


PARTS = (
    _Part(
        "x_train",
        "train-images-idx3-ubyte",
        (60000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    _Part(
        "y_train",
        "train-labels-idx1-ubyte",
        (60000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    _Part(
        "x_test",
        "t10k-images-idx3-ubyte",
        (10000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    _Part(
        "y_test",
        "t10k-labels-idx1-ubyte",
        (10000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


@dataclass(frozen=True, eq=False)
class Mnist:
    """Images of 28 × 28 pixels from 0 (paper) to 255 (ink), and their digits.

    Attributes:
        train_images: shape (60000, 28, 28).
        train_labels: 0 … 9, shape (60000,).
        test_images: shape (10000, 28, 28).
        test_labels: shape (10000,).
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes


def load_mnist(folder: Path | None = None) -> Mnist:
    """The digits from `folder`, or from the cache, which is filled by a download where it must be.

    A folder may hold the four IDX files, plain or as `.gz`, or `.npz` files with the arrays x_train, y_train,
    x_test and y_test, whatever their names.

    Args:
        folder: where the files are; the cache is `lmu_hw/mnist` in XDG_CACHE_HOME, or in `~/.cache`.

    Raises:
        DesignError: a file is missing, is no such file, or has another checksum than the official one; or the
            download failed.
    """
    if folder is None:
        return Mnist(*(_cached(part) for part in PARTS))
    if not folder.is_dir():
        raise DesignError("data", "a folder with the MNIST files", str(folder))
    return Mnist(*(_from_folder(folder, part) for part in PARTS))


def cache_folder() -> Path:
    """Where downloads are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "lmu_hw" / "mnist"


def _from_folder(folder: Path, part: _Part) -> Bytes:
    for path, reader in _candidates(folder, part):
        array = reader(path, part)
        if array is not None:
            return _checked(array, part, path)
    wanted = f"in the folder as {part.stem}, {part.stem}.gz, or array {part.key} of an .npz file"
    raise DesignError(part.key, wanted, f"nothing of that name in {folder}")


_Reader = Callable[[Path, _Part], "Bytes | None"]


def _candidates(folder: Path, part: _Part) -> Iterator[tuple[Path, _Reader]]:
    for stem in (part.stem, part.stem.replace("-idx", ".idx")):
        yield folder / stem, _read_plain
        yield folder / f"{stem}.gz", _read_gzip
    for path in sorted(folder.glob("*.npz")):
        yield path, _read_npz


def _read_plain(path: Path, part: _Part) -> Bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return _idx(file, part, path)


def _read_gzip(path: Path, part: _Part) -> Bytes | None:
    if not path.is_file():
        return None
    try:
        with gzip.open(path, "rb") as file:
            return _idx(file, part, path)
    except (OSError, EOFError, zlib.error) as error:
        raise DesignError(str(path), "a whole gzip file", error) from None


def _idx(file: IO[bytes] | gzip.GzipFile, part: _Part, path: Path) -> Bytes:
    content = file.read(part.size + 1)  # no more than is wanted, whatever a compressed file would unfold to
    if len(content) != part.size or not content.startswith(part.header):
        shape = " × ".join(map(str, part.shape))
        raise DesignError(str(path), f"an IDX file of {shape} bytes", f"{len(content)} bytes of something else")
    return np.frombuffer(content, np.uint8, offset=len(part.header)).reshape(part.shape)


def _read_npz(path: Path, part: _Part) -> Bytes | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{part.key}.npy" not in archive.namelist():
                return None
            with archive.open(f"{part.key}.npy") as file:
                version = np.lib.format.read_magic(file)
                read_header = (
                    np.lib.format.read_array_header_2_0 if version[0] > 1 else np.lib.format.read_array_header_1_0
                )
                shape, fortran, dtype = read_header(file)
                # What the header promises is judged before any of it is allocated.
                if shape != part.shape or dtype.kind not in "iu" or fortran:
                    raise DesignError(f"{part.key} in {path}", f"integers of shape {part.shape}", f"{dtype} {shape}")
                content = file.read(int(np.prod(shape)) * dtype.itemsize)
                array = np.frombuffer(content, dtype).reshape(shape)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, DesignError):
            raise
        raise DesignError(str(path), "a whole .npz file", error) from None
    if array.min() < 0 or array.max() > 255:
        raise DesignError(f"{part.key} in {path}", "from 0 to 255", [int(array.min()), int(array.max())])
    return array.astype(np.uint8)


def _checked(array: Bytes, part: _Part, path: Path) -> Bytes:
    found = hashlib.sha256(part.header + array.tobytes()).hexdigest()
    if found != part.sha256:
        raise DesignError(f"{part.key} in {path}", f"the official data (SHA-256 {part.sha256[:12]}…)", f"{found[:12]}…")
    return array


def _cached(part: _Part) -> Bytes:
    """From the cache; a file there that is damaged is fetched again."""
    path = cache_folder() / f"{part.stem}.gz"
    if path.is_file():
        try:
            return _checked(_idx_gzip(path, part), part, path)
        except DesignError:
            path.unlink()
    problems = []
    for source in SOURCES:
        try:
            # Under its own name only once it is whole and right: an interrupted download leaves nothing behind.
            with replacing(path) as temporary:
                _fetch(source + path.name, temporary, limit=part.size + _PIECE)
                return _checked(_idx_gzip(temporary, part), part, Path(path.name))
        except (OSError, DesignError) as error:
            problems.append(f"{error} ({urlsplit(source).hostname})")
    raise DesignError("MNIST", "within reach (or give a folder with --data)", "; ".join(problems))


def _idx_gzip(path: Path, part: _Part) -> Bytes:
    array = _read_gzip(path, part)
    if array is None:
        raise DesignError(str(path), "a file", "nothing of that name")
    return array


def _fetch(url: str, path: Path, limit: int) -> None:
    """Write what `url` gives to `path`.

    Raises:
        OSError: the connection failed or ended early, or there is more than `limit` bytes.
    """
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, path.open("wb") as file:
        told = answer.headers.get("Content-Length")
        received = 0
        while piece := answer.read(_PIECE):
            received += len(piece)
            if received > limit:
                raise OSError(f"more than {limit} bytes")
            file.write(piece)
    if told is not None and received != int(told):
        raise OSError(f"the connection ended after {received} of {told} bytes")
