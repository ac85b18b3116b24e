"""The program of a network: what is issued in each cycle of a step, computed before the hardware is built.

All layers share the lanes. An affine map is computed in groups of `lanes` rows: in every cycle one word of a vector
goes to all lanes, and each lane multiplies it by the weight of its own row. Groups and maps follow each other without
a gap, except where a word is not computed yet or where the sums of the group before have not all left. While the
memories of a layer work, they have the lanes for themselves.

Nothing in a step depends on data, so the program is a list of runs. A run is a number of cycles in which the words of
one vector are issued for one group, or in which the lanes wait. Within a group, words that are computed last are read
last. `SlotStage` and `RowStage` list the pipeline stages that a slot and the sums of its group pass from then on.
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
    """The pipeline stages of a slot, in successive cycles."""

    ISSUE = "a word of a vector and the weights for it are addressed"
    READ = "the word and the weights are read from their memories"
    MULTIPLY = "word and weights are at the multipliers of all lanes"
    ACCUMULATE = "the products are there and are aligned and added to the sums of their rows"
    CLOSE = "after the last slot of a group its sums are complete and go to a shift register, to leave one by one"


class RowStage(Stage):
    """The pipeline stages of a row's sum after CLOSE; the rows of a group follow each other, one a cycle."""

    ROUND = "the sum is rounded to a code and saturated"
    LOOKUP = "the code is stored as a sample of a memory, or it addresses the table of its activation"
    SCALE = "base and slope of the table's piece are there, and the slope is multiplied by the offset within the piece"
    ADD = "base and product are added and rounded to the word of the activation"
    WRITE = "the word is there and is written to its vector"


FACTORS_AFTER = SlotStage.MULTIPLY - SlotStage.ISSUE
"""Cycles from the issue of a slot to the cycle in which its factors are at the multipliers."""
_ROUND_AFTER = SlotStage.CLOSE - SlotStage.ISSUE + 1
"""Cycles from the last slot of a group, in ISSUE, to its first row in ROUND, which is the stage after CLOSE."""
SAMPLE_AFTER = _ROUND_AFTER + RowStage.LOOKUP - RowStage.ROUND + 1
"""Cycles from the last slot of a group, in ISSUE, to the first offer of its first row's code to a memory.

The code is stored in LOOKUP and can be offered one cycle later.
"""
WORD_AFTER = _ROUND_AFTER + RowStage.WRITE - RowStage.ROUND + 1
"""Cycles from the last slot of a group, in ISSUE, to the first slot that can read its first row's activation.

The word is written in WRITE, and a slot that is issued one cycle later reads it.
"""
STEP_AFTER = 2
"""Cycles from the acceptance of the last input word of a step to the first cycle of the step.

One cycle later the input bank is full and the control lets the step start; another cycle later the program runs.
"""
OFFER_AFTER = 2
"""Cycles from the cycle in which the last output word of a step is written to the offer of its first output word.

One cycle later the output bank is full and its first row is addressed; another cycle later that row is read and its
word is offered.
"""


@dataclass(frozen=True, eq=False)
class Map:
    """An affine map of the network.

    Attributes:
        layer: The index of the layer that the map belongs to.
        drives: Whether the codes of the map are samples of the layer's memories; otherwise they go to its activation.
        plan: The weights, biases and formats of the map.
    """

    layer: int
    drives: bool
    plan: AffinePlan


@dataclass(frozen=True, eq=False)
class Run:
    """Successive cycles of a step in which the words of one vector are issued for one group, or nothing is.

    Attributes:
        cycles: The number of cycles, at least 1.
        map: The index of the affine map at work; −1 while waiting.
        rows: The rows of the map that make up the group.
        segment: The segment of the map whose columns are issued, one a cycle; None while waiting.
        vector: The index of the vector that holds the words of the segment.
        opens: Whether this is the first run of its group.
        closes: Whether this is the last run of its group.
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
    """The program of a step, with its timing.

    Attributes:
        plan: The quantised network.
        lanes: The number of multipliers for each sequence.
        sequences: The number of sequences side by side.
        memories: The memories of each layer that has some, by the index of the layer.
        vectors: The vectors that the affine maps read; the first one holds the input.
        maps: The affine maps in the order in which a step computes them.
        runs: The runs of a step that gives outputs, in order.
        normal_runs: The number of runs, from the first on, that make up a step that gives no outputs.
        cycles_per_step: Cycles from a step to the next one, if it gives no outputs or if every step gives some.
        cycles_per_last_step: Cycles from a step that gives outputs to the next one.
        outputs_after: Cycles from the first cycle of a step to the one in which its last output word is written.
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
        """Whether every step gives outputs."""
        return self.plan.output is Output.SEQUENCE

    @cached_property
    def groups(self) -> tuple[Run, ...]:
        """The first run of each group, in order."""
        return tuple(run for run in self.runs if run.opens)


