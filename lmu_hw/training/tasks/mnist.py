"""The official MNIST digits, read from a folder or downloaded once, and checked against their checksums.

Pooch downloads. The readers of IDX and `.npz` files are this package's own, since the usual ones unpack whatever a file
promises: here no more is read than the official arrays have.

Data: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import DesignError, MissingToolError

Bytes = NDArray[np.uint8]

#: The servers that have the four files; the next one is asked if one fails.
SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_TIMEOUT = 30.0  # seconds without a byte
_OVERHEAD = 1 << 16  # bytes by which a compressed file may be longer than its content


@dataclass(frozen=True)
class _Part:
    """One of the four arrays.

    Attributes:
        key: The name of the array in `.npz` files.
        stem: The name of its IDX file.
        shape: The shape of the array, whose entries are bytes.
        sha256: The checksum of the IDX file.
        packed_sha256: The checksum of the compressed IDX file that is downloaded.
    """

    key: str
    stem: str
    shape: tuple[int, ...]
    sha256: str
    packed_sha256: str

    @property
    def header(self) -> bytes:
        """The header of the IDX file: two zeros, the code for bytes, and the dimensions."""
        return struct.pack(f">BBBB{len(self.shape)}I", 0, 0, 8, len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """The length of the IDX file in bytes."""
        return len(self.header) + int(np.prod(self.shape))


PARTS = (
    _Part(
        "x_train",
        "train-images-idx3-ubyte",
        (60000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    _Part(
        "y_train",
        "train-labels-idx1-ubyte",
        (60000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    _Part(
        "x_test",
        "t10k-images-idx3-ubyte",
        (10000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    _Part(
        "y_test",
        "t10k-labels-idx1-ubyte",
        (10000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


@dataclass(frozen=True, eq=False)
class Mnist:
    """Images of 28 × 28 pixels from 0 (paper) to 255 (ink), and their digits.

    Attributes:
        train_images: The training images, shape (60000, 28, 28).
        train_labels: The digits 0 … 9 that they show, shape (60000,).
        test_images: The test images, shape (10000, 28, 28).
        test_labels: The digits that they show, shape (10000,).
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes


def load_mnist(folder: str | Path | None = None) -> Mnist:
    """Read the digits from `folder`, or from the cache, into which they are downloaded if they are not there.

    A folder may hold the four IDX files, plain or as `.gz`, or `.npz` files of any name with the arrays x_train,
    y_train, x_test and y_test.

    Args:
        folder: The folder of the files. Without one it is the cache, `lmu_hw/mnist` in XDG_CACHE_HOME or `~/.cache`.

    Raises:
        DesignError: A file is missing, is no such file, or has another checksum than the official one; or the
            download failed.
        MissingToolError: Pooch is not installed, and there is no folder.
    """
    folder = None if folder is None else Path(folder)
    if folder is None:
        return Mnist(*(_read_gzip(_downloaded(part), part) for part in PARTS))
    if not folder.is_dir():
        raise DesignError("data", "a folder with the MNIST files", str(folder))
    return Mnist(*(_from_folder(folder, part) for part in PARTS))


def cache_folder() -> Path:
    """The folder in which downloads are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "lmu_hw" / "mnist"


def _from_folder(folder: Path, part: _Part) -> Bytes:
    for path, reader in _candidates(folder, part):
        array = reader(path, part) if path.is_file() else None
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


def _read_plain(path: Path, part: _Part) -> Bytes:
    with path.open("rb") as file:
        return _idx(file, part, path)


def _read_gzip(path: Path, part: _Part) -> Bytes:
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


def _downloaded(part: _Part) -> Path:
    """The compressed file in the cache, downloaded if it is not there or is damaged."""
    try:
        import pooch
    except ImportError:
        raise MissingToolError("pooch, which downloads data,", "pip install 'lmu-hw[train]'") from None

    pooch.get_logger().setLevel("ERROR")  # standard error is for this package's own errors
    request = {
        "timeout": _TIMEOUT,
        "headers": {"Accept-Encoding": "identity"},
        "hooks": {"response": partial(_check_length, limit=part.size + _OVERHEAD)},
    }
    problems = []
    for source in SOURCES:
        try:
            # Pooch gives a file its name only once it is complete and its checksum is right.
            path = pooch.retrieve(
                f"{source}{part.stem}.gz",
                f"sha256:{part.packed_sha256}",
                f"{part.stem}.gz",
                cache_folder(),
                downloader=pooch.HTTPDownloader(**request),
            )
            return Path(path)
        except OSError as error:  # Requests' errors are
            problem = str(error)
        except ValueError:
            problem = f"not the official data (SHA-256 {part.packed_sha256[:12]}…)"
        problems.append(f"{problem} ({urlsplit(source).hostname})")
    raise DesignError("MNIST", "within reach", "; ".join(problems), hint="a folder with it can be given by --data")


def _check_length(response: Any, *_: Any, limit: int, **__: Any) -> None:
    """Refuse an answer that does not state its length, or one of more than `limit` bytes.

    Pooch takes whatever comes. No more comes than an answer's stated length, unless it is unpacked on the way.
    """
    if not response.ok or response.is_redirect:
        return  # for Requests to judge
    length, encoding = (response.headers.get(f"Content-{name}") for name in ("Length", "Encoding"))
    if encoding or not length or not length.isdecimal() or int(length) > limit:
        raise OSError(f"an answer of {length or 'unknown'} bytes{f' as {encoding}' if encoding else ''}")
