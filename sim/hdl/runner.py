"""Build a Verilog design and run a cocotb bench on it, with Verilator or Icarus, in a process of its own."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.io.files import check_identifier, write_json
from lmu_hw.sim.hdl.launch import BUILT, LATE
from lmu_hw.sim.hdl.simulators import PLAIN_PATH, Backend
from lmu_hw.sim.hdl.simulators import Simulator as Simulator

_BUILD_TIMEOUT_S = 900.0  # a C++ build of the largest designs on a loaded machine, with room to spare
_PARAMETERS = "LMU_HW_BENCH_PARAMETERS"
_STAMP = "build.json"
"""The file beside a compiled model with the key of its sources, options and tools."""

# Variables of a user's or pytest's environment that would change the build, cocotb or the simulator.
_NOT_INHERITED = re.compile(
    r"(COCOTB|GPI|PYGPI|PYTEST|VERILATOR|LIBPYTHON|TOPLEVEL|LMU_HW|SPICE|LOGIC|OPT)_.*"
    r"|MAKEFLAGS|MFLAGS|MAKELEVEL|MAKEFILES|CFLAGS|CXXFLAGS|CPPFLAGS|LDFLAGS|OBJCACHE"
    r"|WAVES|GUI|PLUSARGS|PYTHONHOME|PYTHONPATH|HDL_INSTANCE|VCC"
)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True, repr=False)
class BenchResult(Displayed):
    """The result of a run of a bench.

    Attributes:
        tests: The number of cocotb tests that ran.
        failures: The number of tests that failed; a build that fails, a simulator that crashes or is killed, and a
            bench without tests count as one failure.
        messages: One line for each failure.
        log: The file with the output of the simulator, or of the build if that failed.
        run_dir: The folder in which the bench ran, with the files that it wrote.
        waveform: The file with all signals; None unless waves were asked for and written.
    """

    tests: int
    failures: int
    messages: tuple[str, ...]
    log: Path
    run_dir: Path
    waveform: Path | None

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "passed", str(self.passed)
        yield "tests", str(self.tests)
        yield "failures", str(self.failures)
        yield from (("message", message[:100]) for message in self.messages[:1])

    @property
    def passed(self) -> bool:
        """Whether at least one test ran and nothing failed."""
        return self.failures == 0 and self.tests > 0


def bench_parameters() -> dict[str, Any]:
    """Return, inside a bench, the parameters that `run_bench` was given.

    Raises:
        DesignError: This is not a bench that `run_bench` started.
    """
    path = os.environ.get(_PARAMETERS)
    if path is None:
        raise DesignError("a bench", "started by run_bench", "no parameters")
    parameters: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return parameters


def available(simulator: Simulator | str) -> None:
    """Check that `simulator` and all that it needs are installed.

    Raises:
        DesignError: There is no such simulator, or the environment's path cannot be built in.
        MissingToolError: Something is not installed; the message names the first such thing and how to install it.
    """
    import find_libpython

    Simulator.named(simulator).backend.check_installed()
    if find_libpython.find_libpython() is None:
        raise MissingToolError("Python's shared library", "apt install libpython3-dev")


def run_bench(
    simulator: Simulator | str,
    sources: Sequence[str | Path],
    top: str,
    bench_module: str,
    build_dir: str | Path,
    *,
    timeout_s: float,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    waves: bool = False,
    hdl_delays: bool = False,
    extra_files: Mapping[str, str] | None = None,
    extra_build_args: Sequence[str] = (),
    extra_test_args: Sequence[str] = (),
    extra_env: Mapping[str, str] | None = None,
) -> BenchResult:
    """Build `sources` and run every cocotb test of `bench_module` on module `top`.

    The simulator runs in `build_dir`/run, which is emptied first. The compiled model stays in `build_dir` and is used
    again as long as the sources, the options and the tools are the same. Runs in different build folders may overlap;
    a build folder serves one run at a time.

    Args:
        simulator: The HDL simulator, verilator or icarus.
        sources: Verilog files of different names. Those that end in .vh or .svh are headers, for `include` alone.
        top: The name of the module that the bench drives.
        bench_module: The dotted name of the Python module, importable with the caller's `sys.path`.
        build_dir: The folder for all files of the build and of the run.
        timeout_s: The time limit of the simulation, s, without the build, at which all its processes are killed.
        parameters: The parameters that the bench reads by `bench_parameters`; they travel as JSON.
        seed: The seed of cocotb's and of the bench's `random`.
        waves: Whether every signal is recorded (VCD with Verilator, FST with Icarus).
        hdl_delays: Whether the sources hold delays (`#5`), for which Verilator needs coroutines.
        extra_files: The text of each file that the simulation finds in its working folder, by its name.
        extra_build_args: Options for Verilator or iverilog.
        extra_test_args: Options for the simulation's program (vvp, or the compiled model).
        extra_env: Environment variables of the simulation.

    Raises:
        DesignError: An argument is wrong, or `build_dir` is in use.
        MissingToolError: The simulator or a part of it is not installed.
    """
    build_dir = Path(build_dir)
    simulator = Simulator.named(simulator)
    backend = simulator.backend
    check_identifier(top, "top module")
    if not _MODULE.fullmatch(bench_module):
        raise DesignError("bench module", "a dotted Python name", bench_module)
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise DesignError("simulation time limit", "a positive number of seconds", timeout_s)
    available(simulator)
    build_dir = build_dir.absolute()
    build_dir.mkdir(parents=True, exist_ok=True)
    with _sole_use(build_dir), tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        args = [
            *backend.build_args(hdl_delays),
            *extra_build_args,
            *_copy_sources(list(map(Path, sources)), build_dir / "src"),
        ]
        key = _build_key(simulator, top, args, waves, build_dir / "src")
        build = None
        if not _is_current(build_dir, key):
            build = {
                "stage_dir": str(_stage(build_dir, Path(scratch))),
                "product": backend.product(top),
                "args": args,
                "log": str(build_dir / "build.log"),
                "timeout_s": _BUILD_TIMEOUT_S,
            }
        run_dir = _empty_run(build_dir, extra_files or {})
        waveform = run_dir / backend.waveform
        dump = backend.wave_arguments(waves)
        job = {
            "simulator": simulator.value,
            "top": top,
            "bench_module": bench_module,
            "model_dir": str(build_dir / "model"),
            "run_dir": str(run_dir),
            "results": str(run_dir / "results.xml"),
            "log": str(run_dir / "simulation.log"),
            "build": build,
            "timeout_s": timeout_s,
            "seed": seed,
            "waves": waves,
            "test_args": [*extra_test_args, *dump["test_args"]],
            "plusargs": [*dump["plusargs"]],
        }
        env = _environment(backend) | {
            _PARAMETERS: str(write_json(run_dir / "parameters.json", parameters or {})),
            **(extra_env or {}),
        }
        status, said = _launch(write_json(build_dir / "job.json", job), env, build_dir / "launch.log")
        if build is not None and BUILT in said:
            write_json(build_dir / _STAMP, {"key": key})
    built = build is None or BUILT in said
    log = run_dir / "simulation.log" if built else build_dir / "build.log"
    tests, messages = _outcome(build_dir, log, built, status, LATE in said, timeout_s if built else _BUILD_TIMEOUT_S)
    return BenchResult(
        tests=tests,
        failures=len(messages),
        messages=tuple(messages),
        log=log,
        run_dir=run_dir,
        waveform=waveform if waves and waveform.is_file() else None,
    )


def _empty_run(build_dir: Path, files: Mapping[str, str]) -> Path:
    """Return the folder of the run, with nothing but `files` in it."""
    run_dir = build_dir / "run"
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir()
    for name, text in files.items():
        (run_dir / name).write_text(text, encoding="utf-8")
    return run_dir


def _outcome(build_dir: Path, log: Path, built: bool, status: int, late: bool, limit_s: float) -> tuple[int, list[str]]:
    """Return the number of tests that ran, and a line for each failure."""
    if late:
        return 0, [f"{'simulation' if built else 'build'}: no end within {limit_s:g} s, killed"]
    if not built:
        return 0, [f"build: {_first_build_error(log) or _last_line(build_dir / 'launch.log')}"]
    tests, messages = _read_results(log.parent / "results.xml", log)
    if status != 0 and not messages:
        messages = [f"simulation: it ended with an error after its tests ({_last_line(build_dir / 'launch.log')})"]
    return tests, messages


def _environment(backend: Backend) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not _NOT_INHERITED.fullmatch(name)}
    env["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    env["COCOTB_ANSI_OUTPUT"] = "0"
    env["OMP_NUM_THREADS"] = "1"
    # With this, the Python inside the simulator leaves C's standard output without a buffer too. With a buffer, the
    # last lines of a simulation that is killed, such as errors of ngspice, would never reach its log.
    env["PYTHONUNBUFFERED"] = "1"
    return env | backend.environment()


def _copy_sources(sources: Sequence[Path], folder: Path) -> list[str]:
    """Copy `sources` to `folder`; return the paths to compile, relative to the folder's parent.

    Verilator writes the paths of its sources into its C++; with these, equal designs give equal C++ wherever
    they are built, which the compiler cache needs.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    compiled = []
    for source in sources:
        if (folder / source.name).exists():
            raise DesignError("Verilog sources", "files of different names", source.name)
        try:
            shutil.copyfile(source, folder / source.name)
        except OSError as problem:
            raise DesignError("Verilog source", "a readable file", f"{source} ({problem.strerror})") from None
        if source.suffix not in (".vh", ".svh"):
            compiled.append(f"{folder.name}/{source.name}")
    if not compiled:
        raise DesignError("Verilog sources", "at least one file", "none")
    return compiled


