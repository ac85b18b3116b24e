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
from lmu_hw.io.files import working_folder
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.base import Expected, Numbers, Recorded, Stream, Target, Traffic, input_words
from lmu_hw.sim.targets.run import run_targets
from lmu_hw.sim.targets.scoreboard import Beats
from lmu_hw.spiking.digital.model import DigitalSpikingMemory
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan


@dataclass(frozen=True, repr=False)
class Stimulus(Traffic):
    """The stimulus of a memory.

    Attributes:
        codes: The input codes, shape (batch, samples): sequences one after the other, each with `first` on its
            first sample and `last` on its last. With several channels the sequences of `channels` successive
            rows run side by side, so the batch must be a multiple of the channels. Codes beyond the input
            format need a wider port.
        only_last: Whether only the beats and readouts of the last sample of each sequence are recorded.
        unmarked: Whether the first sequence of each channel has no `first`, so that it starts from the state after
            reset.

    Raises:
        DesignError: The codes are of another shape, or a share is out of its range.
    """

    codes: IntArray
    only_last: bool = False
    unmarked: bool = False

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.size == 0:
            raise DesignError("codes", "of shape (batch, samples), not empty", self.codes.shape)
        super().__post_init__()


class SampleTarget(Target):
    """A memory of any kind as a target: it takes single samples and answers each with the words of its state.

    Attributes:
        plan: The plan of the memory.
        stimulus: The stimulus.
    """

    plan: MemoryPlan | DigitalSpikingPlan
    stimulus: Stimulus

    @property
    def kept_codes(self) -> IntArray:
        """The input codes as the memory uses them: those out of range are saturated."""
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
        """Return beats of shape (beats, words of a beat) in the order of the model: (batch, samples or 1, order)."""
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
        """Return the axes of all words in the order of the model, without the split of the order into beats and words.

        These are the sets of sequences side by side, the groups of channels in step, the channels of a group, the
        samples, the beats of a sample, and the words of a beat.
        """
        turns = self.channels // self.in_step
        return batch // self.channels, turns, self.in_step, samples, self.beats_per_sample, self.words_per_beat

    def _tags(self, beats: int) -> dict[str, IntArray]:
        """Return index, channel, first and last of `beats` beats for each recorded sample, channel after channel."""
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


@dataclass(frozen=True, repr=False)
class HarnessedMemory(SampleTarget):
    """A fixed-point memory as a target.

    Attributes:
        plan: The fixed-point plan.
        stimulus: The stimulus.
        design: The Verilog under test.
        reference: Float states, shape (batch, samples or 1, order), from which every word may deviate by the plan's
            bound; by default there is no such comparison.

    Raises:
        DesignError: The sequences do not fill the channels, or a code is beyond the port.
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

    def with_seed(self, seed: int) -> HarnessedMemory:
        return replace(self, stimulus=replace(self.stimulus, seed=seed))

    def beginning(self, count: int) -> HarnessedMemory:
        stimulus = replace(self.stimulus, codes=self.stimulus.codes[:, :count])
        reference = None if self.reference is None else self.reference[:, :count]
        return replace(self, stimulus=stimulus, reference=reference)

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


@dataclass(frozen=True, eq=False, repr=False)
class HarnessedSpiking(SampleTarget):
    """A memory of digital neurons as a target. The cycle of every word is recorded, so that the pace can be measured.

    Attributes:
        plan: The memory in integers.
        stimulus: The stimulus.
        design: The Verilog under test.

    Raises:
        DesignError: A code is out of range.
    """

    plan: DigitalSpikingPlan
    stimulus: Stimulus
    design: VerilogDesign

    def __post_init__(self) -> None:
        self.check_codes(self.stimulus.codes, self.plan.input_format, f"within {self.plan.input_format}")

    def with_seed(self, seed: int) -> HarnessedSpiking:
        return replace(self, stimulus=replace(self.stimulus, seed=seed))

    def beginning(self, count: int) -> HarnessedSpiking:
        return replace(self, stimulus=replace(self.stimulus, codes=self.stimulus.codes[:, :count]))

    @property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(replace(stream, timed=True) for stream in super().streams)

    def model_words(self) -> IntArray:
        return DigitalSpikingMemory(self.plan).run(self.stimulus.codes)

    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        return replace(super().arranged(beats), cycles=self.batch_order(beats["out"].tags["cycle"][:, None]))


run_streams = run_targets
"""The name of `run_targets` for memories in `lmu_hw.sim`."""


def run_rtl(
    plan: MemoryPlan,
    codes: IntArray,
    *,
    workdir: str | Path | None = None,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    seed: int = 0,
    only_last: bool = False,
) -> IntArray:
    """Run the generated Verilog of a memory and compare every word with the integer model.

    Args:
        plan: The fixed-point plan.
        codes: The input codes, shape (batch, samples).
        workdir: The folder for the build, the logs and the recordings; by default a temporary one, which is removed.
        simulator: The HDL simulator, verilator or icarus.
        lanes: The number of multiplier lanes.
        channels: The number of memories that take turns on the hardware; the batch must be a multiple of it.
        unrolled: Whether every product has its own multiplier.
        seed: The seed of cocotb.
        only_last: Whether only the words after the last sample of each sequence are recorded.

    Returns:
        The output words, shape (batch, samples, order), or (batch, 1, order) with `only_last`.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: The simulator is not installed.
        CheckFailed: The Verilog differs from the integer model, or the bench failed.
    """
    design = generate_verilog(plan, lanes=lanes, channels=channels, unrolled=unrolled)
    memory = HarnessedMemory(plan, Stimulus(codes, only_last=only_last), design)
    with working_folder(workdir) as folder:
        return run_targets([memory], workdir=folder, simulator=simulator, seed=seed).checked_words(0)
