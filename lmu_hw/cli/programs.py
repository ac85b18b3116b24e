"""Experiments and regressions as programs of `lmu-hw`: one listing, one way to answer, one form of result file.

A program is a row of a table and a function in the module that the row names. The function takes the program's own
options and returns an `Outcome`; `program` makes a command of it, with `--out` and `--json`. Modules are imported when
their program is called, so that listing all of them takes no time.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections import UserDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from lmu_hw.cli.options import output_options
from lmu_hw.cli.output import answer, render_json, staged, written
from lmu_hw.cli.parameters import Number, OrderedGroup, SectionedCommand, Whole
from lmu_hw.errors import CheckFailed
from lmu_hw.io.files import write_text
from lmu_hw.io.quantities import HERTZ, RATIO, SECONDS, VOLTS
from lmu_hw.io.schema import schema_id

if TYPE_CHECKING:
    from rich.console import RenderableType

FORMAT_VERSION = 1
_WORDS = "lmu_hw.words"
#: Packages whose versions a result file always has, and those that it has where the run loaded them.
_ALWAYS, _IF_LOADED = ("lmu-hw", "numpy", "scipy", "amaranth"), ("jax", "optax", "scikit-learn", "bitwuzla", "pyosys")
_MODULES = {"scikit-learn": "sklearn"}
#: How simulators tell their version; a package of the same name tells it for the others.
_PROGRAMS = {"ngspice": ("ngspice", "--version"), "icarus": ("iverilog", "-V")}
#: Units of the programs' numbers by the names of their parameters; the others have none.
_UNITS = {"gbw": HERTZ, "seconds": SECONDS, "theta": SECONDS, "noise": VOLTS, "offset": VOLTS}
_SIMULATORS = ("verilator", "icarus", "ngspice", "neospice")


@dataclass(frozen=True)
class Program:
    """A row of a table of programs.

    Attributes:
        name: The name on the command line.
        what: What the program does or measures, in one line.
        module: The module of its function.
        minutes: The time that it takes with its default options on two cores, roughly, in minutes.
        needs: The tools, packages and data that it needs besides this package.
        function: The name of its function; by default that of the program, with _ in place of -.
    """

    name: str
    what: str
    module: str
    minutes: float
    needs: tuple[str, ...] = ()
    function: str | None = None

    @property
    def terms(self) -> str:
        """The rough time that the program takes, and what it needs."""
        time = "under a minute" if self.minutes < 1.0 else f"about {self.minutes:g} min"
        return f"{time}; needs {', '.join(self.needs)}" if self.needs else time

    def command(self) -> click.Command:
        """Import the module and return the program's command."""
        found = getattr(importlib.import_module(self.module), self.function or self.name.replace("-", "_"))
        if not isinstance(found, click.Command):
            raise TypeError(f"{self.name} is no command")
        return found


@dataclass(frozen=True)
class Outcome:
    """The outcome of a program.

    Attributes:
        result: The results as plain values and arrays.
        shown: The tables that show them on a terminal.
        files: The further files that `--out` leaves, by name, as functions that return their text.
        failure: One line on the check that failed; None if every check held.
    """

    result: Mapping[str, Any]
    shown: Sequence[RenderableType]
    files: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    failure: str | None = None


class _Commands(UserDict[str, Any]):
    """The commands of programs by name, each of which is made when it is first looked up."""

    def __getitem__(self, name: str) -> click.Command:
        program: Program = self.data[name]
        return program.command()