def network_program(plan: NetworkPlan, lanes: int, sequences: int) -> Program:
    """Compute the program of a network.

    Args:
        plan: The quantised network.
        lanes: The number of multipliers for each sequence.
        sequences: The number of sequences side by side; only the streaming of words depends on it.
    """
    memories = {k: memory_use(k, layer, lanes) for k, layer in enumerate(plan.layers) if layer.memory is not None}
    vectors = vectors_of(plan, memories)
    maps = tuple(Map(k, what == "drive", affine) for k, what, affine in maps_of(plan))
    normal = sum(1 for _, _, what in plan.operations(last=False) if what != "memory")
    timeline = _Timeline(plan, lanes, memories, vectors)
    if not normal:
        timeline.wait_until(1)  # a step takes at least one cycle, even if no map is computed in it
    for k, each in enumerate(maps[:normal]):
        timeline.place(k, each)
    at_rest = timeline.state()
    for k, each in enumerate(maps[normal:], normal):
        timeline.place(k, each)
    at_last = timeline.state()

    begins = timeline.begins
    fed = sequences * plan.inputs + 1  # input words, one a cycle, and the cycle in which the step starts
    taken = sequences * plan.outputs  # output words, one a cycle
    outputs_after = timeline.outputs_after
    # There are two banks of outputs. A step can write to one bank while that of the step before leaves, but the step
    # after it has to wait until this bank is empty. So two steps take no less time than one step needs to write its
    # outputs and to send them, and the bank one cycle more to be claimed again.
    two_steps = outputs_after + OFFER_AFTER + taken + 1
    last = max(at_last.length(begins), fed, taken, -(-two_steps // 2))
    every = plan.output is Output.SEQUENCE
    usual = last if every else max(at_rest.length(begins), fed)
    if normal == len(maps):
        last = usual = max(last, usual)
    return Program(
        plan, lanes, sequences, memories, vectors, maps, tuple(timeline.runs), at_rest.runs, usual, last, outputs_after
    )


@dataclass
class _Begins:
    """The cycles in which a step first needs what the step before leaves behind, counted from its first one.

    Attributes:
        reads: By the index of a vector, the cycle in which the first read of each word of the step before is issued.
        samples: By the index of a layer, the cycle in which the first sample is offered to its memories.
        closes: The cycle of the last slot of the first group.
    """

    reads: dict[int, IntArray] = field(default_factory=dict)
    samples: dict[int, int] = field(default_factory=dict)
    closes: int | None = None


@dataclass(frozen=True)
class _State:
    """The cycles from which on what a step has left behind is ready, counted from its first one.

    Attributes:
        runs: The number of runs so far.
        now: The first cycle in which the lanes are free.
        written: By the index of a vector, the first cycle in which each of its words can be read.
        rests_from: By the index of a layer, the first cycle in which its memories can start another round.
        drained: The first cycle in which the last slot of another group can be issued, because the sums of the last
            group have left by the time it closes.
        beats_end: The cycle after the last beat of memory words that are outputs of the network; 0 without any.
    """

    runs: int
    now: int
    written: dict[int, IntArray]
    rests_from: dict[int, int]
    drained: int
    beats_end: int

    def length(self, begins: _Begins) -> int:
        """The least number of cycles from the step to the next one, whose needs are `begins`."""
        least = [1, self.now, self.beats_end]
        least += [int((self.written[v] - at).max()) for v, at in begins.reads.items() if v in self.written]
        least += [self.rests_from[k] - at for k, at in begins.samples.items() if k in self.rests_from]
        if begins.closes is not None:
            least.append(self.drained - begins.closes)
        return max(least)


class _Timeline:
    """Places the maps of a step one after the other, each as early as its words and the lanes allow.

    Attributes:
        runs: The runs that have been placed.
        begins: The needs of the step for what the step before leaves behind.
        outputs_after: The cycle in which the last output word is written, once the last layer has been placed.
    """

    def __init__(
        self, plan: NetworkPlan, lanes: int, memories: dict[int, MemoryUse], vectors: Sequence[Vector]
    ) -> None:
        self._plan, self._lanes, self._memories = plan, lanes, memories
        self._index = {(v.kind, v.layer): k for k, v in enumerate(vectors)}
        self.runs: list[Run] = []
        self.begins = _Begins()
        self.outputs_after = 0
        self._now = 0
        self._next = 0  # the first cycle in which no memory uses the lanes
        self._drained = 0  # the first cycle in which the last slot of another group can be issued
        self._beats_end = 0
        self._written: dict[int, IntArray] = {0: np.zeros(plan.inputs, dtype=np.int64)}
        self._rests_from: dict[int, int] = {}

    def state(self) -> _State:
        """The state after the maps that have been placed."""
        now = max(self._now, self._next)
        written = {k: v for k, v in self._written.items() if k}
        return _State(len(self.runs), now, written, dict(self._rests_from), self._drained, self._beats_end)

    def place(self, index: int, each: Map) -> None:
        """Append the runs of the map number `index`, and then let the memories work that it drives."""
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
        """The cycle in which the last word of a segment is there, which decides the order of the segments.

        For words of the step before it is an estimate: the next step can start before they are written, and those of an
        activation are written late.
        """
        source = segment.source
        if not source.previous:
            return int(self._written[self._index[place_of(self._plan, source)]].max())
        return WORD_AFTER + self._lanes if source.kind is Kind.OUTPUT else 1

    def _group_start(self, segments: Sequence[Segment], reads: Sequence[int], rows: int) -> int:
        """The earliest cycle in which a group can start so that each of its words is there when it is issued."""
        start, offset = max(self._now, self._next), 0
        for segment, vector in zip(segments, reads, strict=True):
            if not segment.source.previous:
                there = self._written[vector] - offset - np.arange(segment.columns)
                start = max(start, int(there.max()))
            offset += segment.columns
        return max(start, self._drained - (offset - 1))

    def wait_until(self, start: int) -> None:
        """Append a run of waiting, if it takes one for the next run to start in cycle `start` at the earliest."""
        if start > self._now:
            self.runs.append(Run(start - self._now))
            self._now = start

    def _drive(self, layer: int, offered: int) -> None:
        """Let the memories of a layer work, whose first sample is offered in cycle `offered`."""
        use = self._memories[layer]
        self.begins.samples.setdefault(layer, offered)
        self._rests_from[layer] = offered + use.rests_from
        # Samples carry no marks: the step says whether a sequence starts, so the last sample is taken within the step.
        self._next = offered + max(use.last_factors - FACTORS_AFTER, use.starts[-1]) + 1
        words = offered + use.words_come + 1
        self._finish(layer, Kind.MEMORY, words)

    def _finish(self, layer: int, kind: Kind, words: IntArray) -> None:
        """Note the first cycle in which each word of a layer can be read, and whether the words are outputs."""
        vector = self._index.get((kind, layer))
        if vector is not None:
            self._written[vector] = words
        gives_on = kind is Kind.OUTPUT or self._plan.layers[layer].affine is None
        if layer == len(self._plan.layers) - 1 and gives_on:
            self.outputs_after = int(words.max()) - 1
            if kind is Kind.MEMORY:  # beats carry no marks of their step either, so the step lasts until the last one
                self._beats_end = int(words.max())


def _nothing(plan: NetworkPlan, affine: AffinePlan) -> Segment:
    """The input with weights of zero, for a map that has biases only: a group needs at least one slot."""
    rows = np.zeros(affine.rows, dtype=np.int64)
    fraction_bits = affine.accumulator.fraction - plan.input_format.fraction
    weights = np.zeros((affine.rows, plan.inputs), dtype=np.int64)
    return Segment(Source(Kind.INPUT), plan.input_format, weights, rows + fraction_bits, rows)
