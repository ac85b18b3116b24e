"""The command line `lmu-hw`: a thin layer over the packages, loaded subcommand by subcommand."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `lmu-hw` with these arguments, by default those of the process, and return the exit status.

    The status is 0 where all was done and every check held, 1 where a check failed, and 2 where the request was wrong.
    In both latter cases one line on standard error says why.
    """
    import click

    from lmu_hw.cli.commands import cli
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
        return _say(_usage_error(problem), 2)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", _INTERRUPTED)
    except OSError as problem:
        where = str(problem.filename) if problem.filename is not None else "a file"
        return _say(DesignError(where, "accessible", problem.strerror or str(problem)), 2)
    return status if isinstance(status, int) else 0


def _usage_error(problem: click.UsageError) -> object:
    """What to say of click's own errors: one of this project's where the option is unknown, else click's message."""
    from click import NoSuchOption

    from lmu_hw.errors import DesignError

    if not isinstance(problem, NoSuchOption):
        return problem.format_message()
    subcommand = problem.ctx.command_path if problem.ctx is not None else "lmu-hw"
    hint = f"did you mean {problem.possibilities[0]}?" if problem.possibilities else ""
    return DesignError("option", f"one that `{subcommand}` has", problem.option_name, hint=hint)


def _say(problem: object, status: int) -> int:
    print("lmu-hw: " + " ".join(str(problem).split()), file=sys.stderr)
    return status
