"""Designs that are made wrong on purpose, by a change of their Verilog."""

from __future__ import annotations

import re
from dataclasses import replace

from lmu_hw.rtl.interface.emission import VerilogDesign


def edited(design: VerilogDesign, pattern: str, replacement: str) -> VerilogDesign:
    """The design with the first piece of its text that fits the pattern exchanged; there must be one."""
    text, hits = re.subn(pattern, replacement, design.text, count=1, flags=re.MULTILINE)
    assert hits, f"{pattern!r} not found"
    return replace(design, text=text)


def tied(design: VerilogDesign, port: str) -> VerilogDesign:
    """The design with a one-bit output of its top module tied to 0, whatever happens inside."""
    top, rest = design.text.split("endmodule", 1)
    header, body = top.split("\n);\n", 1)
    assert re.search(rf"^  output wire +{port}\b", header, re.MULTILINE), f"no output {port}"
    inside = re.sub(rf"\b{port}\b", f"{port}_inside", body)
    text = f"{header}\n);\n  assign {port} = 1'b0;\n  wire {port}_inside;\n{inside}endmodule{rest}"
    return replace(design, text=text)
