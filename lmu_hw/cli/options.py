"""The options of the command line, made of the declarations in `lmu_hw.design`. Nothing heavy is imported here.

Flags, defaults, ranges and help are declared once, as fields of dataclasses (`lmu_hw.design.options`). From these,
this module makes options for click. click stays the command-line library because a type of parameter may raise the
project's own one-line errors, shells complete its options and choices, and it depends on nothing else. Libraries that
read options off annotations (cyclopts, rich-click) would leave the declarations as they are, but bring error texts of
their own and help in colour, for which `lmu-hw --version` would wait.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click

from lmu_hw.cli.completion import offered
from lmu_hw.cli.parameters import Delays, FilePath, Fractions, Number, OneOf, Whole, Wholes, Words, option
from lmu_hw.design.files import errors_named, load_any_design, load_design, named, read_design, with_step
from lmu_hw.design.memory import RATE, Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import Option, Options, options_of
from lmu_hw.design.requests import BenchRequest, CosimRequest, FpgaRequest, Recording, RunRequest, SearchRequest
from lmu_hw.design.spiking import NETWORK_CHOICES, SpikingChoice
from lmu_hw.design.usage import USAGE, Usage, check_effects
from lmu_hw.io.quantities import Unit

Declare = Callable[[Any], Any]

_FILE = FilePath()
_TYPES: Mapping[Any, click.ParamType[Any]] = {
    int: Whole(),
    tuple[int, ...]: Wholes(),
    tuple[str, ...]: Words(),
    Path: _FILE,
    str: click.STRING,
}

_DESIGN_FILE = option(
    "--design",
    "design_path",
    section="Memory",
    type=_FILE,
    metavar="FILE.toml",
    help="Design file; its keys are the options of designs with _ for -. Options given here win over it.",
)

_OUTPUT_OPTIONS = (
    option(
        "--out",
        section="Output",
        type=_FILE,
        metavar="DIR",
        help="Folder for the files, made if need be; without it no file is written.",
    ),
    option("--json", "as_json", section="Output", is_flag=True, help="Print one JSON object and nothing else."),
)


def design_options(subcommand_name: str) -> Declare:
    """Give a subcommand the options of a design that it uses, received as `design`, and check all that are given.

    Args:
        subcommand_name: The name of the subcommand, whose options `lmu_hw.design.usage` lists. Where these are those of
            networks too, the design may be a `NetworkDesign` instead of a `Design`.
    """
    usage = USAGE[subcommand_name]
    memory = {name: each for name, each in options_of(Design).items() if name in usage.memory}
    networks = {name: each for name, each in options_of(NetworkDesign).items() if name in usage.network}
    if "dt" in memory:  # beside it stands the other way to give it
        at = list(memory).index("dt") + 1
        memory = dict([*list(memory.items())[:at], ("rate", RATE), *list(memory.items())[at:]])
    load = load_any_design if networks else load_design
    declared = [_click_option(each, usage, networks.get(name)) for name, each in memory.items()]
    declared += [_click_option(each, usage) for name, each in networks.items() if name not in memory]

    def decorate(subcommand: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(subcommand)
        def run(design_path: Path | None, **values: Any) -> Any:
            given = {name: value for name, value in values.items() if name in usage.names() and value is not None}
            of_design = _take((*memory, *networks), values)
            design = load(design_path, of_design)
            filed = {}
            if design_path is not None:
                filed = with_step(named(type(design), design_path, read_design(design_path)))
            check_effects(subcommand_name, design, given, filed, design_path)
            with errors_named(design_path, filed, of_design):
                return subcommand(design=design, **values)

        return _declare([_DESIGN_FILE, *declared], run)

    return decorate


def options(kind: type[Options], receive: str, *names: str, of: str | None = None) -> Declare:
    """Give a subcommand the options of `kind`, or some of them, received as one object.

    Args:
        kind: The class that declares the options.
        receive: The name of the parameter that gets the object.
        names: The options; all of them where none is named.
        of: The subcommand, in the tables of `lmu_hw.design.usage`, whose options they are; None where it has no table.
    """
    known = options_of(kind)
    taken = names or tuple(name for name in known if of is None or name in USAGE[of].names())
    usage = None if of is None else USAGE[of]
    rate = "dt" in taken

    def decorate(subcommand: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(subcommand)
        def run(**values: Any) -> Any:
            given = _take((*taken, "rate") if rate else taken, values)
            return subcommand(**{receive: kind(**with_step(given))}, **values)

        declared = [_click_option(known[name], usage) for name in taken]
        if rate:
            declared.insert(taken.index("dt") + 1, rate_option(known["dt"].declared.section))
        return _declare(declared, run)

    return decorate


def rate_option(section: str) -> Declare:
    """`--rate` in place of `--dt`, in a section of the help; `lmu_hw.design.files.with_step` gives the step."""
    return _click_option(RATE, section=section)


def output_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subcommand `--out` and `--json`, received as `out` and `as_json`."""
    return _declare(_OUTPUT_OPTIONS, subcommand)