class ProgramGroup(OrderedGroup):
    """A group that lists its programs by topic, with the time that they take and what they need."""

    def __init__(self, *args: Any, programs: Mapping[str, Sequence[Program]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.programs = programs
        self.commands = _Commands({each.name: each for topic in programs.values() for each in topic})
        # The error about a wrong name names this group.
        vars(self).update(what=self.name, listing=f"lmu-hw {self.name}")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, without importing any program."""
        named = [each for topic in self.programs.values() for each in topic if each.name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete) if incomplete.startswith("-") else []
        return [CompletionItem(each.name, help=each.what) for each in named] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list of programs for each topic."""
        for topic, programs in self.programs.items():
            with formatter.section(topic):
                formatter.write_dl([(each.name, f"{each.what} ({each.terms})") for each in programs])


class _ProgramCommand(SectionedCommand):
    """A command that keeps the words that it was called with, and reads numbers as the other subcommands do."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for each in self.params:
            if each.type is click.FLOAT:
                each.type = Number(_UNITS.get(each.name or "", RATIO))
            elif each.type is click.INT:
                each.type = Whole()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words, with former names of flags as the present ones, then parse them."""
        words = self.renamed(args)
        ctx.meta[_WORDS] = tuple(words)
        return super().parse_args(ctx, words)

    def examples(self, ctx: click.Context) -> Sequence[str]:
        """The command lines that the help shows: those of the table, or the ways to call any program."""
        path = ctx.command_path
        return super().examples(ctx) or (path, f"{path} --out build", f"{path} --json")


def program_group(
    name: str, programs: Mapping[str, Sequence[Program]], *, short_help: str
) -> Callable[[Callable[[], None]], click.Group]:
    """Make a group of commands from a table of programs; the docstring of the decorated function is its help.

    Called without a program, the group lists them all.

    Args:
        name: The subcommand of `lmu-hw`.
        programs: The rows of the group by topic.
        short_help: The line of the group in the list of subcommands.
    """

    def decorate(described: Callable[[], None]) -> click.Group:
        def listed() -> None:
            context = click.get_current_context()
            if context.invoked_subcommand is None:
                click.echo(context.get_help())

        listed.__doc__ = described.__doc__
        return click.group(
            name,
            cls=ProgramGroup,
            programs=programs,
            invoke_without_command=True,
            subcommand_metavar="NAME [OPTIONS]",
            short_help=short_help,
        )(listed)

    return decorate


def program(
    group: str, table: Mapping[str, Sequence[Program]], name: str
) -> Callable[[Callable[..., Outcome]], click.Command]:
    """Make a command of the function that carries out a program of a table.

    The command answers with the function's outcome, leaves NAME.json in the folder of --out, and ends with status 1
    where a check failed. The function's docstring is its help.

    Args:
        group: The subcommand of `lmu-hw` that the program belongs to.
        table: The rows of the group by topic.
        name: The name of the program.
    """
    row = next(each for topic in table.values() for each in topic if each.name == name)

    def decorate(function: Callable[..., Outcome]) -> click.Command:
        def run(out: Path | None, as_json: bool, **options: Any) -> None:
            with staged(out) as folder:
                began, date = time.monotonic(), datetime.now(UTC)
                outcome = function(**options)
                seconds = time.monotonic() - began
                files: dict[str, str] = {}
                if out is not None:
                    result = _result_file(group, row, outcome, options, date, seconds)
                    files = {f"{name}.json": render_json(result)} | {key: make() for key, make in outcome.files.items()}
                for file, text in files.items():
                    write_text(folder / file, text)
            answer(outcome.result, [*outcome.shown, *written(out, files)], as_json=as_json)
            if outcome.failure is not None:
                raise CheckFailed(outcome.failure)

        run.__doc__ = function.__doc__
        # Click keeps what was declared in this attribute, the last option first: --out and --json end the help.
        declared = output_options(run)
        declared.__click_params__ += getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        settings = {"show_default": True}
        return click.command(name, cls=_ProgramCommand, context_settings=settings, short_help=row.what)(declared)

    return decorate


def _result_file(
    group: str, row: Program, outcome: Outcome, options: Mapping[str, Any], date: datetime, seconds: float
) -> dict[str, Any]:
    """The content of NAME.json: the result, and everything that is needed to judge or to repeat it."""
    return {
        "schema": schema_id("program"),
        "format": "lmu-hw result",
        "version": FORMAT_VERSION,
        "kind": group,
        "name": row.name,
        "command": shlex.join(["lmu-hw", group, row.name, *_words()]),
        "date": date.isoformat(timespec="seconds"),
        "seconds": seconds,
        "passed": outcome.failure is None,
        "machine": machine(),
        "versions": versions(row.needs, options),
        "options": _in_order(options),
        "result": outcome.result,
    }


def _words() -> list[str]:
    """The words of the present call less `--json` and `--out`, which change nothing in the result."""
    kept, rest = [], iter(click.get_current_context().meta.get(_WORDS, ()))
    for word in rest:
        if word == "--out":
            next(rest, None)
        elif word != "--json" and not word.startswith("--out="):
            kept.append(word)
    return kept


def _in_order(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options in the order of their declaration."""
    names = [parameter.name for parameter in click.get_current_context().command.params]
    return {name: options[name] for name in names if name in options}


def machine() -> dict[str, Any]:
    """The machine of this process: the model of the processor, the cores it may use, and the operating system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores, "system": platform.platform()}


def _processor() -> str:
    try:
        told = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = None
    return told[1] if told else platform.processor() or platform.machine()


def versions(needs: Iterable[str], options: Mapping[str, Any]) -> dict[str, str]:
    """The versions of Python, of this package and those that it depends on, and of the simulators that a run used.

    Args:
        needs: The tools, packages and data that the program always needs.
        options: The options of the run, of which `simulator` and `engine` choose a simulator.
    """
    found = {"python": platform.python_version()}
    packages = [*_ALWAYS, *(name for name in _IF_LOADED if _MODULES.get(name, name) in sys.modules)]
    found |= {name: version for name in packages if (version := _package(name))}
    chosen = [str(options[key]) for key in ("simulator", "engine") if options.get(key)]
    needed = [need.lower() for need in needs]
    if "simulator" in options:
        needed = [need for need in needed if need not in ("verilator", "icarus")]
    for name in dict.fromkeys([*chosen, *needed]):
        if name in _SIMULATORS and (version := _answered(name) if name in _PROGRAMS else _package(name)):
            found[name] = version
    return found


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _answered(name: str) -> str | None:
    try:
        done = subprocess.run(_PROGRAMS[name], capture_output=True, text=True, timeout=10.0, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.search(r"\d+(\.\d+)*", done.stdout + done.stderr)
    return number[0] if number else None
