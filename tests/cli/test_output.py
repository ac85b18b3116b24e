"""Files all or none, JSON for people and programs, pages that load nothing."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.cli import plots
from lmu_hw.cli.output import render_json, staged
from lmu_hw.cli.report import Artefact, FigureData, Report, Section, TableData, glossary, render
from lmu_hw.core.figures import BUDGET_SHADES, COLOURS
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


class _Page(HTMLParser):
    """The links, the tags and the identifiers of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        wanted = {"src", "href", "srcset", "data", "action", "xlink:href"}
        self.links += [value or "" for name, value in attrs if name in wanted]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def page(passed: bool | None = True) -> str:
    figure = FigureData.drawn("f", "c", plots.digit_plot, np.eye(8), np.linspace(-1.0, 1.0, 64), 3)
    table = TableData("T", ("x", "y"), [("<i>", "2")])
    sections = [Section("Part <1>", ("a < b & c",), [table], [figure, figure])]
    artefacts = [Artefact("part one/a&b.json", "what it is")]
    return render(Report("Title & co", "sub", "lmu-hw x --name '<a>'", passed, sections), artefacts)


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    found = _Page(page())
    assert found.tags.isdisjoint({"script", "link", "iframe", "object", "base", "img"})
    assert {"svg", "image", "nav"} <= found.tags
    others = [each for each in found.links if not each.startswith(("#", "data:image/png;base64,"))]
    assert others == ["part%20one/a%26b.json"]
    assert "url(http" not in page()


def test_every_place_that_a_page_refers_to_is_there_once() -> None:
    text = page()
    found = _Page(text)
    assert len(found.ids) == len(set(found.ids))
    named = [each.removeprefix("#") for each in found.links if each.startswith("#")]
    named += re.findall(r"url\(#([^)]*)\)", text)
    assert len(named) > 20
    assert set(named) <= set(found.ids)


def test_figures_have_their_texts_as_texts_and_the_colours_of_the_page() -> None:
    drawings = re.findall(r"<svg.*?</svg>", page(), flags=re.DOTALL)
    assert len(drawings) == 4  # two figures, for narrow windows and for wide ones
    for drawing in drawings:
        assert drawing.startswith('<svg role="img" aria-label="f"')
        texts = [each.text for each in ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]
        assert {"a held-out 3", "step", "input", "0"} <= set(texts)
        assert re.findall(r"(?:fill|stroke): ([^;\"]*)", drawing)
        plain = [each for each in re.findall(r"(?:fill|stroke): ([^;\"]*)", drawing) if not each.startswith("var(--c-")]
        assert set(plain) <= {"none"}


def test_curves_and_texts_stand_out_from_their_ground() -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11; the grounds are those of the figures in a page."""

    def luminance(colour: str) -> float:
        shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    grounds = re.findall(r"--card: (#[0-9a-f]{6})", page())
    assert len(grounds) == 2
    pale = {"grid", "band", *BUDGET_SHADES}
    for name, shades in COLOURS.items():
        for shade, ground in zip(shades, grounds, strict=True):
            low, high = sorted(map(luminance, (shade, ground)))
            assert name in pale or (high + 0.05) / (low + 0.05) >= (3.0 if name == "ideal" else 4.5), (name, shade)
    assert len({light for light, _ in COLOURS.values()}) == len(COLOURS)  # by which a page finds the names


def test_a_table_can_be_copied_as_text() -> None:
    assert TableData("T", ("a", "b"), [("x", "1"), ("y", "2")]).copied == "a\tb\nx\t1\ny\t2"
    assert TableData("T", (), [("x", "1")]).copied == "x\t1"
    assert "x\ty\n&lt;i&gt;\t2</pre>" in page()


def test_a_page_explains_the_words_that_it_uses_and_no_others() -> None:
    def explained(*texts: str) -> list[str]:
        text = render(Report("t", "", "lmu-hw x", None, [Section("s", texts)]))
        return re.findall(r"<dt>(.*)</dt>", text.partition('id="glossary"')[2])

    assert explained("words and numbers") == []
    assert explained("the datapaths of a window, 3 beats, 4 mismatches") == [
        "window, θ",
        "datapath",
        "beat",
        "mismatch",
    ]
    assert explained("beaten", "an error", "the first step", "d") == []
    document = Path(__file__).parents[2] / "docs" / "glossary.md"
    rows = [line.split(" | ") for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    known = {row[0].strip("| ") for row in rows}
    assert len(glossary()) > 60
    assert {term.names for term in glossary()} <= known - {"term", "hint"}
    assert "<code>valid</code>" in next(term.meaning for term in glossary() if term.names == "stream")


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
    assert "check held" not in page(passed=None)
    assert "check failed" not in page(passed=None)


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
