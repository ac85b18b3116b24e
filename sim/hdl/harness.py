"""A Verilog harness that streams files of words through designs and records every beat that comes out.

Everything that happens in each clock cycle happens in Verilog; Python only waits for the end. Gaps in the
input and back-pressure on the output come from a seeded xorshift generator in the harness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmu_hw.errors import DesignError
from lmu_hw.rtl.memory.verilog import VerilogDesign

TOP = "lmu_hw_harness"
CYCLE_BITS = 48


def check_share(what: str, share: float) -> None:
    """Refuse a share of cycles without progress that is not from 0 to 0.9."""
    if not 0.0 <= share <= 0.9:
        raise DesignError(what, "a share from 0 to 0.9", share)


@dataclass(frozen=True)
class Extras:
    """What a kind of design has beside its two streams, as Verilog.

    Attributes:
        signals: declarations.
        ports: connections of the instance.
        reset: what happens in each cycle of reset.
        clock: what happens in every other cycle.
        done: whether all of it has come.
        close: what happens once everything has come.
    """

    signals: str = ""
    ports: str = ""
    reset: str = ""
    clock: str = ""
    done: str = "1'b1"
    close: str = ""


@dataclass(frozen=True)
class StreamModule:
    """One design in the harness.

    Attributes:
        design: its Verilog.
        data_bits: width of in_data.
        beat: ports of a beat of output with their widths, the highest bits of a record first.
        words: lines of the file that is streamed in: {spare, last, first, data} in hexadecimal.
        beats: beats that should come out.
        gap, stall: shares of cycles in which no word is offered, or no beat taken.
        seed: of both.
        record: Verilog's condition for recording a beat.
        timed: whether a record begins with the clock cycle in which the beat is taken, `CYCLE_BITS` wide, counted
            from the one in which the first word is taken.
        rest: cycles after the last beat in which nothing more may come.
        extras: of this kind of design.
    """

    design: VerilogDesign
    data_bits: int
    beat: tuple[tuple[str, int], ...]
    words: int
    beats: int
    gap: float
    stall: float
    seed: int
    record: str
    timed: bool
    rest: int
    extras: Extras = Extras()

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        """What a record consists of, the highest bits first."""
        return (("cycle", CYCLE_BITS), *self.beat) if self.timed else self.beat


def harness_verilog(modules: Sequence[StreamModule]) -> str:
    """The harness for `modules`; module `TOP` has inputs clk and rst, and outputs done, violated and misflagged.

    Design k reads samples_k.hex and writes its beats to beats_k.hex, a line each (see `lmu_hw.sim.hdl.scoreboard`). The
    designs must differ in name.
    """
    parts = [_one(k, module) for k, module in enumerate(modules)]
    n = len(parts)
    instances = "\n".join(
        f"  lmu_hw_stream_{k} s{k} (.clk(clk), .rst(reset), .done(done_all[{k}]), .violation(violation_all[{k}]),"
        f" .misflag(misflag_all[{k}]));"
        for k in range(n)
    )
    top = f"""
module {TOP} (
  input wire clk /* verilator public_flat_rw */, input wire rst /* verilator public_flat_rw */,
  output wire done /* verilator public_flat_rd */, output wire violated /* verilator public_flat_rd */,
  output wire misflagged /* verilator public_flat_rd */);
  reg reset = 1;  // a register, as what hangs on an input is computed anew whenever the bench touches one
  always @(posedge clk) reset <= rst;
  wire [{n - 1}:0] done_all, violation_all, misflag_all;
  assign done = &done_all;
  assign violated = |violation_all;
  assign misflagged = |misflag_all;
{instances}
endmodule
"""
    return "// Streams words from files through designs and records the beats that come out.\n" + "".join([*parts, top])


def _one(k: int, module: StreamModule) -> str:
    data, extras = module.data_bits, module.extras
    total = sum(width for _, width in module.beat)
    seed = (0x9E3779B9 ^ (module.seed * 2654435761 + k * 40503)) & 0xFFFFFFFF or 1
    wires = "\n".join(f"  wire [{width - 1}:0] {name};" for name, width in module.beat)
    links = ", ".join(f".{name}({name})" for name, _ in module.beat)
    return f"""
module lmu_hw_stream_{k} (
  input wire clk, input wire rst, output reg done, output reg violation, output reg misflag);
  localparam WORDS = {module.words}, BEATS = {module.beats}, GAP = {round(256 * module.gap)}, \
STALL = {round(256 * module.stall)};
  reg [{data + 2}:0] words [0:WORDS - 1];
  reg [31:0] noise, sent, taken, idle;
  reg [{CYCLE_BITS - 1}:0] cycle;
  reg in_valid, out_ready, stalled;
  reg [{data + 2}:0] word;
  wire in_ready, out_valid;
{wires}
  wire [{total - 1}:0] beat = {{{", ".join(name for name, _ in module.beat)}}};
  reg [{total - 1}:0] offered;
  integer file = 0;
  initial $readmemh("samples_{k}.hex", words);
{extras.signals}\
  {module.design.name} dut (
    .clk(clk), .rst(rst),
    .in_valid(in_valid), .in_ready(in_ready), .in_data(word[{data - 1}:0]),
    .in_first(word[{data}]), .in_last(word[{data + 1}]),
{extras.ports}\
    .out_valid(out_valid), .out_ready(out_ready), {links});
  wire [31:0] n1 = noise ^ (noise << 13);
  wire [31:0] n2 = n1 ^ (n1 >> 17);
  always @(posedge clk) begin
    if (rst) begin  // the stream starts again, and so does its recording
      if (file != 0) $fclose(file);
      file = 0;
      noise <= 32'd{seed}; sent <= 0; taken <= 0; idle <= 0; cycle <= 0;
      in_valid <= 0; out_ready <= 0; stalled <= 0; done <= 0; violation <= 0; misflag <= 0;
{extras.reset}\
    end else begin
      noise <= n2 ^ (n2 << 5);
      out_ready <= noise[7:0] >= STALL;
      if (cycle != 0 || (in_valid && in_ready)) cycle <= cycle + 1;
      if (in_valid && in_ready) in_valid <= 0;
      if ((!in_valid || in_ready) && sent < WORDS && noise[15:8] >= GAP) begin
        in_valid <= 1; word <= words[sent]; sent <= sent + 1;
      end
      // An offered beat may neither go nor change before it is taken.
      stalled <= out_valid && !out_ready;
      offered <= beat;
      if (stalled && (!out_valid || beat != offered)) violation <= 1;
      if (out_valid && out_ready) begin
        taken <= taken + 1;
        if (file == 0) file = $fopen("beats_{k}.hex", "w");
        if ({module.record}) $fwrite(file, "%h\\n", {"{cycle, beat}" if module.timed else "beat"});
        if (taken >= BEATS) violation <= 1;
      end
{extras.clock}\
      if (taken == BEATS && {extras.done}) idle <= idle + 1;  // wait a while: nothing more may come
      if (idle == {module.rest} && !done) begin
        done <= 1; $fclose(file); file = 0;
{extras.close}\
      end
    end
  end
endmodule
"""
