"""Designs and circuits with a fault, which a bench must find."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.mixed import circuit


def edited(design: VerilogDesign, pattern: str, replacement: str, count: int = 1) -> VerilogDesign:
    """The design with `count` pieces of its Verilog replaced; they must be there."""
    text, hits = re.subn(pattern, replacement, design.text, count=count, flags=re.MULTILINE)
    assert hits == count, f"{pattern!r} not found"
    return replace(design, text=text)


def make_a_resistor_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the coupling of state 1 to state 0 is 20 % off in every mixed circuit."""
    right = circuit.subcircuit_text

    def scaled(found: re.Match[str]) -> str:
        return f"{found[1]}{1.2 * float(found[2])!r}"

    def wrong(*args: Any) -> str:
        text, hits = re.subn(r"^(R_x1_x0 \S+ \S+ )(\S+)", scaled, right(*args), flags=re.MULTILINE)
        assert hits == 1
        return text

    monkeypatch.setattr(circuit, "subcircuit_text", wrong)


def tied(design: VerilogDesign, port: str) -> VerilogDesign:
    """The design with a one-bit output of its top module tied to 0, whatever happens inside."""
    top, rest = design.text.split("endmodule", 1)
    header, body = top.split("\n);\n", 1)
    assert re.search(rf"^  output wire +{port}\b", header, re.MULTILINE), f"no output {port}"
    inside = re.sub(rf"\b{port}\b", f"{port}_inside", body)
    text = f"{header}\n);\n  assign {port} = 1'b0;\n  wire {port}_inside;\n{inside}endmodule{rest}"
    return replace(design, text=text)
