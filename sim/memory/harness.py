"""Memories in the stream harness: what goes into them, and what is expected to come out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, Overflow, QFormat, fit
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.legendre import Array
from lmu_hw.rtl.verilog import VerilogDesign
from lmu_hw.sim.stream.beats import memory_fields
from lmu_hw.sim.stream.harness import Extras, StreamModule, check_share

Numbers = TypeVar("Numbers", IntArray, Array)


@dataclass(frozen=True)
class Stimulus:
    """What is streamed through one memory.

    Attributes:
        codes: input codes, shape (batch, samples): sequences one after the other, each with `first` on its
            first sample and `last` on its last. With several channels the sequences of `channels` successive
            rows run side by side, so the batch must be a multiple of the channels. Codes beyond the input
            format go to a wider port only.
        gap: share of cycles in which no new sample is offered, 0 … 0.9.
        stall: share of cycles in which no beat is taken, 0 … 0.9; readouts wait as often, at other times.
        only_last: record only the beats and readouts of each sequence's last sample.
        unmarked: the first sequences go without `first`: the memory starts them as reset has left it.
        seed: of the gaps, the stalls and the cycles in which the status bit is cleared.
    """

    codes: IntArray
    gap: float = 0.0
    stall: float = 0.0
    only_last: bool = False
    unmarked: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.codes.size == 0:
            raise DesignError("codes", "of shape (batch, samples), not empty", self.codes.shape)
        check_share("gap", self.gap)
        check_share("stall", self.stall)


@dataclass(frozen=True)
class HarnessedMemory:
    """One memory in the harness: its plan, its Verilog and its stimulus.

    Attributes:
        plan: the fixed-point plan.
        stimulus: what is streamed through it.
        design: the Verilog under test. Another than the plan's own stands for a wrong build.
    """

    plan: MemoryPlan
    stimulus: Stimulus
    design: VerilogDesign

    def __post_init__(self) -> None:
        if self.stimulus.codes.shape[0] % self.channels:
            raise DesignError(
                "number of sequences", f"a multiple of {self.channels} channels", self.stimulus.codes.shape[0]
            )
        port = QFormat(self.port_bits, self.plan.input_format.fraction)
        low, high = int(self.stimulus.codes.min()), int(self.stimulus.codes.max())
        if low < port.low or high > port.high:
            raise DesignError("codes", f"within the {port.width} bits of the port", [low, high])

    @property
    def words_per_beat(self) -> int:
        """State words in a beat."""
        return int(self.design.manifest["words_per_beat"])

    @property
    def port_bits(self) -> int:
        """Width of the input port."""
        return int(self.design.manifest["port_bits"])

    @property
    def cycles_per_round(self) -> int:
        """Cycles from one sample to the next, or from one set of samples in step."""
        return math.ceil(float(self.design.manifest["cycles_per_sample"]) * self.in_step)

    @property
    def in_step(self) -> int:
        """Channels whose beats alternate."""
        return int(self.design.manifest["channels_in_step"])

    @property
    def channels(self) -> int:
        """Memories that take turns."""
        return int(self.design.manifest["channels"])

    @property
    def beats_per_sample(self) -> int:
        """Beats of output for each sample."""
        return self.plan.spec.order // self.words_per_beat

    @property
    def kept_codes(self) -> IntArray:
        """The codes as the memory takes them: those out of range saturated."""
        return fit(self.stimulus.codes, self.plan.input_format, Overflow.SATURATE)

    def sample_words(self) -> str:
        """The samples as $readmemh wants them: {outside, last, first, data}, one a line, channels taking turns."""
        codes, channels = self.stimulus.codes, self.channels
        batch, samples = codes.shape
        width = self.port_bits
        words = codes & ((1 << width) - 1)
        words[channels if self.stimulus.unmarked else 0 :, 0] |= 1 << width
        words[:, -1] |= 2 << width
        words[codes != self.kept_codes] |= 4 << width
        turns = words.reshape(batch // channels, channels, samples).transpose(0, 2, 1)
        return "\n".join(f"{word:x}" for word in turns.ravel().tolist()) + "\n"

    def expected_order(self, words: Numbers) -> Numbers:
        """State words or values, (batch, samples or 1, order), in the order of the beats, (beats, words)."""
        batch, samples, _ = words.shape
        return words.reshape(self._turns(batch, samples)).transpose(0, 3, 1, 4, 2, 5).reshape(-1, self.words_per_beat)

    def batch_order(self, beats: IntArray) -> IntArray:
        """The inverse of `expected_order`: (beats, words) to (batch, samples or 1, order)."""
        batch, samples = self.stimulus.codes.shape
        kept = 1 if self.stimulus.only_last else samples
        sets, turns, in_step, _, groups, words = self._turns(batch, kept)
        rows = beats.reshape(sets, kept, turns, groups, in_step, words).transpose(0, 2, 4, 1, 3, 5)
        return np.ascontiguousarray(rows).reshape(batch, kept, -1)

    def expected_readouts(self, values: Numbers) -> Numbers:
        """Readouts, (batch, samples or 1, readouts), in the order in which they come, (samples, readouts)."""
        batch, samples, count = values.shape
        turns = values.reshape(batch // self.channels, self.channels, samples, count).transpose(0, 2, 1, 3)
        return turns.reshape(-1, count)

    def batch_readouts(self, rows: IntArray) -> IntArray:
        """The inverse of `expected_readouts`."""
        batch, samples = self.stimulus.codes.shape
        kept = 1 if self.stimulus.only_last else samples
        turns = rows.reshape(batch // self.channels, kept, self.channels, -1).transpose(0, 2, 1, 3)
        return np.ascontiguousarray(turns).reshape(batch, kept, -1)

    def _turns(self, batch: int, samples: int) -> tuple[int, int, int, int, int, int]:
        """Sets of sequences, turns of channels in step, those, samples, beats of each, words of a beat."""
        turns = self.channels // self.in_step
        return batch // self.channels, turns, self.in_step, samples, self.beats_per_sample, self.words_per_beat


def stream_module(k: int, memory: HarnessedMemory) -> StreamModule:
    """Memory k for the harness, which also writes its readouts to readouts_k.hex.

    The status bit is compared in every cycle with what it should be.
    """
    readouts = memory_fields(memory.design.manifest, "readout")
    return StreamModule(
        design=memory.design,
        data_bits=memory.port_bits,
        beat=memory_fields(memory.design.manifest),
        words=memory.stimulus.codes.size,
        beats=memory.stimulus.codes.size * memory.beats_per_sample,
        gap=memory.stimulus.gap,
        stall=memory.stimulus.stall,
        seed=memory.stimulus.seed,
        record="out_last" if memory.stimulus.only_last else "1'b1",
        timed=False,
        rest=2 * memory.cycles_per_round + 16,
        extras=_readout_extras(k, memory, readouts) if readouts else _status_extras(memory.port_bits),
    )


def _status_extras(data: int) -> Extras:
    return Extras(
        signals="""\
  reg clear_status, flag;
  wire saturated;
