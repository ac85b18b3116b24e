"""Kinds of values on the command line, options that the help lists section by section, and groups of commands."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import click

from lmu_hw.cli.examples import EXAMPLES
from lmu_hw.errors import DesignError, Notice, RequestError, nearest
from lmu_hw.io.quantities import (
    WINDOW,
    QuantityError,
    Unit,
    read_delay,
    read_integer,
    read_number,
    read_quantity,
)

#: Options that the packages call by another name in their errors.
_INSIDE = {
    "error": "circuit_error",
    "op-amp gbw": "gbw",
    "op-amp gain": "opamp_gain",
    "transconductor gm": "gm",
    "supply in volts": "supply",
    "resistor sigma": "resistor_tolerance",
    "capacitor sigma": "capacitor_tolerance",
    "gm sigma": "gm_tolerance",
    "resistor tolerance": "resistor_tolerance",
    "capacitor tolerance": "capacitor_tolerance",
    "gm tolerance": "gm_tolerance",
    "error limit": "circuit_error",
    "neurons per state": "spiking",
    "maximum rates": "max_rates",
}

_TYPED = "lmu_hw.typed"  # the texts of values, by the names of their options, as the person wrote them

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


class _Parsed(click.ParamType[_T], Generic[_T]):
    """A kind of value that is parsed from its text."""

    constraint: str

    def parse(self, text: str) -> _T:
        """Return the value of a text, or raise ValueError, whose message may be a hint, where it has none."""
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> _T:
        """Return the value of a text, or raise a DesignError that names the option; a default is left as it is."""
        if not isinstance(value, str):
            default: _T = value
            return default
        if ctx is not None and param is not None and param.name is not None:
            ctx.meta.setdefault(_TYPED, {})[param.name] = value
        try:
            return self.parse(value)
        except QuantityError as problem:
            raise DesignError(_label(param), self.constraint, value, hint=str(problem)) from None


class Whole(_Parsed[int]):
    """An integer, of at least `least` where that is given."""

    name, constraint = "integer", "an integer"

    def __init__(self, least: int | None = None) -> None:
        self.least = least
        if least is not None:
            self.constraint = f"an integer of at least {least}"

    def parse(self, text: str) -> int:
        """Return the integer of a text."""
        number = read_integer(text)
        if self.least is not None and number < self.least:
            raise QuantityError("")
        return number


class FilePath(click.Path):
    """A path; one that is empty or looks like an option was forgotten."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or raise a DesignError that names the option."""
        if isinstance(value, str) and (not value.strip() or value.startswith("-")):
            hint = f"if it is called so, write ./{value}" if value.strip() else ""
            raise DesignError(_label(param), "followed by a path", value, hint=hint)
        return super().convert(value, param, ctx)


class Number(_Parsed[float]):
    """A real number; with a unit, one such as 10ms or 1/48000 too."""

    name = "number"

    def __init__(self, unit: Unit | None = None) -> None:
        self.unit = unit
        self.constraint = "a number" if unit is None else unit.expected

    def parse(self, text: str) -> float:
        """Return the number of a text."""
        return read_number(text) if self.unit is None else read_quantity(text, self.unit)


class Wholes(_Parsed[tuple[int, ...]]):
    """Integers with commas between them."""

    name, constraint = "integers", "integers with commas between them"

    def parse(self, text: str) -> tuple[int, ...]:
        """Return the integers of a text."""
        return tuple(map(read_integer, text.split(",")))


class Fractions(_Parsed[tuple[float, ...]]):
    """Numbers with commas between them, each as `Number` reads it."""

    name, constraint = "numbers", "numbers with commas between them"

    def __init__(self, unit: Unit | None = None) -> None:
        self.unit = unit
        if unit is not None:
            self.constraint = f"{unit.expected}, or several with commas between them"

    def parse(self, text: str) -> tuple[float, ...]:
        """Return the numbers of a text."""
        return tuple(
            read_number(each) if self.unit is None else read_quantity(each, self.unit) for each in text.split(",")
        )


