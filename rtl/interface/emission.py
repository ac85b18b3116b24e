"""Verilog from components: flat ports with stable names, and the files that are written beside a module."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amaranth.hdl import Fragment, Signal, Value
from amaranth.lib import wiring

from lmu_hw.core.display import Displayed
from lmu_hw.errors import RequestError
from lmu_hw.io.files import check_identifier, write_json, write_text
from lmu_hw.rtl.primitives.multiplier import Multiplier
from lmu_hw.rtl.writer.modules import Forms, Source, verilog
from lmu_hw.rtl.writer.names import KEYWORDS
from lmu_hw.rtl.writer.netlist import Netlist

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True)
class Port:
    """A port of the generated module.

    Attributes:
        name: The name of the port in Verilog.
        direction: The direction of the port, "input" or "output".
        width: The width of the port in bits, at least 1.
        meaning: A phrase that says what the port carries.
    """

    name: str
    direction: str
    width: int
    meaning: str


@dataclass(frozen=True, repr=False)
class VerilogDesign(Displayed):
    """A generated module with its manifest.

    Attributes:
        name: The name of the top module, which is also the stem of its files.
        text: The Verilog source.
        manifest: The ports, formats, latency and cost of the module, as plain values.
        kind: The library in the name of the FuseSoC core.
        description: The description in the FuseSoC core.
        memory_files: The files that the Verilog reads with `$readmemh`, the contents of large ROMs, by name.
    """

    name: str
    text: str
    manifest: dict[str, Any]
    kind: str = "memory"
    description: str = "Legendre memory"
    memory_files: Mapping[str, str] = field(default_factory=dict)

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "module", self.name
        yield "what", self.description
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
        """Write NAME.v, the files that it reads, NAME.core and manifest.json to `folder`, each one completely or not.

        Returns:
            The paths of the files by the keys "verilog", "core", "manifest" and, for the contents of ROMs, their names.
        """
        folder = Path(folder)
        return {
            "verilog": self.write_source(folder),
            **{name: folder / name for name in self.memory_files},
            "core": write_text(folder / f"{self.name}.core", self._fusesoc_core()),
            "manifest": write_json(folder / "manifest.json", self.manifest),
        }

    def write_source(self, folder: str | Path) -> Path:
        """Write NAME.v and the files that it reads to `folder`, and return the path of NAME.v."""
        for name, text in self.memory_files.items():
            write_text(Path(folder) / name, text)
        return write_text(Path(folder) / f"{self.name}.v", self.text)

    def _fusesoc_core(self) -> str:
        """The text of a FuseSoC core file (CAPI2) for the generated module."""
        contents = [f"      - {name}: {{file_type: user, copyto: {name}}}" for name in self.memory_files]
        return "\n".join(
            [
                "CAPI=2:",
                f"# Made by: {self.manifest['command']}",
                f"name: lmu_hw:{self.kind}:{self.name}:0.1.0",
                f"description: {self.description}",
                "filesets:",
                "  rtl:",
                "    files:",
                f"      - {self.name}.v: {{file_type: verilogSource}}",
                *contents,
                "targets:",
                "  default:",
                "    filesets: [rtl]",
                f"    toplevel: {self.name}",
                "  lint:",
                "    flow: lint",
                "    flow_options:",
                "      tool: verilator",
                f"      verilator_options: [{', '.join(lint_options())}]",
                "    filesets: [rtl]",
                f"    toplevel: {self.name}",
                "",
            ]
        )


#: The warnings of Verilator's `-Wall` that the generated text causes, each with the reason why it is harmless.
LINT_EXEMPTIONS = {
    "DECLFILENAME": "the modules of a design stand in one file",
    "PROCASSINIT": "registers have the value at which an FPGA starts them",
    "UNUSEDSIGNAL": "rounding drops the lowest bits of its sum",
    "WIDTHEXPAND": "signed operands extend to the width of their result",
}


def lint_waivers(name: str) -> list[str]:
    """The last lines of a file, which state which warnings of Verilator's `-Wall` its core waives, and why."""
    return [f"{name}.core waives these warnings of Verilator's -Wall:"] + [
        f"  {code}: {reason}" for code, reason in LINT_EXEMPTIONS.items()
    ]


