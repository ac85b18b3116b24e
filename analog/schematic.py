"""A schematic as SVG: one drawing per op-amp stage, joined by net names rather than by wires.

With up to `FULL_ORDER` states every stage is drawn. Beyond that a full drawing is not readable: then one
stage of each kind stands for all, with its long list of inputs cut short, and notes say how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import schemdraw
from schemdraw import elements as draw

from lmu_hw.analog.circuit import Circuit
from lmu_hw.analog.elements import Capacitor, OpAmp, Resistor

Passive = Resistor | Capacitor

FULL_ORDER = 8
"""Most states of which every stage is drawn."""

_ROW = 0.95  # units between input resistors; a unit is half an inch
_WIDTH = 13.5
_COLUMNS = 4
_LEAST_HEIGHT = 4.6
_SHOWN = 6  # inputs shown of a stage that stands for many
_FONT = 9
_SYMBOLS: Mapping[type, Callable[[], draw.Element2Term]] = {
    Resistor: draw.Resistor,
    Capacitor: draw.Capacitor,
}


@dataclass(frozen=True)
class Stage:
    """An op-amp with the parts at its inverting input.

    Attributes:
        amplifier: the op-amp.
        output: the net of its output.
        inputs: (part, source net) for each part that brings a signal.
        feedback: the parts between inverting input and output.
    """

    amplifier: OpAmp
    output: str
    inputs: tuple[tuple[Passive, str], ...]
    feedback: tuple[Passive, ...]

    @property
    def kind(self) -> str:
        """What the stage does, told by its feedback and its inputs."""
        if any(isinstance(part, Capacitor) for part in self.feedback):
            return "integrator"
        return "inverter" if len(self.inputs) == 1 else "summing amplifier"


def stages(circuit: Circuit) -> list[Stage]:
    """The inverting stages of `circuit`, one per op-amp, in order."""
    found = []
    for amplifier in circuit.of(OpAmp):
        nets = circuit.pins_of(amplifier)
        inputs: list[tuple[Passive, str]] = []
        feedback: list[Passive] = []
        for part, pin in circuit.pins_on(nets["inn"]):
            if isinstance(part, (Resistor, Capacitor)):
                source = circuit.pins_of(part)["n" if pin == "p" else "p"]
                # A resistor from the output is drawn with the other couplings where a capacitor feeds back.
                own = source == nets["out"] and not part.name.startswith("R_a_")
                feedback += [part] if own else []
                inputs += [] if own else [(part, source)]
        found.append(Stage(amplifier, nets["out"], tuple(inputs), tuple(feedback)))
    return found


def schematic_svg(circuit: Circuit, title: str, notes: Sequence[str] = ()) -> str:
    """Return the schematic of a circuit of inverting op-amp stages as SVG text.

    Args:
        circuit: what to draw.
        title: one line above the drawing.
        notes: lines below the title.
    """
    every = stages(circuit)
    groups = {
        kind: [stage for stage in every if stage.kind == kind]
        for kind in ("integrator", "inverter", "summing amplifier")
    }
    full = len(groups["integrator"]) <= FULL_ORDER
    schemdraw.svgconfig.text = "text"  # the same bytes whether or not a path renderer is installed
    drawing = schemdraw.Drawing(canvas="svg", show=False, fontsize=_FONT)
    drawing.config(margin=0.5, bgcolor="white")
    top = 0.0
    for line, size in ((title, 14), *((note, _FONT + 1) for note in notes)):
        _text(drawing, 0.0, top, line, size=size)
        top -= 0.8
    for kind, members in groups.items():
        if not members:
            continue
        shown = members if full else members[-1:]
        if not full:
            _text(drawing, 0.0, top, _summary(kind, members), size=_FONT + 1)
            top -= 0.8
        for first in range(0, len(shown), _COLUMNS):
            row = shown[first : first + _COLUMNS]
            height = max(_height(stage, full) for stage in row)
            for column, stage in enumerate(row):
                _draw_stage(drawing, stage, column * _WIDTH + 1.6, top - 0.8, height, full)
            top -= height + 1.9
    return str(drawing.get_imagedata("svg").decode("utf-8")).rstrip() + "\n"


def _summary(kind: str, members: Sequence[Stage]) -> str:
    names = ", ".join(stage.output for stage in (members if len(members) <= 3 else members[:2]))
    if len(members) > 3:
        names += f", ..., {members[-1].output}"
    plural = f"{len(members)} {kind}s" if len(members) > 1 else f"1 {kind}"
    return f"{plural}, with the outputs {names}; drawn: {members[-1].output}"


def _height(stage: Stage, full: bool) -> float:
    rows = len(stage.inputs) if full else min(len(stage.inputs), _SHOWN + 1)
    return max(_LEAST_HEIGHT, rows * _ROW)


def _draw_stage(drawing: schemdraw.Drawing, stage: Stage, left: float, top: float, height: float, full: bool) -> None:
    rows: list[tuple[Passive, str] | None] = list(stage.inputs)
    if not full and len(rows) > _SHOWN:
        rows = [*rows[: _SHOWN // 2], None, *rows[-(_SHOWN // 2) :]]
    middle = top - height / 2
    start = middle + (len(rows) - 1) / 2 * _ROW
    bus = left + 4.4
    for k, entry in enumerate(rows):
        y = start - k * _ROW
        if entry is None:
            _text(drawing, left + 0.6, y, f"{len(stage.inputs) - _SHOWN} more, alike")
            continue
        part, source = entry
        _text(drawing, left - 0.15, y, source, halign="right")
        _two_terminal(drawing, part, (left, y), (left + 4.0, y))
        _wire(drawing, (left + 4.0, y), (bus, y))
    ends = [start, start - (len(rows) - 1) * _ROW, middle]
    _wire(drawing, (bus, max(ends)), (bus, min(ends)))

    node, out = bus + 0.8, bus + 6.2
    amplifier = draw.Opamp(leads=True).at((node + 0.5, middle)).anchor("in1").right()
    drawing.add(amplifier)
    _text(drawing, node + 2.0, middle - 2.3, f"{stage.amplifier.name}", halign="center")
    _wire(drawing, (bus, middle), (node + 0.5, middle))
    drawing.add(draw.Dot().at((node, middle)))
    drawing.add(draw.Ground().at(amplifier.in2))
    out_y = amplifier.out[1]
    _wire(drawing, (amplifier.out[0], out_y), (out + 0.5, out_y))
    drawing.add(draw.Dot().at((out, out_y)))
    _text(drawing, out + 0.65, out_y, stage.output)
    for k, part in enumerate(stage.feedback):
        y = middle + 1.5 + k * _ROW
        _wire(drawing, (node, middle), (node, y))
        _two_terminal(drawing, part, (node, y), (out, y))
        _wire(drawing, (out, y), (out, out_y))
    _text(drawing, left, top + 0.6, f"{stage.kind} {stage.output}", size=_FONT + 2)


def _two_terminal(
    drawing: schemdraw.Drawing, part: Passive, start: tuple[float, float], end: tuple[float, float]
) -> None:
    drawing.add(_SYMBOLS[type(part)]().at(start).to(end).label(f"{part.name}: {_engineering(part)}", fontsize=_FONT))


def _wire(drawing: schemdraw.Drawing, start: tuple[float, float], end: tuple[float, float]) -> None:
    drawing.add(draw.Line().at(start).to(end))


def _text(
    drawing: schemdraw.Drawing,
    x: float,
    y: float,
    text: str,
    *,
    size: int = _FONT,
    halign: Literal["left", "center", "right"] = "left",
) -> None:
    drawing.add(draw.Label().at((x, y)).label(text, fontsize=size, halign=halign, valign="center"))


def _engineering(part: Passive) -> str:
    """The value in four digits with an SI prefix, for the eye; files for machines have plain exponents."""
    value, unit = (part.farads, "F") if isinstance(part, Capacitor) else (part.ohms, "Ω")
    exponent = max(-15, min(9, 3 * math.floor(math.log10(value) / 3 + 1e-12)))
    prefix = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}[exponent]
    return f"{value / 10.0**exponent:.4g} {prefix}{unit}"
