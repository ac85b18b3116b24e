"""The harness around a design: few pins, so that small packages do, and registers at all ports, so that paths count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TOP = "lmu_hw_fpga"
"""The name of the harness; no generated module begins like this."""

INSTANCE = "dut"
"""The name of the design within it."""


def harness_verilog(name: str, ports: Sequence[dict[str, Any]]) -> str:
    """Return the Verilog of the harness, a module with the pins `clk`, `rst`, `shift_in`, `load` and `shift_out`.

    The inputs of the design come from a shift register. Its outputs are loaded into another, which shifts them out.
    So every path from and to a port of the design begins or ends at a register, and none of its logic can be left out.

    Args:
        name: The name of the design.
        ports: Its ports, as the manifest lists them: `name`, `direction` and `width` of each.
    """
    data = [port for port in ports if port["name"] not in ("clk", "rst")]
    ways = {way: [port for port in data if port["direction"] == way] for way in ("input", "output")}
    widths = {way: sum(int(port["width"]) for port in each) for way, each in ways.items()}
    links = ["    .clk(clk)", "    .rst(reset)"]
    for way, register in (("input", "inputs"), ("output", "outputs")):
        low = 0
        for port in ways[way]:
            high = low + int(port["width"]) - 1
            links.append(f"    .{port['name']}({register}[{high}:{low}])")
            low = high + 1
    last_in, last_out = widths["input"] - 1, widths["output"] - 1
    return "\n".join(
        [
            f"module {TOP} (input wire clk, rst, shift_in, load, output wire shift_out);",
            "  reg reset, first, loads;",
            f"  reg [{last_in}:0] inputs;",
            f"  reg [{last_out}:0] shifted;",
            f"  wire [{last_out}:0] outputs;",
            "  always @(posedge clk) begin",
            "    reset <= rst;",
            "    first <= shift_in;",
            "    loads <= load;",
            "    inputs <= inputs << 1 | first;",
            "    shifted <= loads ? outputs : shifted << 1 | first;",
            "  end",
            f"  assign shift_out = shifted[{last_out}];",
            f"  {name} {INSTANCE} (",
            ",\n".join(links),
            "  );",
            "endmodule",
            "",
        ]
    )
