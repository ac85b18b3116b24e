"""One interface to the SPICE simulators, for one deck or for many."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.sim.spice.deck import Vectors, cards
from lmu_hw.sim.spice.neospice import Neospice
from lmu_hw.sim.spice.ngspice import ngspice_available, run_ngspice

_VALUED = {"r": "resistance", "c": "capacitance", "l": "inductance"}
# A number, a suffix, a unit. Simulators ignore what follows, as the 7 in "4k7" or the 3 in "1x3".
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?[^\W\d_]*")
_ZERO = re.compile(r"[-+]?(?:0+\.?0*|\.0+)(?:e[-+]?\d+)?[^\W\d_]*")


def check_readable(netlist: str) -> None:
    """Check that `netlist` holds nothing that a simulator would silently read as something else than it says.

    Unknown options are another matter of this kind; see `deck.analysis_card`.

    Raises:
        DesignError: An element is named twice in a circuit (simulators fold case; the second one is added to
            the first, or left out), a subcircuit is given a parameter that it does not have, a value begins like a
            number and is none, or a resistance is 0 (simulators take about 1 mΩ in its place).
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
    """Return the parameters of every subcircuit that the deck defines, by its name."""
    found: dict[str, set[str]] = {}
    for card in every:
        if card[0] == ".subckt" and len(card) > 1:
            found[card[1]] = set(_assigned(card))
    return found


def _assigned(card: list[str]) -> list[str]:
    """Return the names in front of equals signs, except those within braces."""
    if "{" not in "".join(card) and not any(word.startswith("=") for word in card):
        return [word.partition("=")[0] for word in card if "=" in word]
    return re.findall(r"([^\s=]+)\s*=", re.sub(r"\{[^{}]*\}", "0", " ".join(card)))


def _check_parameters(card: list[str], parameters: dict[str, set[str]]) -> None:
    subcircuit = next((word for word in reversed(card) if word in parameters), None)
    if subcircuit is None:
        return  # every simulator reports that
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


class Engine(StrEnum):
    """A SPICE simulator: ngspice, whose results count, or neospice, which is faster."""

    NGSPICE = "ngspice"
    NEOSPICE = "neospice"


def run_spice(
    netlist: str, *, engine: Engine | str = Engine.NGSPICE, timeout_s: float = 60.0, vectors: Sequence[str] = ()
) -> Vectors:
    """Run a deck with exactly one analysis: .op, .tran, .ac, .noise or .dc.

    Args:
        netlist: A complete deck, whose first line is the title.
        engine: The simulator.
        timeout_s: The time limit, s, at which the simulator is killed.
        vectors: Names that must be in the result, in ngspice's spelling (``v(x0)``, ``i(vu)``).

    Returns:
        The vectors, see `deck.Vectors`.

    Raises:
        DesignError: The simulator cannot run the deck, or would misread it.
        MissingToolError: The simulator is not installed.
        CheckFailed: It gave an error or a warning, hung, died or stopped early; or a vector is missing or not finite.
    """
    return next(run_many([netlist], engine=engine, timeout_s=timeout_s, vectors=vectors, workers=1))


def run_many(
    netlists: Iterable[str],
    *,
    engine: Engine | str = Engine.NGSPICE,
    timeout_s: float = 60.0,
    vectors: Sequence[str] = (),
    workers: int = 2,
) -> Iterator[Vectors]:
    """Run decks, several at a time, and yield their results in order.

    Args:
        netlists: Complete decks as in `run_spice`, taken as they are needed.
        engine: The simulator.
        timeout_s: The time limit of each simulation, s.
        vectors: Names that must be in each result.
        workers: The number of simulations at a time, 1 to 256.

    Yields:
        The vectors of each deck, see `deck.Vectors`.

    Raises:
        DesignError, MissingToolError, CheckFailed: As in `run_spice`; the first error ends the iteration.
    """
    if engine not in list(Engine):
        raise DesignError("SPICE engine", f"one of {', '.join(Engine)}", engine)
    kind = Engine(engine)
    limit = check_positive("time limit", timeout_s, "s")
    count = check_integer("workers", workers, 1, 256)
    own = threading.local()
    with ExitStack() as stack:
        if kind == Engine.NGSPICE:
            ngspice_available()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lmu_hw_spice_")))
        # A stack of its own inside that of the folder and around the pool: the processes end after the threads that
        # use them, and before the folder is removed.
        processes = stack.enter_context(ExitStack())

        def run(netlist: str) -> Vectors:
            check_readable(netlist)
            if kind == Engine.NGSPICE:
                return run_ngspice(netlist, folder / str(threading.get_ident()), limit, vectors)
            engine: Neospice | None = getattr(own, "engine", None)
            if engine is None:
                engine = own.engine = processes.enter_context(Neospice())
            return engine.run(netlist, limit, vectors)

        pool = stack.enter_context(ThreadPoolExecutor(count))
        pending: list[Future[Vectors]] = []
        try:
            for netlist in netlists:
                pending.append(pool.submit(run, netlist))
                if len(pending) > 2 * count:
                    yield pending.pop(0).result()
            while pending:
                yield pending.pop(0).result()
        finally:
            for each in pending:
                each.cancel()