def lint_options() -> list[str]:
    """The options with which ``verilator --lint-only`` passes; versions that do not know a warning accept them too."""
    return ["-Wall", *(f"-W{kind}-{name}" for name in LINT_EXEMPTIONS for kind in ("future", "no"))]


#: A flat port: its name, its direction, the value inside the component that it is connected to, and its meaning.
Described = tuple[str, str, Any, str]

CLOCK = (
    Port("clk", "input", 1, "clock, rising edge"),
    Port("rst", "input", 1, "synchronous reset, active high; forgets all state"),
)
"""The clock and reset ports, which every generated module has."""


def check_module_name(name: str) -> None:
    """Check that `name` can be the name of a generated module.

    Raises:
        DesignError: `name` is not an identifier, is a keyword of Verilog, or begins with lmu_hw_, which is reserved.
    """
    check_identifier(name)
    if name.lower() in KEYWORDS:
        raise RequestError(f"`{name}` is a Verilog keyword", hint="choose another --name")
    if name.lower().startswith("lmu_hw_"):
        raise RequestError(f"`{name}` begins with lmu_hw_, as inner modules do", hint="choose another --name")


def ports_of(described: Sequence[Described]) -> list[Port]:
    """The flat ports with their widths, in the given order."""
    return [Port(name, direction, len(Value.cast(value)), meaning) for name, direction, value, meaning in described]


def emit(inner: wiring.Component, described: Sequence[Described], name: str) -> Source:
    """Generate the Verilog of a component as a module with flat ports, and the files that it reads.

    Args:
        inner: The component.
        described: The flat ports of the module; clk and rst are added to them.
        name: The name of the module.
    """
    with _without_garbage_collection():  # a large table becomes millions of objects, none of them garbage
        fragment = Fragment.get(inner, None)
        netlist = Netlist(fragment, _flat_ports(fragment, described), name)
        components = dict(_components(fragment, name))
        comments = {path: _comment(each) for path, each in components.items()}
        own = {path: _signals(each) for path, each in components.items()}
        meanings = {port.name: port.meaning for port in (*CLOCK, *ports_of(described))}
        forms = {path: _forms(each) for path, each in components.items() if isinstance(each, Multiplier) and each.forms}
        return verilog(netlist, comments, own, meanings, forms)


def _flat_ports(fragment: Fragment, described: Sequence[Described]) -> dict[str, tuple[Signal, None]]:
    """Connect a flat port to each stream signal; Amaranth infers the port's direction from what drives it."""
    ports: dict[str, tuple[Signal, None]] = {}
    for name, direction, inside, _ in described:
        value = Value.cast(inside)
        flat = Signal(len(value), name=name)
        fragment.add_statements("comb", value.eq(flat) if direction == "input" else flat.eq(value))
        ports[name] = (flat, None)
    return ports


def _components(fragment: Fragment, path: str) -> Iterator[tuple[str, object]]:
    """The component of this package that each module was made from, by the module's path."""
    ours = (each for each in fragment.origins or () if not type(each).__module__.startswith("amaranth."))
    made = next(ours, None)
    if made is not None:
        yield path, made
    for inside, name, _ in fragment.subfragments:
        yield from _components(inside, f"{path}.{name}")


def _comment(component: object) -> str:
    """The first line about its class."""
    return (type(component).__doc__ or "").strip().split("\n")[0]


def _forms(multiplier: Multiplier) -> Forms:
    """The instances that can take the place of a multiplier."""
    inputs = {"operand": id(multiplier.operand), "coefficient": id(multiplier.coefficient)}
    return Forms(inputs, id(multiplier.product), multiplier.form_width, multiplier.forms)


def _signals(component: object) -> frozenset[int]:
    """The signals of its ports, as their `id`."""
    if not isinstance(component, wiring.Component):
        return frozenset()
    values = (Value.cast(value) for _, _, value in component.signature.flatten(component))
    return frozenset(id(value) for value in values)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Suspend Python's garbage collector, which would visit the objects of a large table over and over."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
