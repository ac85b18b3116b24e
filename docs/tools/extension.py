"""The Sphinx extension of this site: pages from the code and from result files, and equations without scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import figures
import latex2mathml.converter
import reference
import timing
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.osutil import ensuredir
from sphinx.writers.html5 import HTML5Translator

TOP = Path(__file__).resolve().parents[2]
#: Links to what lies outside docs/; files that a reader may want are offered for download.
_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#]+)(#[^)]*)?\)")
_OFFERED = {".py", ".ipynb", ".toml", ".txt", ".json"}


def _write_reference(app: Sphinx) -> None:
    """Write the reference before the sources are read; a page that has not changed keeps its time."""
    folder = Path(app.srcdir) / "reference"
    wanted = reference.pages()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            ensuredir(path.parent)
            path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


def _read_source(app: Sphinx, name: str, content: list[str]) -> None:
    """Fill figures in, and keep of the links to the checkout those that can be followed from the site."""
    text = content[0]
    if "{{" in text or "{%" in text:
        text = figures.fill(text, where=name)
    here = (Path(app.srcdir) / name).parent

    def link(match: re.Match[str]) -> str:
        target = (here / match[2]).resolve()
        if target.is_relative_to(Path(app.srcdir)):
            return match[0]
        if not target.exists():
            raise ExtensionError(f"{name}: there is no {match[2]}")
        return match[0] if target.is_file() and target.suffix in _OFFERED else match[1]

    content[0] = timing.draw_all(_OUTSIDE.sub(link, text))


def _mathml(code: str, display: str) -> str:
    return latex2mathml.converter.convert(code, display=display)


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math">{_mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    app.connect("builder-inited", _write_reference)
    app.connect("source-read", _read_source)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
