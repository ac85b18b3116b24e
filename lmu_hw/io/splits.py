"""The division of a user's sequences into parts, kept beside the network that was trained on them.

MODEL.npz has MODEL.split.npz beside it: an archive (`lmu_hw.io.archive`) with the indices of the sequences of each part
along the first axis of --input, and a digest of these sequences, by which they are known again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.errors import DesignError
from lmu_hw.io.archive import ArchiveReader, Form, write_archive

FORMAT, VERSION = "lmu_hw split", 1

#: The parts: what weights were fitted to, what the epoch was chosen by, and what nothing was chosen by.
PARTS = ("train", "validation", "test")

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """The indices of the sequences of each part.

    Attributes:
        sequences: The number of sequences that were divided.
        digest: The digest of these sequences, see `digest_of`.
        parts: The indices by the name of the part (`PARTS`), sorted, of shape (sequences of the part,).
    """

    sequences: int
    digest: str
    parts: Mapping[str, IntArray]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", MappingProxyType({name: self.parts[name] for name in PARTS}))


def digest_of(sequences: ArrayLike) -> str:
    """The SHA-256 of sequences (sequences, T, inputs) as float64, by which they are known again."""
    values = np.ascontiguousarray(sequences, dtype="<f8")
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()


def split_path(network: str | Path) -> Path:
    """Where the split of a network file is kept: MODEL.split.npz beside MODEL.npz."""
    path = Path(network)
    return path.with_name(f"{path.stem}.split.npz")


def write_split(path: str | Path, split: Split) -> Path:
    """Write a split, completely or not at all."""
    header = {"format": FORMAT, "version": VERSION, "sequences": split.sequences, "input_sha256": split.digest}
    return write_archive(path, header, split.parts)


def read_split(path: str | Path) -> Split:
    """Read a split.

    Raises:
        DesignError: The file is no split, is damaged, or names a sequence that there is not.
    """
    path = Path(path)

    def check(form: Form) -> str | None:
        return None if len(form[0]) == 1 and form[1] in ("<i8", "<i4") else "a list of integers"

    with ArchiveReader(path) as archive:
        header: Mapping[str, Any] = archive.header
        count, digest = header.get("sequences"), header.get("input_sha256")
        if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
            got = f"{header.get('format')} {header.get('version')}"
            raise DesignError(path.name, f"a {FORMAT} of version {VERSION}", got)
        if not isinstance(count, int) or not isinstance(digest, str):
            raise DesignError(f"header of {path.name}", "with sequences and input_sha256", sorted(header))
        values = archive.read(dict.fromkeys(PARTS, check))
    parts = {name: np.asarray(values[name], dtype=np.int64) for name in PARTS}
    for name, indices in parts.items():
        if indices.size and not (indices.min() >= 0 and indices.max() < count):
            raise DesignError(f"{name} of {path.name}", f"indices from 0 to {count - 1}", int(np.abs(indices).max()))
    return Split(count, digest, parts)
