"""The sheet: stages in columns, kind by kind, under a title.

With up to `FULL_COUPLINGS` couplings every stage is drawn. Beyond that a full drawing is not readable: then one
stage of each kind stands for all, with its long list of inputs cut short, and notes say how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmu_hw.analog.circuit import Circuit
from lmu_hw.analog.elements import Capacitor, Transconductor
from lmu_hw.analog.schematic.pen import FONT, Pen, Point
from lmu_hw.analog.schematic.stages import KINDS, Input, Side, Stage, shown_rows, stages

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
