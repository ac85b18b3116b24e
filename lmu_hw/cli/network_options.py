"""What the command line says about networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from lmu_hw.cli.parameters import OneOf, Whole, option
from lmu_hw.errors import DesignError

GRANULARITIES = ("row", "tensor")
CLIPPINGS = ("error", "largest")
RESETS = ("first", "never")
_SECTION = "Network"

NETWORK_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.argument("network", required=False, metavar="[NETWORK]"),
    option(
        "--calibration",
        section=_SECTION,
        metavar="FILE",
        help="Sequences that the formats are chosen on, shaped as --input; by default --input itself.",
    ),
    option("--weight-bits", section=_SECTION, type=Whole(), help="Width of a weight, 2 to 24; 8 by default."),
    option(
        "--activation-bits",
        section=_SECTION,
        type=Whole(),
        help="Width of the words between layers, 4 to 18; 16 by default.",
    ),
    option("--drive-bits", section=_SECTION, type=Whole(), help="Width of a memory's samples, 3 to 24; 12 by default."),
    option(
        "--granularity",
        section=_SECTION,
        type=OneOf(GRANULARITIES),
        help="What has a binary point of its own: a row of a matrix, the default, or the matrix.",
    ),
    option(
        "--clipping",
        section=_SECTION,
        type=OneOf(CLIPPINGS),
        help="What a grid is chosen by: the least error on the calibration data, the default, or the largest entry.",
    ),
    option(
        "--compensated/--no-compensated",
        section=_SECTION,
        default=None,
        help="Round each weight so that it takes back what the ones before it lost; it does by default.",
    ),
    option(
        "--memory-bits",
        section=_SECTION,
        type=Whole(),
        help="Refuse a network whose weights, tables and states need more bits than this.",
    ),
    option("--sequences", section=_SECTION, type=Whole(), help="Sequences side by side; 1 by default."),
    option(
        "--reset",
        section=_SECTION,
        type=OneOf(RESETS),
        help="Whether state counts as zero where a sequence starts, or persists; first by default.",
    ),
)


def refuse_with_network(*names: str) -> None:
    """Refuse options of the present command that a network has no use for, where they were given."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            value = context.params[name]
            raise DesignError(name.replace("_", "-"), "left out with a network", value)
