"""Verilog with stable, readable port names, and the files that travel with it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lmu_hw.artifacts import check_identifier, write_json, write_text
from lmu_hw.errors import DesignError
from lmu_hw.plan import MemoryPlan
from lmu_hw.rtl.design import build_memory
from lmu_hw.rtl.stream import StreamMemory
from lmu_hw.rtl.unrolled import UnrolledMemory

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
    """

    name: str
    text: str
    manifest: dict[str, Any]

    def write(self, folder: Path) -> dict[str, Path]:
        """Write NAME.v, NAME.core and manifest.json to `folder`, each whole or not at all."""
        return {
            "verilog": write_text(folder / f"{self.name}.v", self.text),
            "core": write_text(folder / f"{self.name}.core", _fusesoc_core(self.name, self.manifest)),
            "manifest": write_json(folder / "manifest.json", self.manifest),
        }


def generate_verilog(
    plan: MemoryPlan,
    *,
    name: str = "lmu_memory",
    lanes: int = 1,
    channels: int = 1,
    unrolled: bool = False,
    port_bits: int | None = None,
    command: str = "lmu_hw.rtl.generate_verilog",
) -> VerilogDesign:
    """Generate the module that realises `plan`.

    Args:
        plan: the fixed-point plan.
        name: module name.
        lanes: multipliers that work side by side; the kinds of memories tell which numbers are possible.
        channels: independent memories that take turns.
        unrolled: a multiplier for every product, for orders up to 16.
        port_bits: width of the input port; by default that of the input format.
        command: what made the file, for its head.

    Raises:
        DesignError: the name is not an identifier, or `build_memory` refuses.
    """
    check_identifier(name)
    if name.lower() in KEYWORDS or name.lower().startswith("lmu_hw_"):
        raise DesignError("name", "no keyword of Verilog, and not starting with lmu_hw_", name)
    command = " ".join(command.split())
    memory = build_memory(plan, lanes=lanes, channels=channels, unrolled=unrolled, port_bits=port_bits)
    with _without_garbage_collection():  # a large table becomes millions of objects, none of them garbage
        body = verilog.convert(_Flat(memory), name=name, emit_src=False, strip_internal_attrs=True)
    head = "\n".join(
        [
            f"// {name}: Legendre memory, {plan.datapath} datapath.",
            f"// {plan.spec.summary()}",
            f"// input {plan.input_format}, state {plan.state_format}, accumulator {plan.accumulator_format},"
            f" {memory.multipliers} multiplier(s), {channels} channel(s)",
            f"// Made by: {command}",
            "",
        ]
    )
    manifest = _manifest(name, plan, memory, [port for port, _ in _ports(memory)], command)
    return VerilogDesign(name, head + body, manifest)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _ports(memory: StreamMemory) -> list[tuple[Port, Value]]:
    """The flat ports of a memory, each with the stream signal that it stands for."""
    i, o, plan = memory.i, memory.o, memory.plan
    wider = memory.port_bits - plan.input_format.width
    saturating = f"; what exceeds {plan.input_format.width} bits is saturated" if wider else ""
    described = [
        ("in_valid", "input", i.valid, "a sample is offered"),
        ("in_ready", "output", i.ready, "it is taken at this clock edge"),
        ("in_data", "input", i.payload.data, f"sample, {plan.input_format} two's complement{saturating}"),
        ("in_first", "input", i.payload.first, "it starts a sequence: the state counts as zero"),
        ("in_last", "input", i.payload.last, "it ends a sequence; handed on as out_last"),
        ("out_valid", "output", o.valid, "a beat of state words is offered"),
        ("out_ready", "input", o.ready, "it is taken at this clock edge"),
        (
            "out_data",
            "output",
            o.payload.data,
            f"{memory.schedule.words} state word(s), {plan.output_format} each, the first in the lowest bits",
        ),
        ("out_index", "output", o.payload.index, f"state of the first word, 0 to {plan.spec.order - 1}"),
        ("out_channel", "output", o.payload.channel, "channel of the sample"),
        ("out_first", "output", o.payload.first, "in_first of the sample"),
        ("out_last", "output", o.payload.last, "in_last of the sample"),
        ("saturated", "output", memory.saturated, "a sample was out of range since reset or clear_status"),
        ("clear_status", "input", memory.clear_status, "clears saturated at this clock edge"),
    ]
    if plan.readouts is not None:
        r, planned = memory.r, plan.readouts
        described += [
            ("readout_valid", "output", r.valid, "the readouts of a sample are offered"),
            ("readout_ready", "input", r.ready, "they are taken at this clock edge"),
            (
                "readout_data",
                "output",
                r.payload.data,
                f"{len(planned.delays)} readout(s), {planned.format} each, the first in the lowest bits",
            ),
            ("readout_channel", "output", r.payload.channel, "channel of the sample"),
            ("readout_first", "output", r.payload.first, "in_first of the sample"),
            ("readout_last", "output", r.payload.last, "in_last of the sample"),
        ]
    return [
        (Port(name, direction, len(Value.cast(value)), meaning), Value.cast(value))
        for name, direction, value, meaning in described
    ]


