"""How an experiment starts from a shell: refusals as one line and exit status 2, as with `lmu-hw`."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from lmu_hw.errors import CheckFailed, DesignError


def command(main: click.Command) -> NoReturn:
    """Run `main` on the process's arguments and leave with 0, 1 for a failed check or 2 for a wrong request."""
    try:
        main.main(standalone_mode=False)
    except click.UsageError as problem:
        sys.exit(_said(problem.format_message(), 2))
    except DesignError as problem:
        sys.exit(_said(problem, 2))
    except CheckFailed as problem:
        sys.exit(_said(problem, 1))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_said("interrupted", 130))
    sys.exit(0)


def _said(problem: object, status: int) -> int:
    print(" ".join(str(problem).split()), file=sys.stderr)
    return status
