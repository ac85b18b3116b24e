"""Figures in pages: every number of a result is an expression that is read from a result file.

In a page, `{{ get("delay-network", "nrmse.zoh.16") | g }}` is the value under those keys of the file's `result`, in two
digits. `*` stands for every key, and `get` then gives a list, for `largest` or `smallest`.
`{{ source("delay-network") }}` says where the figures are from: command, date, machine, version. A run
without a file gives "not yet on file".
`{{ published("lmu-psmnist") }}` is a figure of the literature from published.toml, with its source.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

import jinja2
from results import RESULTS, Run, load, read_runs

ABSENT = "not yet on file"


class Absent(jinja2.Undefined):
    """A figure whose run is not on file: every filter passes it on."""

    def __str__(self) -> str:
        return ABSENT

    def __iter__(self) -> Any:
        return iter(())


def fill(text: str, *, where: str) -> str:
    """A page with its expressions replaced.

    Args:
        text: The page.
        where: Its name, for errors.

    Raises:
        KeyError: An expression names a run or a key that does not exist.
    """
    try:
        return _environment().from_string(text).render()
    except jinja2.UndefinedError as problem:
        raise KeyError(f"{where}: {problem}") from None


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.globals.update(
        get=get, source=source, published=published, on_file=on_file, runs_table=runs_table, mean=mean, average=average
    )
    environment.filters.update(g=g, percent=percent, count=count, largest=largest, smallest=smallest, seconds=seconds)
    return environment


def _run(name: str) -> Run:
    runs = read_runs()
    if name not in runs:
        raise KeyError(f"docs/results/runs.toml has no run {name}")
    return runs[name]


@functools.cache
def _content(name: str) -> Any:
    return load(_run(name))


def on_file(name: str) -> bool:
    """Whether a run has its file."""
    return _content(name) is not None


def get(name: str, path: str) -> Any:
    """The value under a path of keys of a run's result; a list where the path holds `*`."""
    content = _content(name)
    if content is None:
        return Absent()
    found = [content["result"]]
    for key in path.split("."):
        if key == "*":
            found = [each for value in found for each in (value.values() if isinstance(value, dict) else value)]
        else:
            try:
                found = [value[int(key)] if isinstance(value, list) else value[key] for value in found]
            except (KeyError, IndexError, ValueError, TypeError):
                raise KeyError(f"the result file of {name} has no {path}, at {key}") from None
    return found if "*" in path.split(".") else found[0]


def mean(name: str, path: str) -> Any:
    """The mean of the list under a path of keys."""
    values = get(name, path)
    return values if isinstance(values, jinja2.Undefined) else average(values)


def average(values: Sequence[float]) -> float:
    """The mean of a list."""
    return sum(values) / len(values)


def g(value: Any, digits: int = 2) -> str:
    """A number in so many significant digits; a list becomes numbers with commas."""
    if isinstance(value, jinja2.Undefined):
        return ABSENT
    if isinstance(value, list | tuple):
        return ", ".join(g(each, digits) for each in value)
    text = f"{float(value):.{digits}g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        number = int(exponent)
        if 0 <= number < 7:
            return count(float(text))
        return f"{mantissa}e{number}".replace("-", "−")
    return text.replace("-", "−")


def percent(value: Any, digits: int = 1) -> str:
    """A share in per cent."""
    if isinstance(value, jinja2.Undefined):
        return ABSENT
    if isinstance(value, list | tuple):
        return ", ".join(percent(each, digits) for each in value)
    return f"{100.0 * float(value):.{digits}f} %"


def count(value: Any) -> str:
    """A whole number with narrow gaps between thousands; a list becomes numbers with commas."""
    if isinstance(value, jinja2.Undefined):
        return ABSENT
    if isinstance(value, list | tuple):
        return ", ".join(map(count, value))
    return f"{round(float(value)):,}".replace(",", "\u202f")


def seconds(value: Any) -> str:
    """A time in seconds."""
    return ABSENT if isinstance(value, jinja2.Undefined) else f"{g(value)} s"


def largest(values: Any) -> Any:
    """The largest of the values that are numbers."""
    return values if isinstance(values, jinja2.Undefined) else max(_numbers(values))


def smallest(values: Any) -> Any:
    """The smallest of the values that are numbers."""
    return values if isinstance(values, jinja2.Undefined) else min(_numbers(values))


def _numbers(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float)]


def source(*names: str) -> str:
    """A list of the runs that a table is from, each with its command and what is known of it."""
    lines = []
    for name in names:
        run, content = _run(name), _content(name)
        if content is None:
            needs = f", needs {run.needs}" if run.needs else ""
            lines.append(f"- `{run.command}`: {ABSENT}{needs}")
            continue
        machine = content["machine"]
        lines.append(
            f"- `{run.command}`: {content['date'][:10]}, {machine['processor']}, {machine['cores']} cores, "
            f"lmu-hw {content['versions']['lmu-hw']}, {g(content['seconds'])} s"
        )
    return "\n".join(lines)


def published(key: str) -> str:
    """A figure of the literature with its source, and a link where published.toml has one."""
    entry = tomllib.loads((RESULTS / "published.toml").read_text(encoding="utf-8"))[key]
    source = f"[{entry['source']}]({entry['link']})" if "link" in entry else entry["source"]
    return f"{entry['value']} ({source})"


def runs_table() -> str:
    """Every run with its file's date, or that it is not on file."""
    rows = ["| result | command | date | seconds |", "|---|---|---|---|"]
    for name, run in read_runs().items():
        content = _content(name)
        when = content["date"][:10] if content else ABSENT
        took = g(content["seconds"]) if content else ""
        rows.append(f"| `{name}` | `{run.command}` | {when} | {took} |")
    return "\n".join(rows)
