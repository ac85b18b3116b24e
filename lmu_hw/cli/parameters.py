"""Kinds of values on the command line, options that the help lists section by section, and groups of commands."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

import click

from lmu_hw.errors import DesignError

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


class _Parsed(click.ParamType[_T], Generic[_T]):
    """A kind of value that is parsed from its text."""

    constraint: ClassVar[str]

    def parse(self, text: str) -> _T:
        """Return the value of a text, or raise ValueError where it has none."""
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> _T:
        """Return the value of a text, or raise a DesignError that names the option; a default is left as it is."""
        try:
            made: _T = self.parse(value) if isinstance(value, str) else value
        except ValueError:
            raise DesignError(_label(param), self.constraint, value) from None
        return made


class Whole(_Parsed[int]):
    """An integer."""

    name, constraint = "integer", "an integer"

    def parse(self, text: str) -> int:
        """Return the integer of a text."""
        return int(text)


class Number(_Parsed[float]):
    """A real number."""

    name, constraint = "number", "a number"

    def parse(self, text: str) -> float:
        """Return the number of a text."""
        return float(text)


class Wholes(_Parsed[tuple[int, ...]]):
    """Integers with commas between them."""

    name, constraint = "integers", "integers with commas between them"

    def parse(self, text: str) -> tuple[int, ...]:
        """Return the integers of a text."""
        return tuple(map(int, text.split(",")))


class Fractions(_Parsed[tuple[float, ...]]):
    """Numbers with commas between them."""

    name, constraint = "numbers", "numbers with commas between them"

    def parse(self, text: str) -> tuple[float, ...]:
        """Return the numbers of a text."""
        return tuple(map(float, text.split(",")))


class Words(_Parsed[tuple[str, ...]]):
    """Words with commas between them."""

    name, constraint = "words", "words with commas between them"

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the words of a text."""
        return tuple(text.split(","))


class OneOf(click.Choice[str]):
    """One of a few words, or an older word for one of them, which the help does not list."""

    def __init__(self, choices: tuple[str, ...], older: tuple[str, ...] = ()) -> None:
        super().__init__(choices)
        self.older = older

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word, or raise a DesignError that lists the choices."""
        if value not in (*self.choices, *self.older):
            raise DesignError(_label(param), f"one of {', '.join(self.choices)}", value)
        return str(value)


def _label(param: click.Parameter | None) -> str:
    return "value" if param is None or param.name is None else param.name


class SectionedOption(click.Option):
    """An option that `--help` lists under a heading."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help lists its options section by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list of options for each section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):  # the usage line names the arguments
                sections.setdefault(getattr(parameter, "section", "Options"), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def option(*names: str, section: str, **settings: Any) -> Callable[[_F], _F]:
    """Declare an option in a section of the help."""
    return click.option(*names, cls=SectionedOption, section=section, **settings)


class OrderedGroup(click.Group):
    """Commands in the order of their declaration, which is that of the flow rather than of the alphabet."""

    command_class = SectionedCommand
    what: ClassVar[str] = "subcommand"
    listing: ClassVar[str] = "lmu-hw --help"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands as they were declared."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or raise a DesignError that suggests the nearest one."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self.commands, n=1)
            known = f"one that `{self.listing}` lists" if close else "one of " + ", ".join(self.commands)
            raise DesignError(self.what, known, args[0], hint=f"did you mean {close[0]}?" if close else "")
        return super().resolve_command(ctx, args)
