"""Groups of commands: listed as declared, and refusals that name what there is."""

from __future__ import annotations

import difflib
from typing import ClassVar

import click

from lmu_hw.cli.parameters import SectionedCommand
from lmu_hw.cli.refusals import suggest
from lmu_hw.errors import DesignError


class OrderedGroup(click.Group):
    """Commands in the order of their declaration, which is that of the flow, not of the alphabet."""

    command_class = SectionedCommand
    what: ClassVar[str] = "subcommand"
    listing: ClassVar[str] = "lmu-hw --help"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were declared."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse it with the nearest one's name."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self.commands, n=1)
            known = "one of " + ", ".join(self.commands)
            constraint = suggest(f"one that `{self.listing}` lists", close) if close else known
            raise DesignError(self.what, constraint, args[0])
        return super().resolve_command(ctx, args)
