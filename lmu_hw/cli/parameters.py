"""Kinds of values on the command line, and options that the help lists section by section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lmu_hw.errors import DesignError

_F = TypeVar("_F", bound=Callable[..., Any])


class Whole(click.ParamType[int]):
    """An integer."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return `value` as an integer, or refuse it."""
        try:
            return int(value)
        except ValueError:
            raise DesignError(_label(param), "an integer", value) from None


class Number(click.ParamType[float]):
    """A real number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return `value` as a number, or refuse it."""
        try:
            return float(value)
        except ValueError:
            raise DesignError(_label(param), "a number", value) from None


class Wholes(click.ParamType[tuple[int, ...]]):
    """Integers between commas."""

    name = "integers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return `value` as integers, or refuse it."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            label = "value" if param is None or param.name is None else param.name
            raise DesignError(label, "integers with commas between them", value) from None


class OneOf(click.Choice[str]):
    """One of a few words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return `value`, or refuse it."""
        if value not in self.choices:
            raise DesignError(_label(param), f"one of {', '.join(self.choices)}", value)
        return str(value)


class Fractions(click.ParamType[tuple[float, ...]]):
    """Numbers between commas."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Return `value` as numbers, or refuse it."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            raise DesignError(_label(param), "numbers with commas between them", value) from None


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
