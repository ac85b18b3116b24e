"""Run a SPICE netlist in batch with ngspice: every vector without loss, or one line that says what went wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.artifacts import write_text
from lmu_hw.errors import CheckFailed, DesignError, MissingToolError

_COMPLAINT = re.compile(r"\b(error|warning|singular|fail(ed|ure)?|abort(ed)?|too small|no such|can'?t|cannot)\b", re.I)
# What ngspice says on the way to a solution: a waveform gives its own initial value, and the operating point may
# take several attempts, of which the last one alone counts.
_HARMLESS = re.compile(r"no DC value, transient time 0 value used|gmin (increment|step)|source stepping failed", re.I)
_VAGUE = re.compile(r"^(Error on line|warning, can't find model)", re.I)  # the offending line follows these
_SUFFIXES = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


Vectors = dict[str, NDArray[Any]]
"""Names of vectors, as ngspice spells them in lower case, and their values: binary64, real or complex."""


def ngspice_available() -> None:
    """Return if ngspice is installed.

    Raises:
        MissingToolError: it is not.
    """
    if shutil.which("ngspice") is None:
        raise MissingToolError("ngspice", "apt install ngspice")


def run_ngspice(netlist: str, workdir: Path, timeout_s: float, vectors: Sequence[str] = ()) -> Vectors:
    """Run `netlist`, which holds exactly one analysis, and return its vectors.

    Args:
        netlist: a complete deck; its first line is the title. It has one of .op, .tran and .ac (not .control).
        workdir: folder for the deck, ngspice's log and its raw file, all named netlist.*; made if it is missing.
        timeout_s: limit, s; ngspice is killed then.
        vectors: names that must come back, in ngspice's spelling (``v(x0)``, ``i(vu)``).

    Returns:
        All saved vectors by their names in lower case, of equal length, as ngspice computed them (binary64): real
        with "time" (s) for .tran, complex with "frequency" (Hz, real part) for .ac, of length 1 for .op.

    Raises:
        DesignError: the netlist has no analysis, more than one, or a .control section.
        MissingToolError: ngspice is not installed.
        CheckFailed: ngspice gave an error or a warning, was killed, or stopped before the end of the analysis; or
            a vector is missing or not finite. One line.
    """
    analysis = _analysis(netlist)
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
    complaint = first_complaint(log.read_text(encoding="utf-8", errors="replace").splitlines())
    if complaint is not None:
        raise CheckFailed(f"ngspice: {complaint}")
    if status != 0:
        raise CheckFailed(f"ngspice ended with status {status} and no word of why (see {log})")
    found = read_raw(raw)
    _check_complete(found, analysis)
    for name in vectors:
        if name.lower() not in found:
            raise CheckFailed(f"ngspice computed no {name}, only {', '.join(found)}")
    for name, values in found.items():
        if not np.isfinite(values).all():
            raise CheckFailed(f"ngspice computed a {name} that is not finite")
    return found


def read_raw(path: Path) -> Vectors:
    """Return the vectors, by name in lower case, of ngspice's binary raw file with one plot.

    Raises:
        CheckFailed: there is no such file, or it is cut short or holds more than one plot.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise CheckFailed(f"ngspice wrote no results ({problem.strerror}: {path.name})") from None
    head, separator, body = data.partition(b"Binary:\n")
    lines = head.decode("utf-8", "replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    try:
        columns, rows = int(fields["No. Variables"]), int(fields["No. Points"])
        kind = np.complex128 if "complex" in fields["Flags"] else np.float64
        names = [line.split()[1].lower() for line in lines[lines.index("Variables:") + 1 :]]
    except (KeyError, ValueError, IndexError):
        raise CheckFailed(f"ngspice's results in {path.name} have no readable head") from None
    wanted = columns * rows * np.dtype(kind).itemsize
    if not separator or len(names) != columns or rows < 1 or len(body) != wanted:
        raise CheckFailed(f"ngspice's results are incomplete: {len(body)} bytes for {rows} points of {columns} vectors")
    table = np.frombuffer(body, dtype=kind).reshape(rows, columns)
    return {name: table[:, k].copy() for k, name in enumerate(names)}


def pwl(times: ArrayLike, values: ArrayLike) -> str:
    """Return a piecewise linear waveform, ``pwl(t0 v0 t1 v1 …)``, that a source takes, on lines of one card.

    Args:
        times: s, (n,), increasing from 0 or later.
        values: V or A, (n,).

    Raises:
        DesignError: the arrays are empty, of different lengths or not finite, or the times do not increase.
    """
    t, v = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if t.ndim != 1 or t.shape != v.shape or not t.size:
        raise DesignError("waveform", "times and values of one equal length", f"shapes {t.shape} and {v.shape}")
    if not (np.isfinite(t).all() and np.isfinite(v).all()):
        raise DesignError("waveform", "finite", "NaN or infinity")
    if t[0] < 0 or (np.diff(t) <= 0).any():
        raise DesignError("times of a waveform", "increasing from 0 or later", t.tolist())
    points = [f"{a!r} {b!r}" for a, b in zip(t.tolist(), v.tolist(), strict=True)]
    return "pwl(\n+ " + "\n+ ".join(points) + ")"


def first_complaint(output: Iterable[str]) -> str | None:
    """Return the first error or warning, as one line, in the lines that ngspice printed; None if there is none."""
    lines = [" ".join(line.split()) for line in output]
    for number, line in enumerate(lines):
        if _COMPLAINT.search(line) and not _HARMLESS.search(line):
            more = lines[number + 1 : number + 3] if _VAGUE.match(line) else []
            return ": ".join([line.rstrip(":"), *more])
    return None


def _analysis(netlist: str) -> list[str]:
    """Return the words of the only analysis card."""
    text = re.sub(r"\n\s*\+", " ", netlist)
    cards = [line.lower().split() for line in text.splitlines()[1:] if line.strip()]
    kinds = [card for card in cards if re.fullmatch(r"\.(op|tran|ac|dc|noise|tf|pz|sens|disto|pss|four)", card[0])]
    if any(card[0] == ".control" for card in cards):
        raise DesignError("netlist", "without a .control section", ".control")
    if len(kinds) != 1 or kinds[0][0] not in (".op", ".tran", ".ac"):
        got = ", ".join(card[0] for card in kinds) or "none"
        raise DesignError("analyses of the netlist", "exactly one of .op, .tran and .ac", got)
    return kinds[0]


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


def _number(text: str) -> float:
    match = re.match(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(meg|[tgkmunpf])?", text)
    if match is None:
        raise DesignError("number in an analysis", "a SPICE number", text)
    return float(match[1]) * _SUFFIXES.get(match[2] or "", 1.0)


def _check_complete(found: Vectors, analysis: list[str]) -> None:
    """Refuse results whose time or frequency does not reach the end that the analysis asks for."""
    if analysis[0] == ".op":
        return
    name, stop = ("time", analysis[2]) if analysis[0] == ".tran" else ("frequency", analysis[4])
    last = float(np.real(found[name][-1]))
    if last < _number(stop) * (1.0 - 1e-6):
        raise CheckFailed(f"ngspice stopped at {name} {last:.6g}, before the end of the analysis at {stop}")
