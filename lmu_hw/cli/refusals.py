"""Wrong use of the command line, in the words of every other refusal: what, the constraint, what was given."""

from __future__ import annotations

from collections.abc import Sequence

import click

from lmu_hw.errors import DesignError


def from_usage_error(problem: click.UsageError) -> DesignError | str:
    """`problem` as a refusal; its own message where it is of no known kind."""
    if isinstance(problem, click.NoSuchOption):
        subcommand = problem.ctx.command_path if problem.ctx is not None else "lmu-hw"
        return DesignError(
            "option", suggest(f"one that `{subcommand}` has", problem.possibilities), problem.option_name
        )
    return problem.format_message()


def suggest(constraint: str, candidates: Sequence[str] | None) -> str:
    """`constraint`, with the first candidate as a suggestion."""
    return f"{constraint} (did you mean {candidates[0]}?)" if candidates else constraint
