"""How far a training is, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lmu_hw.training.checkpoint import Progress


@contextmanager
def watched(steps: int, metric: str) -> Iterator[Callable[[int, Progress], None]]:
    """Give a function of the steps done and the progress that moves a bar; silent where there is no terminal.

    Args:
        steps: of the whole training.
        metric: name of the metric that is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("compile", total=steps)

        def show(done: int, progress: Progress) -> None:
            best = "" if progress.best_value is None else f", best {metric} {progress.best_value:.5g}"
            text = f"epoch {progress.epoch + 1}: loss {progress.losses[-1]:.4g}{best}"
            bar.update(task, completed=done, description=text)

        yield show
