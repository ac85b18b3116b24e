"""A run as a folder of files that needs nothing of this package: Verilog, stimulus, expected beats, testbench, script.

The harness is that of `lmu_hw.sim.targets.run`. In place of cocotb, a testbench in Verilog makes clock and reset, and
compares every beat of every stream with a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.io.files import write_text
from lmu_hw.sim.targets.base import Expected, Stream, Target
from lmu_hw.sim.targets.harness import TOP, harness_verilog, stimulus_files

TESTBENCH = "lmu_hw_testbench"
SCRIPT = "run.sh"
_PERIOD_NS = 10


def write_standalone(
    targets: Sequence[Target], folder: str | Path, *, expected: Sequence[IntArray] | None = None
) -> list[Path]:
    """Write all that a simulation of the targets needs; ``sh run.sh`` in the folder then runs it.

    The files are NAME.v of each target, the harness, the testbench, samples_K.hex and traffic_K.hex (see
    `lmu_hw.sim.targets.harness.stimulus_files`), the contents of large ROMs, expected_STREAM_K.hex with a beat of
    target K in each line, its fields in the order of `Stream.fields`, the highest bits first, and run.sh.

    Args:
        targets: Designs of different names.
        folder: The folder for the files, which is made if need be.
        expected: The words with which each target is compared, of the shape of its model's; by default those of the
            integer models.

    Returns:
        The paths of the files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    words = [target.model_words() for target in targets] if expected is None else expected
    files = {f"{target.design.name}.v": target.design.text for target in targets}
    sources = [f"{TESTBENCH}.v", f"{TOP}.v", *files]
    files |= {f"{TOP}.v": harness_verilog(targets), f"{TESTBENCH}.v": testbench_verilog(targets)}
    files |= stimulus_files(targets)
    for k, target in enumerate(targets):
        files |= target.design.memory_files
        for stream in target.streams:
            content = target.expected(words[k])[stream.name]
            files[_expected_file(stream, k)] = "".join(f"{beat:x}\n" for beat in beats(stream, content))
    files[SCRIPT] = _script(sources)
    return [write_text(folder / name, text) for name, text in files.items()]


def beats(stream: Stream, content: Expected) -> list[int]:
    """Return the expected beats of a stream as unsigned integers: their fields, the first one in the highest bits."""
    packed = [0] * len(content.words)
    for name, width in stream.fields[:-1]:
        tag, mask = content.tags[name.rpartition("_")[2]].tolist(), (1 << width) - 1
        packed = [beat << width | value & mask for beat, value in zip(packed, tag, strict=True)]
    each = stream.fields[-1][1] // stream.words
    for column in reversed(range(stream.words)):  # the first word in the lowest bits
        values, mask = content.words[:, column].tolist(), (1 << each) - 1
        packed = [beat << each | value & mask for beat, value in zip(packed, values, strict=True)]
    return packed


def testbench_verilog(targets: Sequence[Target]) -> str:
    """Return the testbench: module `TESTBENCH`, which prints PASSED or FAILED with what it counted.

    With the plusarg waves it leaves all signals in waves.vcd.
    """
    checks = [_check(k, target, stream) for k, target in enumerate(targets) for stream in target.streams]
    names = [f"{stream.name}_{k}" for k, target in enumerate(targets) for stream in target.streams]
    limit = max(target.limit_cycles for target in targets)
    right = " && ".join(["done", "!violated", "!misflagged", *(f"beats_{name} == BEATS_{name}" for name in names)])
    wrong = " + ".join(f"wrong_{name}" for name in names)
    seen = " + ".join(f"beats_{name}" for name in names)
    return f"""\
// Streams the words of samples_*.hex through the design, and compares every beat with expected_*.hex.
`timescale 1ns / 1ps
module {TESTBENCH};
  reg clk = 0, rst = 1;
  wire done, violated, misflagged;
  integer cycles = 0;
  {TOP} harness (.clk(clk), .rst(rst), .done(done), .violated(violated), .misflagged(misflagged));
  always #{_PERIOD_NS // 2} clk = !clk;
  initial if ($test$plusargs("waves")) begin
    $dumpfile("waves.vcd");
    $dumpvars(0, {TESTBENCH});
  end
{"".join(checks)}\
  always @(posedge clk) begin
    cycles <= cycles + 1;
    if (cycles == 4) rst <= 0;
    if (done || cycles == {limit}) begin
      if (!done) $display("the end never came");
      if (violated) $display("an offered beat was changed, withdrawn or sent twice");
      if (misflagged) $display("the status bit was not as the samples should have left it");
      if ({right} && {wrong} == 0) $display("PASSED: %0d beats, 0 mismatches", {seen});
      else $display("FAILED: %0d beats, %0d mismatches", {seen}, {wrong});
      $finish;
    end
  end
endmodule
"""


def _check(k: int, target: Target, stream: Stream) -> str:
    """Return the statements that compare the beats of a stream of target k."""
    name, path = f"{stream.name}_{k}", f"harness.s{k}.{stream.name}"
    width = sum(bits for _, bits in stream.fields)
    count = len(target.expected(target.model_words())[stream.name].words) if target.last_only else stream.beats
    kept = f" && {path}_last" if target.last_only else ""
    return f"""\
  localparam BEATS_{name} = {count};
  reg [{width - 1}:0] expected_{name} [0:BEATS_{name} - 1];
  integer beats_{name} = 0, wrong_{name} = 0;
  initial $readmemh("{_expected_file(stream, k)}", expected_{name});
  always @(posedge clk) if (!harness.reset && {path}_valid && {path}_ready{kept}) begin
    if (beats_{name} >= BEATS_{name} || {path}_beat !== expected_{name}[beats_{name}]) begin
      if (wrong_{name} == 0) $display("{target.design.name}, {stream.name}, beat %0d: expected %h, got %h",
        beats_{name}, expected_{name}[beats_{name}], {path}_beat);
      wrong_{name} <= wrong_{name} + 1;
    end
    beats_{name} <= beats_{name} + 1;
  end
"""


def _expected_file(stream: Stream, k: int) -> str:
    return f"expected_{stream.name}_{k}.hex"


def _script(sources: Sequence[str]) -> str:
    """Return the script that compiles and runs the testbench."""
    return f"""\
#!/bin/sh
# Simulates the Verilog of this folder again and compares every beat: sh {SCRIPT} [+waves]
#   SIMULATOR   icarus (the default) or verilator
# Builds in a scratch folder; +waves leaves waves.vcd here. Exit status 0 if every beat is as expected, otherwise 1.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$here"/*.v "$here"/*.hex "$scratch"
cd "$scratch"
sources="{" ".join(sources)}"
case "${{SIMULATOR:-icarus}}" in
    icarus)
        iverilog -g2005 -s {TESTBENCH} -o simulation $sources
        vvp -n simulation "$@" >log || true ;;
    verilator)
        verilator --binary --timing --trace -Wno-fatal -Wno-lint --top-module {TESTBENCH} $sources >build.log
        "obj_dir/V{TESTBENCH}" "$@" >log || true ;;
    *)
        echo "SIMULATOR must be icarus or verilator, got $SIMULATOR" >&2
        exit 2 ;;
esac
cat log
[ ! -f waves.vcd ] || cp waves.vcd "$here"
grep -q '^PASSED' log
"""
