"""The sheet: stages in columns, kind by kind, under a title.

With up to `FULL_COUPLINGS` couplings every stage is drawn. Beyond that a full drawing is not readable: then one
stage of each kind stands for all, with its long list of inputs cut short, and notes say how many there are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import schemdraw
from schemdraw import elements as draw

from lmu_hw.analog.circuit.devices import IdealOta, MacroOta, describe
from lmu_hw.analog.circuit.elements import (
    Capacitor,
    DifferentialOpAmp,
    Element,
    Instance,
    OpAmp,
    Resistor,
    Transconductor,
)
from lmu_hw.analog.circuit.graph import GROUND, Circuit
from lmu_hw.errors import DesignError

Passive = Resistor | Capacitor

KINDS = ("integrator", "inverter", "summing stage")


@dataclass(frozen=True)
class Input:
    """What brings one signal: a part, the net that it comes from, and, of a transconductor, its sign."""

    part: Resistor | Transconductor
    source: str
    positive: bool = True


@dataclass(frozen=True)
class Side:
    """One input of an op-amp: the parts that lead to it, the one that feeds an output back, and that output."""

    inputs: tuple[Input, ...]
    feedback: Passive
    output: str


@dataclass(frozen=True)
class Stage:
    """An op-amp stage of one or two sides, or transconductors on one node.

    Attributes:
        kind: one of `KINDS`.
        signal: what the stage gives out.
        sides: one, or the positive and the negative side of a differential stage.
        amplifier: the op-amp, None of transconductors.
        load: of transconductors: the capacitor, or the transconductor connected as a resistor.
    """

    kind: str
    signal: str
    sides: tuple[Side, ...]
    amplifier: OpAmp | DifferentialOpAmp | None
    load: Capacitor | Transconductor | None = None
    inputs: tuple[Input, ...] = ()

    @property
    def couplings(self) -> int:
        """Signals that lead into the stage."""
        return len(self.inputs if self.amplifier is None else self.sides[0].inputs)

    @property
    def parts(self) -> list[Element]:
        """Every part of the stage."""
        found: list[Element] = [entry.part for side in self.sides for entry in side.inputs]
        found += [side.feedback for side in self.sides]
        found += [entry.part for entry in self.inputs]
        return found + [part for part in (self.amplifier, self.load) if part is not None]


def stages(circuit: Circuit) -> list[Stage]:
    """The stages of `circuit`, one per instance, in order.

    Raises:
        DesignError: an instance is no stage of this package's technologies.
    """
    return [_stage(instance) for instance in circuit.of(Instance)]


def _stage(instance: Instance) -> Stage:
    inner = instance.circuit
    outputs = [port.name for port in inner.ports if port.direction == "out"]
    if inner.of(Transconductor):
        return _transconductor_stage(inner, outputs[0])
    sides: tuple[Side, ...]
    amplifier: OpAmp | DifferentialOpAmp
    if inner.of(DifferentialOpAmp):
        amplifier = inner.of(DifferentialOpAmp)[0]
        nets = inner.pins_of(amplifier)
        sides = (_side(inner, nets["inn"], nets["outp"]), _side(inner, nets["inp"], nets["outn"]))
        signal = outputs[0].removesuffix("_p")
    elif inner.of(OpAmp):
        amplifier = inner.of(OpAmp)[0]
        nets = inner.pins_of(amplifier)
        sides = (_side(inner, nets["inn"], nets["out"]),)
        signal = outputs[0]
    else:
        raise DesignError(f"instance {instance.name}", "a stage with an amplifier", inner.name)
    if isinstance(sides[0].feedback, Capacitor):
        kind = "integrator"
    else:
        kind = "inverter" if len(sides[0].inputs) == 1 else "summing stage"
    return Stage(kind, signal, sides, amplifier)


def _side(inner: Circuit, virtual: str, output: str) -> Side:
    inputs, feedback = [], []
    for part, pin in inner.pins_on(virtual):
        if not isinstance(part, Passive):
            continue
        source = inner.pins_of(part)["n" if pin == "p" else "p"]
        # A coupling leads to the virtual ground, the feedback leads away from it.
        if isinstance(part, Resistor) and pin == "n":
            inputs.append(Input(part, source))
        else:
            feedback.append(part)
    return Side(tuple(inputs), feedback[0], output)


def _transconductor_stage(inner: Circuit, signal: str) -> Stage:
    inputs: list[Input] = []
    loads: list[Capacitor | Transconductor] = list(inner.of(Capacitor))
    for part in inner.of(Transconductor):
        nets = inner.pins_of(part)
        positive = nets["inp"] != GROUND
        source = nets["inp"] if positive else nets["inn"]
        # The load of a sum is written after the couplings, of which none leads from a sum to itself.
        if source == signal and not inner.of(Capacitor):
            loads.append(part)
        else:
            inputs.append(Input(part, source, positive))
    kind = "integrator" if isinstance(loads[0], Capacitor) else "summing stage"
    return Stage(kind, signal, (), None, loads[0], tuple(inputs))


def shown_rows(inputs: Sequence[Input], most: int | None) -> list[Input | None]:
    """The inputs to draw: all, or `most` of them with None where others are left out."""
    if most is None or len(inputs) <= most:
        return list(inputs)
    return [*inputs[: most // 2], None, *inputs[-(most // 2) :]]


FONT = 9

Point = tuple[float, float]

_SYMBOLS: Mapping[type, Callable[[], draw.Element2Term]] = {
    Resistor: draw.Resistor,
    Capacitor: draw.Capacitor,
}
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


class Pen:
    """What draws on one sheet."""

    def __init__(self) -> None:
        schemdraw.svgconfig.text = "text"  # the same bytes whether or not a path renderer is installed
        self.drawing = schemdraw.Drawing(canvas="svg", show=False, fontsize=FONT)
        self.drawing.config(margin=0.5, bgcolor="white")

    def svg(self) -> str:
        """The drawing as text."""
        return str(self.drawing.get_imagedata("svg").decode("utf-8")).rstrip() + "\n"

    def wire(self, *points: Point) -> None:
        """A line through the points."""
        for start, end in itertools.pairwise(points):
            if start != end:
                self.drawing.add(draw.Line().at(start).to(end))

    def dot(self, at: Point) -> None:
        """A connection of crossing wires."""
        self.drawing.add(draw.Dot().at(at))

    def ground(self, at: Point) -> None:
        """A ground symbol, hanging from a point."""
        self.drawing.add(draw.Ground().at(at))

    def text(
        self, x: float, y: float, text: str, *, size: int = FONT, halign: Literal["left", "center", "right"] = "left"
    ) -> None:
        """A text, centred on y."""
        self.drawing.add(draw.Label().at((x, y)).label(text, fontsize=size, halign=halign, valign="center"))

    def part(self, part: Resistor | Capacitor, start: Point, end: Point) -> None:
        """A part between two points with its name and value."""
        symbol = _SYMBOLS[type(part)]().at(start).to(end)
        self.drawing.add(symbol.label(f"{part.name}: {engineering(part)}", fontsize=FONT))

    def opamp(self, at: Point) -> tuple[Point, Point, Point]:
        """An op-amp with its inverting input at a point; returns the inputs (inverting first) and the output."""
        amplifier = draw.Opamp(leads=True).at(at).anchor("in1").right()
        self.drawing.add(amplifier)
        return at, tuple(amplifier.in2), tuple(amplifier.out)

    def balanced_opamp(self, at: Point) -> tuple[Point, Point, Point, Point]:
        """A differential op-amp whose tip's height is that of a point, its left edge there.

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

    def transconductor(self, part: Transconductor, at: Point, *, positive: bool) -> tuple[Point, Point]:
        """A transconductor whose signal input is at a point, the other one grounded; returns input and output."""
        x, y = at
        self.wire((x, y + 0.3), (x, y - 0.9), (x + 1.5, y - 0.55), (x + 1.5, y - 0.05), (x, y + 0.3))
        upper, lower = ("+", "−") if positive else ("−", "+")
        self.text(x + 0.12, y, upper)
        self.text(x + 0.12, y - 0.6, lower)
        self.wire((x - 0.3, y - 0.6), (x, y - 0.6))
        self.ground((x - 0.3, y - 0.6))
        self.text(x + 0.1, y + 0.5, f"{part.name}: {engineering(part)}")
        return at, (x + 1.5, y - 0.3)


