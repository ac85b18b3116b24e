"""What a network does in each cycle of a step, known before it is built.

All layers share the lanes. An affine map takes up `lanes` rows at a time, a group: in every cycle one word of a
source goes to all lanes, each with a weight of its own row. The groups of a map and the maps themselves follow
each other without a gap but where a word is not there yet, or where the sums of the group before have not all
left; a memory has the lanes for itself. Nothing in a step depends on data, so that all of it is a list of runs,
each a number of cycles for one source and one group, or of waiting. Words that come late are read last.

What a slot and the sums of its group pass through from then on is listed in `SlotStage` and `RowStage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.plan import AffinePlan, Kind, NetworkPlan, Segment, Source
from lmu_hw.rtl.network.memories import MemoryUse, memory_use
from lmu_hw.rtl.network.vectors import Vector, maps_of, place_of, vectors_of
from lmu_hw.rtl.primitives.stages import Stage


class SlotStage(Stage):
    """What a slot passes through, in successive cycles."""

    ISSUE = "a word of a vector is addressed, and the weights for it are"
    READ = "the word and the weights come out of their memories"
    MULTIPLY = "they are at the multipliers of all lanes"
    ACCUMULATE = "the products are there, and are aligned and added to the sums of the rows"
    CLOSE = "after the last slot of a group its sums are complete, and are taken over to leave one by one"


class RowStage(Stage):
    """What the sum of a row passes through after CLOSE; the rows of a group follow each other, one a cycle."""

    ROUND = "the sum is rounded to a code and saturated"
    LOOKUP = "the code is a sample and is stored for a memory, or it addresses the table of its activation"
    SCALE = "base and slope of the table's piece are there, and the slope is multiplied by the offset within it"
    ADD = "base and product are added and rounded to the word of the activation"
    WRITE = "the word is there and is written to its vector"


FACTORS_AFTER = SlotStage.MULTIPLY - SlotStage.ISSUE
"""Cycles from the issue of a slot to its factors at the multipliers."""
_ROUND_AFTER = SlotStage.CLOSE - SlotStage.ISSUE + 1
SAMPLE_AFTER = _ROUND_AFTER + RowStage.LOOKUP - RowStage.ROUND + 1
"""Cycles from the last slot of a group to the one in which its first row's code can be offered to a memory."""
WORD_AFTER = _ROUND_AFTER + RowStage.WRITE - RowStage.ROUND + 1
"""Cycles from the last slot of a group to the first one that can read its first row's activation."""
STEP_AFTER = 2
"""Cycles from the one in which the last word of a step is taken to the first one of the step.

In the first of them the bank of words is full and the step starts; from the second on the program runs.
"""
OFFER_AFTER = 2
"""Cycles from the one in which the last output word is written to the offer of the first one.

In the first of them the bank of outputs is full, and its first row is read.
"""


@dataclass(frozen=True, eq=False)
class Map:
    """An affine map of the network.

    Attributes:
        layer: whose it is.
        drives: its codes are samples of the layer's memories; else the layer's activation takes them.
        plan: the map.
    """

    layer: int
    drives: bool
    plan: AffinePlan


@dataclass(frozen=True, eq=False)
class Run:
    """Successive cycles of a step.

    Attributes:
        cycles: how many, from 1.
        map: index of the affine map at work; −1 while waiting.
        rows: of the map, those of the group.
        segment: whose words are read, one a cycle.
        vector: index of the vector that holds them.
        opens, closes: it is the first or the last run of its group.
    """

    cycles: int
    map: int = -1
    rows: range = range(0)
    segment: Segment | None = None
    vector: int = 0
    opens: bool = False
    closes: bool = False


