"""`lmu-hw doctor`: which tools are there, in which version, what each is for, and how to get it."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lmu_hw.cli.output import answer, facts, grid
from lmu_hw.errors import CheckFailed
from lmu_hw.io.schema import versioned

_SECONDS = 20.0  # that a program may take to tell its version


@dataclass(frozen=True)
class Tool:
    """Something that a part of the package needs.

    Attributes:
        name: The name of the program, the library or the Python package.
        purpose: What it is for.
        debian: The Debian package that has it; empty for a Python package.
        extra: The extra of this package that brings it; empty where none does.
        probe: Returns its version, "found" where it tells none, or None where it is not there.
    """

    name: str
    purpose: str
    debian: str = ""
    extra: str = ""
    probe: Callable[[str], str | None] = lambda name: None

    @property
    def source(self) -> str:
        """How to get it."""
        if self.debian:
            return f"apt install {self.debian}"
        return f"pip install 'lmu-hw[{self.extra}]'" if self.extra else f"pip install {self.name}"

    def version(self) -> str | None:
        """The version that is there, "found" where it tells none, or None."""
        return self.probe(self.name)


def _program(*words: str) -> Callable[[str], str | None]:
    """A probe for a program that tells its version when it is called with these words."""

    def probe(name: str) -> str | None:
        if shutil.which(name) is None:
            return None
        try:
            done = subprocess.run([name, *words], capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        number = re.search(r"\d+(\.\d+)+|(?<=ngspice-)\d+", done.stdout + done.stderr)
        return number[0] if number else "found"

    return probe


def _either(*words: str) -> Callable[[str], str | None]:
    """A probe for a program, native or of YoWASP; the latter's version is that of its package, which is quick."""
    native = _program(*words)
    return lambda name: native(name) or _package(f"yowasp-{name}")


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _library(name: str) -> str | None:
    return "found" if ctypes.util.find_library(name.removeprefix("lib")) is not None else None


def _python_library(_: str) -> str | None:
    import find_libpython

    return "found" if find_libpython.find_libpython() is not None else None


def _spicebind(name: str) -> str | None:
    """Its version, if its plug-in was compiled."""
    spec = importlib.util.find_spec(name)
    plugin = None if spec is None or spec.origin is None else Path(spec.origin).parent / "spicebind_vpi.vpi"
    return _package(name) if plugin is not None and plugin.is_file() else None


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        tool.name: tool
        for tool in (
            Tool("libpython", "runs cocotb benches inside a simulator", "libpython3-dev", probe=_python_library),
            Tool("iverilog", "simulates Verilog without a compiler", "iverilog", probe=_program("-V")),
            Tool("g++", "compiles Verilator's models and spicebind", "g++", probe=_program("--version")),
            Tool("make", "drives Verilator's builds", "make", probe=_program("--version")),
            Tool("perl", "runs the `verilator` script", "perl", probe=_program("--version")),
            Tool("ccache", "makes repeated builds of Verilator quick", "ccache", probe=_program("--version")),
            Tool("ngspice", "simulates circuits", "ngspice", probe=_program("--version")),
            Tool("libngspice", "simulates circuits beside Verilog", "libngspice0-dev", probe=_library),
            Tool("verilator", "simulates Verilog, compiled", extra="sim", probe=_package),
            Tool("spicebind", "couples ngspice with a simulator of Verilog", extra="sim", probe=_spicebind),
            Tool("neospice", "simulates circuits in this process, for many draws", extra="sim", probe=_package),
            Tool("scikit-learn", "has the digits of the demonstration", extra="sim", probe=_package),
            Tool("jax", "computes gradients for training", extra="train", probe=_package),
            Tool("optax", "has the optimisers for training", extra="train", probe=_package),
            Tool("pooch", "downloads MNIST", extra="train", probe=_package),
            Tool("h5py", "reads models that Keras wrote", extra="import", probe=_package),
            Tool("safetensors", "reads state dicts of PyTorch (.safetensors)", extra="import", probe=_package),
            Tool("torch", "reads state dicts of PyTorch (.pt)", probe=_package),
            Tool("yosys", "synthesises for FPGAs", extra="fpga", probe=_either("--version")),
            Tool("nextpnr-ecp5", "places and routes for ECP5", extra="fpga", probe=_either("--version")),
            Tool("nextpnr-ice40", "places and routes for iCE40", extra="fpga", probe=_either("--version")),
            Tool("pyosys", "reads Verilog for the formal proof", extra="formal", probe=_package),
            Tool("bitwuzla", "solves the formal proof", extra="formal", probe=_package),
        )
    }
)

