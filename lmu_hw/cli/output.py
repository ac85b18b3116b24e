"""The results of a subcommand: files in a folder, all of them or none, and one answer on standard output."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from lmu_hw.cli.catalogue import write_readme
from lmu_hw.errors import RequestError
from lmu_hw.io.files import plain, replacing
from lmu_hw.io.quantities import Q_FORMAT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import RenderableType
    from rich.progress import Progress
    from rich.table import Table

#: What tables with formats say of their notation.
FORMAT_ROW = ("sQm.n", Q_FORMAT)

_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells have it
_PIPE_WIDTH = 120
_PIECE = 1 << 15


@contextmanager
def staged(out: Path | None) -> Iterator[Path]:
    """Provide a scratch folder; if the block ends without an error, move its files to `out`, which is made if need be.

    A README.txt in `out` says what each of them is. Without `out` the files are discarded.

    Raises:
        DesignError: `out` is not a folder, or none can be made or written there. This is checked before the block runs.
    """
    if out is not None:
        _check_folder(out)
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        folder = Path(scratch)
        yield folder
        if out is None:
            return
        out.mkdir(parents=True, exist_ok=True)
        paths = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
        for path in paths:
            with replacing(out / path) as temporary:
                shutil.copyfile(folder / path, temporary)
        write_readme(out, _subcommand(), [path.as_posix() for path in paths])


def _subcommand() -> str:
    """The subcommand that runs, such as "verilog"; empty outside the command line."""
    context = click.get_current_context(silent=True)
    words = context.command_path.split() if context is not None else []
    return words[1] if len(words) > 1 else ""


def _check_folder(out: Path) -> None:
    """Find out at once, rather than after the work, whether `out` can be made and written to."""
    nearest, missing = out, out
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest, missing = nearest.parent, nearest
    if not nearest.is_dir():
        raise RequestError(f"cannot write into {out}: {nearest} is not a folder", hint="choose another --out")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise RequestError(f"cannot write into {out}: no permission", hint="choose another --out")
    if missing != nearest:  # not every file system takes a new folder, whatever its permissions say
        try:
            missing.mkdir()
            missing.rmdir()
        except OSError as problem:
            raise RequestError(f"cannot create {missing}: {problem.strerror}", hint="choose another --out") from None


def render_json(value: Mapping[str, Any]) -> str:
    """Return a value as JSON that people can read too, with keys on lines of their own and lists of numbers on one."""
    return _render(value, "") + "\n"


def _render(value: Any, indent: str) -> str:
    inner = indent + "  "
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        parts = [f"{inner}{json.dumps(str(key))}: {_render(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}" if parts else "{}"
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple | Mapping):
        return "[\n" + ",\n".join(inner + _render(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False, default=plain)


def answer(result: Mapping[str, Any], shown: Iterable[RenderableType], *, as_json: bool) -> None:
    """Print `result` as one JSON object, or what is `shown` to people."""
    if as_json:
        _write(render_json(result))
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, markup=False)
    with _standard_output(), console.capture() as captured:
        for item in shown:
            console.print(item)
    # Tables are padded to full lines, which is of no use to the programs behind a pipe.
    _write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def _write(text: str) -> None:
    with _standard_output():
        for start in range(0, len(text), _PIECE):  # unbuffered, a single write to a closed pipe ends early, unsaid
            sys.stdout.write(text[start : start + _PIECE])
        sys.stdout.flush()


@contextmanager
def _standard_output() -> Iterator[None]:
    """Let an error while standard output is written end the call in one line, or silently where the reader has gone."""
    try:
        yield
    except OSError as problem:
        # What is left in the buffer must not raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(problem, BrokenPipeError):
            raise click.exceptions.Exit(_BROKEN_PIPE) from None
        raise RequestError(f"cannot write to standard output: {problem.strerror}") from None


def facts(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """A table of names and values."""
    return grid(title, ("", ""), rows, right=())


def grid(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] | None = None
) -> Table:
    """A table whose columns in `right`, by default all but the first, are aligned to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_header=any(heads))
    numbers = set(range(1, len(heads)) if right is None else right)
    for k, head in enumerate(heads):
        table.add_column(head, justify="right" if k in numbers else "left", overflow="fold")  # no figure is cut off
    for row in rows:
        table.add_row(*map(Text, row))  # no cell is markup, such as an extra in brackets
    return table


