"""The common part of all targets: Verilog, streams, integer model, and expected beats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, QFormat
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.targets.scoreboard import Beats

Numbers = TypeVar("Numbers", IntArray, Array)

_TAGS = ("channel", "sequence", "index", "argmax", "first", "last")
"""The fields that a beat may carry beside its words, in the order of a record's bits, the highest first."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Traffic(Displayed):
    """The gaps and stalls with which a harness drives a target.

    Attributes:
        gap: The share of cycles in which no new word is offered, 0 … 0.9.
        stall: The share of cycles in which no beat is taken, 0 … 0.9; it is the same for every stream of results, but
            at other times.
        seed: The seed of the gaps, of the stalls and of the cycles in which a status bit is cleared.

    Raises:
        DesignError: A share is out of its range.
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


@dataclass(frozen=True, eq=False, repr=False)
class Expected(Displayed):
    """The expected content of a stream of results.

    Attributes:
        words: The words, shape (beats, words of a beat).
        tags: The other fields by name (index, first, last, …), shape (beats,) each.
    """

    words: IntArray
    tags: Mapping[str, IntArray]


@dataclass(frozen=True, eq=False, repr=False)
class Recorded(Displayed):
    """The outputs of a target, in the order of its integer model.

    Attributes:
        words: The output words, of the shape of the model's.
        readouts: The delayed readouts of a memory, shape (batch, samples or 1, readouts); None for a target without.
        classes: The index of the largest output of each answer of a network, shape (answers,); None for other targets.
        cycles: The clock cycle in which each word was taken, counted from the one in which the first input word went
            in, of the shape of `words`; None if it was not recorded.
    """

    words: IntArray
    readouts: IntArray | None = None
    classes: IntArray | None = None
    cycles: IntArray | None = None


class Target(Displayed, ABC):
    """A generated design with its stimulus and its expected outputs.

    The manifest of the design names its ports: the harness connects those that are there, and only tags that have a
    port are compared.
    """

    design: VerilogDesign
    """The Verilog under test. A test may give that of another plan, which must be found to be wrong."""
    reference: Array | None = None
    """The outputs of the float reference, of the shape of the model's words; None for no comparison with it."""

    @property
    @abstractmethod
    def traffic(self) -> Traffic:
        """The gaps and stalls of the harness."""

    @abstractmethod
    def with_seed(self, seed: int) -> Target:
        """Return the same target with gaps and stalls of another seed."""

    @abstractmethod
    def beginning(self, count: int) -> Target:
        """Return the target with the first `count` samples, or steps, of its stimulus."""

    @abstractmethod
    def input_words(self) -> IntArray:
        """Return the words that go in, in order, as bits: {out of range, last, first, data}."""

    @property
    @abstractmethod
    def sent(self) -> int:
        """The number of samples or steps that go in."""

    @property
    @abstractmethod
    def pace(self) -> int:
        """The largest number of clock cycles from one sample or step to the next without gaps and stalls."""

    @property
    @abstractmethod
    def streams(self) -> tuple[Stream, ...]:
        """The streams of results; that of the output words is the first."""

    @property
    def last_only(self) -> bool:
        """Whether only the beats of the last sample of each sequence are recorded and compared."""
        return False

    @abstractmethod
    def model_words(self) -> IntArray:
        """Return the output words of the integer model."""

    @property
    @abstractmethod
    def output_format(self) -> QFormat:
        """The format of the output words."""

    @property
    def error_bound(self) -> Array:
        """The proved bound of the deviation from the float reference, shape (order,), in units of the state.

        Raises:
            DesignError: No bound is proved.
        """
        raise DesignError("float reference", "of a target with a proved bound", self.design.name)

    @abstractmethod
    def in_beat_order(self, values: Numbers) -> Numbers:
        """Return words or values, of the shape of the model's words, in the order of the beats.

        Returns:
            The same numbers, shape (beats, words of a beat).
        """

    @abstractmethod
    def expected(self, words: IntArray) -> Mapping[str, Expected]:
        """Return the expected content of each stream, by its name, for the words of the integer model."""

    @abstractmethod
    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        """Return the recorded beats of the streams, which are given by name, in the order of the model's words."""

    @property
    def ports(self) -> Mapping[str, int]:
        """The widths of the design's ports, by name."""
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
        """A number of clock cycles within which the streams must have ended."""
        # A gap or stall of a given share makes a transfer take 1/(1 − share) cycles on average.
        transfers = self.input_words().size + sum(stream.beats for stream in self.streams)
        waits = (1.0 - self.traffic.gap) * (1.0 - self.traffic.stall) ** len(self.streams)
        return int(2.0 * (self.sent * self.pace + transfers) / waits) + 10_000

    def check_codes(self, codes: IntArray, form: QFormat, what: str) -> None:
        """Check that the format `form` holds all input codes.

        Raises:
            DesignError: It does not; the message says that codes must be `what`.
        """
        low, high = int(codes.min()), int(codes.max())
        if low < form.low or high > form.high:
            raise DesignError("codes", what, [low, high])

    def stream(self, name: str, words: int, beats: int, *, timed: bool) -> Stream:
        """Return a stream of results whose ports begin with `name`; see `Stream`."""
        ports = self.ports
        names = (f"{name}_{part}" for part in (*_TAGS, "data"))
        return Stream(name, words, beats, tuple((port, ports[port]) for port in names if port in ports), timed)


def input_words(codes: IntArray, width: int, first: ArrayLike, last: ArrayLike, outside: ArrayLike = False) -> IntArray:
    """Return words for the harness, of the codes' shape: the codes in `width` bits with their marks above."""
    words: IntArray = codes & ((1 << width) - 1)
    for k, mark in enumerate((first, last, outside)):
        words = words | (np.asarray(mark, dtype=np.int64) << (width + k))
    return words
