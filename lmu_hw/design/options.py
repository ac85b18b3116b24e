"""The one declaration of an option: its flag, its key in a design file, its kind, range, default and help.

A frozen dataclass that derives from `Options` declares each of its fields with `option`. All else follows from that
declaration: `lmu_hw.cli.options` makes the flags and the lines of the help, `lmu_hw.design.files` the keys of design
files, and `Options` checks the kinds of all values, whether they came from a flag, from a file or from Python.
Nothing heavy is imported here, because the command line reads every declaration before it knows what it is asked for.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any

from lmu_hw.errors import DesignError, RequestError
from lmu_hw.io.files import check_identifier
from lmu_hw.io.quantities import QuantityError, Time, Unit, read_delay, read_quantity

_METADATA = "option"
_FLAG = re.compile(r"--[a-z][a-z-]*[a-z]")
_SENTENCE = re.compile(r"(?<=\.) (?=\S)")
_KINDS: Mapping[Any, str] = {
    int: "an integer",
    float: "a number",
    str: "a text",
    bool: "true or false",
    Path: "a path",
    tuple[int, ...]: "a list of integers",
    tuple[float, ...]: "a list of numbers",
    tuple[str, ...]: "a list of texts",
}


@dataclass(frozen=True)
class Declaration:
    """What `option` notes of a field; its arguments explain each attribute."""

    help: str
    section: str
    choices: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    least: int | None = None
    most: int | None = None
    metavar: str | None = None
    fallback: Any = None
    note: str = ""
    flag: str | None = None
    positional: bool = False
    negatable: bool = True
    unit: Unit | None = None
    older: tuple[str, ...] = ()


def option(default: Any, text: str, *, section: str, **more: Any) -> Any:
    """Declare a field of an `Options` class.

    Args:
        default: The value of the field where nothing is given, or `dataclasses.MISSING` where it must be given.
        text: What the option is, as the beginning of a sentence to which the help adds the range and the default.
        section: The heading under which the help lists the option.
        choices: The words that are allowed.
        aliases: Older words that are still accepted, each with the word that it stands for.
        least, most: The allowed range of an integer. Whoever uses the value checks it.
        metavar: What the help shows in place of the value.
        fallback: What takes the place of a default of None: a value, or a description of it.
        note: Further sentences for the help.
        flag: The name of the flag, without dashes, where it is not that of the field.
        positional: Whether the command line takes the value as an argument rather than with a flag.
        negatable: Whether a yes-or-no option also has a flag that says no.
        unit: The unit of numbers without one; texts such as "10ms" are then numbers too.
        older: Former names of the flag, without dashes, which are accepted with a notice.
    """
    return field(default=default, metadata={_METADATA: Declaration(text, section, **more)})


@dataclass(frozen=True)
class Option:
    """One declared field of an `Options` class.

    Attributes:
        name: The name of the field, which is also the key in answers and, unless the flag has another, in design files.
        kind: The type of the values, such as `int` or `tuple[float, ...]`.
        optional: Whether None is allowed too.
        default: The value of the field where nothing is given.
        declared: What `option` noted.
    """

    name: str
    kind: Any
    optional: bool
    default: Any
    declared: Declaration

    @property
    def flag(self) -> str:
        """The name of the flag, without dashes in front."""
        return self.declared.flag or self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """The key in a design file: the flag with _ for -."""
        return self.name if self.declared.positional else self.flag.replace("-", "_")

    @property
    def fallback(self) -> Any:
        """The value that holds where nothing is given, or a description of it; None where there is nothing to tell."""
        return self.declared.fallback if self.default in (None, ()) else self.default

    @property
    def range(self) -> str:
        """The range as the help tells it, such as "3 to 24"; empty where none is declared."""
        return "" if self.declared.most is None else f"{self.declared.least} to {self.declared.most}"

    @property
    def default_clause(self) -> str:
        """The default as the help tells it, such as "12 by default"; empty where there is nothing to tell."""
        value = self.fallback
        if value is None or value is dataclasses.MISSING or not self.declared.negatable:
            return ""
        return f"{_told(value)} by default"

    @property
    def help(self) -> str:
        """The line of the help: what the option is, its range, its default, and what else is to be said."""
        return self.help_beside(None)

    def help_beside(self, flags: Collection[str] | None) -> str:
        """The line of the help in a subcommand that has these flags.

        What is said of other flags is left out: a default, or a sentence of the note.

        Args:
            flags: The flags, with their dashes; None for all there are.
        """

        def known(text: str) -> bool:
            return flags is None or all(each in flags for each in _FLAG.findall(text))

        default = self.default_clause
        told = ", ".join(filter(None, (self.declared.help, self.range)))
        told = "; ".join(filter(None, (told, default if known(default) else ""))) + "."
        note = " ".join(sentence for sentence in _SENTENCE.split(self.declared.note) if known(sentence))
        return " ".join(filter(None, (told, note)))

    def checked(self, value: Any) -> Any:
        """Return the value as one of the declared kind, and an older word as the one that it stands for.

        Raises:
            DesignError: The value is of another kind.
        """
        if value is None and self.optional:
            return None
        try:
            made = _as(self.kind, self._read(value))
        except TypeError:
            raise DesignError(self.name, _KINDS[self.kind], _as_written(value)) from None
        return self.declared.aliases.get(made, made) if self.kind is str else made

    def _read(self, value: Any) -> Any:
        """The number of a text such as "10ms", where the option has a unit; any other value as it is.

        Raises:
            DesignError: The text is no number, or one of another unit.
        """
        if isinstance(value, str) and self.kind in (tuple[float, ...], tuple[str, ...]):
            value = value.split(",")  # as on the command line
        if isinstance(value, list | tuple):
            return tuple(map(self._read_one, value))
        return self._read_one(value)

    def _read_one(self, value: Any) -> Any:
        """The number of a text, where the option has a unit; any other value as it is."""
        unit = self.declared.unit
        if unit is None or not isinstance(value, str):
            return value
        try:
            return read_delay(value) if unit.window else read_quantity(value, unit)
        except QuantityError as problem:
            raise DesignError(self.name, unit.expected, value, hint=str(problem)) from None

    def words(self, value: Any) -> list[str]:
        """The words of a command line that give this value."""
        if self.declared.positional:
            return [str(value)]
        if isinstance(value, bool):
            return [f"--{self.flag}" if value else f"--no-{self.flag}"]
        return [f"--{self.flag}", _word(value)]


@dataclass(frozen=True)
class Options:
    """The base of all dataclasses whose fields are declared with `option`; it checks the kind of every value."""

    def __post_init__(self) -> None:
        for name, each in options_of(type(self)).items():
            object.__setattr__(self, name, each.checked(getattr(self, name)))

    def chosen(self, name: str) -> Any:
        """The value that was given for an option, or its declared default."""
        value = getattr(self, name)
        return options_of(type(self))[name].fallback if value is None else value

    def given(self) -> dict[str, Any]:
        """The values, by name, that differ from their defaults."""
        known = options_of(type(self)).items()
        return {name: value for name, each in known if (value := getattr(self, name)) != each.default}

    def refuse(self, where: str, *names: str) -> None:
        """Check that none of the named options, or no option at all, was given.

        Args:
            where: Where the options have no effect, such as "without --spiking".
            names: The options.

        Raises:
            DesignError: One was. The error names its flag.
        """
        known = options_of(type(self))
        for name in self.given():
            if not names or name in names:
                raise RequestError(f"--{known[name].flag} has no effect {where}")

    def to_dict(self) -> dict[str, Any]:
        """The values by name, in the order of the declarations."""
        return {name: getattr(self, name) for name in options_of(type(self))}

    def flags(self) -> str:
        """The words of a command line that give these values, in a fixed order; defaults are left out."""
        known = options_of(type(self))
        return shlex.join(word for name, value in self.given().items() for word in known[name].words(value))


@dataclass(frozen=True)
class AddedOptions(Options):
    """Options that follow those of a design on a command line."""

    def flags(self) -> str:
        """The words of a command line that give these values, with a space in front where there are any."""
        return f" {words}" if (words := super().flags()) else ""


def check_name_and_seed(name: str, seed: int) -> None:
    """Check the name of a design, which goes into generated files, and its seed.

    Raises:
        DesignError: The name is not an identifier, or the seed is negative.
    """
    check_identifier(name)
    if seed < 0:
        raise DesignError("seed", "an integer of 0 or more", seed)


_KNOWN: dict[type[Any], Mapping[str, Option]] = {}


def options_of(kind: type[Any]) -> Mapping[str, Option]:
    """The declared options of a dataclass, by the names of its fields and in their order."""
    if kind not in _KNOWN:
        hints = typing.get_type_hints(kind)
        _KNOWN[kind] = types.MappingProxyType(
            {each.name: _option(each, hints[each.name]) for each in dataclasses.fields(kind)}
        )
    return _KNOWN[kind]


def _option(each: dataclasses.Field[Any], hint: Any) -> Option:
    """The option of a field that is annotated with a type, or with a type or None."""
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    inner = next(part for part in parts if part is not types.NoneType)
    return Option(each.name, inner, types.NoneType in parts, each.default, each.metadata[_METADATA])


def _as(kind: Any, value: Any) -> Any:
    """The value as one of a kind; an integer is a number too, a text a path, and a list a tuple.

    Raises:
        TypeError: The value is of another kind.
    """
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError
        return tuple(_as(typing.get_args(kind)[0], each) for each in value)
    if kind is float and type(value) is int:
        return float(value)
    if kind is float and isinstance(value, Time):
        return value
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if type(value) is not kind:
        raise TypeError
    return value


def _as_written(value: Any) -> str:
    """A value as a design file has it: a text in quotes, so that "2" is told from 2, and true, not True."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_written, value))}]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _word(value: Any) -> str:
    """A value as a word of a command line, from which it is read without loss."""
    return _WORDS.get(type(value), str)(value)


def _told(value: Any) -> str:
    """A value as the help tells it."""
    return _TOLD.get(type(value), str)(value)


def _told_float(value: float) -> str:
    """A number in short, 1e7 rather than 1e+07."""
    return re.sub(r"e([+-])0*", lambda found: "e" + found[1].strip("+"), f"{value:g}")


_WORDS: Mapping[type[Any], Callable[[Any], str]] = {
    float: repr,
    tuple: lambda values: ",".join(map(_word, values)),
}
_TOLD: Mapping[type[Any], Callable[[Any], str]] = {
    bool: lambda value: "on" if value else "off",
    float: _told_float,
    tuple: lambda values: ",".join(map(_told, values)),
}