_VERILATOR, _ICARUS = ("verilator", "g++", "make", "perl", "libpython"), ("iverilog", "libpython")
_LOCK_STEP = ("spicebind", "libngspice")

#: What needs which tools; a list of lists where one of several sets will do.
USES: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "lmu-hw cosim, run --backend rtl": (_VERILATOR, _ICARUS),
        "lmu-hw cosim with a circuit": ((*_VERILATOR, *_LOCK_STEP), (*_ICARUS, *_LOCK_STEP)),
        "lmu-hw demo": ((*_VERILATOR, *_LOCK_STEP, "scikit-learn"), (*_ICARUS, *_LOCK_STEP, "scikit-learn")),
        "circuits in ngspice": (("ngspice",),),
        "many draws in neospice": (("neospice",),),
        "lmu-hw train": (("jax", "optax"),),
        "lmu-hw train psmnist": (("jax", "optax", "pooch"),),
        "lmu-hw import of .keras, .h5": (("h5py",),),
        "lmu-hw import of .safetensors": (("safetensors",),),
        "lmu-hw import of .pt": (("torch",),),
        "lmu-hw fpga for ECP5": (("yosys", "nextpnr-ecp5"),),
        "lmu-hw fpga for iCE40": (("yosys", "nextpnr-ice40"),),
        "lmu-hw regression formal": (("pyosys", "bitwuzla"),),
    }
)

_DEMO = "lmu-hw demo"


def run(as_json: bool) -> None:
    """Look for the tools and print what was found; see `lmu_hw.cli.commands.doctor`.

    Raises:
        CheckFailed: Something that the demonstration needs is missing.
    """
    versions = {name: tool.version() for name, tool in TOOLS.items()}
    missing = {use: missing_for(use, versions) for use in USES}
    result = versioned(
        "doctor",
        {
            "version": _package("lmu-hw"),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "tools": [
                {"name": name, "version": versions[name], "purpose": tool.purpose, "source": tool.source}
                for name, tool in TOOLS.items()
            ],
            "uses": [{"name": use, "ready": not lacking, "missing": list(lacking)} for use, lacking in missing.items()],
            "ready": not missing[_DEMO],
        },
    )
    answer(result, _shown(result, missing), as_json=as_json)
    if missing[_DEMO]:
        raise CheckFailed(f"missing for `{_DEMO}`: {', '.join(missing[_DEMO])}; {remedy(missing[_DEMO])}")


def missing_for(use: str, versions: Mapping[str, str | None]) -> tuple[str, ...]:
    """The tools that a use lacks, of the set of tools that lacks fewest; none where it is ready.

    Args:
        use: A key of `USES`.
        versions: The version of each tool, None where it is not there.
    """
    lacking = [tuple(name for name in tools if versions[name] is None) for tools in USES[use]]
    return min(lacking, key=len)


def remedy(names: Iterable[str]) -> str:
    """The commands that install these tools, system packages first, because spicebind is compiled against them."""
    tools = [TOOLS[name] for name in names]
    # spicebind is compiled when it is installed.
    debian = [tool.debian for tool in tools if tool.debian]
    if any(tool.name == "spicebind" for tool in tools):
        debian += ["g++", "libngspice0-dev"]
    extras = [tool.extra for tool in tools if tool.extra]
    packages = [tool.name for tool in tools if not tool.debian and not tool.extra]
    commands = []
    if debian:
        commands.append("apt install " + " ".join(dict.fromkeys(debian)))
    if extras:
        commands.append(f"pip install 'lmu-hw[{','.join(dict.fromkeys(extras))}]'")
    if packages:
        commands.append("pip install " + " ".join(packages))
    return ", then ".join(commands)


def _shown(result: Mapping[str, Any], missing: Mapping[str, Sequence[str]]) -> Iterator[Any]:
    yield facts(
        "Installation",
        [("lmu-hw", str(result["version"])), ("Python", result["python"]), ("machine", result["machine"])],
    )
    rows = [
        (t["name"], t["version"] or "–", t["purpose"], "" if t["version"] else t["source"]) for t in result["tools"]
    ]
    yield grid("Tools", ("tool", "version", "what it is for", "how to get it"), rows, right=())
    ready = [
        (use, "ready" if not lacking else f"needs {', '.join(lacking)}", remedy(lacking) if lacking else "")
        for use, lacking in missing.items()
    ]
    yield grid("What works", ("use", "", "how to get there"), ready, right=())
