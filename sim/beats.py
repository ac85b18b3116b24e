"""The beats that a harness has recorded, as integers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.fixedpoint import IntArray


@dataclass(frozen=True)
class Beats:
    """Recorded beats, one row each; bits that were unknown in the simulation are counted and read as 0.

    Attributes:
        words: state words or readouts, shape (beats, words).
        index, channel, first, last: the fields of the beats, shape (beats,) each.
        unknown: hexadecimal digits that were x or z.
    """

    words: IntArray
    index: IntArray
    channel: IntArray
    first: IntArray
    last: IntArray
    unknown: int


def read_beats(path: Path, manifest: dict[str, Any]) -> Beats:
    """Read a recording of beats: lines of {channel, index, first, last, words}, the last word highest, in hex."""
    return _read(path, manifest, "out", int(manifest["words_per_beat"]))


def read_readouts(path: Path, manifest: dict[str, Any]) -> Beats:
    """Read a recording of readouts: the same without index, which is 0."""
    return _read(path, manifest, "readout", len(manifest["readouts"]["delays"]))


def _read(path: Path, manifest: dict[str, Any], stream: str, count: int) -> Beats:
    width = {port["name"]: int(port["width"]) for port in manifest["ports"]}
    data, index, channel = width[f"{stream}_data"], width.get(f"{stream}_index", 0), width[f"{stream}_channel"]
    word = data // count
    total = channel + index + 2 + data
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

    words = np.stack([field(k * word, word) for k in range(count)], axis=1)
    words -= (words >> np.int64(word - 1)) << np.int64(word)
    return Beats(
        words=words,
        last=field(data, 1),
        first=field(data + 1, 1),
        index=field(data + 2, index),
        channel=field(data + 2 + index, channel),
        unknown=unknown,
    )
