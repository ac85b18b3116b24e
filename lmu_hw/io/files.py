"""How files are written: under checked names, and completely or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lmu_hw.errors import DesignError

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def check_identifier(name: object, what: str = "name") -> str:
    """Return `name` if it can stand in Verilog, SPICE and a file name alike.

    Raises:
        DesignError: It does not match ``[A-Za-z][A-Za-z0-9_]{0,62}``.
    """
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise DesignError(what, "a letter followed by at most 62 letters, digits or _", name)
    return name


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename that file to `path` once the block ends without an error.

    A run that fails or is killed leaves the old file, or none; never half of a new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # `mkstemp` lets nobody but the owner read its file: the new one gets the rights of any other new file. There
        # is no way to read the process's mask but to set it.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def working_folder(given: str | Path | None) -> Iterator[Path]:
    """Give the folder for builds and logs: the given one, which stays, or a temporary one, which is removed."""
    if given is not None:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        yield Path(scratch)


def write_text(path: str | Path, text: str) -> Path:
    """Write `text` as UTF-8 to `path`, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)


def to_json(value: Mapping[str, Any]) -> str:
    """Render a report or manifest as JSON: NumPy scalars and arrays become numbers and lists, NaN is an error."""
    return json.dumps(value, indent=2, default=plain, allow_nan=False) + "\n"


def write_json(path: str | Path, value: Mapping[str, Any]) -> Path:
    """Write `value` as JSON to `path`, completely or not at all."""
    return write_text(path, to_json(value))


def plain(value: Any) -> Any:
    """The JSON form of NumPy values and of paths, which `json` does not know; for its argument `default`."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")