class Delays(_Parsed[tuple[str, ...]]):
    """Shares of the window and times with commas between them, as texts: the window is not known yet."""

    name = "delays"
    constraint = f"{WINDOW.expected}, or several with commas between them"

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the checked texts."""
        for each in text.split(","):
            read_delay(each)
        return tuple(text.split(","))


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
            close = nearest(str(value).lower(), {each.lower(): each for each in self.choices})
            close = next((each for each in self.choices if each.lower() == close), None)
            hint = f"did you mean {close}?" if close else ""
            raise DesignError(_label(param), f"one of {', '.join(self.choices)}", value, hint=hint)
        return str(value)


def _label(param: click.Parameter | None) -> str:
    """What an error calls an option or argument: its flag or name."""
    if param is None or param.name is None:
        return "value"
    return param.opts[0] if param.opts else param.name


class SectionedOption(click.Option):
    """An option that `--help` lists under a heading, with the former names of its flag."""

    def __init__(self, *args: Any, section: str = "Options", older: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.older = tuple(f"--{name}" for name in older)


class SectionedCommand(click.Command):
    """A command whose help shows examples, and lists its options section by section."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words, with former names of flags as the present ones.

        Raises:
            DesignError: An option is given twice.
        """
        words = self.renamed(args)
        with suppress(click.UsageError):  # which is found, and told, when the words are parsed below
            _, _, order = self.make_parser(ctx).parse_args(list(words))
            once = [each for each in order if isinstance(each, click.Option) and not (each.multiple or each.count)]
            for each in once:
                if once.count(each) > 1:
                    raise RequestError(f"{each.opts[0]} is given twice")
        return super().parse_args(ctx, words)

    def renamed(self, args: Sequence[str]) -> list[str]:
        """The words with former names of flags as the present ones, each with a notice."""
        present = {old: each.opts[0] for each in self.params if isinstance(each, SectionedOption) for old in each.older}
        words = []
        for word in args:
            flag, equals, value = word.partition("=")
            if flag in present:
                warnings.warn(
                    Notice(f"{flag} is {present[flag]} now; the old name goes with the next release"), stacklevel=2
                )
                word = present[flag] + equals + value
            words.append(word)
        return words

    def invoke(self, ctx: click.Context) -> Any:
        """Carry the command out; an error about a value that a flag gave names the flag."""
        try:
            return super().invoke(ctx)
        except RequestError:
            raise
        except DesignError as problem:
            given = {
                each.name: each.opts[0]
                for each in self.params
                if isinstance(each, click.Option) and ctx.params.get(each.name or "") is not None
            }
            name, of, where = problem.what.partition(" of ")  # such as "layer 0 (lmu)"
            what = _INSIDE.get(name, name.replace("-", "_").replace(" ", "_"))
            if what not in given:
                raise
            got = problem.got
            whole = isinstance(got, tuple | list) or (isinstance(got, str) and "," in got)  # not one of several values
            if whole or got == ctx.params[what]:
                got = ctx.meta.get(_TYPED, {}).get(what, got)
            raise DesignError(given[what] + of + where, problem.constraint, got, hint=problem.hint) from None

    def examples(self, ctx: click.Context) -> Sequence[str]:
        """The command lines that the help shows."""
        return EXAMPLES.get(ctx.command_path, ())

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description and the examples."""
        super().format_help_text(ctx, formatter)
        write_examples(self.examples(ctx), formatter)

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


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write a section of command lines, each whole on its line so that it can be copied."""
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


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

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description and the examples."""
        super().format_help_text(ctx, formatter)
        write_examples(EXAMPLES.get(ctx.command_path, ()), formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or raise a DesignError that suggests the nearest one."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            close = nearest(args[0], self.commands)
            hint = f"did you mean {close}?" if close else f"there are {', '.join(self.commands)}"
            raise RequestError(f"there is no {self.what} {args[0]}", hint=hint)
        return super().resolve_command(ctx, args)