def spiking_network_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subcommand the options of neurons in networks, without the numbers of neurons, as `spiking`."""
    decorated: Callable[..., Any] = options(SpikingChoice, "spiking", *NETWORK_CHOICES)(subcommand)
    return decorated


def number_type(kind: Any, unit: Unit | None) -> click.ParamType[Any]:
    """The kind of value on the command line for a type, of numbers with their unit."""
    if kind is float:
        return Number(unit)
    if kind == tuple[float, ...]:
        return Delays() if unit is not None and unit.window else Fractions(unit)
    return _TYPES[kind]


def _flags(names: Iterable[str]) -> set[str]:
    """The flags of the named options, with their dashes."""
    kinds = (
        Recording,
        FpgaRequest,
        SearchRequest,
        RunRequest,
        CosimRequest,
        BenchRequest,
        SpikingChoice,
        NetworkDesign,
        Design,
    )
    known = {name: each for kind in kinds for name, each in options_of(kind).items()}
    return {f"--{known[name].flag}" for name in names if name in known}


def _click_option(
    each: Option, usage: Usage | None = None, of_network: Option | None = None, section: str | None = None
) -> Declare:
    """A declared option for click. Its value is None where nothing was given, so that a design file can give it.

    Args:
        each: The option.
        usage: The options of the subcommand, so that the help names no others, and says what each goes with; None for
            any.
        of_network: The option of the same name of networks, whose meaning, range and default the help tells too.
        section: The section of the help, where it is not the declared one.
    """
    declared = each.declared
    if declared.positional:
        return click.argument(
            each.name,
            required=False,
            metavar=f"[{each.name.upper()}]",
            type=click.Path(),
            shell_complete=offered(each.name),
        )
    names = f"--{each.flag}"
    told = each.help_beside(None if usage is None else _flags(usage.names()))
    settings: dict[str, Any] = {"section": section or declared.section, "default": None, "older": declared.older}
    settings["required"] = each.default is MISSING
    if of_network is not None:
        meaning = of_network.declared.help if of_network.declared.help != declared.help else ""
        if meaning or (of_network.range, of_network.fallback) != (each.range, each.fallback):
            if meaning:  # in the midst of a sentence
                meaning = meaning[0].lower() + meaning[1:]
            limits = ", ".join(filter(None, (meaning, of_network.range)))
            told += f" Of a network: {'; '.join(filter(None, (limits, of_network.default_clause)))}."
    settings["help"] = " ".join(filter(None, (told, "" if usage is None else usage.only(each.name))))
    if each.kind is bool:
        settings["is_flag"] = True
        names += f"/--no-{each.flag}" if declared.negatable else ""
    elif declared.choices:
        settings["type"] = OneOf(declared.choices, tuple(declared.aliases))
    else:
        settings |= {"type": number_type(each.kind, declared.unit), "metavar": declared.metavar}
        settings["shell_complete"] = offered(each.name)
    return option(names, each.name, **settings)


def _take(names: Iterable[str], values: dict[str, Any]) -> dict[str, Any]:
    """Remove the named values, and return those that were given."""
    taken = {name: values.pop(name) for name in dict.fromkeys(names) if name in values}
    return {name: value for name, value in taken.items() if value is not None}


def _declare(declared: Iterable[Declare], subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Declare options; they are listed in the order in which they stand here."""
    for each in reversed(tuple(declared)):
        subcommand = each(subcommand)
    return subcommand
