"""The analysis of a SPICE deck, and the check that a simulator carried it out to the end."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import CheckFailed, DesignError

Vectors = dict[str, NDArray[Any]]
"""Vectors by their names, as ngspice spells them in lower case: binary64, real or complex, shape (points,) each.

The axis of .tran is "time" (s), that of .ac "frequency" (Hz, as the real part of complex numbers), that of .noise
"frequency" (real), and that of .dc "sweep" (V or A). The densities of .noise are "onoise_spectrum" and
"inoise_spectrum", V/√Hz.
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
    """The analysis of a deck.

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
        """The vector on which the others depend; None for .op."""
        return {".tran": "time", ".ac": "frequency", ".noise": "frequency", ".dc": "sweep"}.get(self.kind)

    def number(self, position: int) -> float:
        """Return the number that the word at `position` is, from 0 on.

        Raises:
            DesignError: There is no such word, or it is not a number.
        """
        text = self.words[position] if position < len(self.words) else "nothing"
        return number(text)

    @property
    def stop(self) -> float:
        """The end of the axis, in its unit."""
        if self.kind in (".ac", ".noise"):
            scale = next((k for k, word in enumerate(self.words) if word in ("dec", "oct", "lin")), len(self.words))
            return self.number(scale + 3)
        return self.number({".tran": 2, ".dc": 3}[self.kind])

    @property
    def slack(self) -> float:
        """The distance from the end, in the unit of the axis, within which the last point of a complete axis lies."""
        return abs(self.number(4)) / 2 if self.kind == ".dc" else 1e-6 * abs(self.stop)


def cards(netlist: str) -> Iterator[list[str]]:
    """Yield the words of every card below the title, in lower case; continued lines are joined, comments left out."""
    text = re.sub(r"\n[ \t]*\+", " ", netlist)
    for line in text.splitlines()[1:]:
        words = line.split(";", 1)[0].lower().split()
        if words and not words[0].startswith("*"):
            yield words


def analysis_card(netlist: str) -> AnalysisCard:
    """Return the only analysis of a deck.

    Raises:
        DesignError: There is no analysis, more than one, or one of another kind or without its numbers; or there is a
            .control section, or an option that ngspice does not know and would silently ignore.
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
    """Return the vectors that a simulator computed, if they are complete.

    Args:
        found: The vectors.
        card: The analysis that was asked for.
        engine: The name of the simulator, for the message.
        vectors: Names that must be among them, in upper or lower case.

    Raises:
        CheckFailed: The axis stops early, or a vector is missing, empty or not finite.
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
    """Return the value of a number as SPICE writes it, with or without a suffix such as "k" or "meg".

    Raises:
        DesignError: The text is not a number.
    """
    match = re.match(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(meg|[tgkmunpf])?", text)
    if match is None:
        raise DesignError("number in an analysis", "a SPICE number", text)
    return float(match[1]) * _SUFFIXES.get(match[2] or "", 1.0)


def exit_reason(status: int) -> str:
    """Return how a process ended, in words, from its exit status; a negative one is the signal that ended it."""
    return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
