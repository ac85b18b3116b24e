"""The command line `lmu-hw`: a thin layer over the packages, loaded subcommand by subcommand."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `lmu-hw` with these arguments, by default those of the process, and return the exit status.

    The status is 0 where all was done and every check held, 1 where a check failed, and 2 where the request was wrong.
    In both latter cases one line on standard error says why.
    """
    import click

    from lmu_hw.cli.commands import cli
    from lmu_hw.errors import CheckFailed, DesignError

    if sys.stdout is None:  # closed by the caller, who wants no answer
        sys.stdout = io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without θ is no reason to fail
    try:
        with _notices():
            status = cli.main(
                args=None if arguments is None else list(arguments), prog_name="lmu-hw", standalone_mode=False
            )
    except CheckFailed as problem:
        return _say(problem, 1)
    except DesignError as problem:
        return _say(problem, 2)
    except click.UsageError as problem:
        from lmu_hw.cli.usage_errors import in_words

        return _say(in_words(problem, cli), 2)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", _INTERRUPTED)
    except OSError as problem:
        where = "a file" if problem.filename is None else str(problem.filename)
        return _say(f"cannot use {where}: {problem.strerror or problem}", 2)
    return status if isinstance(status, int) else 0


@contextmanager
def _notices() -> Iterator[None]:
    """Tell each notice once, as a line on standard error; other warnings go their usual way."""
    from lmu_hw.errors import Notice

    told = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        others = warnings.showwarning

        def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if not issubclass(category, Notice):
                others(message, category, *rest, **more)
            elif str(message) not in told:
                told.add(str(message))
                _say(f"note: {message}", 0)

        warnings.showwarning = show
        yield


def _say(problem: object, status: int) -> int:
    print("lmu-hw: " + " ".join(str(problem).split()), file=sys.stderr)
    return status
