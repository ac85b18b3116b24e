"""Shared parts of experiments: the decorator that makes one of a function, options, progress and timing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from lmu_hw.cli.experiment import EXPERIMENTS
from lmu_hw.cli.output import progress
from lmu_hw.cli.programs import Outcome, program

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


def experiment(name: str) -> Callable[[Callable[..., Outcome]], click.Command]:
    """Make the command of an experiment that `lmu_hw.cli.experiment` lists from the function that carries it out."""
    return program("experiment", EXPERIMENTS, name)


def choice(values: Iterable[object]) -> click.Choice[str]:
    """The kind of an option whose value is a member of an enumeration or a key of a table."""
    return click.Choice([str(value) for value in values])


def seed_option(what: str) -> Callable[[_F], _F]:
    """Give an experiment `--seed`, the seed of `what`."""
    return click.option("--seed", default=0, type=click.IntRange(0), help=f"Seed of {what}.")


def plot_option(what: str) -> Callable[[_F], _F]:
    """Give an experiment `--plot`, a file for a plot of `what`."""
    return click.option("--plot", type=click.Path(path_type=Path), help=f"Write a plot of {what} to this file, SVG.")


def watched(items: Sequence[_T], told: Callable[[_T], str] = str) -> Iterable[_T]:
    """Yield the items one by one, with a progress bar that shows the current one."""
    with progress() as bar:
        task = bar.add_task("", total=len(items))
        for item in items:
            bar.update(task, description=told(item))
            yield item
            bar.advance(task)


def shortest(tasks: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """The shortest time of each task in seconds; they are carried out in turn, `repeats` times.

    The shortest counts because other work on the machine can only add to it.
    """
    best = [float("inf")] * len(tasks)
    for _ in range(repeats):
        for k, task in enumerate(tasks):
            start = time.perf_counter()
            task()
            best[k] = min(best[k], time.perf_counter() - start)
    return best
