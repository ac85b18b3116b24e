"""What SPICE simulators read as something else than it says, without a word; see also `deck.analysis_card`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.deck import cards

_VALUED = {"r": "resistance", "c": "capacitance", "l": "inductance"}
# A number, a suffix, a unit. What follows in "4k7" or "1x3" simulators leave aside.
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?[^\W\d_]*")
_ZERO = re.compile(r"[-+]?(?:0+\.?0*|\.0+)(?:e[-+]?\d+)?[^\W\d_]*")


def check_readable(netlist: str) -> None:
    """Return if `netlist` means what it says to every simulator.

    Raises:
        DesignError: an element is named twice in a circuit (simulators fold case; the second one is added to
            the first, or left out), a subcircuit is given a parameter that it doesn't have, a value is no number
            though it begins like one, or a resistance is 0 (simulators take 1 mΩ or so in its place).
    """
    every = list(cards(netlist))
    parameters = _declared(every)
    scopes: list[tuple[str, set[str]]] = [("the deck", set())]
    for card in every:
        name = card[0]
        if name == ".subckt":
            scopes.append((f"subcircuit {card[1] if len(card) > 1 else ''}", set()))
        elif name == ".ends" and len(scopes) > 1:
            scopes.pop()
        if name.startswith("."):
            continue
        where, names = scopes[-1]
        if name in names:
            raise DesignError(f"elements of {where}", "of names that differ by more than case", f"{name} twice")
        names.add(name)
        if name[0] == "x":
            _check_parameters(card, parameters)
        elif name[0] in _VALUED and len(card) > 3:
            _check_value(card, _VALUED[name[0]])


def _declared(every: Iterable[list[str]]) -> dict[str, set[str]]:
    """The parameters of every subcircuit that the deck defines."""
    found: dict[str, set[str]] = {}
    for card in every:
        if card[0] == ".subckt" and len(card) > 1:
            found[card[1]] = set(_assigned(card))
    return found


def _assigned(card: list[str]) -> list[str]:
    """Names in front of equals signs, but for those within braces."""
    if "{" not in "".join(card) and not any(word.startswith("=") for word in card):
        return [word.partition("=")[0] for word in card if "=" in word]
    return re.findall(r"([^\s=]+)\s*=", re.sub(r"\{[^{}]*\}", "0", " ".join(card)))


def _check_parameters(card: list[str], parameters: dict[str, set[str]]) -> None:
    subcircuit = next((word for word in reversed(card) if word in parameters), None)
    if subcircuit is None:
        return  # every simulator complains of that
    for name in _assigned(card):
        if name not in parameters[subcircuit] | {"m"}:
            known = ", ".join(sorted(parameters[subcircuit])) or "none"
            raise DesignError(f"parameter of {card[0]}", f"one of {subcircuit}: {known}", name)


def _check_value(card: list[str], what: str) -> None:
    value = card[3]
    if re.match(r"[-+.\d]", value) and not _NUMBER.fullmatch(value):
        raise DesignError(f"{what} of {card[0]}", "a number, with a suffix and a unit at most", value)
    if card[0][0] == "r" and _ZERO.fullmatch(value):
        raise DesignError(f"{what} of {card[0]}", "other than 0", value)
