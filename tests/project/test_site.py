"""The site of the documents: built without a warning, whole, and good to read in a browser, from disk."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from lmu_hw.cli.commands import cli
from lmu_hw.io.schema import VERSIONS
from tests.browser import faults, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Pages that are looked at in a browser: of every kind one, with tables, equations, diagrams, code and pictures.
LOOKED_AT = (
    "index.html",
    "start.html",
    "guides/fpga-engineer.html",
    "guides/analog-designer.html",
    "explanations/memory.html",
    "explanations/tridiagonal.html",
    "ranges.html",
    "results/memories.html",
    "results/circuits.html",
    "reference/commands/quantize.html",
    "reference/python/lmu_hw.rtl.html",
    "reference/schemas.html",
    "reference/errors.html",
    "notebooks/recording_to_verilog.html",
)
#: What may scroll sideways, so that the page need not.
SCROLLING = ".highlight, .highlight pre, .table-wrapper, .timing, div.math, .sidebar-drawer, .toc-drawer"


def build(docs: Path, out: Path) -> subprocess.CompletedProcess[str]:
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(docs), str(out)]
    environment = os.environ | {"PYTHONPATH": str(docs.parent)}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def site(top: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; one build for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "built").exists():
            done = build(top / "docs", out)
            assert (done.returncode, done.stderr) == (0, "")
            (out / "built").touch()
    return out


class Parsed(HTMLParser):
    """What a page names: its anchors, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.anchors |= {values[key] for key in ("id", "name") if key in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag in ("img", "script", "iframe") and "src" in values:
            self.loaded.append(values["src"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon"):
            self.loaded.append(values["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Parsed]:
    return {path: Parsed(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_the_site_has_a_page_for_every_reader_and_topic(site: Path, top: Path) -> None:
    written = [path.relative_to(top / "docs").with_suffix(".html") for path in (top / "docs").rglob("*.md")]
    written = [path for path in written if path.parts[0] not in ("tools", "reference")]
    assert len(written) >= 25
    assert [path for path in written if not (site / path).exists()] == []


def test_the_reference_has_every_command_package_and_schema(site: Path) -> None:
    for name in cli.commands:
        text = (site / "reference" / "commands" / f"{name}.html").read_text(encoding="utf-8")
        assert f"lmu-hw {name}" in text
    schemas = (site / "reference" / "schemas.html").read_text(encoding="utf-8")
    assert all(f"lmu-hw/{name}/{version}" in schemas for name, version in VERSIONS.items())
    for package in ("lmu_hw", "lmu_hw.rtl", "lmu_hw.analog", "lmu_hw.sim", "lmu_hw.spiking", "lmu_hw.training"):
        module = __import__(package, fromlist=["__all__"])
        text = (site / "reference" / "python" / f"{package}.html").read_text(encoding="utf-8")
        names = [name for name in module.__all__ if not hasattr(getattr(module, name), "__path__")]
        assert [name for name in names if f'id="{package}.{name}"' not in text] == []


def test_no_link_is_broken_and_no_picture_missing(site: Path, pages: dict[Path, Parsed]) -> None:
    broken = []
    for path, page in pages.items():
        for target in page.links + page.loaded:
            parts = urlsplit(target)
            if parts.scheme in ("http", "https", "data", "mailto"):
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(file)
            if not file.is_file() or (parts.fragment and known and unquote(parts.fragment) not in known.anchors):
                broken.append(f"{path.relative_to(site)}: {target}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Parsed], site: Path) -> None:
    assert [each for page in pages.values() for each in page.loaded if urlsplit(each).scheme not in ("", "data")] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"(?:@import|url\()\s*[\"']?https?:[^)\s]*", styles)


def test_every_page_can_be_reached_from_the_first(site: Path, pages: dict[Path, Parsed]) -> None:
    seen, ahead = set(), [site / "index.html"]
    while ahead:
        path = ahead.pop()
        if path in seen or path not in pages:
            continue
        seen.add(path)
        ahead += [(path.parent / unquote(urlsplit(link).path)).resolve() for link in pages[path].links if link]
    assert {path.relative_to(site).as_posix() for path in pages.keys() - seen} <= {
        "search.html",
        "genindex.html",
        "py-modindex.html",
    }


def test_a_wrong_reference_stops_the_build(top: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("conf.py", "tools", "static", "results"):
        source = top / "docs" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, docs / name)
    for path in (docs / "results").glob("*.md"):
        path.unlink()
    (docs / "index.md").write_text("# Page\n\n[gone](absent.md)\n", encoding="utf-8")
    configuration = (docs / "conf.py").read_text(encoding="utf-8").replace('"extension"', "")
    (docs / "conf.py").write_text(configuration.replace('html_math_renderer = "mathml"', ""), encoding="utf-8")
    done = build(docs, tmp_path / "out")
    assert done.returncode != 0
    assert "absent.md" in done.stderr


# --- in a browser


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_is_good_to_read_on_a_phone(site: Path, browser: Browser, name: str) -> None:
    assert faults(browser, site / name, width=400, scheme="light", scrolling=SCROLLING) == []


@pytest.mark.parametrize("name", LOOKED_AT[:4])
def test_a_page_is_good_to_read_in_the_dark_on_a_desk(site: Path, browser: Browser, name: str) -> None:
    assert faults(browser, site / name, width=1400, scheme="dark", scrolling=SCROLLING) == []


def test_no_page_is_wider_than_a_phone_and_every_picture_is_drawn(
    site: Path, pages: dict[Path, Parsed], browser: Browser
) -> None:
    found = []
    with opened(browser, site / "index.html", width=400, scheme="light") as page:
        for path in pages:
            page.goto(path.as_uri())
            wide, undrawn = page.evaluate(
                """() => [document.documentElement.scrollWidth,
                [...document.images].filter((each) => !(each.decode && each.complete && each.naturalWidth > 0)
                && each.loading !== 'lazy').map((each) => each.src)]"""
            )
            if wide > 400 or undrawn:
                found.append(f"{path.relative_to(site)}: {wide} px, {undrawn}")
    assert found == []


def test_the_search_works_from_disk(site: Path, browser: Browser) -> None:
    with opened(browser, site / "search.html", width=800, scheme="light") as page:
        page.goto((site / "search.html").as_uri() + "?q=ladder")
        page.wait_for_selector("#search-results li a", timeout=30_000)
        assert "circuit-realisations.html" in page.content()


def _equations(pages: dict[Path, Parsed]) -> Iterator[str]:
    for path in pages:
        yield from re.findall(r"<math.*?</math>", path.read_text(encoding="utf-8"), re.DOTALL)


def test_equations_are_whole(pages: dict[Path, Parsed]) -> None:
    found = list(_equations(pages))
    assert len(found) > 20
    assert [each for each in found if "\\" in re.sub(r"<[^>]*>", "", each)] == []
