"""Options that verbs share, and the design that they make. Nothing heavy is imported here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from lmu_hw.cli.network_options import NETWORK_OPTIONS
from lmu_hw.cli.parameters import Fractions, Number, OneOf, Whole, option
from lmu_hw.core.methods import Discretization
from lmu_hw.design.memory import Design, load_design
from lmu_hw.design.network import NetworkDesign, load_any_design
from lmu_hw.fixed_point.datapaths import Datapath

_F = TypeVar("_F", bound=Callable[..., Any])

DISCRETIZATIONS = tuple(map(str, Discretization))
BASES = ("legendre", "orthonormal")
GUARANTEES = ("energy", "lyapunov")
DATAPATHS = (*map(str, Datapath), *Datapath.aliases)
SIMULATORS = ("verilator", "icarus")
OPAMPS = ("ideal", "single-pole", "macro")
OTAS = ("ideal", "macro")
TOPOLOGIES = ("dense", "chain", "ladder")
STYLES = ("opamp-rc", "opamp-rc-differential", "gm-c")
SERIES = ("E3", "E6", "E12", "E24", "E48", "E96", "E192")

_MEMORY, _WORDS, _HARDWARE, _CIRCUIT = "Memory", "Word lengths", "Hardware", "Circuit"

_DESIGN_OPTIONS: Sequence[Callable[[Any], Any]] = (
    option(
        "--design",
        "design_path",
        section=_MEMORY,
        type=click.Path(path_type=Path),
        metavar="FILE.toml",
        help="Design file; its keys are these options with _ for -. Options given here win over it.",
    ),
    option("--order", section=_MEMORY, type=Whole(), help="Number of states d, 1 to 2048."),
    option("--theta", section=_MEMORY, type=Number(), metavar="SECONDS", help="Length of the window θ."),
    option("--dt", section=_MEMORY, type=Number(), metavar="SECONDS", help="Time between samples."),
    option(
        "--discretization",
        section=_MEMORY,
        type=OneOf(DISCRETIZATIONS),
        help="Time-stepping rule; zoh by default, and whichever is cheapest with --target-nrmse.",
    ),
    option("--basis", section=_MEMORY, type=OneOf(BASES), help="Coordinates of the state; legendre by default."),
    option(
        "--name",
        section=_MEMORY,
        metavar="NAME",
        help="Name of the module and the circuit; lmu_memory by default.",
    ),
    option("--input-bits", section=_WORDS, type=Whole(), help="Width of a sample, 3 to 24; 12 by default."),
    option("--state-bits", section=_WORDS, type=Whole(), help="Width of a state, 3 to 32; 16 by default."),
    option(
        "--coefficient-bits",
        section=_WORDS,
        type=Whole(),
        help="Width of a coefficient, 3 to 32; by default two more than a state, at most 26.",
    ),
    option(
        "--output-bits",
        section=_WORDS,
        type=Whole(),
        help="Width of the words that leave, up to 48, finer by as many bits as wider; those of the "
        "states by default. Of a network: 8 to 32, 24 by default.",
    ),
    option(
        "--error-feedback/--no-error-feedback",
        section=_WORDS,
        default=None,
        help="Carry the rest of each narrowing over to the next; by default where it pays.",
    ),
    option(
        "--guarantee",
        section=_WORDS,
        type=OneOf(GUARANTEES),
        help="Round a dense matrix so that its stability is certified: a contraction of energy, or more accurate.",
    ),
    option(
        "--datapath",
        section=_HARDWARE,
        type=OneOf(DATAPATHS),
        help="How the increments are computed; by default chain for euler and ab2, tridiagonal for bilinear, "
        "dense for zoh.",
    ),
    option(
        "--structured-error",
        section=_HARDWARE,
        type=Number(),
        help="How far the structured datapath may be from an exact hold, RMS for white input; 1e-4 by default.",
    ),
    option(
        "--delays",
        section=_HARDWARE,
        type=Fractions(),
        metavar="F,F,...",
        help="Delayed readouts to give out beside the states, as fractions of θ from 0 to 1.",
    ),
    option("--lanes", section=_HARDWARE, type=Whole(), help="Multipliers, a divisor of the order; 1 by default."),
    option(
        "--unrolled/--no-unrolled",
        section=_HARDWARE,
        default=None,
        help="A multiplier for every product instead of lanes, up to order 16; off by default.",
    ),
    option(
        "--port-bits",
        section=_HARDWARE,
        type=Whole(),
        help="Width of the input port; what is out of range is saturated and flagged. By default as samples.",
    ),
    option("--channels", section=_HARDWARE, type=Whole(), help="Memories that take turns; 1 by default."),
    option(
        "--simulator",
        section=_HARDWARE,
        type=OneOf(SIMULATORS),
        help="HDL simulator; verilator by default.",
    ),
    option("--seed", section=_HARDWARE, type=Whole(), help="Seed of everything random; 0 by default."),
)

_ANALOG_OPTIONS: Sequence[Callable[[Any], Any]] = (
    option(
        "--topology",
        section=_CIRCUIT,
        type=OneOf(TOPOLOGIES),
        help="Form of the coupling network: d² couplings, sums along a chain, or a ladder of 2d - 1; dense by default.",
    ),
    option("--style", section=_CIRCUIT, type=OneOf(STYLES), help="Technology; opamp-rc by default."),
    option(
        "--opamp",
        section=_CIRCUIT,
        type=OneOf(OPAMPS),
        help="Model of the op-amps; single-pole by default. macro adds a slew rate (1 V/s per Hz of gain-bandwidth "
        "product), rails (96 % of the supply) and noise (20 nV/√Hz).",
    ),
    option(
        "--gbw",
        section=_CIRCUIT,
        type=Number(),
        metavar="HZ",
        help="Gain-bandwidth product of an op-amp that is not ideal; 1e7 by default.",
    ),
    option("--opamp-gain", section=_CIRCUIT, type=Number(), help="Gain of such an op-amp; 1e6 by default."),
    option("--ota", section=_CIRCUIT, type=OneOf(OTAS), help="Model of the transconductors; ideal by default."),
    option(
        "--gm",
        section=_CIRCUIT,
        type=Number(),
        metavar="S",
        help="Transconductance around which transconductors are chosen; 1e-6 by default.",
    ),
    option("--supply", section=_CIRCUIT, type=Number(), metavar="V", help="Supplies of ± this; 5 by default."),
    option(
        "--resistors",
        section=_CIRCUIT,
        type=OneOf(SERIES),
        help="Standard values of the resistors; exact ones by default.",
    ),
    option(
        "--capacitors",
        section=_CIRCUIT,
        type=OneOf(SERIES),
        help="Standard values of the capacitors; exact ones by default.",
    ),
    option(
        "--resistor-tolerance",
        section=_CIRCUIT,
        type=Number(),
        metavar="SHARE",
        help="Relative standard deviation of resistors, for drawn circuits; 0 by default.",
    ),
    option(
        "--capacitor-tolerance",
        section=_CIRCUIT,
        type=Number(),
        metavar="SHARE",
        help="The same of capacitors.",
    ),
    option("--gm-tolerance", section=_CIRCUIT, type=Number(), metavar="SHARE", help="The same of transconductors."),
    option(
        "--coefficients/--no-coefficients",
        section=_CIRCUIT,
        default=None,
        help="Give out the Legendre coefficients too, whatever the states are; off by default.",
    ),
    option(
        "--circuit-error",
        section=_CIRCUIT,
        type=Number(),
        metavar="NRMSE",
        help="Search the least gain and gain-bandwidth product that keep this error.",
    ),
)

_OUTPUT_OPTIONS: Sequence[Callable[[Any], Any]] = (
    option(
        "--out",
        section="Output",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder for the files, made if need be; without it no file is written.",
    ),
    option("--json", "as_json", section="Output", is_flag=True, help="Print one JSON object and nothing else."),
)


def design_options(
    *, analog: bool = False, network: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb the options of a design, and with `network` also those of a network's; it gets it as `design`."""
    declared = [*_DESIGN_OPTIONS, *(_ANALOG_OPTIONS if analog else ()), *(NETWORK_OPTIONS if network else ())]
    classes = (Design, NetworkDesign) if network else (Design,)
    fields = list(dict.fromkeys(name for each in classes for name in each.__dataclass_fields__))
    load = load_any_design if network else load_design

    def decorate(subcommand: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(subcommand)
        def run(design_path: Path | None, **options: Any) -> Any:
            names = [name for name in fields if name in options]
            given = {name: value for name in names if (value := options.pop(name)) is not None}
            return subcommand(design=load(design_path, given), **options)

        return _apply(declared, run)

    return decorate


def output_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb `--out` and `--json`, received as `out` and `as_json`."""
    return _apply(_OUTPUT_OPTIONS, subcommand)


def _apply(options: Sequence[Callable[[Any], Any]], subcommand: Callable[..., Any]) -> Callable[..., Any]:
    for declare in reversed(options):
        subcommand = declare(subcommand)
    return subcommand
