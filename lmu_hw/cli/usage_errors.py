"""The errors of the command-line library in this project's words."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lmu_hw.cli.programs import ProgramGroup
from lmu_hw.design.usage import USAGE
from lmu_hw.errors import DesignError, RequestError, nearest

_MOST_NAMED = 4


def in_words(problem: click.UsageError, cli: click.Group) -> DesignError:
    """What to say of an error that click found.

    Args:
        problem: The error.
        cli: The whole command line, in which an option of another subcommand is looked up.
    """
    match problem:
        case click.NoSuchOption():
            return _unknown_option(problem, cli)
        case click.BadOptionUsage() if "requires" in problem.message:
            return RequestError(f"{problem.option_name} needs a value")
        case click.MissingParameter(param=click.Parameter(opts=[name, *_])):
            return RequestError(f"{name if name.startswith('-') else name.upper()} is missing")
    message = problem.format_message().rstrip(".")
    if message.startswith("Got unexpected extra argument"):
        return RequestError("more arguments than expected: " + message.partition("(")[2].rstrip(")"))
    return RequestError(message[:1].lower() + message[1:])


def _unknown_option(problem: click.NoSuchOption, cli: click.Group) -> DesignError:
    path = "lmu-hw" if problem.ctx is None else problem.ctx.command_path
    own = [] if problem.ctx is None else [word for each in problem.ctx.command.params for word in _words(each)]
    others = [name for name, command in _commands(cli) if _has(command, problem.option_name)]
    usage = USAGE.get(path.removeprefix("lmu-hw "))
    hint = "" if usage is None else usage.lacks.get(problem.option_name, "")
    if isinstance(None if problem.ctx is None else problem.ctx.command, ProgramGroup):
        hint = f"options follow a name: {path} NAME {problem.option_name}"
    elif others and not hint:
        named = [f"`{name}`" for name in others[:_MOST_NAMED]]
        if len(others) > _MOST_NAMED:
            named.append("others")
        told = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
        hint = f"{told} {'has' if len(others) == 1 else 'have'} it"
    elif not hint:
        close = nearest(problem.option_name.strip("-"), [each.strip("-") for each in own])
        hint = f"did you mean --{close}?" if close else f"`{path} --help` lists them"
    return RequestError(f"`{path}` has no option {problem.option_name}", hint=hint)


def _words(parameter: click.Parameter) -> list[str]:
    """The flags of an option; arguments have none."""
    return [word for word in (*parameter.opts, *parameter.secondary_opts) if word.startswith("--")]


def _has(command: click.Command, option: str) -> bool:
    return any(option in _words(each) for each in command.params)


def _commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """All commands by name, but for experiments and regressions, which are loaded one by one."""
    for name, command in group.commands.items():
        if isinstance(command, ProgramGroup):
            continue
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command