""",
        ports="""\
    .saturated(saturated), .clear_status(clear_status),
""",
        reset="""\
      clear_status <= 0; flag <= 0;
""",
        clock=f"""\
      // The status bit is cleared now and then; a sample out of range sets it, in the same cycle too.
      clear_status <= noise[20:16] == 0;
      if (clear_status) flag <= 0;
      if (in_valid && in_ready && word[{data + 2}]) flag <= 1;
      if (saturated !== flag) misflag <= 1;
""",
    )


def _readout_extras(k: int, memory: HarnessedMemory, fields: tuple[tuple[str, int], ...]) -> Extras:
    status = _status_extras(memory.port_bits)
    total = sum(width for _, width in fields)
    wires = "\n".join(f"  wire [{width - 1}:0] {name};" for name, width in fields)
    record = "readout_last" if memory.stimulus.only_last else "1'b1"
    return Extras(
        signals=f"""\
{status.signals}\
  localparam READOUTS = {memory.stimulus.codes.size};
  reg [31:0] read;
  reg readout_ready, unread;
  wire readout_valid;
{wires}
  wire [{total - 1}:0] readout = {{{", ".join(name for name, _ in fields)}}};
  reg [{total - 1}:0] shown;
  integer readout_file = 0;
""",
        ports=f"""\
{status.ports}\
    .readout_valid(readout_valid), .readout_ready(readout_ready),
    {", ".join(f".{name}({name})" for name, _ in fields)},
""",
        reset=f"""\
{status.reset}\
      if (readout_file != 0) $fclose(readout_file);
      readout_file = 0; readout_ready <= 0; unread <= 0; read <= 0;
""",
        clock=f"""\
{status.clock}\
      readout_ready <= noise[31:24] >= STALL;
      unread <= readout_valid && !readout_ready;
      shown <= readout;
      if (unread && (!readout_valid || readout != shown)) violation <= 1;
      if (readout_valid && readout_ready) begin
        read <= read + 1;
        if (readout_file == 0) readout_file = $fopen("readouts_{k}.hex", "w");
        if ({record}) $fwrite(readout_file, "%h\\n", readout);
        if (read >= READOUTS) violation <= 1;
      end
""",
        done="read == READOUTS",
        close="""\
        $fclose(readout_file); readout_file = 0;
""",
    )
