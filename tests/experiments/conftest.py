"""What the tests of experiments share: a way to call one for its figures."""

from __future__ import annotations

import json
from typing import Any

import click
from click.testing import CliRunner


def called(command: click.Command, *options: str) -> dict[str, Any]:
    """The figures that an experiment prints with --json."""
    done = CliRunner().invoke(command, [*options, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found
