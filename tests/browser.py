"""A browser for pages that this project writes, and the faults that a reader of such a page would find.

The fixture `browser` of `tests/conftest.py` is a headless Chromium; `faults` opens a page in it and says what is wrong
with its layout, its contrast and its links.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

Scheme: TypeAlias = Literal["light", "dark"]

WIDTHS = (400, 800, 1400)
"""Widths of the window in CSS pixels: a telephone, a tablet, a desk."""

SCHEMES: tuple[Scheme, ...] = ("light", "dark")

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_HEIGHT = 900


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the system's Chromium without a window.

    Raises:
        FileNotFoundError: There is none.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        raise FileNotFoundError("no Chromium on this machine; `make test` installs it, as does: apt install chromium")
    # Chromium's sandbox refuses to run as root, and containers have little shared memory.
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, file: Path, *, width: int, scheme: Scheme) -> Iterator[Page]:
    """Open a file in a window of a width and with a preference for light or dark pages."""
    context = browser.new_context(viewport={"width": width, "height": _HEIGHT}, color_scheme=scheme)
    try:
        page = context.new_page()
        page.goto(file.resolve().as_uri())
        yield page
    finally:
        context.close()


def faults(browser: Browser, file: Path, *, width: int, scheme: Scheme, scrolling: str = "none") -> list[str]:
    """What is wrong with a page, a line each; empty if nothing is.

    - the page is wider than its window;
    - a text, in HTML or in a figure, is cut off or lies outside the window;
    - a cell of a table is hidden;
    - texts of a figure lie on each other;
    - the contrast of a text is below level AA of WCAG 2.2 (criterion 1.4.3: 4.5, or 3 for large text);
    - a link leads to a file or a place of the page that is not there.

    Args:
        browser: The browser.
        file: The page.
        width: The width of the window in CSS pixels.
        scheme: The colour scheme that the reader prefers.
        scrolling: A CSS selector of elements that may scroll sideways, such as listings of code.
    """
    with opened(browser, file, width=width, scheme=scheme) as page:
        found: list[str] = page.evaluate(_FAULTS, scrolling)
        links: list[str] = page.evaluate("[...document.querySelectorAll('a[href]')].map(each => each.href)")
        places: list[str] = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    return found + [f"the link to {link} leads nowhere" for link in links if not _resolves(link, file, set(places))]


def _resolves(link: str, file: Path, places: set[str]) -> bool:
    """Whether a link leads somewhere; links to other machines are not followed."""
    parts = urlsplit(link)
    if parts.scheme != "file":
        return bool(parts.scheme)
    target = Path(unquote(parts.path))
    if target != file.resolve():
        return target.exists()
    return not parts.fragment or unquote(parts.fragment) in places


_FAULTS = r"""
(scrolling) => {
  const faults = [];
  const root = document.documentElement, wide = root.clientWidth, slack = 1;
  if (root.scrollWidth > wide) faults.push(`the page is ${root.scrollWidth} px wide, the window ${wide} px`);

  const shown = (each) => each.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const quoted = (text) => JSON.stringify(text.trim().replace(/\s+/g, ' ').slice(0, 60));
  const parents = function* (each) { for (; each; each = each.parentElement) yield each; };

  for (const cell of document.querySelectorAll('th, td')) {
    if (!cell.textContent.trim() || shown(cell) || cell.closest('details:not([open])')) continue;
    // A narrow table may say the name of a column in its cells instead; the cells of the first column are names.
    const said = cell.closest('thead') && (cell.cellIndex === 0 || [...cell.closest('table').querySelectorAll('td *')]
      .some((each) => shown(each) && each.textContent === cell.textContent));
    if (!said) faults.push(`the cell ${quoted(cell.textContent)} is hidden`);
  }

  // Colours, as [red, green, blue, opacity].
  const pen = Object.assign(document.createElement('canvas'), {width: 1, height: 1})
    .getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const colour = (text) => {
    if (!known.has(text)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = text;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = (front, back) => [0, 1, 2].map((k) => front[3] * front[k] + (1 - front[3]) * back[k]).concat(1);
  const ground = (each) => {
    const layers = [];
    for (const parent of parents(each)) layers.push(colour(getComputedStyle(parent).backgroundColor));
    const canvas = matchMedia('(prefers-color-scheme: dark)').matches
      && getComputedStyle(root).colorScheme.includes('dark') ? [18, 18, 18, 1] : [255, 255, 255, 1];
    return layers.reverse().reduce((back, front) => over(front, back), canvas);
  };
  const luminance = (c) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = c.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  const placed = new Map();  // of each figure, its texts with their boxes
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const holder = node.parentElement;
    if (!node.data.trim() || !shown(holder) || holder.closest('style, script, title, desc')) continue;
    const figure = holder.closest('svg');
    const whole = figure ? holder.closest('text') : null;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = (whole ? [whole.getBoundingClientRect()] : [...range.getClientRects()]).filter((b) => b.width > 0);
    if (!boxes.length) continue;

    const scrolls = holder.closest(scrolling);
    const cut = boxes.some((box) => {
      if (!scrolls && (box.left < -slack || box.right > wide + slack)) return true;
      for (const parent of parents(holder)) {
        const style = getComputedStyle(parent);
        if (parent === root || parent === document.body) continue;
        if (parent instanceof SVGElement && parent !== figure) continue;
        if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
        const edge = parent.getBoundingClientRect();
        if (!scrolls && (box.left < edge.left - slack || box.right > edge.right + slack)) return true;
        if (!/auto|scroll/.test(style.overflowY) && (box.top < edge.top - slack || box.bottom > edge.bottom + slack))
          return true;
      }
      return false;
    });
    if (cut) faults.push(`the text ${quoted(node.data)} is cut off`);

    if (whole) {
      if (!placed.has(figure)) placed.set(figure, new Map());
      placed.get(figure).set(whole, boxes[0]);
    }

    const style = getComputedStyle(holder);
    const ink = colour(figure ? style.fill : style.color).slice();
    for (const parent of parents(holder)) ink[3] *= Number(getComputedStyle(parent).opacity);
    if (figure) ink[3] *= Number(style.fillOpacity);
    const back = ground(figure ? figure.parentElement : holder);
    const [low, high] = [luminance(over(ink, back)), luminance(back)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faults.push(`the contrast of ${quoted(node.data)} is ${ratio.toFixed(2)}`);
  }

  for (const texts of placed.values()) {
    const list = [...texts];
    for (let i = 0; i < list.length; i++) for (let k = 0; k < i; k++) {
      const [a, b] = [list[i][1], list[k][1]];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 0.35 * Math.min(a.height, b.height))
        faults.push(`the texts ${[i, k].map((n) => quoted(list[n][0].textContent)).join(' and ')} lie on each other`);
    }
  }
  return [...new Set(faults)];
}
"""
