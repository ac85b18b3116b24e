"""The beats that a harness has recorded, as integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.fixed_point.formats import IntArray


@dataclass(frozen=True)
class Beats:
    """Recorded beats, one row each; bits that were unknown in the simulation are counted and read as 0.

    Attributes:
        words: what the beats carry, shape (beats, words).
        tags: the other fields by the last part of their port's name, such as index, first and last, shape (beats,).
        unknown: hexadecimal digits that were x or z.
    """

    words: IntArray
    tags: Mapping[str, IntArray]
    unknown: int


def memory_fields(manifest: dict[str, Any], stream: str = "out") -> tuple[tuple[str, int], ...]:
    """Ports of a memory's beats, or of its readouts (`stream` "readout"), with their widths, the highest first."""
    width = {port["name"]: int(port["width"]) for port in manifest["ports"]}
    names = (f"{stream}_{part}" for part in ("channel", "index", "first", "last", "data"))
    return tuple((name, width[name]) for name in names if name in width)


def read_memory_beats(path: Path, manifest: dict[str, Any]) -> Beats:
    """Read a recording of a memory's beats."""
    return read_beats(path, memory_fields(manifest), int(manifest["words_per_beat"]))


def read_readouts(path: Path, manifest: dict[str, Any]) -> Beats:
    """Read a recording of a memory's readouts."""
    return read_beats(path, memory_fields(manifest, "readout"), len(manifest["readouts"]["delays"]))


def read_beats(path: Path, fields: Sequence[tuple[str, int]], count: int = 1) -> Beats:
    """Read a recording: lines in hexadecimal of fields, the highest first; the lowest are `count` signed words.

    Args:
        path: the recording.
        fields: names and widths, the last one that of the words, the last word highest.
        count: words in a beat.
    """
    total = sum(width for _, width in fields)
    digits = -(-total // 4)
    raw = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    lines = raw[: raw.size // (digits + 1) * (digits + 1)].reshape(-1, digits + 1)[:, :digits]
    value = np.full(256, 255, dtype=np.uint8)
    for k, digit in enumerate("0123456789abcdef"):
        value[ord(digit)] = value[ord(digit.upper())] = k
    nibbles = value[lines]
    unknown = int((nibbles == 255).sum())
    nibbles = np.where(nibbles == 255, 0, nibbles)
    bits = np.unpackbits(nibbles[:, :, None], axis=2)[:, :, 4:].reshape(len(lines), 4 * digits)

    def field(low: int, size: int) -> IntArray:
        stop = bits.shape[1] - low
        weights = np.int64(1) << np.arange(size - 1, -1, -1, dtype=np.int64)
        return bits[:, stop - size : stop].astype(np.int64) @ weights

    word = fields[-1][1] // count
    words = np.stack([field(k * word, word) for k in range(count)], axis=1)
    words -= (words >> np.int64(word - 1)) << np.int64(word)
    tags, low = {}, fields[-1][1]
    for name, width in reversed(fields[:-1]):
        tags[name.rpartition("_")[2]] = field(low, width)
        low += width
    return Beats(words, tags, unknown)
