"""The scoreboard: recorded beats are compared with expected ones, without tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.fixed_point.formats import IntArray


@dataclass(frozen=True)
class Beats:
    """Recorded beats. Bits that were unknown in the simulation are counted, and read as 0.

    Attributes:
        words: The words that the beats carry, shape (beats, words of a beat).
        tags: The other fields by the last part of their port's name, such as index, first and last, shape (beats,)
            each.
        unknown: The number of hexadecimal digits that were x or z.
    """

    words: IntArray
    tags: Mapping[str, IntArray]
    unknown: int


def read_beats(path: Path, fields: Sequence[tuple[str, int]], count: int = 1) -> Beats:
    """Read a recording, in which each beat is a line in hexadecimal.

    Args:
        path: The file.
        fields: The names and widths of the fields of a beat, the highest bits first. The last field holds the words,
            signed, the first word in its lowest bits.
        count: The number of words in a beat.
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


def register_words(register: Any, count: int, width: int) -> IntArray:
    """Return the words in a register of the running simulation, shape (count,).

    Args:
        register: The register, with the first word in its lowest bits, in two's complement.
        count: The number of words.
        width: The width of a word, in bits.
    """
    packed = register.value.to_unsigned()
    values = [(packed >> (i * width)) & ((1 << width) - 1) for i in range(count)]
    return np.array([value - (1 << width) if value >> (width - 1) else value for value in values], dtype=np.int64)


def require(condition: bool, complaint: str) -> None:
    """Fail the running cocotb test unless `condition` holds; unlike an assert, also under `python -O`."""
    if not condition:
        raise AssertionError(complaint)


@dataclass(frozen=True)
class Score:
    """The result of a comparison.

    Attributes:
        sent: The number of samples, or steps of a network, that went in.
        expected: The number of beats that should come out.
        checked: The number of beats that came out and were compared.
        mismatches: The number of words that differ, of beats with a wrong tag (index, channel, flag …), and of beats
            that are missing or too many.
        first_mismatch: A description of the first mismatch; empty if there is none.
        deviation: The largest |word − float reference| relative to the plan's bound; None without a reference.
    """

    sent: int
    expected: int
    checked: int
    mismatches: int
    first_mismatch: str
    deviation: float | None = None

    def joined(self, other: Score) -> Score:
        """Return the score of two streams of one target together, with the deviation of the first."""
        return Score(
            self.sent,
            self.expected + other.expected,
            self.checked + other.checked,
            self.mismatches + other.mismatches,
            self.first_mismatch or other.first_mismatch,
            self.deviation,
        )

    @property
    def passed(self) -> bool:
        """Whether something was sent, every expected beat was checked, nothing differs, and the bound holds."""
        exact = self.sent > 0 and self.checked == self.expected > 0 and self.mismatches == 0
        return exact and (self.deviation is None or self.deviation <= 1.0)


@dataclass(frozen=True)
class Bounded:
    """A float reference of the words, and the bounds of their deviation from it.

    Attributes:
        reference: The float states in the order of the beats, shape (beats, words of a beat).
        bound: The bound of each deviation, of the same shape.
        lsb: The value of one code step.
    """

    reference: Array
    bound: Array
    lsb: float


def compare(
    beats: Beats,
    words: IntArray,
    tags: Mapping[str, IntArray],
    sent: int,
    bounded: Bounded | None = None,
    *,
    unit: str = "beat",
) -> Score:
    """Compare recorded beats with expected words and tags, and with a float reference.

    Args:
        beats: The recorded beats.
        words: The expected words, shape (beats, words of a beat).
        tags: The expected tags by name, shape (beats,) each.
        sent: The number of samples or steps that went in.
        bounded: The float reference of the words with the bounds; none by default.
        unit: The name of a beat in the description of a mismatch.
    """
    came, expected = beats.words.shape[0], words.shape[0]
    checked = min(came, expected)
    wrong = beats.words[:checked] != words[:checked]
    mistagged = np.zeros(checked, dtype=bool)
    for name, tag in tags.items():
        mistagged |= beats.tags[name][:checked] != tag[:checked]
    mismatches = int(wrong.sum()) + int(mistagged.sum()) + abs(came - expected) + beats.unknown
    deviation = None
    if bounded is not None:
        error = np.abs(beats.words[:checked] * bounded.lsb - bounded.reference[:checked])
        deviation = float((error / bounded.bound[:checked]).max(initial=0.0))
    rows = np.flatnonzero(wrong.any(axis=1) | mistagged)
    if rows.size:
        k = int(rows[0])
        first = f"{unit} {k}: expected {_row(words, tags, k)}, got {_row(beats.words, beats.tags, k)}"
    elif came < expected:
        first = f"{expected - came} of {expected} {unit}s never came"
    elif came > expected:
        first = f"{came - expected} {unit}s too many"
    else:
        first = "undefined bits" if beats.unknown else ""
    return Score(sent, expected, checked, mismatches, first, deviation)


def _row(words: IntArray, tags: Mapping[str, IntArray], k: int) -> str:
    return f"{words[k].tolist()} ({', '.join(f'{name} {int(tags[name][k])}' for name in sorted(tags))})"
