"""The linear state-space model of a circuit, recovered from its parts by nodal analysis.

Every capacitor is taken as a voltage source of its present voltage and every op-amp pole as a source of its
state; the resistive network that remains is solved once for all of them and for the inputs, and the currents
into the capacitors are the derivatives. (The state-variable method; see for example L. O. Chua and P.-M. Lin,
Computer-Aided Analysis of Electronic Circuits, 1975, chapter 8.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.analog import rules
from lmu_hw.analog.circuit import GROUND, Circuit
from lmu_hw.analog.elements import Capacitor, CurrentSource, Element, Instance, OpAmp, Resistor, VoltageSource
from lmu_hw.analog.opamp import SinglePoleOpAmp
from lmu_hw.analog.realisation import Array
from lmu_hw.errors import DesignError


@dataclass(frozen=True, eq=False)
class StateSpace:
    """dx/dt = a x + b u, y = c x + d u, in volts and seconds, with the names of x, u and y where known.

    Of a circuit, the states are the capacitors' voltages v(p) - v(n) and the op-amps' pole voltages, the
    inputs are the input ports and the independent sources, and the outputs are the output ports.
    """

    a: Array
    b: Array
    c: Array
    d: Array
    states: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def response(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """c (j 2 pi f - a)^-1 b + d at `frequencies` in Hz, shape (frequencies, outputs, inputs)."""
        s = 2j * np.pi * np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
        identity = np.eye(len(self.a))
        return np.stack([self.c @ np.linalg.solve(each * identity - self.a, self.b) + self.d for each in s])


def state_space(circuit: Circuit, *, ideal_opamps: bool = False) -> StateSpace:
    """Recover the linear model of `circuit`, whose outputs are its output ports.

    Args:
        circuit: must pass the electrical rules; may instantiate other circuits.
        ideal_opamps: take every op-amp as ideal (no gain, pole or output resistance limits it) instead of
            as its model says.

    Raises:
        ElectricalRuleError: the circuit breaks a rule.
        DesignError: the circuit has no unique solution, for example a loop of capacitors.
    """
    rules.check(circuit)
    system = _Nodal(ideal_opamps)
    for port in circuit.ports:
        if port.direction == "in":
            system.voltage_branch(port.name, GROUND, source=port.name)
    for element, nets, path in _flatten(circuit, "", {}):
        system.stamp(element, nets, path)
    return system.solve([port.name for port in circuit.ports if port.direction == "out"], circuit.name)


def _flatten(circuit: Circuit, prefix: str, outer: Mapping[str, str]) -> Iterator[tuple[Element, dict[str, str], str]]:
    """Every elementary element with its nets and path, instances expanded."""
    for element in circuit.elements:
        nets = {
            pin: net if net == GROUND else outer.get(net, prefix + net) for pin, net in circuit.pins_of(element).items()
        }
        if isinstance(element, Instance):
            yield from _flatten(element.circuit, f"{prefix}{element.name}.", nets)
        else:
            yield element, nets, prefix + element.name


class _Nodal:
    """Equations of the resistive network: left (unknowns) = right (states and inputs).

    Unknowns are net voltages and branch currents; a branch current flows from the first net through the
    branch to the second.
    """

    def __init__(self, ideal_opamps: bool) -> None:
        self.ideal = ideal_opamps
        self.unknowns: dict[tuple[str, str], int] = {}
        self.states: list[str] = []
        self.inputs: list[str] = []
        self.left: list[tuple[int, int, float]] = []
        self.right: list[tuple[int, str, float]] = []
        # Each derivative as a sum of unknowns and states.
        self.derivatives: list[tuple[int, list[tuple[tuple[str, str], float]], float]] = []

    def stamp(self, element: Element, nets: Mapping[str, str], path: str) -> None:
        """Add one element's equations."""
        match element:
            case Resistor():
                self._conductance(nets["p"], nets["n"], 1.0 / element.ohms)
            case Capacitor():
                self.voltage_branch(nets["p"], nets["n"], source=path, name=path)
                self.derivatives.append((len(self.states), [(("current", path), 1.0 / element.farads)], 0.0))
                self.states.append(path)
            case VoltageSource():
                self.inputs.append(path)
                self.voltage_branch(nets["p"], nets["n"], source=path, name=path)
            case CurrentSource():
                self.inputs.append(path)
                for net, sign in ((nets["p"], -1.0), (nets["n"], 1.0)):
                    if net != GROUND:
                        self.right.append((self._row("net", net), path, sign))
            case OpAmp():
                self._opamp(element, nets, path)

    def voltage_branch(self, p: str, n: str, *, source: str, name: str | None = None) -> None:
        """v(p) - v(n) = the state or input `source`; without a name of its own, `source` is an input port."""
        if name is None:
            self.inputs.append(source)
        row = self._branch(p, n, name or f"port {source}")
        self._voltage(row, p, 1.0)
        self._voltage(row, n, -1.0)
        self.right.append((row, source, 1.0))

    def _opamp(self, element: OpAmp, nets: Mapping[str, str], path: str) -> None:
        row = self._branch(nets["out"], GROUND, path)
        model = element.model
        if not self.ideal and isinstance(model, SinglePoleOpAmp):
            # The branch current flows into the amplifier: v(out) - rout i = pole, which lags its input.
            self._voltage(row, nets["out"], 1.0)
            self.left.append((row, row, -model.rout))
            pole = f"{path}.pole"
            self.right.append((row, pole, 1.0))
            rate = 2.0 * np.pi * model.gbw
            inputs = [(("net", nets["inp"]), rate), (("net", nets["inn"]), -rate)]
            self.derivatives.append((len(self.states), inputs, -rate / model.gain))
            self.states.append(pole)
            return
        self._voltage(row, nets["inp"], 1.0)
        self._voltage(row, nets["inn"], -1.0)
        if not self.ideal:
            self._voltage(row, nets["out"], -1.0 / model.gain)

    def solve(self, outputs: list[str], name: str) -> StateSpace:
        """Eliminate the unknowns."""
        drives = {source: column for column, source in enumerate([*self.states, *self.inputs])}
        left = np.zeros((len(self.unknowns), len(self.unknowns)))
        right = np.zeros((len(self.unknowns), len(drives)))
        for row, column, value in self.left:
            left[row, column] += value
        for row, source, value in self.right:
            right[row, drives[source]] += value
        try:
            solved = np.asarray(np.linalg.solve(left, right), dtype=np.float64)
        except np.linalg.LinAlgError:
            raise DesignError(f"circuit {name}", "uniquely solvable", "a singular network") from None

        n = len(self.states)
        rates = np.zeros((n, len(drives)))
        for state, terms, decay in self.derivatives:
            for key, value in terms:
                if key != ("net", GROUND):
                    rates[state] += value * solved[self.unknowns[key]]
            rates[state, state] += decay
        rows = solved[[self.unknowns["net", net] for net in outputs]]
        return StateSpace(
            a=rates[:, :n],
            b=rates[:, n:],
            c=rows[:, :n],
            d=rows[:, n:],
            states=tuple(self.states),
            inputs=tuple(self.inputs),
            outputs=tuple(outputs),
        )

    def _row(self, kind: str, name: str) -> int:
        return self.unknowns.setdefault((kind, name), len(self.unknowns))

    def _voltage(self, row: int, net: str, value: float) -> None:
        if net != GROUND:
            self.left.append((row, self._row("net", net), value))

    def _branch(self, p: str, n: str, name: str) -> int:
        """A branch with a current of its own, which enters the current sums of its nets."""
        row = self._row("current", name)
        for net, sign in ((p, 1.0), (n, -1.0)):
            if net != GROUND:
                self.left.append((self._row("net", net), row, sign))
        return row

    def _conductance(self, p: str, n: str, siemens: float) -> None:
        for one, other in ((p, n), (n, p)):
            if one != GROUND:
                row = self._row("net", one)
                self._voltage(row, one, siemens)
                self._voltage(row, other, -siemens)
