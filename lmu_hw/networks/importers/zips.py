"""Zip files from strangers: the names, number and sizes of the members are checked before one of them is unpacked."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from lmu_hw.errors import DesignError, RequestError
from lmu_hw.io.archive import MAX_BYTES, MAX_MEMBERS

_LONGEST = 80
_ROOM = 1 << 22  # bytes that the directory may take beside the members


def shown(name: str) -> str:
    """`name` for a message of one line: as it is if it is printable and short, else escaped and cut off."""
    text = name if name.isprintable() else ascii(name)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


class ZipReader:
    """An open zip file whose directory has been checked.

    Attributes:
        label: The name of the file in errors.
        sizes: The size of each member once unpacked, in bytes, by name.
    """

    def __init__(
        self,
        path: Path,
        what: str,
        constraint: Callable[[str], str | None],
        *,
        stored_only: bool = False,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Open `path`.

        Args:
            path: The file.
            what: The kind of file that it should be, for errors.
            constraint: A function from the name of a member to the constraint that it violates, or None.
            stored_only: Whether members must not be compressed.
            max_bytes: The largest number of bytes that the file, and all its members unpacked, may take.

        Raises:
            DesignError: The file cannot be read, is no zip file, or its members are not what they should be.
        """
        self.label = path.name
        try:
            size = path.stat().st_size
            if size > max_bytes + _ROOM:
                raise DesignError(self.label, f"at most {max_bytes + _ROOM} bytes large", size)
            self._zip = zipfile.ZipFile(path)
        except DesignError:
            raise
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
            raise DesignError(self.label, what, "no zip file, or a damaged one") from None
        except OSError as error:
            raise RequestError(f"cannot read {self.label}: {error.strerror or error}") from None
        try:
            self._members = self._directory(constraint, stored_only, max_bytes)
        except BaseException:
            self._zip.close()
            raise
        self.sizes = {name: entry.file_size for name, entry in self._members.items()}

    def __enter__(self) -> ZipReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str, *, max_bytes: int = MAX_BYTES) -> bytes:
        """The unpacked content of a member.

        Raises:
            DesignError: There is no member of that name, it is larger than `max_bytes`, or damaged.
        """
        what = f"{shown(name)} in {self.label}"
        if name not in self._members:
            raise DesignError(what, "a member of the file", "none of that name")
        entry = self._members[name]
        if entry.file_size > max_bytes:
            raise DesignError(what, f"at most {max_bytes} bytes large", entry.file_size)
        try:
            with self._zip.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise DesignError(what, "an undamaged member", str(error) or type(error).__name__) from None
        if len(data) != entry.file_size:
            raise DesignError(what, f"{entry.file_size} bytes, as the directory says", len(data))
        return data

    def _directory(
        self, constraint: Callable[[str], str | None], stored_only: bool, max_bytes: int
    ) -> dict[str, zipfile.ZipInfo]:
        entries = self._zip.infolist()
        if len(entries) > MAX_MEMBERS:
            raise DesignError(self.label, f"of at most {MAX_MEMBERS} members", len(entries))
        methods = (zipfile.ZIP_STORED,) if stored_only else (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        members: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            name = entry.filename
            if name in members:
                raise DesignError(self.label, "without two members of one name", name)
            wanted = constraint(name)
            if wanted is not None:
                raise DesignError(f"members of {self.label}", wanted, name)
            if entry.flag_bits & 1 or entry.compress_type not in methods:
                storage = "stored as it is" if stored_only else "stored or deflated, and not encrypted"
                raise DesignError(f"{shown(name)} in {self.label}", storage, "another storage")
            members[name] = entry
        total = sum(entry.file_size for entry in entries)
        if total > max_bytes:
            raise DesignError(self.label, f"at most {max_bytes} bytes large once unpacked", total)
        return members
