"""The command line `lmu-hw`: a thin layer over the packages, loaded verb by verb."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `lmu-hw` with `arguments` (the process's by default) and return the exit status.

    0: done and every check held. 1: a check failed. 2: the request was wrong. In both latter cases one line on
    standard error says why.
    """
    import click

    from lmu_hw.cli.commands import cli
    from lmu_hw.cli.refusals import from_usage_error
    from lmu_hw.errors import CheckFailed, DesignError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without θ is no reason to fail
    try:
        status = cli.main(
            args=None if arguments is None else list(arguments), prog_name="lmu-hw", standalone_mode=False
        )
    except CheckFailed as problem:
        return _say(problem, 1)
    except DesignError as problem:
        return _say(problem, 2)
    except click.UsageError as problem:
        return _say(from_usage_error(problem), 2)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", _INTERRUPTED)
    except OSError as problem:
        where = str(problem.filename) if problem.filename is not None else "a file"
        return _say(DesignError(where, "accessible", problem.strerror or str(problem)), 2)
    return status if isinstance(status, int) else 0


def _say(problem: object, status: int) -> int:
    print("lmu-hw: " + " ".join(str(problem).split()), file=sys.stderr)
    return status