def _build_key(simulator: Simulator, top: str, args: Sequence[str], waves: bool, sources: Path) -> str:
    backend = simulator.backend
    program = shutil.which(backend.compiler)
    tool = Path(program or "").resolve().stat()
    parts = {
        "simulator": [simulator.value, str(program), tool.st_size, tool.st_mtime_ns, str(backend.folder())],
        "versions": [importlib.metadata.version(name) for name in backend.packages],
        "python": sys.executable,
        "design": [top, list(args), waves],
        "sources": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(sources.iterdir())},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _is_current(build_dir: Path, key: str) -> bool:
    """Return whether the compiled model is that of `key`; remove one of another key."""
    try:
        if json.loads((build_dir / _STAMP).read_text(encoding="utf-8"))["key"] == key:
            return True
    except (OSError, ValueError, KeyError, TypeError):
        pass
    (build_dir / _STAMP).unlink(missing_ok=True)
    shutil.rmtree(build_dir / "model", ignore_errors=True)
    return False


def _stage(build_dir: Path, scratch: Path) -> Path:
    """Return the folder to build in: `build_dir`, or a copy of it at `scratch` where make refuses its name."""
    if PLAIN_PATH.fullmatch(str(build_dir)):
        return build_dir
    shutil.copytree(build_dir / "src", scratch / "src")
    return scratch