class _Flat(wiring.Component):
    """A memory behind flat ports, so that their names in Verilog are ours and not the generator's."""

    def __init__(self, memory: StreamMemory) -> None:
        self._memory = memory
        super().__init__(
            {port.name: (In if port.direction == "input" else Out)(port.width) for port, _ in _ports(memory)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = self._memory
        for port, value in _ports(self._memory):
            flat = getattr(self, port.name)
            m.d.comb += value.eq(flat) if port.direction == "input" else flat.eq(value)
        return m


def _manifest(name: str, plan: MemoryPlan, memory: StreamMemory, ports: list[Port], command: str) -> dict[str, Any]:
    clock = [
        Port("clk", "input", 1, "clock, rising edge"),
        Port("rst", "input", 1, "synchronous reset, active high; forgets every channel's state"),
    ]
    described = plan.to_dict()
    return {
        "name": name,
        "command": command,
        "spec": described["spec"],
        "datapath": described["datapath"],
        "lanes": memory.lanes,
        "unrolled": isinstance(memory, UnrolledMemory),
        "channels": memory.channels,
        "channels_in_step": memory.schedule.in_step,
        "port_bits": memory.port_bits,
        "ports": [vars(port) for port in [*clock, *ports]],
        "formats": described["formats"],
        "error_feedback": plan.error_feedback,
        "error_bound": described["error_bound"],
        "beats_per_sample": memory.schedule.groups,
        "words_per_beat": memory.schedule.words,
        "latency_cycles": memory.schedule.first_beat,
        "cycles_per_sample": memory.schedule.cycles_per_sample,
        "multiplications_per_sample": plan.multiplications_per_sample,
        "multipliers": memory.multipliers,
        "multiplier_utilisation": memory.utilisation,
        "readouts": described["readouts"],
        "readout_multipliers": memory.readout_multipliers,
        "readout_latency_cycles": None if plan.readouts is None else memory.readout_latency,
    }


def _fusesoc_core(name: str, manifest: dict[str, Any]) -> str:
    """A FuseSoC core description (CAPI2) of the generated module."""
    spec = manifest["spec"]
    return "\n".join(
        [
            "CAPI=2:",
            f"# Made by: {manifest['command']}",
            f"name: lmu_hw:memory:{name}:0.1.0",
            f"description: Legendre memory, order {spec['order']}, {manifest['datapath']} datapath",
            "filesets:",
            "  rtl:",
            f"    files: [{name}.v]",
            "    file_type: verilogSource",
            "targets:",
            "  default:",
            "    filesets: [rtl]",
            f"    toplevel: {name}",
            "  lint:",
            "    default_tool: verilator",
            "    filesets: [rtl]",
            "    tools: {verilator: {mode: lint-only, verilator_options: [-Wno-WIDTHEXPAND, -Wno-WIDTHTRUNC]}}",
            f"    toplevel: {name}",
            "",
        ]
    )
