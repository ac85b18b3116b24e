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

from lmu_hw.cli.parameters import Fractions, Number, OneOf, Whole, Wholes, Words, option
from lmu_hw.design.files import load_any_design, load_design
from lmu_hw.design.memory import CIRCUIT, Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.options import Option, Options, options_of
from lmu_hw.design.spiking import NETWORK_CHOICES, SpikingChoice

Declare = Callable[[Any], Any]

_FILE = click.Path(path_type=Path)
_TYPES: Mapping[Any, click.ParamType[Any]] = {
    int: Whole(),
    float: Number(),
    tuple[int, ...]: Wholes(),
    tuple[float, ...]: Fractions(),
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
    help="Design file; its keys are these options with _ for -. Options given here win over it.",
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


def design_options(*, analog: bool = False, network: bool = False) -> Declare:
    """Give a subcommand the options of a design, received as `design`.

    Args:
        analog: Whether the options of circuits are among them.
        network: Whether it may be a `NetworkDesign`, whose options are then among them, instead of a `Design`.
    """
    memory = options_of(Design)
    networks = options_of(NetworkDesign) if network else {}
    load = load_any_design if network else load_design
    declared = [
        _click_option(each, networks.get(name))
        for name, each in memory.items()
        if analog or each.declared.section != CIRCUIT
    ]
    declared += [_click_option(each) for name, each in networks.items() if name not in memory]

    def decorate(subcommand: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(subcommand)
        def run(design_path: Path | None, **values: Any) -> Any:
            return subcommand(design=load(design_path, _take((*memory, *networks), values)), **values)

        return _declare([_DESIGN_FILE, *declared], run)

    return decorate


def options(kind: type[Options], receive: str, *names: str) -> Declare:
    """Give a subcommand the options of `kind`, or those that are named, received as one object.

    Args:
        kind: The class that declares the options.
        receive: The name of the parameter that gets the object.
        names: The options; all of them where none is named.
    """
    known = options_of(kind)
    taken = names or tuple(known)

    def decorate(subcommand: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(subcommand)
        def run(**values: Any) -> Any:
            return subcommand(**{receive: kind(**_take(taken, values))}, **values)

        return _declare([_click_option(known[name]) for name in taken], run)

    return decorate


def output_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subcommand `--out` and `--json`, received as `out` and `as_json`."""
    return _declare(_OUTPUT_OPTIONS, subcommand)


def spiking_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subcommand the options of neurons, received as `spiking`, a `SpikingChoice`."""
    decorated: Callable[..., Any] = options(SpikingChoice, "spiking")(subcommand)
    return decorated


def spiking_network_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subcommand the options of neurons in networks, without the numbers of neurons, as `spiking`."""
    decorated: Callable[..., Any] = options(SpikingChoice, "spiking", *NETWORK_CHOICES)(subcommand)
    return decorated


def given_flags(*names: str) -> list[str]:
    """The flags of those named options that the command line itself gives, and not a design file."""
    context = click.get_current_context()
    of_names = {each.name: each.opts[0] for each in context.command.params}
    return [of_names[name] for name in names if context.params[name] is not None]


def _click_option(each: Option, of_network: Option | None = None) -> Declare:
    """A declared option for click. Its value is None where nothing was given, so that a design file can give it.

    Args:
        each: The option.
        of_network: The option of the same name of networks, whose range and default the help tells too.
    """
    declared = each.declared
    if declared.positional:
        return click.argument(each.name, required=False, metavar=f"[{each.name.upper()}]")
    names = f"--{each.flag}"
    settings: dict[str, Any] = {"section": declared.section, "default": None, "help": each.help}
    settings["required"] = each.default is MISSING
    if of_network is not None and (of_network.range, of_network.fallback) != (each.range, each.fallback):
        details = "; ".join(filter(None, (of_network.range, of_network.default_clause)))
        settings["help"] += f" Of a network: {details}."
    if each.kind is bool:
        settings["is_flag"] = True
        names += f"/--no-{each.flag}" if declared.negatable else ""
    elif declared.choices:
        settings["type"] = OneOf(declared.choices, tuple(declared.aliases))
    else:
        settings |= {"type": _TYPES[each.kind], "metavar": declared.metavar}
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
