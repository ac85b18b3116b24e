"""SPICE text: subcircuits, and decks that a simulator runs unchanged.

Numbers are plain exponents, written so that they read back as the same double. Nothing depends on time, on
the order of hashing or on the machine, so the same circuit gives the same bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from lmu_hw.analog.circuit import rules
from lmu_hw.analog.circuit.devices import DeviceModel, library
from lmu_hw.analog.circuit.elements import GROUND, Device, Element, Instance
from lmu_hw.analog.circuit.elements import number as number
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.errors import DesignError

LINE = 100
"""Longest line written; longer ones are continued with ``+``."""

OPTIONS: Mapping[str, str | float] = {
    # The trapezoidal method: several times nearer to the exact response than Gear's at the same steps, and
    # the sources' corners are breakpoints at which ngspice restarts it, so that it does not ring on them. A
    # program that drives an external source, whose corners the simulator cannot see, may prefer gear.
    "method": "trap",
    # The tolerances of the solver, so tight that the error of the circuit is what remains.
    "reltol": 1e-5,
    "abstol": 1e-12,
    "vntol": 1e-8,
}
"""Simulator options written into every deck."""


class Analysis(ABC):
    """An analysis of a deck.

    Attributes:
        saves_all: Whether its results are vectors of their own, which a list of nets would leave out.
    """

    saves_all: ClassVar[bool] = False

    @abstractmethod
    def lines(self, nets: Sequence[str]) -> list[str]:
        """Return the analysis and its print statement for the voltages of `nets`."""


@dataclass(frozen=True)
class Transient(Analysis):
    """A transient analysis from time 0 and the operating point.

    Attributes:
        step: The time between two printed points, s.
        stop: The end, s.
        max_step: The longest step of the simulator, s.
    """

    step: float
    stop: float
    max_step: float

    def lines(self, nets: Sequence[str]) -> list[str]:
        """Return the analysis and its print statement."""
        numbers = (number(self.step), number(self.stop), "0", number(self.max_step))
        return [f".tran {' '.join(numbers)}", f".print tran {' '.join(f'v({net})' for net in nets)}"]


@dataclass(frozen=True)
class SmallSignal(Analysis):
    """A small-signal analysis over frequency.

    Attributes:
        points: The number of frequencies per decade.
        start: The lowest frequency, Hz.
        stop: The highest frequency, Hz.
    """

    points: int
    start: float
    stop: float

    def lines(self, nets: Sequence[str]) -> list[str]:
        """Return the analysis and its print statement (magnitude and phase of every net)."""
        vectors = " ".join(f"vm({net}) vp({net})" for net in nets)
        return [f".ac dec {self.points} {number(self.start)} {number(self.stop)}", f".print ac {vectors}"]


@dataclass(frozen=True)
class Noise(Analysis):
    """A noise analysis over frequency.

    Attributes:
        output: The net at which the noise is computed, or the two nets between which it is.
        source: The name of the source to which the noise at the input is referred.
        points: The number of frequencies per decade.
        start: The lowest frequency, Hz.
        stop: The highest frequency, Hz.
    """

    output: tuple[str, ...]
    source: str
    points: int
    start: float
    stop: float

    saves_all: ClassVar[bool] = True

    def lines(self, nets: Sequence[str]) -> list[str]:
        """Return the analysis and its print statement (densities in V/sqrt(Hz))."""
        sweep = f"dec {self.points} {number(self.start)} {number(self.stop)}"
        analysis = f".noise v({','.join(self.output)}) {self.source} {sweep}"
        return [analysis, ".print noise onoise_spectrum inoise_spectrum"]


def comment(text: str) -> str:
    """Return a comment line; line breaks in `text` become spaces, so that nothing can escape from it."""
    return "* " + " ".join(text.split())


def to_subcircuit(circuit: Circuit, header: Iterable[str] = ()) -> str:
    """Return a self-contained library text: device models, then the subcircuits, `circuit` last.

    The pins of the subcircuit are the ports in order: ``[port.name for port in circuit.ports]``.

    Args:
        circuit: A circuit with at least one port.
        header: Lines to put at the head as comments.

    Raises:
        ElectricalRuleError: The circuit breaks an electrical rule.
        DesignError: The circuit has no ports.
    """
    if not circuit.ports:
        raise DesignError(f"circuit {circuit.name}", "one with ports, to be used as a subcircuit", "none")
    rules.check(circuit)
    return _join([*map(comment, header), *_definitions([circuit])])


def to_deck(
    bench: Circuit,
    analyses: Iterable[Analysis],
    *,
    header: Iterable[str] = (),
    probes: Sequence[str] | None = None,
    options: Mapping[str, str | float] = OPTIONS,
) -> str:
    """Return a deck that ``ngspice -b FILE`` runs: definitions, the bench's elements, options, analyses.

    Args:
        bench: A circuit without ports; its elements become the deck's top level.
        analyses: The analyses to run.
        header: Lines to put below the title as comments.
        probes: Nets to save and print, by default every net of the bench but ground.
        options: Simulator options; see `OPTIONS` for the default and its reasons.

    Raises:
        ElectricalRuleError: The bench breaks an electrical rule.
        DesignError: The bench has ports, or a probe is none of its nets.
    """
    if bench.ports:
        raise DesignError(f"bench {bench.name}", "a circuit without ports", f"port {bench.ports[0].name}")
    rules.check(bench)
    nets = [net for net in bench.nets if net != GROUND] if probes is None else list(probes)
    for net in nets:
        if net not in bench.nets:
            raise DesignError("probe", f"a net of {bench.name}", net)
    models, circuits = _used(bench)
    lines = [comment(bench.name), *map(comment, header)]
    lines += _model_lines(models)
    for circuit in circuits:
        lines += _subcircuit(circuit)
    lines += [_element_line(bench, element) for element in bench.elements]
    lines.append(".options " + " ".join(f"{key}={_option(value)}" for key, value in options.items()))
    wanted = list(analyses)
    saved = "all" if any(analysis.saves_all for analysis in wanted) else " ".join(f"v({net})" for net in nets)
    lines.append(f".save {saved}")
    for analysis in wanted:
        lines += analysis.lines(nets)
    return _join([*lines, ".end"])


def _used(*tops: Circuit) -> tuple[list[DeviceModel], list[Circuit]]:
    """Return one device model per library text, and the circuits instantiated below `tops`, inner ones first."""
    models: dict[str, DeviceModel] = {}
    circuits: dict[str, Circuit] = {}

    def visit(circuit: Circuit) -> None:
        for device in circuit.of(Device):
            models.setdefault(device.model.subcircuit, device.model)
        for instance in circuit.of(Instance):
            visit(instance.circuit)
            circuits.setdefault(instance.circuit.name, instance.circuit)

    for top in tops:
        visit(top)
    return list(models.values()), list(circuits.values())


def _definitions(circuits: Sequence[Circuit]) -> list[str]:
    models, inner = _used(*circuits)
    lines = _model_lines(models)
    for circuit in [*inner, *circuits]:
        lines += _subcircuit(circuit)
    return lines


def _model_lines(models: Iterable[DeviceModel]) -> list[str]:
    return [line for model in models for line in library(model).splitlines()]


def _subcircuit(circuit: Circuit) -> list[str]:
    ports = " ".join(port.name for port in circuit.ports)
    body = [_element_line(circuit, element) for element in circuit.elements]
    return [f".subckt {circuit.name} {ports}", *body, f".ends {circuit.name}"]


def _element_line(circuit: Circuit, element: Element) -> str:
    nets = " ".join(circuit.pins_of(element).values())
    return f"{element.name} {nets} {element.spice_value()}"


def _option(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _join(lines: Iterable[str]) -> str:
    return "".join(f"{part}\n" for line in lines for part in wrapped(line))


def wrapped(line: str) -> list[str]:
    """Return a line in parts of at most `LINE` characters, if spaces allow it; all but the first continue it."""
    if len(line) <= LINE or line.startswith("*"):
        return [line]
    parts, current = [], ""
    for word in line.split(" "):
        if current and len(current) + 1 + len(word) > LINE:
            parts.append(current)
            current = "+"
        current = f"{current} {word}" if current else word
    return [*parts, current]
