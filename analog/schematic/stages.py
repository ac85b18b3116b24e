"""The stages of a memory circuit, taken apart for drawing: what leads where, whatever they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmu_hw.analog.circuit import GROUND, Circuit
from lmu_hw.analog.elements import Capacitor, DifferentialOpAmp, Element, Instance, OpAmp, Resistor, Transconductor
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
