"""The pen that draws a schematic: wires, texts and symbols, on top of schemdraw.

Lengths are in units of half an inch, those of schemdraw.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Literal

import schemdraw
from schemdraw import elements as draw

from lmu_hw.analog.circuit.elements import Capacitor, Element, Resistor

FONT = 9

Point = tuple[float, float]

_SYMBOLS: Mapping[type, Callable[[], draw.Element2Term]] = {
    Resistor: draw.Resistor,
    Capacitor: draw.Capacitor,
}
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


class Pen:
    """A sheet with functions that draw wires, texts and the symbols of parts on it."""

    def __init__(self) -> None:
        schemdraw.svgconfig.text = "text"  # the same bytes whether or not a path renderer is installed
        self.drawing = schemdraw.Drawing(canvas="svg", show=False, fontsize=FONT)
        self.drawing.config(margin=0.5, bgcolor="white")

    def svg(self) -> str:
        """Return the drawing as text."""
        return str(self.drawing.get_imagedata("svg").decode("utf-8")).rstrip() + "\n"

    def wire(self, *points: Point) -> None:
        """Draw a line through the points."""
        for start, end in itertools.pairwise(points):
            if start != end:
                self.drawing.add(draw.Line().at(start).to(end))

    def dot(self, at: Point) -> None:
        """Mark a connection of crossing wires."""
        self.drawing.add(draw.Dot().at(at))

    def ground(self, at: Point) -> None:
        """Draw a ground symbol that hangs from a point."""
        self.drawing.add(draw.Ground().at(at))

    def text(
        self, x: float, y: float, text: str, *, size: int = FONT, halign: Literal["left", "center", "right"] = "left"
    ) -> None:
        """Write a text, centred on y."""
        self.drawing.add(draw.Label().at((x, y)).label(text, fontsize=size, halign=halign, valign="center"))

    def passive(self, part: Element, start: Point, end: Point) -> None:
        """Draw a resistor or a capacitor between two points, with its name and value."""
        symbol = _SYMBOLS[type(part)]().at(start).to(end)
        self.drawing.add(symbol.label(f"{part.name}: {engineering(part)}", fontsize=FONT))

    def opamp(self, at: Point) -> tuple[Point, Point, Point]:
        """Draw an op-amp with its inverting input at a point; return the inputs (inverting first) and the output."""
        amplifier = draw.Opamp(leads=True).at(at).anchor("in1").right()
        self.drawing.add(amplifier)
        return at, tuple(amplifier.in2), tuple(amplifier.out)

    def balanced_opamp(self, at: Point) -> tuple[Point, Point, Point, Point]:
        """Draw a differential op-amp with the middle of its left edge at a point.

        Returns:
            The inverting and the other input, the positive and the negative output.
        """
        x, y = at
        self.wire((x, y + 1.4), (x, y - 1.4), (x + 2.6, y), (x, y + 1.4))
        for dy, sign in ((0.7, "−"), (-0.7, "+")):
            self.text(x + 0.12, y + dy, sign, size=FONT + 2)
        for dy, sign in ((0.42, "+"), (-0.42, "−")):
            self.text(x + 1.5, y + 0.75 * dy, sign)
        return (x, y + 0.7), (x, y - 0.7), (x + 1.82, y + 0.42), (x + 1.82, y - 0.42)

    def transconductor(self, part: Element, at: Point, *, positive: bool) -> tuple[Point, Point]:
        """Draw a transconductor with its signal input at a point and the other grounded; return input and output."""
        x, y = at
        self.wire((x, y + 0.3), (x, y - 0.9), (x + 1.5, y - 0.55), (x + 1.5, y - 0.05), (x, y + 0.3))
        upper, lower = ("+", "−") if positive else ("−", "+")
        self.text(x + 0.12, y, upper)
        self.text(x + 0.12, y - 0.6, lower)
        self.wire((x - 0.3, y - 0.6), (x, y - 0.6))
        self.ground((x - 0.3, y - 0.6))
        self.text(x + 0.1, y + 0.5, f"{part.name}: {engineering(part)}")
        return at, (x + 1.5, y - 0.3)


def engineering(part: Element) -> str:
    """Return the value in four digits with an SI prefix, for the eye; files for machines have plain exponents.

    What has no single value is described as in the bill of materials.
    """
    if part.rating is None:
        return part.bill_value()[0]
    value, unit = part.rating
    exponent = max(-15, min(9, 3 * math.floor(math.log10(value) / 3 + 1e-12)))
    return f"{value / 10.0**exponent:.4g} {_PREFIXES[exponent]}{unit}"
