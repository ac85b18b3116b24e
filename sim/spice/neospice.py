"""Run SPICE netlists with neospice, in a process of its own, so that a hang or a crash is noticed and ended.

neospice silently ignores some of what it does not know, so it is given nothing but the cards, sources and options that
it is known to carry out as ngspice does. Its longest time step is the deck's, or the printing step if there is none.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from lmu_hw.errors import CheckFailed, DesignError, MissingToolError
from lmu_hw.sim.spice.deck import AnalysisCard, Vectors, analysis_card, cards, checked, exit_reason

_CARDS = frozenset([".subckt", ".ends", ".param", ".model", ".options", ".save", ".print", ".end", ".temp"])
_LETTERS = frozenset("rclviegfhbxdqm")
_OPTIONS = frozenset(["method", "reltol", "abstol", "vntol", "trtol", "chgtol", "gmin", "temp", "tnom", "itl1", "itl4"])
_SOURCES = ("external", "trnoise", "trrandom")
# Outside of their domain neospice takes a value near 0, where ngspice stops.
_PARTIAL = re.compile(r"\b(ln|log|log10|acos|asin|acosh|atanh)\s*\(|\b(sqrt)\s*\([^()]*\b[vi]\(")
_MODULE = "lmu_hw.sim.spice.neospice_worker"


def neospice_available() -> None:
    """Check that neospice is installed.

    Raises:
        MissingToolError: It is not.
    """
    if importlib.util.find_spec("neospice") is None:
        raise MissingToolError("neospice", "pip install neospice==0.2.0")


class Neospice:
    """A process of neospice that runs many netlists, one after the other; as a context manager, it ends the process.

    Raises:
        MissingToolError: neospice is not installed.
    """

    def __init__(self) -> None:
        neospice_available()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Neospice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the process if it is running."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def run(self, netlist: str, timeout_s: float, vectors: Sequence[str] = ()) -> Vectors:
        """Run `netlist`, which holds exactly one analysis, and return its vectors.

        Args:
            netlist: A complete deck, whose first line is the title.
            timeout_s: The time limit, s, at which neospice is killed.
            vectors: The names to return, besides the axis; all by default.

        Returns:
            The vectors, see `Vectors`.

        Raises:
            DesignError: The netlist has no analysis, more than one, or something that neospice is not known to carry
                out as ngspice does.
            CheckFailed: neospice gave an error or a warning, hung, died, or stopped before the end of the analysis;
                or a vector is missing or not finite. The message is one line.
        """
        card = analysis_card(netlist)
        _check_known(netlist)
        request: dict[str, Any] = {"netlist": netlist, "kind": card.kind, "vectors": list(vectors) or None}
        if card.kind == ".tran":
            request["numbers"] = [longest_step(card), card.stop]
        deadline = time.monotonic() + timeout_s
        try:
            head, body = self._exchange(json.dumps(request).encode() + b"\n", deadline)
        except TimeoutError:
            self.close()
            raise CheckFailed(f"neospice did not end within {timeout_s:g} s and was killed") from None
        except BaseException:
            self.close()
            raise
        said = [line for line in head["printed"].splitlines() if line.strip()]
        trouble = [*said, *([head["error"]] if head["error"] else [])]
        if trouble:
            raise CheckFailed(f"neospice: {' '.join(trouble[0].split())}")
        found: Vectors = {}
        for name, kind, count in head["vectors"]:
            size = count * np.dtype(kind).itemsize
            found[name], body = np.frombuffer(body[:size], dtype=kind).copy(), body[size:]
        if card.kind == ".tran" and np.diff(found["time"]).max(initial=0.0) > longest_step(card) * (1 + 1e-6):
            raise CheckFailed(f"neospice took steps longer than {longest_step(card):g} s")
        return checked(found, card, "neospice", vectors)

    def _exchange(self, request: bytes, deadline: float) -> tuple[dict[str, Any], bytes]:
        process = self._process
        if process is None or process.poll() is not None:
            self.close()
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,
            )
            if process.stdin is not None:
                os.set_blocking(process.stdin.fileno(), False)
        if process.stdin is None or process.stdout is None:
            raise CheckFailed("neospice's process has no pipes")
        unsent = memoryview(request)
        while unsent:
            self._wait([], [process.stdin], deadline)
            try:
                unsent = unsent[os.write(process.stdin.fileno(), unsent) :]
            except BrokenPipeError:
                raise self._died(process) from None
        received = bytearray()
        while (end := received.find(b"\n")) < 0:
            received += self._read(process, deadline)
        head = json.loads(received[:end])
        size = sum(count * np.dtype(kind).itemsize for _, kind, count in head["vectors"])
        while len(received) - end - 1 < size:
            received += self._read(process, deadline)
        return head, bytes(received[end + 1 :])

    def _read(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        self._wait([process.stdout], [], deadline)
        data = os.read(process.stdout.fileno(), 1 << 20) if process.stdout is not None else b""
        if not data:
            raise self._died(process)
        return data

    @staticmethod
    def _wait(readable: list[Any], writable: list[Any], deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or not any(select.select(readable, writable, [], left)):
            raise TimeoutError

    @staticmethod
    def _died(process: subprocess.Popen[bytes]) -> CheckFailed:
        return CheckFailed(f"neospice died: its process {exit_reason(process.wait())}")


def longest_step(card: AnalysisCard) -> float:
    """Return the longest step that a .tran card allows, s.

    Raises:
        DesignError: The analysis does not start at time 0 and from the operating point, or has no length.
    """
    if card.stop <= 0.0:
        raise DesignError("end of .tran", "above 0 s", " ".join(card.words))
    if "uic" in card.words or (len(card.words) > 3 and card.number(3) != 0.0):
        raise DesignError(".tran for neospice", "from time 0 and the operating point", " ".join(card.words))
    return card.number(4) if len(card.words) > 4 else card.number(1)


def _check_known(netlist: str) -> None:
    for card in cards(netlist):
        word = card[0]
        if word.startswith("."):
            if word not in _CARDS and word not in (".op", ".tran", ".ac", ".noise", ".dc"):
                raise DesignError("cards for neospice", f"among {' '.join(sorted(_CARDS))} and an analysis", word)
            if word == ".options":
                names = {each.partition("=")[0] for each in card[1:]}
                if not names <= _OPTIONS:
                    raise DesignError("options for neospice", f"among {' '.join(sorted(_OPTIONS))}", names - _OPTIONS)
        elif word[0] not in _LETTERS:
            raise DesignError("parts for neospice", f"of the letters {''.join(sorted(_LETTERS))}", word)
        elif word[0] in "vi" and any(each.startswith(_SOURCES) for each in card):
            raise DesignError("sources for neospice", f"none of {', '.join(_SOURCES)}", word)
        elif word[0] in "begfrc" and (partial := _PARTIAL.search(" ".join(card))) is not None:
            raise DesignError(f"functions of {word} for neospice", "defined everywhere", partial[1] or partial[2])
