"""A Verilog harness that streams a file of samples through memories and records every beat that comes out.

Everything that happens in each clock cycle happens in Verilog; Python only waits for the end. Gaps in the
input and back-pressure on the output come from a seeded xorshift generator in the harness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixedpoint import IntArray, Overflow, QFormat, fit
from lmu_hw.legendre import Array
from lmu_hw.plan import MemoryPlan
from lmu_hw.rtl.verilog import VerilogDesign

TOP = "lmu_hw_harness"
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
        for what, share in (("gap", self.gap), ("stall", self.stall)):
            if not 0.0 <= share <= 0.9:
                raise DesignError(what, "a share from 0 to 0.9", share)


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


def harness_verilog(memories: Sequence[HarnessedMemory]) -> str:
    """The harness for `memories`; module `TOP` has inputs clk and rst, and outputs done, violated and misflagged.

    Memory k reads samples_k.hex and writes its beats to beats_k.hex, a line each: channel, index, first,
    last and the words, in hexadecimal (see `lmu_hw.sim.beats`); readouts likewise to readouts_k.hex. The
    status bit is compared in every cycle with what it should be. The designs must differ in name.
    """
    parts = [_one(k, memory) for k, memory in enumerate(memories)]
    n = len(parts)
    instances = "\n".join(
        f"  lmu_hw_stream_{k} s{k} (.clk(clk), .rst(rst), .done(done_all[{k}]), .violation(violation_all[{k}]),"
        f" .misflag(misflag_all[{k}]));"
        for k in range(n)
    )
    top = f"""
module {TOP} (input wire clk, input wire rst, output wire done, output wire violated, output wire misflagged);
  wire [{n - 1}:0] done_all, violation_all, misflag_all;
  assign done = &done_all;
  assign violated = |violation_all;
  assign misflagged = |misflag_all;
{instances}
endmodule
"""
    return "// Streams samples from files through memories and records the beats that come out.\n" + "".join(
        [*parts, top]
    )


def _one(k: int, memory: HarnessedMemory) -> str:
    width = {port["name"]: port["width"] for port in memory.design.manifest["ports"]}
    data = width["in_data"]
    tag = width["out_channel"] + width["out_index"] + 2
    beat = tag + width["out_data"]
    samples = memory.stimulus.codes.size
    total = memory.stimulus.codes.size * memory.beats_per_sample
    seed = (0x9E3779B9 ^ (memory.stimulus.seed * 2654435761 + k * 40503)) & 0xFFFFFFFF or 1
    record = "out_last" if memory.stimulus.only_last else "1'b1"
    reads = "readout_data" in width
    return f"""
module lmu_hw_stream_{k} (
  input wire clk, input wire rst, output reg done, output reg violation, output reg misflag);
  localparam SAMPLES = {samples}, BEATS = {total}, READOUTS = {samples if reads else 0}, \
