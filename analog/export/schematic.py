"""The schematic: the stages of a circuit in columns, kind by kind, under a title.

Every stage is a drawing of its own; stages are joined by the names of their nets rather than by wires. With up to
`FULL_COUPLINGS` couplings all of them are drawn. Beyond that a full drawing is not readable: then one stage of each
kind stands for all, with its long list of inputs cut short, and notes say how many there are.

Each shape of a stage is a class that recognises its circuits, knows its height and draws itself; `SHAPES` lists them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from lmu_hw.analog.circuit.elements import (
    GROUND,
    Capacitor,
    DifferentialOpAmp,
    Element,
    Instance,
    OpAmp,
    Resistor,
    Transconductor,
)
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.export.pen import FONT, Pen, Point, engineering

KINDS = ("integrator", "inverter", "summing stage", "stage")

FULL_COUPLINGS = 120
"""Most couplings, over all stages, with which every stage is drawn."""

SHOWN = 6
"""How many inputs are drawn of a stage that stands for many."""

_ROW = 0.95  # between input resistors
_GM_ROW = 2.0  # between transconductors
_WIDTH = 13.5
_COLUMNS = 4
_LEAST_HEIGHT = 4.6


@dataclass(frozen=True)
class Stage(ABC):
    """A stage that can be drawn.

    Attributes:
        kind: One of `KINDS`.
        signal: The signal at the output of the stage.
    """

    kind: str
    signal: str

    @property
    @abstractmethod
    def couplings(self) -> int:
        """The number of signals that lead into the stage."""

    @property
    @abstractmethod
    def parts(self) -> list[Element]:
        """Every part of the stage."""

    @abstractmethod
    def height(self, most: int | None) -> float:
        """Return the height of the drawing with `most` inputs, or with all of them."""

    @abstractmethod
    def draw(self, pen: Pen, left: float, top: float, most: int | None) -> None:
        """Draw the stage, with its upper left corner at (`left`, `top`) and with `most` inputs, or with all of them."""


def shown_rows(inputs: Sequence[Input], most: int | None) -> list[Input | None]:
    """Return the inputs to draw: all, or `most` of them with None where others are left out."""
    if most is None or len(inputs) <= most:
        return list(inputs)
    return [*inputs[: most // 2], None, *inputs[-(most // 2) :]]


@dataclass(frozen=True)
class Input:
    """A part that brings a signal into a stage.

    Attributes:
        part: A resistor or a transconductor.
        source: The net of the signal.
        positive: Whether a transconductor has the signal on its non-inverting input.
        tee: Of a T network the other resistors: that to the virtual ground and that to ground. `part` is the first.
    """

    part: Element
    source: str
    positive: bool = True
    tee: tuple[Element, ...] = ()

    @classmethod
    def of(cls, circuit: Circuit, last: Element) -> Input:
        """Return the input whose last resistor leads to the virtual ground, by itself or as part of a T network."""
        net = circuit.pins_of(last)["p"]
        around = [part for part, _ in circuit.pins_on(net) if part is not last and part.passive]
        if any(port.name == net for port in circuit.ports) or len(around) != 2:
            return cls(last, net)
        shunt = next(part for part in around if circuit.pins_of(part)["n"] == GROUND)
        first = next(part for part in around if part is not shunt)
        return cls(first, circuit.pins_of(first)["p"], tee=(last, shunt))


@dataclass(frozen=True)
class Side:
    """One input of an op-amp.

    Attributes:
        inputs: The resistors that lead to it.
        feedback: The resistor or capacitor that feeds an output back to it.
        output: The net of that output.
        beside: The capacitor across a feedback resistor, or the resistor in series with a feedback capacitor, if any.
    """

    inputs: tuple[Input, ...]
    feedback: Element
    output: str
    beside: Element | None = None

    @classmethod
    def of(cls, circuit: Circuit, virtual: str, output: str) -> Side | None:
        """Return the side with the net `virtual` as its virtual ground, or None where no part feeds back to it."""
        around = [(part, pin) for part, pin in circuit.pins_on(virtual) if part.passive]
        # A coupling leads to the virtual ground, the feedback leads away from it.
        inputs = [Input.of(circuit, part) for part, pin in around if pin == "n"]
        feedback = [part for part, pin in around if pin != "n"]
        if not feedback:
            return None
        beside = feedback[1] if len(feedback) > 1 else None
        end = circuit.pins_of(feedback[0])["n"]
        if end != output:
            beside = next((part for part, pin in circuit.pins_on(end) if part.passive and pin == "p"), None)
        return cls(tuple(inputs), feedback[0], output, beside)

    @property
    def parts(self) -> list[Element]:
        """Every part of the side."""
        found = [part for entry in self.inputs for part in (entry.part, *entry.tee)]
        return [*found, self.feedback, *([] if self.beside is None else [self.beside])]

    def draw_feedback(self, pen: Pen, start: Point, end: Point, outward: float) -> None:
        """Draw the feedback parts between two points, with what lies beside them farther from the op-amp."""
        if self.beside is None:
            pen.passive(self.feedback, start, end)
        elif isinstance(self.feedback, Resistor):
            pen.passive(self.feedback, start, end)
            level = start[1] + outward * 1.3
            pen.wire(start, (start[0], level))
            pen.passive(self.beside, (start[0], level), (end[0], level))
            pen.wire((end[0], level), end)
        else:
            middle = (0.5 * (start[0] + end[0]), start[1])
            pen.passive(self.feedback, start, middle)
            pen.passive(self.beside, middle, end)

    def height(self, most: int | None) -> float:
        """Return the height of the drawing."""
        return max(_LEAST_HEIGHT, len(shown_rows(self.inputs, most)) * _ROW)

    def draw_inputs(self, pen: Pen, left: float, middle: float, most: int | None) -> Point:
        """Draw the input resistors, joined on a bus; return the point of the bus at the height `middle`."""
        rows = shown_rows(self.inputs, most)
        start, bus = middle + (len(rows) - 1) / 2 * _ROW, left + 4.4
        for k, entry in enumerate(rows):
            y = start - k * _ROW
            if entry is None:
                pen.text(left + 0.6, y, f"{len(self.inputs) - SHOWN} more, alike")
                continue
            pen.text(left - 0.15, y, entry.source, halign="right")
            if entry.tee:
                self._draw_tee(pen, entry, left, y)
            else:
                pen.passive(entry.part, (left, y), (left + 4.0, y))
            pen.wire((left + 4.0, y), (bus, y))
        ends = [start, start - (len(rows) - 1) * _ROW, middle]
        pen.wire((bus, max(ends)), (bus, min(ends)))
        return bus, middle

    @staticmethod
    def _draw_tee(pen: Pen, entry: Input, left: float, y: float) -> None:
        """Draw a T network in the place of a resistor: the two in series, and the one to ground as text below them."""
        last, shunt = entry.tee
        pen.passive(entry.part, (left, y), (left + 2.0, y))
        pen.passive(last, (left + 2.0, y), (left + 4.0, y))
        pen.dot((left + 2.0, y))
        pen.text(left + 2.0, y - 0.45, f"{shunt.name}: {engineering(shunt)} to ground", halign="center")


@dataclass(frozen=True)
class OpAmpStage(Stage):
    """A single-ended op-amp with a feedback part and input resistors on its virtual ground."""

    side: Side
    amplifier: OpAmp

    @classmethod
    def of(cls, circuit: Circuit, outputs: list[str]) -> OpAmpStage | None:
        """Return the stage of `circuit`, or None where it has another shape."""
        for amplifier in circuit.of(OpAmp):
            nets = circuit.pins_of(amplifier)
            side = Side.of(circuit, nets["inn"], nets["out"])
            if side is not None and len(side.parts) + 1 == len(circuit.elements):
                return cls(_kind(side), outputs[0], side, amplifier)
        return None

    @property
    def couplings(self) -> int:
        return len(self.side.inputs)

    @property
    def parts(self) -> list[Element]:
        return [*self.side.parts, self.amplifier]

    def height(self, most: int | None) -> float:
        return self.side.height(most)

    def draw(self, pen: Pen, left: float, top: float, most: int | None) -> None:
        middle = top - self.side.height(most) / 2
        bus = self.side.draw_inputs(pen, left, middle, most)
        node, end = (bus[0] + 0.8, middle), bus[0] + 6.2
        inverting, other, output = pen.opamp((node[0] + 0.5, middle))
        pen.text(node[0] + 2.0, middle - 2.3, self.amplifier.name, halign="center")
        pen.wire(bus, node, inverting)
        pen.dot(node)
        pen.ground(other)
        pen.wire(output, (end + 0.5, output[1]))
        pen.dot((end, output[1]))
        pen.text(end + 0.65, output[1], self.side.output)
        above = middle + 1.5
        pen.wire(node, (node[0], above))
        self.side.draw_feedback(pen, (node[0], above), (end, above), 1.0)
        pen.wire((end, above), (end, output[1]))


@dataclass(frozen=True)
class DifferentialStage(Stage):
    """A differential op-amp: the positive side above, the negative one below, the op-amp between them."""

    sides: tuple[Side, Side]
    amplifier: DifferentialOpAmp

    @classmethod
    def of(cls, circuit: Circuit, outputs: list[str]) -> DifferentialStage | None:
        """Return the stage of `circuit`, or None where it has another shape."""
        for amplifier in circuit.of(DifferentialOpAmp):
            nets = circuit.pins_of(amplifier)
            upper = Side.of(circuit, nets["inn"], nets["outp"])
            lower = Side.of(circuit, nets["inp"], nets["outn"])
            if upper is None or lower is None:
                continue
            if len(upper.parts) + len(lower.parts) + 1 == len(circuit.elements):
                return cls(_kind(upper), outputs[0].removesuffix("_p"), (upper, lower), amplifier)
        return None

    @property
    def couplings(self) -> int:
        return len(self.sides[0].inputs)

    @property
    def parts(self) -> list[Element]:
        return [*(part for side in self.sides for part in side.parts), self.amplifier]

    def height(self, most: int | None) -> float:
        return sum(side.height(most) for side in self.sides)

    def draw(self, pen: Pen, left: float, top: float, most: int | None) -> None:
        heights = [side.height(most) for side in self.sides]
        centre = top - heights[0]
        middles = (centre + heights[0] / 2, centre - heights[1] / 2)
        x = left + 6.0
        *inputs, positive, negative = pen.balanced_opamp((x, centre))
        pen.text(x + 2.2, centre + 1.1, self.amplifier.name)
        for side, middle, point, output, outward in zip(
            self.sides, middles, inputs, (positive, negative), (1.0, -1.0), strict=True
        ):
            bus = side.draw_inputs(pen, left, middle, most)
            node, end = (bus[0] + 0.8, point[1]), x + 4.4
            level = centre + outward * 2.1
            pen.wire(bus, (node[0], middle), node, point)
            pen.dot((node[0], level))
            pen.wire(output, (end + 0.5, output[1]))
            pen.dot((end, output[1]))
            pen.text(end + 0.65, output[1], side.output)
            pen.wire((node[0], level), (node[0] + 0.4, level))
            side.draw_feedback(pen, (node[0] + 0.4, level), (end, level), outward)
            pen.wire((end, level), (end, output[1]))


@dataclass(frozen=True)
class TransconductorStage(Stage):
    """Transconductors, one below the other, on the node of a load.

    Attributes:
        inputs: The transconductors of the couplings.
        load: The capacitor of an integrator, or the transconductor that a sum has in place of a resistor.
    """

    inputs: tuple[Input, ...]
    load: Element

    @classmethod
    def of(cls, circuit: Circuit, outputs: list[str]) -> TransconductorStage | None:
        """Return the stage of `circuit`, or None where it has another shape."""
        inputs: list[Input] = []
        loads: list[Element] = [*circuit.of(Capacitor)]
        for part in circuit.of(Transconductor):
            nets = circuit.pins_of(part)
            positive = nets["inp"] != GROUND
            source = nets["inp"] if positive else nets["inn"]
            # The load of a sum is written after the couplings, of which none leads from a sum to itself.
            if source == outputs[0] and not circuit.of(Capacitor):
                loads.append(part)
            else:
                inputs.append(Input(part, source, positive))
        if not inputs or len(loads) != 1 or len(inputs) + 1 != len(circuit.elements):
            return None
        kind = "integrator" if loads[0].passive else "summing stage"
        return cls(kind, outputs[0], tuple(inputs), loads[0])

    @property
    def couplings(self) -> int:
        return len(self.inputs)

    @property
    def parts(self) -> list[Element]:
        return [*(entry.part for entry in self.inputs), self.load]

    def height(self, most: int | None) -> float:
        return max(_LEAST_HEIGHT, len(shown_rows(self.inputs, most)) * _GM_ROW + 1.0)

    def draw(self, pen: Pen, left: float, top: float, most: int | None) -> None:
        x, bus = left + 0.9, left + 5.2
        outputs = []
        for k, entry in enumerate(shown_rows(self.inputs, most)):
            y = top - 0.6 - k * _GM_ROW
            if entry is None:
                pen.text(x, y - 0.3, f"{len(self.inputs) - SHOWN} more, alike")
                continue
            point, output = pen.transconductor(entry.part, (x, y), positive=entry.positive)
            pen.text(left - 0.15, y, entry.source, halign="right")
            pen.wire((left, y), point)
            pen.wire(output, (bus, output[1]))
            outputs.append(output[1])
        node = outputs[0]
        pen.wire((bus, node), (bus, outputs[-1]))
        pen.wire((bus, node), (bus + 5.6, node))
        pen.dot((bus, node))
        pen.text(bus + 5.75, node, self.signal)
        column = bus + 1.6
        pen.dot((column, node))
        if self.load.passive:
            pen.passive(self.load, (column, node), (column, node - 2.2))
            pen.ground((column, node - 2.2))
        else:
            # Connected as a resistor: its output drives its inverting input.
            point, output = pen.transconductor(self.load, (column + 0.9, node - 1.3), positive=False)
            pen.wire((column, node), (column, point[1]), point)
            pen.wire(output, (column + 3.2, output[1]), (column + 3.2, node))
            pen.dot((column + 3.2, node))


@dataclass(frozen=True)
class ListedStage(Stage):
    """A stage of a shape that there is no drawing for: its parts as a table, each with the nets at its pins."""

    circuit: Circuit = field(repr=False)

    @classmethod
    def of(cls, circuit: Circuit, outputs: list[str]) -> ListedStage:
        """Return the stage of any circuit."""
        return cls("stage", ", ".join(outputs), circuit)

    @property
    def couplings(self) -> int:
        return sum(port.direction == "in" for port in self.circuit.ports)

    @property
    def parts(self) -> list[Element]:
        return self.circuit.elements

    def height(self, most: int | None) -> float:
        return max(_LEAST_HEIGHT, len(self.parts) * _ROW)

    def draw(self, pen: Pen, left: float, top: float, most: int | None) -> None:
        for k, part in enumerate(self.parts):
            nets = ", ".join(f"{pin} {net}" for pin, net in self.circuit.pins_of(part).items())
            pen.text(left, top - (k + 0.5) * _ROW, f"{part.name}: {part.bill_value()[0]}; {nets}")


SHAPES = (DifferentialStage, OpAmpStage, TransconductorStage, ListedStage)
"""The shapes of stages in the order in which they are tried; the last one takes any."""


def stages(circuit: Circuit) -> list[Stage]:
    """Return the stages of `circuit`, one per instance, in order."""
    return [_stage(instance) for instance in circuit.of(Instance)]


def _stage(instance: Instance) -> Stage:
    found = (shape.of(instance.circuit, instance.outputs) for shape in SHAPES)
    return next(stage for stage in found if stage is not None)


def _kind(side: Side) -> str:
    if isinstance(side.feedback, Capacitor):
        return "integrator"
    return "inverter" if len(side.inputs) == 1 else "summing stage"


def schematic_svg(circuit: Circuit, title: str, notes: Sequence[str] = ()) -> str:
    """Return the schematic of a memory circuit as SVG text.

    Args:
        circuit: What to draw.
        title: One line above the drawing.
        notes: Lines below the title.
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
            for column, stage in enumerate(row):
                left = column * _WIDTH + 1.6
                pen.text(left, top - 0.2, f"{stage.kind} {stage.signal}", size=FONT + 2)
                stage.draw(pen, left, top - 0.8, most)
            top -= max(stage.height(most) for stage in row) + 1.9
    return pen.svg()


def _summary(kind: str, members: Sequence[Stage]) -> str:
    names = ", ".join(stage.signal for stage in (members if len(members) <= 3 else members[:2]))
    if len(members) > 3:
        names += f", ..., {members[-1].signal}"
    plural = f"{len(members)} {kind}s" if len(members) > 1 else f"1 {kind}"
    return f"{plural}, with the outputs {names}; drawn: {members[-1].signal}"
