"""Memories as targets, in fixed point and of spiking neurons: their stimulus and the beats that are expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, Overflow, QFormat, fit
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.base import Expected, Numbers, Recorded, Stream, Target, Traffic, input_words
from lmu_hw.sim.targets.run import run_targets
from lmu_hw.sim.targets.scoreboard import Beats
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


@dataclass(frozen=True)
class Stimulus(Traffic):
    """What is streamed through a memory.

    Attributes:
        codes: The input codes, shape (batch, samples): sequences one after the other, each with `first` on its
            first sample and `last` on its last. With several channels the sequences of `channels` successive
            rows run side by side, so the batch must be a multiple of the channels. Codes beyond the input
            format go to a wider port only.
        only_last: Whether only the beats and readouts of each sequence's last sample are recorded.
        unmarked: Whether the first sequences go without `first`: the memory starts them as reset has left it.
    """

    codes: IntArray
    only_last: bool = False
    unmarked: bool = False

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.size == 0:
            raise DesignError("codes", "of shape (batch, samples), not empty", self.codes.shape)
        super().__post_init__()


class SampleTarget(Target):
    """A target that takes single samples and answers each with the words of a state: a memory of any kind."""

    plan: MemoryPlan | DigitalSpikingPlan
    stimulus: Stimulus

    @property
    def kept_codes(self) -> IntArray:
        """The codes as the memory takes them: those out of range saturated."""
        return fit(self.stimulus.codes, self.plan.input_format, Overflow.SATURATE)

    @property
    def channels(self) -> int:
        """The number of memories that take turns on the hardware."""
        return int(self.design.manifest.get("channels", 1))

    @property
    def in_step(self) -> int:
        """The number of channels whose beats alternate."""
        return int(self.design.manifest.get("channels_in_step", 1))

    @property
    def words_per_beat(self) -> int:
        """The number of state words in a beat."""
        return int(self.design.manifest["words_per_beat"])

    @property
    def beats_per_sample(self) -> int:
        """The number of beats that answer a sample."""
        return self.plan.spec.order // self.words_per_beat

    @property
    def traffic(self) -> Traffic:
        return self.stimulus

    @property
    def sent(self) -> int:
        return self.stimulus.codes.size

    @property
    def pace(self) -> int:
        return math.ceil(float(self.design.manifest["cycles_per_sample"]) * self.in_step)

    @property
    def last_only(self) -> bool:
        return self.stimulus.only_last

    @property
    def output_format(self) -> QFormat:
        return self.plan.output_format

    @property
    def streams(self) -> tuple[Stream, ...]:
        return (self.stream("out", self.words_per_beat, self.sent * self.beats_per_sample, timed=False),)

    def input_words(self) -> IntArray:
        codes, channels = self.stimulus.codes, self.channels
        batch, samples = codes.shape
        first, last = np.zeros(codes.shape, dtype=bool), np.zeros(codes.shape, dtype=bool)
        first[channels if self.stimulus.unmarked else 0 :, 0], last[:, -1] = True, True
        words = input_words(codes, self.input_bits, first, last, codes != self.kept_codes)
        return words.reshape(batch // channels, channels, samples).transpose(0, 2, 1).ravel()

    def in_beat_order(self, values: Numbers) -> Numbers:
        batch, samples, _ = values.shape
        return values.reshape(self._turns(batch, samples)).transpose(0, 3, 1, 4, 2, 5).reshape(-1, self.words_per_beat)

    def batch_order(self, beats: IntArray) -> IntArray:
        """The inverse of `in_beat_order`: (beats, words of a beat) to (batch, samples or 1, order)."""
        batch, kept = self.stimulus.codes.shape[0], self._kept
        sets, turns, in_step, _, groups, words = self._turns(batch, kept)
        rows = beats.reshape(sets, kept, turns, groups, in_step, words).transpose(0, 2, 4, 1, 3, 5)
        return np.ascontiguousarray(rows).reshape(batch, kept, -1)

    def expected(self, words: IntArray) -> Mapping[str, Expected]:
        tags = self._tags(self.beats_per_sample)
        # The beats of channels in step alternate.
        shape = (-1, self.in_step, self.beats_per_sample)
        turned = {name: tag.reshape(shape).swapaxes(1, 2).ravel() for name, tag in tags.items()}
        return {"out": Expected(self.in_beat_order(words), turned)}

    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        return Recorded(self.batch_order(beats["out"].words))

    @property
    def _kept(self) -> int:
        """The number of samples of a sequence whose beats are recorded."""
        return 1 if self.stimulus.only_last else self.stimulus.codes.shape[1]

    def _turns(self, batch: int, samples: int) -> tuple[int, int, int, int, int, int]:
        """Sets of sequences, turns of channels in step, those channels, samples, beats of each, words of a beat."""
        turns = self.channels // self.in_step
        return batch // self.channels, turns, self.in_step, samples, self.beats_per_sample, self.words_per_beat

    def _tags(self, beats: int) -> dict[str, IntArray]:
        """Index, channel, first and last of `beats` beats for each recorded sample, channel after channel."""
        batch, samples = self.stimulus.codes.shape
        kept = np.array([samples - 1]) if self.stimulus.only_last else np.arange(samples)
        shape = (batch // self.channels, kept.size, self.channels, beats)
        first = np.broadcast_to((kept == 0)[:, None, None], shape).copy()
        if self.stimulus.unmarked:
            first[0] = False
        tags = {
            "index": np.broadcast_to(np.arange(beats) * self.words_per_beat, shape),
            "channel": np.broadcast_to(np.arange(self.channels)[:, None], shape),
            "first": first,
            "last": np.broadcast_to((kept == samples - 1)[:, None, None], shape),
        }
        return {name: tag.ravel().astype(np.int64) for name, tag in tags.items()}


@dataclass(frozen=True)
class HarnessedMemory(SampleTarget):
    """A fixed-point memory as a target.

    Attributes:
        plan: The fixed-point plan.
        stimulus: What is streamed through it.
        design: The Verilog under test. Another than the plan's own stands for a wrong build.
        reference: Float states that every word must be as near to as the plan's bound says, (batch, samples or 1,
            order); none by default.
    """

    plan: MemoryPlan
    stimulus: Stimulus
    design: VerilogDesign
    reference: Array | None = None

    def __post_init__(self) -> None:
        batch = self.stimulus.codes.shape[0]
        if batch % self.channels:
            raise DesignError("number of sequences", f"a multiple of {self.channels} channels", batch)
        port = QFormat(self.input_bits, self.plan.input_format.fraction)
        self.check_codes(self.stimulus.codes, port, f"within the {port.width} bits of the port")

    @property
    def error_bound(self) -> Array:
        return self.plan.error_bound

    @property
    def streams(self) -> tuple[Stream, ...]:
        if self.plan.readouts is None:
            return super().streams
        return (*super().streams, self.stream("readout", len(self.plan.readouts.delays), self.sent, timed=False))

    def model_words(self) -> IntArray:
        model = IntegerMemory(self.plan)
        if self.stimulus.only_last:
            return model.final(self.kept_codes)[:, None]
        return model.run(self.kept_codes)

    def expected(self, words: IntArray) -> Mapping[str, Expected]:
        streams = dict(super().expected(words))
        if self.plan.readouts is not None:
            values = IntegerMemory(self.plan).readouts(words)
            batch, samples, count = values.shape
            turns = values.reshape(batch // self.channels, self.channels, samples, count).transpose(0, 2, 1, 3)
            tags = {name: tag for name, tag in self._tags(1).items() if name != "index"}
            streams["readout"] = Expected(turns.reshape(-1, count), tags)
        return streams

    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        words = super().arranged(beats).words
        if self.plan.readouts is None:
            return Recorded(words)
        batch, kept = self.stimulus.codes.shape[0], self._kept
        rows = beats["readout"].words
        turns = rows.reshape(batch // self.channels, kept, self.channels, -1).transpose(0, 2, 1, 3)
        return Recorded(words, np.ascontiguousarray(turns).reshape(batch, kept, -1))


@dataclass(frozen=True, eq=False)
class HarnessedSpiking(SampleTarget):
    """A memory of digital neurons as a target; the cycle of every word is recorded, so that the pace can be told.

    Attributes:
        plan: The memory in integers.
        stimulus: What is streamed through it.
        design: The Verilog under test. Another than the plan's own stands for a wrong build.

    Raises:
        DesignError: A code is out of range.
    """

    plan: DigitalSpikingPlan
    stimulus: Stimulus
    design: VerilogDesign

    def __post_init__(self) -> None:
        self.check_codes(self.stimulus.codes, self.plan.input_format, f"within {self.plan.input_format}")

    @property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(replace(stream, timed=True) for stream in super().streams)

    def model_words(self) -> IntArray:
        return DigitalSpikingMemory(self.plan).run(self.stimulus.codes)

    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        return replace(super().arranged(beats), cycles=self.batch_order(beats["out"].tags["cycle"][:, None]))


run_streams = run_targets
"""Run memories; the name by which `lmu_hw.sim` offers `run_targets` for them."""


def run_rtl(
    plan: MemoryPlan,
    codes: IntArray,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    seed: int = 0,
    only_last: bool = False,
) -> IntArray:
    """Output words of the generated Verilog for `codes` of shape (batch, samples), all checked on the way.

    Returns:
        Words, shape (batch, samples, order), or (batch, 1, order) with `only_last`.

    Raises:
        CheckFailed: The Verilog differs from the integer model, or the bench failed.
    """
    design = generate_verilog(plan, lanes=lanes, channels=channels, unrolled=unrolled)
    memory = HarnessedMemory(plan, Stimulus(codes, only_last=only_last), design)
    return run_targets([memory], workdir=workdir, simulator=simulator, seed=seed).checked_words(0)
