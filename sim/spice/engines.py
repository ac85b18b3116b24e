"""One interface to the SPICE simulators, for one deck or for many."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

from lmu_hw.arguments import check_integer, check_positive
from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.deck import Vectors
from lmu_hw.sim.spice.misread import check_readable
from lmu_hw.sim.spice.neospice import Neospice
from lmu_hw.sim.spice.ngspice import ngspice_available, run_ngspice


class Engine(StrEnum):
    """A SPICE simulator: ngspice is the judge, neospice is fast."""

    NGSPICE = "ngspice"
    NEOSPICE = "neospice"


def run_spice(
    netlist: str, *, engine: Engine | str = Engine.NGSPICE, timeout_s: float = 60.0, vectors: Sequence[str] = ()
) -> Vectors:
    """Run a deck with exactly one analysis: .op, .tran, .ac, .noise or .dc.

    Args:
        netlist: a complete deck; its first line is the title.
        engine: the simulator.
        timeout_s: limit, s; the simulator is killed then.
        vectors: names that must come back, in ngspice's spelling (``v(x0)``, ``i(vu)``).

    Returns:
        The vectors; see `deck.Vectors`.

    Raises:
        DesignError: the deck is not one that the simulator can be given, or one that it would misread.
        MissingToolError: the simulator is not installed.
        CheckFailed: it gave an error or a warning, hung, died or stopped early; or a vector is missing or not finite.
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
    """Run decks side by side and yield their results in order; see `run_spice`, whose errors end it.

    Args:
        netlists: complete decks, taken as they are needed.
        engine: the simulator.
        timeout_s: limit for each, s.
        vectors: names that must come back from each.
        workers: simulations at a time, 1 to 256.
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
        # Ended last, so that nothing that a worker uses goes before the worker does.
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