def engineering(part: Resistor | Capacitor | Transconductor) -> str:
    """The value in four digits with an SI prefix, for the eye; files for machines have plain exponents."""
    match part:
        case Resistor(ohms=value):
            unit = "Ω"
        case Capacitor(farads=value):
            unit = "F"
        case Transconductor(model=IdealOta(gm=value) | MacroOta(gm=value)):
            unit = "S"
        case Transconductor():
            return describe(part.model)
    exponent = max(-15, min(9, 3 * math.floor(math.log10(value) / 3 + 1e-12)))
    return f"{value / 10.0**exponent:.4g} {_PREFIXES[exponent]}{unit}"


FULL_COUPLINGS = 120
"""Most couplings, over all stages, with which every stage is drawn."""

SHOWN = 6
"""Inputs shown of a stage that stands for many."""

_ROW = 0.95  # between input resistors
_GM_ROW = 2.0  # between transconductors
_WIDTH = 13.5
_COLUMNS = 4
_LEAST_HEIGHT = 4.6


def schematic_svg(circuit: Circuit, title: str, notes: Sequence[str] = ()) -> str:
    """Return the schematic of a memory circuit as SVG text.

    Args:
        circuit: what to draw.
        title: one line above the drawing.
        notes: lines below the title.
    """
    every = stages(circuit)
    groups = {kind: [stage for stage in every if stage.kind == kind] for kind in KINDS}
    most = None if sum(stage.couplings for stage in every) <= FULL_COUPLINGS else SHOWN
    pen, top = Pen(), 0.0
    for line, size in ((title, 14), *((note, FONT + 1) for note in notes)):
        pen.text(0.0, top, line, size=size)
        top -= 0.8
    for kind, members in groups.items():
        if not members:
            continue
        shown = members if most is None else members[-1:]
        if most is not None:
            pen.text(0.0, top, _summary(kind, members), size=FONT + 1)
            top -= 0.8
        for first in range(0, len(shown), _COLUMNS):
            row = shown[first : first + _COLUMNS]
            height = max(_height(stage, most) for stage in row)
            for column, stage in enumerate(row):
                left = column * _WIDTH + 1.6
                pen.text(left, top - 0.2, f"{stage.kind} {stage.signal}", size=FONT + 2)
                _draw(pen, stage, left, top - 0.8, most)
            top -= height + 1.9
    return pen.svg()


