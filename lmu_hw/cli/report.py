"""A report: one self-contained page with tables, figures, links to the files beside it and the words that it uses.

The page runs nothing and loads nothing. Every figure is drawn twice, for narrow and for wide windows, as SVG that has
its texts as texts and its colours from the page's scheme, light or dark.
"""

from __future__ import annotations

import html
import importlib.metadata
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import jinja2

from lmu_hw.cli.catalogue import README, kind_of
from lmu_hw.core.figures import COLOURS, FONTS, NARROW, WIDE
from lmu_hw.io.files import write_text

_LARGEST = 1.3  # how much a figure may be enlarged to fill its place
_PIXELS = 96.0  # CSS pixels to the inch

#: A part of the glossary about other things than reports, and words that reports use in their everyday meaning too.
_OTHER_PARTS = ("The command line",)
_EVERYDAY = frozenset({"order", "step", "round", "first", "last", "clear", "method", "request", "program", "word"})


@dataclass(frozen=True)
class FigureData:
    """A plot as SVG text, with a title and a caption of a sentence or two that say what it shows.

    Attributes:
        title: The title, which names the figure to those who do not see it.
        caption: The line below it.
        narrow, wide: The plot, laid out for a telephone and for a desk.
    """

    title: str
    caption: str
    narrow: str
    wide: str

    @classmethod
    def drawn(cls, title: str, caption: str, plot: Callable[..., str], *data: Any, **more: Any) -> Self:
        """Draw `plot` of `data` in both layouts; it takes the width in inches as `width`."""
        narrow, wide = (plot(*data, width=width, **more) for width in (NARROW, WIDE))
        return cls(title, caption, narrow, wide)


@dataclass(frozen=True)
class TableData:
    """A table whose rows are named by their first cells."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def copied(self) -> str:
        """The table with tabs between its cells, as spreadsheets take it."""
        rows = [self.heads, *self.rows] if any(self.heads) else self.rows
        return "\n".join("\t".join(row) for row in rows)


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading with paragraphs, tables and figures, in that order."""

    title: str
    text: Sequence[str] = ()
    tables: Sequence[TableData] = ()
    figures: Sequence[FigureData] = ()

    @property
    def id(self) -> str:
        """The place of the section in the page, for links."""
        return _place(self.title)


@dataclass(frozen=True)
class Report:
    """What the page shows; `passed` is None where nothing was checked."""

    title: str
    subtitle: str
    command: str
    passed: bool | None
    sections: Sequence[Section]


class Artefact(NamedTuple):
    """A file beside the page.

    Attributes:
        path: Its path relative to the page.
        what: What it holds; empty if that is unknown.
    """

    path: str
    what: str

    @property
    def link(self) -> str:
        """The path as a link."""
        return quote(self.path)


class Term(NamedTuple):
    """A word of the glossary.

    Attributes:
        names: The word, with others of the same meaning, such as "window, θ".
        meaning: Its meaning, as HTML.
    """

    names: str
    meaning: str

    @property
    def spellings(self) -> list[str]:
        """The words by which a text refers to the term; single letters, which may mean anything, are none."""
        parts = re.split(r"[,;]\s*", self.names)
        return [part for part in parts if len(part) > 1 and part not in _EVERYDAY]


def render(report: Report, artefacts: Sequence[Artefact] = ()) -> str:
    """Return the page as HTML text.

    Args:
        report: What the page shows.
        artefacts: The files beside the page.
    """
    source = (files("lmu_hw.cli") / "templates" / "report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    numbered = iter(range(1_000_000))

    def drawing(svg: str, title: str) -> str:
        return inline_svg(svg, f"f{next(numbered)}", title)

    page = environment.from_string(source).render(
        report=report,
        artefacts=artefacts,
        terms=list(_used_terms(_words(report, artefacts))),
        version=importlib.metadata.version("lmu-hw"),
        colours=COLOURS,
        fonts=FONTS,
        drawing=drawing,
        sizes={"narrow": _largest(NARROW), "wide": _largest(WIDE)},
    )
    return page + "\n"


def write_report(path: Path, report: Report) -> Path:
    """Write the page to a file, whole or not at all, with links to all files that are in its folder already."""
    subcommand = report.command.split()[1]
    found = (each.relative_to(path.parent).as_posix() for each in sorted(path.parent.rglob("*")) if each.is_file())
    artefacts = [
        Artefact(name, kind.what if (kind := kind_of(subcommand, name)) else "")
        for name in found
        if name not in (path.name, README)
    ]
    return write_text(path, render(report, artefacts))


def inline_svg(svg: str, prefix: str, title: str) -> str:
    """Return a plot of `lmu_hw.core.figures` as an element of a page.

    Its identifiers begin with `prefix`, so that those of several plots differ. Its colours become variables of the
    page, `--c-` and a name of `COLOURS`, its ground that of the page, and its size that of its place.

    Args:
        svg: The plot as SVG text.
        prefix: A prefix that no other plot of the page has.
        title: The name of the plot to those who do not see it.
    """
    text = svg[svg.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*|<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r"\b(fill|stroke): (#[0-9a-f]{6})", lambda found: f"{found[1]}: {_coloured(found[2])}", text)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    # A hundredth of a point is finer than any screen.
    text = re.sub(r'\bd="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0].replace("\n", "")), text)
    opening = f'<svg role="img" aria-label="{html.escape(title)}"'
    return re.sub(r'<svg([^>]*?) width="[^"]*" height="[^"]*"', rf"{opening}\1", text, count=1)


def _coloured(colour: str) -> str:
    return "none" if colour == "#ffffff" else _VARIABLES.get(colour, colour)


_VARIABLES = {light: f"var(--c-{name})" for name, (light, _) in COLOURS.items()}


@cache
def glossary() -> tuple[Term, ...]:
    """The words of docs/glossary.md that are about designs and their checks, in its order."""
    text = (files("lmu_hw.cli") / "templates" / "glossary.md").read_text(encoding="utf-8")
    terms = []
    for part in text.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        rows = [line.strip("| ").split(" | ", 1) for line in body.splitlines() if line.startswith("| ")]
        if title not in _OTHER_PARTS:
            terms += [Term(names, _marked(meaning)) for names, meaning in rows[1:]]
    return tuple(terms)


def _marked(text: str) -> str:
    """The text of a cell in Markdown as HTML."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text, quote=False))


def _used_terms(words: Iterable[str]) -> Iterator[Term]:
    """Yield the words of the glossary that occur, in the singular or plural, in its order."""
    text = "\n".join(words)
    for term in glossary():
        if any(re.search(rf"(?<!\w){re.escape(each)}(?:e?s)?(?!\w)", text) for each in term.spellings):
            yield term


def _words(report: Report, artefacts: Iterable[Artefact]) -> Iterator[str]:
    """Yield all texts of a page but those of its figures."""
    yield from (report.title, report.subtitle)
    yield from (each.what for each in artefacts)
    for section in report.sections:
        yield from (section.title, *section.text)
        for table in section.tables:
            yield from (table.title, *table.heads, *(cell for row in table.rows for cell in row))
        for figure in section.figures:
            yield from (figure.title, figure.caption)


def _place(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def _largest(width: float) -> int:
    """The largest width in CSS pixels of a figure that was drawn `width` inches wide."""
    return round(_LARGEST * _PIXELS * width)
