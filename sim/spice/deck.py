"""What a deck asks for, and whether a simulator did it to the end."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.errors import CheckFailed, DesignError

Vectors = dict[str, NDArray[Any]]
"""Names of vectors, as ngspice spells them in lower case, and their values: binary64, real or complex.

"time" (s) comes with .tran, "frequency" (Hz, real part of a complex number) with .ac, real with .noise, "sweep" with
.dc. Of .noise there are also "onoise_spectrum" and "inoise_spectrum", V/√Hz.
"""

KINDS = (".op", ".tran", ".ac", ".noise", ".dc")
"""Analyses that can be run."""

_OTHERS = r"\.(op|tran|ac|dc|noise|tf|pz|sens|disto|pss|four|step|sp)"
_OPTIONS = frozenset(
    [
        "abstol",
        "chgtol",
        "defad",
        "defas",
        "defl",
        "defw",
        "gmin",
        "gminsteps",
        "interp",
        "itl1",
        "itl2",
        "itl4",
        "itl5",
        "itl6",
        "maxord",
        "method",
        "noopiter",
        "pivrel",
        "pivtol",
        "reltol",
        "rshunt",
        "savecurrents",
        "seed",
        "sourcesteps",
        "srcsteps",
        "temp",
        "tnom",
        "trtol",
        "vntol",
    ]
)
_SUFFIXES = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


@dataclass(frozen=True)
class AnalysisCard:
    """The one analysis of a deck.

    Attributes:
        words: The words of the card, in lower case; the first is its kind.
    """

    words: tuple[str, ...]

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return self.words[0]

    @property
    def axis(self) -> str | None:
        """The vector over which the others go; None for .op."""
        return {".tran": "time", ".ac": "frequency", ".noise": "frequency", ".dc": "sweep"}.get(self.kind)

    def number(self, position: int) -> float:
        """The number at a word's position.

        Raises:
            DesignError: There is none.
        """
        text = self.words[position] if position < len(self.words) else "nothing"
        return number(text)

    @property
    def stop(self) -> float:
        """Where the axis ends."""
        if self.kind in (".ac", ".noise"):
            scale = next((k for k, word in enumerate(self.words) if word in ("dec", "oct", "lin")), len(self.words))
            return self.number(scale + 3)
        return self.number({".tran": 2, ".dc": 3}[self.kind])

    @property
    def slack(self) -> float:
        """How far before its end a complete axis may stop."""
        return abs(self.number(4)) / 2 if self.kind == ".dc" else 1e-6 * abs(self.stop)


def cards(netlist: str) -> Iterator[list[str]]:
    """The words of every card below the title in lower case, continued lines joined, without comments."""
    text = re.sub(r"\n[ \t]*\+", " ", netlist)
    for line in text.splitlines()[1:]:
        words = line.split(";", 1)[0].lower().split()
        if words and not words[0].startswith("*"):
            yield words


def analysis_card(netlist: str) -> AnalysisCard:
    """Return the only analysis of a deck.

    Raises:
        DesignError: There is none, more than one, one of another kind or without its numbers, a .control section, or
            an option that no simulator knows (ngspice passes over those without a word).
    """
    every = list(cards(netlist))
    kinds = [card for card in every if re.fullmatch(_OTHERS, card[0])]
    if any(card[0] == ".control" for card in every):
        raise DesignError("netlist", "without a .control section", ".control")
    if len(kinds) != 1 or kinds[0][0] not in KINDS:
        got = ", ".join(card[0] for card in kinds) or "none"
        raise DesignError("analyses of the netlist", f"exactly one of {', '.join(KINDS)}", got)
    for card in every:
        for word in card[1:] if card[0] in (".options", ".option", ".opt") else ():
            if word.partition("=")[0] not in _OPTIONS:
                raise DesignError("option of a netlist", "one that ngspice knows", word)
    found = AnalysisCard(tuple(kinds[0]))
    if found.axis is not None and not (math.isfinite(found.stop) and math.isfinite(found.slack)):
        raise DesignError("end of the analysis", "finite", " ".join(found.words))
    return found


def checked(found: Vectors, card: AnalysisCard, engine: str, vectors: Sequence[str] = ()) -> Vectors:
    """Return what a simulator found, if it is all there.

    Args:
        found: The vectors.
        card: The analysis that was asked for.
        engine: The name of the simulator, for the message.
        vectors: Names that must be among them, in upper or lower case.

    Raises:
        CheckFailed: The axis stops early, a vector is missing, empty or not finite.
    """
    if card.axis is not None:
        axis = found.get(card.axis, np.zeros(0))
        last = float(np.real(axis[-1])) if axis.size else float("-inf")
        if not abs(last - card.stop) <= card.slack:
            raise CheckFailed(
                f"{engine} stopped at {card.axis} {last:.6g}, before the end of the analysis at {card.stop:.6g}"
            )
    for name in vectors:
        if name.lower() not in found:
            raise CheckFailed(f"{engine} computed no {name}, only {', '.join(found)}")
    for name, values in found.items():
        if not values.size or not np.isfinite(values).all():
            raise CheckFailed(f"{engine} computed a {name} that is not finite")
    return found


def number(text: str) -> float:
    """Return the value of a SPICE number, suffix included.

    Raises:
        DesignError: The text is no number.
    """
    match = re.match(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(meg|[tgkmunpf])?", text)
    if match is None:
        raise DesignError("number in an analysis", "a SPICE number", text)
    return float(match[1]) * _SUFFIXES.get(match[2] or "", 1.0)


def pwl(times: ArrayLike, values: ArrayLike) -> str:
    """Return a piecewise linear waveform, ``pwl(t0 v0 t1 v1 …)``, that a source takes, on lines of one card.

    Args:
        times: The times, s, shape (n,), increasing from 0 or later.
        values: The values, V or A, shape (n,).

    Raises:
        DesignError: The arrays are empty, of different lengths or not finite, or the times do not increase.
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
