"""Timing diagrams of docstrings and pages, drawn as SVG in the colours of the page.

Reads the part of WaveDrom's notation that this project uses: `p` a clock, `0` and `1` levels, `x` unknown, `3` and `4`
words with a text from `data`, `.` the same again.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

_BLOCK = re.compile(r"^```wavedrom\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ROW, _CYCLE, _TALL, _SLOPE = 30, 44, 18, 4


def draw_all(text: str) -> str:
    """A page with every WaveDrom block replaced by its drawing."""
    return _BLOCK.sub(lambda match: f"```{{raw}} html\n{draw(match[1])}\n```", text)


def draw(source: str) -> str:
    """One diagram as an SVG element that scrolls in itself.

    Args:
        source: The diagram as JSON: {"signal": [{"name": …, "wave": …, "data": […]}, …]}.
    """
    signals = json.loads(source)["signal"]
    left = 12 + 8 * max(len(signal["name"]) for signal in signals)
    cycles = max(len(signal["wave"]) for signal in signals)
    size = (left + cycles * _CYCLE + 6, len(signals) * _ROW + 10)
    parts = [
        f'<div class="timing"><svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" role="img" '
        'font-family="monospace" font-size="11" stroke="currentColor" fill="none">'
    ]
    for cycle in range(cycles + 1):
        x = left + cycle * _CYCLE
        parts.append(f'<path d="M{x} 4V{size[1] - 4}" stroke-opacity="0.15"/>')
    for row, signal in enumerate(signals):
        top = 8 + row * _ROW
        name = html.escape(signal["name"])
        parts.append(f'<text x="4" y="{top + 13}" fill="currentColor" stroke="none">{name}</text>')
        parts.extend(_wave(signal["wave"], iter(signal.get("data", ())), left, top))
    parts.append("</svg></div>")
    return "".join(parts)


def _runs(wave: str) -> Iterator[tuple[str, int, int]]:
    """The stretches of a wave: symbol, first cycle, number of cycles."""
    start = 0
    for end in range(1, len(wave) + 1):
        if end == len(wave) or (wave[end] != "." and (wave[end] != wave[start] or wave[end] in "34")):
            yield wave[start], start, end - start
            start = end


def _wave(wave: str, words: Iterator[str], left: int, top: int) -> Iterator[str]:
    low, middle = top + _TALL, top + _TALL // 2
    for symbol, start, length in _runs(wave):
        x, end = left + start * _CYCLE, left + (start + length) * _CYCLE
        if symbol == "p":
            for cycle in range(length):
                at = x + cycle * _CYCLE
                yield f'<path d="M{at} {low}V{top}H{at + _CYCLE // 2}V{low}H{at + _CYCLE}"/>'
        elif symbol in "01":
            yield f'<path d="M{x} {middle}V{top if symbol == "1" else low}H{end}V{middle}"/>'
        elif symbol == "x":
            yield f'<path d="M{x} {middle}H{end}" stroke-opacity="0.35" stroke-dasharray="3 3"/>'
        else:
            shade = "0.10" if symbol == "3" else "0.25"
            yield (
                f'<path d="M{x} {middle}L{x + _SLOPE} {top}H{end - _SLOPE}L{end} {middle}L{end - _SLOPE} {low}'
                f'H{x + _SLOPE}Z" fill="currentColor" fill-opacity="{shade}"/>'
            )
            word = html.escape(next(words, ""))
            room = (end - x - 6) / max(1, len(word))
            narrow = f' textLength="{end - x - 6}" lengthAdjust="spacingAndGlyphs"' if room < 6.5 else ""
            yield (
                f'<text x="{(x + end) / 2:g}" y="{top + 13}" text-anchor="middle" fill="currentColor" '
                f'stroke="none"{narrow}>{word}</text>'
            )
