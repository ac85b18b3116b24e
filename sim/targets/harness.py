"""A Verilog harness that streams files of words through targets and records every beat that comes out.

All that is done in every clock cycle is done in Verilog; Python only waits for the end. Gaps in the input and
back-pressure on the output come from a xorshift generator (G. Marsaglia, "Xorshift RNGs", Journal of Statistical
Software 8 (14), 2003) with a seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lmu_hw.errors import DesignError
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.targets.base import Stream, Target

TOP = "lmu_hw_harness"
CYCLE_BITS = 48
_INPUTS = ("clk", "rst", "in_valid", "in_data", "in_first", "in_last", "clear_status")
_READY_NOISE = ("noise[7:0]", "noise[31:24]")
"""The random bits that stall each stream of results; bits 8 to 20 make the gaps and clear the status bit."""


@dataclass(frozen=True)
class _Part:
    """The Verilog of a part of a player: of a stream of results, or of the status bit.

    Attributes:
        signals: The declarations.
        reset: The statements in each cycle of reset.
        clock: The statements in every other cycle.
        done: The condition that all beats have come; empty if the part waits for nothing.
        close: The statements after the last cycle.
    """

    signals: str
    reset: str
    clock: str
    done: str = ""
    close: str = ""


def record_fields(stream: Stream) -> tuple[tuple[str, int], ...]:
    """Return the fields of a recorded beat of a stream with their widths, the highest bits first."""
    return (("cycle", CYCLE_BITS), *stream.fields) if stream.timed else stream.fields


def record_file(stream: Stream, k: int) -> str:
    """Return the name of the file with the recorded beats of a stream of target k."""
    return f"{stream.name}_{k}.hex"


def stimulus_files(targets: Sequence[Target]) -> dict[str, str]:
    """Return the text of the files that the harness of `targets` reads, by their names.

    samples_K.hex has the words that go into target K, a line each; traffic_K.hex has its seed, and its gaps and stalls
    in 256ths.
    """
    files = {}
    for k, target in enumerate(targets):
        files[f"samples_{k}.hex"] = _lines(target.input_words().ravel().tolist())
        traffic = target.traffic
        seed = (0x9E3779B9 ^ (traffic.seed * 2654435761 + k * 40503)) & 0xFFFFFFFF or 1
        files[f"traffic_{k}.hex"] = _lines([seed, round(256 * traffic.gap), round(256 * traffic.stall)])
    return files


def _lines(words: Iterable[int]) -> str:
    return "".join(f"{word:x}\n" for word in words)


def harness_verilog(targets: Sequence[Target]) -> str:
    """Return the harness for `targets`: module `TOP` with the inputs clk and rst.

    Its outputs are done, violated (an offered beat was changed, withdrawn or sent twice) and misflagged (a status bit
    was wrong). Target k reads samples_k.hex and traffic_k.hex (see `stimulus_files`); the beats of each of its streams
    are written to a file of their own, a line each (see `lmu_hw.sim.targets.scoreboard`).

    Args:
        targets: Designs of different names.

    Raises:
        DesignError: A design has an input that the harness does not drive.
    """
    parts = [_player(k, target) for k, target in enumerate(targets)]
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


def _player(k: int, target: Target) -> str:
    """Return the module that streams samples_k.hex through target k."""
    data = target.input_bits
    parts = [_recorder(k, i, stream, target.last_only) for i, stream in enumerate(target.streams)]
    if {"saturated", "clear_status"} <= target.ports.keys():
        parts.append(_status_check(data))
    finished = " && ".join(part.done for part in parts if part.done)
    return f"""
module lmu_hw_stream_{k} (
  input wire clk, input wire rst, output reg done, output reg violation, output reg misflag);
  localparam WORDS = {target.input_words().size};
  reg [{data + 2}:0] words [0:WORDS - 1];
  reg [31:0] traffic [0:2];  // seed, gaps and stalls in 256ths: read, so that other traffic needs no other model
  wire [7:0] gap = traffic[1][7:0], stall = traffic[2][7:0];
  reg [31:0] noise, sent, idle;
  reg [{CYCLE_BITS - 1}:0] cycle;
  reg in_valid;
  reg [{data + 2}:0] word;  // {{out of range, last, first, data}}
  wire in_ready;
  wire [{data - 1}:0] in_data = word[{data - 1}:0];
  wire in_first = word[{data}], in_last = word[{data + 1}];
  initial $readmemh("samples_{k}.hex", words);
  initial $readmemh("traffic_{k}.hex", traffic);
{"".join(part.signals for part in parts)}\
  {target.design.name} dut ({_connections(target)});
  wire [31:0] n1 = noise ^ (noise << 13);
  wire [31:0] n2 = n1 ^ (n1 >> 17);
  always @(posedge clk) begin
    if (rst) begin  // the stream starts again, and so does its recording
      noise <= traffic[0]; sent <= 0; idle <= 0; cycle <= 0;
      in_valid <= 0; done <= 0; violation <= 0; misflag <= 0;
{"".join(part.reset for part in parts)}\
    end else begin
      noise <= n2 ^ (n2 << 5);
      if (cycle != 0 || (in_valid && in_ready)) cycle <= cycle + 1;
      if (in_valid && in_ready) in_valid <= 0;
      if ((!in_valid || in_ready) && sent < WORDS && noise[15:8] >= gap) begin
        in_valid <= 1; word <= words[sent]; sent <= sent + 1;
      end
{"".join(part.clock for part in parts)}\
      if ({finished}) idle <= idle + 1;  // wait a while: nothing more may come
      if (idle == {target.rest} && !done) begin
        done <= 1;
{"".join(part.close for part in parts)}\
      end
    end
  end
