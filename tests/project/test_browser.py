"""The look at a page in a browser finds the faults that it is for, and none on a page without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import WIDTHS, faults

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STYLE = ":root { color-scheme: light dark; } @media (prefers-color-scheme: dark) { .soft { color: #8d96a0; } }"


def page(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text(f"<!DOCTYPE html><title>page</title><style>{STYLE}</style><body>{body}</body>", encoding="utf-8")
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_a_good_page_has_no_faults(browser: Browser, tmp_path: Path, width: int) -> None:
    body = """<h1 id="top">Good</h1><p>Words <a href="#top">up</a> <a href="page.html">here</a></p>
        <table><tr><th>a</th><td>1</td></tr></table>
        <svg viewBox="0 0 90 30" width="90" fill="currentColor"><text x="5" y="15" font-size="9">one</text>
        <text x="45" y="15" font-size="9">two</text></svg>
        <pre style="overflow-x: auto; width: 60px">code that scrolls</pre>"""
    for scheme in ("light", "dark"):
        assert faults(browser, page(tmp_path, body), width=width, scheme=scheme, scrolling="pre") == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<div style="width: 500px">wide</div>', "the page is 508 px wide, the window 400 px"),
        ('<div style="position: absolute; left: -20px">word</div>', 'the text "word" is cut off'),
        ('<div style="width: 20px; overflow: hidden">incomprehensible</div>', 'the text "incomprehensible" is cut off'),
        ('<div style="height: 9px; overflow: hidden">word</div>', 'the text "word" is cut off'),
        ('<div style="width: 20px; overflow-x: auto">incomprehensible</div>', 'the text "incomprehensible" is cut off'),
        (
            '<svg viewBox="0 0 40 20" width="40"><text x="20" y="15">afar</text></svg>',
            'the text "afar" is cut off',
        ),
        ("<table><tr><td>a<td style='display: none'>b</table>", 'the cell "b" is hidden'),
        ('<p style="color: #999">pale</p>', 'the contrast of "pale" is 2.85'),
        ('<p style="color: #000; opacity: 0.3">pale</p>', 'the contrast of "pale" is 2.11'),
        ('<svg viewBox="0 0 90 20" width="90"><text x="5" y="15" fill="#999">pale</text></svg>', '"pale" is 2.85'),
        (
            '<svg viewBox="0 0 90 30"><text x="5" y="15">one</text><text x="9" y="15">two</text></svg>',
            'the texts "two" and "one" lie on each other',
        ),
        ('<a href="#nowhere">x</a>', "page.html#nowhere leads nowhere"),
        ('<a href="absent.csv">x</a>', "absent.csv leads nowhere"),
    ],
)
def test_faults_are_found(browser: Browser, tmp_path: Path, body: str, fault: str) -> None:
    (found,) = faults(browser, page(tmp_path, body), width=400, scheme="light")
    assert fault in found


def test_contrast_is_that_of_the_scheme(browser: Browser, tmp_path: Path) -> None:
    pale = page(tmp_path, '<p style="color: #333">dim</p>')
    assert faults(browser, pale, width=400, scheme="light") == []
    (found,) = faults(browser, pale, width=400, scheme="dark")
    assert "contrast" in found