@dataclass(frozen=True, eq=False)
class Program:
    """All that a step does.

    Attributes:
        plan, lanes, sequences: what it was made for.
        memories: by layer.
        vectors: what maps read.
        maps: in order.
        runs: of a step that gives outputs, in order.
        normal_runs: so many of them make a step that gives none.
        cycles_per_step: of such a step, that is without outputs unless there are some after every step.
        cycles_per_last_step: of a step with outputs.
        outputs_after: cycles from the first one of a step to that in which the last output word is written.
    """

    plan: NetworkPlan
    lanes: int
    sequences: int
    memories: dict[int, MemoryUse]
    vectors: tuple[Vector, ...]
    maps: tuple[Map, ...]
    runs: tuple[Run, ...]
    normal_runs: int
    cycles_per_step: int
    cycles_per_last_step: int
    outputs_after: int

    @property
    def every_step(self) -> bool:
        """Whether there are outputs after every step."""
        return self.plan.output is Output.SEQUENCE

    @cached_property
    def groups(self) -> tuple[Run, ...]:
        """The runs that open a group."""
        return tuple(run for run in self.runs if run.opens)


def network_program(plan: NetworkPlan, lanes: int, sequences: int) -> Program:
    """The program of `plan` for so many lanes and sequences side by side."""
    memories = {k: memory_use(k, layer, lanes) for k, layer in enumerate(plan.layers) if layer.memory is not None}
    vectors = vectors_of(plan, memories)
    maps = tuple(Map(k, what == "drive", affine) for k, what, affine in maps_of(plan))
    normal = sum(1 for _, _, what in plan.operations(last=False) if what != "memory")
    timeline = _Timeline(plan, lanes, memories, vectors)
    if not normal:
        timeline.wait_until(1)  # a step takes a cycle at least
    for k, each in enumerate(maps[:normal]):
        timeline.place(k, each)
    at_rest = timeline.state()
    for k, each in enumerate(maps[normal:], normal):
        timeline.place(k, each)
    at_last = timeline.state()

    begins = timeline.begins
    fed = sequences * plan.inputs + 1  # words in, one a cycle, and the one in which the step starts
    taken = sequences * plan.outputs
    outputs_after = timeline.outputs_after
    # There are two banks of outputs: a step may write to its own while that of the step before leaves, but the next
    # one after it has to wait until that is empty. So two steps take no less than one needs to write and give.
    last = max(at_last.length(begins), fed, taken, -(-(outputs_after + taken + 3) // 2))
    every = plan.output is Output.SEQUENCE
    usual = last if every else max(at_rest.length(begins), fed)
    if normal == len(maps):
        last = usual = max(last, usual)
    return Program(
        plan, lanes, sequences, memories, vectors, maps, tuple(timeline.runs), at_rest.runs, usual, last, outputs_after
    )


@dataclass
class _Begins:
    """When a step first needs what the step before leaves behind."""

    reads: dict[int, IntArray] = field(default_factory=dict)  # per vector: the issue of each word's first read
    samples: dict[int, int] = field(default_factory=dict)  # per layer: when its first sample is offered
    closes: int | None = None  # the last slot of the first group


@dataclass(frozen=True)
class _State:
    """What a step leaves behind after some of its maps."""

    runs: int
    now: int
    written: dict[int, IntArray]
    rests_from: dict[int, int]
    drained: int
    beats_end: int

    def length(self, begins: _Begins) -> int:
        """The least number of cycles after which the next step can start."""
        least = [1, self.now, self.beats_end]
        least += [int((self.written[v] - at).max()) for v, at in begins.reads.items() if v in self.written]
        least += [self.rests_from[k] - at for k, at in begins.samples.items() if k in self.rests_from]
        if begins.closes is not None:
            least.append(self.drained - begins.closes)
        return max(least)


class _Timeline:
    """Puts the maps of a step one after the other, each as early as it can be."""

    def __init__(
        self, plan: NetworkPlan, lanes: int, memories: dict[int, MemoryUse], vectors: Sequence[Vector]
    ) -> None:
        self._plan, self._lanes, self._memories = plan, lanes, memories
        self._index = {(v.kind, v.layer): k for k, v in enumerate(vectors)}
        self.runs: list[Run] = []
        self.begins = _Begins()
        self.outputs_after = 0
        self._now = 0
        self._next = 0  # the first cycle in which the lanes are free for a map
        self._drained = 0  # a group's last slot may not be issued before this cycle
        self._beats_end = 0
        self._written: dict[int, IntArray] = {0: np.zeros(plan.inputs, dtype=np.int64)}
        self._rests_from: dict[int, int] = {}

    def state(self) -> _State:
        """What is left behind after the maps that have been placed."""
        now = max(self._now, self._next)
        written = {k: v for k, v in self._written.items() if k}
        return _State(len(self.runs), now, written, dict(self._rests_from), self._drained, self._beats_end)

    def place(self, index: int, each: Map) -> None:
        """Append the runs of one map, and let the memories follow that it drives."""
        segments = sorted(each.plan.segments or (_nothing(self._plan, each.plan),), key=self._lateness)
        reads = [self._index[place_of(self._plan, segment.source)] for segment in segments]
        codes: list[IntArray] = []
        for first in range(0, each.plan.rows, self._lanes):
            rows = range(first, min(first + self._lanes, each.plan.rows))
            self.wait_until(self._group_start(segments, reads, len(rows)))
            for segment, vector in zip(segments, reads, strict=True):
                if segment.source.previous:
                    self.begins.reads.setdefault(vector, self._now + np.arange(segment.columns))
                opens, closes = segment is segments[0], segment is segments[-1]
                self.runs.append(Run(segment.columns, index, rows, segment, vector, opens, closes))
                self._now += segment.columns
            closed = self._now - 1
            if self.begins.closes is None:
                self.begins.closes = closed
            self._drained = closed + len(rows)
            codes.append(closed + np.arange(len(rows)))
        times = np.concatenate(codes)
        if each.drives:
            self._drive(each.layer, int(times[-1]) + SAMPLE_AFTER)
        else:
            self._finish(each.layer, Kind.OUTPUT, times + WORD_AFTER)

    def _lateness(self, segment: Segment) -> int:
        source = segment.source
        if not source.previous:
            return int(self._written[self._index[place_of(self._plan, source)]].max())
        return WORD_AFTER + self._lanes if source.kind is Kind.OUTPUT else 1

    def _group_start(self, segments: Sequence[Segment], reads: Sequence[int], rows: int) -> int:
        """The earliest first slot of a group of so many rows."""
        start, offset = max(self._now, self._next), 0
        for segment, vector in zip(segments, reads, strict=True):
            if not segment.source.previous:
                there = self._written[vector] - offset - np.arange(segment.columns)
                start = max(start, int(there.max()))
            offset += segment.columns
        return max(start, self._drained - (offset - 1))

    def wait_until(self, start: int) -> None:
        """Let the next run start in cycle `start`, not before."""
        if start > self._now:
            self.runs.append(Run(start - self._now))
            self._now = start

    def _drive(self, layer: int, offered: int) -> None:
        use = self._memories[layer]
        self.begins.samples.setdefault(layer, offered)
        self._rests_from[layer] = offered + use.rests_from
        # The flag that starts a sequence is that of the step: the last sample is taken within it.
        self._next = offered + max(use.last_factors - FACTORS_AFTER, use.starts[-1]) + 1
        words = offered + use.words_come + 1
        self._finish(layer, Kind.MEMORY, words)

    def _finish(self, layer: int, kind: Kind, words: IntArray) -> None:
        """Words of a layer can be read in these cycles."""
        vector = self._index.get((kind, layer))
        if vector is not None:
            self._written[vector] = words
        gives_on = kind is Kind.OUTPUT or self._plan.layers[layer].affine is None
        if layer == len(self._plan.layers) - 1 and gives_on:
            self.outputs_after = int(words.max()) - 1
            if kind is Kind.MEMORY:  # beats say nothing of their step, so that it lasts until the last one
                self._beats_end = int(words.max())


def _nothing(plan: NetworkPlan, affine: AffinePlan) -> Segment:
    """The input with weights of zero, for a map that is nothing but its biases."""
    rows = np.zeros(affine.rows, dtype=np.int64)
    fraction_bits = affine.accumulator.fraction - plan.input_format.fraction
    weights = np.zeros((affine.rows, plan.inputs), dtype=np.int64)
    return Segment(Source(Kind.INPUT), plan.input_format, weights, rows + fraction_bits, rows)
