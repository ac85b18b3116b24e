"""Files all or none, JSON for people and programs, pages that load nothing."""

from __future__ import annotations

import base64
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.cli import plots
from lmu_hw.cli.output import render_json, staged
from lmu_hw.cli.report import FigureData, Report, Section, TableData, render
from lmu_hw.errors import DesignError


def test_files_arrive_together_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with staged(out) as folder:
        (folder / "sub").mkdir()
        (folder / "a.txt").write_text("a", encoding="utf-8")
        (folder / "sub" / "b.txt").write_text("b", encoding="utf-8")
        assert not out.exists()
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == ["a.txt", "sub", "sub/b.txt"]
    assert not folder.exists()


def test_a_failure_leaves_nothing_and_the_old_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").write_text("old", encoding="utf-8")
    seen = []

    def interrupted() -> None:
        with staged(out) as folder:
            seen.append(folder)
            (folder / "a.txt").write_text("new", encoding="utf-8")
            (folder / "b.txt").write_text("new", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(path.name, path.read_text(encoding="utf-8")) for path in out.iterdir()] == [("a.txt", "old")]
    assert not seen[0].exists()


def test_without_a_folder_the_files_are_dropped(tmp_path: Path) -> None:
    with staged(None) as folder:
        (folder / "a.txt").write_text("a", encoding="utf-8")
    assert not folder.exists()


def test_a_file_in_the_way_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    begun = False
    with pytest.raises(DesignError, match="is not a folder; choose another --out"), staged(tmp_path / "out"):
        begun = True
    assert not begun


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1, "b": [1.5, -2e-300], "c": None, "d": True, "e": "θ\n"},
        {"m": np.arange(6.0).reshape(2, 3), "empty": [], "rows": [[], [1]], "deep": {"x": {"y": [{"z": 1}]}}},
        {"n": np.float64(0.1), "i": np.int64(3), "t": (1, 2)},
    ],
)
def test_json_reads_back(value: dict[str, object]) -> None:
    def plain(item: object) -> object:
        if isinstance(item, np.ndarray | np.generic):
            return item.tolist()
        return list(item) if isinstance(item, tuple) else item

    assert json.loads(render_json(value)) == {key: plain(item) for key, item in value.items()}


def test_json_keeps_each_row_on_a_line() -> None:
    assert render_json({"a": [[1, 2], [3, 4]], "b": 5}) == '{\n  "a": [\n    [1, 2],\n    [3, 4]\n  ],\n  "b": 5\n}\n'


def test_json_refuses_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        render_json({"a": float("nan")})


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data", "action"}]


def page(passed: bool = True) -> str:
    svg = plots.digit_plot(np.eye(8), np.linspace(-1.0, 1.0, 64), 3)
    table = TableData("T", ("x", "y"), [("<i>", "2")])
    sections = [Section("Part <1>", ("a < b & c",), [table], [FigureData("f", "c", svg)])]
    return render(Report("Title & co", "sub", "lmu-hw x --name '<a>'", passed, sections))


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    links = _Links()
    links.feed(page())
    assert links.tags.isdisjoint({"script", "link", "iframe", "object", "base"})
    assert links.found
    assert all(link.startswith("data:image/svg+xml;base64,") for link in links.found)
    drawing = base64.b64decode(links.found[0].split(",")[1]).decode()
    ET.fromstring(drawing)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in re.findall(r'href="([^"]*)', drawing))
    assert "url(http" not in page()


def test_a_page_escapes_what_it_is_given() -> None:
    text = page()
    assert "Part &lt;1&gt;" in text
    assert "a &lt; b &amp; c" in text
    assert "<i>" not in text
    assert "&#39;&lt;a&gt;&#39;" in text


def test_a_page_says_whether_everything_held() -> None:
    assert "every check held" in page(passed=True)
    assert "a check failed" in page(passed=False)
    assert "every check held" not in page(passed=False)
    assert "check" not in page(passed=None)


def test_a_peak_survives_thinning() -> None:
    time, error = np.arange(50_000.0), np.zeros(50_000)
    error[31_234] = 7.0
    edges, largest = plots._envelope(time, error)
    assert largest.max() == 7.0
    assert edges.size == largest.size <= 2000
    assert edges[int(np.argmax(largest))] <= 31_234.0


def test_plots_are_the_same_every_time() -> None:
    rng = np.random.default_rng(0)
    time, states = np.arange(100) * 1e-4, rng.standard_normal((100, 8))
    forms = {"float": states, "fixed": states + 0.01}
    assert plots.states_plot(time, forms) == plots.states_plot(time, forms)
    other = plots.states_plot(time, {"float": states, "fixed": states + 0.02})
    assert other != plots.states_plot(time, forms)
    assert other.count("<?xml") == 1
