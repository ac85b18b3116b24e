"""Archives of plain arrays: a JSON header and float or integer arrays in one `.npz`, without pickles.

The layout, for programs without this package: a zip file of uncompressed or deflated members, each a `.npy`
file (NumPy's format 1.0 or 2.0, C order, little-endian). The member `header.npy` is a one-dimensional array
of type uint8: the bytes of a JSON object in UTF-8. Every other member is `NAME.npy` for an array NAME that
the header accounts for. `numpy.load(path)["header"].tobytes()` reads the header; `numpy.savez` can write it.

`numpy.load` would unpack whatever a file promises. Here the sizes in the directory of the zip file, and then those in
the header of each array, are known to be within bounds before any memory of that size is allocated.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from lmu_hw.errors import DesignError, RequestError
from lmu_hw.io.files import plain, replacing

MAX_MEMBERS = 4096
MAX_HEADER_BYTES = 1 << 22
MAX_BYTES = 1 << 28
_HEADER = "header.npy"
_NPY_HEADER_BYTES = 1 << 12
_TYPES = frozenset({"<f8", "<f4", "<i8", "<i4", "<u4", "|u1", "|b1"})
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time of a zip file, for all members: the same content, the same bytes

#: Shape and type of an array.
Form = tuple[tuple[int, ...], str]


def write_archive(path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write `header` and `arrays` to `path`, completely or not at all; the same content gives the same bytes."""
    path = Path(path)
    text = json.dumps(header, default=plain, allow_nan=False, ensure_ascii=False).encode()
    members = {_HEADER: np.frombuffer(text, dtype=np.uint8)} | {f"{name}.npy": a for name, a in arrays.items()}
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, array in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is written
            buffer = io.BytesIO()
            npy.write_array(buffer, array.astype(array.dtype.newbyteorder("<"), order="C"), allow_pickle=False)
            archive.writestr(info, buffer.getvalue())
    return path


class ArchiveReader:
    """An open archive whose directory has been checked and whose header has been read; its arrays have not.

    Attributes:
        header: The header, a JSON object.
        names: The names of the arrays.
    """

    def __init__(self, path: str | Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Open `path`.

        Raises:
            DesignError: It cannot be read, is no such archive, or its members exceed `max_bytes`.
        """
        path = Path(path)
        self._label = path.name
        self._zip = _opened(path, max_bytes)
        try:
            self._members = self._directory(max_bytes)
            self.header = self._read_header()
        except BaseException:
            self._zip.close()
            raise
        self.names = tuple(name.removesuffix(".npy") for name in self._members if name != _HEADER)

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, expected: Mapping[str, Callable[[Form], str | None]]) -> dict[str, NDArray[Any]]:
        """Read the arrays, each after its shape and type have been checked.

        Args:
            expected: For each array a function that is given its shape and type. It returns None where they are
                right, and otherwise the constraint that an error states.

        Raises:
            DesignError: An array is missing, not expected, not as expected, or damaged.
        """
        missing = [name for name in expected if name not in self.names]
        if missing:
            raise DesignError(missing[0], f"an array in {self._label}", "none of that name")
        surplus = [name for name in self.names if name not in expected]
        if surplus:
            raise DesignError(f"arrays in {self._label}", "those that its header accounts for", surplus[0])
        return {name: self._array(name, check) for name, check in expected.items()}

    def _directory(self, max_bytes: int) -> dict[str, zipfile.ZipInfo]:
        entries = self._zip.infolist()
        if len(entries) > MAX_MEMBERS:
            raise DesignError(self._label, f"of at most {MAX_MEMBERS} members", len(entries))
        members: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for entry in entries:
            name = entry.filename
            if name in members:
                raise DesignError(self._label, "without two members of one name", name)
            if not name.endswith(".npy") or "/" in name or "\\" in name or entry.flag_bits & 1:
                raise DesignError(self._label, "of plain .npy members only", name)
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DesignError(f"{name} in {self._label}", "stored or deflated", entry.compress_type)
            total += entry.file_size
            members[name] = entry
        if total > max_bytes:
            raise DesignError(self._label, f"at most {max_bytes} bytes large once unpacked", total)
        if _HEADER not in members:
            raise DesignError(self._label, f"an archive with a member {_HEADER}", sorted(members)[:4])
        return members

    def _read_header(self) -> dict[str, Any]:
        what = f"header of {self._label}"
        if self._members[_HEADER].file_size > MAX_HEADER_BYTES:
            raise DesignError(what, f"at most {MAX_HEADER_BYTES} bytes", self._members[_HEADER].file_size)

        def bytes_only(form: Form) -> str | None:
            return None if len(form[0]) == 1 and form[1] == "|u1" else "one-dimensional of type uint8"

        text = self._array("header", bytes_only).tobytes()
        try:
            header = json.loads(text.decode())
        except (ValueError, RecursionError):
            raise DesignError(what, "JSON in UTF-8", "something else") from None
        if not isinstance(header, dict):
            raise DesignError(what, "a JSON object", type(header).__name__)
        return header

    def _array(self, name: str, check: Callable[[Form], str | None]) -> NDArray[Any]:
        entry = self._members[f"{name}.npy"]
        what = f"{name} in {self._label}"
        try:
            with self._zip.open(entry) as stream:
                shape, kind = _npy_header(stream, what)
                wanted = check((shape, kind))
                if wanted is not None:
                    raise DesignError(what, wanted, f"{shape} of type {kind}")
                size = math.prod(shape) * np.dtype(kind).itemsize
                if size > entry.file_size:
                    raise DesignError(what, f"{size} bytes, as its shape says", entry.file_size)
                data = stream.read(size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise DesignError(what, "an undamaged member", str(error) or type(error).__name__) from None
        if len(data) != size:
            raise DesignError(what, f"{size} bytes, as its shape says", len(data))
        return np.frombuffer(data, dtype=kind).reshape(shape)


def _opened(path: Path, max_bytes: int) -> zipfile.ZipFile:
    label = path.name
    try:
        size, most = path.stat().st_size, max_bytes + MAX_MEMBERS * _NPY_HEADER_BYTES
        if size > most:  # before its directory is read into memory
            raise DesignError(label, f"at most {most} bytes large", size)
        return zipfile.ZipFile(path)
    except DesignError:
        raise
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        raise DesignError(label, "an archive of arrays (.npz)", "no zip file, or a damaged one") from None
    except OSError as error:
        raise RequestError(f"cannot read {label}: {error.strerror or error}") from None


def _npy_header(stream: IO[bytes], what: str) -> Form:
    """Read the shape and type of an array from the header of its `.npy` file, without reading the array."""
    try:
        version = npy.read_magic(stream)
        reader = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = reader(stream, max_header_size=_NPY_HEADER_BYTES)
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, MemoryError, RecursionError):
        raise DesignError(what, "a .npy array of format 1.0 or 2.0", "something else") from None
    kind = dtype.str
    if kind not in _TYPES or (fortran and len(shape) > 1) or any(n < 0 for n in shape):
        raise DesignError(what, "numbers in C order", f"{'Fortran order, ' if fortran else ''}type {kind}")
    return shape, kind
