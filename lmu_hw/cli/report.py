"""A report: one self-contained page with tables, figures and the command that made them."""

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
    """A plot as SVG text, with a title and a caption of a sentence or two that say what it shows."""

    title: str
    caption: str
    svg: str

    @property
    def base64(self) -> str:
        """The SVG for a data URI, which keeps its identifiers apart from those of other plots."""
        return base64.b64encode(self.svg.encode()).decode("ascii")


@dataclass(frozen=True)
class TableData:
    """A table whose rows are named by their first cells."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading with paragraphs, tables and figures, in that order."""

    title: str
    text: Sequence[str] = ()
    tables: Sequence[TableData] = ()
    figures: Sequence[FigureData] = ()


@dataclass(frozen=True)
class Report:
    """What the page shows; `passed` is None where nothing was checked."""

    title: str
    subtitle: str
    command: str
    passed: bool | None
    sections: Sequence[Section]


def render(report: Report) -> str:
    """Return the page as HTML text."""
    source = (files("lmu_hw.cli") / "templates" / "report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(report=report, version=importlib.metadata.version("lmu-hw")) + "\n"


def write_report(path: Path, report: Report) -> Path:
    """Write the page to a file, whole or not at all."""
    return write_text(path, render(report))