def _summary(kind: str, members: Sequence[Stage]) -> str:
    names = ", ".join(stage.signal for stage in (members if len(members) <= 3 else members[:2]))
    if len(members) > 3:
        names += f", ..., {members[-1].signal}"
    plural = f"{len(members)} {kind}s" if len(members) > 1 else f"1 {kind}"
    return f"{plural}, with the outputs {names}; drawn: {members[-1].signal}"


def _rows(inputs: Sequence[Input], most: int | None) -> int:
    return len(shown_rows(inputs, most))


def _height(stage: Stage, most: int | None) -> float:
    if stage.amplifier is None:
        return max(_LEAST_HEIGHT, _rows(stage.inputs, most) * _GM_ROW + 1.0)
    return sum(max(_LEAST_HEIGHT, _rows(side.inputs, most) * _ROW) for side in stage.sides)


def _draw(pen: Pen, stage: Stage, left: float, top: float, most: int | None) -> None:
    if stage.amplifier is None:
        _transconductors(pen, stage, left, top, most)
    elif len(stage.sides) == 2:
        _differential(pen, stage, left, top, most)
    else:
        _single_ended(pen, stage, left, top, most)


def _inputs(pen: Pen, side: Side, left: float, middle: float, most: int | None) -> Point:
    """The input resistors of a side, joined on a bus; returns the point of the bus at `middle`."""
    rows = shown_rows(side.inputs, most)
    start, bus = middle + (len(rows) - 1) / 2 * _ROW, left + 4.4
    for k, entry in enumerate(rows):
        y = start - k * _ROW
        if entry is None:
            pen.text(left + 0.6, y, f"{len(side.inputs) - SHOWN} more, alike")
            continue
        pen.text(left - 0.15, y, entry.source, halign="right")
        if not isinstance(entry.part, Transconductor):
            pen.part(entry.part, (left, y), (left + 4.0, y))
        pen.wire((left + 4.0, y), (bus, y))
    ends = [start, start - (len(rows) - 1) * _ROW, middle]
    pen.wire((bus, max(ends)), (bus, min(ends)))
    return bus, middle