def progress() -> Progress:
    """A progress display on standard error, which is silent where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def written(out: Path | None, paths: Iterable[str]) -> list[str]:
    """One line that names the files in `out`, or without `out` says that they were not written."""
    names = ", ".join(paths)
    if out is None:
        return [f"nothing was written; give --out DIR for {names}"] if names else []
    return [f"in {out}: {names}"]


def band_row(band: Mapping[str, Any]) -> tuple[str, str]:
    """The row of a table on the usable band of a memory.

    Args:
        band: The plain values of `lmu_hw.core.band.UsableBand`.
    """
    from lmu_hw.core.band import band_summary

    return "usable band", band_summary(band)


def hardware_rows(cost: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The rows of a table on storage, and on cycles and times where there is a clock; for memories and for networks.

    Args:
        cost: The keys of a manifest (`lmu_hw.rtl.memory.verilog.memory_cost` or `lmu_hw.rtl.network.verilog.
            network_cost`).
    """
    kinds = (f"{name.replace('_', ' ')} {bits:,}" for name, bits in cost["memory_bits"].items() if bits)
    yield "RAM and ROM", f"{cost['memory_bits_total']:,} bits: {', '.join(kinds)}"
    budget = cost["clock_budget"]
    if budget is None:
        return
    unit = "step" if "cycles_per_step" in cost else "sample"
    clock, needed = quantity(budget["clock_hz"], "Hz"), f"{budget['cycles_needed']:,}"
    per = " of every channel" if unit == "sample" and budget["cycles_needed"] > cost["cycles_per_sample"] else ""
    if budget["fits"] is None:
        yield f"at {clock}", f"a {unit} takes {needed} cycles; the network has no dt to fit them into"
    else:
        period, share = quantity(budget["period_seconds"], "s"), percent(budget["utilisation"])
        told = f"{needed} of the {budget['cycles_available']:,} cycles in dt = {period} for a {unit}{per}, {share} used"
        if not budget["cycles_available"]:
            told = f"a {unit}{per} takes {needed} cycles, and dt = {period} has not one"
        fits = f"yes: {told}; whether a device runs so fast, `lmu-hw fpga` finds out"
        yield f"cycles fit at {clock}", fits if budget["fits"] else f"NO: {told}; {_remedy(budget)}"
    rate = f"at most {quantity(budget['highest_rate_hz'], 'Hz')}"
    seconds = quantity(budget["seconds_per_sample"], "s")
    yield f"time of a {unit}", f"{seconds} ({rate}), first answer after {quantity(budget['latency_seconds'], 's')}"
    if budget["seconds_per_inference"] is not None:
        yield "time of an inference", quantity(budget["seconds_per_inference"], "s")


def _remedy(budget: Mapping[str, Any]) -> str:
    """What makes a design fit that does not."""
    least = budget["cycles_needed"] / budget["period_seconds"]
    return f"it needs {quantity(least, 'Hz')}, or more lanes"


def quantity(value: float, unit: str) -> str:
    """A number of four digits with a unit and its prefix, such as "22.5 µs"."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:.4g} {unit}"
    power = min(3, max(-4, math.floor(math.log10(abs(value) * (1.0 + 1e-9)) / 3.0)))
    return f"{value / 1000.0**power:.4g} {_PREFIXES[power]}{unit}"


_PREFIXES: Mapping[int, str] = MappingProxyType({-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G"})


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write a .npy file, whole or not at all."""
    import numpy as np

    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz file of these arrays, whole or not at all."""
    import numpy as np

    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as comma-separated values, under a line with the keys."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def percent(value: float | None) -> str:
    """A share in per cent; a dash for None, where nothing was measured."""
    return "–" if value is None else f"{100.0 * value:.3g} %"


def format_number(value: float) -> str:
    """A number with four significant digits."""
    return f"{value:.4g}"
