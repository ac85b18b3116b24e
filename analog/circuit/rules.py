"""Electrical rules, checked before a circuit is exported or analysed, as passes in the order of `PASSES`.

Each pass yields violations with the path of the element or net that breaks the rule. Passes rest on those
before them: the connectivity passes, for example, may assume that the names are sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from networkx.utils import UnionFind

from lmu_hw.analog.circuit.elements import GROUND, Device, Instance
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.errors import DesignError

RESERVED_NETS = frozenset(
    # "gnd" is folded into net 0; the others are read as vectors, keywords or the start of parameters.
    ["gnd", "null", "time", "temper", "hertz", "frequency", "all", "alli", "allv", "ally", "params"]
)
"""Net names that SPICE gives a meaning of its own (compared after case folding)."""


@dataclass(frozen=True)
class Violation:
    """A broken rule.

    Attributes:
        rule: The name of the rule, that of its pass.
        path: Where it is broken: the circuit, instances, and the element or net, joined by dots.
        requirement: What must hold there.
        found: What was found instead.
    """

    rule: str
    path: str
    requirement: str
    found: str

    def __str__(self) -> str:
        return f"{self.path} must be {self.requirement}, got {self.found} [{self.rule}]"


class ElectricalRuleError(DesignError):
    """A circuit breaks electrical rules; `violations` lists all of them, the message shows the first."""

    def __init__(self, violations: list[Violation]) -> None:
        self.violations = tuple(violations)
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(first.path, first.requirement, first.found + more)


def violations(circuit: Circuit) -> list[Violation]:
    """Return every violation in `circuit` and in the circuits that it instantiates, pass by pass."""
    return list(_check(circuit, circuit.name))


def check(circuit: Circuit) -> None:
    """Check that a circuit, with those that it instantiates, keeps every rule.

    Raises:
        ElectricalRuleError: There is a violation.
    """
    found = violations(circuit)
    if found:
        raise ElectricalRuleError(found)


def _check(circuit: Circuit, path: str) -> Iterator[Violation]:
    for rule in PASSES:
        for location, requirement, got in rule(circuit):
            yield Violation(rule.__name__, f"{path}.{location}" if location else path, requirement, got)
    for instance in circuit.of(Instance):
        yield from _check(instance.circuit, f"{path}.{instance.name}")


Finding = tuple[str, str, str]
"""The element or net within the circuit that breaks a rule, what must hold there, and what was found."""


def distinct_names(circuit: Circuit) -> Iterator[Finding]:
    """No two elements, nets or subcircuits differ by case only, and no net has a reserved name."""
    for kind, named in (
        ("element", [(element.name, element) for element in circuit.elements]),
        ("net", [(net, net) for net in circuit.nets]),
        ("subcircuit", _definitions(circuit)),
    ):
        seen: dict[str, tuple[str, object]] = {}
        for name, identity in named:
            first, held = seen.setdefault(name.casefold(), (name, identity))
            if held is not identity:
                yield name, f"a {kind} name that stays distinct when case is folded", f"{name} beside {first}"
    for net in circuit.nets:
        if net.casefold() in RESERVED_NETS:
            yield net, "a net name without a meaning of its own in SPICE", net


def positive_values(circuit: Circuit) -> Iterator[Finding]:
    """Every part value is positive and finite, and every source is finite."""
    for element in circuit.elements:
        for quantity, value in element.quantities.items():
            if not (math.isfinite(value) and value > 0):
                yield element.name, f"a {element.kind} of positive finite {quantity}", repr(value)
        if not all(math.isfinite(level) for level in element.levels):
            yield element.name, "a source of finite values", "a value that is not finite"


def ground_present(circuit: Circuit) -> Iterator[Finding]:
    """The circuit refers to net 0, itself or inside a part: an op-amp's output voltage is against ground."""
    if not _uses_ground(circuit):
        yield "", "a circuit with a ground net 0", "no pin on net 0"


def connected_pins(circuit: Circuit) -> Iterator[Finding]:
    """Every net joins at least two pins, and no two-terminal part is shorted by its own connections.

    An output of an instance may be alone on its net, as it is driven inside and need not be used. A shorted voltage
    source breaks `no_voltage_loops`.
    """
    for net in circuit.nets:
        pins = circuit.pins_on(net)
        element, pin = pins[0]
        if net != GROUND and len(pins) < 2 and pin not in element.outputs:
            yield net, "a net of two or more pins", f"only {element.name}.{pin}"
    for element in circuit.elements:
        nets = circuit.pins_of(element)
        if set(nets) == {"p", "n"} and nets["p"] == nets["n"] and not element.voltages(nets):
            yield element.name, "connected between two nets", f"both pins on {nets['p']}"


