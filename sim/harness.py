"""A Verilog harness that streams a file of samples through memories and records every beat that comes out.

Everything that happens in each clock cycle happens in Verilog; Python only waits for the end. Gaps in the
input and back-pressure on the output come from a seeded xorshift generator in the harness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lmu_hw.errors import DesignError
from lmu_hw.fixedpoint import IntArray
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
            rows run side by side, so the batch must be a multiple of the channels.
        gap: share of cycles in which no new sample is offered, 0 … 0.9.
        stall: share of cycles in which no beat is taken, 0 … 0.9.
        only_last: record only the beats of each sequence's last sample.
        unmarked: the first sequences go without `first`: the memory starts them as reset has left it.
        seed: of the gaps and stalls.
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

    @property
    def lanes(self) -> int:
        """State words in a beat."""
        return int(self.design.manifest["lanes"])

    @property
    def channels(self) -> int:
        """Memories that take turns."""
        return int(self.design.manifest["channels"])

    @property
    def beats_per_sample(self) -> int:
        """Beats of output for each sample."""
        return self.plan.spec.order // self.lanes

    def sample_words(self) -> str:
        """The samples as $readmemh wants them: {last, first, data}, one a line, channels taking turns."""
        codes, channels = self.stimulus.codes, self.channels
        batch, samples = codes.shape
        width = self.plan.input_format.width
        words = codes & ((1 << width) - 1)
        words[channels if self.stimulus.unmarked else 0 :, 0] |= 1 << width
        words[:, -1] |= 2 << width
        turns = words.reshape(batch // channels, channels, samples).transpose(0, 2, 1)
        return "\n".join(f"{word:x}" for word in turns.ravel().tolist()) + "\n"

    def expected_order(self, words: Numbers) -> Numbers:
        """State words or values, (batch, samples or 1, order), in the order of the beats, (beats, lanes)."""
        batch, samples, order = words.shape
        turns = words.reshape(batch // self.channels, self.channels, samples, order).transpose(0, 2, 1, 3)
        return turns.reshape(-1, self.lanes)

    def batch_order(self, beats: IntArray) -> IntArray:
        """The inverse of `expected_order`: (beats, lanes) to (batch, samples or 1, order)."""
        batch, samples = self.stimulus.codes.shape
        kept = 1 if self.stimulus.only_last else samples
        order = self.plan.spec.order
        turns = beats.reshape(batch // self.channels, kept, self.channels, order).transpose(0, 2, 1, 3)
        return np.ascontiguousarray(turns).reshape(batch, kept, order)


def harness_verilog(memories: Sequence[HarnessedMemory]) -> str:
    """The harness for `memories`; module `TOP` has inputs clk and rst, and outputs done and violated.

    Memory k reads samples_k.hex and writes its beats to beats_k.hex, a line each: channel, index, first,
    last and the words, in hexadecimal (see `lmu_hw.sim.beats`). The designs must differ in name.
    """
    parts = [_one(k, memory) for k, memory in enumerate(memories)]
    n = len(parts)
    instances = "\n".join(
        f"  lmu_hw_stream_{k} s{k} (.clk(clk), .rst(rst), .done(done_all[{k}]), .violation(violation_all[{k}]));"
        for k in range(n)
    )
    top = f"""
module {TOP} (input wire clk, input wire rst, output wire done, output wire violated);
  wire [{n - 1}:0] done_all, violation_all;
  assign done = &done_all;
  assign violated = |violation_all;
{instances}
endmodule
"""
    return "// Streams samples from files through memories and records the beats that come out.\n" + "".join(
        [*parts, top]
    )


def _one(k: int, memory: HarnessedMemory) -> str:
    width = {port["name"]: port["width"] for port in memory.design.manifest["ports"]}
    tag = width["out_channel"] + width["out_index"] + 2
    beat = tag + width["out_data"]
    samples = memory.stimulus.codes.size
    total = memory.stimulus.codes.size * memory.beats_per_sample
    seed = (0x9E3779B9 ^ (memory.stimulus.seed * 2654435761 + k * 40503)) & 0xFFFFFFFF or 1
    record = "out_last" if memory.stimulus.only_last else "1'b1"
    return f"""
module lmu_hw_stream_{k} (input wire clk, input wire rst, output reg done, output reg violation);
  localparam SAMPLES = {samples}, BEATS = {total}, GAP = {round(256 * memory.stimulus.gap)}, \
STALL = {round(256 * memory.stimulus.stall)};
  reg [{width["in_data"] + 1}:0] samples [0:SAMPLES - 1];
  reg [31:0] noise, sent, taken, idle;
  reg in_valid, out_ready, stalled;
  reg [{width["in_data"] + 1}:0] word;
  wire in_ready, out_valid, out_first, out_last;
  wire [{width["out_data"] - 1}:0] out_data;
  wire [{width["out_index"] - 1}:0] out_index;
  wire [{width["out_channel"] - 1}:0] out_channel;
  wire [{beat - 1}:0] beat = {{out_channel, out_index, out_first, out_last, out_data}};
  reg [{beat - 1}:0] offered;
  integer file = 0;
  initial $readmemh("samples_{k}.hex", samples);
  {memory.design.name} dut (
    .clk(clk), .rst(rst),
    .in_valid(in_valid), .in_ready(in_ready), .in_data(word[{width["in_data"] - 1}:0]),
    .in_first(word[{width["in_data"]}]), .in_last(word[{width["in_data"] + 1}]),
    .out_valid(out_valid), .out_ready(out_ready), .out_data(out_data), .out_index(out_index),
    .out_channel(out_channel), .out_first(out_first), .out_last(out_last));
  wire [31:0] n1 = noise ^ (noise << 13);
  wire [31:0] n2 = n1 ^ (n1 >> 17);
  always @(posedge clk) begin
    if (rst) begin  // the stream starts again, and so does its recording
      if (file != 0) $fclose(file);
      file = 0;
      noise <= 32'd{seed}; sent <= 0; taken <= 0; idle <= 0;
      in_valid <= 0; out_ready <= 0; stalled <= 0; done <= 0; violation <= 0;
    end else begin
      noise <= n2 ^ (n2 << 5);
      out_ready <= noise[7:0] >= STALL;
      if (in_valid && in_ready) in_valid <= 0;
      if ((!in_valid || in_ready) && sent < SAMPLES && noise[15:8] >= GAP) begin
        in_valid <= 1; word <= samples[sent]; sent <= sent + 1;
      end
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
      if (taken == BEATS) idle <= idle + 1;  // wait a while: nothing more may come
      if (idle == {2 * int(memory.design.manifest["cycles_per_sample"]) + 16} && !done) begin
        done <= 1; $fclose(file); file = 0;
      end
    end
  end
endmodule
"""
