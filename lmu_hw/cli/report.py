"""One self-contained page: tables, figures and the command that made them."""

from __future__ import annotations

import base64
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2

from lmu_hw.io.files import write_text


@dataclass(frozen=True)
class FigureData:
    """A plot: what it shows in a few words and in a sentence or two, and its SVG text."""

    title: str
    caption: str
    svg: str

    @property
    def base64(self) -> str:
        """The SVG for a data URI, where its identifiers cannot meet those of other plots."""
        return base64.b64encode(self.svg.encode()).decode("ascii")


@dataclass(frozen=True)
class TableData:
    """A table; the first cell of a row names it."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, tables and figures, in that order."""

    title: str
    text: Sequence[str] = ()
    tables: Sequence[TableData] = ()
    figures: Sequence[FigureData] = ()


@dataclass(frozen=True)
class Report:
    """The page; `passed` is None where nothing was checked."""

    title: str
    subtitle: str
    command: str
    passed: bool | None
    sections: Sequence[Section]


def render(report: Report) -> str:
    """The page as HTML text."""
    source = (files("lmu_hw.cli") / "templates" / "report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(report=report, version=importlib.metadata.version("lmu-hw")) + "\n"


def write_report(path: Path, report: Report) -> Path:
    """Write the page to `path`, whole or not at all."""
    return write_text(path, render(report))
