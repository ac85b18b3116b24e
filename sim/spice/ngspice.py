"""Run a SPICE netlist in batch with ngspice: every vector without loss, or an error of one line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lmu_hw.errors import CheckFailed, MissingToolError
from lmu_hw.io.files import write_text
from lmu_hw.sim.spice.deck import Vectors, analysis_card, checked, exit_reason

_PROBLEM = re.compile(r"\b(error|warning|singular|fail(ed|ure)?|abort(ed)?|too small|no such|can'?t|cannot)\b", re.I)
# What ngspice prints on the way to a solution: that a waveform gives its own initial value, and that an attempt at the
# operating point failed, of which there may be several and only the last one counts.
_HARMLESS = re.compile(r"no DC value, transient time 0 value used|gmin (increment|step)|source stepping failed", re.I)
_VAGUE = re.compile(r"^(Error on line|warning, can't find model)", re.I)  # the line that is wrong follows these


def ngspice_available() -> None:
    """Check that ngspice is installed.

    Raises:
        MissingToolError: It is not.
    """
    if shutil.which("ngspice") is None:
        raise MissingToolError("ngspice", "apt install ngspice")


def run_ngspice(netlist: str, workdir: str | Path, timeout_s: float, vectors: Sequence[str] = ()) -> Vectors:
    """Run `netlist`, which holds exactly one analysis, and return its vectors.

    Args:
        netlist: A complete deck, whose first line is the title, with one of .op, .tran, .ac, .noise and .dc and
            without .control.
        workdir: The folder for the deck, ngspice's log and its raw file, all named netlist.*; made if it is missing.
        timeout_s: The time limit, s, at which ngspice is killed.
        vectors: Names that must come back, in ngspice's spelling (``v(x0)``, ``i(vu)``).

    Returns:
        All saved vectors as ngspice computed them, see `Vectors`. For .noise these include the totals over the band,
        "onoise_total" and "inoise_total", V, of shape (1,).

    Raises:
        DesignError: The netlist has no analysis, more than one, or a .control section.
        MissingToolError: ngspice is not installed.
        CheckFailed: ngspice gave an error or a warning, was killed, or stopped before the end of the analysis; or
            a vector is missing or not finite. The message is one line.
    """
    workdir = Path(workdir)
    card = analysis_card(netlist)
    ngspice_available()
    workdir.mkdir(parents=True, exist_ok=True)
    deck = write_text(workdir / "netlist.cir", netlist if netlist.endswith("\n") else netlist + "\n")
    raw, log = workdir / "netlist.raw", workdir / "netlist.log"
    raw.unlink(missing_ok=True)
    # -n: without the user's .spiceinit. One thread: the order of additions, and so every bit, is the same.
    command = ["ngspice", "-b", "-n", "-r", raw.name, deck.name]
    status = _run(command, workdir, log, timeout_s)
    if status is None:
        raise CheckFailed(f"ngspice did not end within {timeout_s:g} s and was killed")
    problem = first_problem(log.read_text(encoding="utf-8", errors="replace").splitlines())
    if problem is not None:
        raise CheckFailed(f"ngspice: {problem}")
    if status != 0:
        raise CheckFailed(f"ngspice {exit_reason(status)} and gave no reason")
    plots = read_raw(raw, plots=2 if card.kind == ".noise" else 1)
    found = {_RENAMED.get(name, name): values for name, values in plots.items()}
    if card.kind == ".ac" and "frequency" in found:
        # ngspice leaves the imaginary parts of the frequencies as they were in memory.
        found["frequency"] = found["frequency"].real.astype(np.complex128)
    return checked(found, card, "ngspice", vectors)


_RENAMED = {
    "v(v-sweep)": "sweep",
    "v-sweep": "sweep",
    "i(i-sweep)": "sweep",
    "i-sweep": "sweep",
    "v(onoise_total)": "onoise_total",
    "v(inoise_total)": "inoise_total",
}


def read_raw(path: str | Path, plots: int = 1) -> Vectors:
    """Return the vectors, by name in lower case, of ngspice's binary raw file.

    Args:
        path: The file.
        plots: How many plots it holds.

    Raises:
        CheckFailed: There is no such file, it is cut short, or it holds more or fewer plots.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise CheckFailed(f"ngspice wrote no results ({problem.strerror}: {path.name})") from None
    found: Vectors = {}
    for _ in range(plots):
        plot, data = _read_plot(data, path.name)
        found |= plot
    if data:
        raise CheckFailed(f"ngspice's results are incomplete: {len(data)} bytes follow {plots} plot(s)")
    return found


def _read_plot(data: bytes, name: str) -> tuple[Vectors, bytes]:
    """Return the vectors of the first plot, and the bytes that follow it."""
    head, separator, body = data.partition(b"Binary:\n")
    lines = head.decode("utf-8", "replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    try:
        columns, rows = int(fields["No. Variables"]), int(fields["No. Points"])
        kind = np.complex128 if "complex" in fields["Flags"] else np.float64
        names = [line.split()[1].lower() for line in lines[lines.index("Variables:") + 1 :]]
    except (KeyError, ValueError, IndexError):
        raise CheckFailed(f"ngspice's results in {name} have no readable head") from None
    wanted = columns * rows * np.dtype(kind).itemsize
    if not separator or len(names) != columns or rows < 1 or len(body) < wanted:
        raise CheckFailed(f"ngspice's results are incomplete: {len(body)} bytes for {rows} points of {columns} vectors")
    table = np.frombuffer(body, dtype=kind, count=columns * rows).reshape(rows, columns)
    return {each: table[:, k].copy() for k, each in enumerate(names)}, body[wanted:]


def first_problem(output: Iterable[str]) -> str | None:
    """Return the first error or warning, as one line, in the lines that ngspice printed; None if there is none."""
    lines = [" ".join(line.split()) for line in output]
    for number, line in enumerate(lines):
        if _PROBLEM.search(line) and not _HARMLESS.search(line):
            more = lines[number + 1 : number + 3] if _VAGUE.match(line) else []
            return ": ".join([line.rstrip(":"), *more])
    return None


def _run(command: Sequence[str], workdir: Path, log: Path, timeout_s: float) -> int | None:
    """Return the exit status, or None where the time limit has passed and the process group was killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=workdir,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