GAP = {round(256 * memory.stimulus.gap)}, STALL = {round(256 * memory.stimulus.stall)};
  reg [{data + 2}:0] samples [0:SAMPLES - 1];
  reg [31:0] noise, sent, taken, read, idle;
  reg in_valid, out_ready, stalled, clear_status, flag;
  reg [{data + 2}:0] word;
  wire in_ready, out_valid, out_first, out_last, saturated;
  wire [{width["out_data"] - 1}:0] out_data;
  wire [{width["out_index"] - 1}:0] out_index;
  wire [{width["out_channel"] - 1}:0] out_channel;
  wire [{beat - 1}:0] beat = {{out_channel, out_index, out_first, out_last, out_data}};
  reg [{beat - 1}:0] offered;
  integer file = 0;
  initial $readmemh("samples_{k}.hex", samples);
{_readout_signals(width) if reads else ""}\
  {memory.design.name} dut (
    .clk(clk), .rst(rst),
    .in_valid(in_valid), .in_ready(in_ready), .in_data(word[{data - 1}:0]),
    .in_first(word[{data}]), .in_last(word[{data + 1}]),
{_READOUT_PORTS if reads else ""}\
    .out_valid(out_valid), .out_ready(out_ready), .out_data(out_data), .out_index(out_index),
    .out_channel(out_channel), .out_first(out_first), .out_last(out_last),
    .saturated(saturated), .clear_status(clear_status));
  wire [31:0] n1 = noise ^ (noise << 13);
  wire [31:0] n2 = n1 ^ (n1 >> 17);
  always @(posedge clk) begin
    if (rst) begin  // the stream starts again, and so does its recording
      if (file != 0) $fclose(file);
      file = 0;
      noise <= 32'd{seed}; sent <= 0; taken <= 0; idle <= 0; clear_status <= 0; flag <= 0; misflag <= 0;
      in_valid <= 0; out_ready <= 0; stalled <= 0; done <= 0; violation <= 0; read <= 0;
{_READOUT_RESET if reads else ""}\
    end else begin
      noise <= n2 ^ (n2 << 5);
      out_ready <= noise[7:0] >= STALL;
      if (in_valid && in_ready) in_valid <= 0;
      if ((!in_valid || in_ready) && sent < SAMPLES && noise[15:8] >= GAP) begin
        in_valid <= 1; word <= samples[sent]; sent <= sent + 1;
      end
      // The status bit is cleared now and then; a sample out of range sets it, in the same cycle too.
      clear_status <= noise[20:16] == 0;
      if (clear_status) flag <= 0;
      if (in_valid && in_ready && word[{data + 2}]) flag <= 1;
      if (saturated !== flag) misflag <= 1;
      // An offered beat may neither go nor change before it is taken.
      stalled <= out_valid && !out_ready;
      offered <= beat;
      if (stalled && (!out_valid || beat != offered)) violation <= 1;
      if (out_valid && out_ready) begin
        taken <= taken + 1;
        if (file == 0) file = $fopen("beats_{k}.hex", "w");
        if ({record}) $fwrite(file, "%h\\n", beat);
        if (taken >= BEATS) violation <= 1;
      end
{_readout_recorder(k, memory.stimulus.only_last) if reads else ""}\
      if (taken == BEATS && read == READOUTS) idle <= idle + 1;  // wait a while: nothing more may come
      if (idle == {2 * memory.cycles_per_round + 16} && !done) begin
        done <= 1; $fclose(file); file = 0;
{_READOUT_CLOSE if reads else ""}\
      end
    end
  end
endmodule
"""


_READOUT_PORTS = """\
    .readout_valid(readout_valid), .readout_ready(readout_ready), .readout_data(readout_data),
    .readout_channel(readout_channel), .readout_first(readout_first), .readout_last(readout_last),
"""


def _readout_signals(width: dict[str, int]) -> str:
    total = width["readout_channel"] + 2 + width["readout_data"]
    return f"""\
  reg readout_ready, unread;
  wire readout_valid, readout_first, readout_last;
  wire [{width["readout_data"] - 1}:0] readout_data;
  wire [{width["readout_channel"] - 1}:0] readout_channel;
  wire [{total - 1}:0] readout = {{readout_channel, readout_first, readout_last, readout_data}};
  reg [{total - 1}:0] shown;
  integer readout_file = 0;
"""


_READOUT_RESET = """\
      if (readout_file != 0) $fclose(readout_file);
      readout_file = 0; readout_ready <= 0; unread <= 0;
"""

_READOUT_CLOSE = """\
        $fclose(readout_file); readout_file = 0;
"""


def _readout_recorder(k: int, only_last: bool) -> str:
    return f"""\
      readout_ready <= noise[31:24] >= STALL;
      unread <= readout_valid && !readout_ready;
      shown <= readout;
      if (unread && (!readout_valid || readout != shown)) violation <= 1;
      if (readout_valid && readout_ready) begin
        read <= read + 1;
        if (readout_file == 0) readout_file = $fopen("readouts_{k}.hex", "w");
        if ({"readout_last" if only_last else "1'b1"}) $fwrite(readout_file, "%h\\n", readout);
        if (read >= READOUTS) violation <= 1;
      end
"""