def _single_ended(pen: Pen, stage: Stage, left: float, top: float, most: int | None) -> None:
    (side,) = stage.sides
    middle = top - max(_LEAST_HEIGHT, _rows(side.inputs, most) * _ROW) / 2
    bus = _inputs(pen, side, left, middle, most)
    node, end = (bus[0] + 0.8, middle), bus[0] + 6.2
    inverting, other, output = pen.opamp((node[0] + 0.5, middle))
    pen.text(node[0] + 2.0, middle - 2.3, _name(stage), halign="center")
    pen.wire(bus, node, inverting)
    pen.dot(node)
    pen.ground(other)
    pen.wire(output, (end + 0.5, output[1]))
    pen.dot((end, output[1]))
    pen.text(end + 0.65, output[1], side.output)
    above = middle + 1.5
    pen.wire(node, (node[0], above))
    pen.part(side.feedback, (node[0], above), (end, above))
    pen.wire((end, above), (end, output[1]))


def _differential(pen: Pen, stage: Stage, left: float, top: float, most: int | None) -> None:
    """The positive side above, the negative one below; the op-amp stands between them."""
    heights = [max(_LEAST_HEIGHT, _rows(side.inputs, most) * _ROW) for side in stage.sides]
    centre = top - heights[0]
    middles = (centre + heights[0] / 2, centre - heights[1] / 2)
    x = left + 6.0
    *inputs, positive, negative = pen.balanced_opamp((x, centre))
    pen.text(x + 2.2, centre + 1.1, _name(stage))
    for side, middle, point, output, outward in zip(
        stage.sides, middles, inputs, (positive, negative), (1.0, -1.0), strict=True
    ):
        bus = _inputs(pen, side, left, middle, most)
        node, end = (bus[0] + 0.8, point[1]), x + 4.4
        level = centre + outward * 2.1
        pen.wire(bus, (node[0], middle), node, point)
        pen.dot((node[0], level))
        pen.wire(output, (end + 0.5, output[1]))
        pen.dot((end, output[1]))
        pen.text(end + 0.65, output[1], side.output)
        pen.wire((node[0], level), (node[0] + 0.4, level))
        pen.part(side.feedback, (node[0] + 0.4, level), (end, level))
        pen.wire((end, level), (end, output[1]))


def _transconductors(pen: Pen, stage: Stage, left: float, top: float, most: int | None) -> None:
    """One transconductor below the other, all on the stage's node."""
    x, bus = left + 0.9, left + 5.2
    rows = shown_rows(stage.inputs, most)
    y = top - 0.6
    outputs = []
    for k, entry in enumerate(rows):
        y = top - 0.6 - k * _GM_ROW
        if entry is None:
            pen.text(x, y - 0.3, f"{len(stage.inputs) - SHOWN} more, alike")
            continue
        if isinstance(entry.part, Transconductor):
            point, output = pen.transconductor(entry.part, (x, y), positive=entry.positive)
            pen.text(left - 0.15, y, entry.source, halign="right")
            pen.wire((left, y), point)
            pen.wire(output, (bus, output[1]))
            outputs.append(output[1])
    node = outputs[0]
    pen.wire((bus, node), (bus, outputs[-1]))
    pen.wire((bus, node), (bus + 5.6, node))
    pen.dot((bus, node))
    pen.text(bus + 5.75, node, stage.signal)
    column = bus + 1.6
    pen.dot((column, node))
    if isinstance(stage.load, Capacitor):
        pen.part(stage.load, (column, node), (column, node - 2.2))
        pen.ground((column, node - 2.2))
    elif stage.load is not None:
        # Connected as a resistor: its output drives its inverting input.
        point, output = pen.transconductor(stage.load, (column + 0.9, node - 1.3), positive=False)
        pen.wire((column, node), (column, point[1]), point)
        pen.wire(output, (column + 3.2, output[1]), (column + 3.2, node))
        pen.dot((column + 3.2, node))


def _name(stage: Stage) -> str:
    return stage.amplifier.name if stage.amplifier is not None else ""
