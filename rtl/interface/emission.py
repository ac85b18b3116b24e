"""Verilog from components: flat ports with stable names, and the files that travel with a module."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amaranth.hdl import Fragment, Signal, Value
from amaranth.lib import wiring

from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError
from lmu_hw.io.files import check_identifier, write_json, write_text
from lmu_hw.rtl.writer.modules import verilog
from lmu_hw.rtl.writer.names import KEYWORDS
from lmu_hw.rtl.writer.netlist import Netlist

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True)
class Port:
    """One port of the generated module."""

    name: str
    direction: str
    width: int
    meaning: str


@dataclass(frozen=True, repr=False)
class VerilogDesign(Displayed):
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

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "module", self.name
        yield "what", self.description
        yield "lines", str(self.text.count("\n"))
        for key in ("multipliers", "latency_cycles", "cycles_per_sample", "cycles_per_step"):
            if key in self.manifest:
                yield key.replace("_", " "), str(self.manifest[key])

    def to_dict(self) -> dict[str, Any]:
        """The manifest: ports, formats, latency and cost, as plain values."""
        return dict(self.manifest)

    def plot(self) -> Plot:
        """Draw the width of each port."""
        from lmu_hw.core.figures import bar_figure

        ports = self.manifest["ports"]
        widths = {
            way: [port["width"] if port["direction"] == way else 0 for port in ports] for way in ("input", "output")
        }
        return bar_figure(f"Ports of {self.name}", [port["name"] for port in ports], widths, "bits")

    def write(self, folder: str | Path) -> dict[str, Path]:
        """Write NAME.v, NAME.core and manifest.json to `folder`, each whole or not at all."""
        folder = Path(folder)
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
                f"        verilator_options: [{', '.join(lint_options())}]",
                f"    toplevel: {self.name}",
                "",
            ]
        )


#: What Verilator's `-Wall` says of the generated text, and why that is as it should be.
LINT_EXEMPTIONS = {
    "DECLFILENAME": "the modules of a design stand in one file",
    "PROCASSINIT": "registers have the value at which an FPGA starts them",
    "UNUSEDSIGNAL": "rounding drops the lowest bits of its sum",
    "WIDTHEXPAND": "signed operands extend to the width of their result",
}


def lint_options() -> list[str]:
    """The options with which ``verilator --lint-only`` has nothing to say; versions that lack a warning accept them."""
    return ["-Wall", *(f"-W{kind}-{name}" for name in LINT_EXEMPTIONS for kind in ("future", "no"))]


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
        netlist = Netlist(fragment, _flat_ports(fragment, described), name)
        comments = dict(_comments(fragment, name))
        meanings = {port.name: port.meaning for port in (*CLOCK, *ports_of(described))}
        return verilog(netlist, comments, meanings)


def _flat_ports(fragment: Fragment, described: Sequence[Described]) -> dict[str, tuple[Signal, None]]:
    """Flat ports in place of a component's streams; Amaranth sees their directions from what drives them."""
    ports: dict[str, tuple[Signal, None]] = {}
    for name, direction, inside, _ in described:
        value = Value.cast(inside)
        flat = Signal(len(value), name=name)
        fragment.add_statements("comb", value.eq(flat) if direction == "input" else flat.eq(value))
        ports[name] = (flat, None)
    return ports


def _comments(fragment: Fragment, path: str) -> Iterator[tuple[str, str]]:
    """What each module is, by its path: the first sentence about its class."""
    made = next((each for each in fragment.origins or () if isinstance(each, wiring.Component)), None)
    text = type(made).__doc__ if made is not None else None
    if text:
        yield path, text.strip().split("\n")[0]
    for inside, name, _ in fragment.subfragments:
        yield from _comments(inside, f"{path}.{name}")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
