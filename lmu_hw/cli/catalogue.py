"""Every file that a subcommand leaves: what it is, in README.txt beside it and in docs/files.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType

from lmu_hw.io.files import write_text

README = "README.txt"
_TITLE = "Files that lmu-hw left in this folder. docs/files.md of lmu-hw describes their formats."


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        pattern: The name, with `*` where it depends on the request, behind its folder if it is in one.
        what: What the file holds, in a few words.
        schemas: The names of the JSON schemas that it may have; none for other files.
        kept: Whether it is kept in the folder from one run to the next.
    """

    pattern: str
    what: str
    schemas: tuple[str, ...] = ()
    kept: bool = False


_PLAN = Kind(
    "plan.json",
    "formats, proved ranges and error bound, cost and measured error",
    ("memory-plan", "memory-search", "network-plan"),
)
_REPORT = Kind("report.html", "the results with their figures, on one page for a browser")

#: The files of each subcommand.
FILES: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "derive": (
            Kind("system.json", "A, B, readout, sampled system, stability and Padé error", ("system",)),
            Kind("system.svg", "error of the readout over frequency, and the states after a step"),
        ),
        "quantize": (
            _PLAN,
            Kind("front.csv", "designs of a search that no other beats in both cost and fidelity"),
            Kind("front.svg", "fidelity of the designs of a search over their cost"),
        ),
        "verilog": (
            Kind("*.v", "Verilog of the module and of all modules in it"),
            Kind("*.hex", "contents of a large ROM, which the Verilog reads"),
            Kind("*.core", "description of the module for FuseSoC"),
            Kind(
                "manifest.json",
                "ports, formats, latency, cycles and cost of the module",
                ("memory-verilog", "network-verilog", "spiking-verilog"),
            ),
        ),
        "fpga": (
            Kind("*.v", "Verilog of the module and of all modules in it"),
            Kind("*.hex", "contents of a large ROM, which the Verilog reads"),
            Kind("*.core", "description of the module for FuseSoC"),
            Kind(
                "manifest.json",
                "ports, formats, latency, cycles and cost of the module",
                ("memory-verilog", "network-verilog", "spiking-verilog"),
            ),
            Kind("report.json", "resources, clock, critical path and samples per second on the device", ("fpga",)),
        ),
        "spice": (
            Kind("*.cir", "SPICE deck with stimulus and analyses, which ngspice runs"),
            Kind("*.lib", "SPICE subcircuits alone, to include elsewhere"),
            Kind("*.net", "netlist for KiCad"),
            Kind("*.svg", "schematic"),
            Kind("bom.csv", "bill of materials"),
            Kind(
                "manifest.json", "ports, scaling, parts, predicted error, noise and yield of the circuit", ("circuit",)
            ),
        ),
        "cosim": (
            Kind(
                "results.json",
                "what was compared and what was found",
                ("memory-cosim", "network-cosim", "spiking-cosim"),
            ),
            _REPORT,
            Kind("*.vcd", "waveform of the beginning of the simulation, of Verilator"),
            Kind("*.fst", "waveform of the beginning of the simulation, of Icarus Verilog"),
            Kind("bench/*.v", "Verilog that was simulated"),
            Kind(
                "bench/lmu_hw_harness.v", "Verilog that streams the stimulus through the design, with gaps and stalls"
            ),
            Kind("bench/lmu_hw_testbench.v", "testbench in Verilog that compares every beat with what is expected"),
            Kind("bench/run.sh", "simulates the files of this folder again, with nothing of lmu-hw: sh run.sh"),
            Kind("bench/samples_*.hex", "stimulus: the words that go in, in hexadecimal, a line each"),
            Kind("bench/traffic_*.hex", "seed of gaps and stalls, and their shares in 256ths"),
            Kind("bench/expected_*.hex", "beats that the integer model expects, in hexadecimal, a line each"),
            Kind("bench/*.hex", "contents of a large ROM, which the Verilog reads"),
            Kind("bench/input.npy", "samples or sequences that went in, for --input"),
            Kind("bench/*.cir", "SPICE deck of the circuit that was simulated"),
        ),
        "run": (
            Kind("output.npy", "states, delayed inputs or outputs of the network"),
            Kind("classes.npy", "index of the largest output of the network, for each sequence or step"),
            Kind("word_lengths.csv", "score of the network at each word length"),
            Kind("word_lengths.svg", "the same, as a plot"),
            Kind("spikes.npz", "spikes, and the states that they decode to"),
            _REPORT,
        ),
        "train": (
            Kind("*.checkpoint.npz", "state of a training, from which the same command goes on", kept=True),
            Kind("*.split.npz", "sequences of --input that were trained on, validated on and held out"),
            Kind("*.npz", "trained network"),
            Kind("curve_*.csv", "loss and validation score after each epoch"),
            Kind("curves.svg", "the same, as a plot"),
            Kind("result.json", "score on the test part, parameters and seed", ("training",)),
        ),
        "import": (Kind("*.npz", "imported network"),),
        "experiment": (
            Kind("*.json", "result with the command, options, versions and machine that gave it", ("program",)),
            Kind("tradeoff.csv", "cost and error of each design"),
            Kind("tradeoff.svg", "the same, as a plot"),
        ),
        "regression": (
            Kind("*.json", "result with the command, options, versions and machine that gave it", ("program",)),
        ),
        "demo": (
            Kind("results.json", "the figures of the demonstration", ("demo",)),
            _REPORT,
        ),
    }
)

#: Whose files the folders of the demonstration hold.
DEMO_FOLDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "digits": ("derive", "quantize", "verilog"),
        "small": ("quantize", "verilog", "cosim"),
        "circuit": ("spice",),
        "scanner": ("quantize", "verilog"),
    }
)


def kind_of(subcommand: str, path: str) -> Kind | None:
    """The kind of a file that a subcommand left under this path, relative to the folder of --out; None if unknown."""
    folder, _, name = path.rpartition("/")
    if subcommand == "demo" and folder:
        owners, path = DEMO_FOLDERS.get(folder, ()), name
    else:
        owners = (subcommand,)
    kinds = (kind for owner in owners for kind in FILES.get(owner, ()))
    # The most precise pattern counts: curve_*.csv before *.csv, manifest.json before *.json.
    fitting = [kind for kind in kinds if kind.pattern.count("/") == path.count("/") and fnmatch(path, kind.pattern)]
    return max(fitting, key=lambda kind: len(kind.pattern), default=None)


def write_readme(out: Path, subcommand: str, paths: Iterable[str]) -> None:
    """Say in README.txt what the files in a folder are, those of earlier runs in the same folder included.

    A README.txt that somebody else wrote stays as it is.

    Args:
        out: The folder.
        subcommand: The subcommand that left the files.
        paths: The files, relative to the folder.
    """
    target = out / README
    known: dict[str, str] = {}
    if target.exists():
        title, _, rest = target.read_text(encoding="utf-8", errors="replace").partition("\n")
        if title != _TITLE:
            return
        rows = (line.split(None, 1) for line in rest.splitlines() if line)
        known = {row[0]: row[1] for row in rows if len(row) == 2 and (out / row[0]).is_file()}
    found = {path: kind for path in paths if (kind := kind_of(subcommand, path)) is not None}
    known |= {path: kind.what for path, kind in found.items()}
    for kind in FILES.get(subcommand, ()):
        if kind.kept:
            known |= {path.name: kind.what for path in out.glob(kind.pattern)}
    if not known:
        return
    width = max(map(len, known))
    lines = [f"{path:<{width}}  {known[path]}" for path in sorted(known)]
    write_text(target, "\n".join([_TITLE, "", *lines, ""]))