def no_voltage_loops(circuit: Circuit) -> Iterator[Finding]:
    """No loop of voltage-defined branches: shorted or parallel op-amp outputs, sources, driven ports."""
    joined = UnionFind([GROUND])
    driver: dict[str, str] = {}
    for name, one, other in _voltage_branches(circuit):
        if joined[one] == joined[other]:
            rival = driver.get(one, driver.get(other, "the ground net"))
            net = one if other == GROUND else f"{one} to {other}"
            yield name, "the only voltage on its net", f"net {net} also held by {rival}"
        joined.union(one, other)
        driver.setdefault(one, name)


def dc_path(circuit: Circuit) -> Iterator[Finding]:
    """Every net reaches ground through parts that conduct at direct current.

    Resistors, voltage sources, outputs of amplifiers and driven ports conduct; capacitors, current sources and
    inputs of amplifiers do not. A virtual ground thus needs a resistor, as a real amplifier needs its bias current.
    """
    joined = UnionFind([GROUND, *circuit.nets])
    for _, one, other in _voltage_branches(circuit):
        joined.union(one, other)
    for element in circuit.elements:
        for one, other in element.conducts(circuit.pins_of(element)):
            joined.union(one, other)
    for net in circuit.nets:
        if joined[net] != joined[GROUND]:
            yield net, "a net with a path for direct current to ground", "a floating net"


def opamp_feedback(circuit: Circuit) -> Iterator[Finding]:
    """Every op-amp's output reaches its inverting input through passive parts alone.

    In a differential op-amp, the positive output reaches the inverting input, and the negative output the other one.
    Nets that a voltage fixes (ground, other outputs, driven ports) end such a path, as feedback around several
    amplifiers may be of either sign. The rule finds amplifiers with exchanged inputs, which behave correctly in every
    analysis with ideal amplifiers.
    """
    held = {net for _, *nets in _voltage_branches(circuit) for net in nets} | {GROUND}
    joined = UnionFind(circuit.nets)
    for part in circuit.elements:
        nets = circuit.pins_of(part)
        if part.passive and held.isdisjoint(nets.values()):
            joined.union(nets["p"], nets["n"])
    for amplifier in circuit.elements:
        nets = circuit.pins_of(amplifier)
        for output, into in amplifier.feedback:
            reached = {joined[net] for net in _passive_neighbours(circuit, nets[output]) if net not in held}
            if nets[into] != nets[output] and joined[nets[into]] not in reached:
                found = f"no path from {nets[output]} to {nets[into]}"
                yield amplifier.name, f"fed back to its {_INPUTS[into]} input", found


_INPUTS = {"inn": "inverting", "inp": "non-inverting"}

Rule = Callable[[Circuit], Iterator[Finding]]

PASSES: tuple[Rule, ...] = (
    distinct_names,
    positive_values,
    ground_present,
    connected_pins,
    no_voltage_loops,
    dc_path,
    opamp_feedback,
)
"""The passes in their order; the name of each is the name of its rule."""


def _voltage_branches(circuit: Circuit) -> Iterator[tuple[str, str, str]]:
    """Yield every branch whose voltage is defined: the element, the net and the other net."""
    ports = [(f"port {port.name}", port) for port in circuit.ports]
    for name, element in (*ports, *((element.name, element) for element in circuit.elements)):
        for one, other in element.voltages(circuit.pins_of(element)):
            yield name, one, other


def _uses_ground(circuit: Circuit) -> bool:
    inner = [instance.circuit for instance in circuit.of(Instance)]
    return GROUND in circuit.nets or bool(circuit.of(Device)) or any(map(_uses_ground, inner))


def _passive_neighbours(circuit: Circuit, net: str) -> Iterator[str]:
    for element, pin in circuit.pins_on(net):
        if element.passive:
            yield circuit.pins_of(element)["n" if pin == "p" else "p"]


def _definitions(circuit: Circuit) -> list[tuple[str, object]]:
    """Return the name and the identity of every subcircuit definition that the exported text of `circuit` holds."""
    found: list[tuple[str, object]] = [(circuit.name, circuit)]
    found += [(device.model.subcircuit, type(device.model)) for device in circuit.of(Device)]
    for instance in circuit.of(Instance):
        found += _definitions(instance.circuit)
    return found