endmodule
"""


def _recorder(k: int, i: int, stream: Stream, last_only: bool) -> _Part:
    """Return the part that takes the beats of the target's i-th stream, checks their handshake and records them."""
    name = stream.name
    wires = "\n".join(f"  wire [{width - 1}:0] {port};" for port, width in stream.fields)
    bits = sum(width for _, width in stream.fields)
    kept = f"{name}_last" if last_only else "1'b1"
    return _Part(
        signals=f"""\
  localparam {name.upper()}_BEATS = {stream.beats};
  reg {name}_ready, {name}_waiting;
  reg [31:0] {name}_taken;
  wire {name}_valid;
{wires}
  wire [{bits - 1}:0] {name}_beat = {{{", ".join(port for port, _ in stream.fields)}}};
  reg [{bits - 1}:0] {name}_offered;
  integer {name}_file = 0;
""",
        reset=f"""\
      if ({name}_file != 0) $fclose({name}_file);
      {name}_file = 0; {name}_ready <= 0; {name}_waiting <= 0; {name}_taken <= 0;
""",
        clock=f"""\
      {name}_ready <= {_READY_NOISE[i]} >= stall;
      // An offered beat may neither go nor change before it is taken.
      {name}_waiting <= {name}_valid && !{name}_ready;
      {name}_offered <= {name}_beat;
      if ({name}_waiting && (!{name}_valid || {name}_beat != {name}_offered)) violation <= 1;
      if ({name}_valid && {name}_ready) begin
        {name}_taken <= {name}_taken + 1;
        if ({name}_file == 0) {name}_file = $fopen("{record_file(stream, k)}", "w");
        if ({kept}) $fwrite({name}_file, "%h\\n", {f"{{cycle, {name}_beat}}" if stream.timed else f"{name}_beat"});
        if ({name}_taken >= {name.upper()}_BEATS) violation <= 1;
      end
""",
        done=f"{name}_taken == {name.upper()}_BEATS",
        close=f"""\
        $fclose({name}_file); {name}_file = 0;
""",
    )


def _status_check(data: int) -> _Part:
    """Return the part that clears the status bit now and then, and checks its value in every cycle."""
    return _Part(
        signals="""\
  reg clear_status, flag;
  wire saturated;
""",
        reset="""\
      clear_status <= 0; flag <= 0;
""",
        clock=f"""\
      // A sample out of range sets the status bit, in the cycle of a clear too.
      clear_status <= noise[20:16] == 0;
      if (clear_status) flag <= 0;
      if (in_valid && in_ready && word[{data + 2}]) flag <= 1;
      if (saturated !== flag) misflag <= 1;
""",
    )


def _connections(target: Target) -> str:
    driven = {*_INPUTS, "in_ready", "saturated"}
    for stream in target.streams:
        driven |= {f"{stream.name}_valid", f"{stream.name}_ready", *(name for name, _ in stream.fields)}
    return connections(target.design, {name: name for name in driven})


def connections(design: VerilogDesign, signals: Mapping[str, str]) -> str:
    """Return the connections of an instance of `design`, whose outputs without a signal stay open.

    Args:
        design: The design.
        signals: The signal for each port, by the port's name.

    Raises:
        DesignError: The design has an input for which there is no signal.
    """
    ports = {port["name"]: port.get("direction") for port in design.manifest["ports"]}
    open_inputs = [name for name, direction in ports.items() if direction == "input" and name not in signals]
    if open_inputs:
        raise DesignError(f"inputs of {design.name}", "among those that are driven", open_inputs)
    return ", ".join(f".{name}({signals[name]})" for name in ports if name in signals)