@contextmanager
def _sole_use(build_dir: Path) -> Iterator[None]:
    with (build_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DesignError("build folder", "used by one run at a time", str(build_dir)) from None
        yield


def _launch(job: Path, env: Mapping[str, str], log: Path) -> tuple[int, list[str]]:
    """Run the child; return its exit status and the words that it printed."""
    command = [sys.executable, "-P", "-m", "lmu_hw.sim.hdl.launch", str(job)]
    with log.open("wb") as errors:
        child = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        try:
            output, _ = child.communicate()  # ends by the child's own limits
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise
    return child.returncode, output.decode("utf-8", "replace").split()


def _read_results(results: Path, log: Path) -> tuple[int, list[str]]:
    """Return the number of tests that ran, and a line for each failure, from cocotb's results file."""
    try:
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, [f"simulation: it ended without results ({_last_exception(log) or _last_line(log)})"]
    ran = [case for case in cases if case.find("skipped") is None]
    messages = []
    for case in ran:
        problem = case.find("failure")
        if problem is None:
            problem = case.find("error")
        if problem is not None:
            kind, text = problem.get("type", ""), " ".join(problem.get("message", "").split())
            messages.append(f"{case.get('name')}: {text or kind or 'failed'}")
    if not ran:
        messages.append(f"simulation: the bench ran no tests ({_last_exception(log) or 'none was found'})")
    return len(ran), messages


def _lines(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _last_line(log: Path) -> str:
    return next((" ".join(line.split()) for line in reversed(_lines(log)) if line.strip()), f"nothing in {log.name}")


def _last_exception(log: Path) -> str | None:
    found = (re.search(r"\b([A-Za-z_.]*(?:Error|Exception): .+)", line) for line in reversed(_lines(log)))
    return next((match[1].strip() for match in found if match), None)


def _first_build_error(log: Path) -> str | None:
    lines = _lines(log)
    for pattern in (r"^%Error[^:]*: (?!Exiting)(.+)", r"^(\S+:\d+:.*error.*)", r"^(\S+:\d+: .+)", r"(.*\berror\b.*)"):
        for line in lines:
            if (match := re.search(pattern, line, re.IGNORECASE)) is not None:
                return " ".join(match[1].split())
    return None
