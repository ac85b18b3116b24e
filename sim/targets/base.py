"""What every target has in common: its Verilog, its streams, its integer model, and the expected beats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, QFormat
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.targets.scoreboard import Beats

Numbers = TypeVar("Numbers", IntArray, Array)

_TAGS = ("channel", "sequence", "index", "argmax", "first", "last")
"""What a beat may carry beside its words, in the order of a record's bits, the highest first."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """How a harness makes a target wait.

    Attributes:
        gap: The share of cycles in which no new word is offered, 0 … 0.9.
        stall: The share of cycles in which no beat is taken, 0 … 0.9. Every stream of results waits as often, at
            other times.
        seed: The seed of the gaps, of the stalls and of the cycles in which a status bit is cleared.
    """

    gap: float = 0.0
    stall: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        for what, share in (("gap", self.gap), ("stall", self.stall)):
            if not 0.0 <= share <= 0.9:
                raise DesignError(what, "a share from 0 to 0.9", share)


@dataclass(frozen=True)
class Stream:
    """A stream of results.

    Attributes:
        name: The prefix of its ports, such as `out`.
        words: The number of words in a beat.
        beats: The number of beats that come, recorded or not.
        fields: The ports of a beat with their widths, in the order of a record's bits, the highest first.
        timed: Whether a record begins with the clock cycle in which the beat was taken, counted from the one in which
            the first word went in.
    """

    name: str
    words: int
    beats: int
    fields: tuple[tuple[str, int], ...]
    timed: bool


@dataclass(frozen=True, eq=False)
class Expected:
    """What a stream of results should carry.

    Attributes:
        words: The words, shape (beats, words of a beat).
        tags: What comes with them, by name (index, first, last, …), shape (beats,) each.
    """

    words: IntArray
    tags: Mapping[str, IntArray]


@dataclass(frozen=True, eq=False)
class Recorded:
    """What came out of a target, in the order in which its integer model gives it.

    Attributes:
        words: The output words, shaped like the model's.
        readouts: The delayed readouts of a memory; None for a target without.
        classes: The index of the largest output of each answer of a network; None for other targets.
        cycles: The clock cycle in which each word was taken, counted from the first word in, shaped like `words`;
            None where it was not recorded.
    """

    words: IntArray
    readouts: IntArray | None = None
    classes: IntArray | None = None
    cycles: IntArray | None = None


class Target(ABC):
    """A generated design with what is streamed through it and what should come out of it.

    A target names its ports by its manifest: the harness connects those that are there, and only tags that have a
    port are compared.
    """

    design: VerilogDesign
    """The Verilog under test. Another than the plan's own stands for a wrong build."""
    reference: Array | None = None
    """What the float reference gives, shaped like the model's words; None where the words are not held against it."""

    @property
    @abstractmethod
    def traffic(self) -> Traffic:
        """How often the harness makes it wait."""

    @abstractmethod
    def input_words(self) -> IntArray:
        """The words that go in, in order, as bits: {out of range, last, first, data}."""

    @property
    @abstractmethod
    def sent(self) -> int:
        """The number of samples or steps that go in."""

    @property
    @abstractmethod
    def pace(self) -> int:
        """The most clock cycles from one sample or step to the next without gaps and stalls."""

    @property
    @abstractmethod
    def streams(self) -> tuple[Stream, ...]:
        """The streams of results, the one of the output words first."""

    @property
    def last_only(self) -> bool:
        """Whether only the beats of each sequence's last sample are recorded and compared."""
        return False

    @abstractmethod
    def model_words(self) -> IntArray:
        """The output words of the integer model."""

    @property
    @abstractmethod
    def output_format(self) -> QFormat:
        """The format of the output words."""

    @property
    def error_bound(self) -> Array:
        """The proved bound of the words' deviation from the float reference, by state.

        Raises:
            DesignError: No bound is proved.
        """
        raise DesignError("float reference", "of a target with a proved bound", self.design.name)

    @abstractmethod
    def in_beat_order(self, values: Numbers) -> Numbers:
        """Words or values, shaped like the model's words, in the order of the beats, shape (beats, words of a beat)."""

    @abstractmethod
    def expected(self, words: IntArray) -> Mapping[str, Expected]:
        """What each stream, by name, should carry where the model's words are `words`."""

    @abstractmethod
    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        """The recorded beats of each stream, by name, in the order of the model's words."""

    @property
    def ports(self) -> Mapping[str, int]:
        """The design's ports with their widths, by its manifest."""
        return {port["name"]: int(port["width"]) for port in self.design.manifest["ports"]}

    @property
    def input_bits(self) -> int:
        """The width of a word that goes in."""
        return self.ports["in_data"]

    @property
    def rest(self) -> int:
        """The number of clock cycles after the last beat in which nothing more may come."""
        return 2 * self.pace + 64

    @property
    def limit_cycles(self) -> int:
        """More clock cycles than the streams can take: a gap or stall waits 1/(1 − share) cycles on average."""
        transfers = self.input_words().size + sum(stream.beats for stream in self.streams)
        waits = (1.0 - self.traffic.gap) * (1.0 - self.traffic.stall) ** len(self.streams)
        return int(2.0 * (self.sent * self.pace + transfers) / waits) + 10_000

    def check_codes(self, codes: IntArray, form: QFormat, what: str) -> None:
        """Refuse input codes that `form` cannot hold."""
        low, high = int(codes.min()), int(codes.max())
        if low < form.low or high > form.high:
            raise DesignError("codes", what, [low, high])

    def stream(self, name: str, words: int, beats: int, *, timed: bool) -> Stream:
        """A stream of results whose ports begin with `name`."""
        ports = self.ports
        names = (f"{name}_{part}" for part in (*_TAGS, "data"))
        return Stream(name, words, beats, tuple((port, ports[port]) for port in names if port in ports), timed)


def input_words(codes: IntArray, width: int, first: ArrayLike, last: ArrayLike, outside: ArrayLike = False) -> IntArray:
    """Words for the harness, of the codes' shape: the codes in `width` bits with their marks above them."""
    words: IntArray = codes & ((1 << width) - 1)
    for place, mark in enumerate((first, last, outside)):
        words = words | (np.asarray(mark, dtype=np.int64) << (width + place))
    return words
